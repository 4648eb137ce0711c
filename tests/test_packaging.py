"""Installed as a wheel or for editing: everything is there, runs from anywhere, and a user's mypy sees the types."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("tsct", "records", "phantoms", "simulate", "analyze", "validation", "apps")
# nothing is downloaded where the build tool is there, and new enough for pyproject.toml
ENOUGH = int(version("setuptools").split(".")[0]) >= 77

LOOK = "import tsct, tsct.phantoms; print(tsct.__version__, callable(tsct.analyze.chain), tsct.phantoms.__file__)"
# as the Makefile installs: links laid out as a wheel would be, which tools can follow without running anything
EDITABLE = ("--config-settings", "editable_mode=strict")
# what the last three lines do wrong must be reported
SCRIPT = """\
import tsct
from tsct import analyze, phantoms, simulate
from tsct.analyze.recipe import Recipe
reveal_type(tsct.__version__)
reveal_type(tsct.analyze.chain)
reveal_type(phantoms.wragg2023())
reveal_type(Recipe)
analyze.chain(phantoms.wragg2023())
tsct.analyze.chian
simulate.scan(phantoms.wragg2023(), sed=1)
"""


def checked(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the sources, so that nothing is written into the checkout."""
    folder = tmp_path_factory.mktemp("source")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    isolation = ["--no-isolation"] if ENOUGH else []
    checked(sys.executable, "-m", "build", "--wheel", *isolation, "--outdir", out, source)
    (built,) = out.glob("tsct-*.whl")
    return built


@pytest.fixture(scope="module", params=["wheel", "editable"])
def python(request, tmp_path_factory):
    """The interpreter of an environment with the libraries of this one, but with the package installed anew."""
    folder = tmp_path_factory.mktemp(request.param)
    venv.create(folder, with_pip=False)
    python = Path(venv.EnvBuilder().ensure_directories(folder).env_exe)
    site = checked(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # without its finders of other editable installs, which only the lines "import ..." of a .pth would start
    Path(site, "libraries.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps"]
    if request.param == "wheel":
        checked(*install, request.getfixturevalue("wheel"))
    else:
        isolation = ["--no-build-isolation"] if ENOUGH else []
        checked(*install, *isolation, *EDITABLE, "-e", request.getfixturevalue("source"))
    return python


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


@pytest.mark.slow
def test_an_install_is_complete_from_anywhere(python, source, tmp_path):
    """A folder that happens to be called tsct hides nothing, nor does the checkout, whose folder tsct has no rooms."""
    (tmp_path / "tsct").mkdir()
    for folder in (tmp_path, source):
        number, found = checked(python, "-c", LOOK, cwd=folder).split()[:2]
        assert (number, found) == (version("tsct"), "True")
    elsewhere = checked(python, "-c", LOOK, cwd=tmp_path).split()[2]
    assert Path(elsewhere).parts[-3:] == ("tsct", "phantoms", "__init__.py")


@pytest.fixture(scope="module")
def mypy_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")


@pytest.mark.slow
def test_the_mypy_of_a_user_sees_types(python, mypy_cache, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "mypy", "--python-executable", python, "--cache-dir", mypy_cache, "script.py"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=tmp_path, check=False)
    lines = [line.split(": ", 1) for line in done.stdout.splitlines() if line.startswith("script.py:")]
    notes = [text.removeprefix("note: ") for _, text in lines if text.startswith("note: Revealed")]
    for note, expected in zip(notes, ('"str"', "-> xarray.core.dataset.Dataset", "Phantom", "PdfRecipe"), strict=True):
        assert expected in note
    errors = [(place, text) for place, text in lines if text.startswith("error: ")]
    assert [place for place, _ in errors] == ["script.py:8", "script.py:9", "script.py:10"]
    assert 'expected "Dataset"' in errors[0][1]
    assert 'Module has no attribute "chian"' in errors[1][1]
