"""The mark by which a file is known again as one that tsct wrote: every format carries it in its own way."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

#: first line of TOML and PONI files
COMMENT = "# written by tsct"
#: in the head of a page, and the metadata of a picture
GENERATOR = '<meta name="generator" content="tsct">'
SOFTWARE: Mapping[str, str] = {"Software": "tsct"}
#: the mark of a page or a picture lies before this
_HEAD_BYTES = 4096
#: no JSON file of ours is larger
_JSON_BYTES = 2**24


def is_marked(path: Path) -> bool:
    """Whether a file says that tsct wrote it; links, folders and what cannot be read do not."""
    mark = _MARKS.get(path.suffix)
    if mark is None or path.is_symlink() or not path.is_file():
        return False
    try:
        return mark(path)
    except (OSError, ValueError, RecursionError):
        return False


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(_HEAD_BYTES)


def _commented(path: Path) -> bool:
    return _head(path).startswith(COMMENT.encode())


def _page(path: Path) -> bool:
    return GENERATOR.encode() in _head(path)


def _picture(path: Path) -> bool:
    # a tEXt chunk: keyword, a zero byte, text
    return b"tEXtSoftware\0tsct" in _head(path)


def _document(path: Path) -> bool:
    if path.stat().st_size > _JSON_BYTES:
        return False
    document = json.loads(path.read_bytes())
    return isinstance(document, dict) and "tsct" in document


def _ledger(path: Path) -> bool:
    entry = json.loads(_head(path).split(b"\n")[0])
    return isinstance(entry, dict) and {"job", "pid", "host"} <= entry.keys()


def _table(path: Path) -> bool:
    # a comment would be a row to a spreadsheet, but a table lies beside its list of finished work
    return is_marked(path.with_suffix(".jsonl"))


def _records(path: Path) -> bool:
    # without the HDF5 library, which can hang on a damaged file; attributes of the root are the first that is written,
    # and a file takes its name only when it is complete
    head = _head(path)
    return head.startswith(b"\x89HDF\r\n\x1a\n") and b"creator\0" in head and b"tsct" in head


_MARKS: Mapping[str, Callable[[Path], bool]] = {
    **dict.fromkeys((".toml", ".poni"), _commented),
    ".csv": _table,
    ".html": _page,
    ".png": _picture,
    ".json": _document,
    ".jsonl": _ledger,
    ".h5": _records,
}
