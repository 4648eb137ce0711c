"""Files made to harm: none may reach outside itself, fill the memory or hang; each is refused with a reason."""

import os

import h5py
import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import InputError, ResourceError, TsctError
from tsct.records.io import untrusted
from tsct.records.io.files import read_record, write_records
from tsct.records.io.untrusted import attributes, member, names_of, opened, values

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
        handle.attrs.update(complete=True, schema=1)
        group = handle.create_group("entry/record")
        handle["entry"].attrs["default"] = "record"
        make(group, outside)
        if isinstance(group.get("data", getlink=True), h5py.HardLink):
            group["data"].attrs.update(dims=["x"], coordinate=False)
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
