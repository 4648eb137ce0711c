"""`tsct validate --scenario`: this chain against a set of named experiments."""

import sys
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from .options import track


def scenarios(
    name: str,
    output: Path,
    *,
    quick: bool,
    seed: int | None,
    set_: list[str] | None,
    workers: int,
    overwrite: bool,
) -> None:
    """Run scenarios, print their table and end with the worst verdict as the exit code."""
    from tsct.apps.studies.scenarios import run_scenarios, worst

    rows = run_scenarios(
        name,
        output,
        quick=quick,
        overrides=set_ or (),
        seed=seed,
        workers=workers,
        overwrite=overwrite,
        track=track,
    )
    Console(width=None if sys.stdout.isatty() else 140).print(_table(rows))
    typer.echo(f"verdict: {worst(rows)} (the worst of {len(rows)})")
    typer.echo(f"table: {output / 'scenarios.html'}")
    sys.exit({"pass": 0, "fail": 1, "inconclusive": 4}[worst(rows)])


def _table(rows: Any) -> Table:
    from tsct.validation.report import SIGNS

    table = Table("scenario", "verdict", "✓", "✗", "?", "what it is there for", "fails here, not in its base")
    for row in rows:
        counts = [str(row.count(verdict)) for verdict in ("pass", "fail", "inconclusive")]
        matters = ", ".join(f"{check['id']} {SIGNS[check['verdict']]}" for check in row.matters)
        worse = "–" if row.worse is None else ", ".join(row.worse) or "none"
        table.add_row(row.scenario.name, row.verdict, *counts, matters, worse)
    return table
