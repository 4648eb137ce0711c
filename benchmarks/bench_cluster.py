"""Strong and weak scaling of the tiles of a run over dask workers, and what a thousand of them would do.

    python benchmarks/bench_cluster.py [--workers 1 2] [--tiles 8]

Starts scheduler and workers on the loopback address, one thread each, and maps the tiles of the default experiment with
`tsct.apps.run.workers.mapped`, as `tsct run --scheduler` does. Prints, for every number of workers, the time for the
same tiles (strong) and for the same number of tiles per worker (weak), the efficiencies, and the overheads from which
the projection follows: what the client and the scheduler spend on one item, measured with empty items, and what it
takes to send what all items share to one worker.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tsct.apps.run import Cluster, load, mapped, run_tile, tile_name
from tsct.simulate.beampath import spectra_table

#: items without work, to measure what one costs besides its work
EMPTY = 400


def nothing(shared: Mapping[str, Any], item: int) -> int:
    """No work."""
    return item


@contextmanager
def cluster(workers: int) -> Iterator[Cluster]:
    """Scheduler and workers in processes of their own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    path = os.pathsep.join((str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")))
    quiet: dict[str, Any] = {"env": {**os.environ, "PYTHONPATH": path}, "stderr": subprocess.DEVNULL}
    common = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")
    dask = (sys.executable, "-m", "dask")
    started = [subprocess.Popen([*dask, "scheduler", "--port", address.rpartition(":")[2], *common], **quiet)]
    started += [
        subprocess.Popen([*dask, "worker", address, "--nthreads", "1", *common], **quiet) for _ in range(workers)
    ]
    try:
        yield Cluster(scheduler=address)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def seconds(work: Any, items: Mapping[str, Any], shared: Mapping[str, Any], where: Cluster) -> float:
    """From the first to the last result, so without connecting and sending what is shared."""
    started = 0.0
    for count, _ in enumerate(mapped(work, items, shared, where)):
        started = started or time.perf_counter()
        last, done = time.perf_counter(), count
    return (last - started) * (done + 1) / max(done, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--tiles", type=int, default=8)
    chosen = parser.parse_args()
    # written files would measure the disk
    made = load("wragg2023", overrides=("output.scans=false", "output.volumes=false"))
    folder = Path(tempfile.mkdtemp())
    (folder / "tiles").mkdir()
    shared = {"experiment": made, "table": spectra_table(made.phantom, made.beamline), "folder": folder}
    tiles = {tile_name(tile): tile for tile in made.tiles}
    first = None
    for workers in chosen.workers:
        with cluster(workers) as where:
            warm = dict(list(tiles.items())[-2 * workers :])
            seconds(run_tile, warm, shared, where)
            strong = seconds(run_tile, dict(list(tiles.items())[: chosen.tiles]), shared, where)
            weak = seconds(run_tile, dict(list(tiles.items())[: chosen.tiles // 2 * workers]), shared, where)
            empty = seconds(nothing, {str(k): k for k in range(EMPTY)}, {}, where) / EMPTY
        first = first or (strong, weak)
        print(
            f"{workers} workers: {chosen.tiles} tiles {strong:.1f} s, efficiency {first[0] / strong / workers:.2f}; ",
            end="",
        )
        print(f"{chosen.tiles // 2} tiles each {weak:.1f} s, efficiency {first[1] / weak:.2f}; ", end="")
        print(f"{1e3 * empty:.2f} ms an item besides its work")
    assert first is not None
    tile = first[0] / chosen.tiles
    print(f"a tile takes {tile:.2f} s, so one scheduler keeps {tile / empty:.0f} workers busy")
    for workers in (100, 1000):
        per_tile = max(tile / workers, empty)
        print(f"projected, {workers} workers: efficiency {tile / workers / per_tile:.2f} with many tiles per worker")


if __name__ == "__main__":
    main()
