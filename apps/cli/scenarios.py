"""`tsct validate --scenario`: this chain against a set of named experiments."""

import sys
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from .options import plain_console, track


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
    """Run scenarios, print their table and end with the exit code: expectations met or not, or the worst verdict."""
    from tsct.apps.studies.scenarios import exit_code, run_scenarios, unmet, worst

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
    plain_console(160).print(_table(rows))
    typer.echo(f"verdict: {worst(rows)} (the worst of {len(rows)})")
    if rows[0].stated:
        typer.echo(f"expectation: {len(rows) - len(unmet(rows))} of {len(rows)} met (apps/run/presets/scenarios.toml)")
    else:
        typer.echo("expectation: none is stated for other settings than --quick with the preset's seed")
    typer.echo(f"table: {output / 'scenarios.html'}")
    sys.exit(exit_code(rows))


def _table(rows: Any) -> Table:
    from tsct.validation.report import SIGNS

    table = Table(
        "scenario", "verdict", "expectation", "✓", "✗", "?", "what it is there for", "fails here, not in its base"
    )
    for row in rows:
        counts = [str(row.count(verdict)) for verdict in ("pass", "fail", "inconclusive")]
        matters = ", ".join(f"{check['id']} {SIGNS[check['verdict']]}" for check in row.matters)
        worse = "–" if row.worse is None else ", ".join(row.worse) or "none"
        table.add_row(row.scenario.name, row.verdict, row.expectation or "–", *counts, matters, worse)
    return table
