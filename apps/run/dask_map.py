"""Work on many items by the workers of a dask cluster.

Results travel as plain numbers; nothing is unpickled from disk. Whoever can reach a scheduler can run code on its
workers, so it must listen where only its user can: on the loopback address, on a closed network, or with TLS.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from distributed import Client, KilledWorker, Security, WorkerPlugin, as_completed
from distributed.comm import connect

from tsct.records.errors import InputError, ResourceError, UsageError

from .cluster import Cluster, Slurm
from .ledger import program, sha256

#: seconds to wait for a scheduler that should be there
CONNECT_S = 10.0
#: seconds to wait for the first worker: of a scheduler that runs, and of a batch system with a queue
WORKERS_S, QUEUE_S = 30.0, 24 * 3600.0
#: packages of which scheduler, workers and this process must have the same version
SAME = ("dask", "distributed", "cloudpickle", "msgpack")

_jobs: dict[str, Mapping[str, Any]] = {}

Work = Callable[[Mapping[str, Any], Any], Any]


def on_cluster(
    work: Work, items: Mapping[str, Any], shared: Mapping[str, Any], cluster: Cluster
) -> Generator[tuple[str, Any], None, list[str]]:
    """Names and results of `work` on every item as they come; returns the names whose workers died again and again.

    What the items share is sent to every worker once, also to those that join later.

    Raises
    ------
    InputError, UsageError
        If no scheduler answers, or its workers run another program.
    ResourceError
        If there are no workers, or the scheduler goes away.
    """
    job = sha256(socket.gethostname(), str(os.getpid()), *items)[:16]
    lost: list[str] = []
    with connected(cluster) as client:
        client.register_plugin(_Shared(job, shared), name=f"tsct-{job}")
        try:
            suspects = yield from _results(client, job, work, items)
            # dask also blames what only waited on a worker that died: once more, each by itself
            for name in suspects:
                lost += yield from _results(client, f"{job}-again", work, {name: items[name]})
        finally:
            if client.status == "running":
                client.unregister_worker_plugin(f"tsct-{job}")
    return lost


def _results(
    client: Client, job: str, work: Work, items: Mapping[str, Any]
) -> Generator[tuple[str, Any], None, list[str]]:
    """Results as they come; returns the names of what was given up."""
    address, lost = _address(client), []
    running = {client.submit(_call, job[:16], work, item, key=f"{name}-{job}"): name for name, item in items.items()}
    try:
        for future in as_completed(list(running), loop=client.loop):
            try:
                result = future.result()
            except KilledWorker:
                lost.append(running.pop(future))
                continue
            except CancelledError:
                raise ResourceError(
                    f"the scheduler {address} is gone; what is finished is kept: start it, then run the same command"
                ) from None
            yield running.pop(future), result
    finally:
        if client.status == "running":
            client.cancel(list(running))
    return lost


class _Shared(WorkerPlugin):
    """What the items of one job share."""

    def __init__(self, job: str, shared: Mapping[str, Any]):
        self.job, self.shared = job, dict(shared)

    def setup(self, worker: Any) -> None:
        _jobs[self.job] = self.shared

    def teardown(self, worker: Any) -> None:
        _jobs.pop(self.job, None)


def _call(job: str, work: Work, item: Any) -> Any:
    return work(_jobs[job], item)


@contextmanager
def connected(cluster: Cluster) -> Iterator[Client]:
    """A client whose workers are there and run the same program."""
    _hush()
    if cluster.slurm is None:
        try:
            _shake_hands(cluster.scheduler)
            client = Client(cluster.scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(f"no dask scheduler answers at {cluster.scheduler} ({_short(error)}); {RECIPE}") from None
        with client:
            _check(client, WORKERS_S)
            yield client
        return
    with _slurm_cluster(cluster.slurm) as jobs, Client(jobs, timeout=CONNECT_S, set_as_default=False) as client:
        jobs.scale(jobs=cluster.slurm.jobs)
        _check(client, QUEUE_S)
        yield client


def _shake_hands(address: str) -> None:
    """Fail where nobody answers as dask does; a client would wait for ever for one that listens and says nothing."""

    async def shake() -> None:
        arguments = Security().get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, timeout=CONNECT_S, **arguments), CONNECT_S)
        comm.abort()

    # in a thread of its own, because a notebook has a loop already
    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, shake()).result()


#: how to start a cluster by hand; without its last option the scheduler serves its status to the whole network
RECIPE = (
    "start one with: dask scheduler --host 127.0.0.1 --dashboard-address 127.0.0.1:0, and workers with: "
    "dask worker ADDRESS --nthreads 1 --dashboard-address 127.0.0.1:0"
)


def _hush() -> None:
    """Every trouble is told in one line, by us."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _slurm_cluster(wanted: Slurm) -> Any:
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise UsageError("--slurm needs dask-jobqueue: pip install 'tsct[cluster]'") from None
    _refuse_used(wanted.port)
    return SLURMCluster(
        cores=wanted.cores,
        processes=wanted.cores,
        memory=wanted.memory,
        walltime=wanted.walltime,
        queue=wanted.queue or None,
        account=wanted.account or None,
        interface=wanted.interface or None,
        job_script_prologue=list(wanted.prologue),
        job_extra_directives=list(wanted.directives),
        scheduler_options={"port": wanted.port, "dashboard": False, "dashboard_address": "127.0.0.1:0"},
    )


def _refuse_used(port: int) -> None:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError as error:
            what = f"the scheduler cannot listen on port {port} of the cluster file ({error.strerror})"
            raise UsageError(f"{what}; 0 takes a free one") from None


def _check(client: Client, patience_s: float) -> None:
    """Refuse workers that would compute something else, or with several threads at once."""
    try:
        client.wait_for_workers(1, timeout=patience_s)
    except TimeoutError:
        raise ResourceError(
            f"the scheduler {_address(client)} has no workers after {patience_s:g} s; start some with: "
            f"dask worker {_address(client)} --nthreads 1"
        ) from None
    refuse_other_versions(client.get_versions(packages=list(SAME)))
    _refuse_other_programs(client)
    refuse_threads(client.scheduler_info(n_workers=-1)["workers"])


def _address(client: Client) -> str:
    return str(client.scheduler_info()["address"])


def refuse_other_versions(found: Any) -> None:
    """Refuse a scheduler or workers whose python or dask differs from ours."""
    here = found["client"]
    for where, there in {"the scheduler": found["scheduler"], **found["workers"]}.items():
        pairs = [("python", here["host"]["python"], there["host"]["python"])]
        pairs += [(name, here["packages"][name], there["packages"].get(name)) for name in SAME]
        for name, mine, theirs in pairs:
            if mine != theirs:
                raise UsageError(f"{where} runs {name} {theirs}, this process {mine}; install the same everywhere")


def refuse_threads(workers: Mapping[str, Any]) -> None:
    """Refuse workers that would compute several items at once in one process."""
    for name, info in workers.items():
        if info["nthreads"] != 1:
            raise UsageError(f"worker {name} has {info['nthreads']} threads; start it with --nthreads 1")


def _program_here() -> str:
    return program()


def _refuse_other_programs(client: Client) -> None:
    try:
        programs = client.run(program)
    except Exception as error:
        raise UsageError(f"workers cannot import this tsct ({_short(error)}); install the same everywhere") from None
    for where, theirs in programs.items():
        if theirs != _program_here():
            raise UsageError(f"worker {where} runs another tsct, or other libraries; install the same everywhere")


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 120 else f"{text[:117]}..."
