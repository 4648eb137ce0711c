"""HDF5 files that somebody else made: they are data, and may neither reach outside themselves nor fill the memory.

A link may lead to another file, a dataset may be stored in another file or claim more bytes than there are, a filter
may load foreign code. Everything that is read passes through :func:`member` and :func:`values`, which follow a path
one link at a time. Other parts of the file are never touched, so that a file of a beamline with links to its raw data
can still be read.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tsct.records.errors import InputError, ResourceError
from tsct.records.resources import memory_bytes

#: soft links that may follow one another
MAX_HOPS = 8
#: names in one group, and attributes of one object
MAX_MEMBERS = 10_000
MAX_RANK = 8
MAX_CHUNK_BYTES = 2**28
#: above this many bytes a dataset may not be larger than so many times what is stored of it
BOMB_BYTES, BOMB_RATIO = 2**26, 200
#: filters that belong to HDF5 or h5py: deflate, shuffle, fletcher32, szip, nbit, scale-offset, lzf
_BUILT_IN = {1, 2, 3, 4, 5, 6, 32000}
#: filters that come with hdf5plugin: blosc, lz4, bitshuffle, zstd, blosc2
_PLUGIN = {32001, 32004, 32008, 32015, 32026}
_NUMBERS_AND_TEXT = "iufbSUO"


@contextmanager
def _sound(node: h5py.Group | h5py.Dataset, path: str = "") -> Iterator[None]:
    """Turn what HDF5 and h5py raise over damaged bytes into an error that names the file."""
    try:
        yield
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, OverflowError, SystemError) as error:
        where = f"{node.file.filename}: {path or node.name}"
        raise InputError(f"{where} cannot be read, the file is damaged or of an unknown kind ({error})") from None


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading.

    Raises
    ------
    InputError
        If there is no regular file, or it is not HDF5.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise InputError(f"{path}: {'no such file' if not path.exists() else error.strerror}") from None
    # a pipe would block for ever
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: not a regular file")
    try:
        handle = h5py.File(path, "r", locking="best-effort")
    except OSError as error:
        raise InputError(f"{path}: not a readable HDF5 file ({error})") from None
    with handle:
        yield handle


def member(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset:
    """What a path inside the file leads to.

    Parameters
    ----------
    group : h5py.Group
        Where a relative path starts.
    path : str
        Names separated by slashes; absolute if it begins with one.

    Raises
    ------
    InputError
        If nothing is there, or a link on the way leads out of the file or in a circle.
    """
    with _sound(group, path):
        return _followed(group, path, MAX_HOPS)


def _followed(group: h5py.Group, path: str, hops: int) -> h5py.Group | h5py.Dataset:
    here = group.file["/"] if path.startswith("/") else group
    for name in (part for part in path.split("/") if part not in ("", ".")):
        where = f"{group.file.filename}: {path}"
        link = here.get(name, getlink=True) if isinstance(here, h5py.Group) and name in here.keys() else None  # noqa: SIM118
        if isinstance(link, h5py.HardLink):
            here = here[name]
        elif isinstance(link, h5py.SoftLink):
            if not hops:
                raise InputError(f"{where}: more than {MAX_HOPS} links in a row; is it a circle?")
            here = _followed(here, link.path, hops - 1)
        elif link is not None:
            raise InputError(f"{where}: '{name}' is a link to another file; copy the data into this one")
        else:
            raise InputError(f"{where}: there is no '{name}'{_held(here)}")
    return here


def _held(node: Any) -> str:
    if not isinstance(node, h5py.Group):
        return ""
    names = list(names_of(node))
    return f"; found {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}" if names else ""


def names_of(group: h5py.Group) -> Iterator[str]:
    """Names of a group's members, refusing a group that holds absurdly many."""
    with _sound(group):
        _check_number(group, len(group), "names")
        names = list(group.keys())
    yield from names


def attributes(node: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """Attributes of a group or dataset as text, plain numbers and lists of these, refusing absurdly many."""
    with _sound(node):
        _check_number(node, len(node.attrs), "attributes")
        return {name: _plain(value) for name, value in node.attrs.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()] if value.ndim else _plain(value.item())
    return value.item() if isinstance(value, np.generic) else value


def _check_number(node: h5py.Group | h5py.Dataset, number: int, what: str) -> None:
    if number > MAX_MEMBERS:
        raise InputError(f"{node.file.filename}: {node.name} has {number} {what}; allowed are {MAX_MEMBERS}")


def values(dataset: h5py.Group | h5py.Dataset) -> Any:
    """Everything that a dataset holds; text becomes an array of str.

    Raises
    ------
    InputError
        If it is a group, is stored elsewhere, is not numbers or text, or its size is out of proportion.
    ResourceError
        If it does not fit in the memory.
    """
    check_dataset(dataset)
    with _sound(dataset):
        if h5py.check_string_dtype(dataset.dtype):
            return np.asarray(dataset.asstr()[()]).astype(str)
        return dataset[()]


def check_dataset(dataset: h5py.Group | h5py.Dataset) -> None:
    """Refuse a dataset that :func:`values` would refuse, before any of it is read."""
    with _sound(dataset):
        _check_dataset(dataset, f"{dataset.file.filename}: {dataset.name}")


def _check_dataset(dataset: h5py.Group | h5py.Dataset, where: str) -> None:
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{where} is a group; a dataset is needed")
    if dataset.external is not None or _virtual_from_elsewhere(dataset):
        raise InputError(f"{where} is stored in another file; copy the data into this one")
    text = h5py.check_string_dtype(dataset.dtype) is not None
    if dataset.dtype.kind not in _NUMBERS_AND_TEXT or (dataset.dtype.kind == "O" and not text):
        raise InputError(f"{where} holds {dataset.dtype}; numbers or text are needed")
    if len(dataset.shape or ()) > MAX_RANK:
        raise InputError(f"{where} has {len(dataset.shape)} dimensions; allowed are {MAX_RANK}")
    _check_size(dataset, where)
    _check_filters(dataset, where)


def _virtual_from_elsewhere(dataset: h5py.Dataset) -> bool:
    return dataset.is_virtual and any(source.file_name != "." for source in dataset.virtual_sources())


def _check_size(dataset: h5py.Dataset, where: str) -> None:
    size, stored = int(dataset.nbytes), int(dataset.id.get_storage_size())
    chunk = int(np.prod(dataset.chunks)) * dataset.dtype.itemsize if dataset.chunks else 0
    if chunk > MAX_CHUNK_BYTES:
        raise InputError(f"{where} has chunks of {chunk / 1e6:.0f} MB; allowed are {MAX_CHUNK_BYTES / 1e6:.0f}")
    if size > BOMB_BYTES and not dataset.is_virtual and size > BOMB_RATIO * stored:
        raise InputError(f"{where} claims {size / 1e9:.3g} GB but {stored / 1e6:.3g} MB are stored; refused")
    if size > (free := memory_bytes()):
        raise ResourceError(f"{where} holds {size / 1e9:.3g} GB but {free / 1e9:.3g} GB of memory are free")


def _check_filters(dataset: h5py.Dataset, where: str) -> None:
    plist = dataset.id.get_create_plist()
    for filter_id in (plist.get_filter(i)[0] for i in range(plist.get_nfilters())):
        if filter_id in _BUILT_IN:
            continue
        if filter_id not in _PLUGIN:
            raise InputError(f"{where} is compressed with the unknown filter {filter_id}; save it with gzip")
        try:
            import hdf5plugin  # noqa: F401
        except ImportError:
            raise InputError(f"{where} is compressed with filter {filter_id}: pip install hdf5plugin") from None
