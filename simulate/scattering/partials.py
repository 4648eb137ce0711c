"""Sums of sin(Qr)/(Qr) over the pairs of a structure, per pair of elements: all of the structure in its scattering."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import InputError

from .debye_sums import damped_sum, exact_sum, gauss_legendre
from .pair_histogram import DR, PairCounts, checked, exact_pairs, half_width, pair_counts, repeating_unit

Array = NDArray[np.float64]
Pair = tuple[str, str]
#: variance of the distance of two elements at given separations, in square angstrom
Variance = Callable[[str, str, ArrayLike], Array]

#: boxes whose half width is below this (angstrom) are cells of a crystal
CRYSTAL_HALF_WIDTH = 5.0
#: diameter of the spherical crystallites (angstrom) in which crystals are taken to come
CRYSTALLITE_A = 150.0
#: share of the reach of a disordered box over which its correlations fade out
FADE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Correlations:
    """Pairs of a structure or an ensemble, per atom.

    Attributes
    ----------
    dr : float
        Distance of the grid points ``r_k = k * dr`` in angstrom.
    composition : dict of str to float
        Atom fractions.
    rows : dict of (str, str) to numpy.ndarray
        For each unordered pair of elements the ordered pairs per atom at the grid points. For a box the pairs of the
        mean density are subtracted, and the rest has faded out at the last point.
    first : dict of (str, str) to float
        Distance of the closest pair in angstrom, infinite if there is none.
    """

    dr: float
    composition: dict[str, float]
    rows: dict[Pair, Array]
    first: dict[Pair, float]

    @property
    def reach(self) -> float:
        """Largest distance of the grid in angstrom."""
        return self.dr * max(row.size for row in self.rows.values())


def correlate(
    members: Sequence[Atoms], mole_fractions: Sequence[float] = (1.0,), crystallite_a: float | None = None
) -> Correlations:
    """Average the pairs of the members of an ensemble.

    Clusters give all their pairs. Boxes give those within half of their width, less the pairs of the mean density, with
    a fade-out over the last 30 % of that reach. Boxes that repeat a unit less than 10 angstrom wide are crystals: all
    pairs up to 150 angstrom count, weighted with the shape function of a sphere of that diameter; or of the diameter
    `crystallite_a`, which any box may have that is as wide.

    Raises
    ------
    InputError
        If a structure is not right, or pairs do not reach across the crystallite.
    """
    for member in members:
        checked(member)
    atoms_per_mole = sum(share * len(member) for share, member in zip(mole_fractions, members, strict=True))
    rows: dict[Pair, Array] = {}
    first: dict[Pair, float] = {}
    fractions: dict[str, float] = {}
    for share, member in zip(mole_fractions, members, strict=True):
        weight = share * len(member) / atoms_per_mole
        counts, sphere = _counted(member, crystallite_a)
        for symbol, fraction in counts.composition.items():
            fractions[symbol] = fractions.get(symbol, 0.0) + weight * fraction
        for n, pair in enumerate(counts.pairs):
            rows[pair] = _sum(rows.get(pair, np.zeros(1)), weight * _row(counts, n, sphere=sphere))
            first[pair] = min(first.get(pair, np.inf), _first(counts, n))
    return Correlations(dr=DR, composition=dict(sorted(fractions.items())), rows=rows, first=first)


def check_crystallite(atoms: Atoms, crystallite_a: float) -> None:
    """Refuse a crystallite (diameter in angstrom) that pairs of the structure do not reach across."""
    _with_reach(atoms, crystallite_a)


def amplitude(correlations: Correlations, pair: Pair, q: Array, variance: Variance) -> Array:
    """Sum over the pairs of two elements per atom, to be multiplied with their form factors."""
    row = correlations.rows[pair]
    # closer than the closest pair there is only the missing mean density, and no motion to speak of
    r = np.maximum(np.arange(row.size) * correlations.dr, correlations.first[pair])
    # the mean effect of sharing a pair between two grid points
    blur = np.sinc(0.5 * q * correlations.dr / np.pi) ** 2
    return damped_sum(row, correlations.dr, variance(*pair, r), q) / blur


def exact_amplitudes(atoms: Atoms, q: Array, variance: Variance) -> dict[Pair, Array]:
    """`amplitude` of every pair of elements, summed pair by pair in float64."""
    atoms, r_max, sphere = _with_reach(atoms)
    shares = composition(atoms)
    found = {(a, b): np.zeros_like(q) for a in shares for b in shares if a <= b}
    first = dict.fromkeys(found, np.inf)
    for a, b, r in exact_pairs(atoms, r_max):
        weight = np.full_like(r, 2.0 / len(atoms))
        if r_max is not None:
            weight *= _envelope(r, r_max, sphere=sphere)
        found[a, b] += exact_sum(r, weight, variance(a, b, r), q)
        first[a, b] = min(first[a, b], r.min(initial=np.inf))
    if r_max is None:
        return found
    for pair, total in found.items():
        density = partial_density(shares, len(atoms) / atoms.cell.volume, pair)
        # in two parts, because the envelope of a disordered box starts to fall with a kink in its second derivative
        for low, high in ((0.0, (1.0 - FADE) * r_max), ((1.0 - FADE) * r_max, r_max)):
            r, weights = gauss_legendre(low, high, float(q.max(initial=0.0)) * (high - low))
            mean = weights * _mean_pairs(r, density, r_max, sphere=sphere)
            total -= exact_sum(r, mean, variance(*pair, np.maximum(r, first[pair])), q)
    return found


def composition(atoms: Atoms) -> dict[str, float]:
    """Atom fraction of each element, in alphabetical order."""
    names, numbers = np.unique(atoms.get_chemical_symbols(), return_counts=True)
    return {str(name): float(number) / len(atoms) for name, number in zip(names, numbers, strict=True)}


def partial_density(shares: Mapping[str, float], density: float, pair: Pair) -> float:
    """Return c_a c_b rho0, twice that for unlike elements: ordered pairs per atom and cubic angstrom at random."""
    return (1.0 if pair[0] == pair[1] else 2.0) * shares[pair[0]] * shares[pair[1]] * density


def _counted(atoms: Atoms, crystallite_a: float | None) -> tuple[PairCounts, bool]:
    atoms, r_max, sphere = _with_reach(atoms, crystallite_a)
    return pair_counts(atoms, r_max=r_max), sphere


def _with_reach(atoms: Atoms, crystallite_a: float | None = None) -> tuple[Atoms, float | None, bool]:
    """Repeating unit of a box, how far its pairs are meaningful, and whether they are those of a sphere.

    A cluster as it is, and no reach.
    """
    checked(atoms)
    if not atoms.pbc.all():
        if crystallite_a is not None:
            raise InputError(
                "a crystallite size is for crystals; the structure is a cluster or molecule, with all its pairs"
            )
        return atoms, None, False
    unit = repeating_unit(atoms)
    if half_width(unit) < CRYSTAL_HALF_WIDTH:
        return unit, CRYSTALLITE_A if crystallite_a is None else crystallite_a, True
    if crystallite_a is None:
        # whole bins, so that the histogram ends where the envelope does
        return atoms, float(np.floor(half_width(atoms) / DR) * DR), False
    # atoms of a crystal have places however far apart they are; drawn ones know of each other only where they repeat
    width = 2 * half_width(atoms)
    if crystallite_a > width * (1 + 1e-9):
        raise InputError(
            f"the crystallite is {crystallite_a / 10:g} nm wide but the box, which repeats itself, "
            f"{width / 10:.2f} nm; give a smaller one, or none"
        )
    return atoms, crystallite_a, True


def _row(counts: PairCounts, n: int, *, sphere: bool) -> Array:
    """Ordered pairs per atom at the grid points, less the mean density and faded out for a box."""
    r, shares = counts.on_grid()
    row = 2.0 * shares[n] / counts.n_atoms
    if counts.volume is None:
        return row
    density = partial_density(counts.composition, counts.n_atoms / counts.volume, counts.pairs[n])
    mean = counts.dr * _mean_pairs(r, density, counts.r_max, sphere=sphere)
    # the smooth mean is shared between grid points just as the pairs are: its second difference over twelve
    return row * _envelope(r, counts.r_max, sphere=sphere) - np.convolve(mean, [1 / 12, 10 / 12, 1 / 12], mode="same")


def _mean_pairs(r: Array, density: float, r_max: float, *, sphere: bool) -> Array:
    return 4.0 * np.pi * r**2 * density * _envelope(r, r_max, sphere=sphere)


def _envelope(r: Array, r_max: float, *, sphere: bool) -> Array:
    """Weight of the pairs of a box: the shape function of a sphere, or a fade-out of disordered boxes."""
    x = r / r_max
    if sphere:
        return np.where(x < 1.0, 1.0 - 1.5 * x + 0.5 * x**3, 0.0)
    return 0.5 + 0.5 * np.cos(np.pi * np.clip((x - 1.0 + FADE) / FADE, 0.0, 1.0))


def _first(counts: PairCounts, n: int) -> float:
    occupied = np.flatnonzero(counts.count[n])
    return float(occupied[0] * counts.dr) if occupied.size else np.inf


def _sum(a: Array, b: Array) -> Array:
    """Add two rows of different length."""
    longer, shorter = (a, b) if a.size > b.size else (b, a)
    total = longer.copy()
    total[: shorter.size] += shorter
    return total
