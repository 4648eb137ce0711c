"""The child of :mod:`tsct.records.io.trial`: walks through files that may make the HDF5 library loop or crash."""

import json
import signal
import sys
from typing import Any

import h5py
import psutil

from tsct.records.errors import InputError

from .untrusted import OutOfProportionError, attributes, values

#: memory that the child may use
MEMORY_BYTES = 2**31


def _walk(path: str) -> None:
    """Go through everything that may be without end; runs in the child."""
    try:
        handle = h5py.File(path, "r", locking="best-effort")
    except OSError:
        return
    with handle:
        waiting, met = [handle["/"]], set()
        while waiting:
            node = waiting.pop()
            address = h5py.h5o.get_info(node.id).addr
            if address not in met:
                met.add(address)
                waiting += _look_at(node)


def _look_at(node: Any) -> list[Any]:
    """Attributes, and members or text or index of blocks; returns the members that are stored in the file."""
    try:
        attributes(node)
        if isinstance(node, h5py.Dataset):
            if h5py.check_string_dtype(node.dtype):
                values(node)
            elif node.chunks:
                node.id.chunk_iter(lambda chunk: None)
    except (OutOfProportionError, MemoryError):
        raise
    except Exception:
        # whoever asks for it gets the reason
        pass
    return list(_members(node)) if isinstance(node, h5py.Group) else []


def _members(group: h5py.Group) -> Any:
    try:
        names = list(group.keys())
    except Exception:
        return
    for name in names:
        try:
            if isinstance(group.get(name, getlink=True), h5py.HardLink):
                yield group[name]
        except MemoryError:
            raise
        except Exception:
            continue


def _limit(seconds: float | None = None) -> None:
    """Bound memory, or time by processor, which ends a child that loops even where its parent has gone."""
    process = psutil.Process()
    if not hasattr(process, "rlimit"):  # neither macOS nor Windows; the parent's limit of time holds there alone
        return
    if seconds is None:
        process.rlimit(psutil.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        return
    used, hard = process.cpu_times(), process.rlimit(psutil.RLIMIT_CPU)[1]
    process.rlimit(psutil.RLIMIT_CPU, (int(used.user + used.system + seconds) + 2, hard))


def _serve() -> None:
    """Answer one file a line until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit()
    print(json.dumps({"error": "", "memory": False}), flush=True)
    for line in sys.stdin:
        path, seconds = json.loads(line)
        _limit(seconds)
        error, memory = "", False
        try:
            _walk(path)
        except MemoryError:
            error, memory = f"{path}: text or attributes of more than {MEMORY_BYTES / 1e9:.1f} GB; refused", True
        except InputError as refusal:
            error = str(refusal)
        except Exception:
            # the parent meets the same and gives the reason
            pass
        print(json.dumps({"error": error, "memory": memory}), flush=True)


if __name__ == "__main__":
    _serve()
