"""What of a job is done: a list on disk to which one line is added for every finished piece of work.

Whoever starts the same job again goes on from there. The same job means the same settings, the same structure files and
the same program; anything else is another job and never mixed with this one.
"""

import fcntl
import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, TextIO

from tsct.records.errors import InputError, UsageError
from tsct.records.schema import VERSION

#: what may change the numbers besides our own files
LIBRARIES = ("numpy", "scipy", "numba", "xarray", "h5py", "ase", "xraydb", "xraylib")
PACKAGES = ("records", "phantoms", "simulate", "analyze", "validation", "apps")
#: files up to this size are known by their contents, larger ones by their size
HASHED_BYTES = 8_000_000

#: what a job is made of: name of a part -> hash; on disk with the version of the schema
Identity = Mapping[str, str | int]


def sha256(*parts: str | bytes) -> str:
    """Hash of texts and bytes, one after the other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else part)
        found.update(b"\0")
    return found.hexdigest()


@cache
def program() -> str:
    """Hash of every file of this program and the versions of the libraries that it computes with."""
    ours = [files(f"tsct.{package}") for package in PACKAGES]
    paths = sorted(path for folder in ours for path in Path(str(folder)).rglob("*") if path.is_file())
    # caches of compiled code come and go
    kept = [path for path in paths if "__pycache__" not in path.parts]
    named = [f"{library} {version(library)}" for library in LIBRARIES]
    return sha256(*named, *(part for path in kept for part in (path.name, path.read_bytes())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """An open list of finished work.

    Attributes
    ----------
    folder : Path
        Where the job writes.
    done : dict of str to Any
        What was noted for each finished piece of work, by its name.
    handle : file
        Where lines are added.
    """

    folder: Path
    done: dict[str, Any]
    handle: TextIO

    def add(self, name: str, value: Any) -> None:
        """Note a finished piece of work; it is on disk when this returns."""
        self.done[name] = value
        _append(self.handle, {"name": name, "value": value})


@contextmanager
def ledger(path: Path, identity: Identity) -> Iterator[Ledger]:
    """Open the list of a job, and keep others from working on it.

    Raises
    ------
    UsageError
        If another process works on it, or if it belongs to another job; says what differs.
    """
    with path.open("a+", encoding="utf-8") as handle:
        _lock(handle, path)
        header, done = _read(handle)
        if differing(header, identity):
            raise UsageError(f"{path}: belongs to another job (other {' and '.join(differing(header, identity))})")
        _append(handle, {"job": {**identity, "schema": VERSION}, "pid": os.getpid(), "host": socket.gethostname()})
        yield Ledger(folder=path.parent, done=done, handle=handle)


def read_ledger(path: Path) -> tuple[Identity, dict[str, Any]]:
    """Identity and finished work of a job that may be running; both empty if there is none."""
    if not path.is_file():
        return {}, {}
    with path.open(encoding="utf-8") as handle:
        return _read(handle, repair=False)


def differing(one: Identity, other: Identity) -> list[str]:
    """The parts in which a job on disk differs from another, its schema among them; none if either is empty."""
    wanted = {**other, "schema": VERSION} if other else {}
    return [part for part in wanted if one and one.get(part) != wanted[part]]


def _read(handle: TextIO, *, repair: bool = True) -> tuple[Identity, dict[str, Any]]:
    """Header and entries; a last line without its end was cut off by a crash and is dropped."""
    handle.seek(0)
    text = handle.read()
    whole = text[: text.rfind("\n") + 1]
    if repair and whole != text:
        handle.truncate(len(whole.encode()))
    identity: Identity = {}
    done: dict[str, Any] = {}
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            entry = json.loads(line)
            if "job" in entry:
                identity = entry["job"]
            else:
                done[entry["name"]] = entry["value"]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{handle.name}: line {number} cannot be read; start over with --overwrite") from None
    return identity, done


def _append(handle: TextIO, entry: Mapping[str, Any]) -> None:
    handle.write(json.dumps(entry) + "\n")
    handle.flush()
    os.fsync(handle.fileno())


def free_to_write(path: Path) -> None:
    """Refuse if another process works on this list."""
    with path.open("a", encoding="utf-8") as handle:
        _lock(handle, path)


def _lock(handle: TextIO, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(f"{path.parent}: another tsct {_owner(path)}works there; wait for it, or stop it") from None


def _owner(path: Path) -> str:
    owners = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.startswith('{"job"')]
    return f"(process {owners[-1]['pid']} on {owners[-1]['host']}) " if owners else ""


def fingerprint(folder: Path, names: list[str]) -> dict[str, tuple[int, str]]:
    """Size and, of small files, hash of files that were written."""
    return {name: _print(folder / name) for name in names}


def _print(path: Path) -> tuple[int, str]:
    size = path.stat().st_size
    return size, sha256(path.read_bytes()) if size <= HASHED_BYTES else ""


def is_whole(folder: Path, written: Mapping[str, Any]) -> bool:
    """Whether files still are as they were when :func:`fingerprint` saw them."""
    return all((folder / name).is_file() and [*_print(folder / name)] == [*seen] for name, seen in written.items())


def remove_remains(folder: Path) -> None:
    """Delete temporary files that a process of this machine left behind when it was killed."""
    mark = f".tmp-{socket.gethostname()}-"
    for path in folder.rglob(f".*{mark}*"):
        pid = path.name.rpartition("-")[2]
        if pid.isdigit() and not _alive(int(pid)):
            path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
