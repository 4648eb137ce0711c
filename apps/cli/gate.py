"""What `tsct validate` does for any chain: which checks, JUnit, and drift since an earlier version."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from tsct.apps.run import pipeline as job
from tsct.records.errors import UsageError, nearest
from tsct.records.io import write_text
from tsct.records.paths import writable
from tsct.records.resources import Usage
from tsct.validation import GATE, Check, Drift, Scores, drifts, junit, read_scores, same_data
from tsct.validation.statistics import number, with_unit

from .options import plain_console

#: all: as :func:`tsct.validation.score` chooses by the sample
CHOICES: Mapping[str, Sequence[Check] | None] = {"chain": GATE, "all": None}


def score_file(recovered: Path, true: Path, folder: Path, *, checks: str, mapping: Path | None, usage: Usage) -> Scores:
    """Score a file with a named set of checks and write scores and report."""
    if checks not in CHOICES:
        raise UsageError(f"--checks is '{checks}'{nearest(checks, CHOICES)}; allowed are {', '.join(CHOICES)}")
    return job.validate(recovered, true, folder, None, usage, CHOICES[checks], mapping)


def write_junit(scores: Scores, path: Path, seconds: float) -> None:
    """JUnit XML of all checks."""
    writable(path.parent)
    write_text(path, junit(scores, seconds=seconds))


def print_drift(old: Mapping[str, Any], path: Path) -> None:
    """Table of what changed since `old`: verdicts, and values by more than their errors."""
    new = read_scores(path)
    rows = drifts(old, new)
    shown = [row for row in rows if row.matters or (row.moved and math.isnan(row.sigmas))]
    table = Table("check", "what", "old", "new", "drift", "verdict")
    for row in shown:
        table.add_row(row.id, row.title, with_unit(row.old, row.unit), with_unit(row.new, row.unit), *_drift_words(row))
    console = plain_console(120)
    if shown:
        console.print(table)
    basis = "the same scan: differences are the chain's" if same_data(old, new) else "another scan: noise differs"
    console.print(f"drift: {sum(row.matters for row in rows)} of {len(rows)} checks changed ({basis})")


def _drift_words(row: Drift) -> tuple[str, str]:
    sigmas = "error unknown" if math.isnan(row.sigmas) else f"{number(row.sigmas, 2)} σ"
    return sigmas, row.after if row.before == row.after else f"{row.before} → {row.after}"
