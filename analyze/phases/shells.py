"""What the analyst expects of a phase's PDF: coordination shells from handbooks, seen through the operator of the data.

A shell is N neighbours b of an atom a at distance r with a Gaussian spread. The tables below are textbook distances;
they share nothing with the atomistic structures that a simulation may have used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.pdf.xray_tables import form_factor, mean_compton, mean_f2
from tsct.analyze.recipe.maps import PhasePattern
from tsct.records.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """Atoms around each atom of one element, at about one distance.

    Parameters
    ----------
    a, b : str
        Element in the centre and element around it.
    number : float
        Atoms b around each atom a.
    distance, sigma : float
        Mean and standard deviation of their distances, angstrom.
    skew : float
        Third cumulant of the distances, cubic angstrom: positive where long bonds outnumber short ones.
    """

    a: str
    b: str
    number: float
    distance: float
    sigma: float
    skew: float = 0.0


def _shells(a: str, b: str, *rows: tuple[float, float, float]) -> tuple[Shell, ...]:
    return tuple(Shell(a=a, b=b, number=n, distance=d, sigma=s) for n, d, s in rows)


def _scaled(shells: Sequence[Shell], factor: float) -> tuple[Shell, ...]:
    return tuple(replace(shell, number=shell.number * factor) for shell in shells)


#: per Si atom: tetrahedral network; distances of Laaziri et al., PRB 60, 13520 (1999)
SILICON = _shells("Si", "Si", (4.0, 2.352, 0.08), (12.0, 3.83, 0.25))
#: per C atom of an infinite graphene layer with bonds of 1.42 A; spread growing with distance
GRAPHENE = _shells(
    *("C", "C"),
    *((3.0, 1.420, 0.045), (6.0, 2.460, 0.050), (3.0, 2.840, 0.051), (6.0, 3.757, 0.054)),
    *((6.0, 4.260, 0.056), (6.0, 4.919, 0.058), (6.0, 5.120, 0.059)),
)
#: lateral size of the layers of carbon black in angstrom: middle of 1.0 to 2.0 nm (Handbook of Battery Materials, La)
LAYER_SIZE = 15.0


def disc(shells: Sequence[Shell], diameter: float) -> tuple[Shell, ...]:
    """Shells of a round flake cut from an infinite layer, whose edge atoms miss neighbours.

    The share of pairs at distance r that both lie in a disc is gamma(r) = (2/pi) [acos(x) - x sqrt(1 - x^2)], x = r/D.
    """
    x = [shell.distance / diameter for shell in shells]
    share = [2 / np.pi * (np.arccos(value) - value * np.sqrt(1 - value**2)) for value in x]
    return tuple(replace(shell, number=shell.number * f) for shell, f in zip(shells, share, strict=True))


#: per C atom of carbon black
CARBON = disc(GRAPHENE, LAYER_SIZE)
_ETHYLENE_CARBONATE = (
    *_shells("C", "O", (1, 1.20, 0.05), (2, 1.36, 0.05), (2, 1.44, 0.05), (2, 2.33, 0.07), (2, 3.40, 0.08)),
    *_shells("C", "C", (2, 1.53, 0.05), (4, 2.28, 0.07)),
    *_shells("O", "O", (2, 2.22, 0.07), (4, 2.25, 0.07)),
    *_shells("C", "H", (4, 1.09, 0.08), (4, 2.17, 0.12)),
    *_shells("O", "H", (4, 2.05, 0.12)),
)
_DIMETHYL_CARBONATE = (
    *_shells("C", "O", (1, 1.21, 0.05), (2, 1.34, 0.05), (2, 1.44, 0.05), (2, 2.66, 0.08), (2, 3.50, 0.10)),
    *_shells("C", "C", (4, 2.31, 0.07)),
    *_shells("O", "O", (2, 2.22, 0.07), (4, 2.26, 0.07)),
    *_shells("C", "H", (6, 1.09, 0.08)),
    *_shells("O", "H", (6, 2.03, 0.12)),
)
_HEXAFLUOROPHOSPHATE = (*_shells("P", "F", (6, 1.60, 0.05)), *_shells("F", "F", (24, 2.26, 0.07), (6, 3.20, 0.07)))
#: per molecule of solvent: ethylene and dimethyl carbonate 1:1 by volume with 1 M LiPF6 (12.5 mol/l of solvent); bond
#: lengths and angles of the CRC Handbook; pairs of unlike atoms are counted once, of like atoms from both ends
ELECTROLYTE = (
    *_scaled(_ETHYLENE_CARBONATE, 0.56),
    *_scaled(_DIMETHYL_CARBONATE, 0.44),
    *_scaled(_HEXAFLUOROPHOSPHATE, 0.08),
)
#: oxygen atoms in one such molecule
ELECTROLYTE_OXYGEN = 3.0
SILICON_LITHIUM = Shell(a="Si", b="Li", number=1.0, distance=2.80, sigma=0.22)


@dataclass(frozen=True, slots=True, eq=False)
class _Wave:
    """A shell's pattern as ``weight damping sin(phase)``, and the functions of its asymmetry that both are made of."""

    weight: NDArray[np.float64]
    damping: NDArray[np.float64]
    phase: NDArray[np.float64]
    spread: tuple[NDArray[np.float64], ...]


