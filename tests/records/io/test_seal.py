"""What the checksums of HDF5 leave out is under the seal: text, attributes, names, single numbers, missing blocks."""

import h5py
import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import InputError
from tsct.records.io.files import read_record, write_records
from tsct.records.io.seal import seal_of


@pytest.fixture
def path(tmp_path):
    record = xr.Dataset(
        {
            "a": (("x", "y"), np.arange(60.0).reshape(6, 10), {"units": "counts"}),
            "names": ("x", ["one", "two", "three", "four", "five", "βeta"]),
            "count": ((), 7),
            "word": ((), "silicon"),
        },
        attrs={"composition": "Si0.5 C0.5", "phases": {"Si": 1}},
    )
    write_records(tmp_path / "a.h5", {"data": record}, title="a title")
    xr.testing.assert_identical(read_record(tmp_path / "a.h5"), record)
    return tmp_path / "a.h5"


def change_text(handle):
    handle["entry/data"].attrs["composition"] = "Si0.6 C0.4"


def change_attribute_of_an_array(handle):
    handle["entry/data/a"].attrs["units"] = "1"


def change_title(handle):
    handle["entry/title"][()] = "another"


def change_single_number(handle):
    handle["entry/data/count"][()] = 8


def change_single_text(handle):
    handle["entry/data/word"][()] = "carbon!"


def rename(handle):
    handle.move("entry/data/names", "entry/data/title")


def remove(handle):
    del handle["entry/data/names"]


def add_attribute(handle):
    handle.attrs["more"] = 1


def change_type_of_attribute(handle):
    handle["entry/data/a"].attrs["coordinate"] = np.int64(0)


def link_elsewhere(handle):
    handle["entry/data/more"] = h5py.SoftLink("/entry/data/a")


def other_object_under_a_name(handle):
    del handle["entry/data/count"]
    handle["entry/data/count"] = handle["entry/data/word"]


def lose_a_block(handle):
    attrs = dict(handle["entry/data/a"].attrs)
    del handle["entry/data/a"]
    settings = {"chunks": (6, 10), "fletcher32": True, "compression": "gzip", "compression_opts": 0}
    handle["entry/data"].create_dataset("a", (6, 10), "f8", **settings).attrs.update(attrs)


CHANGES = (
    *(change_text, change_attribute_of_an_array, change_title, change_single_number, change_single_text, rename),
    *(remove, add_attribute, change_type_of_attribute, link_elsewhere, other_object_under_a_name, lose_a_block),
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_breaks_the_seal(path, change):
    with h5py.File(path, "r+") as handle:
        change(handle)
    with pytest.raises(InputError, match=r"seal is broken|lacks some"):
        read_record(path)


def test_a_file_without_a_seal_is_refused(path):
    with h5py.File(path, "r+") as handle:
        del handle.attrs["seal"]
    with pytest.raises(InputError, match="seal is broken"):
        read_record(path)


def test_the_order_of_making_does_not_count(tmp_path):
    """Names, attributes and links in any order, and the bytes of the file with them."""
    seals = []
    for order in (("a", "b"), ("b", "a")):
        with h5py.File(tmp_path / "a.h5", "w") as handle:
            for name in order:
                handle[name] = 1.0
                handle.attrs[name] = name
            handle["link"] = handle["a"]
            seals.append(seal_of(handle))
    assert seals[0] == seals[1]


def test_blocks_of_zeros_do_not_pass_for_data(path):
    """A lost block reads as zeros, for which Fletcher-32 alone would hold."""
    with h5py.File(path) as handle:
        block = handle["entry/data/a"].id.get_chunk_info(0)
    with path.open("r+b") as file:
        file.seek(block.byte_offset)
        file.write(bytes(block.size))
    with pytest.raises(InputError, match="damaged"):
        read_record(path)
