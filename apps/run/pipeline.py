"""The main job: simulate, analyse, validate and report, tile by tile, into one folder."""

import json
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import xarray as xr

from tsct.analyze import collect, reference_tile
from tsct.analyze.pdf import curve_records, parse_composition
from tsct.analyze.readers import ScanOutline, outline_scan, parts_of_scan, read_scan
from tsct.analyze.recipe import Recipe
from tsct.records.errors import InputError, ResourceError
from tsct.records.io import load_tables, read_truth, write_records, write_text, write_truth
from tsct.records.marks import COMMENT
from tsct.records.paths import made, must_be_free, writable
from tsct.records.resources import Usage
from tsct.records.schema import RECOVERED, VERSION, check
from tsct.simulate import phase_truth, truth
from tsct.simulate.beampath import Spectra, spectra_table, warn_of_lost_mass
from tsct.validation import Scores, score
from tsct.validation.evidence import Check, complete_recovered, read_recovered

from .estimate import disk_bytes
from .experiment import Experiment
from .ledger import (
    Identity,
    Ledger,
    clear,
    differing,
    is_whole,
    ledger,
    program,
    read_ledger,
    remove_remains,
    sha256,
)
from .settings import dump
from .tiles import (
    Voxels,
    analyze_file,
    only_simulate,
    place_of_file,
    read_small,
    region_of_file,
    region_of_tile,
    run_tile,
    tile_name,
)
from .workers import Work, Workers, mapped, one_thread

Item = TypeVar("Item")
#: shows progress over an iterable of known length with a title
Track = Callable[[Iterable[Item], str, int], Iterable[Item]]

#: says what the work will take and refuses what does not fit, once the folder is known to be usable
Foresee = Callable[[], None]
#: everything that a run writes, and so everything that overwriting a run may delete
PRODUCTS = (
    *("experiment.toml", "truth.h5", "recovered.h5", "scores.json", "report.html", "run.json"),
    *("run.jsonl", "simulate.jsonl", "analyze.jsonl"),
    *("scan", "recovered", "tiles", "figures"),
)
#: what an analysis alone writes
ANALYSED = ("recovered.h5", "analyze.jsonl", "analysis.html", "recovered", "tiles", "figures")
#: under which a job notes the voxels of a region that a map decides
REGION = "[analysis.roi]"


def _not_foreseen() -> None:
    """What a run will take is asked by the command line, not by a notebook."""


@one_thread()
def run(
    experiment: Experiment,
    folder: Path,
    *,
    workers: Workers,
    overwrite: bool,
    track: Track,
    checks: Sequence[Check] | None = None,
    foresee: Foresee = _not_foreseen,
) -> Scores:
    """Simulate, analyse, validate with some of the checks or all that apply, and report.

    Goes on where an earlier start of the same run ended.

    Returns
    -------
    Scores
        What ``scores.json`` in `folder` says.
    """
    with Usage() as usage, prepared(experiment, folder, "run", overwrite=overwrite, foresee=foresee) as done:
        shared = _shared(experiment, folder, track)
        decide = (region_of_tile, reference_tile(experiment.tiles), shared)
        settled = replace(experiment, recipe=_with_region(experiment.recipe, *decide, done, workers, track))
        _every_tile(run_tile, shared | {"experiment": settled}, done, workers, track, "scan and analysis")
        tiles = [read_small(folder, tile_name(tile)) for tile in experiment.tiles]
        found = collect(tiles, experiment.recipe)
        write_recovered(folder, found, title=f"{experiment.settings.name}: recovered")
        return validate(folder / "recovered.h5", folder / "truth.h5", folder, experiment, usage, checks)


@one_thread()
def simulate(
    experiment: Experiment,
    folder: Path,
    *,
    workers: Workers,
    overwrite: bool,
    track: Track,
    foresee: Foresee = _not_foreseen,
) -> None:
    """Write scans and truth only; go on where an earlier start ended."""
    with prepared(experiment, folder, "simulate", overwrite=overwrite, foresee=foresee) as done:
        _every_tile(only_simulate, _shared(experiment, folder, track), done, workers, track, "scan")


