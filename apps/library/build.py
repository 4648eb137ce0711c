"""Entries of the structure library made again by their recipes, and set beside what is shipped."""

from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from rich.table import Table

from tsct.phantoms.structures import rebuild, structure
from tsct.records.io import write_text
from tsct.records.paths import file_must_be_free, writable

#: coordinates are stored to 1e-4 angstrom, so that two equal members differ by half of that along each axis
SAME_A = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One rebuilt member beside the shipped one."""

    formula: str
    shipped: str
    largest_a: float

    @property
    def same(self) -> bool:
        """Whether every atom is where it was, to the digits that are stored."""
        return self.largest_a <= SAME_A


def built(name: str, folder: Path, *, overwrite: bool = False) -> tuple[Path, list[Comparison]]:
    """Make an entry again, write it as ``NAME.extxyz`` and compare it with the shipped one.

    Raises
    ------
    UsageError
        If the library has no such entry, an extra is missing, or the file is there already.
    InputError
        If the folder cannot be written.
    """
    shipped = structure(name).members
    path = folder / f"{name}.extxyz"
    writable(folder)
    file_must_be_free(path, overwrite=overwrite)
    members = rebuild(name)
    text = StringIO()
    bare = [Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc) for atoms in members]
    ase.io.write(text, bare, format="extxyz", write_results=False)
    write_text(path, text.getvalue())
    return path, [compare(made, other) for made, other in zip(members, shipped, strict=True)]


def compare(made: Atoms, shipped: Atoms) -> Comparison:
    """Largest difference of position between atoms of the same number; infinite if they are other atoms."""
    largest = np.inf
    if str(made.symbols) == str(shipped.symbols):
        step = made.positions - shipped.positions
        if shipped.pbc.all():
            edges = shipped.cell.lengths()
            step -= edges * np.round(step / edges)
        largest = float(np.abs(step).max(initial=0.0))
    return Comparison(
        formula=made.get_chemical_formula("hill"), shipped=shipped.get_chemical_formula("hill"), largest_a=largest
    )


def comparison_table(rows: list[Comparison]) -> Table:
    """What `tsct structures build` prints."""
    table = Table("member", "made", "shipped", "largest difference (Å)")
    for number, row in enumerate(rows, start=1):
        found = "other atoms" if np.isinf(row.largest_a) else f"{row.largest_a:.1e}"
        table.add_row(str(number), row.formula, row.shipped, found)
    return table
