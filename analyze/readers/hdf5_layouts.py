"""Which of the known layouts an HDF5 file of integrated patterns has, and where its quantities are."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tsct.records.errors import InputError
from tsct.records.io import member, names_of, opened, text_attribute, values
from tsct.records.units import unit_factor

Tables = dict[str, Any]

#: words in the name of a motor that turns
TURNS = ("rot", "omega", "phi", "theta", "angle", "rz")
#: radial axes of pyFAI and nDTomo that can be used, and the coordinate that they are here
RADIAL = {"q": "q", "2th": "two_theta", "twotheta": "two_theta", "tth": "two_theta"}
#: what a file says about itself: name of its flag (NXazint1d) and of ours
FLAGS = {
    "monitor_applied": "monitor_applied",
    "normalization_applied": "monitor_applied",
    "absorption_applied": "transmission_applied",
    "transmission_applied": "transmission_applied",
    "solid_angle_applied": "solid_angle_applied",
    "polarization_applied": "polarization_applied",
    "efficiency_applied": "efficiency_applied",
    "sensor_efficiency_applied": "efficiency_applied",
    "background_applied": "background_subtracted",
    "background_subtracted": "background_subtracted",
}


def known_layout(path: Path) -> tuple[str, Tables]:
    """Name of the layout of a file and the tables of its mapping, which may lack what the file does not say.

    Known are NXxrdct, the maps of pyFAI (diffmap) and volumes of nDTomo.

    Raises
    ------
    InputError
        If the file is not HDF5.
    """
    with opened(path) as handle:
        for name, find in LAYOUTS.items():
            tables = find(handle)
            if tables is not None:
                return name, tables
    return "unknown", {}


def _groups(handle: h5py.File) -> list[h5py.Group]:
    """All groups that are stored in the file itself, to three levels below the root."""
    found, layer = [handle], [handle]
    for _ in range(3):
        below = [member(group, name) for group in layer for name in names_of(group) if _is_stored_group(group, name)]
        found, layer = found + below, below
    return found


def _is_stored_group(group: h5py.Group, name: str) -> bool:
    return isinstance(group.get(name, getlink=True), h5py.HardLink) and isinstance(_at(group, name), h5py.Group)


def _at(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset | None:
    """What a path leads to inside the file, or nothing; a dataset of a type that numpy lacks is nothing."""
    try:
        node = member(group, path)
        return node if isinstance(node, h5py.Group) or node.dtype else None
    except (InputError, TypeError, AttributeError):
        return None


def _number(group: h5py.Group, path: str) -> float | None:
    """A single number, or the first of several that are equal."""
    found = _at(group, path)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf" or not found.size:
        return None
    numbers = np.asarray(values(found)).ravel()
    return float(numbers[0]) if np.all(numbers == numbers[0]) else None


def _text(value: Any) -> str:
    if isinstance(value, h5py.Dataset):
        value = np.asarray(values(value)).item() if value.shape == () else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _nxxrdct(handle: h5py.File) -> Tables | None:
    """Tables for an entry with definition NXxrdct: detector data (translation, rotation, radial)."""
    entries = [group for group in _groups(handle) if (text_attribute(group, "definition") or "").lower() == "nxxrdct"]
    if not entries or _at(entries[0], "instrument/detector/data") is None:
        return None
    entry, place = entries[0], entries[0].name.rstrip("/")
    axis = _at(entry, "instrument/detector/radial_axis")
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
        found = _at(entry, path)
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
        ("sensor_mm", "instrument/detector/sensor_thickness", "mm"),
    ):
        value, node = _number(entry, path), _at(entry, path)
        factor = None if node is None else unit_factor(text_attribute(node, "units", "unit") or "", units)
        if value is not None and factor is not None:
            attrs[name] = value * factor
    for name, path in (
        ("sensor_material", "instrument/detector/sensor_material"),
        ("sample_composition", "sample/chemical_formula"),
    ):
        if (words := _at(entry, path)) is not None:
            attrs[name] = _text(words)
    for name, flag in FLAGS.items():
        for path in (name, f"reduction/{name}"):
            if (value := _number(entry, path)) is not None:
                attrs[flag] = attrs.get(flag, False) or bool(value)
    return attrs


def _diffmap(handle: h5py.File) -> Tables | None:
    """Tables for a map of pyFAI: intensity (slow, fast, radial), normalised to one pixel."""
    for group in _groups(handle):
        held = set(names_of(group))
        radial = next((name for name in ("q", "2th") if name in held), None)
        if radial is None or not {"slow", "fast", "intensity"} <= held:
            continue
        place, axis = group.name, RADIAL[radial]
        slow, fast = _axes_of_motors(group)
        dims = [slow, fast, axis]
        tables: Tables = {
            "intensity": {"path": f"{place}/intensity", "dims": dims, "units": "counts/pixel"},
            axis: {"path": f"{place}/{radial}"},
            slow: {"path": f"{place}/slow"},
            fast: {"path": f"{place}/fast"},
            "attrs": _pyfai_attrs(group.parent),
        }
        if "errors" in held:
            tables["intensity_errors"] = {"path": f"{place}/errors", "dims": dims, "units": "counts/pixel"}
        return tables
    return None


def _axes_of_motors(group: h5py.Group) -> tuple[str, str]:
    """Whether the slow motor turns or the fast one, as their names say."""
    names = [(text_attribute(member(group, motor), "long_name") or "").lower() for motor in ("slow", "fast")]
    turns = [any(word in name for word in TURNS) for name in names]
    if turns == [True, False]:
        return "angle", "translation"
    if turns == [False, True]:
        return "translation", "angle"
    raise InputError(
        f"{group.file.filename}: a map of pyFAI whose motors are called '{names[0]}' (slow) and '{names[1]}' (fast); "
        "which one turns? Say so in a mapping with dims for [intensity] and paths for [angle] and [translation]"
    )


def _pyfai_attrs(process: h5py.Group) -> Tables:
    """What the configuration of pyFAI says about corrections and wavelength."""
    try:
        config = json.loads(_text(member(process, "configuration/data")))
    except (InputError, ValueError, RecursionError):
        return {}
    config = config.get("ai", config) if isinstance(config, Mapping) else {}
    config = config if isinstance(config, Mapping) else {}
    attrs: Tables = {}
    if isinstance(config.get("do_solid_angle"), bool):
        attrs["solid_angle_applied"] = config["do_solid_angle"]
    if isinstance(config.get("do_polarization"), bool):
        attrs["polarization_applied"] = config["do_polarization"]
    poni = config.get("poni")
    wavelength = config.get("wavelength", poni.get("wavelength") if isinstance(poni, Mapping) else None)
    if isinstance(wavelength, float) and wavelength > 0:
        attrs["wavelength_m"] = wavelength
    return attrs


def _ndtomo(handle: h5py.File) -> Tables | None:
    """Tables for nDTomo: sinograms ``/data`` (translation, angle, channel) and an axis at the root, without units."""
    data = _at(handle, "data")
    if not isinstance(data, h5py.Dataset) or data.ndim != 3:
        return None
    for name in (name for name in RADIAL if isinstance(_at(handle, name), h5py.Dataset)):
        axis = RADIAL[name]
        return {
            "intensity": {"path": "/data", "dims": ["translation", "angle", axis]},
            axis: {"path": f"/{name}", "dims": [axis]},
        }
    return None


LAYOUTS: Mapping[str, Callable[[h5py.File], Tables | None]] = {
    "NXxrdct": _nxxrdct,
    "pyFAI diffmap": _diffmap,
    "nDTomo": _ndtomo,
}
