"""Whole atoms from partly occupied sites: which of the atoms that share a place is there, drawn with a seed."""

from collections import defaultdict

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import NDArray

from tsct.records.errors import InputError, UsageError
from tsct.records.seeds import generator

from .checks import MAX_ATOMS, SHORTEST_BOND_A
from .cif import FULL, Crystal
from .elements import HYDROGEN_MASSES_U, natural

#: smallest width of a cell of drawn atoms: that of the domains in which the crystal then comes
DRAWN_WIDTH_A = 30.0
#: drawn cells narrower than this repeat as the unit cells of perfect crystals do
LEAST_DOMAIN_A = 10.0
#: most atoms that can share one place
MOST_RIVALS = 24


def whole_atoms(
    crystal: Crystal,
    where: str,
    *,
    occupancy: str | None = None,
    seed: int = 1,
    supercell: int | tuple[int, int, int] | None = None,
) -> tuple[Atoms, str]:
    """Atoms of a crystal, and in words what was done to get them.

    Positions closer than 0.6 angstrom share one place, where at most one of them is an atom. Over all places of one
    kind in the supercell, each alternative gets its share as exactly as whole numbers allow; which place gets which is
    drawn without any correlation between places.

    Raises
    ------
    InputError
        If sites are partly occupied and `occupancy` does not say what to do, or if a place is more than full.
    UsageError
        If a key has a value that is not allowed.
    """
    if occupancy not in (None, "draw"):
        raise UsageError(
            f"{where}: occupancy is '{occupancy}'; allowed is 'draw' (averaged form factors are not offered: pairs are "
            "counted between whole atoms)"
        )
    cells = _repeats(crystal, where, supercell, drawn=occupancy == "draw")
    partial = np.flatnonzero(crystal.occupancies < 1.0)
    if occupancy is None and len(partial):
        i = partial[0]
        raise InputError(
            f"{where}: site {crystal.labels[i]} ({crystal.symbols[i]}) has _atom_site_occupancy "
            f"{crystal.occupancies[i]:g}; give occupancy = 'draw' for whole atoms in a supercell"
        )
    kept = _drawn(crystal, where, cells, seed) if len(partial) else _all_cells(crystal, cells)
    position, cell = kept
    symbols = [crystal.symbols[site] for site in crystal.site[position]]
    fractions = (crystal.fractions[position] + np.stack(np.unravel_index(cell, cells), axis=-1)) / cells
    edges = crystal.cell * np.array(cells)[:, None]
    atoms = Atoms([natural(symbol) for symbol in symbols], scaled_positions=fractions, cell=edges, pbc=True)
    if any(symbol in HYDROGEN_MASSES_U for symbol in symbols):
        atoms.set_masses(
            [HYDROGEN_MASSES_U.get(symbol, atomic_masses[atomic_numbers[natural(symbol)]]) for symbol in symbols]
        )
    size = " x ".join(str(n) for n in cells)
    words = f", {size} cells" if max(cells) > 1 else ""
    return atoms, f"{words}, partly occupied sites drawn" if len(partial) else words


def drawn_domain_a(atoms: Atoms) -> float | None:
    """Diameter of the domains in which a crystal of drawn atoms comes: the width of its box, where that repeats itself.

    Within it the places of all atoms are known. Cut off at half of it, as boxes of glasses are, long-range order would
    leave ripples as large as the Bragg peaks, down to intensities below zero.
    """
    widths = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    return float(widths.min()) if widths.min() >= LEAST_DOMAIN_A else None


