"""Files and folders that a user names: refused before any work is done, and before slow imports."""

from pathlib import Path

from .errors import InputError


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
