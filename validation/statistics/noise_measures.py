"""What error bars are worth: closed forms, scatter over errors, and scatter that is larger than its errors."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from .windows import CHANCE

#: noise of one voxel in units of sigma_ray / (step sqrt(views)), Ram-Lak filter with linear interpolation; Monte Carlo
VOXEL_FACTOR = 0.626
#: voxels of filtered back-projection that count as one independent voxel: neighbours scatter together (between 1.6 and
#: 1.8 for 36 to 90 views, from the sum of squared correlations)
PER_INDEPENDENT = 1.8
#: directions in which deviations hardly scatter know nothing: share of the largest variance
LEAST_VARIANCE = 1e-6
#: places of a ray within its row of offsets over which the closed form is averaged
_PLACES = (np.arange(20) + 0.5) / 20 - 0.5


def disc_weights(offset: NDArray, radius: float) -> NDArray[np.float64]:
    """Squared weights of rays in the mean over a disc, by their distance in steps from its centre.

    The ramp-filtered projection of a disc is 1/pi inside and (1 - s / sqrt(s^2 - R^2)) / pi outside; the mean over
    the disc weighs a ray with that over R^2, averaged over the ray's width, and times pi / views.
    """

    def integral(s: NDArray) -> NDArray:
        return np.sign(s) * (np.abs(s) - np.sqrt(np.maximum(s**2 - radius**2, 0.0)))

    place = offset[:, None] + _PLACES
    weight = (integral(place + 0.5) - integral(place - 0.5)) / (np.pi * radius**2)
    return np.mean(weight**2, axis=1)


def disc_error(rays: NDArray, radius: float) -> float:
    """Error of the mean over a disc, times step and root of views, from those of rays by offset (NaN: not measured)."""
    measured, offset = np.isfinite(rays), np.arange(len(rays))
    # rays on both sides of the centre, but one row through it
    sides = np.where(offset == 0, 1.0, 2.0)
    return float(np.sqrt(np.sum((sides * disc_weights(offset, radius))[measured] * rays[measured] ** 2)))


def correlation_of(covariance: NDArray) -> NDArray[np.float64]:
    """Correlation coefficients of a covariance matrix."""
    sigma = np.sqrt(np.diag(covariance))
    return covariance / np.outer(sigma, sigma)


def variance_over_errors(values: NDArray, errors: NDArray) -> NDArray[np.float64]:
    """Variance over the first axis over the mean squared error along it."""
    return values.var(axis=0, ddof=1, dtype=np.float64) / np.mean(errors.astype(np.float64) ** 2, axis=0)


def proven_scale(z: NDArray[np.float64], correlation: NDArray[np.float64] | None) -> float:
    """Factor by which the scatter of deviations is larger than their errors, and not by chance (`CHANCE`).

    By the sum of squares in the directions in which they are independent; by the largest alone, which holds for
    deviations that depend on each other in any way, where their correlations are not known.
    """
    if correlation is None:
        return float(np.max(np.abs(z)) / norm.isf(CHANCE / (2 * z.size)))
    values, vectors = np.linalg.eigh(correlation)
    known = values > LEAST_VARIANCE * values[-1]
    independent = (z @ vectors[:, known]) ** 2 / values[known]
    return float(np.sqrt(independent.sum() / chi2.isf(CHANCE, independent.size)))
