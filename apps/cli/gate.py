"""What `tsct validate` does for any chain: which checks, JUnit, and drift since an earlier version."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tsct.apps.run import pipeline as job
from tsct.records.errors import UsageError, nearest
from tsct.records.io import write_text
from tsct.records.paths import writable
from tsct.records.resources import Usage
from tsct.validation import CHECKS, GATE, Drift, Scores, drifts, junit, read_scores, same_data
from tsct.validation.statistics import number, with_unit

CHOICES = {"chain": GATE, "all": CHECKS}


def judged(found: Path, true: Path, folder: Path, *, checks: str, mapping: Path | None, usage: Usage) -> Scores:
    """Score a file with a named set of checks and write scores and report."""
    if checks not in CHOICES:
        raise UsageError(f"--checks is '{checks}'{nearest(checks, CHOICES)}; allowed are {', '.join(CHOICES)}")
    return job.validate(found, true, folder, None, usage, CHOICES[checks], mapping)


def write_junit(scores: Scores, path: Path, seconds: float) -> None:
    """JUnit XML of all checks."""
    writable(path.parent)
    write_text(path, junit(scores, seconds=seconds))


def print_drift(old: Mapping[str, Any], path: Path) -> None:
    """Table of what changed since `old`: verdicts, and values by more than their errors."""
    new = read_scores(path)
    rows = drifts(old, new)
    told = [row for row in rows if row.matters or (row.moved and math.isnan(row.sigmas))]
    table = Table("check", "what", "old", "new", "drift", "verdict")
    for row in told:
        table.add_row(row.id, row.title, with_unit(row.old, row.unit), with_unit(row.new, row.unit), *_told(row))
    console = Console(width=None if sys.stdout.isatty() else 120)
    if told:
        console.print(table)
    basis = "the same scan: differences are the chain's" if same_data(old, new) else "another scan: noise differs"
    console.print(f"drift: {sum(row.matters for row in rows)} of {len(rows)} checks changed ({basis})")


def _told(row: Drift) -> tuple[str, str]:
    sigmas = "error unknown" if math.isnan(row.sigmas) else f"{number(row.sigmas, 2)} σ"
    return sigmas, row.after if row.before == row.after else f"{row.before} → {row.after}"
