"""What of a job is done: a list on disk to which one line is added for every finished piece of work.

Whoever starts the same job again goes on from there. The same job means the same settings, the same structure files and
the same program; anything else is another job and never mixed with this one. Every line carries a hash of itself, so
that one that was damaged is known, and its work made again.
"""

import hashlib
import json
import os
import socket
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, BinaryIO

import psutil
from filelock import FileLock, Timeout

from tsct.records.errors import InputError, TsctWarning, UsageError
from tsct.records.paths import must_be_file, remove
from tsct.records.schema import VERSION

#: what may change the numbers besides our own files
LIBRARIES = ("numpy", "scipy", "numba", "xarray", "h5py", "ase", "xraydb", "xraylib")
PACKAGES = ("records", "phantoms", "simulate", "analyze", "validation", "apps")
#: files up to this size are known by their contents, larger ones by their size
HASHED_BYTES = 8_000_000
#: no line is longer
MOST_LINE_BYTES = 2**26
#: damaged lines that a message names
NAMED = 5

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
    handle: BinaryIO

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
    InputError
        If it does not say which job it belongs to.

    Warns
    -----
    TsctWarning
        If lines are damaged: what they noted is made again.
    """
    with working_on(path):
        if path.exists():
            must_be_file(path)
        with path.open("ab+") as handle:
            header, done, damaged = _read(handle, path)
            if damaged:
                _warn(path, damaged)
            if differing(header, identity):
                raise UsageError(f"{path}: belongs to another job (other {' and '.join(differing(header, identity))})")
            _append(handle, {"job": {**identity, "schema": VERSION}, "pid": os.getpid(), "host": socket.gethostname()})
            yield Ledger(folder=path.parent, done=done, handle=handle)


def read_ledger(path: Path) -> tuple[Identity, dict[str, Any]]:
    """Identity and finished work of a job that may be running; both empty if there is none."""
    if not path.is_file():
        return {}, {}
    with path.open("rb") as handle:
        return _read(handle, path, repair=False)[:2]


def differing(one: Identity, other: Identity) -> list[str]:
    """The parts in which a job on disk differs from another, its schema among them; none if either is empty."""
    wanted = {**other, "schema": VERSION} if other else {}
    return [part for part in wanted if one and one.get(part) != wanted[part]]


def _read(handle: BinaryIO, path: Path, *, repair: bool = True) -> tuple[Identity, dict[str, Any], list[int]]:
    """Header, entries and numbers of damaged lines; a last line without its end was cut off by a crash and goes."""
    handle.seek(0)
    identity: Identity = {}
    done: dict[str, Any] = {}
    damaged: list[int] = []
    end = 0
    for number, (line, position) in enumerate(_lines(handle), 1):
        entry, end = _entry(line), position
        if entry is None:
            damaged.append(number)
        elif "job" in entry:
            identity = entry["job"]
        else:
            done[entry["name"]] = entry["value"]
    if end and not identity:
        raise InputError(f"{path}, line 1: damaged, and nothing else says which job this is; choose another folder")
    if repair:
        handle.truncate(end)
    return identity, done, damaged


def _lines(handle: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Every whole line and where it ends; nothing in place of one that is too long."""
    end, too_long = 0, False
    while piece := handle.readline(MOST_LINE_BYTES):
        end += len(piece)
        if piece.endswith(b"\n"):
            yield b"" if too_long else piece, end
        too_long = not piece.endswith(b"\n")


def _entry(line: bytes) -> dict[str, Any] | None:
    """What a line says, or nothing if it is not as it was written."""
    try:
        entry = json.loads(line)
        written = entry.pop("sha256")
        return entry if written == _digest(entry) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _digest(entry: Mapping[str, Any]) -> str:
    return sha256(json.dumps(entry))[:16]


def _warn(path: Path, damaged: list[int]) -> None:
    numbers = ", ".join(map(str, damaged[:NAMED])) + (", ..." if len(damaged) > NAMED else "")
    warnings.warn(f"{path}: damaged in line {numbers}; what was noted there is made again", TsctWarning, stacklevel=4)


def _append(handle: BinaryIO, entry: Mapping[str, Any]) -> None:
    handle.write(json.dumps({**entry, "sha256": _digest(entry)}).encode() + b"\n")
    handle.flush()
    os.fsync(handle.fileno())


def clear(folder: Path, names: Iterable[str]) -> None:
    """Delete the results of a job under these names, its list among them, unless a process works on it.

    Raises
    ------
    UsageError
        If one does, or something there is not ours; see :func:`tsct.records.paths.remove`.
    """
    names = tuple(names)
    with ExitStack() as locks:
        for name in names:
            if name.endswith(".jsonl") and (folder / name).exists():
                locks.enter_context(working_on(folder / name))
        remove(folder, names)


@contextmanager
def working_on(path: Path) -> Iterator[None]:
    """Keep other processes from working on this list, or refuse if one does."""
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UsageError(f"{path.parent}: another tsct {_owner(path)}works there; wait for it, or stop it") from None
    try:
        yield
    finally:
        # while it is held: whoever opened it meanwhile will find that it is gone; where that is forbidden it stays
        with suppress(OSError):
            os.unlink(lock.lock_file)
        lock.release()


def _owner(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        owners = [entry for line, _ in _lines(handle) if (entry := _entry(line)) and "job" in entry]
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


def remove_remains(*folders: Path) -> None:
    """Delete temporary files that a process of this machine left behind in these folders when it was killed."""
    mark = f".tmp-{socket.gethostname()}-"
    for path in (path for folder in folders if not folder.is_symlink() for path in folder.glob(f".*{mark}*")):
        pid = path.name.rpartition("-")[2]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            path.unlink(missing_ok=True)
