"""`tsct validate`: the gate."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tsct.records.errors import UsageError
from tsct.records.paths import must_be_free, must_exist

from .options import CPUS, OutOption, QuickOption, SeedOption, SetOption, WorkersOption, print_verdict

#: where it goes unless --out says so: no folder of a checkout has this name
OUTPUT = Path("tsct-validation")
#: what a validation writes into its folder
PRODUCTS = ("scores.json", "report.html", "run.json", "figures")


#: options that belong to one of the two ways to call it, and are wrong with the other
OF_SCENARIOS, OF_FILES = ("quick", "seed", "set_", "workers"), ("mapping", "checks", "junit", "compare")


def validate(
    ctx: typer.Context,
    recovered: Annotated[
        Path | None, typer.Argument(help="The recovered file (recovered.h5), or the folder that holds it.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="The truth file (truth.h5), or the folder that holds it.")
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario", metavar="NAME|all", help="Instead: run named experiments, one table (docs/scenarios.md)."
        ),
    ] = None,
    output: OutOption = OUTPUT,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", metavar="TOML", help="Where each quantity is in an HDF5 file of any layout."),
    ] = None,
    checks: Annotated[
        str,
        typer.Option(
            "--checks",
            metavar="chain|all",
            help="`chain`: is what was recovered true? `all`: also whether the paper's numbers come out, which decides "
            "nothing.",
        ),
    ] = "chain",
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="XML", help="Also write JUnit XML for a CI service, over an older file."),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", metavar="JSON", help="Scores of an earlier version; prints what drifted since."),
    ] = None,
    quick: QuickOption = False,
    seed: SeedOption = None,
    set_: SetOption = None,
    workers: WorkersOption = CPUS,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace scores and report, or the runs of scenarios, in the folder.")
    ] = False,
) -> None:
    """Score what any chain recovered against the truth; the exit code is the gate.

    RECOVERED may hold any part of the layout of docs/gate.md: maps, I(Q) of voxels or of a region, G(r), difference
    PDFs. Checks that need what is missing are *not run*, and never pass. Exit codes: 0 pass, 1 fail, 4 inconclusive.

    With `--scenario` simulate, analyse and score named experiments instead: `tsct validate --scenario null`, several
    (`null,two-phase`) or `all`. Each asks one question, such as whether lithium is seen where there is none, and states
    what must come out of `--quick`: then the exit code is 0 if that is met, 1 if not, and else the worst verdict. Only
    here do --quick, --seed, --set and --workers apply.
    """
    if scenario is not None:
        if recovered is not None or truth is not None:
            raise UsageError("--scenario makes its own data; leave out the recovered file and --truth")
        from .scenarios import scenarios

        _refuse(ctx, OF_FILES, "with --scenario, which runs experiments and scores them by its own checks")
        scenarios(scenario, output, quick=quick, seed=seed, set_=set_, workers=workers, overwrite=overwrite)
    if recovered is None or truth is None:
        raise UsageError("give a recovered file and --truth, or --scenario NAME")
    _refuse(ctx, OF_SCENARIOS, "without --scenario: a recovered file is scored as it is")
    must_exist(recovered)
    must_exist(truth)
    must_be_free(output, PRODUCTS, overwrite=overwrite)
    from tsct.records.resources import Usage
    from tsct.validation import read_scores

    from . import gate

    old = read_scores(compare) if compare else None
    found = recovered / "recovered.h5" if recovered.is_dir() else recovered
    true = truth / "truth.h5" if truth.is_dir() else truth
    with Usage() as usage:
        scores = gate.score_file(found, true, output, checks=checks, mapping=mapping, usage=usage)
    if junit:
        gate.write_junit(scores, junit, usage.wall_s)
    if old:
        gate.print_drift(old, output / "scores.json")
    print_verdict(scores, output)


def _refuse(ctx: typer.Context, names: Sequence[str], why: str) -> None:
    """Options that were given but would be ignored are a mistake."""
    sources = {name: ctx.get_parameter_source(name) for name in names}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        options = ", ".join(f"--{name.strip('_')}" for name in given)
        raise UsageError(f"{options} {'does' if len(given) == 1 else 'do'} nothing {why}")
