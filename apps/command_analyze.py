"""`tsct analyze`: from scans to maps, PDFs and difference PDFs."""

from pathlib import Path
from typing import Annotated

import typer

from tsct.records.errors import UsageError

from .console import CPUS, OutOption, SetOption, WorkersOption, say, track


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
    job.analyze(files, made.recipe, output, workers=workers, volumes=volumes, track=track)
    say(f"recovered: {output / 'recovered.h5'}; next: tsct validate {output / 'recovered.h5'} --truth TRUTH")
