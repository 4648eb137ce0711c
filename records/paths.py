"""Files and folders that a user names: refused before any work is done, and before slow imports."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError, UsageError


def must_exist(path: Path) -> None:
    """Refuse a path where there is nothing.

    Raises
    ------
    InputError
        If there is neither a file nor a folder.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file")


def must_be_file(path: Path) -> None:
    """Refuse a path that is no regular file.

    Raises
    ------
    InputError
        If there is nothing, a folder, a device or a pipe.
    """
    must_exist(path)
    if not path.is_file():
        raise InputError(f"{path}: not a regular file")


def writable(folder: Path) -> None:
    """Make a folder.

    Raises
    ------
    InputError
        If it cannot be made or written into.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".tsct-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from None


@contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder for what happens inside; if that fails, folders that were made and are still empty go again.

    Raises
    ------
    InputError
        If it cannot be made or written into.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    writable(folder)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            for path in new:
                path.rmdir()
        raise


def file_must_be_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a file that is there already, unless it may be overwritten.

    Raises
    ------
    UsageError
        If it is.
    """
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: exists; choose another name with -o or add --overwrite")


def must_be_free(folder: Path, names: Iterable[str], *, overwrite: bool) -> None:
    """Refuse a folder that holds what is going to be written, unless it may be overwritten.

    Raises
    ------
    UsageError
        If one of the names is taken.
    """
    taken = [name for name in names if (folder / name).exists()]
    if taken and not overwrite:
        raise UsageError(f"{folder}: holds {taken[0]} already; choose another folder with -o or add --overwrite")
