"""What a run takes is said before it starts, and is close to what it takes."""

import json
import re
import resource
import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest

from tsct.analyze.readers import ScanOutline
from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.apps.cli import main as cli
from tsct.apps.run import estimate as module
from tsct.apps.run.estimate import estimate, estimate_analysis
from tsct.apps.run.experiment import load
from tsct.records.errors import ResourceError

COARSE = ("beamline.scan.q_step=0.04", "beamline.scan.views=45", "states.potentials_v=[0.5, 0.2]", "slices.z_mm=[0.05]")


@pytest.fixture(scope="module")
def small():
    return load("wragg2023", overrides=COARSE)


@pytest.fixture(scope="module")
def whole():
    return load("wragg2023")


def test_it_names_tiles_time_memory_and_disk(whole):
    text = str(estimate(whole, 2, analyse=True))
    assert text.startswith("69 tiles, about ") and "min" in text
    assert "GB of memory with 2 processes" in text and "GB on disk" in text


def test_memory_is_that_of_a_tile_whatever_the_number_of_tiles(small):
    many = load("wragg2023", overrides=(*COARSE[:2], "slices.z_mm=[0.05]"))
    few, more = (estimate(one, 2, analyse=False) for one in (small, many))
    assert more.tiles > 10 * few.tiles
    assert few.memory_bytes == more.memory_bytes


def test_time_is_linear_in_tiles_and_shared_by_processes(whole):
    one, two = (estimate(whole, processes, analyse=True).seconds for processes in (1, 2))
    assert 1.5 < one / two <= 2.0


# measured apart from the test's own process, whose libraries would be counted too
MEASURE = """
import sys
from tsct.apps.run import pipeline
from tsct.apps.run.experiment import load
from tsct.apps.run.workers import single_threaded
from tsct.analyze.chain import analyze_tile
from tsct.simulate.scan import simulate_tile
from tsct.simulate.beampath.phase_spectra import spectra_table
single_threaded()
made = load("wragg2023", overrides=sys.argv[2:])
table = spectra_table(made.phantom, made.beamline)
scan = simulate_tile(made.phantom, made.beamline, table, 1, 0, 0)
if sys.argv[1] == "analyse":
    analyze_tile(scan, made.recipe, volumes=made.settings.output.volumes)
# getrusage would start at the memory of the process that forked this one
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024)
"""


LARGE = ("beamline.scan.views=180", "beamline.scan.translations=90", *COARSE[2:])
#: as fine as the experiment is, and the tile larger than the tables of its detector
FINE = ("beamline.scan.views=180", "beamline.scan.translations=120", *COARSE[2:])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "overrides"),
    [
        ("analyse", COARSE),
        ("analyse", (*COARSE, "beamline.scan.views=150")),
        pytest.param("analyse", LARGE, marks=pytest.mark.campaign),
        *(pytest.param("simulate", each, marks=pytest.mark.campaign) for each in (COARSE, LARGE, FINE)),
    ],
    ids=["coarse", "more views", "large", "simulate coarse", "simulate large", "simulate fine"],
)
def test_the_estimate_of_a_tile_is_right_within_a_fifth(work, overrides):
    command = [sys.executable, "-c", MEASURE, work, *overrides]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    predicted = estimate(load("wragg2023", overrides=overrides), 1, analyse=work == "analyse").memory_bytes
    assert 0.8 <= predicted / float(found.stdout) <= 1.2


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_the_estimate_of_a_run_is_right_within_a_fifth(processes, tmp_path):
    command = [sys.executable, "-m", "tsct.apps.cli.main", "run", "wragg2023", "--quick"]
    subprocess.run([*command, "--workers", str(processes), "-o", str(tmp_path)], capture_output=True, check=False)
    peak = json.loads((tmp_path / "run.json").read_text())["peak_mb"]
    predicted = estimate(load("wragg2023", quick=True), processes, analyse=True).memory_bytes
    assert 0.8 <= predicted / 1e6 / peak <= 1.2


RECIPE = Recipe(pdf=PdfRecipe(composition={"Si": 0.5, "C": 0.5}, q_max=22.0), model="none")


def outline(views=400, translations=1000, channels=2047):
    size = {"views": views, "translations": translations, "channels": channels}
    return ScanOutline(**size, is_counts=True, has_transmission=False, composition="")


def test_a_scan_of_a_whole_cell_fits_without_volumes():
    """The size of public scans: 819 million counts. Its patterns and PDFs alone are 16 GB with their errors."""
    without, with_them = (estimate_analysis([outline()], RECIPE, 1, volumes=wanted) for wanted in (False, True))
    assert without.memory_bytes < 8e9 < 1.6e10 < with_them.memory_bytes
    assert with_them.seconds > 5 * without.seconds
    assert str(without).startswith("1 tile, about ")