@one_thread()
def analyze(
    sources: Sequence[Path],
    recipe: Recipe,
    folder: Path,
    *,
    workers: Workers,
    volumes: bool,
    overwrite: bool = False,
    track: Track,
    mapping: Path | None = None,
    links: Path | None = None,
) -> None:
    """Analyse scan files, read through a mapping if one is given, and write what is recovered.

    Goes on where an earlier start of the same analysis ended; if nothing was finished, it leaves nothing behind.

    Raises
    ------
    UsageError
        If the folder holds other results and they may not be overwritten.
    """
    parts = [part for source in sources for part in parts_of_scan(source, mapping)]
    inputs = [*parts, mapping] if mapping else parts
    job = {"recipe": sha256(repr(recipe), str(volumes)), "scans": _versions(inputs), "program": program()}
    _must_be_same(folder, "analyze", ANALYSED, job, overwrite=overwrite, what="another analysis")
    with _for_an_analysis(folder):
        if overwrite:
            clear(folder, ANALYSED)
        for name in ("recovered", "tiles"):
            (folder / name).mkdir(exist_ok=True)
        reading = {"mapping": mapping and mapping.absolute(), "links": links and links.absolute()}
        _analyze(sources, recipe, folder, job, workers=workers, volumes=volumes, track=track, reading=reading)


@contextmanager
def _for_an_analysis(folder: Path) -> Iterator[None]:
    """Make the folder; if the analysis fails before a single tile is finished, take away all that it made."""
    there, old = folder / "analyze.jsonl", [name for name in ANALYSED if (folder / name).exists()]
    with made(folder):
        try:
            yield
        except BaseException:
            if there.exists() and there.name not in old and not read_ledger(there)[1]:
                there.unlink()
            for name in {"recovered", "tiles"} - {*old}:
                with suppress(OSError):
                    (folder / name).rmdir()
            raise


def _analyze(
    sources: Sequence[Path],
    recipe: Recipe,
    folder: Path,
    job: Identity,
    *,
    workers: Workers,
    volumes: bool,
    track: Track,
    reading: Mapping[str, Path | None],
) -> None:
    shared = {"recipe": recipe, "folder": folder.absolute(), "keep": volumes, "reading": reading}
    unique = len({source.stem for source in sources}) == len(sources)
    names = [source.stem if unique else f"{state:02d}_{source.stem}" for state, source in enumerate(sources)]
    files = {names[state]: (state, names[state], source.absolute()) for state, source in enumerate(sources)}
    with ledger(folder / "analyze.jsonl", job) as done:
        if not recipe.roi.is_decided:
            places = {place_of_file(number, source): source.absolute() for number, source in enumerate(sources)}
            decide = (region_of_file, places[reference_tile(places)], shared)
            shared = shared | {"recipe": _with_region(recipe, *decide, done, workers, track)}
        _rest(analyze_file, files, shared, done, workers, track, "analysis")
        found = collect([read_small(folder, name) for name in files], recipe)
        write_recovered(folder, found, title="recovered")


def write_page(folder: Path, usage: Usage, *, title: str) -> Path:
    """Draw what an analysis recovered into a page of its folder, and return where it is."""
    from tsct.validation.report import PAGE, write_analysis_page  # and with it the plotting library

    write_analysis_page(folder, read_recovered(folder / "recovered.h5"), _manifest(None, usage), title=title)
    return folder / PAGE


def _versions(sources: Sequence[Path]) -> str:
    stats = [(str(source.absolute()), source.stat()) for source in sources if source.exists()]
    return sha256(*(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats))


def _shared(experiment: Experiment, folder: Path, track: Track) -> dict[str, Any]:
    """What all tiles of a simulation need; writes the truth on the way."""
    return {
        "experiment": experiment,
        "table": simulated_truth(experiment, folder, track),
        "folder": folder.absolute(),
    }


def _with_region(
    recipe: Recipe,
    work: Work[Any, Voxels],
    item: Any,
    shared: Mapping[str, Any],
    done: Ledger,
    workers: Workers,
    track: Track,
) -> Recipe:
    """The recipe with its region as voxels, decided once and noted beside the tiles, so that all have the same."""
    if recipe.roi.is_decided:
        return recipe
    if REGION not in done.done:
        for name, voxels in track(mapped(work, {REGION: item}, shared, workers), "region of interest", 1):
            done.add(name, voxels)
    voxels = tuple((row, column) for row, column in done.done[REGION])
    return replace(recipe, roi=replace(recipe.roi.outline, voxels=voxels, from_object=False))


