"""Nothing in the package needs a system of one kind."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("analyze", "apps", "phantoms", "records", "simulate", "tsct", "validation")
MODULES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
#: modules of the standard library that Windows lacks
ABSENT = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "posix", "curses", "crypt", "spwd"}
#: names that Windows lacks, or that do something else there: sending signal 0 ends a process
FORBIDDEN = {
    "os": {"fork", "forkpty", "sysconf", "kill", "killpg", "getuid", "geteuid", "getppid", "mkfifo", "uname", "nice"},
    "signal": {"SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "alarm", "setitimer", "pause"},
    "multiprocessing": {"Process", "Pool", "Queue", "Pipe", "set_start_method"},
}
PLACES = ("/proc/", "/tmp", "/dev/shm", "/var/tmp")


def faults(source):
    """Line and reason of everything that is not portable."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        yield from ((node.lineno, name) for name in names if name.partition(".")[0] in ABSENT)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in FORBIDDEN.get(node.value.id, ()):
                yield node.lineno, f"{node.value.id}.{node.attr}"
            if node.attr == "sched_getaffinity" and 'hasattr(os, "sched_getaffinity")' not in source:
                yield node.lineno, "os.sched_getaffinity"
        if isinstance(node, ast.ImportFrom) and node.module in FORBIDDEN:
            yield from ((node.lineno, a.name) for a in node.names if a.name in FORBIDDEN[node.module])
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(PLACES):
            yield node.lineno, node.value
        if isinstance(node, ast.Call):
            yield from ((node.lineno, reason) for reason in _process_faults(node))


def _process_faults(call):
    """Processes that start in the way of one system: spawn is the one that all have."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "get_context" and [getattr(argument, "value", None) for argument in call.args] != ["spawn"]:
        yield "a context that is not spawn"
    if name == "ProcessPoolExecutor" and "mp_context" not in [keyword.arg for keyword in call.keywords]:
        yield "a pool without its context"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_runs_anywhere(path):
    assert not list(faults(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "source",
    [
        *("import fcntl", "from resource import getrusage", "import os\nos.fork()", "import os\nos.sysconf('x')"),
        *("import os\nos.kill(1, 0)", "import signal\nsignal.SIGKILL", "open('/proc/self/status')", "p = '/tmp/x'"),
        *("from multiprocessing import Pool", "get_context()", "get_context('fork')", "ProcessPoolExecutor(2)"),
        *("import os\nos.sched_getaffinity(0)", "multiprocessing.Process()", "from signal import SIGHUP"),
    ],
)
def test_what_is_not_portable_is_noticed(source):
    assert list(faults(source))


def test_every_module_is_looked_at():
    assert len(MODULES) > 150
