"""Verdicts: inside the window passes, nothing that is not a number ever does, and what does not apply is not run."""

import json
import math

import numpy as np
import pytest
import xarray as xr

from tsct.validation import CHECKS, Check, Measurement, score
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
