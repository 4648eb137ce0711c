"""Layouts that name their axes: NXdata as DAWN and Savu write it, and lists of frames with motors (BLISS, ewoks)."""

import re
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from tsct.records.errors import InputError, nearest
from tsct.records.io import allowed_links, attributes, member, names_of, text_attribute, values

from .assembly import FRAME
from .hdf5_places import MOTOR_UNITS, Tables, array_at, at, groups, kind_of_axis, motor_table, turns

#: where a scan of BLISS keeps what was recorded for each frame
RECORDED = ("measurement", "instrument/positioners")
#: a scan as BLISS names it
_SCAN = re.compile(r"\d+\.\d+")
#: groups in which DAWN and Savu put what they are about, before any other
FIRST = ("/processed/result", "/entry/result")
#: readings of an angle that should be one differ by less, degrees or radians
STILL = 1e-3


def nxdata(handle: h5py.File, given: Mapping[str, Any], motors: Mapping[str, str]) -> Tables | None:
    """Tables for the first NXdata whose signal has three axes of more than one step, one of them Q or 2theta."""
    known = [group for path in FIRST if isinstance(group := at(handle, path), h5py.Group)]
    others = [group for group in groups(handle) if text_attribute(group, "NX_class") == "NXdata"]
    for group in [*known, *others]:
        signal = array_at(group, text_attribute(group, "signal") or "data")
        if signal is None or sum(size > 1 for size in signal.shape) != 3:
            continue
        names = _names_of_axes(group, signal.ndim)
        tables = _of_axes(group, signal, names, motors)
        if tables is not None:
            return tables
    return None


def _names_of_axes(group: h5py.Group, rank: int) -> list[list[str]]:
    """Names of the datasets along each axis: those of ``@axes``, then those with ``@NAME_indices``."""
    stated = attributes(group)
    axes = stated.get("axes", [])
    axes = axes if isinstance(axes, list) else re.split(r"[,:]", str(axes))
    names: list[list[str]] = [[] for _ in range(rank)]
    for i, name in enumerate(axes[:rank]):
        names[i] += [str(name)] if str(name) not in ("", ".") else []
    for key, index in stated.items():
        for i in np.ravel(index) if key.endswith("_indices") else ():
            if isinstance(i, int | np.integer) and 0 <= i < rank:
                names[int(i)].append(key.removesuffix("_indices"))
    return [list(dict.fromkeys(each)) for each in names]


def _of_axes(
    group: h5py.Group, signal: h5py.Dataset, names: list[list[str]], motors: Mapping[str, str]
) -> Tables | None:
    """Tables of a signal, if one axis is radial and the others can be told apart."""
    long = [i for i, size in enumerate(signal.shape) if size > 1]
    found: dict[str, tuple[int, str]] = {}
    for i in long:
        for name in names[i]:
            axis = array_at(group, name)
            if axis is None:
                continue
            chosen = next((kind for kind, motor in motors.items() if motor == name), None)
            kind = chosen or kind_of_axis(name, text_attribute(axis, "units", "unit"))
            if kind is not None and kind not in found and i not in [index for index, _ in found.values()]:
                found[kind] = (i, name)
    radial = next((kind for kind in ("q", "two_theta") if kind in found), None)
    if radial is None or not ({"angle", "translation"} & set(found)):
        return None
    for rest in set(long) - {index for index, _ in found.values()}:
        missing = next(kind for kind in MOTOR_UNITS if kind not in found)
        found[missing] = (rest, next((name for name in names[rest] if array_at(group, name) is not None), ""))
    if set(found) != {radial, *MOTOR_UNITS}:
        return None
    dims = [f"axis{i}" for i in range(signal.ndim)]
    for kind, (i, _) in found.items():
        dims[i] = kind
    select = {dim: 0 for dim in dims if dim not in found}
    tables: Tables = {"intensity": {"path": _inside(group, signal), "dims": dims, "select": select} | _units(signal)}
    for kind, (i, name) in found.items():
        if name:
            tables |= _axis_table(group, name, kind, i, dims)
    for name in ("errors", f"{signal.name.rsplit('/', 1)[-1]}_errors"):
        errors = array_at(group, name)
        if errors is not None and errors.shape == signal.shape:
            tables["intensity_errors"] = {"path": _inside(group, errors), "dims": dims, "select": select} | _units(
                signal
            )
    return tables


def _inside(group: h5py.Group, dataset: h5py.Dataset) -> str:
    return f"{group.name}/{str(dataset.name).rsplit('/', 1)[-1]}"


def _units(signal: h5py.Dataset) -> Tables:
    """A program that integrates and says no unit has made means of pixels, which are no counts."""
    return {} if text_attribute(signal, "units", "unit") else {"units": "counts/pixel"}


def _axis_table(group: h5py.Group, name: str, kind: str, index: int, dims: list[str]) -> Tables:
    """The table of an axis; a motor that was read for every frame becomes positions, or an angle that stays."""
    axis = member(group, name)
    assert isinstance(axis, h5py.Dataset)
    path = f"{group.name}/{name}"
    if axis.ndim == 1:
        return {kind: {"path": path}}
    over = dims[: axis.ndim] if axis.ndim < len(dims) else dims
    select = {dim: 0 for dim in over if dim.startswith("axis")}
    if kind == "translation":
        return {"positions": {"path": path, "dims": over, "select": select}}
    readings = np.asarray(values(axis), dtype=np.float64)
    spread = np.ptp(np.moveaxis(readings, index, 0).reshape(readings.shape[index], -1), axis=1).max()
    if spread > STILL:
        raise InputError(
            f"{group.file.filename}: {path} changes by {spread:.3g} within a view; fold the frames by their motors, "
            "see docs/your-beamline.md"
        )
    return {kind: {"path": path, "dims": over, "select": select | {dim: 0 for dim in over if dim != kind}}}


