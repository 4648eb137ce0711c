"""TOML files of others: parsed only if they are of a size that a person writes."""

import codecs
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import InputError
from .paths import must_be_file

#: no file that a person writes is larger
MOST_BYTES = 2**20
#: names in a dotted key; the parser's time and memory grow with the square of their number
MOST_LEVELS = 8

_STRING = r'"(?:[^"\\\n]|\\.)*+"|' + r"'[^'\n]*+'"
_NAME = rf"(?:[\w-]++|{_STRING})"
#: what may hold dots that are none of a key, and else a name with all that follow it after dots; every run of text is
#: taken as a whole, so that the search is linear
_KEYS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+"""|'
    + r"'''(?:[^']|'(?!''))*+'''|#[^\n]*+|"
    + rf"({_NAME}(?:[ \t]*+\.[ \t]*+{_NAME})*+)",
    re.DOTALL,
)
_NAMES = re.compile(_NAME)


def read_toml(path: Path, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises
    ------
    InputError
        If it is no regular file, too large or nested too deep, or no TOML; before memory is taken for it.
    """
    must_be_file(path)
    size = path.stat().st_size
    if size > most_bytes:
        raise InputError(f"{path}: {size} bytes; at most {most_bytes} are read")
    try:
        # a file that grows meanwhile, or that is larger than it says, is not read to its end
        with path.open("rb") as handle:
            content = handle.read(most_bytes)
        # editors put a byte order mark in front, which is no TOML
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: not in UTF-8, as TOML is; save it in that encoding") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    return parse_toml(text, str(path))


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """The tables of a TOML text; raises like :func:`read_toml`, beginning with `where`."""
    _refuse_deep_keys(text, where)
    try:
        return tomllib.loads(text)
    # a number of thousands of digits is a ValueError, a nest of brackets a RecursionError
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "brackets in brackets, too deep"
        raise InputError(f"{where}: not valid TOML ({reason})") from None


def _refuse_deep_keys(text: str, where: str) -> None:
    for match in _KEYS.finditer(text):
        keys = match.group(1)
        if keys and keys.count(".") >= MOST_LEVELS and sum(1 for _ in _NAMES.finditer(keys)) > MOST_LEVELS:
            line = text.count("\n", 0, match.start()) + 1
            raise InputError(f"{where}, line {line}: a key of more than {MOST_LEVELS} names; it has a few")


def as_toml(value: Any) -> str:
    """A value as it stands in a TOML file, for messages.

    >>> as_toml({"views": [1, 2.5], "name": True})
    '{ views = [1, 2.5], name = true }'
    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {as_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
