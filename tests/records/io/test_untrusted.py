"""Files made to harm: none may reach outside itself, fill the memory or hang; each is refused with a reason."""

import os
from contextlib import suppress

import h5py
import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import InputError, ResourceError, TsctError
from tsct.records.io import untrusted
from tsct.records.io.files import read_record, write_records
from tsct.records.io.seal import SEAL, seal_of
from tsct.records.io.untrusted import attributes, member, names_of, opened, values
from tsct.records.schema import VERSION

CANARY = 271828.0


@pytest.fixture
def outside(tmp_path):
    """A file whose content must never appear."""
    folder = tmp_path / "secret"
    folder.mkdir()
    with h5py.File(folder / "canary.h5", "w") as handle:
        handle["group/data"] = np.full(10, CANARY)
    np.full(10, CANARY).tofile(folder / "canary.raw")
    return folder


def external_link(handle, outside):
    handle["data"] = h5py.ExternalLink(str(outside / "canary.h5"), "/group/data")


def external_group_on_the_way(handle, outside):
    handle["on"] = h5py.ExternalLink(str(outside / "canary.h5"), "/group")
    handle["data"] = h5py.SoftLink("/on/data")


def soft_to_external(handle, outside):
    handle["far"] = h5py.ExternalLink(str(outside / "canary.h5"), "/group/data")
    handle["data"] = h5py.SoftLink("far")


def raw_storage(handle, outside):
    handle.create_dataset("data", (10,), "f8", external=[(str(outside / "canary.raw"), 0, 80)])


def virtual_dataset(handle, outside):
    layout = h5py.VirtualLayout((10,), "f8")
    layout[:] = h5py.VirtualSource(str(outside / "canary.h5"), "group/data", shape=(10,))
    handle.create_virtual_dataset("data", layout)


def _virtual(handle, name, place, shape=(10,)):
    layout = h5py.VirtualLayout(shape, "f8")
    layout[:] = h5py.VirtualSource(".", place, shape=shape)
    handle.create_virtual_dataset(name, layout)


def virtual_to_raw_storage(handle, outside):
    raw_storage(handle.create_group("hidden"), outside)
    _virtual(handle, "data", handle["hidden/data"].name)


def virtual_to_external_link(handle, outside):
    handle["far"] = h5py.ExternalLink(str(outside / "canary.h5"), "/group/data")
    _virtual(handle, "data", f"{handle.name}/far")


def virtual_through_external_group(handle, outside):
    external_group_on_the_way(handle.create_group("hidden"), outside)
    _virtual(handle, "data", f"{handle.name}/hidden/on/data")


def virtual_to_soft_to_external(handle, outside):
    handle["far"] = h5py.ExternalLink(str(outside / "canary.h5"), "/group/data")
    handle["near"] = h5py.SoftLink("far")
    _virtual(handle, "data", f"{handle.name}/near")


def virtual_to_virtual_to_raw_storage(handle, outside):
    virtual_to_raw_storage(handle.create_group("deep"), outside)
    _virtual(handle, "data", f"{handle.name}/deep/data")


def virtual_to_virtual_elsewhere(handle, outside):
    virtual_dataset(handle.create_group("deep"), outside)
    _virtual(handle, "data", f"{handle.name}/deep/data")


def virtual_in_a_circle(handle, outside):
    _virtual(handle, "data", f"{handle.name}/other")
    _virtual(handle, "other", f"{handle.name}/data")


def virtual_chain(handle, outside):
    handle["v0"] = np.zeros(10)
    for i in range(20):
        _virtual(handle, f"v{i + 1}", f"{handle.name}/v{i}")
    handle["data"] = handle["v20"]


def virtual_pattern(handle, outside):
    handle["block0"] = np.zeros(10)
    shown = h5py.h5s.create_simple((10,), (h5py.h5s.UNLIMITED,))
    shown.select_hyperslab((0,), (h5py.h5s.UNLIMITED,), (10,), (10,))
    plist, source = h5py.h5p.create(h5py.h5p.DATASET_CREATE), h5py.h5s.create_simple((10,))
    plist.set_virtual(shown, b".", f"{handle.name}/block%b".encode(), source)
    space = h5py.h5s.create_simple((10,), (h5py.h5s.UNLIMITED,))
    h5py.h5d.create(handle.id, b"data", h5py.h5t.NATIVE_DOUBLE, space, plist)


