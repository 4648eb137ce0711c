"""Scans in the NXxrdct layout: one tomogram a file, as integrated XRD-CT data of a beamline are exchanged.

``/entry`` follows NXxrdct 1.0 (intensity over translation, rotation and radial axis); ``/entry/data`` links to all of
it under the names that viewers expect. Each dataset also knows its place in the in-memory scan, so that
:func:`tsct.records.io.files.read_record` gives back what was written. Counts are their own estimate of variance
(``error_model = poisson``); no correction has been applied to them, and ``/entry/reduction`` says so field by field.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from tsct.records.schema import SCAN, check
from tsct.records.units import wavelength_angstrom

from .files import RECORD, as_nxdata, creating, write_array

#: what is a dataset of the layout: name in the scan -> (place below /entry, name in /entry/data, attributes there)
_PLACES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "intensity": ("instrument/detector/data", "intensity", {"interpretation": "spectrum"}),
    "solid_angle": ("instrument/detector/solid_angle", "solid_angle", {}),
    "q": ("instrument/detector/radial_axis", "radial_axis", {"long_name": "q (1/Å)"}),
    "translation": ("sample/translation_values", "translation_values", {}),
    "angle": ("sample/rotation_angles", "rotation_angles", {}),
    "z_mm": ("sample/z_translation", "z_translation", {}),
    "potential_v": ("sample/potential", "potential", {}),
    "monitor": ("control/data", "monitor", {}),
    "transmission": ("transmission/transmission", "transmission", {"interpretation": "image"}),
    "polarization": ("reduction/polarization_factor", "polarization_factor", {}),
}
#: NXazint1d's answers to what has been done to the intensity
_APPLIED = (
    *("solid_angle", "polarization", "normalization", "monitor", "absorption", "compton", "background"),
    *("sensor_efficiency", "flat_field"),
)
_ORDER = ("translation", "angle", "q")


def write_scan(path: Path, scan: xr.Dataset, *, title: str = "") -> None:
    """Write one tomogram.

    Parameters
    ----------
    path : Path
        Destination; replaced only when everything is on disk.
    scan : xarray.Dataset
        Dims (angle, translation, q), as of :func:`tsct.simulate.scan.simulate_tile`.
    title : str
        Human-readable title.

    Raises
    ------
    InputError
        If a variable, dimension or unit is missing.
    """
    check(scan, SCAN, str(path))
    with creating(path) as handle:
        entry = handle.create_group("entry")
        entry.attrs.update(NX_class="NXentry", default="data", definition="NXxrdct", version=1.0)
        entry["definition"], entry["title"] = "NXxrdct", title
        describe(entry, scan.attrs)
        entry.create_group("transmission")
        data = entry.create_group("data")
        as_nxdata(data, "intensity", ["translation_values", "rotation_angles", "radial_axis"], scan.attrs)
        for name, variable in scan.variables.items():
            _store(entry, data, str(name), variable, name in scan.coords)
        _link_transmission(entry)


def describe(entry: h5py.Group, known: Mapping[str, Any]) -> None:
    """Groups of the layout, and in them what the attributes of the scan tell."""
    for path, nx_class in (
        ("instrument", "NXinstrument"),
        ("instrument/detector", "NXdetector"),
        ("instrument/source", "NXsource"),
        ("instrument/monochromator", "NXmonochromator"),
        ("beam", "NXbeam"),
        ("sample", "NXsample"),
        ("control", "NXmonitor"),
        ("reduction", "NXprocess"),
    ):
        entry.create_group(path).attrs["NX_class"] = nx_class
    fields = {
        "entry_identifier": (known.get("entry_identifier"), None),
        "instrument/name": (known.get("instrument"), None),
        "instrument/source/probe": ("x-ray", None),
        "instrument/detector/description": (known.get("detector"), None),
        "instrument/detector/sensor_material": (known.get("sensor_material"), None),
        "instrument/detector/sensor_thickness": (known.get("sensor_mm"), "mm"),
        "instrument/detector/distance": (known.get("distance_mm"), "mm"),
        "instrument/detector/x_pixel_size": (known.get("pixel_mm"), "mm"),
        "instrument/detector/y_pixel_size": (known.get("pixel_mm"), "mm"),
        "instrument/detector/count_time": (known.get("exposure_s"), "s"),
        "beam/incident_energy": (known.get("energy_kev"), "keV"),
        "sample/chemical_formula": (known.get("sample_composition"), None),
        "control/mode": ("monitor", None),
        "reduction/program": (known.get("program", "tsct"), None),
        "reduction/version": (version("tsct"), None),
        "reduction/error_model": ("poisson", None),
    }
    if known.get("energy_kev"):
        fields["instrument/monochromator/wavelength"] = (wavelength_angstrom(known["energy_kev"]), "angstrom")
    for path, (value, units) in fields.items():
        if value is not None:
            entry[path] = value
            if units:
                entry[path].attrs["units"] = units
    for name in _APPLIED:
        entry[f"reduction/{name}_applied"] = False


def _store(entry: h5py.Group, data: h5py.Group, name: str, variable: xr.Variable, is_coordinate: bool) -> None:
    """One variable at its place in the layout, linked into the data group."""
    place, alias, extra = _PLACES.get(name, (f"data/{name}", name, {}))
    dims = [str(dim) for dim in variable.dims]
    attrs = {key: value.item() if isinstance(value, np.generic) else value for key, value in variable.attrs.items()}
    told = json.dumps({"name": name, "dims": dims, "attrs": attrs})
    stored = variable.transpose(*(dim for dim in _ORDER if dim in dims))
    stored.attrs = {**attrs, **extra, RECORD: told}
    parent, _, leaf = place.rpartition("/")
    dataset = write_array(entry[parent], leaf, stored, is_coordinate)
    if parent != "data":
        # a NeXus link: the same object under another name, which says where it belongs
        dataset.attrs["target"] = dataset.name
        data[alias] = dataset


def _link_transmission(entry: h5py.Group) -> None:
    axes = ["translation_values", "rotation_angles"]
    as_nxdata(entry["transmission"], "transmission", axes, {})
    for axis in axes:
        entry[f"transmission/{axis}"] = entry[f"sample/{axis}"]
