"""Sweeps: the design, the table, and that it is the same however often the work was killed."""

import csv
import json
import math
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.stats import spearmanr

from tsct.apps.run.ledger import read_ledger
from tsct.apps.studies.sweep import Range, correlation, read_sweep, run_sweep, score_point
from tsct.apps.studies.sweep_page import write_page
from tsct.records.errors import InputError, UsageError
from tsct.records.io.files import read_record

from ..small import TINY, quiet, tiny


def written(folder, text):
    path = folder / "sweep.toml"
    path.write_text(text)
    return path


def tiny_sweep(folder, factors, **more):
    """A sweep file of the tiny experiment with two states."""
    pairs = [change.split("=", 1) for change in (*TINY, "states.potentials_v=[0.50, 0.20]")]
    base = {**{f'"{key}"': value.replace("'", '"') for key, value in pairs}}
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"quick": False, **more}.items()]
    lines += ["[set]", *(f"{key} = {value}" for key, value in base.items()), "[factors]", *factors]
    return written(folder, "\n".join(lines))


GRID = ('"beamline.exposure_s" = [0.01, 0.1]', '"beamline.physics.parallax" = [0.0, 1.0]', '"seed" = [1, 2]')


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    sweep = read_sweep(tiny_sweep(folder, GRID))
    return sweep, folder, run_sweep(sweep, folder, workers=1, overwrite=False, track=quiet)


def test_a_grid_holds_every_combination(grid):
    _, _, table = grid
    assert table.sizes["point"] == 8
    rows = set(zip(*(table[name].values.tolist() for name in table.attrs["factors"]), strict=True))
    assert rows == {
        (exposure, parallax, seed) for exposure in (0.01, 0.1) for parallax in (0.0, 1.0) for seed in (1, 2)
    }


def test_scores_are_those_of_a_run(grid, tmp_path, monkeypatch):
    from tsct.apps.run import pipeline as job
    from tsct.validation.report import report

    monkeypatch.setattr(report, "write_report", lambda *_: None)
    made = tiny("states.potentials_v=[0.50, 0.20]", "beamline.exposure_s=0.01", "beamline.physics.parallax=0.0")
    rows = job.run(made, tmp_path, workers=1, overwrite=False, track=quiet).document()["checks"]
    own = {row["id"]: row["value"] for row in rows if row["value"] is not None}
    found = dict(zip(grid[2].check.values, grid[2].value.values[0], strict=True))
    assert len(own) > 5
    assert {name: value for name, value in found.items() if math.isfinite(value)} == own


def test_the_table_is_on_disk_twice(grid):
    _, folder, table = grid
    assert read_record(folder / "sweep.h5", "sweep").identical(table)
    rows = list(csv.DictReader((folder / "sweep.csv").read_text().splitlines()))
    assert [row["point"] for row in rows] == table.point.values.tolist()
    for name in table.check.values:
        numbers = [float(row[name]) if row[name] else math.nan for row in rows]
        np.testing.assert_array_equal(numbers, table.value.sel(check=name).values)


def test_the_page_shows_every_score(grid):
    _, folder, table = grid
    few = table.isel(check=[k for k, c in enumerate(table.check.values) if c in ("iq.level", "pdf.rw")])
    page = write_page(few, folder).read_text()
    assert page.count("data:image/png") == int(np.isfinite(few.value).any("point").sum()) > 0
    assert "Content-Security-Policy" in page and "<script" not in page


def test_two_processes_give_the_same_table(grid, tmp_path):
    sweep, folder, _ = grid
    run_sweep(sweep, tmp_path, workers=2, overwrite=False, track=quiet)
    assert (tmp_path / "sweep.csv").read_bytes() == (folder / "sweep.csv").read_bytes()


def test_a_finished_sweep_does_nothing_again(grid):
    sweep, folder, table = grid
    totals = []
    again = run_sweep(sweep, folder, workers=1, overwrite=False, track=lambda i, t, n: totals.append(n) or i)
    assert totals == [0] and again.identical(table)


def test_another_sweep_is_not_mixed_in(grid, tmp_path):
    _, folder, _ = grid
    other = read_sweep(tiny_sweep(tmp_path, GRID[:2]))
    with pytest.raises(UsageError, match=r"holds another sweep \(other .*sweep\)"):
        run_sweep(other, folder, workers=1, overwrite=False, track=quiet)


def test_impossible_points_are_told_and_the_rest_is_done(tmp_path):
    sweep = read_sweep(tiny_sweep(tmp_path, ['"analysis.q_max" = [18.0, 60.0]'], checks=["pdf.peak[si-si]"]))
    shared = {"source": sweep.experiment, "quick": False, "set": dict(sweep.set), "checks": sweep.checks}
    found = score_point(shared, {"analysis.q_max": 60.0})
    assert found["verdict"] == "impossible" and "but the scan ends at 20" in found["error"]
    assert list(score_point(shared, {"analysis.q_max": 18.0})["checks"]) == ["pdf.peak[si-si]"]


