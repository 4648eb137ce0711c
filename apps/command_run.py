"""`tsct run`: simulate, analyse, validate and report."""

from pathlib import Path

from .console import (
    CPUS,
    ExperimentArgument,
    OutOption,
    OverwriteOption,
    QuickOption,
    SeedOption,
    SetOption,
    WorkersOption,
    print_verdict,
    track,
)


def run(
    experiment: ExperimentArgument = "wragg2023",
    output: OutOption = Path("out"),
    quick: QuickOption = False,
    seed: SeedOption = None,
    set_: SetOption = None,
    workers: WorkersOption = CPUS,
    overwrite: OverwriteOption = False,
) -> None:
    """Simulate a scan, analyse it, score it against the truth and write a report.

    The exit code is the verdict: 0 if every check passes, 1 if one fails, 4 if one cannot be decided.
    """
    from .experiment import load

    made = load(experiment, overrides=set_ or (), seed=seed, quick=quick)
    # imported late, so that a wrong experiment is refused at once
    from . import run as job

    scores = job.run(made, output, workers=workers, overwrite=overwrite, track=track)
    print_verdict(scores, output)
