"""Tiles on disk: the work that a process does for one (state, slice).

Every function takes what all tiles share and one tile, writes files, and returns their fingerprints.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

from tsct.analyze import analyze_tile, lean, with_region
from tsct.analyze.readers import read_scan
from tsct.records.errors import InputError
from tsct.records.io import is_ours, member, opened, read_record, values, write_records, write_scan
from tsct.simulate import simulate_tile

from .experiment import Experiment
from .ledger import fingerprint

Tile = tuple[int, int]
Shared = Mapping[str, Any]
#: row and column of each
Voxels = list[tuple[int, int]]
#: name of a file in the run's folder -> size and hash
Written = dict[str, tuple[int, str]]


def tile_name(tile: Tile) -> str:
    """Name of one tile."""
    return f"state{tile[0]:02d}_slice{tile[1]}"


def run_tile(shared: Shared, tile: Tile) -> Written:
    """Simulate and analyse one tile of ``experiment`` with its ``table`` of spectra, into ``folder``."""
    experiment: Experiment = shared["experiment"]
    scan, written = _simulated(shared, tile)
    keep = experiment.settings.output.volumes
    found = analyze_tile(scan, experiment.recipe, volumes=keep)
    return written | _analysed(found, shared["folder"], tile_name(tile), keep=keep)


def only_simulate(shared: Shared, tile: Tile) -> Written:
    """Simulate one tile of ``experiment`` with its ``table`` of spectra, into ``folder``."""
    return _simulated(shared, tile)[1]


def region_of_tile(shared: Shared, tile: Tile) -> Voxels:
    """Decide the region of ``experiment`` from its reference tile, simulated with its ``table`` of spectra."""
    experiment: Experiment = shared["experiment"]
    return [*with_region(experiment.recipe, _counts(shared, tile)).roi.voxels]


def region_of_file(shared: Shared, source: Path) -> Voxels:
    """Decide the region of the ``recipe`` from the file of the reference tile."""
    with _naming(source):
        return [*with_region(shared["recipe"], read_scan(source, **shared["reading"])).roi.voxels]


@contextmanager
def _naming(source: Path) -> Iterator[None]:
    """Have errors over a scan say which file it is from, because the analysis does not know."""
    try:
        yield
    except InputError as error:
        if source.name in str(error):
            raise
        raise InputError(f"{source}: {error}") from None


def _is_ours(source: Path) -> bool:
    """Whether a scan is one of our files; the folder of a scan in several files is none."""
    return source.is_file() and is_ours(source)


def place_of_file(number: int, source: Path) -> Tile:
    """State and slice of a file, the n-th of its series: as it says if it is ours, else states of one slice."""
    if not _is_ours(source):
        return number, 0
    with opened(source) as handle:
        try:
            state, slice_ = (int(values(member(handle, f"/entry/data/{name}"))) for name in ("state", "slice"))
        except InputError:  # frames, which know no place
            return 0, 0
        except (ValueError, TypeError):
            raise InputError(f"{source}: state and slice are not single numbers") from None
    return state, slice_


def analyze_file(shared: Shared, scan_file: tuple[int, str, Path]) -> Written:
    """Analyse a file, the n-th of its series, under a name, by the ``recipe``, into ``folder``; volumes to ``keep``."""
    state, name, source = scan_file
    # the scan has no name here, so that its memory is free once its counts are corrected
    with _naming(source):
        found = analyze_tile(_scan_of_file(shared, state, source), shared["recipe"], volumes=shared["keep"])
        return _analysed(found, shared["folder"], name, keep=shared["keep"])


def _scan_of_file(shared: Shared, state: int, source: Path) -> xr.Dataset:
    """The scan of a file, which is the n-th state unless it says so itself."""
    scan = read_scan(source, **shared["reading"])
    return scan if _is_ours(source) else scan.assign_coords(state=state)


def read_small(folder: Path, name: str) -> xr.Dataset:
    """What later steps need of an analysed tile."""
    return read_record(folder / "tiles" / f"{name}.h5", "tile")


def _counts(shared: Shared, tile: Tile) -> xr.Dataset:
    experiment: Experiment = shared["experiment"]
    return simulate_tile(experiment.phantom, experiment.beamline, shared["table"], experiment.settings.seed, *tile)


def _simulated(shared: Shared, tile: Tile) -> tuple[xr.Dataset, Written]:
    experiment: Experiment = shared["experiment"]
    scan = _counts(shared, tile)
    if not experiment.settings.output.scans:
        return scan, {}
    name = f"scan/{tile_name(tile)}.h5"
    title = f"{experiment.settings.name}: scan of state {tile[0]}, slice {tile[1]}"
    write_scan(shared["folder"] / name, scan, title=title)
    return scan, fingerprint(shared["folder"], [name])


def _analysed(found: xr.Dataset, folder: Path, name: str, *, keep: bool) -> Written:
    """Write what an analysis recovered: without its volumes, and these too if they are to be kept."""
    small, volumes = f"tiles/{name}.h5", f"recovered/{name}.h5"
    if keep:
        write_records(folder / volumes, {"data": found.drop_vars("iq_errors")}, title="recovered tile")
    write_records(folder / small, {"tile": lean(found)}, title="maps and region of one tile")
    return fingerprint(folder, [small, volumes] if keep else [small])
