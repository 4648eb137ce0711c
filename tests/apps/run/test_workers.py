"""Work by several processes: the same results, and what happens when one dies."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tsct.apps.run.workers import mapped
from tsct.records.errors import InputError, ResourceError

from .. import works

ITEMS = {f"item {i}": i for i in range(8)}


def shared(folder, *, poison=(), once=()):
    return {"folder": str(folder), "poison": poison, "once": once}


@pytest.mark.parametrize("workers", [1, 2])
def test_results_do_not_depend_on_the_number_of_processes(workers):
    assert dict(mapped(works.doubled, ITEMS, {"factor": 3}, workers)) == {name: 3 * i for name, i in ITEMS.items()}


def test_nothing_to_do_is_done_at_once():
    assert dict(mapped(works.doubled, {}, {"factor": 3}, 2)) == {}


def test_a_process_that_dies_costs_nothing_but_time(tmp_path):
    found = dict(mapped(works.deadly, ITEMS, shared(tmp_path, once=(2, 5)), 2))
    assert found == ITEMS


def begun(folder):
    """Processes that began each item, in order."""
    return {path.name: [int(pid) for pid in path.read_text().split()] for path in Path(folder).iterdir()}


def kill_one(folder, seconds, killed):
    """Kill the process of an item that began a moment ago, and never was hit before."""
    end = time.monotonic() + 100
    while time.monotonic() < end:
        for path in Path(folder).iterdir():
            fresh = time.time() - path.stat().st_mtime < 0.4 * seconds
            if path.name not in killed and fresh and (pids := begun(folder)[path.name]):
                os.kill(pids[-1], signal.SIGKILL)
                killed.append(path.name)
                return
        time.sleep(0.01)


def survives(folder, workers, kills, seconds):
    """Results of 12 items while so many of the processes that work on them are killed, and the items that were hit."""
    killed = []
    killer = threading.Thread(target=lambda: [kill_one(folder, seconds, killed) for _ in range(kills)])
    killer.start()
    shared = {"folder": str(folder), "seconds": seconds}
    results = dict(mapped(works.counted, {f"item {i}": i for i in range(12)}, shared, workers))
    killer.join()
    return sorted(results.values()), killed


@pytest.mark.campaign
@pytest.mark.slow
def test_five_of_five_processes_killed_from_outside_cost_only_what_ran(tmp_path):
    results, killed = survives(tmp_path, 2, 5, 1.0)
    assert results == list(range(12)) and len(killed) == 5
    # two processes ran at each kill: at most both items are begun again
    assert sum(map(len, begun(tmp_path).values())) <= 12 + 2 * 5


def test_poison_is_named_and_the_rest_is_finished(tmp_path):
    found = {}
    with pytest.raises(ResourceError, match=r"1 of 8 were given up.*item 3;"):
        for name, result in mapped(works.deadly, ITEMS, shared(tmp_path, poison=(3,)), 2):
            found[name] = result
    assert found == {name: i for name, i in ITEMS.items() if i != 3}


def test_an_error_of_the_user_ends_the_work():
    with pytest.raises(InputError, match="no such thing"):
        dict(mapped(works.refused, ITEMS, {}, 2))
    assert not multiprocessing.active_children()


def test_workers_end_with_the_process_that_started_them(tmp_path):
    script = (
        "import works, sys\nfrom tsct.apps.run.workers import mapped\n"
        "if __name__ == '__main__':\n    list(mapped(works.told, {'a': 0, 'b': 1}, {'folder': sys.argv[1]}, 2))\n"
    )
    program = tmp_path / "program.py"
    program.write_text(script)
    path = os.pathsep.join((str(Path(works.__file__).parent), os.environ.get("PYTHONPATH", "")))
    driver = subprocess.Popen([sys.executable, program, tmp_path], env={**os.environ, "PYTHONPATH": path})
    pids = wait_until(lambda: [int(p.read_text()) for p in tmp_path.glob("pid*") if p.read_text()], 2)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    wait_until(lambda: [pid for pid in pids if not alive(pid)], 2)


def wait_until(seen, number, seconds=60.0):
    end = time.monotonic() + seconds
    while len(found := seen()) < number:
        assert time.monotonic() < end, f"after {seconds} s: {found}"
        time.sleep(0.05)
    return found


def alive(pid):
    """Whether a process runs; one that nobody has collected yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
