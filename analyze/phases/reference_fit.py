"""The PDF of the reference state as a sum of shells, from which the analysis learns what silicon looks like here."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from tsct.analyze.pdf.peaks import between
from tsct.analyze.pdf.transform import PdfOperator

from .shells import (
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
#: limits of distance, sigma and skew of the first shell, distance and sigma of the second, and their usual changes
BOUNDS = ([2.2, 0.03, -2e-3, 3.5, 0.08], [2.6, 0.20, 2e-3, 4.1, 0.50])
SCALE = (0.01, 0.01, 1e-4, 0.05, 0.05)
#: which shell each parameter belongs to
OWNERS = [0, 0, 0, 1, 1]
#: a parameter is held by a bound that it is closer to than this share of its usual change
AT_BOUND = 1e-3
#: step for the curvature, as a share of the usual changes, and the worst condition that it is inverted with
STEP, WORST_CONDITION = 1e-3, 1e12


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
        The fitted density-weighted G(r).
    """

    first: Shell
    second: Shell
    amplitudes: NDArray[np.float64]
    model: NDArray[np.float64]


def fit_reference(operator: PdfOperator, density_weighted_gr: NDArray[np.float64], oxygen: float) -> Reference:
    """Fit the reference PDF with two Si-Si shells, carbon, a known amount of carbonate and a line.

    Distance, spread and skewness of the first shell and distance and spread of the second are searched, amplitudes
    follow by linear least squares (variable projection). The bonds of carbonates, which make up electrolyte and binder,
    lie under those of carbon and silicon; what they add is too like the others to be fitted and is taken from the
    composition instead.

    Parameters
    ----------
    operator : PdfOperator
        From scattering power to density-weighted G(r).
    density_weighted_gr : ndarray, shape (r,)
        Number density times G(r) of the reference state.
    oxygen : float
        Number density of oxygen, 1/angstrom^3.
    """
    problem = _problem(operator, density_weighted_gr, oxygen)
    first, second = SILICON
    start = [first.distance, first.sigma, first.skew, second.distance, second.sigma]
    optimum = least_squares(problem.rest, start, jac=problem.slope, bounds=BOUNDS, x_scale=SCALE)
    amplitudes, _ = problem.solve(optimum.x)
    first, second = _shells(optimum.x)
    model = np.column_stack([_columns(operator, optimum.x), _fixed_columns(operator)]) @ amplitudes
    model += _carbonate(operator, oxygen)
    return Reference(first=first, second=second, amplitudes=amplitudes[:3], model=model)


def fit_reference_pattern(operator: PdfOperator, pattern: NDArray[np.float64], oxygen_share: float) -> Reference:
    """As :func:`fit_reference`, of a pattern in which so many of all atoms are oxygen.

    Parameters
    ----------
    operator : PdfOperator
        From scattering power to density-weighted G(r).
    pattern : ndarray, shape (q,)
        Scattering power of the reference state.
    oxygen_share : float
        Atom fraction of oxygen in the composition.
    """
    return fit_reference(operator, operator.apply(pattern), oxygen_share * float(operator.density(pattern)))


def reference_response(
    operator: PdfOperator, reference: Reference, pattern: NDArray[np.float64], oxygen_share: float
) -> NDArray[np.float64]:
    """Derivatives of the fitted shells by the pattern that they were fitted to.

    At the minimum the gradient g(p, J) of the misfit vanishes, so that ``dp/dJ = -(dg/dp)^-1 dg/dJ`` (implicit function
    theorem). dg/dJ is exact. dg/dp, the curvature with the misfit of the model included, comes from differences of g,
    which is exact too: what Kaufman's Jacobian leaves out is orthogonal to the residuals.

    Parameters
    ----------
    operator : PdfOperator
        From scattering power to density-weighted G(r).
    reference : Reference
        What :func:`fit_reference` found in `pattern`.
    pattern : ndarray, shape (q,)
        Scattering power of the reference state.
    oxygen_share : float
        Atom fraction of oxygen in the composition.

    Returns
    -------
    ndarray, shape (5, q)
        Of distance, sigma and skew of the first shell, and distance and sigma of the second. Zero for a parameter at a
        bound of the fit; NaN if the pattern does not determine them.
    """
    oxygen = oxygen_share * float(operator.density(pattern))
    problem, p = _problem(operator, operator.apply(pattern), oxygen), _parameters(reference)
    free = np.flatnonzero(np.min(np.abs(np.array(BOUNDS) - p), axis=0) > AT_BOUND * np.array(SCALE))
    steps = STEP * np.diag(SCALE)
    curvature = np.stack([problem.gradient(p + step) - problem.gradient(p - step) for step in steps], axis=1)
    curvature /= 2 * STEP
    curvature = curvature[np.ix_(free, free)] * np.array(SCALE)[free, None]
    per_carbonate = shell_pdf(problem.near, ELECTROLYTE) / ELECTROLYTE_OXYGEN
    target_by_pattern = problem.near.matrix - np.outer(per_carbonate, oxygen_share * operator.density_weights)
    response = np.zeros((len(p), len(operator.q)))
    # all at their bounds: there is no silicon to be seen
    if not free.size or not np.linalg.cond(curvature) < WORST_CONDITION:
        return np.full_like(response, np.nan)
    by_target = np.array(SCALE)[free, None] * problem.gradient_by_target(p)[free]
    response[free, operator.used] = -np.array(SCALE)[free, None] * np.linalg.solve(
        curvature, by_target @ target_by_pattern
    )
    return response


