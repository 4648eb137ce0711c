"""Coherent scattering and pair distribution functions of atomic structures, without any instrument."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike

from tsct.phantoms.structures import STATIC, Thermal
from tsct.records.errors import InputError, UsageError

from .debye_sums import damped_sum, sine_transform
from .debyecalculator import debyecalculator_scattering
from .molecular_liquid import percus_yevick, sphere_packing, van_der_waals_volume
from .pair_histogram import pair_counts
from .partials import (
    Array,
    Correlations,
    Pair,
    Variance,
    amplitude,
    composition,
    correlate,
    exact_amplitudes,
    partial_density,
)
from .xray_tables import Q_MAX_TABLE, form_factor, mean_compton

if TYPE_CHECKING:
    from tsct.phantoms.structures import Structure

#: no pair is drawn narrower than this standard deviation (angstrom) in functions of r
NARROWEST = 0.025
#: functions of r hold everything up to this many inverse standard deviations of the sharpest pair
REACH_IN_SIGMA = 5.5


# ---------------------------------------------------------------------------------------------------------------------
# one structure


def scattering(
    atoms: Atoms, q: ArrayLike, thermal: Thermal = STATIC, *, engine: str = "tsct", exact: bool = False
) -> Array:
    r"""Coherent intensity of a cluster or a periodic box.

    .. math:: I(Q) = \langle f^2\rangle + \frac{1}{N}\sum_{i\ne j} f_i f_j \frac{\sin Q r_{ij}}{Q r_{ij}}
              e^{-Q^2 \sigma_{ij}^2 / 2}

    (Debye, Ann. Phys. 351, 809 (1915)). For a periodic box the sum runs over all images within its reach, the mean
    density is taken out of it (so there is no scattering from the outer shape), and both fade out over the last 30 % of
    the reach, which is half of the smallest perpendicular width. A box whose half width is below 5 angstrom is the unit
    cell of a crystal: its reach is 150 angstrom and the pairs are weighted with the shape function of a sphere of that
    diameter (Guinier & Fournet 1955), as in powder of such crystallites; Bragg peaks are then 0.05 1/angstrom wide.

    Parameters
    ----------
    atoms : ase.Atoms
        Cluster (no periodic direction) or box (three).
    q : array_like, shape (n,)
        Momentum transfer in 1/angstrom.
    thermal : Thermal
        Motion that is not in the coordinates; it damps the pair terms only.
    engine : {"tsct", "debyecalculator"}
        The second is the independent package of that name, for static clusters and evenly spaced `q`.
    exact : bool
        Sum pair by pair in float64 instead of over a histogram; slow.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Intensity in electron units per atom.

    Raises
    ------
    InputError
        If the atoms or `q` cannot be used.
    UsageError
        If the engine is unknown, absent, or not made for this case.
    """
    q = _in_table(q)
    if engine == "debyecalculator":
        return debyecalculator_scattering(atoms, q, thermal)
    if engine != "tsct":
        raise UsageError(f"unknown engine '{engine}'; there are 'tsct' and 'debyecalculator'")
    if exact:
        return _intensity(exact_amplitudes(atoms, q, thermal.pair_variance), composition(atoms), q)
    return _correlated_intensity(correlate([atoms]), q, thermal.pair_variance)


def pair_distribution(atoms: Atoms, r: ArrayLike, thermal: Thermal = STATIC, *, q_min: float = 0.0) -> Array:
    r"""X-ray pair distribution function G(r), not truncated at high Q.

    .. math:: G(r) = \frac{2}{\pi}\int_{Q_\mathrm{min}}^\infty Q
              \frac{I(Q) - \langle f^2\rangle}{\langle f\rangle^2} \sin(Qr)\,dQ

    which is 4 pi r (rho - rho0) for a box of one element (Keen, J. Appl. Cryst. 34, 172 (2001)). The integral ends
    where the thermal motion has extinguished the sharpest pair; beyond the table of form factors (75 1/angstrom) the
    weights of the partials are those at its end. Pairs that do not move at all are drawn with a standard deviation of
    0.025 angstrom.

    Parameters
    ----------
    atoms : ase.Atoms
        Cluster or box.
    r : array_like, shape (n,)
        Distances in angstrom. Beyond the reach of a box, G is zero.
    thermal : Thermal
        Motion that is not in the coordinates.
    q_min : float
        Scattering below this (1/angstrom) is left out. For a cluster it holds the small-angle scattering of its shape:
        at zero G is the plain R(r) / r, and with the start of the data it is what the data can show.

    Returns
    -------
    numpy.ndarray, shape (n,)
        G in 1/angstrom**2.
    """
    correlations = correlate([atoms])
    variance = _drawable(thermal)

    def reduced(q: Array) -> Array:
        return _reduced(_correlated_intensity(correlations, q, variance), correlations.composition, q)

    return sine_transform(reduced, r, q_min=q_min, q_cut=_q_cut(correlations, variance), reach=correlations.reach)


def partial_pair_distributions(atoms: Atoms, r: ArrayLike, thermal: Thermal = STATIC) -> dict[Pair, Array]:
    """Partial pair distribution functions g_ab(r) of a periodic box, one at large r and zero inside the atoms.

    Parameters
    ----------
    atoms : ase.Atoms
        Periodic box.
    r : array_like, shape (n,)
        Distances in angstrom, larger than zero.
    thermal : Thermal
        Motion that is not in the coordinates.

    Returns
    -------
    dict of (str, str) to numpy.ndarray, shape (n,)
        One curve for each unordered pair of elements, in alphabetical order.

    Raises
    ------
    InputError
        If the atoms are a cluster, which has no mean density, or `r` is not positive.
    """
    r = np.asarray(r, dtype=float)
    if not np.all(r > 0.0):
        raise InputError("partial g(r) needs distances larger than zero")
    if not atoms.pbc.all():
        raise InputError("partial g(r) needs a periodic box: a cluster has no mean density")
    correlations = correlate([atoms])
    variance = _drawable(thermal)
    q_cut = _q_cut(correlations, variance)
    found = {}
    for pair in correlations.rows:

        def reduced(q: Array, pair: Pair = pair) -> Array:
            return q * amplitude(correlations, pair, q, variance)

        difference = sine_transform(reduced, r, q_min=0.0, q_cut=q_cut, reach=correlations.reach)
        density = partial_density(correlations.composition, len(atoms) / atoms.cell.volume, pair)
        found[pair] = 1.0 + difference / (4.0 * np.pi * r * density)
    return found


# ---------------------------------------------------------------------------------------------------------------------
# ensembles


def structure_scattering(structure: "Structure", q: ArrayLike) -> Array:
    """Coherent intensity of a structure of the library, averaged over its members.

    Members count by their mole fractions times their atoms. Molecules of a liquid or polymer get the interference
    between each other from the Percus-Yevick structure factor of hard spheres,
    ``<|F|^2> + |<F>|^2 (S_PY - 1)`` per molecule with the orientational mean amplitude <F> (Kotlarchyk & Chen, J. Chem.
    Phys. 79, 2461 (1983), eq. 16). Sphere number is the number of molecules, packing fraction the van der Waals volume
    of all of them (radii as in ase) but at most 0.45, and the sphere diameter follows from the two.

    Parameters
    ----------
    structure : tsct.phantoms.structures.library.Structure
        Entry of the structure library.
    q : array_like, shape (n,)
        Momentum transfer in 1/angstrom.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Intensity in electron units per atom.
    """
    q = _in_table(q)
    correlations = correlate(structure.members, structure.mole_fractions, structure.crystallite_a)
    return _structure_intensity(structure, correlations, q, structure.thermal.pair_variance)


def structure_compton(structure: "Structure", q: ArrayLike) -> Array:
    """Compton scattering of a structure of the library, in electron units per atom."""
    return mean_compton(structure.composition, _in_table(q))


def structure_reduced(structure: "Structure", q: ArrayLike) -> Array:
    """F(Q) of Faber and Ziman of a structure of the library, 1/angstrom: what `structure_pair_distribution` transforms.

    Parameters
    ----------
    structure : tsct.phantoms.structures.library.Structure
        Entry of the structure library.
    q : array_like, shape (n,)
        Momentum transfer in 1/angstrom.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    correlations = correlate(structure.members, structure.mole_fractions, structure.crystallite_a)
    return _structure_reduced(structure, correlations, np.asarray(q, dtype=float), _drawable(structure.thermal))


