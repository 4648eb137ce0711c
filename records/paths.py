"""Files and folders that a user names: refused before any work is done, and before slow imports."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError, UsageError
from .marks import is_marked


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
    """Refuse a file, named by the user, that is there already, unless it may be overwritten.

    Raises
    ------
    UsageError
        If it is, or if it is a link or no regular file.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageError(f"{path}: a link, or not a regular file; choose another name with -o")
    if path.exists() and not overwrite:
        raise UsageError(f"{path}: exists; choose another name with -o or add --overwrite")


def must_be_free(folder: Path, names: Iterable[str], *, overwrite: bool, why: str = "") -> None:
    """Refuse a folder that holds what is going to be written, unless it is all ours and may be overwritten.

    Parameters
    ----------
    folder : Path
        Where the results go.
    names : iterable of str
        Files and folders that are going to be written there.
    overwrite : bool
        Whether what tsct wrote may be replaced; what it did not write is kept in any case.
    why : str
        What a message calls the results that are there; the first of their names if not given.

    Raises
    ------
    UsageError
        If one of the names is taken.
    """
    taken = [name for name in names if _is_taken(folder / name)]
    if not taken:
        return
    if overwrite and folder.is_symlink():
        raise UsageError(f"{folder}: a link, through which nothing is replaced; name the folder itself")
    for name in taken:
        if stranger := _not_ours(folder / name):
            raise UsageError(f"{stranger}: not recognised as written by tsct and kept; choose another folder with -o")
    if not overwrite:
        raise UsageError(f"{folder}: holds {why or taken[0]} already; choose another folder with -o or add --overwrite")


def remove(folder: Path, names: Iterable[str]) -> None:
    """Delete what tsct wrote under these names, file by file, and nothing else.

    Raises
    ------
    UsageError
        If one of them is not ours; nothing is deleted then.
    """
    must_be_free(folder, names := tuple(names), overwrite=True)
    for path in (folder / name for name in names):
        if path.is_dir():
            for inner in path.iterdir():
                inner.unlink()
            path.rmdir()
        else:
            path.unlink(missing_ok=True)


def _is_taken(path: Path) -> bool:
    """Whether there is a file, a link, or a folder with something in it."""
    return path.is_symlink() or (any(path.iterdir()) if path.is_dir() else path.exists())


def _not_ours(path: Path) -> Path | None:
    """A file, link or folder of others in this place, if there is any; our folders hold no folders."""
    if path.is_symlink() or not path.is_dir():
        return None if is_marked(path) else path
    return next((inner for inner in sorted(path.iterdir()) if not is_marked(inner) and not _is_remains(inner)), None)


def _is_remains(path: Path) -> bool:
    """Whether a file was left behind by a process that was killed while it wrote it."""
    return path.name.startswith(".") and ".tmp-" in path.name and path.is_file() and not path.is_symlink()
