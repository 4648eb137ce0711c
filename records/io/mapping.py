"""Any HDF5 layout, read through a small TOML file that says where each quantity is.

One table for each variable or coordinate of the record, named as in the record::

    [intensity]
    path = "/entry/data/intensity"              # where it is in the file
    dims = ["translation", "angle", "q"]        # the axes of the file, in the order of the file
    units = "counts"                            # needed if the dataset has no attribute "units"

    [q]                                         # an axis: one value for each step along the dimension of its name
    path = "/entry/data/radial_axis"

    [angle]
    linspace = [0.0, 178.0, 90]                 # or evenly spaced: first, last, number; or: value = 1.0 or a list
    units = "deg"

    [attrs]                                     # what the file does not say
    energy_kev = 100.0

Optional keys of a table: ``select = { state = 3 }`` takes one index along a dimension that the record lacks, and
``scale = 2.0`` multiplies the values, ``normalise = "max"`` divides them by the largest, as for counts behind the
sample that are to be a transmission. Several files, such as one for each view, are stacked along one axis.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import permutations
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError, TsctWarning, nearest
from tsct.records.toml import as_toml, read_toml
from tsct.records.units import unit_factor

from .stacking import stacked
from .untrusted import ElsewhereError, member, opened, sound, text_attribute
from .untrusted import values as all_values

#: keys of a table that say where values come from; exactly one is given
SOURCES = ("path", "value", "linspace")
Wanted = Mapping[str, tuple[tuple[str, ...], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where one quantity is and what it means.

    Parameters
    ----------
    path : str, optional
        Of the dataset in the file.
    value : number or list of numbers, optional
        A constant instead.
    linspace : (first, last, number), optional
        Evenly spaced values instead.
    dims : tuple of str, optional
        Axes in the order of the file. A one-dimensional quantity without dims lies along the dimension of its own name.
    units : str, optional
        Of the values in the file.
    select : mapping of str to int
        Index along dims that are dropped.
    scale : float
        Factor on the values.
    normalise : {"max"}, optional
        Divide the values by the largest one, which makes them pure numbers.
    """

    path: str | None = None
    value: Any = None
    linspace: tuple[float, float, int] | None = None
    dims: tuple[str, ...] | None = None
    units: str | None = None
    select: Mapping[str, int] = field(default_factory=dict)
    scale: float = 1.0
    normalise: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """Where the quantities of a record are in a file.

    Parameters
    ----------
    entries : mapping of str to Entry
        By the name of the variable or coordinate.
    attrs : mapping
        Attributes of the record.
    source : str
        What errors call this mapping.
    """

    entries: Mapping[str, Entry]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    source: str = "mapping"


def load_mapping(path: str | Path) -> FileMapping:
    """Read a mapping from a TOML file.

    Raises
    ------
    InputError
        If the file cannot be read, a key is unknown, or a table has neither or both of path and value.
    """
    return parse_mapping(load_tables(path), source=str(path))


def load_tables(path: str | Path) -> dict[str, Any]:
    """The tables of a TOML file as they are; raises :class:`InputError` if it cannot be read."""
    return read_toml(Path(path))


def parse_mapping(table: Mapping[str, Any], *, source: str = "mapping") -> FileMapping:
    """A mapping from nested tables, such as TOML gives; raises like :func:`load_mapping`."""
    attrs = table.get("attrs", {})
    if not isinstance(attrs, Mapping):
        raise InputError(f"{source}: [attrs] must be a table of constants")
    entries = {name: _entry(name, value, source) for name, value in table.items() if name != "attrs"}
    if not entries:
        raise InputError(f"{source}: names no quantity; write a table such as [intensity] with path, dims and units")
    return FileMapping(entries=entries, attrs=dict(attrs), source=source)


def _entry(name: str, table: Any, source: str) -> Entry:
    if not isinstance(table, Mapping):
        raise InputError(f"{source}: '{name}' must be a table [{name}]; constants of the record go below [attrs]")
    known = [item.name for item in fields(Entry)]
    for key in table:
        if key not in known:
            raise InputError(f"{source}: [{name}] has an unknown key '{key}'{nearest(key, known)}")
    if sum(key in table for key in SOURCES) != 1:
        raise InputError(f"{source}: [{name}] needs one of path (a place in the file), value (a constant) and linspace")
    _check_types(name, table, source)
    dims = table.get("dims")
    return Entry(**{**table, "dims": None if dims is None else tuple(dims), "scale": float(table.get("scale", 1.0))})


