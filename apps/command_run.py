"""`tsct run`: simulate, analyse, validate and report."""

from pathlib import Path

from .console import (
    CPUS,
    ExperimentArgument,
    OutOption,
    OverwriteOption,
    QuickOption,
    SchedulerOption,
    SeedOption,
    SetOption,
    SlurmOption,
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
    scheduler: SchedulerOption = "",
    slurm: SlurmOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Simulate a scan, analyse it, score it against the truth and write a report.

    The exit code is the verdict: 0 if every check passes, 1 if one fails, 4 if one cannot be decided.
    """
    from .experiment import load

    made = load(experiment, overrides=set_ or (), seed=seed, quick=quick)
    # imported late, so that a wrong experiment is refused at once
    from . import run as job
    from .cluster import chosen

    scores = job.run(made, output, workers=chosen(workers, scheduler, slurm), overwrite=overwrite, track=track)
    print_verdict(scores, output)
