"""`tsct run`: simulate, analyse, validate and report."""

from functools import partial
from pathlib import Path

from tsct.records.paths import made as new_folder

from .options import (
    CPUS,
    ExperimentArgument,
    MaxMemoryOption,
    OutOption,
    OverwriteOption,
    QuickOption,
    SchedulerOption,
    SeedOption,
    SetOption,
    SlurmOption,
    WorkersOption,
    announce,
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
    max_memory: MaxMemoryOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Simulate a scan, analyse it, score it against the truth and write a report.

    The exit code is the verdict on what was recovered: 0 if every check of the chain passes, 1 if one fails, 4 if one
    cannot be decided. Whether the paper's numbers come out is a table of its own and decides nothing.
    """
    from tsct.apps.run.experiment import load

    made = load(experiment, overrides=set_ or (), seed=seed, quick=quick)
    # imported late, so that a wrong experiment is refused at once
    from tsct.apps.run.workers import choose_workers

    crew = choose_workers(workers, scheduler, slurm)
    with new_folder(output):
        from tsct.apps.run import pipeline as job

        foresee = partial(announce, made, crew, max_memory, analyse=True)
        scores = job.run(made, output, workers=crew, overwrite=overwrite, track=track, foresee=foresee)
        print_verdict(scores, output)
