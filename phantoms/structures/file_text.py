"""The text of a user's structure file, whatever editor wrote it."""

import codecs
import re
from pathlib import Path

from tsct.records.errors import InputError
from tsct.records.paths import must_be_file

MAX_BYTES = 64 * 2**20
MAX_LINE_CHARACTERS = 2**20
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def read_text(path: Path) -> str:
    """Text of a file in UTF-8, UTF-16 with a byte order mark, or else Latin-1 (only tags and numbers matter).

    Raises
    ------
    InputError
        If the file is missing, empty, binary or too large.
    """
    must_be_file(path)
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path}: the file is empty")
    if size > MAX_BYTES:
        raise InputError(f"{path}: {size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} MiB are read")
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if "\0" in text:
        raise InputError(f"{path}: holds binary data at character {text.index(chr(0)) + 1}; allowed are text files")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE_CHARACTERS:
            raise InputError(f"{path}, line {number}: {len(line)} characters; at most {MAX_LINE_CHARACTERS} are read")
    return text


def line_of(text: str, word: str, after: int = 0, earlier: int = 0) -> str:
    """``", line n"`` for the line that holds a word, beyond line `after` and `earlier` others; or an empty string."""
    if word not in text:
        return ""
    whole = re.compile(rf"(?<!\S)['\"]?{re.escape(word)}['\"]?(?!\S)")
    for number, line in enumerate(text.split("\n"), start=1):
        if number > after and word in line and whole.search(line):
            if earlier == 0:
                return f", line {number}"
            earlier -= 1
    return ""


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors="replace").replace("\r\n", "\n")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")
