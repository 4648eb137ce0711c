"""Atoms from xyz and extended xyz: counts, symbols and isotopes are checked before ASE reads the frames."""

import re
import warnings
from io import StringIO
from pathlib import Path

from ase import Atoms

from tsct.records.errors import InputError, TsctWarning

from .checks import MAX_ATOMS
from .elements import HYDROGEN_MASSES_U, element, natural
from .file_text import line_of

#: of one atom in extxyz
MAX_COLUMNS = 1000
_PROPERTIES = re.compile(r'Properties\s*=\s*"?([^"\s]+)"?', re.IGNORECASE)


def read_xyz(path: Path, text: str) -> tuple[tuple[Atoms, ...], list[int]]:
    """Frames of a file, and the line of the first atom of each.

    Raises
    ------
    InputError
        If a frame is damaged or a symbol is no element.

    Warns
    -----
    TsctWarning
        What ASE warns about.
    """
    lines = text.split("\n")
    starts = _frame_starts(path, lines)
    isotopes = [_name_elements(path, lines, start) for start in starts]
    members = _parse(path, "\n".join(lines), text)
    for atoms, heavy in zip(members, isotopes, strict=True):
        if heavy:
            masses = atoms.get_masses()
            masses[list(heavy)] = [HYDROGEN_MASSES_U[symbol] for symbol in heavy.values()]
            atoms.set_masses(masses)
    return members, [start + 2 for start in starts]


def _frame_starts(path: Path, lines: list[str]) -> list[int]:
    """Line number of each frame's count, from 1, checked against what the file holds."""
    while lines and not lines[-1].strip():
        lines.pop()
    starts, at = [], 0
    while at < len(lines):
        count_text = lines[at].strip()
        if not re.fullmatch(r"\d{1,12}", count_text):
            raise InputError(
                f"{path}, line {at + 1}: found '{count_text[:40]}'; the first line of a frame is its number of atoms"
            )
        count = int(count_text)
        if count == 0:
            raise InputError(f"{path}, line {at + 1}: 0 atoms; allowed are 1 to {MAX_ATOMS}")
        left = len(lines) - at - 2
        if count > left:
            raise InputError(f"{path}, line {at + 1}: announces {count} atoms but {max(left, 0)} lines follow")
        _check_columns(path, at + 2, lines[at + 1])
        starts.append(at + 1)
        at += count + 2
    if not starts:
        raise InputError(f"{path}: the file holds no atoms")
    return starts


def _check_columns(path: Path, line: int, comment: str) -> None:
    """Refuse columns that no line can hold, for which a reader would make room."""
    number = sum(int(digits[:12]) for digits in re.findall(r":[A-Za-z]:0*(\d+)", comment))
    if number > MAX_COLUMNS:
        raise InputError(f"{path}, line {line}: Properties announce {number} columns; at most {MAX_COLUMNS} are read")


def _name_elements(path: Path, lines: list[str], start: int) -> dict[int, str]:
    """Write the symbols of one frame as ASE knows them; D and T by the number of their atom."""
    column, heavy = _species_column(lines[start]), {}
    if column is None:
        return {}
    for i in range(int(lines[start - 1])):
        at = start + 1 + i
        words = lines[at].split()
        written = words[column] if column < len(words) else ""
        if written.isdigit():
            continue
        symbol = written if written == "X" else element(written)
        if symbol is None:
            raise InputError(f"{path}, line {at + 1}: '{written[:40]}' is no element")
        if symbol in HYDROGEN_MASSES_U:
            heavy[i] = symbol
        if natural(symbol) != written:
            words[column] = natural(symbol)
            lines[at] = " ".join(words)
    return heavy


def _species_column(comment: str) -> int | None:
    """Where the symbols stand, None if there are only atomic numbers."""
    match = _PROPERTIES.search(comment)
    if match is None:
        return 0
    parts = match[1].split(":")
    column = 0
    for name, _, width in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        if name.lower() in ("species", "element", "symbol", "symbols"):
            return column
        column += int(width) if width.isdigit() else 1
    return None


def _parse(path: Path, rewritten: str, text: str) -> tuple[Atoms, ...]:
    """Atoms of all frames. ASE is given the text, so that it cannot interpret the file's name."""
    import ase.io  # slow to load, and many a wrong file is refused without it

    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            members = ase.io.read(StringIO(rewritten), format="extxyz", index=":")
    except KeyError as error:
        raise InputError(f"{path}{line_of(text, str(error.args[0]))}: unknown element or key {error}") from None
    except Exception as error:
        # the reader fails with anything from StopIteration to AssertionError on damaged files
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(f"{path}: not readable as extxyz: {reason}") from None
    for message in dict.fromkeys(str(warning.message) for warning in said):
        warnings.warn(f"{path}: {message.splitlines()[0]}", TsctWarning, stacklevel=2)
    if not members:
        raise InputError(f"{path}: the file holds no atoms")
    return tuple(members)
