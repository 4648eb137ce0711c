"""`tsct validate`: the gate."""

import time
from pathlib import Path
from typing import Annotated

import typer

from .console import OutOption, print_verdict


def validate(
    recovered: Annotated[Path, typer.Argument(help="The recovered file (recovered.h5), or the folder that holds it.")],
    truth: Annotated[Path, typer.Option("--truth", help="The truth file (truth.h5), or the folder that holds it.")],
    output: OutOption = Path("validation"),
) -> None:
    """Score what was recovered against the truth; the exit code is the gate."""
    from . import run as job

    found = recovered / "recovered.h5" if recovered.is_dir() else recovered
    true = truth / "truth.h5" if truth.is_dir() else truth
    scores = job.validate(found, true, output, None, time.perf_counter())
    print_verdict(scores, output)
