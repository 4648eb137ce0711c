"""What changes from state to state: difference PDFs, signed template fits, lobes and onset potentials."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from .pdf import PdfOperator
from .templates import CARBON, ELECTROLYTE, SILICON, SILICON_LITHIUM, Shell, shell_pdf

#: range of the reference fit and of the difference fit, angstrom
REFERENCE_RANGE = (1.15, 4.60)
DIFFERENCE_RANGE = (1.90, 4.60)
#: what a difference PDF is made of, in the order of the fitted parameters
PARAMETERS = ("shift", "number", "broadening", "silicon_lithium", "second_shell", "second_shift", "level", "slope")
PARAMETER_UNITS = ("angstrom", "1", "angstrom^2", "1", "1", "angstrom", "1/angstrom^2", "1/angstrom^3")
GAUSS_NEWTON_STEPS = 6
#: coordination of pristine amorphous silicon that fixes the scale (Laaziri et al., PRB 60, 13520 (1999), annealed)
SILICON_COORDINATION = 3.88


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The fitted PDF of the reference state.

    Attributes
    ----------
    first, second : Shell
        First and second Si-Si shell with fitted distance and spread.
    amplitudes : ndarray
        Number densities (1/angstrom^3) of silicon by its first and by its second shell, of carbon and of electrolyte molecules.
    model : ndarray, shape (r,)
        The fitted H(r).
    """

    first: Shell
    second: Shell
    amplitudes: NDArray[np.float64]
    model: NDArray[np.float64]


def fit_reference(operator: PdfOperator, h: NDArray[np.float64]) -> Reference:
    """Fit the reference PDF H(r) with two Si-Si shells of free distance and spread, carbon, electrolyte and a line.

    Variable projection: distances and spreads are searched, amplitudes follow by linear least squares.
    """
    inside = _between(operator.r, REFERENCE_RANGE)
    fixed = [shell_pdf(operator, shells) for shells in (CARBON, ELECTROLYTE)]
    line = [np.ones_like(operator.r), operator.r]

    def shells(p: NDArray) -> tuple[Shell, Shell]:
        first, second = SILICON
        return replace(first, distance=p[0], sigma=p[1]), replace(second, distance=p[2], sigma=p[3])

    def solve(p: NDArray) -> tuple[NDArray, NDArray]:
        design = np.stack([*(shell_pdf(operator, [shell]) for shell in shells(p)), *fixed, *line], axis=1)
        amplitudes = np.linalg.lstsq(design[inside], h[inside], rcond=None)[0]
        return amplitudes, design @ amplitudes

    start = [value for shell in SILICON for value in (shell.distance, shell.sigma)]
    bounds = ([2.2, 0.03, 3.5, 0.08], [2.6, 0.20, 4.1, 0.50])
    found = least_squares(lambda p: (solve(p)[1] - h)[inside], start, bounds=bounds, x_scale=[0.01, 0.01, 0.05, 0.05])
    amplitudes, model = solve(found.x)
    first, second = shells(found.x)
    return Reference(first=first, second=second, amplitudes=amplitudes[:4], model=model)


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
    inside = _between(operator.r, DIFFERENCE_RANGE)
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
    shift, number, broadening, lithium, second_number, second_shift, level, slope = parameters
    silicon = reference.amplitudes[0] * SILICON[0].number / SILICON_COORDINATION
    second_density = reference.amplitudes[1]
    variance = max(reference.first.sigma**2 + broadening, 0.02**2)
    first = replace(reference.first, distance=reference.first.distance + shift, sigma=float(np.sqrt(variance)))
    second = replace(reference.second, distance=reference.second.distance + second_shift)
    neighbours = SILICON_COORDINATION + number
    per_neighbour = shell_pdf(operator, [replace(first, number=1.0)]) * silicon
    second_pdf = shell_pdf(operator, [second]) * second_density
    lithium_pdf = shell_pdf(operator, [SILICON_LITHIUM]) * silicon
    before = reference.amplitudes[0] * shell_pdf(operator, [reference.first])
    before = before + second_density * shell_pdf(operator, [reference.second])
    line = np.stack([np.ones_like(operator.r), operator.r])
    after = neighbours * per_neighbour + (1 + second_number) * second_pdf + lithium * lithium_pdf
    per_shift = _derivative(operator, replace(first, number=1.0), "distance", 1e-3) * silicon * neighbours
    per_broadening = _derivative(operator, replace(first, number=1.0), "variance", 1e-4) * silicon * neighbours
    per_second_shift = _derivative(operator, second, "distance", 5e-3) * second_density * (1 + second_number)
    columns = (per_shift, per_neighbour, per_broadening, lithium_pdf, second_pdf, per_second_shift, *line)
    return after - before + np.array([level, slope]) @ line, np.stack(columns, axis=1)


def _derivative(operator: PdfOperator, shell: Shell, by: str, step: float) -> NDArray[np.float64]:
    """Central difference of a shell's H(r) by its distance or its variance."""

    def moved(sign: float) -> NDArray[np.float64]:
        if by == "distance":
            return shell_pdf(operator, [replace(shell, distance=shell.distance + sign * step)])
        return shell_pdf(operator, [replace(shell, sigma=float(np.sqrt(shell.sigma**2 + sign * step)))])

    return (moved(1) - moved(-1)) / (2 * step)


def extremum(r: NDArray, curve: NDArray, low: float, high: float, sign: float) -> tuple[float, float]:
    """Position and height of the highest (`sign` 1) or lowest (-1) local extremum between two distances.

    Refined by the parabola through three points; NaN where the curve has no extremum inside.
    """
    inside = np.flatnonzero((r > low) & (r < high))
    inner = inside[(inside > 0) & (inside < len(r) - 1)]
    y = sign * curve
    peaks = inner[(y[inner] >= y[inner - 1]) & (y[inner] > y[inner + 1])]
    if not len(peaks):
        return float("nan"), float("nan")
    top = peaks[np.argmax(y[peaks])]
    before, at, after = y[top - 1 : top + 2]
    offset = 0.5 * (before - after) / (before - 2 * at + after)
    return float(r[top] + offset * (r[1] - r[0])), float(sign * (at - 0.25 * (before - after) * offset))


def _between(r: NDArray, limits: tuple[float, float]) -> NDArray[np.bool_]:
    return (r >= limits[0]) & (r <= limits[1])