def structure_pair_distribution(structure: "Structure", r: ArrayLike, q_min: float = 0.0) -> Array:
    """X-ray G(r) of a structure of the library in 1/angstrom**2: `pair_distribution` of its mean intensity."""
    correlations = correlate(structure.members, structure.mole_fractions, structure.crystallite_a)
    variance = _drawable(structure.thermal)

    def reduced(q: Array) -> Array:
        return _structure_reduced(structure, correlations, q, variance)

    return sine_transform(reduced, r, q_min=q_min, q_cut=_q_cut(correlations, variance), reach=correlations.reach)


def second_shell_loss(
    structure: "Structure", q: ArrayLike, *, r_low: float = 3.2, r_high: float = 4.6, extra_sigma: float = 0.4
) -> Array:
    """Change of the coherent intensity when the second shell of silicon loses its order, atoms conserved.

    Every Si-Si pair between `r_low` and `r_high` gets an additional Gaussian spread. The edges of that range are 0.2
    angstrom wide half-cosines.

    Parameters
    ----------
    structure : tsct.phantoms.structures.library.Structure
        Entry of the structure library; one without silicon does not change.
    q : array_like, shape (n,)
        Momentum transfer in 1/angstrom.
    r_low, r_high : float
        Range of distances in angstrom.
    extra_sigma : float
        Standard deviation of the additional spread in angstrom.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Change in electron units per atom.
    """
    q = _in_table(q)
    variance = structure.thermal.pair_variance
    return _held_form_factor("Si", q) ** 2 * _loss_amplitude(structure, q, variance, r_low, r_high, extra_sigma)