def _repeats(
    crystal: Crystal, where: str, supercell: int | tuple[int, int, int] | None, *, drawn: bool
) -> tuple[int, int, int]:
    """Number of cells along each edge."""
    if supercell is None and drawn:
        widths = 1.0 / np.linalg.norm(np.linalg.inv(crystal.cell), axis=0)
        supercell = tuple(int(n) for n in np.ceil(DRAWN_WIDTH_A / widths))  # type: ignore[assignment]
    numbers = (supercell,) * 3 if isinstance(supercell, int) else tuple(supercell or (1, 1, 1))
    if len(numbers) != 3 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in numbers):
        raise UsageError(f"{where}: supercell is {supercell}; give one or three whole numbers of 1 or more")
    a, b, c = (int(n) for n in numbers)
    if a * b * c * len(crystal.fractions) > MAX_ATOMS:
        raise InputError(
            f"{where}: {a} x {b} x {c} cells of {len(crystal.fractions)} atoms; at most {MAX_ATOMS} atoms are made"
        )
    return a, b, c


def _all_cells(crystal: Crystal, cells: tuple[int, int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    number = int(np.prod(cells))
    positions = np.arange(len(crystal.fractions))
    return np.tile(positions, number), np.repeat(np.arange(number), len(positions))


def _drawn(
    crystal: Crystal, where: str, cells: tuple[int, int, int], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Position in its cell, and number of the cell, of every atom that was drawn."""
    kinds: dict[tuple[int, ...], list[NDArray[np.int64]]] = defaultdict(list)
    for place in _places(crystal, where):
        members = place[np.argsort(crystal.site[place], kind="stable")]
        kinds[tuple(crystal.site[members].tolist())].append(members)
    positions, at = [], []
    number = int(np.prod(cells))
    for kind, places in sorted(kinds.items()):
        shares = crystal.occupancies[list(kind)]
        _must_hold_one(crystal, kind, shares, where)
        rows = np.repeat(np.stack(places), number, axis=0)
        cell = np.tile(np.arange(number), len(places))
        choice = _alternatives(shares, len(rows))
        generator(seed, "occupancy", *kind).shuffle(choice)
        taken = np.flatnonzero(choice < len(kind))
        positions.append(rows[taken, choice[taken]])
        at.append(cell[taken])
    position, cell = np.concatenate(positions), np.concatenate(at)
    if not len(position):
        raise InputError(f"{where}: no atom is left of its occupancies in {number} cells; give a larger supercell")
    order = np.lexsort((position, cell))
    return position[order], cell[order]


def _alternatives(shares: NDArray[np.float64], places: int) -> NDArray[np.int64]:
    """Which alternative each place gets, in order; the last number stands for a vacancy. Largest remainders decide."""
    exact = np.append(shares, max(0.0, 1.0 - shares.sum()))
    exact *= places / exact.sum()
    numbers = np.floor(exact).astype(int)
    for k in np.argsort(numbers - exact, kind="stable")[: places - numbers.sum()]:
        numbers[k] += 1
    return np.repeat(np.arange(len(numbers)), numbers)


def _must_hold_one(crystal: Crystal, kind: tuple[int, ...], shares: NDArray[np.float64], where: str) -> None:
    if shares.sum() > FULL:
        names = " and ".join(dict.fromkeys(crystal.labels[site] for site in kind))
        raise InputError(
            f"{where}: {names} share a place (within {SHORTEST_BOND_A} A) with occupancies that add up to "
            f"{shares.sum():.4g}; at most 1 is allowed"
        )


def _places(crystal: Crystal, where: str) -> list[NDArray[np.int64]]:
    """Positions that exclude each other, grouped."""
    from ase.neighborlist import neighbor_list
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    number = len(crystal.fractions)
    boxes = np.floor(crystal.fractions @ crystal.cell / SHORTEST_BOND_A)
    crowd = int(np.unique(boxes, axis=0, return_counts=True)[1].max())
    if crowd > MOST_RIVALS:
        raise InputError(f"{where}: {crowd} positions within {SHORTEST_BOND_A} A; at most {MOST_RIVALS} are read")
    bare = Atoms(np.ones(number, int), scaled_positions=crystal.fractions, cell=crystal.cell, pbc=True)
    i, j = neighbor_list("ij", bare, SHORTEST_BOND_A)
    _, group = connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(number, number)), directed=False)
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
