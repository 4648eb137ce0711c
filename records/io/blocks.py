"""The blocks of a dataset that somebody else stored, and the filters that turn them into numbers.

A filter writes as much as its input demands, whatever the dataset says: two megabytes of deflate become two gigabytes
for a block of a hundred numbers, deflate of deflate a million times as much, and HDF5 asks no questions. A block that
is stored too short is worse: HDF5 fills it up with whatever was in the memory. So every block is compared with the size
that it must have, and one that might inflate to more than a block may hold is inflated first, no further than that.
"""

import zlib

import h5py
import numpy as np

from tsct.records.errors import InputError

MAX_CHUNK_BYTES = 2**28
#: no deflate makes more bytes of one
_MOST_OF_DEFLATE = 1032
_DEFLATE, _CHECKSUM, _NBIT, _SCALE_OFFSET = 1, 3, 5, 6
#: filters that belong to HDF5 or h5py: deflate, shuffle, fletcher32, szip, nbit, scale-offset, lzf
_BUILT_IN = {1, 2, 3, 4, 5, 6, 32000}
#: filters that come with hdf5plugin: blosc, lz4, bitshuffle, zstd, blosc2
_PLUGIN = {32001, 32004, 32008, 32015, 32026}
#: those after which a block may be of any size: deflate, szip, lzf
_COMPRESSORS = {1, 4, 32000} | _PLUGIN
#: bytes that checksums and headers of filters may add to a block
_MARGIN_BYTES = 64


def check_blocks(dataset: h5py.Dataset, where: str) -> None:
    """Refuse unknown filters, and blocks that are too large, too short or would become too large.

    Parameters
    ----------
    dataset : h5py.Dataset
        One that is stored in its file.
    where : str
        What a message begins with.

    Raises
    ------
    InputError
        If there is one.
    """
    filters = _filters(dataset)
    _check_filters(filters, where)
    if not dataset.chunks:
        return
    size = int(np.prod(dataset.chunks, dtype=object)) * dataset.dtype.itemsize
    if size > MAX_CHUNK_BYTES:
        raise InputError(f"{where} has chunks of {size / 1e6:.0f} MB; allowed are {MAX_CHUNK_BYTES / 1e6:.0f}")
    _check_unpacked_sizes(dataset, filters, where)
    for chunk in _chunks(dataset):
        # incompressible data become larger by an eighth at most
        most = size + size // 8 + 4096 if filters else size
        if chunk.size > most or (chunk.size < size and not filters):
            raise InputError(f"{where} has a block of {chunk.size} bytes where {size} belong; the file is damaged")
        _check_deflate(dataset, filters, chunk, size, where)


def _filters(dataset: h5py.Dataset) -> list[tuple[int, tuple[int, ...]]]:
    """Number and parameters of each filter, in the order of writing."""
    plist = dataset.id.get_create_plist()
    found = [plist.get_filter(i) for i in range(plist.get_nfilters())]
    return [(number, tuple(values)) for number, _, values, _ in found]


def _check_filters(filters: list[tuple[int, tuple[int, ...]]], where: str) -> None:
    numbers = [number for number, _ in filters]
    for number in numbers:
        if number in _BUILT_IN:
            continue
        if number not in _PLUGIN:
            raise InputError(f"{where} is compressed with the unknown filter {number}; save it with gzip")
        try:
            import hdf5plugin  # noqa: F401
        except ImportError:
            raise InputError(f"{where} is compressed with filter {number}: pip install hdf5plugin") from None
    last = next((i for i, number in enumerate(numbers) if number in _COMPRESSORS), len(numbers))
    if set(numbers[last + 1 :]) - {_CHECKSUM}:
        raise InputError(f"{where} is compressed more than once, with the filters {numbers}; save it with gzip alone")


def _check_unpacked_sizes(dataset: h5py.Dataset, filters: list[tuple[int, tuple[int, ...]]], where: str) -> None:
    """Two filters are told apart from the block how many numbers they make."""
    size = int(np.prod(dataset.chunks, dtype=object)) * dataset.dtype.itemsize
    for number, values in filters:
        if number in (_NBIT, _SCALE_OFFSET) and (len(values) < 5 or values[2] * values[4] > size):
            raise InputError(f"{where} has a filter that makes more numbers than a block holds; the file is damaged")


def _chunks(dataset: h5py.Dataset) -> list[h5py.h5d.StoreInfo]:
    found: list[h5py.h5d.StoreInfo] = []
    dataset.id.chunk_iter(found.append)
    return found


def _check_deflate(
    dataset: h5py.Dataset,
    filters: list[tuple[int, tuple[int, ...]]],
    chunk: h5py.h5d.StoreInfo,
    size: int,
    where: str,
) -> None:
    """Inflate a block that may become larger than any block, up to its own size."""
    place = next((i for i, (number, _) in enumerate(filters) if number == _DEFLATE), None)
    if place is None or chunk.filter_mask >> place & 1 or chunk.size * _MOST_OF_DEFLATE <= MAX_CHUNK_BYTES:
        return
    most = size + _MARGIN_BYTES
    try:
        unpacked = zlib.decompressobj().decompress(dataset.id.read_direct_chunk(chunk.chunk_offset)[1], most + 1)
    except zlib.error:
        # HDF5 meets the same, after no more than this, and says so
        return
    if len(unpacked) > most:
        raise InputError(f"{where} has a block that inflates to more than its {size} bytes; refused")
