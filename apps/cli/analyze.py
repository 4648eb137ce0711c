"""`tsct analyze`: from scans to maps, PDFs and difference PDFs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tsct.records.errors import UsageError
from tsct.records.paths import must_exist

from .options import (
    CPUS,
    MaxMemoryOption,
    OutOption,
    OverwriteOption,
    SchedulerOption,
    SetOption,
    SlurmOption,
    WorkersOption,
    announce_analysis,
    say,
    track,
)

if TYPE_CHECKING:
    from tsct.analyze.recipe import Recipe
    from tsct.records.resources import Usage


def analyze(
    sources: Annotated[
        list[Path],
        typer.Argument(help="Scan files, or a folder that holds them (or their parts, if a mapping stacks)."),
    ],
    output: OutOption = Path("recovered"),
    mapping: Annotated[
        Path | None,
        typer.Option(help="TOML that says where a file from elsewhere keeps its quantities, or what it does not say."),
    ] = None,
    follow_links: Annotated[
        Path | None,
        typer.Option(help="Follow links to other files that lie below this folder; none are followed if omitted."),
    ] = None,
    composition: Annotated[
        str | None, typer.Option(help="Of the sample, such as 'Si O2'; replaces that of the experiment or the file.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--experiment", help="Preset or TOML that says how; that of the folder if omitted."),
    ] = None,
    set_: SetOption = None,
    workers: WorkersOption = CPUS,
    scheduler: SchedulerOption = "",
    slurm: SlurmOption = None,
    max_memory: MaxMemoryOption = None,
    volumes: Annotated[
        bool, typer.Option(help="Also write I(Q) and G(r) of every voxel, which takes far more memory and time.")
    ] = False,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Also draw it all in analysis.html.")] = True,
    overwrite: OverwriteOption = False,
) -> None:
    """Recover maps, PDFs and dPDFs from scans, ours or a beamline's integrated HDF5.

    Reads the scans and the `[analysis]` section of the experiment, never the truth, and draws what it recovers into
    a page, analysis.html. The layouts NXxrdct, pyFAI diffmap, nDTomo (Battery Imaging Library), ewoks and DAWN or Savu
    are known; for others, and for what a file does not say, write a mapping (see docs/your-beamline.md). Several files
    are the states of one series, in the order given. Says first what it will take, and refuses what does not fit.
    Example: `tsct analyze scan.h5 --mapping m.toml --composition 'Si0.5 C0.5' --set analysis.q_max=22 -o found`
    """
    for source in sources:
        must_exist(source)
    from tsct.apps.run import pipeline as job
    from tsct.apps.run.workers import choose_workers
    from tsct.records.resources import Usage

    files = job.scan_files(sources, mapping)
    outlines = job.outlines(files, mapping, follow_links)
    choices = _choices(sources[0], files[0], recipe, set_ or (), composition, mapping, follow_links)
    where = choose_workers(workers, scheduler, slurm)
    announce_analysis(outlines, choices, where, max_memory, volumes=volumes, page=page)
    reading = {"mapping": mapping, "links": follow_links}
    with Usage() as usage:
        job.analyze(files, choices, output, workers=where, volumes=volumes, overwrite=overwrite, track=track, **reading)
    _say_what_is_there(files, choices, output, usage if page else None)


def _choices(
    source: Path,
    file: Path,
    recipe: str | None,
    changes: Sequence[str],
    composition: str | None,
    mapping: Path | None,
    links: Path | None,
) -> "Recipe":
    """The recipe of the experiment that is named, lies beside the scans, or describes none of them."""
    from tsct.apps.run import pipeline as job
    from tsct.apps.run.experiment import load
    from tsct.records.io import is_ours

    beside = source / "experiment.toml"
    foreign = mapping is not None or not is_ours(file)
    if recipe is None and not foreign and not beside.is_file():
        raise UsageError(f"{source}: no experiment.toml beside the scans; name one with --experiment")
    made = load(recipe or (str(beside) if beside.is_file() else "wragg2023"), overrides=changes)
    choices = made.recipe
    if composition is not None or foreign:
        choices = job.with_composition(choices, composition, file, mapping, links)
    if foreign and recipe is None:
        choices = _of_no_preset(choices, made.settings.analysis.values, changes)
    return choices


def _say_what_is_there(files: Sequence[Path], recipe: "Recipe", output: Path, usage: "Usage | None") -> None:
    """Name the results, and draw the page if the use of resources is given, which it holds."""
    from tsct.analyze import NO_PHASES
    from tsct.apps.run import pipeline as job

    if not recipe.asks_for_phases:
        say(NO_PHASES)
    say(f"recovered: {output / 'recovered.h5'}")
    if not (output / "recovered").is_dir():
        say("patterns and PDFs of single voxels are written with --volumes")
    if usage is not None:
        title = files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more"
        (path,) = track((job.write_page(output, usage, title=title) for _ in range(1)), "page", 1)
        say(f"page: {path}")
    say(f"next: tsct explore {output}; with a truth also tsct validate {output / 'recovered.h5'} --truth TRUTH")


def _of_no_preset(recipe: "Recipe", stated: Mapping[str, Any], overrides: Sequence[str]) -> "Recipe":
    """Choices for scans that no preset describes: what belongs to the silicon anode only where silicon is."""
    from dataclasses import replace

    from tsct.analyze.recipe import Roi

    if not any(change.strip().startswith("analysis.roi") for change in overrides):
        recipe = replace(recipe, roi=Roi(from_object=True))
    if stated["model"] is None and "Si" not in recipe.pdf.composition:
        say("no silicon in the composition: the model of the silicon anode is left out (analysis.model)")
        recipe = replace(recipe, model="none", squared_amplitudes=False)
    return recipe
