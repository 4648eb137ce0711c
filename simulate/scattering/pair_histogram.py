"""Distances between pairs of atoms, counted per pair of elements: finite clusters and periodic boxes, one kernel."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from tsct.records.errors import InputError

#: default bin width in angstrom; what it costs in accuracy is stated in `pair_counts`
DR = 0.002
#: atoms closer than this (angstrom) cannot be right: two on one site, or lengths in nm
OVERLAP = 0.3
# numbers of copies along an edge that are looked for; every larger number is a multiple of one of them or unusual
_COPIES = (2, 3, 5, 7, 11, 13)
# atoms closer than this (angstrom) are in the same place
_SAME_PLACE = 1e-3

# A distance is kept as an integer in units of dr / 2**10. One addition per pair puts the distance and a large constant
# into the counter of its bin; number and mean distance of the pairs can be told apart for nearly 2**26 pairs, and after
# half of that the counters are emptied.
_FRACTION_BITS = 10
_ONE_PAIR = np.uint64(1 << 38)
_FLUSH_AFTER = 1 << 25
_TILE = 128


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairCounts:
    """Histogram of pair distances with its first moment, each unordered pair counted once.

    Attributes
    ----------
    dr : float
        Bin width in angstrom.
    r_max : float
        Upper edge of the last bin, in angstrom.
    atoms_per_element : dict of str to int
        Elements in alphabetical order and how many atoms of each there are.
    pairs : tuple of (str, str)
        Unordered pairs of elements, in the order of the rows.
    count : numpy.ndarray, shape (pairs, bins), int64
        Number of pairs per bin; bin k runs from ``k * dr`` to ``(k + 1) * dr``.
    moment : numpy.ndarray, shape (pairs, bins), float64
        Sum over the pairs of a bin of their distance from its lower edge, in units of `dr`.
    volume : float or None
        Volume of the periodic box in cubic angstrom, None for a cluster.
    """

    dr: float
    r_max: float
    atoms_per_element: dict[str, int]
    pairs: tuple[tuple[str, str], ...]
    count: NDArray[np.int64]
    moment: NDArray[np.float64]
    volume: float | None

    @property
    def n_atoms(self) -> int:
        """Number of atoms in the cluster or box."""
        return sum(self.atoms_per_element.values())

    @property
    def composition(self) -> dict[str, float]:
        """Atom fraction of each element."""
        return {symbol: number / self.n_atoms for symbol, number in self.atoms_per_element.items()}

    @property
    def periodic(self) -> bool:
        """Whether images of the box were counted."""
        return self.volume is not None

    def on_grid(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Share every pair linearly between the two grid points next to it.

        Returns
        -------
        r : numpy.ndarray, shape (bins + 1,)
            Grid points in angstrom.
        shares : numpy.ndarray, shape (pairs, bins + 1)
            Pairs per grid point; number and mean distance of the pairs of a bin are kept.
        """
        shares = np.zeros((len(self.pairs), self.count.shape[1] + 1))
        shares[:, :-1] = self.count - self.moment
        shares[:, 1:] += self.moment
        return np.arange(shares.shape[1]) * self.dr, shares


def pair_counts(atoms: Atoms, r_max: float | None = None, dr: float = DR, threads: int | None = None) -> PairCounts:
    """Count the pair distances of a cluster (no periodic direction) or a periodic box (three).

    Distances are computed in float32 from coordinates relative to tiles of neighbouring atoms, so the nearest pairs
    are the most exact. A Debye sum over the result, at Q and with random distances, is off by at most
    ``(Q dr)**2 / 12`` of each pair's own term after the mean effect of the bin is divided out.

    Parameters
    ----------
    atoms : ase.Atoms
        Cluster or box, triclinic boxes included.
    r_max : float, optional
        Largest distance in angstrom. By default all pairs of a cluster, and half of the smallest perpendicular width of
        a box; larger values count further images of the box.
    dr : float
        Bin width in angstrom.
    threads : int, optional
        Number of threads, by default the processors at hand. The result does not depend on it.

    Returns
    -------
    PairCounts

    Raises
    ------
    InputError
        If there are no atoms, a position is not finite, two atoms overlap, only some directions are periodic, or the
        cell has no volume.
    """
    checked(atoms)
    periodic = bool(atoms.pbc.all())
    if r_max is None:
        r_max = half_width(atoms) if periodic else float(np.linalg.norm(np.ptp(atoms.positions, axis=0))) + 2.0 * dr
    bins = _bin_number(r_max, dr)
    tiles = _make_tiles(atoms)
    images = _make_images(atoms, tiles, bins * dr) if periodic else _no_images(tiles)
    elements = _elements(atoms)
    table, pairs = _pair_table(elements)
    if threads is None:
        threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count, moment = _count(tiles, images, table, len(pairs), bins, dr, threads)
    _refuse_overlap(count, dr, pairs)
    return PairCounts(
        dr=dr,
        r_max=bins * dr,
        atoms_per_element={name: int(np.sum(atoms.numbers == atomic_numbers[name])) for name in elements},
        pairs=pairs,
        count=count,
        moment=moment / (1 << _FRACTION_BITS),
        volume=float(atoms.cell.volume) if periodic else None,
    )


