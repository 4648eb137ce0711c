"""The walk in a child process: it ends in time or is ended, costs little, and harms nobody else."""

import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from tsct.records.errors import InputError
from tsct.records.io import trial
from tsct.records.io.untrusted import member, opened, values


@pytest.fixture
def walker(monkeypatch):
    """A walker of its own, so that nothing is known before."""
    walker = trial._Walker()
    monkeypatch.setattr(trial, "_WALKER", walker)
    yield walker
    walker.end()


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle["data"] = np.arange(5.0)
    os.utime(tmp_path / "a.h5", (1e9, 1e9))
    return tmp_path / "a.h5"


def test_one_child_serves_many_files_and_a_known_one_needs_none(walker, path, tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "SETTLED_S", -1.0)
    trial.walk_first(path)
    first = walker.child.process.pid
    with h5py.File(tmp_path / "b.h5", "w") as handle:
        handle["data"] = 1.0
    trial.walk_first(tmp_path / "b.h5")
    assert walker.child.process.pid == first
    monkeypatch.setattr(walker, "ask", lambda *_: pytest.fail("asked again"))
    trial.walk_first(path)
    trial.walk_first(tmp_path / "b.h5")


def test_a_file_that_has_only_just_changed_is_walked_through_again(walker, path):
    path.touch()
    trial.walk_first(path)
    assert not walker.known


def test_a_walk_without_end_is_ended(walker, path, monkeypatch):
    """A child that does not answer is killed; the file is refused; the next file gets a new child."""
    monkeypatch.setattr(trial, "SECONDS", 1.0)
    trial.walk_first(path)
    child = walker.child.process
    os.kill(child.pid, signal.SIGSTOP)
    other = path.with_name("b.h5")
    other.write_bytes(path.read_bytes())
    start = time.monotonic()
    with pytest.raises(InputError, match=r"b\.h5: .*gets nowhere with it in 1 s"):
        trial.walk_first(other)
    assert time.monotonic() - start < 20 and child.poll() is not None
    trial.walk_first(other)
    assert walker.child.process.pid != child.pid


def test_a_crash_is_refused_as_damage(walker, path):
    """As a fault in the HDF5 library ends a process; here the child is gone when it is asked."""
    other = path.with_name("b.h5")
    other.write_bytes(path.read_bytes())
    trial.walk_first(path)
    walker.child.process.kill()
    walker.child.process.wait()
    with pytest.raises(InputError, match="crashes over it"):
        trial.walk_first(other)
    trial.walk_first(other)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of the processor's time are tested where they are sure")
def test_a_child_that_loops_ends_without_its_parent():
    code = "from tsct.records.io import walk\nwalk._limit(0)\nwhile True: pass"
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == -signal.SIGXCPU


def test_a_file_in_the_working_folder_is_not_run(tmp_path, path):
    """The child starts in whatever folder its user is, and imports nothing from there."""
    for name in ("numpy", "h5py", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(f'{__name__} of the folder')")
    code = f"from tsct.records.io import trial; trial.walk_first(__import__('pathlib').Path({str(path)!r}))"
    subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, timeout=60, check=True)


def test_time_grows_with_what_is_stored_and_not_with_holes(tmp_path):
    (tmp_path / "full").write_bytes(bytes(10**7))
    with (tmp_path / "hole").open("wb") as handle:
        handle.truncate(10**12)
    assert trial._allowed_s(tmp_path / "full") > trial.SECONDS + 0.1
    assert trial._allowed_s(tmp_path / "hole") < trial.SECONDS + 0.1


def test_names_of_files_may_be_anything(walker, tmp_path):
    path = tmp_path / "a\nb 'β' \udcff.h5"
    with h5py.File(os.fsencode(path), "w") as handle:
        handle["data"] = 1.0
    with opened(path) as handle:
        assert values(member(handle, "data")) == 1.0


def test_threads_share_the_child(walker, path):
    from concurrent.futures import ThreadPoolExecutor

    files = [path.with_name(f"{i}.h5") for i in range(20)]
    for file in files:
        file.write_bytes(path.read_bytes())
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(trial.walk_first, files)) == [None] * 20
