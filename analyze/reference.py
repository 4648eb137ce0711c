"""The PDF of the reference state as a sum of shells, from which the analysis learns what silicon looks like here."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from .pdf import PdfOperator
from .peaks import between
from .templates import (
    CARBON,
    ELECTROLYTE,
    ELECTROLYTE_OXYGEN,
    SILICON,
    Shell,
    shell_derivatives,
    shell_pattern,
    shell_pdf,
)

#: range of the fit, angstrom
REFERENCE_RANGE = (1.15, 4.60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The fitted PDF of the reference state.

    Attributes
    ----------
    first, second : Shell
        First and second Si-Si shell with fitted distance and spread.
    amplitudes : ndarray, shape (3,)
        Number densities (1/angstrom^3) of silicon by its first and by its second shell, and of carbon.
    model : ndarray, shape (r,)
        The fitted H(r).
    """

    first: Shell
    second: Shell
    amplitudes: NDArray[np.float64]
    model: NDArray[np.float64]


def fit_reference(operator: PdfOperator, h: NDArray[np.float64], oxygen: float) -> Reference:
    """Fit the reference PDF H(r) with two Si-Si shells, carbon, a known amount of carbonate and a line.

    Distance, spread and skewness of the first shell and distance and spread of the second are searched, amplitudes
    follow by linear least squares (variable projection). The bonds of carbonates, which make up electrolyte and binder,
    lie under those of carbon and silicon; what they add is too like the others to be fitted and is taken from the
    composition instead.

    Parameters
    ----------
    operator : PdfOperator
        From J(Q) to H(r).
    h : ndarray, shape (r,)
        H(r) of the reference state.
    oxygen : float
        Number density of oxygen, 1/angstrom^3.
    """
    near = operator.within(REFERENCE_RANGE)
    target = h[between(operator.r, REFERENCE_RANGE)] - _carbonate(near, oxygen)
    fixed = _fixed_columns(near)

    def solve(p: NDArray) -> tuple[NDArray, NDArray]:
        design = np.column_stack([_columns(near, p), fixed])
        return np.linalg.lstsq(design, target, rcond=None)[0], design

    def rest(p: NDArray) -> NDArray:
        amplitudes, design = solve(p)
        return design @ amplitudes - target

    def slope(p: NDArray) -> NDArray:
        amplitudes, design = solve(p)
        first, second = _shells(p)
        of_first, of_second = (np.stack(shell_derivatives(near.q, shell, near.q_broad)) for shell in (first, second))
        by_distance, by_variance, by_skew = amplitudes[0] * of_first
        second_distance, second_variance, _ = amplitudes[1] * of_second
        by_sigma, second_sigma = 2 * first.sigma * by_variance, 2 * second.sigma * second_variance
        moved = near.apply(np.stack([by_distance, by_sigma, by_skew, second_distance, second_sigma])).T
        # the part that no amplitudes make up for (Kaufman, BIT 15, 49 (1975))
        basis = np.linalg.qr(design)[0]
        return np.asarray(moved - basis @ (basis.T @ moved))

    first, second = SILICON
    start = [first.distance, first.sigma, first.skew, second.distance, second.sigma]
    bounds = ([2.2, 0.03, -2e-3, 3.5, 0.08], [2.6, 0.20, 2e-3, 4.1, 0.50])
    scale = [0.01, 0.01, 1e-4, 0.05, 0.05]
    found = least_squares(rest, start, jac=slope, bounds=bounds, x_scale=scale)
    amplitudes, _ = solve(found.x)
    first, second = _shells(found.x)
    model = np.column_stack([_columns(operator, found.x), _fixed_columns(operator)]) @ amplitudes
    model += _carbonate(operator, oxygen)
    return Reference(first=first, second=second, amplitudes=amplitudes[:3], model=model)


def _shells(p: NDArray) -> tuple[Shell, Shell]:
    first, second = SILICON
    return replace(first, distance=p[0], sigma=p[1], skew=p[2]), replace(second, distance=p[3], sigma=p[4])


def _columns(operator: PdfOperator, p: NDArray) -> NDArray[np.float64]:
    return operator.apply(np.stack([shell_pattern(operator.q, shell, operator.q_broad) for shell in _shells(p)])).T


def _fixed_columns(operator: PdfOperator) -> NDArray[np.float64]:
    return np.stack([shell_pdf(operator, CARBON), np.ones_like(operator.r), operator.r], axis=1)


def _carbonate(operator: PdfOperator, oxygen: float) -> NDArray[np.float64]:
    return shell_pdf(operator, ELECTROLYTE) * oxygen / ELECTROLYTE_OXYGEN
