"""Signed template fits of difference PDFs: a bond that moves is not a bond that appears."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from tsct.analyze.pdf.peaks import between
from tsct.analyze.pdf.transform import PdfOperator

from .reference_fit import Reference
from .shells import SILICON, SILICON_LITHIUM, Shell, shell_derivatives, shell_pattern

#: range of the fit, angstrom
DIFFERENCE_RANGE = (1.90, 4.60)
#: what a difference PDF is made of, in the order of the fitted parameters
PARAMETERS = (
    "shift",
    "number",
    "broadening",
    "skew",
    "silicon_lithium",
    "second_shell",
    "second_shift",
    "level",
    "slope",
)
PARAMETER_UNITS = (
    *("angstrom", "1", "angstrom^2", "angstrom^3", "1", "1", "angstrom", "1/angstrom^2", "1/angstrom^3"),
)
STEPS, HALVINGS = 30, 6
#: a step that explains less than this share of what is left is the last
ENOUGH = 1e-6
#: a shell may not get narrower than this, angstrom, nor more skewed than this many times the cube of its spread
LEAST_SIGMA, MOST_SKEW = 0.02, 1.9
#: where the Si-Li shell is looked for: distance and spread, angstrom
LITHIUM_BOUNDS = ((2.6, 0.12), (3.1, 0.30))
#: coordination of pristine amorphous silicon that fixes the scale (Laaziri et al., PRB 60, 13520 (1999), annealed)
SILICON_COORDINATION = 3.88


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceFit:
    """Signed template fit of one difference PDF.

    Attributes
    ----------
    parameters : ndarray, shape (parameter,)
        In the order of PARAMETERS.
    matrix : ndarray, shape (parameter, r)
        Response of the parameters to a small change of d(r), from which their covariance follows.
    lithium_matrix : ndarray, shape (2, r)
        Response of distance and variance of the Si-Li shell, if the distance were fitted too; none of the variance.
    by_lithium : ndarray, shape (parameter, 2)
        Change of the parameters per change of distance and variance of the Si-Li shell.
    distance_by_variance : float
        Change of the Si-Li distance, if it were fitted too, per change of the variance of that shell, 1/angstrom.
    model : ndarray, shape (r,)
        The fitted difference, in units of H.
    """

    parameters: NDArray[np.float64]
    matrix: NDArray[np.float64]
    lithium_matrix: NDArray[np.float64]
    by_lithium: NDArray[np.float64]
    distance_by_variance: float
    model: NDArray[np.float64]

    def covariance(self, covariance: NDArray[Any]) -> NDArray[np.float64]:
        """Covariance of the parameters for a covariance (r, r) of the difference, whatever its correlations."""
        return self.matrix @ covariance @ self.matrix.T


def fit_difference(
    operator: PdfOperator,
    reference: Reference,
    difference: NDArray[np.float64],
    lithium: Shell = SILICON_LITHIUM,
) -> DifferenceFit:
    """Fit H_n - H_1 with the shells of the reference moved, thinned out and broadened, and a Si-Li shell.

    Gauss-Newton steps from no change, halved while they explain less: the first is the linear estimator (value,
    derivative and second derivative of the peak, Si-Li shell), the others follow it where the shift is no longer small
    against the width of the peak. The second shell keeps its width: within the range of the fit, number and width of
    so broad a shell cannot be told apart, and its number is the sign of lost order. The points of d(r) are correlated,
    which enters the covariance of the parameters exactly.

    Parameters
    ----------
    operator : PdfOperator
        From J(Q) to H(r).
    reference : Reference
        Shells of the reference state.
    difference : ndarray, shape (r,)
        H_n - H_1.
    lithium : Shell, optional
        One lithium neighbour of a silicon atom; see :func:`fit_lithium_shell`.
    """
    inside = between(operator.r, DIFFERENCE_RANGE)
    near, target = operator.within(DIFFERENCE_RANGE), difference[inside]

    def left(parameters: NDArray[Any]) -> tuple[float, NDArray[Any], NDArray[Any]]:
        model, design = _difference_model(near, reference, lithium, parameters)
        rest = target - model
        return float(rest @ rest), rest, design

    parameters = np.zeros(len(PARAMETERS))
    size, rest, design = left(parameters)
    for _ in range(STEPS if size > 0 else 0):
        step = np.linalg.lstsq(design[:, : len(PARAMETERS)], rest, rcond=None)[0]
        tries = (left(parameters + step / 2**k) for k in range(HALVINGS))
        k, better = next(((k, tried) for k, tried in enumerate(tries) if tried[0] < size), (0, None))
        if better is None:
            break
        gain = 1 - better[0] / size
        parameters = parameters + step / 2**k
        size, rest, design = better
        if gain < ENOUGH:
            break
    count = len(PARAMETERS)
    matrix, both = np.zeros((count, len(operator.r))), np.zeros((count + 2, len(operator.r)))
    matrix[:, inside] = np.linalg.pinv(design[:, :count])
    # the width of the Si-Li shell is not fitted
    both[:-1, inside] = np.linalg.pinv(design[:, :-1])
    return DifferenceFit(
        parameters=parameters,
        matrix=matrix,
        lithium_matrix=both[count:],
        by_lithium=-matrix[:, inside] @ design[:, count:],
        distance_by_variance=float(-both[count, inside] @ design[:, -1]),
        model=_difference_model(operator, reference, lithium, parameters)[0],
    )


def fit_lithium_shell(operator: PdfOperator, reference: Reference, difference: NDArray[np.float64]) -> Shell:
    """Si-Li shell whose distance leaves least of a strong difference unexplained.

    A Si-Li shell in the wrong place is made up for by the long bonds of silicon next to it: their distance comes out
    up to a fifth too short. Its spread is not fitted, because a wide shell would take the place of those bonds. Weak
    differences cannot tell; they are fitted with the shell of a strong one.

    Parameters
    ----------
    operator, reference, difference
        As in :func:`fit_difference`.
    """
    inside = between(operator.r, DIFFERENCE_RANGE)
    scale = np.sqrt(np.mean(difference[inside] ** 2))

    def rest(p: NDArray[Any]) -> NDArray[np.float64]:
        shell = replace(SILICON_LITHIUM, distance=p[0])
        fit = fit_difference(operator, reference, difference, shell)
        return np.asarray((difference - fit.model)[inside] / scale)

    bounds = [limit[0] for limit in LITHIUM_BOUNDS]
    found = least_squares(rest, [SILICON_LITHIUM.distance], bounds=bounds, x_scale=0.1, diff_step=1e-3, max_nfev=12)
    return replace(SILICON_LITHIUM, distance=float(found.x[0]))


def _difference_model(
    operator: PdfOperator, reference: Reference, lithium: Shell, parameters: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference of H(r), shape (r,), and its derivatives by parameters and Si-Li shell, shape (r, parameter + 2)."""
    shift, number, broadening, skew, lithiums, second_number, second_shift, *line = parameters
    pattern, slopes = (partial(f, operator.q, q_broad=operator.q_broad) for f in (shell_pattern, shell_derivatives))
    lines = np.stack([np.ones_like(operator.r), operator.r])
    silicon = reference.amplitudes[0] * SILICON[0].number / SILICON_COORDINATION
    second_density = reference.amplitudes[1]
    neighbours = SILICON_COORDINATION + number
    first = _changed(replace(reference.first, number=1.0), shift, broadening, skew)
    second = _changed(reference.second, second_shift, 0.0, 0.0)
    per_neighbour, per_lithium = (silicon * pattern(shell) for shell in (first, lithium))
    per_second = second_density * pattern(second)
    before = reference.amplitudes[0] * pattern(reference.first)
    before = before + second_density * pattern(reference.second)
    after = neighbours * per_neighbour + (1 + second_number) * per_second + lithiums * per_lithium
    by_distance, by_variance, by_skew = (silicon * neighbours * row for row in slopes(first))
    by_second = second_density * (1 + second_number) * slopes(second)[0]
    by_lithium = (silicon * lithiums * row for row in slopes(lithium)[:2])
    changes = (by_distance, per_neighbour, by_variance, by_skew, per_lithium, per_second, by_second, *by_lithium)
    # one product for all, because the operator is far larger than the patterns
    change, *columns = operator.apply(np.stack([after - before, *changes]))
    return change + np.asarray(line) @ lines, np.stack([*columns[:-2], *lines, *columns[-2:]], axis=1)


def _changed(shell: Shell, shift: float, broadening: float, skew: float) -> Shell:
    """A shell moved, broadened and skewed, as far as distances can be distributed."""
    sigma = float(np.sqrt(max(shell.sigma**2 + broadening, LEAST_SIGMA**2)))
    most = MOST_SKEW * sigma**3
    return replace(
        shell, distance=shell.distance + shift, sigma=sigma, skew=float(np.clip(shell.skew + skew, -most, most))
    )
