"""A first walk through a file in a child process, before this process opens it.

Damaged or hostile metadata can make the HDF5 library loop for ever, take all memory or crash, inside a call that no
signal and no exception gets out of. So before :func:`tsct.records.io.untrusted.opened` opens a file, a child walks
through all of it that could do so: every object, its attributes, the index of its blocks and its text. Numbers are not
read there, and need not be: once their index is known to be sound, reading them is a copy of bounded size. So a file of
ten gigabytes is not read twice; the walk takes milliseconds, or as long as there are blocks.

There is one child for all files, which costs a quarter of a second when the first is opened and lasts as long as this
process. Its memory is limited, and its time by the size of the file; a child that needs more is killed, and the next
file gets a new one. What it meets on the way and can leave again (links to other files, unknown types) is no fault:
whoever asks for it gets the reason. A file that was walked through is opened without a walk while it stays the same.
"""

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tsct.records.errors import InputError, ResourceError

#: time in s that a walk may take, and the bytes of the file that lengthen it by one more second, up to the longest
SECONDS, BYTES_PER_SECOND, LONGEST_S = 20.0, 50e6, 600.0
#: a file that changed less than so many seconds ago may change again without its time showing it
SETTLED_S = 2.0

_Identity = tuple[int, ...]


class _Child:
    """The process that walks, and how it is asked."""

    def __init__(self) -> None:
        environment = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"}
        # -P: a file called numpy.py where the user happens to be is not what is meant
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tsct.records.io.walk"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **environment},
            text=True,
        )
        if not self._answer(LONGEST_S):
            raise RuntimeError("the process that looks at files first cannot be started; is tsct installed whole?")

    def ask(self, path: Path, seconds: float) -> dict[str, Any]:
        """Answer about one file; empty if the child has died over it."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps([str(path.absolute()), seconds]) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {}
        return self._answer(seconds)

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self.process.stdout is not None
        watch = threading.Timer(seconds, self.process.kill)
        watch.start()
        try:
            line = self.process.stdout.readline()
        except BaseException:
            # an answer that comes after Ctrl-C would be taken for that about the next file
            self.end()
            raise
        finally:
            watch.cancel()
        return json.loads(line) if line.endswith("\n") else {}

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


class _Walker:
    """The one child of this process, and the files that it has walked through."""

    def __init__(self) -> None:
        self.child: _Child | None = None
        self.lock = threading.Lock()
        self.known: set[_Identity] = set()
        #: children of the process that this one was forked from
        self.inherited: list[_Child | None] = []

    def ask(self, path: Path, seconds: float) -> dict[str, Any]:
        with self.lock:
            if self.child is None:
                self.child = _Child()
            try:
                answer = self.child.ask(path, seconds)
            except BaseException:
                self.child = None
                raise
            if not answer:
                self.child.end()
                self.child = None
            return answer

    def forget(self) -> None:
        self.inherited.append(self.child)
        self.child, self.lock = None, threading.Lock()

    def end(self) -> None:
        if self.child is not None:
            self.child.end()
            self.child = None


_WALKER = _Walker()
atexit.register(_WALKER.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_WALKER.forget)


def settled_identity(path: Path) -> _Identity | None:
    """What tells a file from any other and from its own earlier states; None if it has only just changed."""
    status = path.stat()
    if time.time() - max(status.st_mtime, status.st_ctime) < SETTLED_S:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def walk_first(path: Path) -> None:
    """Have a child process walk through an HDF5 file.

    Parameters
    ----------
    path : Path
        A regular file.

    Raises
    ------
    InputError
        If the walk does not end in time, crashes, or meets an attribute or text out of all proportion.
    ResourceError
        If the walk needs more memory than it may have.
    """
    identity = settled_identity(path)
    if identity in _WALKER.known:
        return
    seconds = _allowed_s(path)
    start = time.monotonic()
    answer = _WALKER.ask(path, seconds)
    if not answer:
        if time.monotonic() - start < seconds:
            raise InputError(f"{path}: damaged; the HDF5 library crashes over it")
        raise InputError(f"{path}: damaged, or too intricate; the HDF5 library gets nowhere with it in {seconds:.0f} s")
    if answer["error"]:
        reason = answer["error"].replace(str(path.absolute()), str(path))
        raise (ResourceError if answer["memory"] else InputError)(reason)
    if identity is not None:
        _WALKER.known.add(identity)


def _allowed_s(path: Path) -> float:
    """Time for one file, by what is stored of it: a hole costs nothing."""
    status = path.stat()
    size = min(status.st_size, 512 * getattr(status, "st_blocks", status.st_size))
    return min(SECONDS + size / BYTES_PER_SECOND, LONGEST_S)