def virtual_to_nothing(handle, outside):
    _virtual(handle, "data", f"{handle.name}/absent")


def virtual_bomb(handle, outside):
    """Ten numbers, shown over and over."""
    handle["ten"] = np.zeros(10)
    layout = h5py.VirtualLayout((2**29,), "f8", maxshape=(2**29,))
    layout[:10] = h5py.VirtualSource(".", f"{handle.name}/ten", shape=(10,))
    handle.create_virtual_dataset("data", layout)


def empty_dataspace(handle, outside):
    handle["data"] = h5py.Empty("f8")


def gzip_bomb(handle, outside):
    handle.create_dataset("data", (2**28,), "f8", chunks=(2**20,), compression="gzip", shuffle=True)
    handle["data"][: 2**20] = 0.0


def hole(handle, outside):
    handle.create_dataset("data", (10**5, 10**5, 10**5), "f8", chunks=(100, 100, 100))


def huge_chunks(handle, outside):
    handle.create_dataset("data", (2**26,), "f8", chunks=(2**26,))


def circle(handle, outside):
    handle["data"] = h5py.SoftLink("other")
    handle["other"] = h5py.SoftLink("data")


def dangling(handle, outside):
    handle["data"] = h5py.SoftLink("/nowhere")


def group_instead(handle, outside):
    handle.create_group("data")


def compound(handle, outside):
    handle["data"] = np.zeros(3, dtype=[("a", "f8"), ("b", "i4")])


def references(handle, outside):
    handle["other"] = np.zeros(3)
    handle.create_dataset("data", data=[handle["other"].ref], dtype=h5py.ref_dtype)


def many_dimensions(handle, outside):
    handle["data"] = np.zeros((1,) * 12)


