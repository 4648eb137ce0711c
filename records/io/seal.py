"""A checksum over what the checksums of HDF5 leave out: names, types, shapes, attributes, text and single numbers.

Blocks of data carry sums of their own, which HDF5 compares whenever it reads them. The seal is a SHA-256 over
everything else, in an order that does not depend on how the file was made, and over how many blocks there are: HDF5
gives the fill value for a block that was never written.
"""

import hashlib
import json
from collections.abc import Iterator
from math import ceil, prod
from typing import Any

import h5py
import numpy as np

from tsct.records.errors import InputError

from .untrusted import attributes, names_of, sound, values

#: attribute of the root that holds the seal
SEAL = "seal"


def seal_of(handle: h5py.File) -> str:
    """Seal of an open file.

    Parameters
    ----------
    handle : h5py.File
        Its own attribute :data:`SEAL` does not count.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    InputError
        If a block is missing, or something is not what a file of ours holds.
    """
    digest = hashlib.sha256()
    with sound(handle):
        _add_all(digest, handle)
    return digest.hexdigest()


def _add_all(digest: Any, handle: h5py.File) -> None:
    for name, node, first_name in _nodes(handle):
        digest.update(json.dumps([name, type(node).__name__, first_name]).encode())
        if first_name != name:
            continue
        for key, value in sorted(attributes(node).items()):
            if (name, key) != ("/", SEAL):
                _add(digest, key, value)
        if isinstance(node, h5py.Dataset):
            _add_dataset(digest, node)


def _nodes(handle: h5py.File) -> Iterator[tuple[str, Any, str]]:
    """Every name, what is there, and the first name of the same object; what is not stored here is only named."""
    first_names: dict[int, str] = {}
    waiting: list[tuple[str, Any]] = [("/", handle["/"])]
    while waiting:
        name, node = waiting.pop()
        stored = isinstance(node, h5py.HLObject)
        first_name = first_names.setdefault(h5py.h5o.get_info(node.id).addr, name) if stored else ""
        yield name, node, first_name
        if isinstance(node, h5py.Group) and first_name == name:
            for key in sorted(names_of(node), reverse=True):
                link = node.get(key, getlink=True)
                waiting.append((f"{name.rstrip('/')}/{key}", node[key] if isinstance(link, h5py.HardLink) else link))


def _add_dataset(digest: Any, dataset: h5py.Dataset) -> None:
    digest.update(json.dumps([str(dataset.dtype), dataset.shape, dataset.chunks, dataset.fletcher32]).encode())
    if not dataset.fletcher32:
        _add(digest, "", values(dataset))
        return
    blocks = prod(ceil(length / step) for length, step in zip(dataset.shape, dataset.chunks, strict=True))
    if dataset.id.get_num_chunks() != blocks:
        raise InputError(f"{dataset.file.filename}: {dataset.name} lacks some of its {blocks} blocks of data")


def _add(digest: Any, key: str, value: Any) -> None:
    """One attribute or value: numbers by their bytes, everything else as text."""
    array = np.asarray(value)
    if array.dtype.kind in "biufc":
        digest.update(json.dumps([key, array.dtype.str, array.shape]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    else:
        digest.update(json.dumps([key, "text", array.shape, [str(item) for item in array.ravel().tolist()]]).encode())
