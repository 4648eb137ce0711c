"""Files on a disk that may be full: they appear whole or not at all, and an error says what is missing."""

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tsct.records.errors import ResourceError

#: no space left, quota exceeded, file larger than allowed
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` only when the block ends without an error.

    Raises
    ------
    ResourceError
        If the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp-{socket.gethostname()}-{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb+") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        if error.errno not in FULL:
            raise
        size = temporary.stat().st_size if temporary.exists() else 0
        raise ResourceError(
            f"{path}: {error.strerror or 'the disk is full'}; {_limit(path, error.errno)} after the first "
            f"{_amount(size)} of this file, which is not kept; make room and repeat the command"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where folders can be opened (not on Windows)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a text file so that it appears whole or not at all.

    Names of files that the locale could not decode are written as the bytes that they are.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")


def check_room(path: Path, size: int) -> None:
    """Refuse to begin a file of `size` bytes that does not fit on its disk.

    Raises
    ------
    ResourceError
        With what is needed, what is free and what is missing.
    """
    free = shutil.disk_usage(Path(path).parent).free
    if size > free:
        raise ResourceError(
            f"{path}: needs {_amount(size)} and {_amount(free)} are free on its disk; make room for "
            f"{_amount(size - free)} more and repeat the command"
        )


def _limit(path: Path, number: int | None) -> str:
    """What ended a file: where a limit of the user did, the space that is left on the disk would mislead."""
    if number == errno.EFBIG:
        return "larger than a file may be here (ulimit -f, or the kind of disk)"
    if number == errno.EDQUOT:
        return "your quota is used up"
    return f"{_amount(shutil.disk_usage(path.parent).free)} are free"


def _amount(size: int) -> str:
    return f"{size / 1e6:.3g} MB"


class DiskFile:
    """A new file for HDF5 to write into, which keeps failures to itself until :meth:`raise_failure`.

    The HDF5 library cannot bear a write that fails: objects stay open, data are given up silently, and the process may
    crash while it ends. Here the first failure is remembered, everything after it is dropped, and HDF5 closes in peace.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "w+b", buffering=0)  # noqa: SIM115
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def raise_failure(self) -> None:
        """Raise the first error of writing, if there was one."""
        if self._failure is not None:
            raise self._failure

    def write(self, data: memoryview) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while len(rest) and self._failure is None:
                rest = rest[self._file.write(rest) :]
        except BaseException as failure:  # Ctrl-C as well: HDF5 must not be left in the middle of a write
            self._failure = failure
        return size

    def truncate(self, size: int | None = None) -> int:
        try:
            if self._failure is None:
                self._file.truncate(size)
        except OSError as failure:
            self._failure = failure
        return self.tell()

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size) or b""

    def readinto(self, buffer: memoryview) -> int:
        return self._file.readinto(buffer) or 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        """Nothing is held back: the file is not buffered."""