def test_an_estimate_of_an_analysis_follows_from_counts_and_voxels():
    few, views, both = (
        estimate_analysis(scans, RECIPE, processes, volumes=False).seconds
        for scans, processes in (([outline(50, 100, 500)], 1), ([outline(500, 100, 500)], 1), ([outline()] * 2, 2))
    )
    assert views > few
    # two scans on two processors take as long as one
    assert both == pytest.approx(estimate_analysis([outline()], RECIPE, 1, volumes=False).seconds, rel=0.2)
    by_rays, by_steps = (
        estimate_analysis([outline(50, 100, 500)], recipe, 1, volumes=False, page=False).seconds
        for recipe in (RECIPE, replace(RECIPE, method="sirt"))
    )
    assert by_steps > 5 * by_rays


# an analysis by the command line, in a process of its own: processor time and peak memory of it
ANALYSE = """
import resource, subprocess, sys
command = [sys.executable, "-m", "tsct.apps.cli.main", "analyze", *sys.argv[1:]]
said = subprocess.run(command, capture_output=True, text=True, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(said.stderr, file=sys.stderr)
print(used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss)
"""
MAPPED = """
[intensity]
path = "i"
dims = ["angle", "translation", "q"]
units = "counts"
[q]
linspace = [0.6, 24.6, {channels}]
units = "1/angstrom"
[angle]
linspace = [0.0, {last}, {views}]
units = "deg"
[translation]
linspace = [-1.0, 1.0, {translations}]
units = "mm"
[attrs]
energy_kev = 100.0
sample_composition = "Ce O2"
solid_angle_applied = true
polarization_applied = true
efficiency_applied = true
monitor_applied = true
transmission_applied = true
"""


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.parametrize("choice", ["--no-volumes", "--volumes"])
def test_the_estimate_of_an_analysis_is_right_within_thirty_per_cent(choice, tmp_path):
    """51 million counts of a disc: time of one processor and peak memory against what is said first."""
    size = {"views": 200, "translations": 250, "channels": 1024}
    x, q = np.linspace(-1.0, 1.0, size["translations"]), np.linspace(0.6, 24.6, size["channels"])
    mean = 60 * np.sqrt(np.clip(0.49 - x**2, 0.0, None))[:, None] * (10 + 60 * np.exp(-((q / 9) ** 2))) + 0.05
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        rows = handle.create_dataset("i", shape=tuple(size.values()), dtype="f4")
        for view in range(size["views"]):
            rows[view] = np.random.default_rng(view).poisson(mean)
    (tmp_path / "m.toml").write_text(MAPPED.format(**size, last=180.0 - 180.0 / size["views"]))
    command = [tmp_path / "a.h5", "--mapping", tmp_path / "m.toml", "-o", tmp_path / "out", "--no-page", choice]
    settings = ["--workers", "1", "--set", "analysis.q_max=22"]
    job = [sys.executable, "-c", ANALYSE, *map(str, command), *settings]
    found = subprocess.run(job, capture_output=True, text=True, check=True)
    seconds, peak = map(float, found.stdout.split())
    expected = re.search(r"estimate: 1 tile, about (\d+) s, ([0-9.]+) GB of memory", found.stderr)
    assert expected is not None
    assert 0.7 <= float(expected[1]) / seconds <= 1.3
    assert 0.7 <= 1e9 * float(expected[2]) / peak <= 1.3


def test_what_does_not_fit_is_refused_with_the_numbers(whole, monkeypatch):
    expected = estimate(whole, 2, analyse=True)
    with pytest.raises(ResourceError, match=r"needs \d\.\d GB of memory but 1\.0 GB are allowed \(--max-memory\)"):
        expected.check_memory(1.0)
    expected.check_memory(100.0)
    monkeypatch.setattr(module, "memory_bytes", lambda: 1e8)
    with pytest.raises(ResourceError, match=r"0\.1 GB are free"):
        expected.check_memory(None)


def test_a_huge_scan_is_refused_before_anything_is_allocated(monkeypatch):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    huge = load("wragg2023", overrides=("beamline.scan.views=50000",))
    with pytest.raises(ResourceError, match="GB of memory"):
        estimate(huge, 2, analyse=True).check_memory(8.0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def test_the_command_says_it_first_and_refuses_with_exit_5(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(sys, "argv", ["tsct", "simulate", "-o", str(tmp_path / "out"), "--max-memory", "0.5"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    said = capsys.readouterr().err.splitlines()
    assert end.value.code == 5
    assert said[0].startswith("estimate: 69 tiles, about ") and said[1].startswith("error: the run needs ")
    assert not (tmp_path / "out").exists()
