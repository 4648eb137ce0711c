"""Work on a dask cluster of several processes on this machine, and what happens when parts of it fail."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tsct.apps.run import dask_map
from tsct.apps.run import pipeline as job
from tsct.apps.run.cluster import Cluster, Slurm, read_slurm
from tsct.apps.run.workers import choose_workers, mapped
from tsct.records.errors import InputError, ResourceError, UsageError
from tsct.records.io.files import read_record
from tsct.validation.report import report

from .. import works
from ..small import quiet, tiny
from .test_workers import begun, survives

ROOT = Path(__file__).parents[3]
ITEMS = {f"item {i}": i for i in range(8)}


def environment(**more):
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "PYTHONPATH": path, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1", **more}


def dask(*words):
    command = (sys.executable, "-m", "dask", *words, "--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0")
    return subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def listening(address):
    """A scheduler that listens; how long its process takes to start is not at issue."""
    port, end = address.rpartition(":")[2], time.monotonic() + 100
    process = dask("scheduler", "--port", port)
    while time.monotonic() < end:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", int(port))) == 0:
                return process
        time.sleep(0.1)
    raise AssertionError("the scheduler did not start")


def kill(started):
    """End processes of dask with their children at once; how they take their leave of each other is not at issue."""
    for process in started:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        for one in (process, *children):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait()


@pytest.fixture(scope="module")
def processes():
    address = f"tcp://127.0.0.1:{free_port()}"
    started = [listening(address)]
    try:
        started += [dask("worker", address, "--nthreads", "1") for _ in range(2)]
        # they are all there when this is done; a busy machine takes its time
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dask_map, "WORKERS_S", 100.0)
            assert dict(mapped(works.doubled, {"a": 1}, {"factor": 2}, Cluster(scheduler=address))) == {"a": 2}
        yield address, started
    finally:
        kill(started)


@pytest.fixture(scope="module")
def cluster(processes):
    return Cluster(scheduler=processes[0])


def test_results_are_those_of_this_process(cluster):
    assert dict(mapped(works.doubled, ITEMS, {"factor": 3}, cluster)) == {name: 3 * i for name, i in ITEMS.items()}


def test_everything_listens_on_this_machine_alone(processes):
    found = set()
    for process in processes[1]:
        for one in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)):
            found |= {c.laddr.ip for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert found == {"127.0.0.1"}


def test_a_run_is_the_same_to_the_last_byte(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "write_report", lambda *_: None)
    experiment = tiny("states.potentials_v=[0.50, 0.20]")
    for name, workers in (("here", 1), ("there", cluster)):
        job.run(experiment, tmp_path / name, workers=workers, overwrite=False, track=quiet)
    for name in ("recovered.h5", *(f"{kind}/state0{i}_slice0.h5" for kind in ("scan", "recovered") for i in (0, 1))):
        here, there = (read_record(tmp_path / where / name) for where in ("here", "there"))
        assert here.identical(there)
        for variable in here.variables:
            assert here[variable].values.tobytes() == there[variable].values.tobytes()


def test_a_killed_worker_costs_its_item_and_poison_is_named(cluster, tmp_path):
    shared, found = {"folder": str(tmp_path), "poison": (3,), "once": (5,)}, {}
    with pytest.raises(ResourceError, match=r"1 of 8 were given up.*item 3;"):
        for name, result in mapped(works.deadly, ITEMS, shared, cluster):
            found[name] = result
    assert found == {name: i for name, i in ITEMS.items() if i != 3}


@pytest.mark.campaign
@pytest.mark.slow
def test_five_of_five_workers_killed_in_mid_tile_cost_only_their_tile(cluster, tmp_path):
    results, killed = survives(tmp_path, cluster, 5, 1.0)
    assert results == list(range(12)) and len(killed) == 5
    # a result that is lost with its worker before it was fetched is made once more
    assert 12 + 5 <= sum(map(len, begun(tmp_path).values())) <= 12 + 2 * 5


def test_workers_with_another_program_are_refused(cluster, monkeypatch):
    monkeypatch.setattr(dask_map, "_program_here", lambda: "another")
    with pytest.raises(UsageError, match="runs another tsct"):
        dict(mapped(works.doubled, ITEMS, {"factor": 3}, cluster))


def test_workers_with_another_python_are_refused():
    mine = {"host": {"python": "3.12"}, "packages": dict.fromkeys(dask_map.SAME, "1")}
    other = {"host": {"python": "3.11"}, "packages": dict.fromkeys(dask_map.SAME, "1")}
    with pytest.raises(UsageError, match=r"worker a runs python 3.11, this process 3.12"):
        dask_map.refuse_other_versions({"client": mine, "scheduler": mine, "workers": {"worker a": other}})
    with pytest.raises(UsageError, match=r"the scheduler runs dask None"):
        dask_map.refuse_other_versions({"client": mine, "scheduler": {**mine, "packages": {}}, "workers": {}})


def test_workers_with_several_threads_are_refused():
    with pytest.raises(UsageError, match="worker b has 4 threads; start it with --nthreads 1"):
        dask_map.refuse_threads({"a": {"nthreads": 1}, "b": {"nthreads": 4}})


def test_no_scheduler_is_one_clear_line(monkeypatch):
    monkeypatch.setattr(dask_map, "CONNECT_S", 0.5)
    for address in (f"tcp://127.0.0.1:{free_port()}", "nonsense://x"):
        with pytest.raises(InputError, match=rf"no dask scheduler answers at {address} \(.*start one with"):
            dict(mapped(works.doubled, ITEMS, {"factor": 3}, Cluster(scheduler=address)))


@pytest.fixture
def mute():
    """A port that takes connections and never says a word."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield f"tcp://127.0.0.1:{one.getsockname()[1]}"


