"""`tsct simulate`: scans and truth."""

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
    say,
    track,
)


def simulate(
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
    """Write the scans that the beamline would record, and the truth beside them.

    `scan/*.h5` hold only what an experimenter knows; `truth.h5` holds the rest.
    """
    from tsct.apps.run.experiment import load

    made = load(experiment, overrides=set_ or (), seed=seed, quick=quick)
    # imported late, so that a wrong experiment is refused at once
    from tsct.apps.run.workers import choose_workers

    crew = choose_workers(workers, scheduler, slurm)
    with new_folder(output):
        from tsct.apps.run import pipeline as job

        foresee = partial(announce, made, crew, max_memory, analyse=False)
        job.simulate(made, output, workers=crew, overwrite=overwrite, track=track, foresee=foresee)
        say(f"scans in {output / 'scan'}, truth in {output / 'truth.h5'}; next: tsct analyze {output} -o {output}")