def exact_pairs(atoms: Atoms, r_max: float | None = None) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Yield (element, element, distances in angstrom) in float64, each unordered pair once, in portions."""
    checked(atoms)
    elements = _elements(atoms)
    if atoms.pbc.all():
        yield from _exact_periodic(atoms, half_width(atoms) if r_max is None else r_max, elements)
    else:
        yield from _exact_cluster(atoms, elements)


def half_width(atoms: Atoms) -> float:
    """Half of the smallest perpendicular width of the box, in angstrom: the reach of its minimum images."""
    return 0.5 * float(_widths(atoms).min())


def repeating_unit(atoms: Atoms) -> Atoms:
    """Smallest box that gives `atoms` when it is repeated along the cell edges; `atoms` itself if nothing repeats."""
    for axis in range(3):
        for copies in _COPIES:
            while _repeats(atoms, axis, copies):
                atoms = _first_copy(atoms, axis, copies)
    return atoms


def checked(atoms: Atoms) -> None:
    """Refuse atoms whose pairs cannot be counted.

    Raises
    ------
    InputError
        Says what is wrong with which atom or with the cell.
    """
    if len(atoms) == 0:
        raise InputError("the structure has no atoms")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if bad.size:
        raise InputError(f"the position of atom {bad[0]} ({atoms.symbols[bad[0]]}) is not finite")
    if atoms.pbc.any() and not atoms.pbc.all():
        raise InputError(f"periodic directions are {atoms.pbc.tolist()}; a structure is periodic in all three or none")
    if atoms.pbc.all() and not abs(atoms.cell.volume) > 1e-3:
        raise InputError("the structure is periodic but its cell has no volume; set the cell, or pbc=False")


def _repeats(atoms: Atoms, axis: int, copies: int) -> bool:
    """Whether a shift by a fraction of one cell edge puts every atom on one of the same element."""
    if len(atoms) % copies or np.any(np.bincount(atoms.numbers) % copies):
        return False
    fractions = _wrapped(atoms)
    tree = KDTree(fractions, boxsize=1.0)
    distance, partner = tree.query((fractions + np.eye(3)[axis] / copies) % 1.0)
    same_place = bool(np.max(distance) * np.max(atoms.cell.lengths()) < _SAME_PLACE)
    return same_place and bool(np.all(atoms.numbers[partner] == atoms.numbers))


def _first_copy(atoms: Atoms, axis: int, copies: int) -> Atoms:
    along = atoms.cell.scaled_positions(atoms.positions)[:, axis]
    # from a little before the first atom, so that rounding cannot put a plane of atoms on either side of the cut
    start = along[0] - _SAME_PLACE / atoms.cell.lengths()[axis]
    unit = atoms[(along - start) % 1.0 < 1.0 / copies]
    cell = np.array(atoms.cell)
    cell[axis] /= copies
    unit.set_cell(cell)
    return unit


def _exact_periodic(atoms: Atoms, r_max: float, elements: list[str]) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    i, j, distance, shift = neighbor_list("ijdS", atoms, r_max)
    ahead = np.sign(shift) @ np.array([9, 3, 1]) > 0
    once = (i < j) | ((i == j) & ahead)
    number = np.array([elements.index(symbol) for symbol in atoms.symbols])
    table, pairs = _pair_table(elements)
    row = table[number[i], number[j]]
    for n, (a, b) in enumerate(pairs):
        yield a, b, distance[once & (row == n)]


def _exact_cluster(atoms: Atoms, elements: list[str]) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    positions = {name: atoms.positions[atoms.numbers == atomic_numbers[name]] for name in elements}
    for first, a in enumerate(elements):
        for b in elements[first:]:
            step = max(1, 1_000_000 // len(positions[b]))
            for start in range(0, len(positions[a]), step):
                distances = cdist(positions[a][start : start + step], positions[b])
                yield a, b, distances[np.triu_indices_from(distances, start + 1)] if a == b else distances.ravel()


def _widths(atoms: Atoms) -> NDArray[np.float64]:
    return 1.0 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)


def _bin_number(r_max: float, dr: float) -> int:
    if not (np.isfinite(r_max) and np.isfinite(dr) and 0.0 < dr < r_max):
        raise InputError(f"r_max = {r_max} and dr = {dr} angstrom make no histogram; both positive, dr the smaller")
    bins = int(np.ceil(r_max / dr - 1e-9))
    if bins >= 1 << (30 - _FRACTION_BITS):
        raise InputError(f"{bins} bins of {dr} angstrom up to {r_max:.0f} angstrom are too many; use a larger dr")
    return bins


def _pair_table(elements: list[str]) -> tuple[NDArray[np.int64], tuple[tuple[str, str], ...]]:
    """Row of the histogram for each pair of element numbers, and the names of the rows."""
    table = np.zeros((len(elements), len(elements)), dtype=np.int64)
    rows, columns = np.triu_indices(len(elements))
    table[rows, columns] = table[columns, rows] = np.arange(rows.size)
    return table, tuple((elements[a], elements[b]) for a, b in zip(rows, columns, strict=True))


def _refuse_overlap(count: NDArray[np.int64], dr: float, pairs: tuple[tuple[str, str], ...]) -> None:
    row, k = np.nonzero(count[:, : int(OVERLAP / dr)])
    if row.size:
        names = "-".join(pairs[row[0]])
        raise InputError(f"a {names} pair is only {k[0] * dr:.3f} angstrom apart: a doubled atom, or lengths in nm?")


# ---------------------------------------------------------------------------------------------------------------------
# tiles: groups of neighbouring atoms of one element, held relative to their common centre


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tiles:
    local: NDArray[np.float64]  # (3, atoms) coordinates relative to the centre of the own tile
    start: NDArray[np.int64]  # (tiles + 1,) first atom of each tile
    element: NDArray[np.int64]  # (tiles,)
    centre: NDArray[np.float64]  # (tiles, 3)
    radius: NDArray[np.float64]  # (tiles,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Images:
    tile: NDArray[np.int64]  # (images,) which tile this is an image of
    centre: NDArray[np.float64]  # (images, 3)
    home: NDArray[np.bool_]  # (images,) whether it is the tile itself, not shifted


def _make_tiles(atoms: Atoms) -> _Tiles:
    positions = atoms.cell.cartesian_positions(_wrapped(atoms)) if atoms.pbc.all() else atoms.positions
    elements = _elements(atoms)
    groups: list[NDArray[np.float64]] = []
    kinds: list[int] = []
    for number, name in enumerate(elements):
        found = _grouped(positions[atoms.numbers == atomic_numbers[name]], _TILE)
        groups += found
        kinds += [number] * len(found)
    centre = np.array([0.5 * (group.min(axis=0) + group.max(axis=0)) for group in groups])
    local = [group - middle for group, middle in zip(groups, centre, strict=True)]
    return _Tiles(
        local=np.ascontiguousarray(np.concatenate(local).T),
        start=np.concatenate([[0], np.cumsum([len(group) for group in groups])]),
        element=np.array(kinds),
        centre=centre,
        radius=np.array([np.sqrt((part**2).sum(axis=1).max()) for part in local]),
    )


def _wrapped(atoms: Atoms) -> NDArray[np.float64]:
    # a second time, because the first can round up to one itself
    return atoms.cell.scaled_positions(atoms.positions) % 1.0 % 1.0


def _elements(atoms: Atoms) -> list[str]:
    """Elements in alphabetical order; by number, since reading symbols takes a tenth of the time of the pairs."""
    return sorted(chemical_symbols[number] for number in np.unique(atoms.numbers))


def _grouped(positions: NDArray[np.float64], size: int) -> list[NDArray[np.float64]]:
    """Cut space into slabs, slabs into bars and bars into blocks of about `size` atoms each."""
    cuts = max(1, round((len(positions) / size) ** (1 / 3)))
    block = np.zeros(len(positions), dtype=np.int64)
    for axis in range(3):
        order = np.lexsort((positions[:, axis], block))
        members = np.bincount(block)[block[order]]
        rank = np.arange(len(positions)) - np.searchsorted(block[order], block[order])
        block[order] = block[order] * cuts + rank * cuts // members
    order = np.argsort(block, kind="stable")
    return np.split(positions[order], np.flatnonzero(np.diff(block[order])) + 1)


def _no_images(tiles: _Tiles) -> _Images:
    number = len(tiles.centre)
    return _Images(tile=np.arange(number), centre=tiles.centre, home=np.ones(number, dtype=bool))


def _make_images(atoms: Atoms, tiles: _Tiles, r_max: float) -> _Images:
    """All images of tiles within `r_max` of the box, one of each pair of opposite shifts."""
    widths = _widths(atoms)
    reach = (np.floor(r_max / widths) + 1).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    # opposite shifts meet the same pairs, so the second half, which starts at no shift at all, is enough
    shifts = grid[len(grid) // 2 :]
    outside = np.abs(shifts[:, None] + atoms.cell.scaled_positions(tiles.centre) - 0.5) - 0.5
    near = (outside * widths <= r_max + tiles.radius[:, None]).all(axis=2)
    shift_number, tile = np.nonzero(near)
    centre = tiles.centre[tile] + shifts[shift_number] @ np.asarray(atoms.cell)
    return _Images(tile=tile, centre=centre, home=shift_number == 0)


def _count(
    tiles: _Tiles, images: _Images, table: NDArray[np.int64], rows: int, bins: int, dr: float, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Share the images between threads; sums of integers, so the result is the same for any number of them."""
    threads = 1 if tiles.local.shape[1] < 1000 and len(images.tile) < 1000 else threads
    unit = (1 << _FRACTION_BITS) / dr
    x, y, z = (tiles.local * unit).astype(np.float32)
    centre, radius, image_centre = tiles.centre * unit, tiles.radius * unit, images.centre * unit
    count, moment = np.zeros((2, threads, rows, bins), np.int64)

    def work(thread: int) -> None:
        place = tiles.start, tiles.element, centre, radius, images.tile, image_centre, images.home
        _tally(x, y, z, *place, table, thread, threads, count[thread], moment[thread])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))
    return count.sum(axis=0), moment.sum(axis=0)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _tally(
    x: NDArray[Any],
    y: NDArray[Any],
    z: NDArray[Any],
    start: NDArray[Any],
    element: NDArray[Any],
    centre: NDArray[Any],
    radius: NDArray[Any],
    tile: NDArray[Any],
    image_centre: NDArray[Any],
    home: NDArray[Any],
    table: NDArray[Any],
    thread: int,
    threads: int,
    count: NDArray[Any],
    moment: NDArray[Any],
) -> None:
    """Add the pairs between every tile and the images thread, thread + threads, ... to count and moment."""
    reach = np.float64(count.shape[1] << _FRACTION_BITS)
    # room for the far side of tiles that are only partly within reach, so that no distance needs a check
    bins = np.int64(reach + 2.0 * radius.max()) // (1 << _FRACTION_BITS) + 2
    packed = np.zeros((count.shape[0], bins), np.uint64)
    buffer = np.empty(np.diff(start).max(), np.int32)
    pending = 0
    for image in range(thread, tile.size, threads):
        b = tile[image]
        for a in range(b + 1 if home[image] else element.size):
            dx = centre[a, 0] - image_centre[image, 0]
            dy = centre[a, 1] - image_centre[image, 1]
            dz = centre[a, 2] - image_centre[image, 2]
            if dx * dx + dy * dy + dz * dz > (reach + radius[a] + radius[b]) ** 2:
                continue
            row = packed[table[element[a], element[b]]]
            for i in range(start[a], start[a + 1]):
                x0, y0, z0 = x[i] + dx, y[i] + dy, z[i] + dz
                if x0 * x0 + y0 * y0 + z0 * z0 > (reach + radius[b]) ** 2:
                    continue
                first = i + 1 if home[image] and a == b else start[b]
                last = start[b + 1]
                _tally_row(x[first:last], y[first:last], z[first:last], x0, y0, z0, buffer, row)
                pending += last - first
            if pending > _FLUSH_AFTER:
                _flush(packed, count, moment)
                pending = 0
    _flush(packed, count, moment)


@numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _tally_row(
    x: NDArray[Any],
    y: NDArray[Any],
    z: NDArray[Any],
    x0: np.float32,
    y0: np.float32,
    z0: np.float32,
    buffer: NDArray[Any],
    row: NDArray[Any],
) -> None:
    """Add the distances of one atom from a row of atoms: first all distances (vectorised), then all bins."""
    x0, y0, z0 = np.float32(x0), np.float32(y0), np.float32(z0)
    for j in range(x.size):
        dx, dy, dz = x[j] - x0, y[j] - y0, z[j] - z0
        buffer[j] = np.int32(np.rint(np.sqrt(dx * dx + dy * dy + dz * dz)))
    for j in range(x.size):
        value = np.uint32(buffer[j])
        row[value >> np.uint32(_FRACTION_BITS)] += _ONE_PAIR + np.uint64(value)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _flush(packed: NDArray[Any], count: NDArray[Any], moment: NDArray[Any]) -> None:
    """Empty the shared counters into wide ones; what lies beyond the last bin is dropped."""
    for row in range(count.shape[0]):
        for k in range(count.shape[1]):
            # every pair of bin k added _ONE_PAIR, the lower edge of the bin, and its fraction; the fractions of all
            # pairs together stay below _ONE_PAIR, so that a division tells them apart
            each = _ONE_PAIR + np.uint64(k << _FRACTION_BITS)
            pairs = packed[row, k] // each
            count[row, k] += np.int64(pairs)
            moment[row, k] += np.int64(packed[row, k] - pairs * each)
    packed[:] = 0
