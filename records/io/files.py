"""Records in HDF5 files that are either complete or refused.

A file holds one or more records (labelled datasets), each an ``NXdata`` group below ``/entry``. It is written under a
temporary name beside its destination, marked complete and sealed as the last act, read back block by block, flushed to
disk and renamed.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from tsct.records.errors import InputError, ResourceError
from tsct.records.schema import VERSION, check_version

from .disk import DiskFile, check_room, replacing, write_text
from .seal import SEAL, seal_of
from .trial import settled_identity
from .untrusted import attributes, check_proportion, member, names_of, opened, values

__all__ = [
    "creating",
    "is_ours",
    "open_complete",
    "read_record",
    "replacing",
    "write_array",
    "write_records",
    "write_text",
]

#: the first version of the layout whose files are sealed
SEALED = 2
#: HDF5 1.10 is the first whose own structures carry checksums
LIBVER = ("v110", "v110")
#: size of the blocks in which data are stored and checked
_CHUNK_BYTES = 2**20
#: Fletcher-32 also holds for a block of zeros, and a lost block is one; so blocks pass through deflate, whose level 0
#: leaves them as they are between a header and an Adler-32 sum that is not zero
_CHECKED = {"fletcher32": True, "compression": "gzip", "compression_opts": 0}
#: attribute (JSON) of a dataset that is stored under another name, axis order or label than in its record
RECORD = "record"
_OF_THE_GROUP = ("NX_class", "signal", "axes", "interpretation", "title")


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
    Every block of data carries two checksums. Nothing is compressed: counts and volumes are mostly noise, which LZF
    shrinks by a third at a tenth of the speed.
    """
    check_room(path, sum(record.nbytes for record in records.values()))
    with creating(path) as handle:
        entry = handle.create_group("entry")
        entry.attrs.update(NX_class="NXentry", default=next(iter(records)))
        entry["title"] = title
        for name, record in records.items():
            group = entry.create_group(name)
            _describe(group, record)
            for key, array in record.variables.items():
                write_array(group, str(key), array, key in record.coords)
                handle.raise_failure()


class NewFile(h5py.File):  # type: ignore[misc]  # h5py has no types
    """A file that is being written; see :class:`tsct.records.io.disk.DiskFile` for what it does on a full disk."""

    def __init__(self, disk: DiskFile) -> None:
        # no blocks are held back until the file closes
        super().__init__(disk, "w", libver=LIBVER, rdcc_nbytes=0)
        self.raise_failure = disk.raise_failure


@contextmanager
def creating(path: Path) -> Iterator[NewFile]:
    """Yield a new NeXus file whose default entry is ``/entry``; it takes its name only when the block ends well.

    Raises
    ------
    ResourceError
        If the disk is full, at the next ``raise_failure()`` of the file or when the block ends.
    """
    with replacing(path) as temporary:
        with DiskFile(temporary) as disk:
            try:
                with NewFile(disk) as handle:
                    # of fixed length, so that HDF5's own checksum covers whose file it is
                    handle.attrs["creator"] = np.bytes_("tsct")
                    handle.attrs.update(
                        NX_class="NXroot",
                        default="entry",
                        creator_version=version("tsct"),
                        file_time=datetime.now(UTC).isoformat(timespec="seconds"),
                        schema=VERSION,
                    )
                    yield handle
                    handle.attrs["complete"] = True
                    handle.attrs[SEAL] = seal_of(handle)
            except OSError as error:
                disk.raise_failure()
                # errors of the system have a number, those of HDF5 have none
                if error.errno is None:
                    raise ResourceError(f"{path}: HDF5 could not write it ({error}); is the disk full?") from None
                raise
            finally:
                # what HDF5 stumbles over after a failure is its consequence
                disk.raise_failure()
        _read_back(temporary, path)


def _read_back(temporary: Path, path: Path) -> None:
    """Read everything once, so that each block's checksum is compared with what the disk has."""
    try:
        with h5py.File(temporary, "r") as handle:
            sound = handle.attrs[SEAL] == seal_of(handle)
            handle.visititems(_read_blocks)
    except (InputError, OSError, KeyError, RuntimeError):
        sound = False
    if not sound:
        raise ResourceError(f"{path}: the disk does not hold what was written to it, the file is not kept; is it full?")


