"""Tiles on disk: the work that a process does for one (state, slice)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numba
import xarray as xr
from threadpoolctl import threadpool_limits

from tsct.analyze.chain import analyze_tile, lean
from tsct.analyze.foreign import is_ours, read_scan
from tsct.analyze.recipe import Recipe
from tsct.records.files import write_records
from tsct.records.scan_files import write_scan
from tsct.simulate.scan import simulate_tile
from tsct.simulate.spectra import Spectra

from .experiment import Experiment

Tile = tuple[int, int]
Result = TypeVar("Result")

_shared: dict[str, Any] = {}


def tile_name(tile: Tile) -> str:
    """File name of one tile."""
    return f"state{tile[0]:02d}_slice{tile[1]}.h5"


def simulate_to_file(tile: Tile) -> xr.Dataset:
    """Simulate one tile and write its scan, if scans are kept."""
    experiment: Experiment = _shared["experiment"]
    table: Mapping[str, Spectra] = _shared["table"]
    scan = simulate_tile(experiment.phantom, experiment.beamline, table, experiment.settings.seed, *tile)
    if experiment.settings.output.scans:
        path = _shared["folder"] / "scan" / tile_name(tile)
        write_scan(path, scan, title=f"{experiment.settings.name}: scan of state {tile[0]}, slice {tile[1]}")
    return scan


def analyze_to_file(scan: xr.Dataset, recipe: Recipe, path: Path | None) -> xr.Dataset:
    """Analyse one tile, write its volumes if a path is given, and return what is small."""
    found = analyze_tile(scan, recipe)
    if path is not None:
        write_records(path, {"data": found.drop_vars("iq_errors")}, title="recovered tile")
    return lean(found)


def run_tile(tile: Tile) -> xr.Dataset:
    """Simulate and analyse one tile."""
    experiment: Experiment = _shared["experiment"]
    path = _shared["folder"] / "recovered" / tile_name(tile) if experiment.settings.output.volumes else None
    return analyze_to_file(simulate_to_file(tile), experiment.recipe, path)


def only_simulate(tile: Tile) -> None:
    """Simulate one tile to its file."""
    simulate_to_file(tile)


def analyze_file(source: Path) -> xr.Dataset:
    """Analyse one scan file."""
    folder: Path | None = _shared["folder"]
    path = folder / "recovered" / source.name if folder else None
    scan = read_scan(source, _shared["mapping"])
    if not is_ours(source):
        scan = scan.assign_coords(state=_shared["order"].index(source))
    return analyze_to_file(scan, _shared["recipe"], path)


def mapped(
    work: Callable[[Any], Result], items: Sequence[Any], shared: Mapping[str, Any], workers: int
) -> Iterator[Result]:
    """Results of `work` over `items`, as they come, from `workers` processes with one thread each."""
    if workers == 1 or len(items) == 1:
        _start(shared)
        yield from map(work, items)
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start, initargs=(shared,))
    try:
        for done in as_completed([pool.submit(work, item) for item in items]):
            yield done.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(shared: Mapping[str, Any]) -> None:
    _shared.clear()
    _shared.update(shared)
    threadpool_limits(1)
    numba.set_num_threads(1)
