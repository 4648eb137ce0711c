"""The paper's numbers beside those of a run: nothing is said of the run that its records do not say."""

import pytest
import xarray as xr

from tsct.validation.report.figures.plates import Sources
from tsct.validation.report.wragg2023_table import comparison, readings
from tsct.validation.score import CHECKS, Scores, check_named, score

PEAKS = [check_named(name) for name in ("pdf.peak[si-si]", "pdf.peak[c-c]", "pdf.far-over-near")]


@pytest.fixture(scope="module")
def rows(small, region):
    truth, recovered = small
    lines = comparison(Sources(recovered=recovered, truth=truth, region=region))
    return {line.quantity: line for line in lines}


def test_every_check_about_the_paper_has_a_row():
    assert {check.id for check in CHECKS if check.about == "paper"} <= {
        line.check for line in readings(score(xr.Dataset(), xr.Dataset(), checks=CHECKS))
    }


def test_truth_is_read_from_the_run(rows):
    assert rows["Si–Li neighbours"].truth == "Li neighbours per Si 0 → 1.76"
    assert rows["order of the second shell"].truth == "lost share 0 → 0.1"


def test_recovered_numbers_are_those_of_the_checks(rows, small):
    scores = score(*small, checks=PEAKS)
    measured = {outcome.check.id: outcome for outcome in scores.outcomes}
    lines = {line.check: line for line in readings(scores)}
    peak = lines["pdf.peak[c-c]"]
    assert peak.recovered == f"{measured['pdf.peak[c-c]'].measurement.value:.4g}\u00a0Å"
    assert (peak.answer == "reproduced") == (measured["pdf.peak[c-c]"].verdict == "pass")
    # made by hand, without the scattering of phases: what a perfect measurement reads is not known
    assert peak.truth == "–"
    assert rows["Si–Li neighbours"].recovered == "1.54 ± 0.00 Li neighbours per Si at the end"
    assert rows["slices and voxels"].recovered == "2 slices, 500 µm"


def test_what_is_unknown_is_a_dash(small):
    _, recovered = small
    bare = xr.Dataset(coords={"q": recovered.q, "r": recovered.r, "state": [0]}, attrs={"q_max": 20.0})
    lines = comparison(Sources(recovered=bare))
    assert {line.truth for line in lines} == {"–"}
    assert {line.recovered for line in lines if line.quantity != "range of I(Q)"} == {"–"}
    assert readings(Scores(outcomes=())) == []


def test_a_check_of_the_chain_is_quoted_without_an_answer(small):
    scores = score(*small, checks=[check_named("map.correlation[silicon]")])
    (line,) = readings(scores)
    assert line.quantity == "silicon map" and line.answer == "" and line.because == ""