def test_a_sobol_sequence_fills_the_ranges_and_grows(tmp_path):
    factors = (
        '"beamline.exposure_s" = { low = 0.001, high = 1.0, scale = "log" }',
        '"beamline.scan.views" = { low = 10, high = 13 }',
        '"analysis.window" = ["none", "lorch"]',
    )
    long, short = (
        list(read_sweep(tiny_sweep(tmp_path, factors, design="sobol", points=n)).designed().values()) for n in (64, 48)
    )
    assert long[:48] == short
    exposure = np.array([point["beamline.exposure_s"] for point in long])
    # a scrambled net puts one point into each 64th of the range of every factor
    assert sorted(np.floor(64 * (np.log10(exposure) + 3) / 3).astype(int)) == list(range(64))
    assert {point["beamline.scan.views"] for point in long} == {10, 11, 12, 13}
    assert [point["analysis.window"] for point in long].count("lorch") == 32


def test_ranges_of_a_grid():
    assert Range(low=1, high=3, steps=3).values == (1, 2, 3)
    assert Range(low=1, high=3, steps=9).values == (1, 2, 3)
    assert Range(low=0.01, high=1.0, scale="log", steps=3).values == pytest.approx((0.01, 0.1, 1.0))


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", InputError, r"no \[factors\]"),
        ('design = "random"\n[factors]\nseed = [1]', UsageError, "design"),
        ('checks = ["A99"]\n[factors]\nseed = [1]', UsageError, "no check 'A99'"),
        ("[factors]\nseed = 1", InputError, "factors.seed must be a list"),
        ("[factors]\nseed = []", InputError, "factors.seed must be a list"),
        ("[factors]\nseed = { low = 3, high = 1 }", InputError, "low < high"),
        ("[factors]\nseed = { low = 1, hihg = 3 }", UsageError, "did you mean 'high'"),
        ("[factor]\nseed = [1]", UsageError, "did you mean 'factors'"),
    ],
)
def test_bad_sweep_files_are_refused(tmp_path, text, error, message):
    with pytest.raises(error, match=message):
        read_sweep(written(tmp_path, text))


def test_a_factor_that_is_no_key_is_refused_at_once(tmp_path):
    sweep = read_sweep(tiny_sweep(tmp_path, ['"beamline.exposure" = [0.1, 0.2]']))
    with pytest.raises(UsageError, match=r"unknown key 'beamline.exposure'; did you mean 'exposure_s'"):
        run_sweep(sweep, tmp_path / "out", workers=1, overwrite=False, track=quiet)


def test_rank_correlation_is_that_of_scipy():
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 5, 40).astype(float), rng.normal(size=40)
    assert correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert math.isnan(correlation(np.ones(40), y))


def killed(source, folder, after):
    """Start the command and kill it with SIGKILL when so many points are done."""
    words = ("sweep", source, "-o", folder, "--workers", "2")
    process = subprocess.Popen([sys.executable, "-m", "tsct.apps.cli.main", *words], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while len(read_ledger(folder / "sweep.jsonl")[1]) < after:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return len(read_ledger(folder / "sweep.jsonl")[1])


def survives(tmp_path, source, kills, points):
    folder = tmp_path / "killed"
    folder.mkdir()
    done = 0
    for k in range(kills):
        done = killed(source, folder, done + 1 + k)
    assert done < points
    again = run_sweep(read_sweep(source), folder, workers=1, overwrite=False, track=quiet)
    whole = run_sweep(read_sweep(source), tmp_path / "whole", workers=1, overwrite=False, track=quiet)
    assert again.identical(whole) and again.sizes["point"] == points
    for name in ("sweep.csv",):
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_killed_sweep_ends_with_the_same_table(tmp_path):
    source = tiny_sweep(
        tmp_path, ('"seed" = { low = 1, high = 12, steps = 12 }',), checks=["pdf.peak[si-si]", "pdf.far-over-near"]
    )
    survives(tmp_path, source, 1, 12)


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sweep_of_64_points_survives_being_killed_five_times(tmp_path):
    factors = (
        '"beamline.exposure_s" = { low = 0.001, high = 1.0, scale = "log" }',
        '"beamline.scan.views" = { low = 8, high = 24 }',
        '"beamline.faults.channel_gain" = { low = 0.0, high = 0.01 }',
        '"analysis.q_max" = { low = 14.0, high = 20.0 }',
    )
    source = tiny_sweep(tmp_path, factors, design="sobol", points=64, checks=["pdf.peak[si-si]", "pdf.far-over-near"])
    survives(tmp_path, source, 5, 64)
