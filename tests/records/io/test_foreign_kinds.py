"""Whatever kind of thing HDF5 knows: a file gives its numbers and text, or the reason why not."""

import h5py
import numpy as np
import pytest

from tsct.records.errors import InputError
from tsct.records.io.untrusted import attributes, member, opened, values


def raw(handle, kind, items=3):
    h5py.h5d.create(handle.id, b"data", kind, h5py.h5s.create_simple((items,)))


def region_reference(handle):
    handle["other"] = np.arange(10.0)
    handle.create_dataset("data", data=[handle["other"].regionref[2:5]], dtype=h5py.regionref_dtype)


def lists_of_numbers(handle):
    handle.create_dataset("data", (3,), h5py.vlen_dtype("f8"))[0] = np.zeros(4)


def lists_of_lists(handle):
    raw(handle, h5py.h5t.vlen_create(h5py.h5t.vlen_create(h5py.h5t.NATIVE_DOUBLE)))


def arrays(handle):
    handle.create_dataset("data", (2,), np.dtype(("f8", (3,))))


def opaque(handle):
    handle["data"] = np.void(b"abc")


def time_of_unix(handle):
    raw(handle, h5py.h5t.UNIX_D32LE)


def complex_numbers(handle):
    handle["data"] = np.zeros(3, complex)


def named_type(handle):
    handle["data"] = np.dtype("f8")


def itself_by_its_name(handle):
    """The same file, but as another: whatever stands there when it is read."""
    handle["ten"] = np.zeros(10)
    layout = h5py.VirtualLayout((10,), "f8")
    layout[:] = h5py.VirtualSource("./theirs.h5", "ten", shape=(10,))
    handle.create_virtual_dataset("data", layout)


def files_by_a_pattern(handle):
    plist, source = h5py.h5p.create(h5py.h5p.DATASET_CREATE), h5py.h5s.create_simple((10,))
    shown = h5py.h5s.create_simple((10,), (h5py.h5s.UNLIMITED,))
    shown.select_hyperslab((0,), (h5py.h5s.UNLIMITED,), (10,), (10,))
    plist.set_virtual(shown, b"/etc/%b.h5", b"ten", source)
    space = h5py.h5s.create_simple((10,), (h5py.h5s.UNLIMITED,))
    h5py.h5d.create(handle.id, b"data", h5py.h5t.NATIVE_DOUBLE, space, plist)


def pattern_of_a_percent_sign(handle):
    handle["te%n"] = np.ones(10)
    layout = h5py.VirtualLayout((10,), "f8")
    layout[:] = h5py.VirtualSource(".", "te%%n", shape=(10,))
    handle.create_virtual_dataset("data", layout)


def link_to_itself(handle):
    handle["data"] = h5py.SoftLink("/data")


def link_through_itself(handle):
    handle["data"] = h5py.SoftLink("/data/data/data")


def link_to_the_root(handle):
    handle["data"] = h5py.SoftLink("/")


def group_in_itself(handle):
    handle.create_group("g")
    handle["g/g"] = handle["g"]
    handle["data"] = h5py.SoftLink("/" + "g/" * 500)


CORPUS = {
    **dict.fromkeys(
        (region_reference, lists_of_numbers, lists_of_lists, arrays, opaque, complex_numbers), "numbers or text"
    ),
    time_of_unix: "cannot be read",
    named_type: "is a type; a dataset is needed",
    itself_by_its_name: "is stored in another file",
    files_by_a_pattern: "a pattern of names",
    pattern_of_a_percent_sign: "a pattern of names",
    link_to_itself: "circle",
    link_through_itself: "circle",
    link_to_the_root: "is a group",
    group_in_itself: "is a group",
}


@pytest.mark.parametrize(("make", "why"), CORPUS.items(), ids=[make.__name__ for make in CORPUS])
def test_it_is_refused_with_its_reason(tmp_path, make, why):
    with h5py.File(tmp_path / "theirs.h5", "w") as handle:
        make(handle)
    with opened(tmp_path / "theirs.h5") as handle, pytest.raises(InputError, match=why):
        values(member(handle, "data"))


def enumeration(handle):
    handle.create_dataset("data", data=[0, 1, 2], dtype=h5py.enum_dtype({"a": 0, "b": 1, "c": 2}))


def dataset_of_a_named_type(handle):
    handle["type"] = np.dtype("i2")
    handle.create_dataset("data", data=[0, 1, 2], dtype=handle["type"])


def half_precision(handle):
    handle["data"] = np.arange(3, dtype="f2")


def other_byte_order(handle):
    handle["data"] = np.arange(3, dtype=">f8")


def bytes_in_an_attribute_of_references(handle):
    handle["data"] = np.arange(3)
    handle.attrs.create("others", [handle["data"].ref] * 2, dtype=h5py.ref_dtype)
    assert len(attributes(handle)["others"]) == 2


@pytest.mark.parametrize(
    "make",
    [
        enumeration,
        dataset_of_a_named_type,
        half_precision,
        other_byte_order,
        bytes_in_an_attribute_of_references,
    ],
)
@pytest.mark.parametrize("head", [0, 1024])
def test_it_is_read(tmp_path, make, head):
    """Also behind a block in front that belongs to somebody else, as to a shell."""
    with h5py.File(tmp_path / "theirs.h5", "w", userblock_size=head) as handle:
        make(handle)
    if head:
        with (tmp_path / "theirs.h5").open("r+b") as handle:
            handle.write(b"#!/bin/sh\n")
    with opened(tmp_path / "theirs.h5") as handle:
        np.testing.assert_array_equal(values(member(handle, "data")), [0, 1, 2])


def lists(node):
    h5py.h5a.create(node.id, b"x", h5py.h5t.vlen_create(h5py.h5t.vlen_create(h5py.h5t.NATIVE_DOUBLE)), SPACE)


def reference(node):
    node.attrs.create("x", node.ref, dtype=h5py.ref_dtype)


def references(node):
    node.attrs.create("x", [node.ref] * 2, dtype=h5py.ref_dtype)


def region(node):
    node.attrs.create("x", node.file["other"].regionref[1:2], dtype=h5py.regionref_dtype)


def empty(node):
    node.attrs.create("x", h5py.Empty("S1"))


SPACE = h5py.h5s.create_simple((3,))


@pytest.mark.parametrize("make", [lists, reference, references, region, empty])
def test_no_kind_of_attribute_hides_the_others(tmp_path, make):
    """A reference among the attributes, as every scale of dimensions has, is no reason to refuse the units."""
    with h5py.File(tmp_path / "theirs.h5", "w") as handle:
        handle["other"] = np.arange(4.0)
        make(group := handle.create_group("g"))
        group.attrs["units"] = "mm"
    with opened(tmp_path / "theirs.h5") as handle:
        assert attributes(handle["g"])["units"] == "mm"