def _read_blocks(name: str, node: h5py.Group | h5py.Dataset) -> None:
    if isinstance(node, h5py.Dataset) and node.chunks and node.size:
        for block in node.iter_chunks():
            node[block]


def _describe(group: h5py.Group, record: xr.Dataset) -> None:
    signal = next((str(name) for name, array in record.data_vars.items() if array.ndim), None)
    dims = record[signal].dims if signal else ()
    as_nxdata(group, signal, [str(dim) if dim in record.variables else "." for dim in dims], record.attrs)


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
    settings: dict[str, Any] = {"chunks": _chunks(held), **_CHECKED} if held.size and held.ndim else {}
    if held.dtype.kind in "UO":
        # of fixed length: text of any length is stored beside the blocks, where no checksum of HDF5 covers it
        held = np.char.encode(held.astype(str), "utf-8", "surrogateescape")
        held = held.astype(h5py.string_dtype("utf-8", max(1, held.dtype.itemsize)))
    elif settings and held.dtype.kind == "f":
        settings["fillvalue"] = np.nan
    dataset = group.create_dataset(name, data=held, **settings)
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
        if not isinstance(entry, h5py.Group):
            raise InputError(f"{path}: /entry is no group")
        name = str(attributes(entry).get("default")) if name is None else name
        if name not in entry:
            held = ", ".join(key for key in names_of(entry) if entry.get(key, getclass=True) is h5py.Group)
            raise InputError(f"{path}: no record '{name}'; the file holds {held}")
        try:
            group = member(entry, name)
            if not isinstance(group, h5py.Group):
                raise InputError(f"{path}: record '{name}' is no group")
            return _read_group(group)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{path}: record '{name}' is malformed ({error})") from None


def is_ours(path: Path) -> bool:
    """Whether an HDF5 file was written by tsct."""
    with opened(Path(path)) as handle:
        return bool(attributes(handle).get("creator") == "tsct")


#: files whose seal was found whole, as long as they stay the same
_WHOLE: set[tuple[int, ...]] = set()


@contextmanager
def open_complete(path: Path) -> Iterator[h5py.File]:
    """Open one of our HDF5 files for reading, refusing what is not whole."""
    with opened(path) as handle:
        held = attributes(handle)
        if held.get("complete") is not True:
            raise InputError(f"{path}: incomplete, or not written by tsct; make it again")
        check_version(held.get("schema"), str(path))
        if held["schema"] < SEALED:
            raise InputError(
                f"{path}: written by an older tsct (schema {held['schema']}), without a seal; make it again"
            )
        _check_seal(path, handle, held.get(SEAL))
        yield handle


def _check_seal(path: Path, handle: h5py.File, seal: Any) -> None:
    identity = settled_identity(path)
    if identity in _WHOLE:
        return
    if seal != seal_of(handle):
        raise InputError(f"{path}: damaged, or changed since it was written (its seal is broken); make it again")
    if identity is not None:
        _WHOLE.add(identity)


def _read_group(group: h5py.Group) -> xr.Dataset:
    nodes = {key: member(group, key) for key in names_of(group)}
    size = sum(
        node.size * node.dtype.itemsize for node in nodes.values() if isinstance(node, h5py.Dataset) and node.shape
    )
    check_proportion(size, Path(group.file.filename).stat().st_size, f"{group.file.filename}: {group.name}")
    coords: dict[str, xr.Variable] = {}
    variables: dict[str, xr.Variable] = {}
    for key, node in nodes.items():
        name, variable, is_coordinate = _read_variable(key, node)
        (coords if is_coordinate else variables)[name] = variable
    attrs = {k: _decoded(v) for k, v in attributes(group).items() if k not in _OF_THE_GROUP}
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def _read_variable(name: str, dataset: h5py.Dataset) -> tuple[str, xr.Variable, bool]:
    attrs = {key: _decoded(value) for key, value in attributes(dataset).items()}
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


def _decoded(value: Any) -> Any:
    """Tables and lists, which are stored as JSON."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value