def second_shell_loss_pdf(
    structure: "Structure", r: ArrayLike, *, r_low: float = 3.2, r_high: float = 4.6, extra_sigma: float = 0.4
) -> Array:
    """Change of G(r) in 1/angstrom**2 that belongs to `second_shell_loss`; same parameters, `r` in angstrom."""
    variance = _drawable(structure.thermal)

    def reduced(q: Array) -> Array:
        change = _loss_amplitude(structure, q, variance, r_low, r_high, extra_sigma)
        return q * change * (_held_form_factor("Si", q) / _held_mean_f(structure.composition, q)) ** 2

    q_cut = REACH_IN_SIGMA / float(np.sqrt(variance("Si", "Si", r_low)))
    return sine_transform(reduced, r, q_min=0.0, q_cut=q_cut, reach=r_high + 8.0 * extra_sigma)


def _structure_intensity(structure: "Structure", correlations: Correlations, q: Array, variance: Variance) -> Array:
    intensity = _correlated_intensity(correlations, q, variance)
    return intensity + _packing_term(structure, q) if structure.kind == "molecule" else intensity


def _structure_reduced(structure: "Structure", correlations: Correlations, q: Array, variance: Variance) -> Array:
    return _reduced(_structure_intensity(structure, correlations, q, variance), correlations.composition, q)


def _packing_term(structure: "Structure", q: Array) -> Array:
    """Interference between molecules, per atom."""
    weighted = list(zip(structure.mole_fractions, structure.members, strict=True))
    atoms_per_molecule = sum(share * len(molecule) for share, molecule in weighted)
    number = structure.number_density_per_a3 / atoms_per_molecule
    packing, diameter = sphere_packing(sum(share * van_der_waals_volume(mol) for share, mol in weighted), number)
    mean = sum((share * _mean_amplitude(molecule, q) for share, molecule in weighted), np.zeros_like(q))
    return mean**2 * (percus_yevick(q, packing, diameter) - 1.0) / atoms_per_molecule


