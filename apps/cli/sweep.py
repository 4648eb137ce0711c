"""`tsct sweep`: one experiment at many settings."""

from pathlib import Path
from typing import Annotated

import typer

from .options import CPUS, OutOption, OverwriteOption, SchedulerOption, SlurmOption, WorkersOption, track


def sweep(
    source: Annotated[Path, typer.Argument(metavar="SWEEP.toml", help="What is varied and how; see docs/sweeps.md.")],
    output: OutOption = Path("sweep"),
    workers: WorkersOption = CPUS,
    scheduler: SchedulerOption = "",
    slurm: SlurmOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Run an experiment at many settings and collect the scores in one table.

    A grid or a Sobol design over any keys of the experiment: dose, views, Qmax, faults, seeds. Writes `sweep.csv`,
    `sweep.h5` and `sweep.html`, which shows every score against every factor. Kill it anywhere and start it again: it
    goes on and ends with the same table.
    """
    from tsct.apps.run.workers import choose_workers
    from tsct.apps.studies import sweep as job
    from tsct.apps.studies.sweep_page import write_page

    made = job.read_sweep(source)
    where = choose_workers(workers, scheduler, slurm)
    table = job.run_sweep(made, output, workers=where, overwrite=overwrite, track=track)
    impossible = int((table.error.values != "").sum())
    typer.echo(f"{table.sizes['point']} points, {impossible} of them impossible")
    typer.echo(f"table: {output / 'sweep.csv'}")
    typer.echo(f"page: {write_page(table, output)}")
