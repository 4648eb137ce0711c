"""Drift between two versions: verdicts that changed, and values that changed by more than their errors."""

import json
import math

import pytest

from tsct.records.errors import InputError
from tsct.validation.drift import drifts, read_scores, same_data


def row(name, value, error=None, verdict="pass"):
    return {"id": name, "title": name, "unit": "1", "value": value, "error": error, "verdict": verdict}


def document(*rows, seed=1):
    return {"experiment": "x", "seed": seed, "checks": list(rows)}


def test_independent_scans_add_their_errors():
    old, new = document(row("A", 1.0, 0.3)), document(row("A", 3.0, 0.4), seed=2)
    (drift,) = drifts(old, new)
    assert not same_data(old, new)
    assert drift.sigmas == pytest.approx(4.0) and drift.matters


def test_the_same_scan_has_the_same_noise():
    (drift,) = drifts(document(row("A", 1.0, 0.5)), document(row("A", 2.0, 0.5)))
    assert drift.sigmas == pytest.approx(2.0) and not drift.matters and drift.moved


def test_a_changed_verdict_matters_without_an_error():
    (drift,) = drifts(document(row("A", 1.0)), document(row("A", 1.1, verdict="fail")))
    assert math.isnan(drift.sigmas) and drift.matters


def test_checks_of_one_version_only():
    gone, come = drifts(document(row("old", 1.0)), document(row("new", None, verdict="inconclusive")))[::-1]
    assert (gone.before, gone.after) == ("pass", "not run")
    assert (come.before, come.after) == ("not run", "inconclusive")
    assert not drifts(document(row("A", None)), document(row("A", None)))[0].moved


@pytest.mark.parametrize("text", ["{", "[]", '{"checks": 3}', '{"checks": [{"id": "A"}]}', "[" * 100_000])
def test_what_is_no_score_is_refused(tmp_path, text):
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"scores\.json"):
        read_scores(path)


def test_a_score_is_read(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(document(row("A", 1.0))))
    assert read_scores(path)["checks"][0]["id"] == "A"
