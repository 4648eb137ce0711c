"""What `tsct validate --compare` says: drift in standard errors, and where none is known, that."""

import json

from tsct.apps.cli.gate import print_drift


def row(name, value, error):
    return {"id": name, "title": name, "unit": "1", "value": value, "error": error, "verdict": "pass"}


def test_drift_is_told_in_errors_or_as_unknown(tmp_path, capsys):
    old = {"experiment": "x", "seed": 1, "checks": [row("A", 1.0, 0.1), row("B", 1.0, None), row("C", 1.0, 0.1)]}
    new = {"experiment": "x", "seed": 2, "checks": [row("A", 2.0, 0.1), row("B", 2.0, None), row("C", 1.1, 0.1)]}
    path = tmp_path / "scores.json"
    path.write_text(json.dumps(new))
    print_drift(old, path)
    lines = {line.split("│")[1].strip(): line for line in capsys.readouterr().out.splitlines() if line.startswith("│")}
    # a difference of one over the root of two errors of a tenth squared
    assert "7.1 σ" in lines["A"] and "error unknown" in lines["B"] and "C" not in lines
