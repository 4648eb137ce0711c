"""Verdicts: inside the window passes, nothing that is not a number ever does, and what does not apply is not run."""

import json
import math

import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import InputError
from tsct.validation import CHECKS, Check, Measurement, check_named, current_id, score
from tsct.validation.evidence.check import NotRunError

EMPTY = xr.Dataset()


def check(value, *, low=0.0, high=1.0, n=1, precondition=False, about="chain", noise_free=None):
    def measure(_):
        if isinstance(value, Exception):
            raise value
        return Measurement(value=value, n=n)

    fields = {"precondition": precondition, "about": about, "noise_free": noise_free}
    return Check(id="X", title="", reason="", source="", low=low, high=high, unit="1", measure=measure, **fields)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        *((0.0, "pass"), (1.0, "pass"), (0.5, "pass"), (-1e-9, "fail"), (1.0 + 1e-9, "fail")),
        *((math.nan, "inconclusive"), (math.inf, "inconclusive"), (NotRunError("why"), "not run")),
    ],
)
def test_verdict_of_one_check(value, verdict):
    assert score(EMPTY, EMPTY, checks=[check(value)]).outcomes[0].verdict == verdict


def test_an_empty_comparison_is_inconclusive():
    assert score(EMPTY, EMPTY, checks=[check(0.5, n=0)]).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        *(((0.5, 0.6), "pass"), ((0.5, 2.0), "fail"), ((0.5, math.nan), "inconclusive"), ((2.0, math.nan), "fail")),
        *(((0.5, NotRunError("x")), "pass"), ((NotRunError("x"),), "inconclusive"), ((), "inconclusive")),
    ],
)
def test_verdict_of_all(values, verdict):
    assert score(EMPTY, EMPTY, checks=[check(value) for value in values]).verdict == verdict


def test_a_precondition_alone_does_not_pass():
    assert score(EMPTY, EMPTY, checks=[check(0.5, precondition=True)]).verdict == "inconclusive"
    assert score(EMPTY, EMPTY, checks=[check(0.5, precondition=True), check(0.5)]).verdict == "pass"


def test_the_paper_decides_nothing():
    """Two questions: what was recovered decides; what a paper states is counted apart, for its own sample."""
    checks = [check(0.5), check(2.0, about="paper", noise_free=lambda _: 2.1), check(0.2, about="paper")]
    scores = score(EMPTY, EMPTY, checks=checks)
    assert scores.verdict == "pass" and scores.lines == ("Recovered as put in: 1 of 1 checks",)
    own = score(xr.Dataset(attrs={"phantom": "wragg2023"}), EMPTY, checks=checks)
    assert own.verdict == "pass" and own.lines[1] == "Against the paper: 1 of 2"
    assert score(EMPTY, EMPTY, checks=[check(2.0), check(0.5, about="paper")]).verdict == "fail"
    assert score(EMPTY, EMPTY, checks=[check(0.5, about="paper")]).verdict == "inconclusive"


def not_known(_):
    raise NotRunError("nothing")


@pytest.mark.parametrize(
    ("value", "noise_free", "words"),
    [
        (
            2.0,
            lambda _: 1.5,
            "a perfect measurement of this sample reads 1.5, outside the window too, which so decides",
        ),
        (2.0, lambda _: 0.5, "a perfect measurement of this sample reads 0.5: scan or chain did this"),
        (0.5, lambda _: 1.5, "by chance: a perfect measurement of this sample reads 1.5"),
        (2.0, not_known, "what a perfect measurement would read is not known"),
        (2.0, None, "what a perfect measurement would read is not known"),
        (math.nan, lambda _: 0.5, "the value is not a number"),
    ],
)
def test_why_a_reading_is_not_reproduced(value, noise_free, words):
    scores = score(EMPTY, EMPTY, checks=[check(value, about="paper", noise_free=noise_free)])
    assert scores.because(scores.outcomes[0]).startswith(words)
    assert scores.document()["checks"][0]["because"].startswith(words)


def test_without_a_choice_the_sample_chooses():
    assert {o.check.about for o in score(EMPTY, EMPTY).outcomes} == {"chain"}
    assert len(score(xr.Dataset(attrs={"phantom": "wragg2023"}), EMPTY).outcomes) == len(CHECKS)


def test_checks_are_known_by_their_former_ids():
    assert check_named("A11s9") is check_named("map.worst-voxel[silicon]")
    assert current_id("A16c") == "pdf.rw" and current_id("mine") == "mine" and current_id("") == ""
    with pytest.raises(InputError, match=r"no check 'pdf.rv'.*did you mean 'pdf.rw'"):
        check_named("pdf.rv")


def test_the_document_is_json_without_nan():
    document = score(EMPTY, EMPTY, checks=[check(math.nan), check(0.5, high=math.inf)]).document()
    rows = json.loads(json.dumps(document, allow_nan=False))["checks"]
    assert rows[0]["value"] is None and rows[1]["high"] is None
    promised = {"id", "alias", "title", "value", "unit", "low", "high", "n", "verdict", "note"}
    assert set(rows[0]) == promised | {"power", "about", "error", "noise_free", "because"}


def test_nothing_runs_on_nothing():
    """Recovered data without any known variable: every check says so, none passes, none breaks."""
    truth = xr.Dataset({"lithium_per_silicon": ("state", [0.0, 0.1])}, attrs={"scenario": "small"})
    scores = score(truth, EMPTY)
    assert {outcome.verdict for outcome in scores.outcomes} == {"not run"}
    assert all(outcome.measurement.note for outcome in scores.outcomes)
    assert scores.verdict == "inconclusive"


def test_checks_explain_themselves():
    assert len({c.id for c in CHECKS}) == len(CHECKS)
    for c in CHECKS:
        assert all((c.title, c.reason, c.source, c.unit))
        assert c.low < c.high or c.id in ("provenance.inverse-crime", "null.onsets")
        assert not np.isnan(c.low) and not np.isnan(c.high)