def shell_pattern(q: NDArray[np.float64], shell: Shell, q_broad: float = 0.0) -> NDArray[np.float64]:
    """Coherent intensity of one shell per atom a, electron units, shape (q,).

    Debye's term N f_a f_b <sin(QR)/(QR)>, counted from both ends when a and b differ, over distances R whose
    distribution has the mean r, the variance s^2 and the third cumulant C = 2 s^2 t of the shell. It is a gamma
    distribution (Pearson III), whose characteristic function is known and stays that of a density however skewed it
    is, unlike a series of cumulants: ``log <exp(iQR)> = iQr - s^2 Q^2 L(iQt)``, ``L(z) = -(z + log(1 - z)) / z^2``.
    The factor 1/R favours short distances, which moves the mean by -s^2/r. Without skew it is a Gaussian.

    An instrument's `q_broad` (1/angstrom) makes the variance ``s^2 (1 + (r q_broad)^2)``.
    """
    wave = _wave(q, broadened(shell, q_broad))
    return wave.weight * wave.damping * np.sin(wave.phase)


def broadened(shell: Shell, q_broad: float) -> Shell:
    """A shell as an instrument with this broadening shows it; its third cumulant stays."""
    return replace(shell, sigma=shell.sigma * np.sqrt(1 + (shell.distance * q_broad) ** 2))


def shell_derivatives(q: NDArray[np.float64], shell: Shell, q_broad: float = 0.0) -> tuple[NDArray[np.float64], ...]:
    """Derivatives of :func:`shell_pattern` by distance, variance (sigma^2) and skew of a shell, shape (q,) each."""
    by_distance, by_variance, by_skew = _derivatives(q, broadened(shell, q_broad))
    # the variance that the instrument shows depends on both
    with_distance = 2 * shell.distance * (shell.sigma * q_broad) ** 2
    with_variance = 1 + (shell.distance * q_broad) ** 2
    return by_distance + with_distance * by_variance, with_variance * by_variance, by_skew


def _derivatives(q: NDArray[np.float64], shell: Shell) -> tuple[NDArray[np.float64], ...]:
    wave, variance, r = _wave(q, shell), shell.sigma**2, shell.distance
    a, b, a_slope, b_slope = wave.spread
    sine, cosine = (wave.weight * wave.damping * part for part in (np.sin(wave.phase), np.cos(wave.phase)))
    by_distance = q * (1 + variance / r**2) * cosine - sine / r
    by_length = -variance * q**3 * (a_slope * sine + b_slope * cosine)
    by_variance = -(q**2) * a * sine - (q / r + q**2 * b) * cosine - shell.skew / (2 * variance**2) * by_length
    return by_distance, by_variance, by_length / (2 * variance)