ADDRESSES = ("nobody", "mute", "tcp://127.0.0.1:1", "127.0.0.1", "tcp://", "http://x:1", "x y")
COMMANDS = (
    ("run", "wragg2023", "--quick"),
    ("sweep", "{}/sweep.toml"),
    ("plan", "wragg2023", "--verify", "3"),
)


@pytest.mark.parametrize(
    ("words", "address"),
    [
        *((("simulate", "wragg2023", "--quick"), address) for address in ADDRESSES),
        *((words, "nobody") for words in COMMANDS),
    ],
)
def test_a_command_without_its_scheduler_ends_before_any_work(tsct, tmp_path, monkeypatch, mute, words, address):
    monkeypatch.setattr(dask_map, "CONNECT_S", 0.5)
    (tmp_path / "sweep.toml").write_text("[factors]\nseed = [1, 2]\n")
    known = {"nobody": f"tcp://127.0.0.1:{free_port()}", "mute": mute}
    words = (word.format(tmp_path) for word in words)
    code, out, line = tsct(*words, "-o", tmp_path / "out", "--scheduler", known.get(address, address))
    assert code == 3 and line.startswith("error: no dask scheduler answers at "), line
    assert line.count("\n") == 1 and not out
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.toml"]


def test_options_that_contradict_each_other_are_refused(tmp_path, cluster):
    assert choose_workers(2, "", None) == 2
    assert choose_workers(2, cluster.scheduler, None) == cluster
    file = tmp_path / "cluster.toml"
    file.write_text('jobs = 3\ncores = 8\nqueue = "short"\n')
    assert read_slurm(file) == Slurm(jobs=3, cores=8, queue="short")
    with pytest.raises(UsageError, match="not both"):
        choose_workers(2, "tcp://a:1", file)
    file.write_text("job = 3\n")
    with pytest.raises(UsageError, match="unknown key 'job'; did you mean 'jobs'"):
        read_slurm(file)


def test_a_port_in_use_is_one_clear_line():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        slurm = Slurm(port=one.getsockname()[1], interface="lo")
        with pytest.raises(UsageError, match=r"cannot listen on port \d+ of the cluster file.*0 takes a free one"):
            dict(mapped(works.doubled, ITEMS, {"factor": 3}, Cluster(slurm=slurm)))


def test_slurm_is_asked_for_workers(tmp_path, monkeypatch):
    """With programs in place of Slurm's that run the batch script here."""
    submit, cancel = tmp_path / "sbatch", tmp_path / "scancel"
    script = tmp_path / "job.sh"
    lines = ("#!/bin/sh", f'cp "$1" {script}', f"sh {script} > {tmp_path}/log 2>&1 &", 'echo "Submitted batch job $!"')
    submit.write_text("\n".join(lines))
    cancel.write_text("#!/bin/sh\nkill $1\n")
    for program in (submit, cancel):
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    slurm = Slurm(interface="lo", queue="short", account="me", memory="1GB", prologue=("export A=1",))
    found = dict(mapped(works.doubled, ITEMS, {"factor": 3}, Cluster(slurm=slurm)))
    assert found == {name: 3 * i for name, i in ITEMS.items()}
    asked = script.read_text()
    for line in ("#SBATCH -p short", "#SBATCH -A me", "export A=1", "--nthreads 1"):
        assert line in asked


def test_a_scheduler_that_goes_away_loses_nothing():
    """The last test of this file would spoil the cluster for others, so it has one of its own."""
    address = f"tcp://127.0.0.1:{free_port()}"
    scheduler = listening(address)
    worker = dask("worker", address, "--nthreads", "1")
    found = {}
    try:
        with pytest.raises(ResourceError, match=r"scheduler .* is gone; what is finished is kept"):
            for name, result in mapped(works.slow, ITEMS, {"seconds": 0.3}, Cluster(scheduler=address)):
                found[name] = result
                if len(found) == 2:
                    scheduler.send_signal(signal.SIGKILL)
                    gone = time.monotonic()
        assert time.monotonic() - gone < 30
        assert 2 <= len(found) < 8
    finally:
        kill((worker, scheduler))
