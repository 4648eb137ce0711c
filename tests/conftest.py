"""A small disk, for tests of what happens when there is no room."""

import shutil
import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A disk of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here (that takes root)")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def fill():
    """Takes all the room of a disk but some, and returns the file that takes it."""

    def take(folder, spare=0):
        ballast = folder / "ballast"
        with ballast.open("wb", buffering=0) as handle:
            handle.write(bytes(max(0, shutil.disk_usage(folder).free - spare)))
        return ballast

    return take
