"""Which of the known layouts an HDF5 file of integrated patterns has, and where its quantities are."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tsct.records.errors import InputError

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
    try:
        with h5py.File(path, "r") as handle:
            for name, find in LAYOUTS.items():
                tables = find(handle)
                if tables is not None:
                    return name, tables
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file ({error})") from None
    return "unknown", {}


def _groups(handle: h5py.File) -> list[h5py.Group]:
    """All groups that are stored in the file itself."""
    found = [handle]
    handle.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Group) else None)
    return found


def _text(value: Any) -> str:
    if isinstance(value, h5py.Dataset):
        value = value[()] if value.shape == () else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _nxxrdct(handle: h5py.File) -> Tables | None:
    """Tables for an entry with definition NXxrdct: detector data (translation, rotation, radial)."""
    entries = [group for group in _groups(handle) if _text(group.attrs.get("definition", "")).lower() == "nxxrdct"]
    entry = entries[0] if entries else None
    if entry is None or "instrument/detector/data" not in entry:
        return None
    place = entry.name.rstrip("/")
    axis = entry.get("instrument/detector/radial_axis")
    is_angle = axis is not None and _text(axis.attrs.get("long_name", "q")).lower().startswith("2")
    radial = "two_theta" if is_angle else "q"
    tables: Tables = {
        "intensity": {"path": f"{place}/instrument/detector/data", "dims": ["translation", "angle", radial]},
        radial: {"path": f"{place}/instrument/detector/radial_axis"},
        "translation": {"path": f"{place}/sample/translation_values"},
        "angle": {"path": f"{place}/sample/rotation_angles"},
        "attrs": _entry_attrs(entry),
    }
    if "instrument/detector/data_errors" in entry:
        path = f"{place}/instrument/detector/data_errors"
        tables["intensity_errors"] = {"path": path, "dims": ["translation", "angle", radial]}
    if (monitor := entry.get("control/data")) is not None and monitor.ndim == 2:
        units = {} if "units" in monitor.attrs else {"units": "1"}
        tables["monitor"] = {"path": f"{place}/control/data", "dims": ["translation", "angle"], **units}
    if (through := entry.get("transmission/data")) is not None and through.ndim == 2:
        tables["transmission"] = {"path": f"{place}/transmission/data", "dims": ["translation", "angle"], "units": "1"}
    return tables


def _entry_attrs(entry: h5py.Group) -> Tables:
    """Energy in keV and what was corrected, from an NXxrdct or NXazint1d entry."""
    attrs: Tables = {}
    energy = entry.get("beam/incident_energy")
    if energy is not None and _text(energy.attrs.get("units", "")).lower() == "kev":
        attrs["energy_kev"] = float(np.asarray(energy[()]).ravel()[0])
    for name, flag in FLAGS.items():
        for place in (name, f"reduction/{name}"):
            if place in entry:
                attrs[flag] = bool(np.asarray(entry[place][()]).ravel()[0])
    return attrs


def _diffmap(handle: h5py.File) -> Tables | None:
    """Tables for a map of pyFAI: intensity (slow, fast, radial), normalised to one pixel."""
    for group in _groups(handle):
        radial = next((name for name in ("q", "2th") if name in group), None)
        if radial is None or not {"slow", "fast", "intensity"} <= set(group) or group["intensity"].ndim != 3:
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
        if "errors" in group:
            tables["intensity_errors"] = {"path": f"{place}/errors", "dims": dims, "units": "counts/pixel"}
        return tables
    return None


def _axes_of_motors(group: h5py.Group) -> tuple[str, str]:
    """Whether the slow motor turns or the fast one, as their names say."""
    names = [_text(group[motor].attrs.get("long_name", "")).lower() for motor in ("slow", "fast")]
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
        config = json.loads(_text(process["configuration/data"]))
    except (KeyError, TypeError, ValueError):
        return {}
    config = config.get("ai", config) if isinstance(config, Mapping) else {}
    attrs: Tables = {}
    if isinstance(config.get("do_solid_angle"), bool):
        attrs["solid_angle_applied"] = config["do_solid_angle"]
    if isinstance(config.get("do_polarization"), bool):
        attrs["polarization_applied"] = config["do_polarization"]
    wavelength = config.get("wavelength", (config.get("poni") or {}).get("wavelength"))
    if isinstance(wavelength, float) and wavelength > 0:
        attrs["wavelength_m"] = wavelength
    return attrs


def _ndtomo(handle: h5py.File) -> Tables | None:
    """Tables for nDTomo: sinograms ``/data`` (translation, angle, channel) and an axis at the root, without units."""
    data = handle.get("data")
    if not isinstance(data, h5py.Dataset) or data.ndim != 3:
        return None
    for name in (name for name in RADIAL if isinstance(handle.get(name), h5py.Dataset)):
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
