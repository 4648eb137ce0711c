"""What the commands share: common options, lines on stderr, progress, and the table that ends in a verdict."""

import codecs
import os
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

Item = TypeVar("Item")

CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
ExperimentArgument = Annotated[str, typer.Argument(help="A preset (wragg2023) or a TOML file (see `tsct init`).")]
OutOption = Annotated[Path, typer.Option("-o", "--output", help="Folder that receives the results.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Root seed of all noise; replaces that of the file.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, e.g. `--set analysis.q_max=24`. Repeatable."),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Only the middle slice and six states.")]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, help="Processes; results do not depend on it.")]
MaxMemoryOption = Annotated[
    float | None,
    typer.Option("--max-memory", metavar="GB", help="Refuse work that needs more memory; else more than is free."),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace a run in the folder; without it, the same run goes on.")
]
ReplaceOption = Annotated[bool, typer.Option("--overwrite", help="Replace earlier results.")]
SchedulerOption = Annotated[
    str, typer.Option("--scheduler", metavar="ADDRESS", help="Use the workers of this dask scheduler instead.")
]
SlurmOption = Annotated[
    Path | None, typer.Option("--slurm", metavar="FILE", help="Ask Slurm for workers; what, says a TOML file.")
]


#: what stands for signs that a terminal cannot show and that are no letter with an accent
PLAIN = {
    "−": "-",
    "–": "-",
    "—": "-",
    "π": "pi",
    "θ": "theta",
    "χ": "chi",
    "σ": "sigma",
    "ρ": "rho",
    "μ": "u",
    "√": "sqrt",
    "·": ".",
}


def say(text: str) -> None:
    print(text, file=sys.stderr)


def plain(error: UnicodeError) -> tuple[str, int]:
    """Letters without accents, and a question mark for the rest, in place of what an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = unicodedata.normalize("NFKD", error.object[error.start : error.end])
    known = "".join(PLAIN.get(sign, sign) for sign in text if not unicodedata.combining(sign))
    return known.encode("ascii", "replace").decode("ascii"), error.end


def show_everywhere() -> None:
    """Let no sign of a message stop a command, whatever the encoding of the terminal or pipe."""
    codecs.register_error("plain", plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="plain")


def announce(experiment: Any, workers: Any, max_memory_gb: float | None, *, analyse: bool) -> None:
    """Say what the work will take, and refuse what does not fit; a cluster's memory is not ours to judge."""
    from tsct.apps.run.estimate import estimate

    here = workers if isinstance(workers, int) else 1
    expected = estimate(experiment, here, analyse=analyse)
    say(f"estimate: {expected}")
    expected.check_memory(max_memory_gb)


def announce_analysis(
    scans: Any, recipe: Any, workers: Any, max_memory_gb: float | None, *, volumes: bool, page: bool
) -> None:
    """The same for scans that were measured, as far as their files say how large they are."""
    from tsct.apps.run.estimate import estimate_analysis

    if scans:
        here = workers if isinstance(workers, int) else 1
        expected = estimate_analysis(scans, recipe, here, volumes=volumes, page=page)
        say(f"estimate: {expected}")
        expected.check_memory(max_memory_gb)


def track(items: Iterable[Item], title: str, total: int) -> Iterator[Item]:
    """Progress bar on stderr when it is a terminal; a line per stage otherwise."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    if not sys.stderr.isatty():
        started = time.perf_counter()
        yield from items
        say(f"{title}: {total} done in {time.perf_counter() - started:.1f} s")
        return
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(items, total=total, description=title)


def plain_console(width: int) -> Console:
    """A console for tables; the ``[silicon]`` of a check is no markup."""
    return Console(width=None if sys.stdout.isatty() else width, markup=False)


def print_verdict(scores: Any, output: Path) -> None:
    """Both answers, every check, and the exit code, which the chain alone decides."""
    console = plain_console(140)
    for line in scores.lines:
        typer.echo(line)
    rows = scores.document()["checks"]
    chain = [row for row in rows if row["about"] == "chain"]
    ran = [row for row in chain if row["verdict"] != "not run"]
    console.print(_chain_table(ran))
    if len(ran) < len(chain):
        typer.echo(f"not run: {len(chain) - len(ran)} checks that do not apply, each with its reason in the report")
    for row in ran:
        if row["verdict"] == "inconclusive":
            typer.echo(f"inconclusive: {row['id']}: {row['note'] or 'the value is not a number'}")
    if len(scores.lines) > 1:
        console.print(_paper_table([row for row in rows if row["about"] == "paper"]))
    for words in scores.explanations:
        typer.echo(f"{words}")
    failed = [row["id"] for row in ran if row["verdict"] == "fail"]
    typer.echo(f"verdict: {scores.verdict}" + (f" ({', '.join(failed)})" if failed else ""))
    typer.echo(f"report: {output / 'report.html'}")
    sys.exit({"pass": 0, "fail": 1, "inconclusive": 4}[scores.verdict])


def _chain_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("check", "what", "value", "window", "verdict", title="is what was recovered true?")
    for row in rows:
        table.add_row(row["id"], row["title"], _value(row), _window(row["low"], row["high"]), row["verdict"])
    return table


def _paper_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    from tsct.validation.report import ANSWERS

    table = Table("check", "value", "window", "answer", "because", title="does the twin show what the paper states?")
    for row in rows:
        words = (ANSWERS[row["verdict"]], row["because"])
        table.add_row(row["id"], _value(row), _window(row["low"], row["high"]), *words)
    return table


def _value(row: Mapping[str, Any]) -> str:
    return "–" if row["value"] is None else f"{row['value']:.4g} {row['unit']}"


def _window(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"≤ {high:g}" if low is None else f"≥ {low:g}"
    return f"{low:g} to {high:g}"
