"""A region of interest that a map decides, through the command line: decided once, the same after a stop."""

import sys

import numpy as np
import pytest

from tsct.apps.cli import main as cli
from tsct.apps.run import pipeline as job
from tsct.apps.run.experiment import load
from tsct.apps.run.settings import dump
from tsct.records.io.files import read_record
from tsct.validation.report import report

from ..small import quiet, tiny

FEW = ("states.potentials_v=[0.50, 0.20]", "slices.z_mm=[0.018, 0.050]", "output.volumes=false")


@pytest.fixture(scope="module", autouse=True)
def no_report():
    """Pictures take longer than all else and are not at issue."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "write_report", lambda *_: None)
        yield


def tsct(*arguments):
    """Run one command in this process; returns its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tsct", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
    return end.value.code or 0


def recovered(folder):
    return read_record(folder / "recovered.h5", "recovered")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Scans, and what an analysis with the whole circle finds in them."""
    folder = tmp_path_factory.mktemp("region")
    (folder / "circle.toml").write_text(dump(tiny(*FEW).settings))
    assert tsct("simulate", folder / "circle.toml", "-o", folder / "scans", "--workers", "1") == 0
    assert tsct("analyze", folder / "scans", "-o", folder / "circle", "--no-volumes", "--workers", "1") == 0
    return folder


@pytest.fixture(scope="module")
def level(scans):
    """The median of silicon in the circle."""
    circle = recovered(scans / "circle")
    return float(np.median(circle.silicon.values[0, 1][circle.roi.values.astype(bool)]))


@pytest.fixture(scope="module")
def wanted(scans, level):
    """The experiment with the region above that level, as a file."""
    made = tiny(*FEW, "analysis.roi.map='silicon'", f"analysis.roi.above={level!r}")
    (scans / "above.toml").write_text(dump(made.settings))
    assert load(str(scans / "above.toml")).recipe == made.recipe
    return scans / "above.toml"


@pytest.fixture(scope="module")
def whole(scans, wanted):
    """A run in two processes."""
    assert tsct("run", wanted, "-o", scans / "run", "--workers", "2") in (0, 1, 4)
    return scans / "run"


def test_all_tiles_have_the_voxels_above_the_level_in_the_first_state(scans, level, whole):
    circle = recovered(scans / "circle")
    chosen = circle.roi.values.astype(bool) & (circle.silicon.values[0, 1] > level)
    assert 2 < chosen.sum() < circle.roi.values.sum()
    assert np.array_equal(recovered(whole).roi.values.astype(bool), chosen)
    tiles = sorted((whole / "tiles").iterdir())
    assert len(tiles) == 4
    for path in tiles:
        assert np.array_equal(read_record(path, "tile").roi.values.astype(bool), chosen), path.name
    assert recovered(whole).attrs["roi_threshold"].startswith("silicon above ")


def test_an_analysis_of_the_files_in_any_order_gives_the_same(scans, wanted, whole):
    files = sorted((scans / "scans/scan").glob("*.h5"), reverse=True)
    out = scans / "analysed"
    assert tsct("analyze", *files, "--experiment", wanted, "-o", out, "--no-volumes", "--workers", "1") == 0
    assert recovered(out).identical(recovered(whole))


def test_a_run_that_goes_on_keeps_its_region(whole, wanted, tmp_path):
    experiment, titles = load(str(wanted)), []

    def stopped(items, title, total):
        for k, item in enumerate(items):
            if title == "scan and analysis" and k == 2:
                raise KeyboardInterrupt
            yield item

    def told(items, title, total):
        titles.append(title)
        return quiet(items, title, total)

    with pytest.raises(KeyboardInterrupt):
        job.run(experiment, tmp_path, workers=1, overwrite=False, track=stopped)
    job.run(experiment, tmp_path, workers=1, overwrite=False, track=told)
    assert titles == ["scattering from atoms", "scan and analysis (2 of 4 were done before)"]
    assert recovered(tmp_path).identical(recovered(whole))


def test_a_level_that_no_voxel_reaches_is_refused_with_the_largest_value(scans, capsys):
    circle = recovered(scans / "circle")
    largest = circle.silicon.values[0, 1][circle.roi.values.astype(bool)].max()
    keys = ("--set", "analysis.roi.map=silicon", "--set", "analysis.roi.above=5")
    assert tsct("analyze", scans / "scans", *keys, "-o", scans / "none", "--workers", "1") == 3
    said = capsys.readouterr().err
    assert f"no voxel has silicon above 5 1/angstrom^3; of the {circle.roi.values.sum()} voxels in question" in said
    assert f"the largest is {largest:.4g}" in said
    assert not (scans / "none").exists()
