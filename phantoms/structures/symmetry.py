"""Which symmetry operations a CIF means, and the images of its sites under them.

They are those that it lists, else those of a space group that leaves no choice.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError

#: images of a site closer than this (angstrom) are one atom in a special position, given with few digits
SPECIAL_A = 0.1
#: operations of the largest space group in its conventional cell
MAX_OPERATIONS = 192
#: how far an operation may change the lengths of a cell, as a share of them
CELL_TOLERANCE = 5e-3
_NUMERATOR = r"[+-]?\s*(\d+(/\d+|\.\d+)?|\.\d+|[xyzXYZ])"
_OPERATION = re.compile(rf"\s*({_NUMERATOR}\s*)+(,\s*({_NUMERATOR}\s*)+){{2}}")
# the Inorganic Crystal Structure Database writes S and Z for origins 1 and 2
_CHOICES = {"S": "1", "Z": "2", "1": "1", "2": "2", "H": "H", "R": "R"}
_ENDING = re.compile(r"(.+?)(?:\s*:\s*([A-Za-z0-9]+)|\s*([HRSZ]))")


@dataclass(frozen=True, slots=True, eq=False)
class Operations:
    """Symmetry operations x -> rotation x + translation in fractional coordinates, with those of the centring."""

    rotations: NDArray[np.float64]  # (operations, 3, 3)
    translations: NDArray[np.float64]  # (operations, 3)
    source: str

    @property
    def point_group_order(self) -> int:
        """Number of different rotations, the same in every setting of a space group."""
        return len(np.unique(self.rotations.reshape(-1, 9), axis=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """All that one block of a CIF says about its symmetry; empty where it says nothing."""

    operations: Sequence[str] = ()
    hall: str = ""
    name: str = ""
    number: str = ""
    coordinate_code: str = ""


def operations(
    statements: Statements, cell: gemmi.UnitCell, where: str, setting: str | None, line: Callable[[str], str]
) -> Operations:
    """Symmetry operations of a structure.

    A `setting` given by the user replaces what the file says. Listed operations come next, then the Hall symbol, the
    Hermann-Mauguin symbol, and the number in the International Tables.

    Parameters
    ----------
    statements : Statements
        What the file says.
    cell : gemmi.UnitCell
        It must have the symmetry, and it tells hexagonal from rhombohedral axes.
    where : str
        Names the file in messages.
    setting : str or None
        A space group in full ("F d -3 m :2" or a Hall symbol), or what is to be added to the file's name (1, 2, H, R).
    line : callable
        Gives ``", line n"`` for a text of the file.

    Raises
    ------
    InputError
        If nothing is said, several settings are possible, or the file contradicts itself.
    """
    if setting is not None:
        found = _set_by_user(statements, setting.strip(), cell, where)
    elif statements.operations:
        found = _listed(statements.operations, where, line)
        _must_agree(found, statements, where)
    elif statements.hall:
        found = _from_hall(statements.hall, where)
        _must_agree(found, statements, where)
    elif statements.name:
        group = _named(statements.name, statements.coordinate_code, cell, where)
        stated = _by_number(statements.number)
        if stated is not None and stated.number != group.number:
            raise InputError(
                f"{where}: space group '{statements.name}' is number {group.number}, but the file says "
                f"{stated.number}; correct the one that is wrong, or give setting"
            )
        found = _from_group(group)
    elif statements.number:
        found = _from_group(_numbered(statements.number, statements.coordinate_code, cell, where))
    else:
        raise InputError(
            f"{where}: lists no symmetry operations and names no space group; give setting, such as 'P 1' where all "
            "atoms of the cell are in the file"
        )
    _must_fit(found, cell, where)
    return found


def _set_by_user(statements: Statements, setting: str, cell: gemmi.UnitCell, where: str) -> Operations:
    if setting.upper() in _CHOICES:
        if statements.name:
            return _from_group(_named(statements.name, setting, cell, where))
        if statements.number:
            return _from_group(_numbered(statements.number, setting, cell, where))
        raise InputError(f"{where}: setting is '{setting}' but the file names no space group; give its whole symbol")
    if setting.isdigit() or not setting:
        raise InputError(f"{where}: setting is '{setting}'; give 1, 2, H, R or a whole symbol, such as 'F d -3 m :2'")
    if gemmi.find_spacegroup_by_name(_split(setting)[0]) is None:
        return _from_hall(setting, f"{where}: setting")
    return _from_group(_named(setting, "", cell, f"{where}: setting"))


def _listed(texts: Sequence[str], where: str, line: Callable[[str], str]) -> Operations:
    if len(texts) > MAX_OPERATIONS:
        raise InputError(f"{where}: lists {len(texts)} symmetry operations; there are at most {MAX_OPERATIONS}")
    parsed = {}
    for text in texts:
        try:
            if len(text) > 64 or not _OPERATION.fullmatch(text):
                raise ValueError
            operation = gemmi.Op(text.replace(" ", "")).wrap()
        except (RuntimeError, ValueError):
            raise InputError(
                f"{where}{line(text)}, symop: found '{text[:70]}'; allowed are forms like 'x,y+1/2,-z', "
                "fractions in 24ths"
            ) from None
        parsed[operation.triplet()] = operation
    found = _arrays(list(parsed.values()), f"{len(parsed)} listed operations")
    if not _closed(found):
        raise InputError(
            f"{where}: its {len(parsed)} symmetry operations are no group (one is missing or wrong); "
            "complete them, or give setting"
        )
    return found


def _closed(found: Operations) -> bool:
    """Whether any two operations one after the other are an operation again."""
    rotations, translations = np.rint(found.rotations), np.rint(found.translations * gemmi.Op.DEN)
    turned = np.einsum("aij,bjk->abik", rotations, rotations).reshape(-1, 9)
    shift = np.einsum("aij,bj->abi", rotations, translations) + translations[:, None]
    products = np.hstack([turned, shift.reshape(-1, 3) % gemmi.Op.DEN])
    own = np.hstack([rotations.reshape(-1, 9), translations % gemmi.Op.DEN])
    return len(np.unique(np.vstack([own, products]), axis=0)) == len(own)


def _from_hall(symbol: str, where: str) -> Operations:
    try:
        return _arrays(list(gemmi.symops_from_hall(symbol)), f"Hall symbol {symbol}")
    except (RuntimeError, ValueError):
        raise InputError(
            f"{where}: '{symbol[:60]}' is no space group; give a Hermann-Mauguin symbol (F d -3 m :2) or a Hall symbol"
        ) from None


def _named(name: str, choice: str, cell: gemmi.UnitCell, where: str) -> gemmi.SpaceGroup:
    """The space group of a Hermann-Mauguin symbol with one setting."""
    base, ending = _split(name)
    group = gemmi.find_spacegroup_by_name(base)
    if group is None:
        raise InputError(f"{where}: space group '{name[:60]}' is not known; give setting, such as 'F d -3 m :2'")
    rivals = [other for other in gemmi.spacegroup_table() if other.hm == group.hm]
    return _one_of(rivals, ending or choice, cell, f"{where}: space group '{name}'")


def _numbered(text: str, choice: str, cell: gemmi.UnitCell, where: str) -> gemmi.SpaceGroup:
    number = int(text) if text.isdigit() and len(text) < 4 else 0
    rivals = [group for group in gemmi.spacegroup_table() if group.number == number]
    if not rivals:
        raise InputError(f"{where}: space group number '{text[:20]}' is not known; allowed are 1 to 230")
    return _one_of(rivals, choice, cell, f"{where}: space group number {number}")


def _one_of(rivals: list[gemmi.SpaceGroup], choice: str, cell: gemmi.UnitCell, where: str) -> gemmi.SpaceGroup:
    choice = _CHOICES.get(choice.strip().upper(), "")
    chosen = [group for group in rivals if group.ext == choice] if choice else rivals
    if choice and not chosen and len(rivals) == 1:
        chosen = rivals
    if {group.ext for group in chosen} == {"H", "R"}:
        hexagonal = abs(cell.gamma - 120.0) < 1.0 and abs(cell.alpha - 90.0) < 1.0
        chosen = [group for group in chosen if group.ext == ("H" if hexagonal else "R")]
    if len(chosen) != 1:
        names = ", ".join(group.xhm().replace(":", " :") for group in (chosen or rivals)[:4])
        more = ", ..." if len(chosen or rivals) > 4 else ""
        raise InputError(f"{where} has several settings ({names}{more}); give setting")
    return chosen[0]


def _split(name: str) -> tuple[str, str]:
    """Symbol and setting, which stands behind a colon or as a last letter."""
    name = " ".join(name.replace("_", "").split())
    match = _ENDING.fullmatch(name)
    if match is None or (match[3] and gemmi.find_spacegroup_by_name(match[1]) is None):
        return name, ""
    return match[1], match[2] or match[3]


def _must_agree(found: Operations, statements: Statements, where: str) -> None:
    """Refuse a name of another crystal class than that of the operations."""
    groups = gemmi.find_spacegroup_by_name(_split(statements.name)[0]) if statements.name else None
    if groups is None:
        groups = _by_number(statements.number)
    if groups is None:
        return
    expected = _from_group(groups).point_group_order
    if expected != found.point_group_order:
        raise InputError(
            f"{where}: {found.source} have {found.point_group_order} rotations, but space group "
            f"'{groups.hm}' has {expected}; correct the file, or give setting"
        )


def _by_number(text: str) -> gemmi.SpaceGroup | None:
    return gemmi.find_spacegroup_by_number(int(text)) if text.isdigit() and 1 <= int(text[:4]) <= 230 else None


def _must_fit(found: Operations, cell: gemmi.UnitCell, where: str) -> None:
    """Refuse a cell that an operation would change."""
    edges = np.array([cell.a, cell.b, cell.c])
    cosines = np.cos(np.radians([cell.alpha, cell.beta, cell.gamma]))
    shape = np.eye(3)
    for (i, j), cosine in zip(((1, 2), (0, 2), (0, 1)), cosines, strict=True):
        shape[i, j] = shape[j, i] = cosine
    metric = shape * np.outer(edges, edges)
    moved = np.einsum("nji,jk,nkl->nil", found.rotations, metric, found.rotations)
    change = np.max(np.abs(moved - metric) / np.outer(edges, edges))
    if change > 2.0 * CELL_TOLERANCE:
        numbers = ", ".join(f"{value:g}" for value in cell.parameters)
        raise InputError(f"{where}: the cell ({numbers}) does not have the symmetry of {found.source}; give setting")


def _from_group(group: gemmi.SpaceGroup) -> Operations:
    return _arrays(list(group.operations()), f"space group {group.xhm()}")


def _arrays(listed: Sequence[gemmi.Op], source: str) -> Operations:
    return Operations(
        rotations=np.array([operation.rot for operation in listed], dtype=float) / gemmi.Op.DEN,
        translations=np.array([operation.tran for operation in listed], dtype=float) / gemmi.Op.DEN,
        source=source,
    )


def expanded(
    fractions: NDArray[np.float64], found: Operations, cell: NDArray[np.float64], labels: list[str], path: Path
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """All positions of the cell and the site of each."""
    if len(found.rotations) == 1:
        return fractions % 1.0 % 1.0, np.arange(len(fractions))
    orbits = [_orbit(x, found, cell) for x in fractions]
    for orbit, label in zip(orbits, labels, strict=True):
        if len(orbit) == 0:
            raise InputError(
                f"{path}: site {label} lies between special positions; give its coordinates with more digits"
            )
    return np.concatenate(orbits), np.repeat(np.arange(len(orbits)), [len(orbit) for orbit in orbits])


def _orbit(x: NDArray[np.float64], found: Operations, cell: NDArray[np.float64]) -> NDArray[np.float64]:
    """Different images of a position; empty if it is near, but not at, several special positions."""

    def shifts(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        difference = a - b
        difference -= np.rint(difference)
        return difference, np.linalg.norm(difference @ cell, axis=-1)

    images = found.rotations @ x + found.translations
    difference, distance = shifts(images, x)
    fixed = distance < SPECIAL_A
    if np.count_nonzero(fixed) > 1:
        x = x + difference[fixed].mean(axis=0)
        images = found.rotations @ x + found.translations
        # the mean of a group's images is at rest under it, to rounding
        fixed = shifts(images, x)[1] < 1e-6
        _, apart = shifts(images[:, None], images[None])
        images = images[np.argmax(apart < 1e-6, axis=1) == np.arange(len(images))]
    return images % 1.0 % 1.0 if len(images) * np.count_nonzero(fixed) == len(found.rotations) else images[:0]
