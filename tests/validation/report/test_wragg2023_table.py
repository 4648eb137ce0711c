"""The paper's numbers beside those of a run: nothing is said of the run that its records do not say."""

import numpy as np
import pytest
import xarray as xr

from tsct.validation.report.figures import Sources
from tsct.validation.report.wragg2023_table import ROWS, comparison
from tsct.validation.score import CHECKS, Scores, score

NOTHING = Scores(outcomes=())
PEAKS = [check for check in CHECKS if check.id in {"pdf.peak[si-si]", "pdf.peak[c-c]", "pdf.far-over-near"}]


@pytest.fixture(scope="module")
def rows(small, region):
    truth, found = small
    lines = comparison(score(truth, found, checks=PEAKS), Sources(found=found, truth=truth, region=region))
    return {line.quantity: line for line in lines}


def test_every_check_that_is_named_exists():
    assert {row.check for row in ROWS} - {""} <= {check.id for check in CHECKS}


def test_truth_is_read_from_the_run(rows):
    assert rows["C–C peak"].truth.startswith("peak at 1.4")
    assert rows["truncation ghost"].truth.startswith("peak at ")
    assert rows["Si–Li"].truth == "Li neighbours per Si 0 → 1.76"
    assert rows["second shell"].truth == "lost share 0 → 0.1"
    assert rows["third onset"].truth == "0.21 V"


def test_order_of_the_truth_is_the_number_of_its_check(rows, small, region):
    truth, found = small
    perfect = found.copy()
    perfect["roi_gr"] = perfect.roi_gr * 0 + region.gr
    outcome = score(truth, perfect, checks=PEAKS).outcomes[-1]
    assert outcome.check.id == "pdf.far-over-near"
    said = float(rows["order at long distance"].truth.split()[0])
    assert said == pytest.approx(outcome.measurement.value, rel=1e-3)


def test_recovered_numbers_are_those_of_the_checks(rows, small):
    measured = {outcome.check.id: outcome for outcome in score(*small, checks=PEAKS).outcomes}
    assert rows["C–C peak"].found == f"{measured['A3'].measurement.value:.4g}\u00a0Å"
    assert rows["C–C peak"].verdict == measured["pdf.peak[c-c]"].verdict
    assert rows["Si–Li"].found == "1.54 ± 0.00 Li neighbours per Si at the end"
    assert rows["slices and voxels"].found == "2 slices, 500 µm"


def test_another_phantom_has_another_truth(rows, small, region):
    truth, found = small
    moved = region.assign(gr=("r", np.roll(region.gr.values, 1)))
    lines = comparison(NOTHING, Sources(found=found, truth=truth, region=moved))
    before, after = (
        float(next(line.truth for line in some if line.quantity == "C–C peak").split()[2])
        for some in (rows.values(), lines)
    )
    assert after - before == pytest.approx(0.05, abs=0.002)


def test_what_is_unknown_is_a_dash(small):
    _, found = small
    bare = xr.Dataset(coords={"q": found.q, "r": found.r, "state": [0]}, attrs={"q_max": 20.0})
    lines = comparison(NOTHING, Sources(found=bare))
    assert {line.truth for line in lines} == {"–"}
    assert {line.found for line in lines if line.quantity != "range of I(Q)"} == {"–", "not in this run"}


def test_curves_that_are_not_numbers_have_no_peak(small, region):
    _, found = small
    lines = comparison(NOTHING, Sources(found=found, region=region * np.nan))
    assert next(line for line in lines if line.quantity == "C–C peak").truth == "no peak"
