"""What is read off curves: ghosts, order at long distance, residuals, stretch of the axis, slopes of series."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from tsct.analyze.pdf import between, extremum
from tsct.validation.evidence.check import NotRunError

#: where order at long distance is looked for, and the peak that it is measured by, angstrom
FAR, NEAR = (7.0, 12.0), 2.4
#: states with a smaller true shift than this (angstrom) are left out of the slope of the lobes
LEAST_SHIFT = 0.004


def ghost(r: NDArray, gr: NDArray, limits: tuple[float, float]) -> tuple[float, float]:
    """Position and prominence of the most prominent maximum between two distances.

    NaN and 0 where there is none, NaN and NaN where the curve is not finite.
    """
    if not np.all(np.isfinite(gr)):
        return float("nan"), float("nan")
    near = (r > 0.5) & (r < 2.2)
    tops, properties = find_peaks(gr[near], prominence=0.0)
    positions = r[near][tops]
    inside = (positions >= limits[0]) & (positions <= limits[1])
    if not inside.any():
        return float("nan"), 0.0
    best = np.argmax(np.where(inside, properties["prominences"], -1.0))
    step = r[1] - r[0]
    position, _ = extremum(r, gr, positions[best] - 1.5 * step, positions[best] + 1.5 * step, 1.0)
    return position, float(properties["prominences"][best])


def far_over_near(r: NDArray, gr: NDArray) -> float:
    """Largest \\|G\\| from 7 to 12 A over G(2.4); raises :class:`NotRunError` where the curve ends before 7 A."""
    far = between(r, FAR)
    if not far.any():
        raise NotRunError("G(r) ends before 7 A")
    return float(np.max(np.abs(gr[far])) / gr[np.argmin(np.abs(r - NEAR))])


def weighted_residual(recovered: NDArray, true: NDArray) -> float:
    """R_w with equal weights, sqrt(sum (recovered - true)^2 / sum true^2)."""
    return float(np.sqrt(np.sum((recovered - true) ** 2) / np.sum(true**2)))


def stretch(r: NDArray, recovered: NDArray, true: NDArray, covariance: NDArray) -> tuple[float, float, float]:
    """Stretch of the r axis of a curve and its standard error, both in per cent, and the height of the curve.

    The height is left free: one Gauss-Newton step from no stretch.
    """
    response = np.linalg.pinv(np.stack([true, r * np.gradient(true, r)], axis=1))
    height, change = response @ recovered
    error = 100 * np.sqrt(response[1] @ covariance @ response[1]) / height
    return float(-100 * change / height), float(error), float(height)


def lobe_slope(shift: NDArray, low: NDArray, high: NDArray) -> tuple[float, int]:
    """Slope of the middle between two lobes on the true shift, and the number of states in it.

    Raises :class:`NotRunError` where fewer than two states have both.
    """
    middle = (low + high) / 2
    use = (shift >= LEAST_SHIFT) & np.isfinite(middle)
    if np.count_nonzero(use) < 2:
        raise NotRunError("fewer than two states have lobes and a shift")
    return float(np.polyfit(shift[use], middle[use], 1)[0]), int(use.sum())
