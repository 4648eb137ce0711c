"""The wheel holds everything: built, installed elsewhere and run from there."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("tsct", "records", "phantoms", "simulate", "analyze", "validation", "apps")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of the sources, so that nothing is written into the checkout."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*FOLDERS, "pyproject.toml", "README.md", "LICENSE"):
        (source / name).symlink_to(ROOT / name)
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (built,) = out.glob("tsct-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The unpacked wheel on the path of an interpreter that does not see the checkout."""
    target = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def run(installed, *arguments, cwd):
    # -S keeps the editable install of the checkout out; the libraries come from the same environment
    libraries = [path for path in sys.path if "site-packages" in path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(installed), *libraries])}
    command = [sys.executable, "-S", "-c", "from tsct.apps.cli.main import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def test_every_module_and_data_file_is_in_the_wheel(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                name = path.relative_to(ROOT) if folder == "tsct" else Path("tsct", path.relative_to(ROOT))
                assert str(name) in packed


def test_the_command_line_runs_from_the_wheel(installed, tmp_path):
    done = run(installed, "structures", "show", "carbon-black", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "carbon black" in done.stdout
    done = run(installed, "init", "wragg2023", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
