"""Work on many items by many processes: here, or on a cluster."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any, TypeVar

import numba
from threadpoolctl import threadpool_limits

from tsct.records.errors import ResourceError, UsageError

from .cluster import Cluster, read_slurm

Item = TypeVar("Item")
Result = TypeVar("Result")
#: a pure function of what all items share and of one item; at the top level of a module, so that it can travel
Work = Callable[[Mapping[str, Any], Item], Result]
#: so many processes here, or those of a cluster
Workers = int | Cluster
#: processes that an item gets for itself before it is given up
ATTEMPTS = 2
#: lost items that a message names
NAMED = 5

_shared: dict[str, Any] = {}


def mapped(
    work: Work[Item, Result], items: Mapping[str, Item], shared: Mapping[str, Any], workers: Workers
) -> Iterator[tuple[str, Result]]:
    """Names and results of `work` on every item, as they come; the same whoever does it.

    A process that dies costs only the item that it had; an item whose process dies again is given up, the others are
    finished.

    Raises
    ------
    ResourceError
        At the end, if items were given up, naming them.
    """
    if not items:
        return
    if isinstance(workers, Cluster):
        from .dask_map import on_cluster

        results = on_cluster(partial(_in_one_thread, work), items, shared, workers)
    elif workers == 1 or len(items) < 2:
        results = _here(work, items, shared)
    else:
        results = _in_processes(work, items, shared, workers)
    lost = yield from results
    if lost:
        named = ", ".join(lost[:NAMED]) + (", ..." if len(lost) > NAMED else "")
        raise ResourceError(
            f"{len(lost)} of {len(items)} were given up because their process died again and again (killed, or out of "
            f"memory?): {named}; all others are finished and kept, the same command tries these again"
        )


def single_threaded() -> None:
    """One thread for everything in this process: processes, not threads, share the work."""
    threadpool_limits(1)
    numba.set_num_threads(1)


def choose_workers(processes: int, scheduler: str, slurm: Path | None) -> int | Cluster:
    """The workers that the options of a command ask for: processes here unless a cluster is named.

    A scheduler is asked at once, so that nothing is computed for one that is not there.

    Raises
    ------
    UsageError
        If both kinds of cluster are named, the packages that a cluster needs are not installed, or the workers run
        another program.
    InputError, ResourceError
        If no scheduler answers, or it has no workers.
    """
    if not scheduler and slurm is None:
        return processes
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UsageError("a cluster needs dask: pip install 'tsct[cluster]'") from None
    cluster = Cluster(scheduler=scheduler, slurm=read_slurm(slurm) if slurm else None)
    if scheduler:
        from .dask_map import connected

        with connected(cluster):
            pass
    return cluster


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for linear algebra and compiled loops, whose last digits depend on how many there are."""
    threads = numba.get_num_threads()
    with threadpool_limits(1):
        numba.set_num_threads(1)
        try:
            yield
        finally:
            numba.set_num_threads(threads)


def _in_one_thread(work: Work[Item, Result], shared: Mapping[str, Any], item: Item) -> Result:
    with one_thread():
        return work(shared, item)


def _here(
    work: Work[Item, Result], items: Mapping[str, Item], shared: Mapping[str, Any]
) -> Generator[tuple[str, Result], None, list[str]]:
    for name, item in items.items():
        yield name, _in_one_thread(work, shared, item)
    return []


def _in_processes(
    work: Work[Item, Result], items: Mapping[str, Item], shared: Mapping[str, Any], processes: int
) -> Generator[tuple[str, Result], None, list[str]]:
    """Where a process dies, one of the items that ran then is to blame: each of them gets a process for itself."""
    queue, lost = deque(items), []
    while queue:
        suspects = yield from _pool(work, items, queue, shared, processes)
        for suspect in suspects:
            left = [suspect]
            for _ in range(ATTEMPTS):
                left = yield from _pool(work, items, deque(left), shared, 1)
            lost += left
    return lost


def _pool(
    work: Work[Item, Result], items: Mapping[str, Item], queue: deque[str], shared: Mapping[str, Any], processes: int
) -> Generator[tuple[str, Result], None, list[str]]:
    """Work off the queue until it is empty or a process dies; returns what ran when it did."""
    pool = ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(shared,)
    )
    running: dict[Future[Result], str] = {}
    try:
        while queue or running:
            while queue and len(running) < processes:
                name = queue.popleft()
                running[pool.submit(_call, work, items[name])] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                yield running.pop(future), result
        return []
    except BrokenProcessPool:
        return list(running.values())
    finally:
        # now, not after the items that run: what they write takes its name only when whole
        for child in multiprocessing.active_children():
            child.terminate()
        pool.shutdown(wait=True, cancel_futures=True)


def _start(shared: Mapping[str, Any]) -> None:
    """Prepare a worker: it leaves Ctrl-C to the process that started it, and ends when that one is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _shared.clear()
    _shared.update(shared)
    single_threaded()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)


def _call(work: Work[Item, Result], item: Item) -> Result:
    return work(_shared, item)