def _every_tile(
    work: Work, shared: Mapping[str, Any], done: Ledger, workers: Workers, track: Track, title: str
) -> None:
    experiment: Experiment = shared["experiment"]
    _rest(work, {tile_name(tile): tile for tile in experiment.tiles}, shared, done, workers, track, title)


def _rest(
    work: Work,
    items: Mapping[str, Any],
    shared: Mapping[str, Any],
    done: Ledger,
    workers: Workers,
    track: Track,
    title: str,
) -> None:
    """Do what is not done yet; files that were changed or lost since are made again."""
    whole = {name for name in items if name in done.done and is_whole(done.folder, done.done[name])}
    left = {name: item for name, item in items.items() if name not in whole}
    if len(left) < len(items):
        title = f"{title} ({len(items) - len(left)} of {len(items)} were done before)"
    for name, written in track(mapped(work, left, shared, workers), title, len(left)):
        done.add(name, written)


def write_recovered(folder: Path, found: xr.Dataset, *, title: str) -> None:
    """Write ``recovered.h5``: all results, and the curves of the region once more under the names of the field."""
    path = folder / "recovered.h5"
    check(found, RECOVERED, str(path))
    write_records(path, {"recovered": found, **curve_records(found)}, title=title)


def outlines(sources: Sequence[Path], mapping: Path | None, links: Path | None = None) -> list[ScanOutline]:
    """Sizes of scans before they are read; none where a file does not say them, or is one that reading will refuse."""
    try:
        found = [outline_scan(source, mapping, links) for source in sources]
    except InputError:
        return []
    return found if all(one.channels for one in found) else []


def with_composition(
    recipe: Recipe, formula: str | None, source: Path, mapping: Path | None, links: Path | None = None
) -> Recipe:
    """The recipe with the composition given, or else with the one that the scan states."""
    if formula is None and (known := outlines([source], mapping, links)):
        formula = known[0].composition
    elif formula is None:
        formula = read_scan(source, mapping, links).attrs.get("sample_composition")
    if not formula:
        raise InputError(f"{source}: says nothing of the composition; add --composition, such as 'Si0.5 C0.5'")
    return replace(recipe, pdf=replace(recipe.pdf, composition=parse_composition(formula)))


@one_thread()
def validate(
    found: Path,
    true: Path,
    folder: Path,
    experiment: Experiment | None,
    usage: Usage,
    checks: Sequence[Check] | None = None,
    mapping: Path | None = None,
) -> Scores:
    """Score a recovered file against a truth file and write ``scores.json`` and ``report.html`` into `folder`.

    Without `checks` those of the chain, and where the sample is the paper's own those of the paper too.
    """
    from tsct.validation.report import write_report  # and with it the plotting library

    reality, phases = read_truth(true)
    recovered = complete_recovered(read_recovered(found, mapping), reality)
    writable(folder)
    scores = score(reality, recovered, phases, checks)
    manifest = _manifest(experiment, usage)
    document = scores.document() | {
        "tsct": version("tsct"),
        "experiment": reality.attrs.get("experiment", ""),
        "seed": reality.attrs.get("seed"),
        "resources": {"wall_s": manifest["wall_s"], "peak_mb": manifest["peak_mb"]},
    }
    write_report(folder, scores, reality, recovered, phases, manifest)
    write_text(folder / "run.json", json.dumps(manifest, indent=1))
    write_text(folder / "scores.json", json.dumps(document, indent=1, allow_nan=False))
    return scores