def frames_of_a_scan(handle: h5py.File, given: Mapping[str, Any], motors: Mapping[str, str]) -> Tables | None:
    """Tables for a scan of BLISS that ewoks integrated: intensity (frame, radial) and motors with as many values."""
    scans = [name for name in names_of(handle) if _SCAN.fullmatch(name)]
    scans = [name for name in scans if isinstance(at(handle, name), h5py.Group)]
    found = [(scan, *pattern) for scan in scans for pattern in _integrated(member(handle, scan))]
    if not found:
        return None
    if len(found) > 1:
        places = ", ".join(place for _, place, *_ in found)
        raise InputError(
            f"{handle.filename}: holds several lists of patterns ({places}); name one as path of [intensity] in a "
            f'mapping, with dims = ["{FRAME}", "q"]'
        )
    scan, place, radial, axis = found[0]
    signal = member(handle, f"{place}/intensity")
    assert isinstance(signal, h5py.Dataset)
    dims = [FRAME, axis]
    tables: Tables = {
        "intensity": {"path": f"{place}/intensity", "dims": dims} | _units(signal),
        axis: {"path": f"{place}/{radial}"},
        "process": place.rsplit("/", 1)[0],
    }
    errors = array_at(handle, f"{place}/intensity_errors", 2)
    if errors is not None:
        tables["intensity_errors"] = {"path": f"{place}/intensity_errors", "dims": dims} | _units(signal)
    chosen = _motors(handle, scan, len(signal), motors, given)
    for kind, path in chosen.items():
        dataset = member(handle, path)
        tables[kind] = motor_table(dataset, path, kind, given, f"the motor '{path}'")
    return tables


def _integrated(scan: h5py.Group) -> list[tuple[str, str, str]]:
    """Place, name of the radial axis and its kind, for each list of patterns of a scan."""
    found: list[tuple[str, str, str]] = []
    for name in names_of(scan):
        group = at(scan, f"{name}/integrated")
        if not isinstance(group, h5py.Group) or array_at(group, "intensity", 2) is None:
            continue
        for axis in names_of(group):
            kind = kind_of_axis(axis, None) if array_at(group, axis, 1) is not None else None
            if kind in ("q", "two_theta"):
                found.append((f"{scan.name}/{name}/integrated", axis, kind))
    return found


def _motors(
    handle: h5py.File, scan: str, number: int, motors: Mapping[str, str], given: Mapping[str, Any]
) -> dict[str, str]:
    """Paths of the motors that turn and move: as the user says, or else as the command of the scan names them."""
    recorded = _recorded(handle, scan, number)
    there = f"with a value for each of the {number} frames there are: {', '.join(recorded) or 'none'}"
    if not allowed_links() and _has_links(handle, scan):
        there += "; motors behind links to other files are read with --follow-links FOLDER"
    chosen = {}
    for kind, name in motors.items():
        if name not in recorded:
            raise InputError(f"{handle.filename}: scan {scan} has no '{name}'{nearest(name, recorded)}; {there}")
        chosen[kind] = recorded[name]
    open_ = [kind for kind in MOTOR_UNITS if kind not in chosen and not {"path", "linspace"} & set(given.get(kind, {}))]
    if not open_ or "fold" in given:
        return chosen
    words = re.split(r"[\s,()]+", _title(at(handle, f"{scan}/title")))
    moved = [name for name in dict.fromkeys(words) if name in recorded and recorded[name] not in chosen.values()]
    for kind in open_:
        fitting = [name for name in moved if turns(name) == (kind == "angle")]
        if len(open_) == 1 and len(moved) == 1:
            fitting = moved
        if len(fitting) != 1:
            raise InputError(
                f"{handle.filename}: which motor of scan {scan} {'turns' if kind == 'angle' else 'moves'} the sample? "
                f'Say so in a mapping, [{kind}] motor = "NAME"; {there}'
            )
        chosen[kind] = recorded[fitting[0]]
    return chosen


def _has_links(handle: h5py.File, scan: str) -> bool:
    for place in RECORDED:
        group = at(handle, f"{scan}/{place}")
        if isinstance(group, h5py.Group):
            for name in names_of(group):
                if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                    return True
    return False


def _title(node: Any) -> str:
    if not isinstance(node, h5py.Dataset) or node.shape != ():
        return ""
    return str(np.asarray(values(node)).item())


def _recorded(handle: h5py.File, scan: str, number: int) -> dict[str, str]:
    """Paths by name of what has a value for each frame."""
    found: dict[str, str] = {}
    for place in RECORDED:
        group = at(handle, f"{scan}/{place}")
        for name in names_of(group) if isinstance(group, h5py.Group) else ():
            dataset = array_at(group, name, 1)
            if dataset is not None and len(dataset) == number:
                found.setdefault(name, f"/{scan}/{place}/{name}")
    return found
