"""Links to other files: followed below the folder that the user names, and nowhere else."""

import h5py
import numpy as np
import pytest

from tsct.records.errors import InputError
from tsct.records.io.links import allowed_links, following_links
from tsct.records.io.untrusted import member, opened, part, values

NUMBERS = np.arange(24.0).reshape(4, 6)


@pytest.fixture
def raw(tmp_path):
    """Folder raw/ with two files, and a secret beside it."""
    (tmp_path / "raw").mkdir()
    for path in ("raw/a.h5", "raw/b.h5", "secret.h5"):
        with h5py.File(tmp_path / path, "w") as handle:
            handle["entry/data"] = NUMBERS + (100 if "b.h5" in path else 0)
            handle["entry/soft"] = h5py.SoftLink("/entry/data")
            handle["entry/back"] = h5py.ExternalLink("../master.h5", "/loop")
    return tmp_path / "raw"


def master(tmp_path, name, place="/entry/data"):
    with h5py.File(tmp_path / "master.h5", "w") as handle:
        handle["x"] = h5py.ExternalLink(name, place)
        handle["loop"] = h5py.ExternalLink("raw/a.h5", "/entry/back")
    return tmp_path / "master.h5"


def read(path, folder, place="x"):
    with following_links(folder), opened(path) as handle:
        return values(member(handle, place))


@pytest.mark.parametrize(
    ("name", "place"),
    [("raw/a.h5", "/entry/data"), ("raw/a.h5", "/entry/soft"), ("raw/../raw/a.h5", "entry/data")],
)
def test_an_external_link_below_the_folder_is_followed(raw, name, place):
    path = master(raw.parent, name, place)
    np.testing.assert_array_equal(read(path, raw), NUMBERS)
    assert allowed_links() is None


def test_names_behind_a_linked_group_are_followed(raw):
    np.testing.assert_array_equal(read(master(raw.parent, "raw/a.h5", "/entry"), raw, "x/soft"), NUMBERS)


def test_an_absolute_link_is_followed_only_below_the_folder(raw):
    np.testing.assert_array_equal(read(master(raw.parent, str(raw / "a.h5")), raw), NUMBERS)
    with pytest.raises(InputError, match=r"which is not below .*raw; it is not followed"):
        read(master(raw.parent, str(raw.parent / "secret.h5")), raw)


@pytest.mark.parametrize("name", ["secret.h5", "raw/../secret.h5", "raw/symlink.h5", "raw/inner/secret.h5"])
def test_a_link_out_of_the_folder_is_refused_by_any_road(raw, name):
    (raw / "symlink.h5").symlink_to(raw.parent / "secret.h5")
    (raw / "inner").symlink_to(raw.parent)
    with pytest.raises(InputError, match="which is not below"):
        read(master(raw.parent, name), raw)


def test_without_a_folder_nothing_is_followed(raw):
    with pytest.raises(InputError, match=r"link to another file; .* --follow-links FOLDER"):
        read(master(raw.parent, "raw/a.h5"), None)


@pytest.mark.parametrize(
    ("name", "place", "why"),
    [
        ("raw/c.h5", "/x", "there is no file"),
        ("raw/a.h5", "/none", "there is no 'none'"),
        ("raw/text.h5", "/x", "not a readable HDF5 file"),
    ],
)
def test_what_a_link_does_not_lead_to_is_said(raw, name, place, why):
    (raw / "text.h5").write_text("no HDF5", encoding="utf-8")
    with pytest.raises(InputError, match=why):
        read(master(raw.parent, name, place), raw)


def test_a_circle_through_two_files_ends(raw):
    with pytest.raises(InputError, match="circle"):
        read(master(raw.parent, "raw/a.h5"), raw.parent, "loop")


def test_a_folder_that_is_none_is_refused(raw):
    with pytest.raises(InputError, match="not a folder"):
        read(master(raw.parent, "raw/a.h5"), raw / "a.h5")


def virtual(tmp_path, *names, place="/entry/data"):
    """Rows 1 and 3 of each file, one below the other, and a row from nowhere."""
    layout = h5py.VirtualLayout(shape=(2 * len(names) + 1, 6), dtype="f8")
    for i, name in enumerate(names):
        layout[2 * i : 2 * i + 2] = h5py.VirtualSource(name, place, shape=(4, 6))[1::2]
    with h5py.File(tmp_path / "virtual.h5", "w") as handle:
        handle.create_virtual_dataset("x", layout, fillvalue=-7.0)
    return tmp_path / "virtual.h5"


def test_a_virtual_dataset_of_several_files_is_read(raw):
    path = virtual(raw.parent, "raw/a.h5", "raw/b.h5")
    expected = np.vstack([NUMBERS[1::2], NUMBERS[1::2] + 100, np.full((1, 6), -7.0)])
    np.testing.assert_array_equal(read(path, raw), expected)
    with following_links(raw), opened(path) as handle:
        np.testing.assert_array_equal(part(member(handle, "x"), 2), expected[2])


def test_a_virtual_dataset_may_not_lead_out(raw):
    with pytest.raises(InputError, match=r"stored in '\.\./.*secret\.h5', which is not below"):
        read(virtual(raw, "a.h5", "../secret.h5"), raw)
    with pytest.raises(InputError, match="stored in another file"):
        read(virtual(raw.parent, "raw/a.h5"), None)


def test_a_missing_source_is_no_zero(raw):
    with pytest.raises(InputError, match="there is no file"):
        read(virtual(raw.parent, "raw/a.h5", "raw/gone.h5"), raw)


def test_virtual_datasets_of_virtual_ones_are_refused(raw):
    virtual(raw, "a.h5")
    with pytest.raises(InputError, match="virtual datasets of several files"):
        read(virtual(raw.parent, "raw/virtual.h5", place="/x"), raw)


def test_bytes_of_another_file_are_never_read(raw):
    (raw / "bytes").write_bytes(b"0" * 192)
    with h5py.File(raw / "outer.h5", "w") as handle:
        handle.create_dataset("x", shape=(24,), dtype="f8", external=[(str(raw / "bytes"), 0, 192)])
    with pytest.raises(InputError, match="stored in another file; copy the data"):
        read(raw / "outer.h5", raw)
