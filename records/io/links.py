"""Where links of an HDF5 file may lead: nowhere else, unless a folder was named below which they may be followed."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import h5py

from tsct.records.errors import InputError

#: files that may be open at once, below what most systems allow a process
MAX_FILES = 500


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Links that may be followed, and the files that they led to so far.

    Attributes
    ----------
    folder : pathlib.Path
        Below it, once links of the file system and ``..`` are followed, lies every file that may be opened.
    files : dict
        The open files by their places.
    stack : ExitStack
        Closes them.
    """

    folder: Path
    files: dict[Path, h5py.File] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def place(self, holder: Path, name: str, where: str) -> Path:
        """The file that a link in `holder` names, which is relative to the folder of `holder`.

        Raises
        ------
        InputError
            If it lies outside of the folder, is not there, or is one too many.
        """
        path = (holder.absolute().parent / name).resolve()
        if not path.is_relative_to(self.folder):
            raise InputError(f"{where} '{name}', which is not below {self.folder}; it is not followed")
        if not path.is_file():
            raise InputError(f"{where} '{name}', and there is no file {path}")
        if len(self.files) >= MAX_FILES and path not in self.files:
            raise InputError(f"{where} one more of over {MAX_FILES} files; stack these with files in a mapping")
        return path


_LINKS: ContextVar[Links | None] = ContextVar("links", default=None)


def allowed_links() -> Links | None:
    """The links that may be followed here, or None."""
    return _LINKS.get()


@contextmanager
def following_links(folder: Path | None) -> Iterator[None]:
    """Within it, links of HDF5 files are followed to files below a folder; none are for None.

    Raises
    ------
    InputError
        If there is no such folder.
    """
    if folder is None:
        yield
        return
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; links are followed below one only")
    links = Links(folder.resolve())
    token = _LINKS.set(links)
    try:
        with links.stack:
            yield
    finally:
        _LINKS.reset(token)
