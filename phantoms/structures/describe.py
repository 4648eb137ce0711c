"""Numbers by which an expert recognises a structure: coordination, bond lengths and angles, rings, density."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from .library import Structure

#: first-shell limits in angstrom that published a-Si and a-LiSi coordination numbers refer to
SHELL_LIMITS_A = {("Si", "Si"): 2.85, ("Li", "Si"): 3.4, ("Li", "Li"): 3.4}
#: elsewhere a bond is shorter than this times the sum of the covalent radii
BOND_REACH = 1.25
#: half width of the window around 4.5 A in which pairs are counted
WINDOW_A = 0.15
LARGEST_RING = 8


def describe(structure: Structure) -> dict[str, Any]:
    """Describe the static structure.

    Returns
    -------
    dict
        name, title, kind, members, atoms, lithium_per_silicon, density_g_cm3, number_density_per_a3, composition;
        ``pairs``: for "A-B" the shell limit (angstrom), the mean number of B around an A, mean and standard deviation
        of their distance (angstrom); ``angles``: for "A-A-A" mean and standard deviation in degrees. For pure periodic
        silicon also ``g_at_4.5_a`` (pair distribution averaged over 4.35-4.65 A; crystals have a shell there) and
        ``rings_per_atom`` by size.
    """
    found: dict[str, Any] = {
        "name": structure.name,
        "title": structure.title,
        "kind": structure.kind,
        "members": len(structure.members),
        "atoms": sum(len(atoms) for atoms in structure.members),
        "lithium_per_silicon": structure.lithium_per_silicon,
        "density_g_cm3": structure.density_g_cm3,
        "number_density_per_a3": structure.number_density_per_a3,
        "composition": structure.composition,
        "pairs": _pairs(structure),
        "angles": _angles(structure),
    }
    if structure.kind == "periodic" and set(structure.composition) == {"Si"}:
        found["g_at_4.5_a"] = float(np.mean([_g(atoms, 4.5) for atoms in structure.members]))
        found["rings_per_atom"] = rings_per_atom(structure.members, "Si")
    return found


def shell_limit_a(symbol_a: str, symbol_b: str) -> float:
    """Distance in angstrom below which two atoms count as neighbours."""
    pair = (min(symbol_a, symbol_b), max(symbol_a, symbol_b))
    radii = sum(float(covalent_radii[atomic_numbers[symbol]]) for symbol in pair)
    return SHELL_LIMITS_A.get(pair, BOND_REACH * radii)


def boxed(atoms: Atoms) -> Atoms:
    """A copy in the smallest upright box, if the atoms have no cell: ASE finds neighbours much faster in a box."""
    copy = atoms.copy()
    if not copy.pbc.any() and len(copy):
        copy.positions -= copy.positions.min(axis=0)
        copy.set_cell(copy.positions.max(axis=0) + 1.0)
    return copy


def king_rings(bonded: Mapping[int, Iterable[int]], largest: int = LARGEST_RING) -> dict[int, int]:
    """Number of rings of each size by King's criterion, Nature 213, 1112 (1967).

    A ring is a shortest closed path through an atom and two of its neighbours; each is counted once.

    >>> king_rings({0: [1, 3], 1: [0, 2], 2: [1, 3], 3: [2, 0]})
    {4: 1}
    """
    table = {atom: tuple(neighbours) for atom, neighbours in bonded.items()}
    rings: set[frozenset[tuple[int, int]]] = set()
    for atom, neighbours in table.items():
        for start, goal in combinations(neighbours, 2):
            for path in _shortest_paths(table, start, goal, atom, largest - 2):
                closed = (atom, *path, atom)
                rings.add(frozenset((min(edge), max(edge)) for edge in pairwise(closed)))
    sizes = [len(ring) for ring in rings]
    return {size: sizes.count(size) for size in sorted(set(sizes))}


def _shortest_paths(
    table: Mapping[int, tuple[int, ...]], start: int, goal: int, barred: int, longest: int
) -> list[tuple[int, ...]]:
    """All shortest paths of at most `longest` bonds that avoid one atom."""
    paths: list[tuple[int, ...]] = [(start,)]
    seen = {start, barred}
    for _ in range(longest):
        paths = [(*path, step) for path in paths for step in table[path[-1]] if step not in seen]
        ended = [path for path in paths if path[-1] == goal]
        if ended:
            return ended
        seen.update(path[-1] for path in paths)
    return []


def _pairs(structure: Structure) -> dict[str, dict[str, float]]:
    """Coordination and distances by ordered pair of elements, averaged over the members."""
    centres: dict[str, float] = defaultdict(float)
    lengths: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    weights: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for atoms, fraction in zip(structure.members, structure.mole_fractions, strict=True):
        symbols = np.array(atoms.get_chemical_symbols())
        for symbol in np.unique(symbols):
            centres[symbol] += fraction * np.count_nonzero(symbols == symbol)
        first, second, distance = neighbor_list("ijd", boxed(atoms), _limits(symbols))
        names = np.char.add(np.char.add(symbols[first], "-"), symbols[second])
        for name in np.unique(names).tolist():
            chosen = distance[names == name]
            lengths[name].append(chosen)
            weights[name].append(np.full(len(chosen), fraction))
    return {name: _pair(name, centres, lengths[name], weights[name]) for name in sorted(lengths)}


def _pair(
    name: str,
    centres: Mapping[str, float],
    lengths: list[NDArray[np.float64]],
    weights: list[NDArray[np.float64]],
) -> dict[str, float]:
    symbol_a, symbol_b = name.split("-")
    length, weight = np.concatenate(lengths), np.concatenate(weights)
    mean = np.average(length, weights=weight)
    return {
        "limit_a": shell_limit_a(symbol_a, symbol_b),
        "coordination": float(weight.sum() / centres[symbol_a]),
        "distance_a": float(mean),
        "sd_a": float(np.sqrt(np.average((length - mean) ** 2, weights=weight))),
    }


def _limits(symbols: NDArray[np.str_]) -> dict[tuple[str, str], float]:
    present = sorted(set(symbols.tolist()))
    return {(a, b): shell_limit_a(a, b) for a in present for b in present}


def _angles(structure: Structure) -> dict[str, dict[str, float]]:
    """Mean and spread of the angles between bonds of silicon, and of carbon, with itself."""
    found = {}
    for symbol in ("C", "Si"):
        degrees = bond_angles_deg(structure, symbol)
        if len(degrees):
            found[f"{symbol}-{symbol}-{symbol}"] = {"mean_deg": float(degrees.mean()), "sd_deg": float(degrees.std())}
    return found


def bond_angles_deg(structure: Structure, symbol: str) -> NDArray[np.float64]:
    """All angles between two bonds of one atom to others of its element, in degrees, each once."""
    limit, cosines = shell_limit_a(symbol, symbol), [np.empty(0)]
    for atoms in structure.members:
        same = boxed(atoms[atoms.symbols == symbol])
        first, vectors = neighbor_list("iD", same, limit)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for step in range(1, int(np.bincount(first, minlength=1).max())):
            # bonds are sorted by atom, so that its k-th next bond is k places on
            together = first[step:] == first[:-step]
            cosines.append(np.sum(vectors[step:][together] * vectors[:-step][together], axis=1))
    return np.degrees(np.arccos(np.clip(np.concatenate(cosines), -1.0, 1.0)))


def _g(atoms: Atoms, r: float) -> float:
    """Pair distribution function of a periodic box, averaged over r +- WINDOW_A."""
    distance = neighbor_list("d", atoms, r + WINDOW_A)
    shell = 4.0 / 3.0 * np.pi * ((r + WINDOW_A) ** 3 - (r - WINDOW_A) ** 3)
    pairs = np.count_nonzero(distance > r - WINDOW_A)
    return float(pairs / len(atoms) / (shell * len(atoms) / atoms.get_volume()))


def rings_per_atom(members: Sequence[Atoms], symbol: str) -> dict[int, float]:
    """King rings of each size among the atoms of one element, per such atom, averaged over the members with some."""
    counts: dict[int, float] = defaultdict(float)
    chosen = [atoms[atoms.symbols == symbol] for atoms in members if symbol in atoms.symbols]
    for atoms in chosen:
        # bonds meet at angles, so that a path leads no further than 0.8 of its length
        same = boxed(_wide(atoms, 0.8 * LARGEST_RING * shell_limit_a(symbol, symbol)))
        bonded: dict[int, list[int]] = {i: [] for i in range(len(same))}
        for i, j in zip(*neighbor_list("ij", same, shell_limit_a(symbol, symbol)), strict=True):
            bonded[int(i)].append(int(j))
        for size, number in king_rings(bonded).items():
            counts[size] += number / len(same) / len(chosen)
    return dict(sorted(counts.items()))


def _wide(atoms: Atoms, width_a: float) -> Atoms:
    """A periodic box repeated until no closed path that short leads around it."""
    if not atoms.pbc.all():
        return atoms
    widths = 1.0 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    return atoms.repeat(np.ceil(width_a / widths).astype(int))
