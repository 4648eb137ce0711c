"""Signed template fits of difference PDFs: a bond that moves is not a bond that appears."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .pdf import PdfOperator
from .peaks import between
from .reference import Reference
from .templates import SILICON, SILICON_LITHIUM, shell_derivatives, shell_pattern

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
PARAMETER_UNITS = ("angstrom", "1", "angstrom^2", "angstrom^3", "1", "1", "angstrom", "1/angstrom^2", "1/angstrom^3")
GAUSS_NEWTON_STEPS = 6
#: a shell may not get narrower than this, angstrom
LEAST_SIGMA = 0.02
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
    model : ndarray, shape (r,)
        The fitted difference, in units of H.
    """

    parameters: NDArray[np.float64]
    matrix: NDArray[np.float64]
    model: NDArray[np.float64]

    def covariance(self, covariance: NDArray) -> NDArray[np.float64]:
        """Covariance of the parameters for a covariance (r, r) of the difference, whatever its correlations."""
        return self.matrix @ covariance @ self.matrix.T


def fit_difference(operator: PdfOperator, reference: Reference, difference: NDArray[np.float64]) -> DifferenceFit:
    """Fit H_n - H_1 with the shells of the reference moved, thinned out and broadened, and a Si-Li shell.

    Gauss-Newton steps from no change: the first is the linear estimator (value, derivative and second derivative of the
    peak, Si-Li shell), the others follow it where the shift is no longer small against the width of the peak. The
    points of d(r) are correlated, which enters the covariance of the parameters exactly.
    """
    inside = between(operator.r, DIFFERENCE_RANGE)
    parameters = np.zeros(len(PARAMETERS))
    for _ in range(GAUSS_NEWTON_STEPS):
        model, design = _difference_model(operator, reference, parameters)
        matrix = np.zeros((len(PARAMETERS), len(operator.r)))
        matrix[:, inside] = np.linalg.pinv(design[inside])
        parameters = parameters + matrix @ (difference - model)
    model, _ = _difference_model(operator, reference, parameters)
    return DifferenceFit(parameters=parameters, matrix=matrix, model=model)


def _difference_model(
    operator: PdfOperator, reference: Reference, parameters: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Difference of H(r) for a set of parameters, shape (r,), and its derivatives, shape (r, parameter)."""
    shift, number, broadening, skew, lithium, second_number, second_shift, level, slope = parameters
    q, line = operator.q, np.stack([np.ones_like(operator.r), operator.r])
    silicon = reference.amplitudes[0] * SILICON[0].number / SILICON_COORDINATION
    second_density = reference.amplitudes[1]
    neighbours = SILICON_COORDINATION + number
    sigma = float(np.sqrt(max(reference.first.sigma**2 + broadening, LEAST_SIGMA**2)))
    first = replace(
        reference.first,
        number=1.0,
        distance=reference.first.distance + shift,
        sigma=sigma,
        skew=reference.first.skew + skew,
    )
    second = replace(reference.second, distance=reference.second.distance + second_shift)
    per_neighbour = silicon * shell_pattern(q, first)
    per_lithium = silicon * shell_pattern(q, SILICON_LITHIUM)
    per_second = second_density * shell_pattern(q, second)
    by_distance, by_variance, by_skew = (silicon * neighbours * row for row in shell_derivatives(q, first))
    by_second_distance = second_density * (1 + second_number) * shell_derivatives(q, second)[0]
    before = reference.amplitudes[0] * shell_pattern(q, reference.first)
    before = before + second_density * shell_pattern(q, reference.second)
    after = neighbours * per_neighbour + (1 + second_number) * per_second + lithium * per_lithium
    changes = (by_distance, per_neighbour, by_variance, by_skew, per_lithium, per_second, by_second_distance)
    # one product for all, because the operator is far larger than the patterns
    change, *columns = operator.apply(np.stack([after - before, *changes]))
    return change + np.array([level, slope]) @ line, np.stack([*columns, *line], axis=1)
