"""Drift between two versions: verdicts that changed, and values that changed by more than their errors."""

import json
import math
import random

import pytest

from tsct.records.errors import InputError
from tsct.validation import SCHEMA
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


#: what may stand anywhere in a file that somebody else wrote
ODD = ([], {}, {"a": []}, [[1]], True, None, "", "x" * 1000, 10**400, -(10**400), 1e308, math.nan, math.inf, -1)


def test_whatever_stands_in_a_row_is_compared_or_refused(tmp_path):
    """300 files with one to three odd values: unhashable ids, integers beyond any float."""
    ends = {"compared": 0, "refused": 0}
    new = document(row("A", 1.0, 0.5), row("B", 2.0, 0.5)) | {"schema": SCHEMA}
    for number in range(300):
        rng, old = random.Random(number), document(row("A", 1.0, 0.5), row("B", 2.0, 0.5)) | {"schema": SCHEMA}
        for _ in range(rng.randint(1, 3)):
            place = rng.choice(
                [old, *(r for r in old["checks"] if isinstance(r, dict))] if old.get("checks") else [old]
            )
            place[rng.choice([*place])] = rng.choice(ODD)
            if not isinstance(old["checks"], list):
                break
        path = written(tmp_path, old)
        try:
            read = read_scores(path)
        except InputError as error:
            assert "scores.json" in str(error)
            ends["refused"] += 1
        else:
            assert all(isinstance(drift.matters, bool) for drift in drifts(read, new)), old
            same_data(read, new)
            ends["compared"] += 1
    assert sum(ends.values()) == 300 and min(ends.values()) > 50, ends


def written(tmp_path, content):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(content))
    return path


def test_a_score_is_read(tmp_path):
    path = written(tmp_path, document(row("mine", 1.0)) | {"schema": SCHEMA})
    assert read_scores(path)["checks"][0]["id"] == "mine"


def test_ids_of_earlier_versions_are_replaced(tmp_path):
    """A file without a schema is of the time when checks had numbers."""
    old = read_scores(written(tmp_path, document(row("A11s9", 1.0), row("A16c", 1.0), row("mine", 1.0))))
    assert [r["id"] for r in old["checks"]] == ["map.worst-voxel[silicon]", "pdf.rw", "mine"]
    assert [r["alias"] for r in old["checks"]] == ["A11s9", "A16c", ""]
    new = document(row("map.worst-voxel[silicon]", 2.0), row("pdf.rw", 1.0), row("mine", 1.0))
    assert [drift.id for drift in drifts(old, new) if drift.moved] == ["map.worst-voxel[silicon]"]
    assert old["schema"] == SCHEMA


@pytest.mark.parametrize("schema", [3, 0, True, "2", None])
def test_another_schema_is_refused_by_name(tmp_path, schema):
    path = written(tmp_path, document(row("mine", 1.0)) | {"schema": schema})
    with pytest.raises(InputError, match=rf"scores\.json: has schema {schema!r}, this tsct reads 1 and 2"):
        read_scores(path)
