"""Everything that is drawn or judged about one structure, computed once."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Any

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from tsct.phantoms import describe
from tsct.phantoms.structures import Structure, bond_angles_deg, boxed, rings_per_atom, shell_limit_a
from tsct.records.errors import ResourceError
from tsct.simulate.scattering import (
    Pair,
    mean_f,
    mean_f2,
    partial_pair_distributions,
    structure_pair_distribution,
    structure_scattering,
)

Array = NDArray[np.float64]

#: more atoms than these would take minutes
MAX_ATOMS = 50_000
#: rings are counted in the first members that hold together at most so many atoms
RING_ATOMS = 6_000
#: grids of the curves: angstrom and 1/angstrom
R = 0.02 * np.arange(25, 601)
Q = 0.5 + 0.02 * np.arange(976)
#: G(r) leaves out what lies below the start of the data, as a measurement does
Q_MIN = 0.5
#: elements whose networks are counted in rings
NETWORKS = ("C", "Si")


@dataclass(frozen=True, slots=True, kw_only=True)
class Portrait:
    """A structure in numbers and curves.

    Attributes
    ----------
    structure : Structure
        What is described.
    numbers : dict
        See :func:`tsct.phantoms.structures.describe.describe`.
    partials : mapping of (str, str) to ndarray, shape (r,)
        Partial g(r), averaged over the members; empty unless periodic.
    gr : ndarray, shape (r,)
        X-ray G(r), not truncated at high Q, 1/angstrom**2.
    sq : ndarray, shape (q,)
        X-ray S(Q).
    neighbours : mapping of str to dict of int to float
        For "A-B": share of the atoms A that have so many B.
    angles_deg : mapping of str to ndarray
        For "A-A-A": all bond angles.
    rings : mapping of str to dict of int to float
        For an element: King rings by size, per atom.
    closest_a : float
        Smallest distance between two atoms, angstrom; NaN for single atoms.
    width_a : float
        Smallest perpendicular width of the boxes, angstrom; NaN unless periodic.
    """

    structure: Structure
    numbers: Mapping[str, Any]
    partials: Mapping[Pair, Array]
    gr: Array
    sq: Array
    neighbours: Mapping[str, dict[int, float]]
    angles_deg: Mapping[str, Array]
    rings: Mapping[str, dict[int, float]]
    closest_a: float
    width_a: float


def portrait(structure: Structure) -> Portrait:
    """Compute the portrait of a structure.

    Raises
    ------
    ResourceError
        If it has more than 50 000 atoms.
    """
    atoms = sum(len(member) for member in structure.members)
    if atoms > MAX_ATOMS:
        raise ResourceError(
            f"{structure.name}: {atoms} atoms; describing takes at most {MAX_ATOMS}, give fewer members"
        )
    numbers = describe(structure)
    return Portrait(
        structure=structure,
        numbers=numbers,
        partials=_partials(structure),
        gr=structure_pair_distribution(structure, R, Q_MIN),
        sq=structure_factor(structure, np.asarray(Q, dtype=np.float64)),
        neighbours={name: _neighbours(structure, *name.split("-")) for name in numbers["pairs"]},
        angles_deg=_angles(structure),
        rings=_rings(structure),
        closest_a=min((_closest(member) for member in structure.members), key=lambda a: (np.isnan(a), a)),
        width_a=_width(structure),
    )


def structure_factor(structure: Structure, q: Array) -> Array:
    """S(Q) = (I - <f^2>) / <f>^2 + 1 of Faber and Ziman, shape (q,)."""
    shares = structure.composition
    return 1.0 + (structure_scattering(structure, q) - mean_f2(shares, q)) / mean_f(shares, q) ** 2


def _partials(structure: Structure) -> dict[Pair, Array]:
    if structure.kind != "periodic":
        return {}
    found = [partial_pair_distributions(member, R, structure.thermal) for member in structure.members]
    pairs = {pair for member in found for pair in member}
    return {pair: np.mean([member[pair] for member in found if pair in member], axis=0) for pair in sorted(pairs)}


def _neighbours(structure: Structure, centre: str, other: str) -> dict[int, float]:
    shares: dict[int, float] = {}
    for member, fraction in zip(structure.members, structure.mole_fractions, strict=True):
        counts = _counts(member, centre, other)
        for number, atoms in zip(*np.unique(counts, return_counts=True), strict=True):
            shares[int(number)] = shares.get(int(number), 0.0) + fraction * int(atoms)
    total = sum(shares.values())
    return {number: shares[number] / total for number in sorted(shares)}


def _counts(atoms: Atoms, centre: str, other: str) -> NDArray[np.int64]:
    """Number of neighbours of the one element that each atom of the other has."""
    centres = atoms.symbols == centre
    first, second = neighbor_list("ij", boxed(atoms), {(centre, other): shell_limit_a(centre, other)})
    wanted = centres[first] & (atoms.symbols[second] == other)
    return np.bincount(first[wanted], minlength=len(atoms))[centres]


def _angles(structure: Structure) -> dict[str, Array]:
    found = {f"{symbol}-{symbol}-{symbol}": bond_angles_deg(structure, symbol) for symbol in structure.composition}
    return {name: degrees for name, degrees in found.items() if len(degrees)}


def _rings(structure: Structure) -> dict[str, dict[int, float]]:
    totals = accumulate(len(member) for member in structure.members)
    count = max(1, sum(1 for _ in takewhile(lambda total: total <= RING_ATOMS, totals)))
    present = [symbol for symbol in NETWORKS if symbol in structure.composition]
    found = {symbol: rings_per_atom(structure.members[:count], symbol) for symbol in present}
    return {symbol: rings for symbol, rings in found.items() if rings}


def _closest(atoms: Atoms) -> float:
    """Smallest distance between two atoms, or a periodic image of one."""
    reach = 1.0
    while reach < 16.0:
        distances = neighbor_list("d", boxed(atoms), reach)
        if len(distances):
            return float(distances.min())
        reach *= 2.0
    return float("nan")


def _width(structure: Structure) -> float:
    if structure.kind != "periodic":
        return float("nan")
    return min(float((1.0 / np.linalg.norm(member.cell.reciprocal(), axis=1)).min()) for member in structure.members)
