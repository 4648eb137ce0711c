"""Records in HDF5 files that are either complete or refused.

A file holds one or more records (labelled datasets), each an ``NXdata`` group below ``/entry``. It is written under a
temporary name beside its destination, marked complete as the last act, flushed to disk and renamed.
"""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from tsct.records.errors import InputError
from tsct.records.schema import VERSION, check_version

from .untrusted import attributes, member, names_of, opened, values

#: HDF5 1.10 is the first whose own structures carry checksums
LIBVER = ("v110", "v110")
#: size of the blocks in which data are stored and checked
_CHUNK_BYTES = 2**20
#: attribute (JSON) of a dataset that is stored under another name, axis order or label than in its record
RECORD = "record"
_OF_THE_GROUP = ("NX_class", "signal", "axes", "interpretation", "title")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` only when the block ends without an error."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp-{socket.gethostname()}-{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file so that it appears whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_records(path: Path, records: Mapping[str, xr.Dataset], *, title: str = "") -> None:
    """Write labelled datasets to one HDF5 file.

    Parameters
    ----------
    path : Path
        Destination; replaced only when everything is on disk.
    records : mapping of str to xarray.Dataset
        One group ``/entry/<name>`` each; the first is what a NeXus viewer opens.
    title : str
        Human-readable title of the entry.

    Notes
    -----
    Every block of data carries a checksum. Nothing is compressed: counts and volumes are mostly noise, which LZF
    shrinks by a third at a tenth of the speed.
    """
    with creating(path) as handle:
        entry = handle.create_group("entry")
        entry.attrs.update(NX_class="NXentry", default=next(iter(records)))
        entry["title"] = title
        for name, record in records.items():
            _write_record(entry.create_group(name), record)


@contextmanager
def creating(path: Path) -> Iterator[h5py.File]:
    """Yield a new NeXus file whose default entry is ``/entry``; it takes its name only when the block ends well."""
    with replacing(path) as temporary, h5py.File(temporary, "w", libver=LIBVER) as handle:
        handle.attrs.update(
            NX_class="NXroot",
            default="entry",
            creator="tsct",
            creator_version=version("tsct"),
            file_time=datetime.now(UTC).isoformat(timespec="seconds"),
            schema=VERSION,
        )
        yield handle
        handle.attrs["complete"] = True


def _write_record(group: h5py.Group, record: xr.Dataset) -> None:
    signal = next((str(name) for name, array in record.data_vars.items() if array.ndim), None)
    dims = record[signal].dims if signal else ()
    as_nxdata(group, signal, [str(dim) if dim in record.variables else "." for dim in dims], record.attrs)
    for name, array in record.variables.items():
        write_array(group, str(name), array, name in record.coords)


def as_nxdata(group: h5py.Group, signal: str | None, axes: list[str], attrs: Mapping[Any, Any]) -> None:
    """Make a group what a NeXus viewer plots, and keep the attributes of a record with it."""
    group.attrs["NX_class"] = "NXdata"
    if signal is not None:
        group.attrs["signal"] = signal
        group.attrs["axes"] = axes
        group.attrs["interpretation"] = "spectrum"
    for key, value in attrs.items():
        group.attrs[key] = json.dumps(value) if isinstance(value, dict | list | tuple) else value


def write_array(group: h5py.Group, name: str, array: xr.Variable, is_coordinate: bool) -> h5py.Dataset:
    """Write one variable of a record."""
    held = np.asarray(array.values)
    if held.dtype.kind in "UO":
        dataset = group.create_dataset(name, data=held.astype(object), dtype=h5py.string_dtype())
    else:
        checked = {"chunks": _chunks(held), "fletcher32": True} if held.size and held.ndim else {}
        dataset = group.create_dataset(name, data=held, **checked)
    dataset.attrs["dims"] = np.array([str(dim) for dim in array.dims], dtype=h5py.string_dtype())
    dataset.attrs["coordinate"] = is_coordinate
    for key, value in array.attrs.items():
        dataset.attrs[key] = value
    return dataset


def _chunks(array: np.ndarray) -> tuple[int, ...]:
    """Blocks of whole rows of about a megabyte: the leading dimensions are cut first."""
    chunks = list(array.shape)
    for axis, length in enumerate(array.shape):
        chunks[axis] = max(1, min(length, _CHUNK_BYTES * length // max(1, int(np.prod(chunks)) * array.itemsize)))
        if chunks[axis] > 1:
            break
    return tuple(chunks)


def read_record(path: Path, name: str | None = None) -> xr.Dataset:
    """Read one labelled dataset from a file written by :func:`write_records`.

    Parameters
    ----------
    path : Path
        The HDF5 file.
    name : str, optional
        Which record; the file's default one if omitted.

    Raises
    ------
    InputError
        If the file is missing, unreadable, incomplete, of a newer schema, or does not hold the record.
    """
    with open_complete(path) as handle:
        entry = member(handle, "entry")
        name = str(attributes(entry).get("default")) if name is None else name
        if name not in entry:
            held = ", ".join(key for key in names_of(entry) if entry.get(key, getclass=True) is h5py.Group)
            raise InputError(f"{path}: no record '{name}'; the file holds {held}")
        try:
            return _read_group(member(entry, name))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{path}: record '{name}' is malformed ({error})") from None


@contextmanager
def open_complete(path: Path) -> Iterator[h5py.File]:
    """Open one of our HDF5 files for reading, refusing what is not whole."""
    with opened(path) as handle:
        held = attributes(handle)
        if not held.get("complete", False):
            raise InputError(f"{path}: incomplete, or not written by tsct; make it again")
        check_version(held.get("schema"), str(path))
        yield handle


def _read_group(group: h5py.Group) -> xr.Dataset:
    coords: dict[str, xr.Variable] = {}
    variables: dict[str, xr.Variable] = {}
    for key in names_of(group):
        name, variable, is_coordinate = _read_variable(key, member(group, key))
        (coords if is_coordinate else variables)[name] = variable
    attrs = {k: _plain(v) for k, v in attributes(group).items() if k not in _OF_THE_GROUP}
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def _read_variable(name: str, dataset: h5py.Dataset) -> tuple[str, xr.Variable, bool]:
    attrs = {key: _plain(value) for key, value in attributes(dataset).items()}
    if not {"dims", "coordinate"} <= attrs.keys():
        raise InputError(f"{dataset.file.filename}: {dataset.name} has no attributes 'dims' and 'coordinate'")
    dims = attrs.pop("dims")
    is_coordinate = attrs.pop("coordinate")
    variable = xr.Variable(dims, values(dataset), attrs)
    if RECORD not in attrs:
        return name, variable, is_coordinate
    told = attrs[RECORD]
    inner = np.asarray(variable.transpose(*told["dims"]).values, order="C")
    return told["name"], xr.Variable(told["dims"], inner, told["attrs"]), is_coordinate


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, str) and value[:1] in "{[":
        return json.loads(value)
    return value
