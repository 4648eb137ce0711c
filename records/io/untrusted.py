"""HDF5 files that somebody else made: they are data, and may neither reach outside themselves nor fill the memory.

A link may lead to another file, a dataset may be stored in another file or claim more bytes than there are, a filter
may load foreign code, metadata may make the HDF5 library loop for ever. A file is opened by :func:`opened`, which has a
child process walk through it first. Everything that is read passes through :func:`member`, :func:`attributes` and
:func:`values`, which follow a path one link at a time, also the paths to the sources of a virtual dataset; what leads
to another file is decided in one place, :func:`_elsewhere`: it is refused, unless
:func:`tsct.records.io.links.following_links` names a folder that holds that file. Other parts of the file are never
touched, so that a file of a beamline with links to its raw data can still be read.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, ResourceError
from tsct.records.resources import memory_bytes

from .blocks import check_blocks
from .links import allowed_links
from .trial import walk_first

#: soft links that may follow one another
MAX_HOPS = 8
#: names in one group, and attributes of one object
MAX_MEMBERS = 10_000
MAX_RANK = 8
#: one attribute, and the text of one dataset
MAX_ATTRIBUTE_BYTES, MAX_TEXT_BYTES = 2**20, 2**26
#: above this many bytes a dataset may not be larger than so many times what is stored of it
BOMB_BYTES, BOMB_RATIO = 2**26, 200
_NUMBERS_AND_TEXT = "iufbSUO"


class OutOfProportionError(InputError):
    """An attribute or text out of all proportion."""


class ElsewhereError(InputError):
    """What is looked for lies in another file."""


@contextmanager
def sound(node: h5py.Group | h5py.Dataset, path: str = "") -> Iterator[None]:
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
        If there is no regular file, it is not HDF5, or the HDF5 library does not come to an end with it.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise InputError(f"{path}: {'no such file' if not path.exists() else error.strerror}") from None
    # a pipe would block for ever
    if not stat.S_ISREG(mode):
        raise InputError(f"{path}: not a regular file")
    walk_first(path)
    try:
        handle = h5py.File(path, "r", locking="best-effort")
    except (OSError, RuntimeError, ValueError) as error:
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
    with sound(group, path):
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
        elif isinstance(link, h5py.ExternalLink):
            if not hops:
                raise InputError(f"{where}: more than {MAX_HOPS} links in a row; is it a circle?")
            there = _elsewhere(here, link.filename, f"{where}: '{name}' is a link to")
            here = _followed(there["/"], link.path, hops - 1)
        elif link is not None:
            raise InputError(f"{where}: '{name}' is a link of an unknown kind; copy the data into this file")
        else:
            raise InputError(f"{where}: there is no '{name}'{_held(here)}")
    return here


def _elsewhere(node: h5py.Group | h5py.Dataset, name: str, where: str) -> h5py.File:
    """The other file that a link or a virtual dataset names: refused, unless links to it may be followed."""
    links = allowed_links()
    if links is None:
        raise ElsewhereError(
            f"{where} another file; copy the data into this one, or follow links below a folder of yours with "
            "--follow-links FOLDER"
        )
    path = links.place(Path(node.file.filename), name, where)
    if path not in links.files:
        links.files[path] = links.stack.enter_context(opened(path))
    return links.files[path]


def _held(node: Any) -> str:
    if not isinstance(node, h5py.Group):
        return ""
    names = list(names_of(node))
    return f"; found {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}" if names else ""


def names_of(group: h5py.Group) -> Iterator[str]:
    """Names of a group's members, refusing a group that holds absurdly many."""
    with sound(group):
        _check_number(group, len(group), "names")
        names = list(group.keys())
    yield from names


def attributes(node: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """Attributes as text, plain numbers and lists of these, refusing absurdly many and absurdly large ones."""
    with sound(node):
        _check_number(node, len(node.attrs), "attributes")
        return {name: _plain(_attribute(node, name)) for name in node.attrs}


def text_attribute(node: h5py.Group | h5py.Dataset, *names: str) -> str | None:
    """The first of some attributes that is text, or an array of one text as some writers make it; None if none is."""
    known = attributes(node)
    for name in names:
        value = known.get(name)
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()] if value.ndim else _plain(value.item())
    return value.item() if isinstance(value, np.generic) else value


def _attribute(node: h5py.Group | h5py.Dataset, name: str) -> Any:
    stored = node.attrs.get_id(name)
    size = int(np.prod(stored.shape or (), dtype=object)) * stored.get_type().get_size()
    _check_amount(node, f"attribute '{name}'", size, MAX_ATTRIBUTE_BYTES)
    value = node.attrs[name]
    # of text of any length only references are stored in place
    _check_amount(node, f"attribute '{name}'", _text_bytes(value), MAX_ATTRIBUTE_BYTES)
    return value


def _text_bytes(value: Any) -> int:
    """Bytes of text, or of lists of numbers, wherever they are stored."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return sum(item.nbytes if isinstance(item, np.ndarray) else _text_bytes(item) for item in value.ravel())
    # a reference to another part of the file
    return 0


def _check_amount(node: h5py.Group | h5py.Dataset, what: str, size: int, allowed: int) -> None:
    if size > allowed:
        where = f"{node.file.filename}: {node.name}"
        raise OutOfProportionError(f"{where} has {what} of {size / 1e6:.3g} MB; allowed are {allowed / 1e6:.3g} MB")


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
    with sound(dataset):
        if h5py.check_string_dtype(dataset.dtype):
            text = np.asarray(dataset.asstr()[()], dtype=object)
            _check_amount(dataset, "text", _text_bytes(text), MAX_TEXT_BYTES)
            return text.astype(str)
        return _assembled(dataset) if _is_spread(dataset) else dataset[()]


def part(dataset: h5py.Dataset, where: Any) -> Any:
    """Some of a dataset's numbers, after :func:`check_dataset`; raises :class:`InputError` if they cannot be read."""
    with sound(dataset):
        return _assembled(dataset)[where] if _is_spread(dataset) else dataset[where]