def shell_slopes(operator: PdfOperator, reference: Reference) -> NDArray[np.float64]:
    """Change of the density-weighted G(r) of one silicon atom by each fitted parameter of its shells, shape (5, r)."""
    return _slopes(operator, _parameters(reference))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Problem:
    """Least squares of a target, shape (r,), with two silicon shells that may move and columns that may not."""

    near: PdfOperator
    target: NDArray[np.float64]
    fixed: NDArray[np.float64]

    def solve(self, p: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Amplitudes, and the columns that they belong to, shape (r, column)."""
        design = np.column_stack([_columns(self.near, p), self.fixed])
        return np.linalg.lstsq(design, self.target, rcond=None)[0], design

    def rest(self, p: NDArray[Any]) -> NDArray[np.float64]:
        amplitudes, design = self.solve(p)
        return np.asarray(design @ amplitudes - self.target)

    def slope(self, p: NDArray[Any]) -> NDArray[np.float64]:
        """Change of the rest by each parameter that no amplitudes make up for (Kaufman, BIT 15, 49 (1975))."""
        amplitudes, design = self.solve(p)
        moved = (amplitudes[OWNERS] * _slopes(self.near, p).T).reshape(len(self.target), -1)
        basis = np.linalg.qr(design)[0]
        return np.asarray(moved - basis @ (basis.T @ moved))

    def gradient(self, p: NDArray[Any]) -> NDArray[np.float64]:
        """Derivatives of half the squared rest by the parameters."""
        return np.asarray(self.slope(p).T @ self.rest(p))

    def gradient_by_target(self, p: NDArray[Any]) -> NDArray[np.float64]:
        """Derivatives of :meth:`gradient` by the target, shape (parameter, r).

        With the projector P off the columns D, ``g_j = -a_c m_j P y`` for the parameter j that moves column c by m_j
        per unit of its amplitude ``a_c = (D^+ y)_c``.
        """
        _, design = self.solve(p)
        inverse, moved = np.linalg.pinv(design), _slopes(self.near, p)
        projected = moved - (moved @ design) @ inverse
        amplitudes = inverse @ self.target
        return np.asarray(-amplitudes[OWNERS, None] * projected - (projected @ self.target)[:, None] * inverse[OWNERS])


def _problem(operator: PdfOperator, density_weighted_gr: NDArray[Any], oxygen: float) -> _Problem:
    near = operator.within(REFERENCE_RANGE)
    target = density_weighted_gr[between(operator.r, REFERENCE_RANGE)] - _carbonate(near, oxygen)
    return _Problem(near=near, target=target, fixed=_fixed_columns(near))


def _parameters(reference: Reference) -> NDArray[np.float64]:
    first, second = reference.first, reference.second
    return np.array([first.distance, first.sigma, first.skew, second.distance, second.sigma])


def _slopes(operator: PdfOperator, p: NDArray[Any]) -> NDArray[np.float64]:
    """Change of the shells' density-weighted G(r) by each parameter, per unit of amplitude, shape (parameter, r)."""
    first, second = _shells(p)
    of_first, of_second = (shell_derivatives(operator.q, shell, operator.q_broad) for shell in (first, second))
    by_distance, by_variance, by_skew = of_first
    second_distance, second_variance, _ = of_second
    by_sigma, second_sigma = 2 * first.sigma * by_variance, 2 * second.sigma * second_variance
    return operator.apply(np.stack([by_distance, by_sigma, by_skew, second_distance, second_sigma]))


def _shells(p: NDArray[Any]) -> tuple[Shell, Shell]:
    first, second = SILICON
    return replace(first, distance=p[0], sigma=p[1], skew=p[2]), replace(second, distance=p[3], sigma=p[4])


def _columns(operator: PdfOperator, p: NDArray[Any]) -> NDArray[np.float64]:
    return operator.apply(np.stack([shell_pattern(operator.q, shell, operator.q_broad) for shell in _shells(p)])).T


def _fixed_columns(operator: PdfOperator) -> NDArray[np.float64]:
    return np.stack([shell_pdf(operator, CARBON), np.ones_like(operator.r), operator.r], axis=1)


def _carbonate(operator: PdfOperator, oxygen: float) -> NDArray[np.float64]:
    return shell_pdf(operator, ELECTROLYTE) * oxygen / ELECTROLYTE_OXYGEN
