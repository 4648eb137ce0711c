"""Whether atoms can be a piece of matter: finite, of elements that scatter, in a cell with a volume, apart."""

import numpy as np
from ase import Atoms

from tsct.records.errors import InputError

MAX_ATOMS = 5_000_000
#: heaviest element that the scattering tables hold
MAX_Z = 98
LENGTHS_A = (1.0, 1e4)
ANGLES_DEG = (10.0, 170.0)
OVERLAP_A = 0.3
#: no bond is shorter than this in angstrom, and all are in nm
SHORTEST_BOND_A = 0.6


def check_atoms(atoms: Atoms, where: str, *, first_line: int | None = None) -> None:
    """Refuse atoms that cannot be a piece of matter.

    Parameters
    ----------
    atoms : ase.Atoms
        Periodic in all directions or in none.
    where : str
        Names the file (and frame) in messages.
    first_line : int, optional
        Line of the first atom in its file.

    Raises
    ------
    InputError
        For the first check that fails.
    """

    def label(i: int) -> str:
        line = f" (line {first_line + i})" if first_line is not None else ""
        return f"{atoms.symbols[i]} atom {i + 1}{line}"

    if not 1 <= len(atoms) <= MAX_ATOMS:
        raise InputError(f"{where}: {len(atoms)} atoms; allowed are 1 to {MAX_ATOMS}")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(bad):
        raise InputError(f"{where}: {label(bad[0])} has position {atoms.positions[bad[0]]}; give finite numbers")
    bad = np.flatnonzero((atoms.numbers < 1) | (atoms.numbers > MAX_Z))
    if len(bad):
        raise InputError(f"{where}: {label(bad[0])} is no element with a form factor; allowed are H to Cf")
    if atoms.pbc.any():
        _check_cell(atoms, where)
    _check_distances(atoms, where, label)


def _check_cell(atoms: Atoms, where: str) -> None:
    if not atoms.pbc.all():
        along = ", ".join(edge for edge, repeats in zip("abc", atoms.pbc, strict=True) if repeats)
        raise InputError(f"{where}: periodic along {along} only; allowed are all three directions or none")
    lengths, angles = atoms.cell.lengths(), atoms.cell.angles()
    if not (np.isfinite(atoms.cell.array).all() and atoms.cell.volume > 1e-6):
        raise InputError(
            f"{where}: the cell {lengths.tolist()} has no volume; give three independent edges in angstrom"
        )
    if not ((lengths >= LENGTHS_A[0]) & (lengths <= LENGTHS_A[1])).all():
        raise InputError(
            f"{where}: cell edges are {np.round(lengths, 4).tolist()}; allowed are {LENGTHS_A[0]:g} to {LENGTHS_A[1]:g}"
            " angstrom (are they in nm?)"
        )
    if not ((angles >= ANGLES_DEG[0]) & (angles <= ANGLES_DEG[1])).all():
        raise InputError(f"{where}: cell angles are {np.round(angles, 2).tolist()}; allowed are 10 to 170 degrees")


def _check_distances(atoms: Atoms, where: str, label) -> None:
    """Lengths look like angstrom, and no two atoms overlap."""
    from ase.neighborlist import neighbor_list

    from .describe import boxed

    twins = _crowded(atoms)
    if twins is not None:
        a, b = twins
        raise InputError(f"{where}: {label(a)} and {label(b)} are at the same place (within {OVERLAP_A} A)")
    first, second, distance = neighbor_list("ijd", boxed(atoms), SHORTEST_BOND_A)
    if len(np.unique(first)) > 0.9 * len(atoms):
        typical = float(np.median(distance))
        raise InputError(f"{where}: neighbours are {typical:.3f} A apart: looks like nm; multiply all lengths by 10")
    if len(distance) and distance.min() < OVERLAP_A:
        k = int(np.argmin(distance))
        pair = f"{label(first[k])} and {label(second[k])}"
        raise InputError(f"{where}: {pair} are {distance[k]:.3f} A apart; at least {OVERLAP_A} A are allowed")


def _crowded(atoms: Atoms) -> tuple[int, int] | None:
    """Two atoms in one box so small that they overlap; afterwards a neighbour search cannot explode."""
    boxes = np.floor(atoms.positions / (OVERLAP_A / np.sqrt(3.0)))
    order = np.lexsort(boxes.T)
    same = np.flatnonzero((boxes[order[1:]] == boxes[order[:-1]]).all(axis=1))
    return (int(order[same[0]]), int(order[same[0] + 1])) if len(same) else None
