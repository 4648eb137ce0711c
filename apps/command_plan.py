"""`tsct plan`: what a beamtime will see."""

from pathlib import Path
from typing import Annotated

import typer

from .console import ExperimentArgument, OutOption, SetOption, track


def plan(
    experiment: ExperimentArgument = "wragg2023",
    output: OutOption = Path("plan"),
    shift: Annotated[float, typer.Option("--shift", help="Bond-length change that must be seen, angstrom.")] = 0.01,
    current: Annotated[float, typer.Option("--current", help="Discharge current in mA per gram of silicon.")] = 150.0,
    check: Annotated[int, typer.Option("--verify", min=0, help="Compare with so many full simulations.")] = 0,
    set_: SetOption = None,
) -> None:
    """Say what a beamtime will see, before it happens.

    Time, dose, data, errors of patterns, PDFs, maps and bond-length changes per voxel and in the region, the least
    lithium that shows, what limits it and what would help. Writes `plan.html`, `plan.png` and `plan.json`.
    """
    from threadpoolctl import threadpool_limits

    from tsct.records.errors import UsageError
    from tsct.validation.forecast import forecast
    from tsct.validation.verify_forecast import verify

    from . import plan as planner
    from .experiment import load

    if check in (1, 2):
        raise UsageError(f"--verify is {check}; a scatter needs at least 3 simulations")
    wanted, made = planner.checked_shift(shift), load(experiment, overrides=set_ or ())
    what = (made.phantom, made.beamline, made.recipe)
    with threadpool_limits(1):
        (found,) = track((forecast(*what, current_ma_g=current) for _ in range(1)), "forecast", 1)
        seeds = track(range(1, check + 1), "full simulations", check) if check else ()
        compared = verify(*what, seeds) if check else ()
    answer = planner.Plan(experiment=made, forecast=found, wanted_shift=wanted, comparisons=compared)
    page = planner.write_plan(answer, output)
    for title, value in answer.rows:
        typer.echo(f"{title + ':':44} {value}")
    for line in answer.advice:
        typer.echo(f"- {line}")
    for c in answer.comparisons:
        typer.echo(
            f"{c.name + ':':16} predicted {c.predicted:.3g}, observed {c.observed:.3g} (± {100 * c.uncertainty:.0f} %)"
        )
    typer.echo(f"page: {page}")