def _is_spread(dataset: h5py.Dataset) -> bool:
    """Whether a dataset is virtual with sources in other files."""
    return bool(dataset.is_virtual) and any(source.file_name != "." for source in dataset.virtual_sources())


def _assembled(dataset: h5py.Dataset) -> NDArray[Any]:
    """The numbers of a virtual dataset, read source by source.

    HDF5 would look for the files itself, in more places than were checked, and takes what is missing for zero.
    """
    numbers = np.full(dataset.shape, dataset.fillvalue, dtype=dataset.dtype)
    for piece in dataset.virtual_sources():
        source = _source(dataset, piece.file_name, piece.dset_name)
        # of a source that is taken whole, the shape is not known before its file is open
        is_whole = piece.src_space.get_select_type() == h5py.h5s.SEL_ALL
        source.id.read(piece.vspace, source.id.get_space() if is_whole else piece.src_space, numbers)
    return numbers


def check_dataset(dataset: h5py.Group | h5py.Dataset) -> None:
    """Refuse a dataset that :func:`values` would refuse, before any of it is read."""
    with sound(dataset):
        _check_dataset(dataset, f"{dataset.file.filename}: {dataset.name}")


def _check_dataset(dataset: h5py.Group | h5py.Dataset, where: str) -> None:
    _check_kind(dataset, where)
    origins = _origins(dataset, where)
    for origin in origins:
        _check_kind(origin, where)
        check_blocks(origin, where)
    stored = sum(int(origin.id.get_storage_size()) for origin in origins)
    check_proportion(int(dataset.size) * dataset.dtype.itemsize, stored, where)


def _check_kind(dataset: h5py.Group | h5py.Dataset, where: str) -> None:
    if not isinstance(dataset, h5py.Dataset):
        raise InputError(f"{where} is a {'group' if isinstance(dataset, h5py.Group) else 'type'}; a dataset is needed")
    if dataset.external is not None:
        raise ElsewhereError(f"{where} is stored in another file; copy the data into this one")
    text = h5py.check_string_dtype(dataset.dtype) is not None
    if dataset.dtype.kind not in _NUMBERS_AND_TEXT or (dataset.dtype.kind == "O" and not text):
        raise InputError(f"{where} holds {dataset.dtype}; numbers or text are needed")
    if dataset.shape is None:
        raise InputError(f"{where} is empty")
    if len(dataset.shape) > MAX_RANK:
        raise InputError(f"{where} has {len(dataset.shape)} dimensions; allowed are {MAX_RANK}")


def _origins(dataset: h5py.Dataset, where: str) -> list[h5py.Dataset]:
    """Where the numbers of a dataset are stored: itself, or what a virtual one leads to, followed link by link."""
    origins: dict[tuple[str, int], h5py.Dataset] = {}
    waiting: list[Any] = [dataset]
    virtual: set[tuple[str, int]] = set()
    while waiting:
        node = waiting.pop()
        address = (node.file.filename, h5py.h5o.get_info(node.id).addr)
        if not isinstance(node, h5py.Dataset) or not node.is_virtual:
            origins[address] = node
            continue
        if address in virtual or len(virtual) == MAX_HOPS:
            raise InputError(f"{where} leads through a virtual dataset twice, or through more than {MAX_HOPS}")
        virtual.add(address)
        waiting += _sources(node, where)
    return list(origins.values())


def _sources(dataset: h5py.Dataset, where: str) -> list[Any]:
    """What a virtual dataset names, in this file or in others that may be read."""
    places = {(source.file_name, source.dset_name) for source in dataset.virtual_sources()}
    _check_number(dataset, len(places), "sources")
    for name in (name for place in places for name in place):
        # HDF5 puts numbers for some of them, so that the name is not that of what is read
        if "%" in name:
            raise InputError(f"{where} takes its numbers from '{name}', a pattern of names; copy the data")
    sources = [_source(dataset, *place) for place in sorted(places)]
    virtual = [source for source in sources if isinstance(source, h5py.Dataset) and source.is_virtual]
    if allowed_links() and any(_is_spread(each) for each in ([dataset, *virtual] if virtual else [])):
        raise InputError(f"{where} leads through virtual datasets of several files; copy the data into this one")
    return sources


def _source(dataset: h5py.Dataset, file_name: str, place: str) -> h5py.Group | h5py.Dataset:
    where = f"{dataset.file.filename}: {dataset.name} is stored in"
    handle = dataset.file if file_name == "." else _elsewhere(dataset, file_name, where)
    return _followed(handle["/"], place, MAX_HOPS)


def check_proportion(size: int, stored: int, where: str) -> None:
    """Refuse what holds far more than is stored of it, or more than there is memory."""
    if size > BOMB_BYTES and size > BOMB_RATIO * stored:
        raise InputError(f"{where} claims {size / 1e9:.3g} GB but {stored / 1e6:.3g} MB are stored; refused")
    if size > (free := memory_bytes()):
        raise ResourceError(f"{where} holds {size / 1e9:.3g} GB but {free / 1e9:.3g} GB of memory are free")
