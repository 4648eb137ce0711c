"""The command line."""

import errno
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from tsct.records.errors import InputError, ResourceError, TsctError, UsageError

Item = TypeVar("Item")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    help="""Total-scattering computed tomography with a known truth: simulate a scan of a battery electrode from its
atoms, recover maps and pair distribution functions, and score what was recovered.

Start with `tsct run wragg2023 --quick -o out`, then open `out/report.html`. Make your own experiment with
`tsct init wragg2023 -o my.toml`, edit it, and `tsct run my.toml -o mine`.

Exit codes: 0 pass, 1 fail, 2 usage, 3 bad input, 4 inconclusive, 5 not enough resources, 70 a defect
of tsct, 130 interrupted.""",
)
structures_app = typer.Typer(no_args_is_help=True, help="The library of atomic structures behind every phase.")
app.add_typer(structures_app, name="structures")

ExperimentArgument = Annotated[str, typer.Argument(help="A preset (wragg2023) or a TOML file (see `tsct init`).")]
OutOption = Annotated[Path, typer.Option("-o", "--output", help="Folder that receives the results.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Root seed of all noise; replaces that of the file.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, e.g. `--set analysis.q_max=24`. Repeatable."),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Only the middle slice and six states.")]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, help="Processes; results do not depend on it.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run in the folder.")]
#: exit code that typer gives to an interrupted command
INTERRUPTED = 130
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@app.command()
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
    from . import run as job
    from .experiment import load

    made = load(experiment, overrides=set_ or (), seed=seed, quick=quick)
    scores = job.run(made, output, workers=workers, overwrite=overwrite, track=_track)
    _verdict(scores, output)


@app.command()
def simulate(
    experiment: ExperimentArgument = "wragg2023",
    output: OutOption = Path("out"),
    quick: QuickOption = False,
    seed: SeedOption = None,
    set_: SetOption = None,
    workers: WorkersOption = CPUS,
    overwrite: OverwriteOption = False,
) -> None:
    """Write the scans that the beamline would record, and the truth beside them.

    `scan/*.h5` hold only what an experimenter knows; `truth.h5` holds the rest.
    """
    from . import run as job
    from .experiment import load

    made = load(experiment, overrides=set_ or (), seed=seed, quick=quick)
    job.simulate(made, output, workers=workers, overwrite=overwrite, track=_track)
    _say(f"scans in {output / 'scan'}, truth in {output / 'truth.h5'}; next: tsct analyze {output} -o {output}")


@app.command()
def analyze(
    sources: Annotated[list[Path], typer.Argument(help="Scan files, or a folder that holds them.")],
    output: OutOption = Path("recovered"),
    recipe: Annotated[
        str | None,
        typer.Option("--experiment", help="Preset or TOML that says how; that of the folder if omitted."),
    ] = None,
    set_: SetOption = None,
    workers: WorkersOption = CPUS,
    volumes: Annotated[bool, typer.Option(help="Also write I(Q) and G(r) of every voxel.")] = True,
) -> None:
    """Recover maps, PDFs and dPDFs from scans.

    Reads the scans and the `[analysis]` section of the experiment, never the truth.
    """
    from . import run as job
    from .experiment import load

    beside = sources[0] / "experiment.toml"
    if recipe is None and not beside.is_file():
        raise UsageError(f"{sources[0]}: no experiment.toml beside the scans; name one with --experiment")
    made = load(recipe or str(beside), overrides=set_ or ())
    files = job.scan_files(sources)
    job.analyze(files, made.recipe, output, workers=workers, volumes=volumes, track=_track)
    _say(f"recovered: {output / 'recovered.h5'}; next: tsct validate {output / 'recovered.h5'} --truth TRUTH")


@app.command()
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
    _verdict(scores, output)


@app.command()
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
        (found,) = _track((forecast(*what, current_ma_g=current) for _ in range(1)), "forecast", 1)
        seeds = _track(range(1, check + 1), "full simulations", check) if check else ()
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


@app.command()
def init(
    preset: Annotated[str, typer.Argument(help="Which preset to start from.")] = "wragg2023",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write; printed if omitted.")] = None,
) -> None:
    """Write a commented TOML to start from."""
    from tsct.records.files import write_text

    from .experiment import preset_text

    text = preset_text(preset)
    if output is None:
        sys.stdout.write(text)
        return
    if output.exists():
        raise UsageError(f"{output}: exists; choose another name")
    write_text(output, text)
    _say(f"wrote {output}; next: tsct run {output} -o out")


@app.command()
def pdf(
    pattern: Annotated[Path, typer.Argument(help="Columns: Q or 2theta, intensity, error (.xy, .xye, .chi).")],
    composition: Annotated[str, typer.Option("--composition", help="Such as 'Si O2' or 'Si0.5 C0.5'.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for .sq, .fq, .gr and .png.")] = Path("."),
    q_max: Annotated[float, typer.Option("--qmax", help="End of the Fourier transform, 1/angstrom.")] = 20.0,
    q_min: Annotated[float, typer.Option("--qmin", help="Its start, 1/angstrom.")] = 0.8,
    q_max_inst: Annotated[
        float | None,
        typer.Option("--qmaxinst", help="End of the data that steady the polynomial; --qmax if omitted."),
    ] = None,
    r_poly: Annotated[
        float | None,
        typer.Option("--rpoly", help="The polynomial acts below this distance, angstrom. [0.9; absolute: 0.6]"),
    ] = None,
    r_max: Annotated[float, typer.Option("--rmax", help="End of G(r), angstrom.")] = 20.0,
    window: Annotated[str, typer.Option("--window", help="none, lorch or revised-lorch.")] = "none",
    mode: Annotated[
        str, typer.Option("--mode", help="adhoc (polynomial only) or absolute (self and Compton scattering first).")
    ] = "adhoc",
    background: Annotated[Path | None, typer.Option("--background", help="Pattern to subtract.")] = None,
    background_scale: Annotated[float, typer.Option("--background-scale", help="Factor of the background.")] = 1.0,
    wavelength: Annotated[
        float | None, typer.Option("--wavelength", help="In angstrom; needed with --twotheta.")
    ] = None,
    twotheta: Annotated[bool, typer.Option("--twotheta", help="The first column is 2theta in degrees.")] = False,
    density: Annotated[
        float | None, typer.Option("--density", help="Of the sample in g/cm³; adds coordination numbers.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in the folder.")] = False,
) -> None:
    """Turn one measured pattern into S(Q), F(Q) and G(r).

    The pattern is intensity per solid angle, corrected for polarisation, on any scale. The `.gr` file opens in PDFgui,
    pdffit2 and diffpy. Example: `tsct pdf glass.xye --composition 'Si O2' --qmax 22 -o glass`
    """
    from tsct.analyze.recipe import PdfRecipe
    from tsct.analyze.tables import parse_composition

    from . import one_pattern
    from .measured_pattern import Source

    source = Source(
        pattern=pattern,
        two_theta=twotheta,
        wavelength=wavelength,
        background=background,
        background_scale=background_scale,
        density_g_cm3=density,
    )
    recipe = PdfRecipe(
        composition=parse_composition(composition),
        q_min=q_min,
        q_max=q_max,
        q_max_inst=q_max_inst,
        window=window,  # type: ignore[arg-type]
        mode=mode,  # type: ignore[arg-type]
        r_poly=r_poly,
        r_max=r_max,
        r_step=one_pattern.R_STEP,
    )
    typer.echo(one_pattern.convert(source, recipe, output, overwrite=overwrite))


DensityOption = Annotated[float | None, typer.Option("--density", help="In g/cm³, for a file without a cell.")]
SnapshotsOption = Annotated[
    bool, typer.Option("--snapshots", help="The file's atoms move; otherwise thermal motion is added to them.")
]


@structures_app.command("list")
def structures_list() -> None:
    """All entries with density and size."""
    from tsct.phantoms.structures import structure, structure_names

    table = Table("name", "what", "kind", "g/cm³", "members", "atoms")
    for name in structure_names():
        entry = structure(name)
        atoms = sum(len(member) for member in entry.members)
        row = (entry.title, entry.kind, f"{entry.density_g_cm3:.4g}", str(len(entry.members)), str(atoms))
        table.add_row(name, *row)
    Console().print(table)


@structures_app.command("show")
def structures_show(
    name: Annotated[str, typer.Argument(help="An entry of `tsct structures list`, or an .extxyz, .xyz or .cif file.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--plot", help="Draw its curves, angles and rings: .png, .svg or .pdf.")
    ] = None,
    density: DensityOption = None,
    snapshots: SnapshotsOption = False,
) -> None:
    """What one structure is, how it was made, how it scatters, and how it compares to published values."""
    from . import show_structure

    if output is not None:
        show_structure.check_plot(output)
    found = show_structure.shown(name, density_g_cm3=density, snapshots=snapshots)
    for table in show_structure.tables(found):
        Console().print(table)
    if output is not None:
        show_structure.plot(found, output)
        _say(f"wrote {output}")


@structures_app.command("check")
def structures_check(
    file: Annotated[str, typer.Argument(help="An .extxyz, .xyz or .cif file, or an entry of the library.")],
    what: Annotated[
        str | None, typer.Option("--as", help="a-si, a-lisi, carbon or other; from the composition if omitted.")
    ] = None,
    density: DensityOption = None,
    snapshots: SnapshotsOption = False,
) -> None:
    """Judge a structure by published values; the exit code is 1 if one gate fails.

    Use it before a file of your own goes into an experiment.
    """
    from . import show_structure

    found = show_structure.shown(file, density_g_cm3=density, snapshots=snapshots, what=what)
    Console().print(show_structure.gates_table(found))
    typer.echo(f"{file}: {found.failed} of {len(found.gates)} gates fail" if found.failed else f"{file}: passes")
    sys.exit(1 if found.failed else 0)


def main() -> None:
    """Run the command line; errors that a user can mend end in one line and their exit code."""
    try:
        app()
    except TsctError as error:
        _say(f"error: {' '.join(str(error).split())}")
        sys.exit(error.exit_code)
    except MemoryError:
        _say("error: not enough memory for this; fewer --workers need less")
        sys.exit(ResourceError.exit_code)
    except OSError as error:
        _say(f"error: {error.filename or 'a file'}: {error.strerror or error}")
        sys.exit((ResourceError if error.errno == errno.ENOSPC else InputError).exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _say("interrupted; finished files are whole, run again with --overwrite to start over")
        raise
    except Exception:
        # an exit code of its own: 1 is the verdict on a result
        traceback.print_exc()
        _say("error: this is a defect of tsct, not of its input; please report it with the lines above")
        sys.exit(TsctError.exit_code)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _track(items: Iterable[Item], title: str, total: int) -> Iterator[Item]:
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
        _say(f"{title}: {total} done in {time.perf_counter() - started:.1f} s")
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


def _verdict(scores: Any, output: Path) -> None:
    table = Table("check", "what", "value", "window", "verdict")
    for row in scores.document()["checks"]:
        value = "–" if row["value"] is None else f"{row['value']:.4g} {row['unit']}"
        table.add_row(row["id"], row["title"], value, _window(row["low"], row["high"]), row["verdict"])
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    typer.echo(f"verdict: {scores.verdict}")
    typer.echo(f"report: {output / 'report.html'}")
    sys.exit({"pass": 0, "fail": 1, "inconclusive": 4}[scores.verdict])


def _window(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"≤ {high:g}" if low is None else f"≥ {low:g}"
    return f"{low:g} to {high:g}"


if __name__ == "__main__":
    main()
