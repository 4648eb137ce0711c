"""Which of the known layouts an HDF5 file of integrated patterns has, and where its quantities are."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import h5py

from tsct.records.errors import InputError
from tsct.records.io import member, names_of, opened, text_attribute
from tsct.records.units import HC_KEV_ANGSTROM, unit_factor

from .hdf5_places import RADIAL, Tables, array_at, at, groups, motor_table, number, refuse_volume, text, turns
from .listed_layouts import frames_of_a_scan, nxdata

#: what a file says about itself: name of its flag (NXazint1d) and of ours; its normalization_applied is that of the
#: pixels of a bin, not of the beam
FLAGS = {
    "monitor_applied": "monitor_applied",
    "absorption_applied": "transmission_applied",
    "transmission_applied": "transmission_applied",
    "solid_angle_applied": "solid_angle_applied",
    "polarization_applied": "polarization_applied",
    "efficiency_applied": "efficiency_applied",
    "sensor_efficiency_applied": "efficiency_applied",
    "background_applied": "background_subtracted",
    "background_subtracted": "background_subtracted",
}


def known_layout(
    path: Path, given: Mapping[str, Any] | None = None, motors: Mapping[str, str] | None = None
) -> tuple[str, Tables]:
    """Name of the layout of a file and the tables of its mapping, which may lack what the file does not say.

    Parameters
    ----------
    path : pathlib.Path
        HDF5 file.
    given : mapping, optional
        What the user's mapping says, so that nothing is assumed that it states.
    motors : mapping of str to str, optional
        Names of the motors of the axes ``angle`` and ``translation``.

    Raises
    ------
    InputError
        If the file is not HDF5, holds a volume instead of a scan, or has no motor of that name.
    """
    given, motors = given or {}, motors or {}
    with opened(path) as handle:
        for name, find in LAYOUTS.items():
            tables = find(handle, given, motors)
            if tables is not None:
                return name, tables
    return "unknown", {}


def _nxxrdct(handle: h5py.File, given: Mapping[str, Any], motors: Mapping[str, str]) -> Tables | None:
    """Tables for an entry with definition NXxrdct: detector data (translation, rotation, radial)."""
    entries = [group for group in groups(handle) if (text_attribute(group, "definition") or "").lower() == "nxxrdct"]
    if not entries or at(entries[0], "instrument/detector/data") is None:
        return None
    entry, place = entries[0], entries[0].name.rstrip("/")
    axis = at(entry, "instrument/detector/radial_axis")
    is_angle = axis is not None and (text_attribute(axis, "long_name") or "q").lower().startswith("2")
    radial = "two_theta" if is_angle else "q"
    axes = {"translation": "sample/translation_values", "angle": "sample/rotation_angles"}
    axes[radial] = "instrument/detector/radial_axis"
    tables: Tables = {name: {"path": f"{place}/{path}"} for name, path in axes.items()}
    rays = ["translation", "angle"]
    for name, path, dims in (
        ("intensity", "instrument/detector/data", [*rays, radial]),
        ("intensity_errors", "instrument/detector/data_errors", [*rays, radial]),
        ("monitor", "control/data", rays),
        ("transmission", "transmission/transmission", rays),
        ("transmission", "transmission/data", rays),
        ("solid_angle", "instrument/detector/solid_angle", [radial]),
        ("polarization", "reduction/polarization_factor", [radial]),
    ):
        found = at(entry, path)
        if isinstance(found, h5py.Dataset) and found.ndim == len(dims):
            tables[name] = {"path": f"{place}/{path}", "dims": dims} | _pure(found, name)
    return tables | {"attrs": entry_attrs(entry)}


def _pure(dataset: h5py.Dataset, name: str) -> Tables:
    """Units of what has none by its nature, where the file leaves them out."""
    stated = text_attribute(dataset, "units", "unit")
    return {"units": "1"} if name in ("monitor", "transmission", "polarization") and not stated else {}


def entry_attrs(entry: h5py.Group) -> Tables:
    """Energy, sensor and composition of an NXxrdct or NXazint1d entry, and what was corrected."""
    attrs: Tables = {}
    for name, path, units in (
        ("energy_kev", "beam/incident_energy", "keV"),
        ("energy_kev", "instrument/monochromator/energy", "keV"),
        ("wavelength_m", "instrument/monochromator/wavelength", "m"),
        ("sensor_mm", "instrument/detector/sensor_thickness", "mm"),
    ):
        value, node = number(entry, path), at(entry, path)
        factor = None if node is None else unit_factor(text_attribute(node, "units", "unit") or "", units)
        if value is not None and factor is not None:
            attrs.setdefault(name, value * factor)
    if (metres := attrs.pop("wavelength_m", 0.0)) > 0:
        attrs.setdefault("energy_kev", HC_KEV_ANGSTROM / (1e10 * metres))
    for name, path in (
        ("sensor_material", "instrument/detector/sensor_material"),
        ("sample_composition", "sample/chemical_formula"),
    ):
        if (words := at(entry, path)) is not None:
            attrs[name] = text(words)
    for name, flag in FLAGS.items():
        for path in (name, f"reduction/{name}"):
            if (value := number(entry, path)) is not None:
                attrs[flag] = attrs.get(flag, False) or bool(value)
    return attrs


def _diffmap(handle: h5py.File, given: Mapping[str, Any], motors: Mapping[str, str]) -> Tables | None:
    """Tables for a map of pyFAI: intensity (slow, fast, radial), normalised to one pixel."""
    for group in groups(handle):
        held = set(names_of(group))
        radial = next((name for name in ("q", "2th") if name in held), None)
        if radial is None or not {"slow", "fast", "intensity"} <= held:
            continue
        place, axis = group.name, RADIAL[radial]
        names = {motor: _motor_name(group, motor) for motor in ("slow", "fast")}
        slow, fast = _axes_of_motors(handle, names, motors)
        dims = [slow, fast, axis]
        tables: Tables = {
            "intensity": {"path": f"{place}/intensity", "dims": dims, "units": "counts/pixel"},
            axis: {"path": f"{place}/{radial}"},
            "attrs": pyfai_attrs(group.parent),
        }
        for motor, name in (("slow", slow), ("fast", fast)):
            label = f"the {motor} motor '{names[motor]}'"
            tables[name] = motor_table(member(group, motor), f"{place}/{motor}", name, given, label)
        if "errors" in held:
            tables["intensity_errors"] = {"path": f"{place}/errors", "dims": dims, "units": "counts/pixel"}
        return tables
    return None


def _motor_name(group: h5py.Group, motor: str) -> str:
    return (text_attribute(member(group, motor), "long_name") or motor).lower()


def _axes_of_motors(handle: h5py.File, names: Mapping[str, str], motors: Mapping[str, str]) -> tuple[str, str]:
    """Whether the slow motor turns or the fast one, as the user or their names say."""
    for axis, other in (("angle", "translation"), ("translation", "angle")):
        wanted = motors.get(axis, "").lower()
        if wanted and wanted not in (*names, *names.values()):
            raise InputError(
                f"{handle.filename}: a map of pyFAI has no motor '{wanted}'; its motors are "
                + " and ".join(
                    f"slow ('{name}')" if motor == "slow" else f"fast ('{name}')" for motor, name in names.items()
                )
            )
        if wanted in ("slow", names["slow"]):
            return axis, other
        if wanted:
            return other, axis
    turning = [turns(name) for name in names.values()]
    if turning == [True, False]:
        return "angle", "translation"
    if turning == [False, True]:
        return "translation", "angle"
    raise InputError(
        f"{handle.filename}: a map of pyFAI whose motors are called '{names['slow']}' (slow) and '{names['fast']}' "
        '(fast); which one turns? Say so in a mapping: [angle] motor = "slow" or "fast"'
    )


def pyfai_attrs(process: h5py.Group) -> Tables:
    """What the configuration of pyFAI or ewoks says about corrections and the photon energy."""
    try:
        config = json.loads(text(member(process, "configuration/data")))
    except (InputError, ValueError, RecursionError):
        return {}
    levels = [config, *(config.get(key) for key in ("ai", "poni"))] if isinstance(config, Mapping) else []
    stated: dict[str, Any] = {}
    for level in levels:
        stated |= level if isinstance(level, Mapping) else {}
    attrs: Tables = {}
    for name, keys in (
        ("solid_angle_applied", ("correct_solid_angle", "do_solid_angle")),
        ("polarization_applied", ("do_polarization",)),
    ):
        flags = [stated[key] for key in keys if isinstance(stated.get(key), bool)]
        attrs |= {name: flags[0]} if flags else {}
    description = stated.get("polarization_description")
    if isinstance(description, list) and description:
        attrs["polarization_applied"] = description[0] is not None
    wavelength, energy = stated.get("wavelength"), stated.get("energy")
    if isinstance(wavelength, float) and wavelength > 0:
        attrs["wavelength_m"] = wavelength
    elif isinstance(energy, int | float) and energy > 0:
        attrs["energy_kev"] = energy
    return attrs


def _ndtomo(handle: h5py.File, given: Mapping[str, Any], motors: Mapping[str, str]) -> Tables | None:
    """Tables for sinograms of nDTomo and the Battery Imaging Library: (translation, angle, channel), axis at the root.

    Counts behind the sample, where the file has them, become the transmission.
    """
    for path in ("sinograms", "data"):
        data = array_at(handle, path, 3)
        name = next((name for name in RADIAL if array_at(handle, name, 1) is not None), None)
        if data is None or name is None:
            continue
        refuse_volume(data)
        axis = RADIAL[name]
        tables: Tables = {
            "intensity": {"path": f"/{path}", "dims": ["translation", "angle", axis]},
            axis: {"path": f"/{name}", "dims": [axis]} | _usual_units(handle, name),
        }
        absorption = array_at(handle, "sinogram_absct", 2)
        if absorption is not None:
            tables["transmission"] = {"path": "/sinogram_absct", "dims": ["translation", "angle"], "normalise": "max"}
        return tables
    return None


def _usual_units(handle: h5py.File, name: str) -> Tables:
    """Q without a unit is in 1/angstrom throughout nDTomo; angles say theirs nowhere."""
    stated = text_attribute(member(handle, name), "units", "unit")
    return {"units": "1/angstrom"} if RADIAL[name] == "q" and not stated else {}


def _nxdata(handle: h5py.File, given: Mapping[str, Any], motors: Mapping[str, str]) -> Tables | None:
    tables = nxdata(handle, given, motors)
    if tables is not None:
        entry = at(handle, str(PurePosixPath(tables["intensity"]["path"]).parent.parent))
        tables["attrs"] = entry_attrs(entry) if isinstance(entry, h5py.Group) else {}
    return tables


def _ewoks(handle: h5py.File, given: Mapping[str, Any], motors: Mapping[str, str]) -> Tables | None:
    tables = frames_of_a_scan(handle, given, motors)
    if tables is not None:
        process = at(handle, tables.pop("process"))
        tables["attrs"] = pyfai_attrs(process) if isinstance(process, h5py.Group) else {}
    return tables


#: by which layouts are known, in the order in which they are tried
LAYOUTS: Mapping[str, Callable[[h5py.File, Mapping[str, Any], Mapping[str, str]], Tables | None]] = {
    "NXxrdct": _nxxrdct,
    "pyFAI diffmap": _diffmap,
    "nDTomo": _ndtomo,
    "ewoks": _ewoks,
    "DAWN or Savu": _nxdata,
}
