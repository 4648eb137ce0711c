"""A disk that is full, for good or for a moment: an error with the path and what is missing, never half a file."""

import errno
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import ResourceError
from tsct.records.io import disk, files
from tsct.records.io.files import read_record, replacing, write_records, write_text

#: written by a process of its own, since a fault of old took the whole process down
WRITE = """
import sys
import numpy as np, xarray as xr
from pathlib import Path
from tsct.records.errors import TsctError
from tsct.records.io import write_frames, write_records
kind, folder, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(size)
try:
    if kind == "records":
        numbers = rng.random((16, size // 128))
        text = np.array([str(i) for i in range(size // 64)])
        small = {f"b{i}": ("w", [1.0]) for i in range(40)}
        record = xr.Dataset({"a": (("x", "y"), numbers), "t": ("z", text), **small})
        write_records(folder / "a.h5", {"record": record})
    else:
        images = ((rng.integers(0, 2**31 - 1, (64, 64)).astype(np.int32),
                   {"angle_deg": i, "translation_mm": 0.0, "monitor": 1.0}) for i in range(size // 16384))
        write_frames(folder / "a.h5", images, mask=np.zeros((64, 64), bool), known={}, poni="")
except TsctError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("kind", ["records", "frames"])
@pytest.mark.parametrize("spare", [0, 4096, 20_000, 100_000, 300_000, 700_000, 1_000_000])
def test_a_full_disk_is_said_and_leaves_nothing(small_disk, fill, kind, spare):
    fill(small_disk, spare)
    command = [sys.executable, "-c", WRITE, kind, str(small_disk), "1300000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 5, done.stderr
    assert "a.h5" in done.stdout and "free" in done.stdout and "make room" in done.stdout
    assert not done.stderr
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]


@pytest.mark.parametrize("size", [1000, 30_000, 300_000, 2_500_000])
def test_a_disk_that_is_full_for_a_moment_is_noticed(small_disk, fill, monkeypatch, size):
    """While one dataset is written there is no room, and before and after there is."""
    record = xr.Dataset({name: ("x", np.random.default_rng(1).random(size // 8)) for name in ("a", "b", "c")})
    monkeypatch.setattr(files, "check_room", lambda *_: None)
    write = files.write_array

    def without_room(group, name, *rest):
        ballast = fill(small_disk) if name == "b" else None
        dataset = write(group, name, *rest)
        dataset.file.flush()
        if ballast:
            ballast.unlink()
        return dataset

    monkeypatch.setattr(files, "write_array", without_room)
    with pytest.raises(ResourceError, match=r"a\.h5: No space left"):
        write_records(small_disk / "a.h5", {"record": record})
    assert not list(small_disk.iterdir())


def test_a_disk_that_drops_what_it_takes_is_noticed(tmp_path, monkeypatch):
    """One write after the other is swallowed without a word; the file is refused or holds what it should."""
    record = xr.Dataset(
        {"a": (("x", "y"), np.random.default_rng(1).random((4, 500))), "t": ("x", list("abcd"))}, attrs={"k": "v" * 500}
    )
    write, dropped, refused = disk.DiskFile.write, [0, 0], 0

    def careless(self, data):
        dropped[0] += 1
        return len(data) if dropped[0] == dropped[1] else write(self, data)

    monkeypatch.setattr(disk.DiskFile, "write", careless)
    for number in range(1, 200):
        dropped[:] = [0, number]
        try:
            write_records(tmp_path / "a.h5", {"record": record})
        except ResourceError:
            refused += 1
        else:
            xr.testing.assert_identical(read_record(tmp_path / "a.h5"), record)
        if dropped[0] < number:
            break
    assert 3 <= refused <= number
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]


def test_what_does_not_fit_is_refused_before_it_is_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 0, 10**6))
    monkeypatch.setattr(files, "creating", lambda path: pytest.fail("begun"))
    record = xr.Dataset({"a": ("x", np.zeros(500_000))})
    with pytest.raises(ResourceError, match=r"needs 4 MB and 1 MB are free on its disk; make room for 3 MB more"):
        write_records(tmp_path / "a.h5", {"record": record})


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_text_and_pictures_on_a_full_disk(tmp_path, number):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ResourceError, match=r"a\.txt: .*make room"), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise OSError(number, os.strerror(number))
    assert (tmp_path / "a.txt").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_other_errors_of_a_disk_stay_what_they_are(tmp_path):
    with pytest.raises(PermissionError), replacing(tmp_path / "a.txt") as temporary:
        temporary.touch()
        raise PermissionError(errno.EACCES, "no")


def test_ctrl_c_in_the_middle_of_a_write(tmp_path, monkeypatch):
    """It is raised, once HDF5 has closed its file."""

    class Interrupted(disk.DiskFile):
        def __init__(self, path):
            super().__init__(path)
            self._file = Raising(self._file)

    class Raising:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            raise KeyboardInterrupt

        def __getattr__(self, name):
            return getattr(self.file, name)

    monkeypatch.setattr(files, "DiskFile", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_records(tmp_path / "a.h5", {"record": xr.Dataset({"a": ("x", np.zeros(10))})})
    assert not list(tmp_path.iterdir())


def test_a_name_that_the_locale_cannot_decode_is_written_as_it_is(tmp_path):
    name = b"Glas \xc3\xa4".decode("ascii", "surrogateescape")
    write_text(tmp_path / "a.txt", f"inputfile = {name}\n")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "inputfile = Glas ä\n"
    write_records(tmp_path / "a.h5", {"gr": xr.Dataset({"name": ("pattern", [name])})})
    assert read_record(tmp_path / "a.h5", "gr")["name"].values[0] == "Glas ä"
