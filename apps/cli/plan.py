"""`tsct plan`: what a beamtime will see."""

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    CPUS,
    ExperimentArgument,
    OutOption,
    ReplaceOption,
    SchedulerOption,
    SetOption,
    SlurmOption,
    WorkersOption,
    track,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tsct.apps.studies.plan import Plan, Study
    from tsct.apps.studies.plan_page import AnyPlan
    from tsct.apps.studies.sample_plan import SamplePlan
    from tsct.validation.forecast import Comparison

#: what a plan writes into its folder
PRODUCTS = ("plan.html", "plan.png", "plan.json")


def plan(
    experiment: ExperimentArgument = "wragg2023",
    output: OutOption = Path("plan"),
    shift: Annotated[float, typer.Option("--shift", help="Bond-length change that must be seen, angstrom.")] = 0.01,
    current: Annotated[float, typer.Option("--current", help="Discharge current in mA per gram of silicon.")] = 150.0,
    at: Annotated[int | None, typer.Option("--slice", help="Which slice, from 0; the middle one if omitted.")] = None,
    hours: Annotated[
        float | None, typer.Option("--hours", help="Beam time there is: settings are fitted into it.")
    ] = None,
    check: Annotated[int, typer.Option("--verify", min=0, help="Compare with so many full simulations.")] = 0,
    set_: SetOption = None,
    workers: WorkersOption = CPUS,
    scheduler: SchedulerOption = "",
    slurm: SlurmOption = None,
    overwrite: ReplaceOption = False,
) -> None:
    """Say what a beamtime will see, before it happens.

    Time, dose, data, errors of patterns and PDFs, what limits them and what would help. Of the cell of wragg2023:
    errors of maps and bond-length changes per voxel and in the region, and the least lithium that shows; of any other
    sample: the least amount of every `[[analysis.phase]]` and the least shift of every `[[analysis.peak]]`, in a voxel,
    the region and the slice. With --hours, exposure, views, translations, slices and states are fitted into a beam
    time, as far as neither --set nor a file of yours states them. Writes `plan.html`, `plan.png` and `plan.json`.
    """
    from tsct.apps.run.experiment import load
    from tsct.records.errors import UsageError
    from tsct.records.paths import must_be_free

    if check in (1, 2):
        raise UsageError(f"--verify is {check}; a scatter needs at least 3 simulations")
    made = load(experiment, overrides=set_ or ())
    must_be_free(output, PRODUCTS, overwrite=overwrite)
    # imported late, so that a wrong experiment is refused at once
    from threadpoolctl import threadpool_limits

    from tsct.apps.run.workers import choose_workers, mapped
    from tsct.apps.studies import plan as planner
    from tsct.apps.studies.budget import Fitted, within_hours
    from tsct.apps.studies.plan_page import write_plan

    wanted, fitted = planner.checked_shift(shift), Fitted()
    crew = choose_workers(workers, scheduler, slurm) if check else 1
    study_of = partial(planner.study_of, slice_index=at, current_ma_g=current)
    with threadpool_limits(1):
        if hours is not None:
            made, fitted = within_hours(experiment, set_ or (), hours, lambda one: _forecast(study_of(one), wanted))
        study = study_of(made)
        compared = _verified(study, check, partial(mapped, workers=crew)) if check else ()
        answer = replace(_forecast(study, wanted), fitted=fitted, comparisons=compared)
    page = write_plan(answer, output)
    say_plan(answer)
    typer.echo(f"page: {page}")


def _forecast(study: "Study", wanted_shift: float) -> "Plan | SamplePlan":
    (errors,) = track((study.forecast() for _ in range(1)), "forecast", 1)
    return study.plan(errors, wanted_shift)


def _verified(study: "Study", number: int, mapped: "Callable[..., Iterator[tuple[str, Any]]]") -> "list[Comparison]":
    """The forecast beside the scatter of so many full simulations."""
    shared, seeds = study.shared(), {f"seed {n}": n for n in range(1, number + 1)}
    done = mapped(study.simulate, seeds, shared)
    return study.compare(shared, [row for _, row in track(done, "full simulations", number)])


def say_plan(plan: "AnyPlan") -> None:
    """Numbers, choices and advice of a plan, line by line."""
    for title, value in plan.rows:
        typer.echo(f"{title + ':':44} {value}")
    for line in (*plan.fitted.reasons, *plan.advice):
        typer.echo(f"- {line}")
    if plan.fitted.overrides:
        typer.echo(f"settings: {' '.join(f'--set {shlex.quote(one)}' for one in plan.fitted.overrides)}")
    for c in plan.comparisons:
        typer.echo(
            f"{c.name + ':':16} predicted {c.predicted:.3g}, observed {c.observed:.3g} (± {100 * c.uncertainty:.0f} %)"
        )
