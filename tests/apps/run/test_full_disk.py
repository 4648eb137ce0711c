"""Commands on a disk that fills up end in exit code 5 and one line that says so; a second signal ends one at once."""

import signal
import subprocess
import sys
import time

import pytest

from tsct.apps.run.settings import dump

from ..small import tiny

MAIN = [sys.executable, "-m", "tsct.apps.cli.main"]


def command(*words):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*MAIN, *map(str, words)], **pipes)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("experiment") / "tiny.toml"
    path.write_text(dump(tiny("states.potentials_v=[0.50, 0.20]").settings))
    return path


@pytest.fixture(scope="module")
def scans(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans")
    subprocess.run([*MAIN, "simulate", source, "-o", folder, "--workers", "1"], check=True, capture_output=True)
    return folder


def check_end(process):
    out, said = process.communicate(timeout=200)
    assert process.returncode == 5, (process.returncode, out, said)
    last = said.strip().splitlines()[-1]
    assert last.startswith("error: ") and ("free" in last or "No space left" in last), said
    assert "Traceback" not in said and "defect" not in said


@pytest.mark.slow
@pytest.mark.parametrize("sign", ["truth.h5", "scan/*.h5", "run.jsonl", None])
@pytest.mark.parametrize("spare", [0, 3000, 12_000])
def test_simulate(small_disk, fill, source, sign, spare):
    """The disk is full from the beginning, or once some file is there."""
    if sign is None:
        fill(small_disk, spare)
    process = command("simulate", source, "-o", small_disk / "out", "--workers", "1")
    end = time.monotonic() + 150
    while sign and not list((small_disk / "out").glob(sign)) and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.002)
    if sign:
        fill(small_disk, spare)
    if process.wait(timeout=200) == 0:
        pytest.skip("it had written everything before the disk was full")
    check_end(process)
    assert not list(small_disk.rglob(".*.tmp-*"))


@pytest.mark.slow
@pytest.mark.parametrize("spare", [0, 5000, 20_000, 50_000, 100_000, 150_000])
def test_analyze(small_disk, fill, scans, spare):
    fill(small_disk, spare)
    check_end(command("analyze", scans, "-o", small_disk / "out", "--workers", "1", "--volumes"))
    assert not list(small_disk.rglob(".*.tmp-*"))


#: a command in a process that may write no file of more bytes than the first word says
LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from tsct.apps.cli import main
main.main()
"""


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no limit on the size of files")
@pytest.mark.parametrize("limit", [0, 1000, 10_000, 40_000])
def test_a_limit_on_the_size_of_files_is_named(source, tmp_path, limit):
    words = [sys.executable, "-c", LIMITED, str(limit), "simulate", str(source), "-o", str(tmp_path / "out")]
    done = subprocess.run([*words, "--workers", "1"], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 5, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and "File too large" in last and str(tmp_path / "out") in last
    assert not list(tmp_path.rglob(".*.tmp-*"))


#: a command whose work is one call that never returns to Python, as a call of HDF5 that loops
STUCK = """
import sys
from tsct.apps.cli import main
@main.app.command()
def stuck():
    print("begun", flush=True)
    any(iter(int, 1))
sys.argv = ["tsct", "stuck"]
main.main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the C library of Linux gives up a handler after one signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_a_call_that_does_not_return(number):
    process = subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.5)
    process.send_signal(number)
    time.sleep(1.0)
    # Python has no chance to answer the first one
    assert process.poll() is None
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == -number