def _mean_amplitude(molecule: Atoms, q: Array) -> Array:
    """Amplitude of a molecule averaged over its orientations, about its centre of charge."""
    charge = molecule.numbers / molecule.numbers.sum()
    distance = np.linalg.norm(molecule.positions - charge @ molecule.positions, axis=1)
    factors = {symbol: _held_form_factor(symbol, q) for symbol in set(molecule.symbols)}
    terms = (factors[s] * np.sinc(q * d / np.pi) for s, d in zip(molecule.symbols, distance, strict=True))
    return sum(terms, np.zeros_like(q))


def _loss_amplitude(
    structure: "Structure", q: Array, variance: Variance, r_low: float, r_high: float, extra_sigma: float
) -> Array:
    total, atoms = np.zeros_like(q), 0.0
    for member, share in zip(structure.members, structure.mole_fractions, strict=True):
        atoms += share * len(member)
        counts = pair_counts(member, r_max=r_high + 0.5)
        if ("Si", "Si") in counts.pairs:
            r, shares = counts.on_grid()
            inside = 2.0 * shares[counts.pairs.index(("Si", "Si"))] * _window(r, r_low, r_high)
            change = np.expm1(-0.5 * (q * extra_sigma) ** 2) / np.sinc(0.5 * q * counts.dr / np.pi) ** 2
            total += share * change * damped_sum(inside, counts.dr, variance("Si", "Si", r), q)
    return total / atoms


def _window(r: Array, low: float, high: float, edge: float = 0.2) -> Array:
    inside = np.minimum(r - low, high - r) / edge + 0.5
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(inside, 0.0, 1.0))


def _in_table(q: ArrayLike) -> Array:
    """Q as an array, refused where there are no form factors or the shape is wrong."""
    values = np.asarray(q, dtype=float)
    if values.ndim != 1:
        raise InputError(f"Q has shape {values.shape}; one dimension is expected")
    form_factor("H", values)
    return values


def _correlated_intensity(correlations: Correlations, q: Array, variance: Variance) -> Array:
    sums = {pair: amplitude(correlations, pair, q, variance) for pair in correlations.rows}
    return _intensity(sums, correlations.composition, q)


def _intensity(sums: Mapping[Pair, Array], shares: Mapping[str, float], q: Array) -> Array:
    factors = {symbol: _held_form_factor(symbol, q) for symbol in shares}
    pairs = (factors[a] * factors[b] * total for (a, b), total in sums.items())
    return sum(pairs, _self_scattering(shares, q))


# ---------------------------------------------------------------------------------------------------------------------
# functions of r


def _reduced(intensity: Array, shares: Mapping[str, float], q: Array) -> Array:
    """F(Q) of Faber and Ziman; a reduced intensity with the self-scattering and the mean form factor of `shares`."""
    return q * (intensity - _self_scattering(shares, q)) / _held_mean_f(shares, q) ** 2


def _drawable(thermal: Thermal) -> Variance:
    """Variance of pairs, but never so small that a function of r could not be drawn."""
    return lambda a, b, r: np.maximum(thermal.pair_variance(a, b, r), NARROWEST**2)


def _q_cut(correlations: Correlations, variance: Variance) -> float:
    """Q at which the sharpest pair has died out."""
    sharpest = [float(variance(*pair, r)) for pair, r in correlations.first.items() if np.isfinite(r)]
    return REACH_IN_SIGMA / float(np.sqrt(min(sharpest, default=NARROWEST**2)))


def _held_form_factor(symbol: str, q: Array) -> Array:
    """Form factor that keeps its last value beyond the table; there, thermal motion leaves nothing to weight."""
    return form_factor(symbol, np.minimum(q, Q_MAX_TABLE))


def _held_mean_f(shares: Mapping[str, float], q: Array) -> Array:
    return sum((share * _held_form_factor(symbol, q) for symbol, share in shares.items()), np.zeros_like(q))


def _self_scattering(shares: Mapping[str, float], q: Array) -> Array:
    return sum((share * _held_form_factor(symbol, q) ** 2 for symbol, share in shares.items()), np.zeros_like(q))