def unknown_filter(handle, outside):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((10,))
    plist.set_filter(305, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(handle.id, b"data", h5py.h5t.NATIVE_DOUBLE, h5py.h5s.create_simple((10,)), plist)


CORPUS = {
    external_link: "link to another file",
    external_group_on_the_way: "link to another file",
    soft_to_external: "link to another file",
    raw_storage: "stored in another file",
    virtual_dataset: "stored in another file",
    virtual_to_raw_storage: "stored in another file",
    virtual_to_external_link: "link to another file",
    virtual_through_external_group: "link to another file",
    virtual_to_soft_to_external: "link to another file",
    virtual_to_virtual_to_raw_storage: "stored in another file",
    virtual_to_virtual_elsewhere: "stored in another file",
    virtual_in_a_circle: "twice",
    virtual_chain: "more than 8",
    virtual_pattern: "a pattern of names",
    virtual_to_nothing: "there is no 'absent'",
    virtual_bomb: "are stored",
    empty_dataspace: "is empty",
    gzip_bomb: "are stored",
    hole: "are stored",
    huge_chunks: "chunks of",
    circle: "circle",
    dangling: "there is no 'nowhere'",
    group_instead: "is a group",
    compound: "numbers or text",
    references: "numbers or text",
    many_dimensions: "12 dimensions",
    unknown_filter: "unknown filter 305",
}


@pytest.mark.parametrize(("make", "why"), CORPUS.items(), ids=[make.__name__ for make in CORPUS])
def test_harmful_files_are_refused(tmp_path, outside, make, why):
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as handle:
        make(handle, outside)
    with opened(path) as handle, pytest.raises(TsctError, match=why) as refusal:
        values(member(handle, "/data"))
    assert str(CANARY) not in str(refusal.value)


@pytest.mark.parametrize(("make", "why"), CORPUS.items(), ids=[make.__name__ for make in CORPUS])
def test_a_record_that_holds_harm_is_refused(tmp_path, outside, make, why):
    """The same inside a file that claims to be one of ours."""
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as handle:
        handle.attrs.update(complete=True, schema=VERSION)
        group = handle.create_group("entry/record")
        handle["entry"].attrs["default"] = "record"
        make(group, outside)
        if isinstance(group.get("data", getlink=True), h5py.HardLink):
            group["data"].attrs.update(dims=["x"], coordinate=False)
        with suppress(InputError):
            handle.attrs[SEAL] = seal_of(handle)
    with pytest.raises(TsctError):
        read_record(path)


def test_other_files_are_not_opened(tmp_path, outside, monkeypatch):
    """What is refused is refused before the other file is touched: it may even be absent or a trap."""
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as handle:
        external_group_on_the_way(handle, outside)
    (outside / "canary.h5").unlink()
    os.mkfifo(outside / "canary.h5")
    with opened(path) as handle, pytest.raises(InputError, match="link to another file"):
        member(handle, "on/data")


def test_links_elsewhere_in_the_file_do_no_harm(tmp_path, outside):
    """Integrated data of a beamline stand beside links to its raw frames."""
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as handle:
        handle["raw"] = h5py.ExternalLink(str(outside / "canary.h5"), "/group")
        handle["store/intensity"] = np.arange(5.0)
        handle["store/name"] = "Si"
        handle["data/intensity"] = h5py.SoftLink("/store/intensity")
        handle["data/deep"] = h5py.SoftLink("../intensity")
    with opened(path) as handle:
        np.testing.assert_array_equal(values(member(handle, "data/intensity")), np.arange(5.0))
        assert values(member(handle["store"], "name")) == "Si"
        assert list(names_of(handle["data"])) == ["deep", "intensity"]


def test_a_virtual_view_of_the_same_file_is_read(tmp_path):
    """As pyFAI's diffraction maps store their transposed map."""
    path = tmp_path / "map.h5"
    with h5py.File(path, "w") as handle:
        handle["intensity"] = np.arange(6.0).reshape(2, 3)
        layout = h5py.VirtualLayout((2, 3), "f8")
        layout[:] = h5py.VirtualSource(".", "/intensity", shape=(2, 3))
        handle.create_virtual_dataset("map", layout)
    with opened(path) as handle:
        np.testing.assert_array_equal(values(member(handle, "map")), np.arange(6.0).reshape(2, 3))


def test_a_virtual_view_is_held_to_the_size_of_what_is_stored(tmp_path):
    """A transposed view of a large compressed map is read, and counts as what it shows."""
    path = tmp_path / "map.h5"
    with h5py.File(path, "w") as handle:
        handle.create_dataset("map", data=np.zeros((2**12, 2**11)), chunks=(2**9, 2**9), compression="gzip")
        layout = h5py.VirtualLayout((2**12, 2**11), "f8")
        layout[:] = h5py.VirtualSource(".", "/map", shape=(2**12, 2**11))
        handle.create_virtual_dataset("view", layout)
        assert handle["map"].id.get_storage_size() * untrusted.BOMB_RATIO < 2**26
    with opened(path) as handle:
        assert not values(member(handle, "view")).any()
        wide = handle["view"]
        with pytest.raises(InputError, match="are stored"):
            untrusted.check_proportion(8 * wide.nbytes, handle["map"].id.get_storage_size(), "view")


def large_attribute(node):
    node.attrs.create("large", np.zeros(200_000))


def long_text(node):
    node.attrs["large"] = "a" * 1_500_000


def much_text(node):
    node.attrs.create("large", ["a" * 1000] * 1500, dtype=h5py.string_dtype())


@pytest.mark.parametrize("make", [large_attribute, long_text, much_text])
def test_attributes_out_of_proportion_are_refused(tmp_path, make):
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w", libver="v110") as handle:
        make(handle.create_group("deep/group"))
    why = r"/deep/group has attribute 'large' of 1\.\d+ MB; allowed are 1\.05 MB"
    with pytest.raises(InputError, match=why), opened(path):
        pass
    with h5py.File(path) as handle, pytest.raises(InputError, match="attribute 'large'"):
        attributes(handle["deep/group"])


def test_text_out_of_proportion_is_refused(tmp_path, monkeypatch):
    """One text of a megabyte, referred to a hundred times."""
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as handle:
        handle.create_dataset("text", data=["a" * 2**20] * 100, dtype=h5py.string_dtype())
    with pytest.raises(InputError, match=r"has text of 105 MB; allowed are 67\.1 MB"), opened(path):
        pass


def test_one_dataset_under_many_names_is_refused(tmp_path):
    path = tmp_path / "theirs.h5"
    write_records(path, {"r": xr.Dataset({"a": (("x", "y"), np.random.default_rng(1).random((50, 10_000)))})})
    with h5py.File(path, "r+") as handle:
        for i in range(300):
            handle[f"entry/r/a{i}"] = handle["entry/r/a"]
        handle.attrs[SEAL] = seal_of(handle)
    with pytest.raises(InputError, match=r"claims 1\.2 GB but 4.* MB are stored"):
        read_record(path)


def test_compressed_data_are_read(tmp_path):
    path = tmp_path / "small.h5"
    with h5py.File(path, "w") as handle:
        for name in ("gzip", "lzf"):
            handle.create_dataset(name, data=np.zeros(10**5), compression=name, shuffle=True)
    with opened(path) as handle:
        assert not values(member(handle, "gzip")).any() and not values(member(handle, "lzf")).any()


def test_deep_groups_and_crowded_ones(tmp_path, monkeypatch):
    path = tmp_path / "deep.h5"
    with h5py.File(path, "w") as handle:
        handle["/".join(["g"] * 500) + "/data"] = 1.0
        for i in range(20):
            handle[f"many/{i}"] = 0
            handle["many"].attrs[f"a{i}"] = 0
    monkeypatch.setattr(untrusted, "MAX_MEMBERS", 10)
    with opened(path) as handle:
        assert values(member(handle, "/".join(["g"] * 500) + "/data")) == 1.0
        with pytest.raises(InputError, match="20 names"):
            list(names_of(handle["many"]))
        with pytest.raises(InputError, match="20 attributes"):
            attributes(handle["many"])


def test_more_than_the_memory_is_refused_for_resources(tmp_path, monkeypatch):
    path = tmp_path / "big.h5"
    with h5py.File(path, "w") as handle:
        handle["data"] = np.arange(1000.0)
    monkeypatch.setattr(untrusted, "memory_bytes", lambda: 4e3)
    with opened(path) as handle, pytest.raises(ResourceError, match="of memory are free"):
        values(member(handle, "data"))


def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    (tmp_path / "text.h5").write_text("hello")
    (tmp_path / "empty.h5").touch()
    for name, why in (
        ("pipe.h5", "not a regular file"),
        ("text.h5", "not a readable HDF5"),
        ("empty.h5", "not a readable HDF5"),
        ("absent.h5", "no such file"),
        (".", "not a regular file"),
    ):
        with pytest.raises(InputError, match=why), opened(tmp_path / name):
            pass


def test_damaged_bytes_are_refused_or_harmless(tmp_path):
    """Two hundred random damages of one of our files: an error of ours or the same numbers, nothing else."""
    path, rng = tmp_path / "a.h5", np.random.default_rng(3)
    record = xr.Dataset({"data": (("y", "x"), np.arange(200.0).reshape(4, 50), {"units": "1"})}, attrs={"kind": "k"})
    write_records(path, {"record": record})
    whole, refused = path.read_bytes(), 0
    for _ in range(200):
        broken = bytearray(whole)
        for place in rng.integers(0, len(broken), 3):
            broken[place] ^= int(rng.integers(1, 256))
        path.write_bytes(broken)
        try:
            found = read_record(path)
        except TsctError:
            refused += 1
            continue
        xr.testing.assert_identical(found, record)
    assert refused > 20


def test_the_linked_hdf5_has_no_known_holes():
    """1.14.4 mended the overflows of earlier versions."""
    assert h5py.version.hdf5_version_tuple >= (1, 14, 4), h5py.version.hdf5_version
