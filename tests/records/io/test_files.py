"""A result file is complete or it is refused, and what is read equals what was written."""

import h5py
import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import InputError
from tsct.records.io.files import open_complete, read_record, replacing, write_records, write_text


@pytest.fixture
def record() -> xr.Dataset:
    rng = np.random.default_rng(1)
    return xr.Dataset(
        {
            "intensity": (("angle", "q"), rng.random((3, 4)).astype(np.float32), {"units": "counts"}),
            "count": ((), 7, {"units": "1"}),
            "name": ("angle", ["a", "β", "c"]),
        },
        coords={"q": ("q", np.arange(4.0), {"units": "1/angstrom"}), "state": 2, "v": ("angle", [0.5, 0.4, 0.3])},
        attrs={"energy_kev": 100.0, "composition": {"Si": 0.5}, "mode": "absolute", "list": [1, 2]},
    )


def test_round_trip(tmp_path, record):
    write_records(tmp_path / "a.h5", {"data": record, "other": record.isel(angle=0)}, title="t")
    xr.testing.assert_identical(read_record(tmp_path / "a.h5"), record)
    assert read_record(tmp_path / "a.h5", "other").intensity.dims == ("q",)


def test_nexus_viewers_find_the_default_plot(tmp_path, record):
    from nexusformat.nexus import nxload
    from silx.io import nxdata

    write_records(tmp_path / "a.h5", {"data": record})
    with h5py.File(tmp_path / "a.h5") as handle:
        found = nxdata.get_default(handle, validate=True)
        assert found is not None and found.signal.shape == (3, 4)
    assert nxload(tmp_path / "a.h5").plottable_data.nxsignal.nxname == "intensity"


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("cut", [0, 1, 100, 2000, 5000])
def test_truncated_files_are_refused(tmp_path, record, cut):
    write_records(tmp_path / "a.h5", {"data": record})
    whole = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "a.h5").write_bytes(whole[: min(cut, len(whole) - 1)])
    with pytest.raises(InputError, match=r"a\.h5"):
        read_record(tmp_path / "a.h5")


def test_incomplete_newer_missing_and_foreign_files_are_refused(tmp_path, record):
    path = tmp_path / "a.h5"
    with pytest.raises(InputError, match="no such file"):
        read_record(path)
    with pytest.raises(InputError, match="not a regular file"):
        read_record(tmp_path)
    write_records(path, {"data": record})
    with pytest.raises(InputError, match="no record 'truth'; the file holds data"):
        read_record(path, "truth")
    with h5py.File(path, "r+") as handle:
        handle.attrs["schema"] = 99
    with pytest.raises(InputError, match="newer"):
        read_record(path)
    with h5py.File(path, "r+") as handle:
        handle.attrs["complete"] = False
    with pytest.raises(InputError, match="incomplete"), open_complete(path):
        pass
