"""Blocks and filters of others: what would grow out of proportion, or is too short, is refused before it is read."""

import zlib

import h5py
import numpy as np
import psutil
import pytest

from tsct.records.errors import InputError
from tsct.records.io import blocks
from tsct.records.io.untrusted import member, opened, values


def stored(handle, block, *, items=100, **settings):
    """A dataset of one block that is not what its filters made."""
    handle.create_dataset("data", (items,), "f8", chunks=(items,), **settings).id.write_direct_chunk((0,), block)


def with_filters(handle, *numbers, items=100):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((items,))
    for number in numbers:
        plist.set_filter(number, h5py.h5z.FLAG_OPTIONAL, (9,))
    space = h5py.h5s.create_simple((items,))
    return h5py.h5d.create(handle.id, b"data", h5py.h5t.NATIVE_DOUBLE, space, plist)


def deflate_bomb(handle):
    stored(handle, zlib.compress(bytes(2**25)), compression="gzip")


def deflate_bomb_in_a_large_block(handle):
    """What is stored is smaller than the block, and far larger once inflated."""
    stored(handle, zlib.compress(bytes(2**25)), items=2**13, compression="gzip")


def deflate_of_deflate(handle):
    with_filters(handle, 1, 1).write_direct_chunk((0,), zlib.compress(zlib.compress(bytes(2**25))))


def deflate_then_shuffle(handle):
    with_filters(handle, 1, 2).write_direct_chunk((0,), zlib.compress(bytes(800)))


def lzf_bomb(handle):
    handle.create_dataset("zeros", data=np.zeros(2**20), chunks=(2**20,), compression="lzf")
    stored(handle, handle["zeros"].id.read_direct_chunk((0,))[1], compression="lzf")


def short_block(handle):
    stored(handle, bytes(8))


def long_block(handle):
    stored(handle, bytes(801))


def deflate_cut_off(handle):
    stored(handle, zlib.compress(bytes(800))[:5], compression="gzip")


def noise_for_scale_offset(handle):
    handle.create_dataset("data", (64,), "i4", chunks=(64,), scaleoffset=0)
    handle["data"].id.write_direct_chunk((0,), b"\xff" * 100)


CORPUS = {
    deflate_bomb: "a block of [0-9]+ bytes where 800 belong",
    deflate_bomb_in_a_large_block: "inflates to more than its 65536 bytes",
    deflate_of_deflate: "compressed more than once",
    deflate_then_shuffle: "compressed more than once",
    lzf_bomb: "where 800 belong",
    short_block: "a block of 8 bytes where 800 belong",
    long_block: "a block of 801 bytes where 800 belong",
    deflate_cut_off: "cannot be read",
    noise_for_scale_offset: "cannot be read",
}


@pytest.mark.parametrize(("make", "why"), CORPUS.items(), ids=[make.__name__ for make in CORPUS])
def test_harmful_blocks_are_refused(tmp_path, make, why, monkeypatch):
    monkeypatch.setattr(blocks, "MAX_CHUNK_BYTES", 2**24)
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as handle:
        make(handle)
    before = psutil.Process().memory_info().rss
    with opened(path) as handle, pytest.raises(InputError, match=why):
        values(member(handle, "data"))
    assert psutil.Process().memory_info().rss - before < 2**24


def test_a_bomb_behind_a_virtual_dataset_is_refused(tmp_path):
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as handle:
        deflate_bomb(handle)
        layout = h5py.VirtualLayout((100,), "f8")
        layout[:] = h5py.VirtualSource(".", "data", shape=(100,))
        handle.create_virtual_dataset("view", layout)
    with opened(path) as handle, pytest.raises(InputError, match="where 800 belong"):
        values(member(handle, "view"))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"fletcher32": True},
        *({"compression": "gzip", "compression_opts": level, "shuffle": True, "fletcher32": True} for level in (0, 9)),
        *({"compression": "lzf"}, {"compression": "gzip", "scaleoffset": 12}, {"scaleoffset": 12}),
    ],
    ids=str,
)
@pytest.mark.parametrize("numbers", ["noise", "zeros"])
def test_every_filter_that_is_known_is_read(tmp_path, settings, numbers, monkeypatch):
    """Blocks at the edge of the data, blocks that do not get smaller, and with every block inflated first."""
    monkeypatch.setattr(blocks, "_MOST_OF_DEFLATE", 2**28)
    data = np.random.default_rng(1).random((70, 90)) * (numbers == "noise")
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("data", data=data, chunks=(32, 32), **settings)
    with opened(tmp_path / "a.h5") as handle:
        np.testing.assert_allclose(values(member(handle, "data")), data, atol=1e-11)


def test_filters_that_make_more_numbers_than_a_block_holds_are_refused(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        data = handle.create_dataset("data", data=np.arange(64), chunks=(64,), scaleoffset=0)
        (number, parameters), *_ = blocks._filters(data)
        assert parameters[2] * parameters[4] == 64 * 8
        monkeypatch.setattr(blocks, "_filters", lambda _: [(number, (*parameters[:2], 10**9, *parameters[3:]))])
        with pytest.raises(InputError, match="more numbers than a block holds"):
            blocks.check_blocks(data, "data")
