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

from .errors import InputError

SCHEMA = 1
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
    Nothing is compressed: counts and volumes are mostly noise, which LZF shrinks by a third at a tenth of the speed.
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
    with replacing(path) as temporary, h5py.File(temporary, "w") as handle:
        handle.attrs.update(
            NX_class="NXroot",
            default="entry",
            creator="tsct",
            creator_version=version("tsct"),
            file_time=datetime.now(UTC).isoformat(timespec="seconds"),
            schema=SCHEMA,
        )
        yield handle
        handle.attrs["complete"] = True


def _write_record(group: h5py.Group, record: xr.Dataset) -> None:
    group.attrs["NX_class"] = "NXdata"
    signal = next((str(name) for name, array in record.data_vars.items() if array.ndim), None)
    if signal is not None:
        group.attrs["signal"] = signal
        group.attrs["axes"] = [str(dim) if dim in record.variables else "." for dim in record[signal].dims]
        group.attrs["interpretation"] = "spectrum"
    for key, value in record.attrs.items():
        group.attrs[key] = json.dumps(value) if isinstance(value, dict | list | tuple) else value
    for name, array in record.variables.items():
        dataset = _write_array(group, str(name), array)
        dataset.attrs["coordinate"] = name in record.coords


def _write_array(group: h5py.Group, name: str, array: xr.Variable) -> h5py.Dataset:
    values = np.asarray(array.values)
    if values.dtype.kind in "UO":
        dataset = group.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype())
    else:
        dataset = group.create_dataset(name, data=values)
    dataset.attrs["dims"] = np.array([str(dim) for dim in array.dims], dtype=h5py.string_dtype())
    for key, value in array.attrs.items():
        dataset.attrs[key] = value
    return dataset


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
        entry = handle["entry"]
        name = str(entry.attrs["default"]) if name is None else name
        if name not in entry:
            held = ", ".join(key for key in entry if isinstance(entry[key], h5py.Group))
            raise InputError(f"{path}: no record '{name}'; the file holds {held}")
        return _read_group(entry[name])


@contextmanager
def open_complete(path: Path) -> Iterator[h5py.File]:
    """Open one of our HDF5 files for reading, refusing what is not whole."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file" if not path.exists() else f"{path}: not a regular file")
    try:
        handle = h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file ({error})") from None
    with handle:
        if not handle.attrs.get("complete", False):
            raise InputError(f"{path}: incomplete, or not written by tsct; make it again")
        if int(handle.attrs.get("schema", 0)) > SCHEMA:
            raise InputError(f"{path}: written by a newer tsct (schema {handle.attrs['schema']}); upgrade tsct")
        yield handle


def _read_group(group: h5py.Group) -> xr.Dataset:
    coords: dict[str, xr.Variable] = {}
    variables: dict[str, xr.Variable] = {}
    for key, dataset in group.items():
        name, variable, is_coordinate = _read_variable(key, dataset)
        (coords if is_coordinate else variables)[name] = variable
    attrs = {k: _plain(v) for k, v in group.attrs.items() if k not in _OF_THE_GROUP}
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def _read_variable(name: str, dataset: h5py.Dataset) -> tuple[str, xr.Variable, bool]:
    attrs = {key: _plain(value) for key, value in dataset.attrs.items()}
    dims = attrs.pop("dims")
    is_coordinate = attrs.pop("coordinate")
    is_text = h5py.check_string_dtype(dataset.dtype)
    values = np.asarray(dataset.asstr()[()]).astype(str) if is_text else dataset[()]
    variable = xr.Variable(dims, values, attrs)
    if RECORD not in attrs:
        return name, variable, is_coordinate
    told = attrs[RECORD]
    inner = np.ascontiguousarray(variable.transpose(*told["dims"]).values)
    return told["name"], xr.Variable(told["dims"], inner, told["attrs"]), is_coordinate


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, str) and value[:1] in "{[":
        return json.loads(value)
    return value