def _check_types(name: str, table: Mapping[str, Any], source: str) -> None:
    def is_number(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    dims, select, even = table.get("dims", []), table.get("select", {}), table.get("linspace", [0, 1, 2])
    sound = {
        "path": isinstance(table.get("path", ""), str),
        "units": isinstance(table.get("units", ""), str),
        "scale": is_number(table.get("scale", 1.0)),
        "normalise": table.get("normalise", "max") == "max",
        "linspace": isinstance(even, list | tuple)
        and len(even) == 3
        and all(map(is_number, even))
        and type(even[2]) is int
        and 0 < even[2] <= 10**7,
        "dims": isinstance(dims, list | tuple)
        and all(isinstance(d, str) for d in dims)
        and len(set(dims)) == len(dims),
        "select": isinstance(select, Mapping)
        and all(type(i) is int for i in select.values())
        and set(select) <= {*dims},
    }
    for key, good in sound.items():
        if not good:
            raise InputError(
                f"{source}: [{name}] {key} = {as_toml(table[key])} cannot be used; path and units are text, scale a "
                "number, linspace first, last and number, dims a list of different names, select a table of names and "
                'indices, normalise "max"'
            )


def read_mapped(
    path: str | Path | Sequence[Path], mapping: FileMapping, wanted: Wanted | None = None, stack: str = "angle"
) -> xr.Dataset:
    """Read a file through a mapping.

    Parameters
    ----------
    path : str, pathlib.Path or sequence of pathlib.Path
        The HDF5 file; nothing outside of it is read but what links may lead to. Several files are stacked.
    mapping : FileMapping
        Where everything is.
    wanted : mapping of str to (dims, units), optional
        Order of the last dims and units of some variables and coordinates, which are transposed and converted. Those
        that the mapping does not name are left out; :func:`tsct.records.schema.check` tells which were needed.
    stack : str
        The axis along which several files are stacked, see :func:`tsct.records.io.stacking.stacked`.

    Returns
    -------
    xarray.Dataset
        Every variable with ``attrs["units"]``; what is named like a dimension is a coordinate.

    Raises
    ------
    InputError
        If the file or a dataset is missing or not numeric, a unit is missing or measures something else, or the lengths
        of the axes contradict each other.
    ResourceError
        If a dataset does not fit in the memory.

    Warns
    -----
    TsctWarning
        If the unit in the file is not that of the mapping, which is used.
    """
    files = [Path(path)] if isinstance(path, str | Path) else list(path)
    path = files[0] if len(files) == 1 else files[0].parent
    each = [_arrays(file, mapping) for file in files]
    constant = frozenset(name for name, entry in mapping.entries.items() if entry.path is None)
    arrays = dict(each[0] if len(each) == 1 else stacked(each, files, stack, constant))
    for name, entry in mapping.entries.items():
        if entry.normalise is not None:
            arrays[name] = _normalised(arrays[name], name, path)
    _check_lengths(arrays, path, mapping.source)
    for name, (dims, units) in (wanted or {}).items():
        if name in arrays:
            arrays[name] = _arranged(_converted(arrays[name], name, units, path), name, dims, path)
    axes = {dim for array in arrays.values() for dim in array.dims}
    coords = {name: array for name, array in arrays.items() if name in axes}
    variables = {name: array for name, array in arrays.items() if name not in axes}
    return xr.Dataset(variables, coords=coords, attrs=dict(mapping.attrs))


def _arrays(path: Path, mapping: FileMapping) -> dict[str, xr.Variable]:
    with opened(path) as handle:
        return {name: _read(handle, path, name, entry, mapping) for name, entry in mapping.entries.items()}


def _normalised(array: xr.Variable, name: str, path: Path) -> xr.Variable:
    largest = np.nanmax(array.values) if np.isfinite(array.values).any() else np.nan
    if not largest > 0:
        raise InputError(f"{path}: '{name}' holds no positive number, by which it could be normalised")
    return xr.Variable(array.dims, array.values / largest, {**array.attrs, "units": "1"})


def _dataset(handle: h5py.File, place: str, path: Path, name: str) -> h5py.Dataset:
    """The dataset at a place, if it is numeric; the error otherwise names what the file holds."""
    try:
        found = member(handle, place)
    except ElsewhereError:
        raise
    except InputError as error:
        held = _datasets(handle)
        raise InputError(f"{error}, wanted for '{name}'{nearest(place, held)}; datasets: {_some(held)}") from None
    with sound(handle, place):
        if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf":
            kind = found.dtype if isinstance(found, h5py.Dataset) else "a group"
            raise InputError(f"{path}: '{place}' for '{name}' holds {kind}, not numbers")
    return found


def _datasets(handle: h5py.File) -> list[str]:
    found: list[str] = []

    def visit(place: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf":
            found.append(f"/{place}")
        return True if len(found) >= 200 else None

    with sound(handle):
        handle.visititems(visit)
    return found


def _some(places: list[str], number: int = 6) -> str:
    more = f" and {len(places) - number} more" if len(places) > number else ""
    return ", ".join(places[:number]) + more if places else "no numeric dataset"


def _read(handle: h5py.File, path: Path, name: str, entry: Entry, mapping: FileMapping) -> xr.Variable:
    if entry.linspace is not None:
        values, stated = np.linspace(*entry.linspace), None
    elif entry.path is None:
        values, stated = np.asarray(entry.value), None
        if values.dtype.kind not in "biuf":
            raise InputError(
                f"{mapping.source}: [{name}] value = {as_toml(entry.value)} is not a number or a list of numbers"
            )
    else:
        dataset = _dataset(handle, entry.path, path, name)
        values, stated = all_values(dataset), stated_units(dataset)
    values = np.asarray(values)
    dims = _dims(name, values, entry, path, mapping)
    units = _units(name, entry, stated, path, mapping)
    if entry.scale != 1.0:
        values = values * entry.scale
    array = xr.Variable(dims, values, {"units": units})
    for dim, index in entry.select.items():
        if not -array.sizes[dim] <= index < array.sizes[dim]:
            raise InputError(f"{path}: '{name}' has {array.sizes[dim]} steps along '{dim}', none is number {index}")
    return array.isel(entry.select)


def stated_units(dataset: h5py.Dataset) -> str | None:
    """The unit that a dataset states about itself, as ``units`` or, in the manner of pyFAI, ``unit``."""
    return text_attribute(dataset, "units", "unit")


def _dims(name: str, values: NDArray[Any], entry: Entry, path: Path, mapping: FileMapping) -> tuple[str, ...]:
    if entry.dims is None and values.ndim <= 1:
        return (name,)[: values.ndim]
    if entry.dims is None or len(entry.dims) != values.ndim:
        given = "none" if entry.dims is None else f"{len(entry.dims)}"
        raise InputError(
            f"{path}: '{name}' has {values.ndim} axes, shape {values.shape}, and {mapping.source} names {given}; "
            f"write [{name}] dims with one name for each axis, in the order of the file"
        )
    return entry.dims


def _units(name: str, entry: Entry, stated: str | None, path: Path, mapping: FileMapping) -> str:
    if entry.units is None and entry.normalise is not None:
        return "1"
    if entry.units is None and stated is None:
        raise InputError(f"{path}: '{name}' states no units; add units to [{name}] in {mapping.source}")
    if entry.units is None:
        return str(stated)
    if stated is not None and unit_factor(stated, entry.units) != 1.0:
        warnings.warn(
            f"{path}: '{name}' states units '{stated}' but {mapping.source} says '{entry.units}', which is used",
            TsctWarning,
            stacklevel=5,
        )
    return entry.units


def _check_lengths(arrays: Mapping[str, xr.Variable], path: Path, source: str) -> None:
    """Refuse axes of different lengths under one name, and say so where another order of the axes would fit."""
    lengths = {name: array.size for name, array in arrays.items() if array.dims == (name,)}
    told_by = {name: f"the axis '{name}'" for name in lengths}
    for name, array in arrays.items():
        for dim, length in array.sizes.items():
            key = str(dim)
            if lengths.setdefault(key, length) != length:
                raise InputError(
                    f"{path}: '{name}' has shape {array.shape} for dims ({', '.join(map(str, array.dims))}), but "
                    f"{told_by[key]} has {lengths[key]} steps along '{key}'{_other_order(array, lengths, source)}"
                )
            told_by.setdefault(key, f"'{name}'")


def _other_order(array: xr.Variable, lengths: Mapping[str, int], source: str) -> str:
    fits = [
        order
        for order in permutations(map(str, array.dims))
        if all(lengths.get(dim, size) == size for dim, size in zip(order, array.shape, strict=True))
    ]
    if not fits:
        return "; the file holds parts of different scans, or a dim is misnamed"
    return f"; the axes may be transposed: ({', '.join(fits[0])}) would fit, change dims in {source}"


def _converted(array: xr.Variable, name: str, units: str, path: Path) -> xr.Variable:
    factor = unit_factor(array.attrs["units"], units)
    if factor is None:
        raise InputError(f"{path}: '{name}' is in '{array.attrs['units']}', which cannot be turned into '{units}'")
    values = array.values if factor == 1.0 else array.values * factor
    return xr.Variable(array.dims, values, {**array.attrs, "units": units})


def _arranged(array: xr.Variable, name: str, dims: tuple[str, ...], path: Path) -> xr.Variable:
    missing = [dim for dim in dims if dim not in array.dims]
    if missing and array.ndim:
        held = ", ".join(map(str, array.dims))
        raise InputError(f"{path}: '{name}' has dims ({held}), expected ({', '.join(dims)})")
    return array.transpose(..., *dims) if array.ndim else array
