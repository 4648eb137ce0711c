"""Crystals from CIF: the sites of one data block, checked, and the atoms of the cell that symmetry makes of them."""

import re
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, TsctWarning, nearest

from .checks import ANGLES_DEG, LENGTHS_A, MAX_ATOMS
from .claims import check_claims, formula_amounts
from .elements import HYDROGEN_MASSES_U, element, labelled_element, natural
from .file_text import line_of
from .symmetry import Statements, expanded, operations

Array = NDArray[np.float64]

#: fractional coordinates beyond are no shares of a cell
MOST_FRACTION = 5.0
#: occupancies of atoms that exclude each other may exceed one by their rounding
FULL = 1.01
#: mean-square displacements above this (A2) are no thermal motion of a crystal: B given as U
MAX_U_A2 = 0.3
#: displacements of one element that differ by less than this share of their mean are as good as one
SAME_U = 0.25
_CELL = tuple(f"_cell.{name}" for name in ("length_a", "length_b", "length_c"))
_ANGLES = tuple(f"_cell.{name}" for name in ("angle_alpha", "angle_beta", "angle_gamma"))
_POSITIONS = tuple(f"_atom_site.fract_{axis}" for axis in "xyz")
_TENSOR = ("11", "22", "33", "12", "13", "23")
_OPERATIONS = ("_space_group_symop.operation_xyz", "_symmetry_equiv.pos_as_xyz", "_space_group_symop_operation_xyz")
_HALL = ("_space_group.name_Hall", "_symmetry.space_group_name_Hall")
_NAME = (
    "_space_group.name_H-M_alt",
    "_symmetry.space_group_name_H-M",
    "_space_group.name_H-M_full",
    "_space_group.name_H-M_ref",
)
_IT_NUMBER = ("_space_group.IT_number", "_symmetry.Int_Tables_number")
_CODE = ("_space_group.IT_coordinate_system_code",)
_CLAIMS = (
    "_cell.formula_units_z",
    "_cell.volume",
    "_chemical_formula.sum",
    "_chemical_formula.weight",
    "_exptl_crystal.density_diffrn",
    "_exptl_crystal.density_meas",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crystal:
    """All positions in one cell, with the sites that they come from.

    Attributes
    ----------
    cell : numpy.ndarray, shape (3, 3)
        Edges in angstrom, one a row.
    fractions : numpy.ndarray, shape (position, 3)
        Fractional coordinates.
    site : numpy.ndarray, shape (position,), int
        Number of the site of each position.
    labels, symbols : tuple of str, one a site
        Label, and element (or D, T).
    occupancies : numpy.ndarray, shape (site,)
        Above 0, up to 1.
    u_a2 : numpy.ndarray, shape (site,)
        Equivalent isotropic mean-square displacement in square angstrom, NaN where the file has none.
    """

    cell: Array
    fractions: Array
    site: NDArray[np.int64]
    labels: tuple[str, ...]
    symbols: tuple[str, ...]
    occupancies: Array
    u_a2: Array

    def amounts(self) -> dict[str, float]:
        """Atoms of each element in the cell, counted by their occupancies."""
        multiplicity = np.bincount(self.site, minlength=len(self.labels))
        total: dict[str, float] = {}
        for symbol, number in zip(self.symbols, multiplicity * self.occupancies, strict=True):
            total[natural(symbol)] = total.get(natural(symbol), 0.0) + float(number)
        return total

    def mean_u_a2(self) -> dict[str, float]:
        """Mean of the displacements of each element, over those of its sites that have one."""
        weight = np.bincount(self.site, minlength=len(self.labels)) * self.occupancies
        found = {}
        for symbol in dict.fromkeys(natural(name) for name in self.symbols):
            own = np.array([natural(name) == symbol for name in self.symbols]) & np.isfinite(self.u_a2)
            if own.any() and self.u_a2[own].any():
                found[symbol] = float(np.average(self.u_a2[own], weights=weight[own]))
        return found

    def unlike_u_a2(self) -> dict[str, tuple[float, float]]:
        """Smallest and largest displacement of the elements whose sites differ by more than `SAME_U` of their mean."""
        found = {}
        for symbol, mean in self.mean_u_a2().items():
            values = [u for name, u in zip(self.symbols, self.u_a2, strict=True) if natural(name) == symbol]
            low, high = float(np.nanmin(values)), float(np.nanmax(values))
            if high - low > SAME_U * mean:
                found[symbol] = (low, high)
        return found


def read_cif(path: Path, text: str, *, block: str | None = None, setting: str | None = None) -> Crystal:
    """Read the crystal of one data block.

    Parameters
    ----------
    path : pathlib.Path
        Names the file in messages.
    text : str
        What it holds.
    block : str, optional
        Name of the data block; needed if several hold atoms.
    setting : str, optional
        Space group that replaces what the file says, or the choice of its origin or axes (1, 2, H, R).

    Raises
    ------
    InputError
        If the file is damaged, leaves a choice, or contradicts itself.

    Warns
    -----
    TsctWarning
        If something in the file is left out.
    """
    chosen = _block(path, text, block)
    sites = _Sites(path=path, text=text, block=chosen)
    cell = sites.cell()
    fractions = sites.fractions()
    labels, symbols, occupancies = sites.labels(), sites.symbols(), sites.occupancies()
    found = operations(sites.statements(), cell, str(path), setting, partial(line_of, text))
    used = sites.used(labels)
    sites.check_disorder(occupancies)
    if len(used) * len(found.rotations) > MAX_ATOMS:
        raise InputError(
            f"{path}: {len(used)} sites and {len(found.rotations)} symmetry operations; "
            f"at most {MAX_ATOMS} atoms are read"
        )
    edges = np.array(cell.orth.mat.tolist()).T
    positions, site = expanded(fractions[used], found, edges, [labels[i] for i in used], path)
    crystal = Crystal(
        cell=edges,
        fractions=positions,
        site=site,
        labels=tuple(labels[i] for i in used),
        symbols=tuple(symbols[i] for i in used),
        occupancies=occupancies[used],
        u_a2=sites.displacements(labels, symbols, cell)[used],
    )
    check_claims(sites.claims(), crystal.amounts(), _mass_u(crystal), float(cell.volume), str(path))
    sites.check_multiplicities(used, np.bincount(site), len(found.rotations))
    return crystal


def _mass_u(crystal: Crystal) -> float:
    from ase.data import atomic_masses, atomic_numbers

    multiplicity = np.bincount(crystal.site, minlength=len(crystal.labels))
    masses = [
        HYDROGEN_MASSES_U.get(symbol, float(atomic_masses[atomic_numbers[natural(symbol)]]))
        for symbol in crystal.symbols
    ]
    return float(np.sum(multiplicity * crystal.occupancies * masses))


def _block(path: Path, text: str, name: str | None) -> gemmi.cif.Block:
    """The data block that holds the atoms."""
    try:
        blocks = list(gemmi.cif.read_string(text))
    except (RuntimeError, ValueError) as error:
        raise InputError(f"{path}{_damage(str(error), text)}") from None
    holding = [block for block in blocks if _column(block, "_atom_site.fract_x") or _column(block, "_cell.length_a")]
    names = ", ".join(block.name for block in holding[:8]) + (", ..." if len(holding) > 8 else "")
    if name is not None:
        named = [block for block in blocks if block.name == name]
        if not named:
            close = nearest(name, [block.name for block in blocks]) or f"; structures are in {names or 'none'}"
            raise InputError(f"{path}: no data block '{name}'{close}")
        return named[0]
    with_atoms = [block for block in holding if _column(block, "_atom_site.fract_x")]
    if len(with_atoms) > 1:
        raise InputError(f"{path}: {len(with_atoms)} data blocks hold a structure; give block, one of {names}")
    if not holding:
        raise InputError(f"{path}: no _cell_length_a and no atoms in it; give a CIF of a crystal structure")
    return (with_atoms or holding)[0]


def _damage(message: str, text: str) -> str:
    """Where and how a file is damaged, in words, from what gemmi says."""
    match = re.match(r"string:(\d+)(?::\d+\(\d+\))?(?: in \S+)?:\s*(.*)", message.split("\n")[0])
    if match is None:
        return f": not readable as CIF: {message.split(chr(10))[0].removeprefix('string: ')}"
    number, reason, lines = int(match[1]), match[2], text.split("\n")
    if reason == "unterminated text field":
        number = max((i for i, line in enumerate(lines, start=1) if line.startswith(";")), default=number)
        reason = "the text field is not closed by a line that starts with ';'"
    elif reason == "unterminated 'string'":
        reason = "the quote is not closed"
    found = lines[number - 1].strip()[:40] if number <= len(lines) else ""
    return f", line {number}: found '{found}', not readable as CIF: {reason}"


def _column(block: gemmi.cif.Block, tag: str) -> gemmi.cif.Column:
    """Values of a tag by its name of today (``_cell.length_a``), or else by the older one (``_cell_length_a``)."""
    return block.find_values(tag) or block.find_values(tag.replace(".", "_"))


def _text(block: gemmi.cif.Block, *tags: str) -> str:
    """The first value that is stated by one of several tags, or an empty string."""
    for tag in tags:
        for value in _column(block, tag):
            if not gemmi.cif.is_null(value):
                return str(gemmi.cif.as_string(value)).strip()
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sites:
    """The columns of a data block, each checked as it is read."""

    path: Path
    text: str
    block: gemmi.cif.Block

    def cell(self) -> gemmi.UnitCell:
        values = []
        for tag in (*_CELL, *_ANGLES):
            name = tag.replace(".", "_")
            column = list(_column(self.block, tag))
            if not column:
                raise InputError(f"{self.path}: no {name}; the cell needs three lengths and three angles")
            value = gemmi.cif.as_number(column[0])
            low, high = LENGTHS_A if tag in _CELL else ANGLES_DEG
            if not low <= value <= high:
                unit = "angstrom (nm? then times 10)" if tag in _CELL else "degrees"
                raise InputError(
                    f"{self.path}{line_of(self.text, column[0])}, {name}: found '{column[0][:40]}'; "
                    f"give a number of {low:g} to {high:g} {unit}"
                )
            values.append(value)
        cell = gemmi.UnitCell(*values)
        if not cell.volume > 1e-3 * values[0] * values[1] * values[2]:
            raise InputError(f"{self.path}: the cell angles {values[3:]} leave no volume")
        return cell

    def statements(self) -> Statements:
        columns = (_column(self.block, tag) for tag in _OPERATIONS)
        listed = next((column for column in columns if column and not gemmi.cif.is_null(column[0])), ())
        return Statements(
            operations=tuple(gemmi.cif.as_string(value) for value in listed),
            hall=_text(self.block, *_HALL),
            name=_text(self.block, *_NAME),
            number=_text(self.block, *_IT_NUMBER),
            coordinate_code=_text(self.block, *_CODE),
        )

    def claims(self) -> dict[str, str]:
        return {tag: _text(self.block, tag) for tag in _CLAIMS}

    def fractions(self) -> Array:
        columns = [self._numbers(tag) for tag in _POSITIONS]
        if any(len(column) == 0 for column in columns):
            raise InputError(f"{self.path}: no _atom_site_fract_x, _y and _z; atoms need fractional coordinates")
        fractions = np.stack(columns, axis=1)
        far = np.flatnonzero(np.abs(fractions).max(axis=1) > MOST_FRACTION).tolist()
        if far:
            raise InputError(
                f"{self._where(far[0], '_atom_site_fract')}: {np.abs(fractions[far[0]]).max():g} is no share of the "
                "cell; are the coordinates in angstrom or percent?"
            )
        return fractions

    def labels(self) -> list[str]:
        """Label of each site; its number where the file has none."""
        column = self._aligned("_atom_site.label") or self._aligned("_atom_site.type_symbol")
        return [gemmi.cif.as_string(value) for value in column] or [f"{i + 1}" for i in range(self._length())]

    def symbols(self) -> list[str]:
        """Element (or D, T) of each site."""
        types = [gemmi.cif.as_string(value) or value for value in self._aligned("_atom_site.type_symbol")]
        labels = [gemmi.cif.as_string(value) or value for value in self._aligned("_atom_site.label")]
        formula = set(formula_amounts(_text(self.block, "_chemical_formula.sum")))
        known = {text: element(text) for text in dict.fromkeys(types)}
        by_label = {text: labelled_element(text, formula) for text in dict.fromkeys(labels)} if not types else {}
        for text, symbol in (known or by_label).items():
            if symbol is None:
                tag = "_atom_site_type_symbol" if types else "_atom_site_label"
                what = "is no element" if types else "does not say which element it is; add _atom_site_type_symbol"
                raise InputError(f"{self.path}{line_of(self.text, text)}, {tag}: '{text[:40]}' {what}")
        if not types and not labels:
            raise InputError(f"{self.path}: no _atom_site_type_symbol; atoms need an element")
        return [str((known or by_label)[text]) for text in (types or labels)]

    def occupancies(self) -> Array:
        values = self._numbers("_atom_site.occupancy", missing=1.0)
        if not len(values):
            return np.ones(self._length())
        bad = np.flatnonzero(~((values > 0.0) & (values <= 1.0))).tolist()
        if bad:
            found = self._aligned("_atom_site.occupancy")[bad[0]]
            raise InputError(
                f"{self._where(bad[0], '_atom_site_occupancy')}: found {found}; allowed are values above 0, up to 1"
            )
        return values

    def check_disorder(self, occupancies: Array) -> None:
        """Refuse groups of one disorder that exclude each other, yet are all there."""
        groups = self._aligned("_atom_site.disorder_group")
        assemblies = self._aligned("_atom_site.disorder_assembly") or ["."] * len(groups)
        least: dict[str, dict[str, float]] = {}
        for assembly, group, occupancy in zip(assemblies, groups, occupancies, strict=bool(groups)):
            if not gemmi.cif.is_null(group):
                own = least.setdefault(assembly, {})
                own[group] = min(own.get(group, 1.0), float(occupancy))
        for assembly, own in least.items():
            if len(own) > 1 and sum(own.values()) > FULL:
                raise InputError(
                    f"{self.path}: the disorder groups {', '.join(own)} of assembly {assembly} exclude each other, but "
                    f"their occupancies add up to {sum(own.values()):.4g}; at most 1 is allowed"
                )

    def used(self, labels: list[str]) -> list[int]:
        """Sites that are atoms: dummies are left out and said."""
        flags = self._aligned("_atom_site.calc_flag")
        dummies = [i for i, flag in enumerate(flags) if flag.lower() == "dum"]
        if dummies:
            warnings.warn(
                f"{self.path}: {len(dummies)} dummy sites ({labels[dummies[0]]}, ...) are left out",
                TsctWarning,
                stacklevel=2,
            )
        left_out = set(dummies)
        used = [i for i in range(len(labels)) if i not in left_out]
        if not used:
            raise InputError(f"{self.path}: all its sites are dummies; give one with atoms")
        return used

    def displacements(self, labels: list[str], symbols: list[str], cell: gemmi.UnitCell) -> Array:
        """U of each site from U_iso, B_iso, or the trace of its tensor; NaN where there is none."""
        u = np.full(self._length(), np.nan)
        for tag, factor in (
            ("_atom_site.B_iso", 8.0 * np.pi**2),
            ("_atom_site.U_iso", 1.0),
            ("_atom_site.B_iso_or_equiv", 8.0 * np.pi**2),
            ("_atom_site.U_iso_or_equiv", 1.0),
        ):
            values = self._numbers(tag, missing=np.nan)
            if len(values):
                u = np.where(np.isfinite(values), values / factor, u)
        missing = {label: i for i, label in enumerate(labels) if not np.isfinite(u[i])}
        for label, value in self._tensor_means(cell, missing).items():
            u[missing[label]] = value
        for i in np.flatnonzero(~np.isnan(u)):
            limit = 1.0 if natural(symbols[i]) == "H" else MAX_U_A2
            if not 0.0 <= u[i] <= limit:
                hint = " (is it B, which is 79 times as large?)" if u[i] > limit else ""
                raise InputError(
                    f"{self._where(int(i), 'thermal motion')}: U is {u[i]:.4g} A2; allowed are 0 to {limit:g}{hint}"
                )
        return u

    def _tensor_means(self, cell: gemmi.UnitCell, wanted: dict[str, int]) -> dict[str, float]:
        """Equivalent isotropic U of sites from their tensors (Fischer & Tillmanns, Acta Cryst. C44, 775 (1988))."""
        names = [gemmi.cif.as_string(value) for value in _column(self.block, "_atom_site_aniso.label")]
        found: dict[str, float] = {}
        for kind, factor in (("B", 8.0 * np.pi**2), ("U", 1.0)):
            columns = [list(_column(self.block, f"_atom_site_aniso.{kind}_{part}")) for part in _TENSOR]
            if any(len(column) != len(names) for column in columns):
                continue
            for i, name in enumerate(names):
                parts = [gemmi.cif.as_number(column[i]) / factor for column in columns]
                if name in wanted and np.isfinite(parts).all():
                    found[name] = float(cell.calculate_u_eq(gemmi.SMat33d(*parts)))
        return found

    def check_multiplicities(self, used: list[int], found: NDArray[np.int64], order: int) -> None:
        """Refuse a site whose number of positions is neither of those that its column can mean."""
        for tag in ("_atom_site.site_symmetry_multiplicity", "_atom_site.symmetry_multiplicity"):
            column = self._aligned(tag)
            listed = [int(column[i]) if column and column[i].isdigit() else 0 for i in used]
            # some programs write the order of the site symmetry there
            if 0 in listed or listed == [order // number for number in found]:
                continue
            for number, positions, i in zip(listed, found, used, strict=True):
                if number != positions:
                    raise InputError(
                        f"{self._where(i, tag.replace('.', '_'))}: says {number} but symmetry makes {positions} "
                        "positions; correct the one that is wrong (setting?), or delete the column"
                    )

    def _length(self) -> int:
        return len(_column(self.block, _POSITIONS[0]))

    def _aligned(self, tag: str) -> gemmi.cif.Column | tuple[()]:
        """A column of the atom sites, refused if it is of another length than theirs."""
        column = _column(self.block, tag)
        if not column:
            return ()
        if len(column) != self._length():
            name = tag.replace(".", "_")
            raise InputError(
                f"{self.path}: {name} has {len(column)} values for {self._length()} sites; give one for each"
            )
        return column

    def _numbers(self, tag: str, missing: float | None = None) -> Array:
        """Numbers of a column without their uncertainties; `missing` where the file has ``.`` or ``?``."""
        column = self._aligned(tag)
        values = np.array([gemmi.cif.as_number(value) for value in column], dtype=float)
        for i in np.flatnonzero(~np.isfinite(values)).tolist():
            if missing is None or not gemmi.cif.is_null(column[i]):
                raise InputError(f"{self._where(i, tag.replace('.', '_'))}: found '{column[i][:40]}'; give a number")
            values[i] = missing
        return values

    def _where(self, i: int, tag: str) -> str:
        """File, line, site and tag of row i of the atom sites."""
        column = _column(self.block, "_atom_site.label") or _column(self.block, "_atom_site.type_symbol")
        if not column or i >= len(column):
            return f"{self.path}, site {i + 1}, {tag}"
        loop = next((item.line_number for item in self.block if item.loop and _lists(item.loop)), 0)
        line = line_of(self.text, column[i], loop, earlier=list(column)[:i].count(column[i]))
        return f"{self.path}{line}, site {gemmi.cif.as_string(column[i])}, {tag}"


def _lists(loop: gemmi.cif.Loop) -> bool:
    return any(tag.lower().replace(".", "_") == "_atom_site_fract_x" for tag in loop.tags)