def _wave(q: NDArray[np.float64], shell: Shell) -> _Wave:
    ends = 1.0 if shell.a == shell.b else 2.0
    variance, r = shell.sigma**2, shell.distance
    a, b, *slopes = _spread(q * shell.skew / (2 * variance))
    # zero at Q = 0, where the sine is zero too
    weight = ends * shell.number * form_factor(shell.a, q) * form_factor(shell.b, q) / np.maximum(q * r, 1e-12)
    damping, phase = np.exp(-variance * q**2 * a), q * (r - variance / r) - variance * q**2 * b
    return _Wave(weight, damping, phase, (a, b, *slopes))


def _spread(u: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Real and imaginary part of L(iu) and their derivatives by u; series below 0.01, where the forms cancel."""
    near = np.abs(u) < 1e-2
    v = np.where(near, 1.0, u)
    a = np.where(near, 0.5 - u**2 / 4 + u**4 / 6, 0.5 * np.log1p(v**2) / v**2)
    b = np.where(near, u / 3 - u**3 / 5, (v - np.arctan(v)) / v**2)
    a_slope = np.where(near, -u / 2 + 2 * u**3 / 3, 1 / (v * (1 + v**2)) - 2 * a / v)
    b_slope = np.where(near, 1 / 3 - 3 * u**2 / 5, 1 / (1 + v**2) - 2 * b / v)
    return a, b, a_slope, b_slope


def shell_pdf(operator: PdfOperator, shells: Sequence[Shell]) -> NDArray[np.float64]:
    """Density-weighted G(r), shape (r,), of shells around one atom a per cubic angstrom, through an operator."""
    patterns = (shell_pattern(operator.q, shell, operator.q_broad) for shell in shells)
    return operator.apply(sum(patterns, np.zeros_like(operator.q)))


def shells_from_pairs(
    a: str,
    b: str,
    distances: NDArray[np.float64],
    numbers: NDArray[np.float64],
    *,
    sigma: float = 0.08,
    gap: float = 0.15,
) -> tuple[Shell, ...]:
    """Coordination shells from single distances, those closer to the next one than a gap joined.

    Parameters
    ----------
    a, b : str
        Elements at either end.
    distances : ndarray, shape (pair,)
        From atoms a to atoms b, angstrom.
    numbers : ndarray, shape (pair,)
        How many b at this distance each a has; may be fractions.
    sigma : float
        Spread by motion, angstrom; that of the distances of a shell is added in squares.
    gap : float
        Angstrom.
    """
    order = np.argsort(distances)
    sorted_distances, weights = np.asarray(distances)[order], np.asarray(numbers)[order]
    cuts = np.flatnonzero(np.diff(sorted_distances) > gap) + 1
    shells = []
    for r, w in zip(np.split(sorted_distances, cuts), np.split(weights, cuts), strict=True):
        if not w.sum() > 0:
            continue
        mean = np.average(r, weights=w)
        spread = np.sqrt(sigma**2 + np.average((r - mean) ** 2, weights=w))
        shells.append(Shell(a=a, b=b, number=float(w.sum()), distance=float(mean), sigma=float(spread)))
    return tuple(shells)


def shells_pattern(
    name: str, shells: Sequence[Shell], q: NDArray[np.float64], composition: Mapping[str, float]
) -> PhasePattern:
    """The pattern of a phase per atom, from its shells and the scattering of its single atoms.

    Parameters
    ----------
    name : str
        Of the phase.
    shells : sequence of Shell
        Around the atoms a that they name.
    q : ndarray, shape (q,)
        1/angstrom.
    composition : mapping of str to float
        Atom fractions.

    Raises
    ------
    InputError
        If a shell surrounds an element that the composition lacks.
    """
    for shell in shells:
        if missing := {shell.a, shell.b} - composition.keys():
            raise InputError(f"analysis.phase '{name}': a shell names {', '.join(missing)}, the composition does not")
    total = sum(composition.values())
    shares = {symbol: share / total for symbol, share in composition.items()}
    around = (shares[shell.a] * shell_pattern(q, shell) for shell in shells)
    coherent = sum(around, np.asarray(mean_f2(shares, q)))
    compton = mean_compton(shares, q)
    return PhasePattern(
        name=name, q=tuple(q.tolist()), intensity=tuple(coherent.tolist()), compton=tuple(compton.tolist())
    )
