"""Work for the tests of `tsct.apps.run.workers`: at the top level of a module, so that other processes can find it."""

import os
import signal
import time
from pathlib import Path

from tsct.records.errors import InputError


def doubled(shared, item):
    return shared["factor"] * item


def slow(shared, item):
    time.sleep(shared["seconds"])
    return item


def deadly(shared, item):
    """Kills its process for the items in `poison`; those in `once` only the first time."""
    if item in shared["poison"]:
        os.kill(os.getpid(), signal.SIGKILL)
    mark = Path(shared["folder"]) / str(item)
    if item in shared["once"] and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def counted(shared, item):
    """Writes down every process that begins it, and takes a while."""
    with (Path(shared["folder"]) / str(item)).open("a") as handle:
        handle.write(f"{os.getpid()}\n")
    time.sleep(shared["seconds"])
    return item


def refused(shared, item):
    raise InputError("no such thing")


def told(shared, item):
    """Writes down which process it runs in, and does not end."""
    (Path(shared["folder"]) / f"pid{item}").write_text(str(os.getpid()))
    time.sleep(600)