def simulated_truth(experiment: Experiment, folder: Path, track: Track) -> dict[str, Spectra]:
    """Scatter from every structure, write ``truth.h5`` and return the table."""
    phantom, beamline, settings = experiment.phantom, experiment.beamline, experiment.settings
    (table,) = track((spectra_table(phantom, beamline) for _ in range(1)), "scattering from atoms", 1)
    warn_of_lost_mass(phantom, beamline)
    reality = truth(phantom, beamline, settings.seed)
    reality.attrs["experiment"] = settings.name
    pdf = experiment.recipe.pdf
    phases = phase_truth(phantom, table, beamline.scan.q, pdf.r, pdf.q_min)
    write_truth(folder / "truth.h5", reality, phases, title=f"{settings.name}: truth")
    return table


@contextmanager
def prepared(
    experiment: Experiment, folder: Path, job: str, *, overwrite: bool, foresee: Foresee = _not_foreseen
) -> Iterator[Ledger]:
    """Make the folder and yield the list of what is done there; refuse to mix two runs, and check the disk."""
    path, wanted = folder / f"{job}.jsonl", identity(experiment)
    _must_be_same(folder, job, PRODUCTS, wanted, overwrite=overwrite, what="another run")
    writable(folder)
    foresee()
    if overwrite:
        clear(folder, PRODUCTS)
    if not path.exists():
        _check_disk(experiment, folder)
    places = (folder, *(folder / name for name in ("scan", "recovered", "tiles", "figures")))
    remove_remains(*places)
    with ledger(path, wanted) as done:
        for name in ("scan", "recovered", "tiles"):
            (folder / name).mkdir(exist_ok=True)
        write_text(folder / "experiment.toml", f"{COMMENT}\n{dump(experiment.settings)}")
        yield done
    remove_remains(*places)


def _must_be_same(
    folder: Path, job: str, names: Sequence[str], wanted: Identity, *, overwrite: bool, what: str
) -> None:
    """Refuse a folder with results of anything but this job, unless they may be replaced."""
    known = {} if overwrite else read_ledger(folder / f"{job}.jsonl")[0]
    others = differing(known, wanted)
    if overwrite or others or not known:
        why = f"{what} (other {' and '.join(others)})" if others else ""
        must_be_free(folder, names, overwrite=overwrite, why=why)


def identity(experiment: Experiment) -> Identity:
    """What makes two runs the same: settings, structures, program."""
    phantom = experiment.phantom
    structures = phantom.structures
    atoms = [member for structure in structures for member in structure.members]
    arrays = (array.tobytes() for one in atoms for array in (one.numbers, one.positions, one.cell.array))
    phases = repr(experiment.recipe.phases)
    motion = repr([(structure.density_g_cm3, structure.thermal) for structure in structures])
    return {
        "settings": sha256(dump(experiment.settings), phases),
        "structures": sha256(*arrays, motion),
        "program": program(),
    }


def _check_disk(experiment: Experiment, folder: Path) -> None:
    needed, free = disk_bytes(experiment), shutil.disk_usage(folder).free
    if needed * 1.1 > free:
        raise ResourceError(
            f"{folder}: the run needs {needed / 1e9:.1f} GB but {free / 1e9:.1f} GB are free; "
            "set output.scans or output.volumes to false, or free some space"
        )


def _manifest(experiment: Experiment | None, usage: Usage) -> dict[str, Any]:
    packages = ("tsct", "numpy", "scipy", "numba", "xarray", "h5py", "ase", "xraydb", "xraylib")
    return {
        "schema": VERSION,
        "tsct": version("tsct"),
        "experiment": experiment.settings.name if experiment else None,
        "seed": experiment.settings.seed if experiment else None,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_s": round(usage.wall_s, 2),
        "peak_mb": round(usage.peak_bytes / 1e6, 1),
        "peak_mb_note": "peak of this process and its workers together, sampled; those of a cluster are not in it",
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: version(name) for name in packages},
    }


def scan_files(sources: Sequence[Path], mapping: Path | None = None) -> list[Path]:
    """Scan files behind folders and file names; the folders themselves where a mapping stacks their files."""
    if mapping is not None and "files" in load_tables(mapping):
        return list(sources)
    found: list[Path] = []
    for source in sources:
        if source.is_dir():
            inner = source / "scan" if (source / "scan").is_dir() else source
            found += sorted(inner.glob("*.h5"))
        else:
            found.append(source)
    if not found:
        raise InputError(f"{sources[0]}: no scan files (*.h5) found")
    return found
