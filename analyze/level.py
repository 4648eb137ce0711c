"""The error of the level that all channels share, which the errors of single channels cannot show.

Counting errors of channels are independent and average out in their sum. A wrong reading of the monitor or of the
transmission moves all channels of a frame together, and a wrong axis those of all frames.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .fbp import fbp_weights
from .geometry import ParallelGeometry
from .pdf import PdfOperator


def frame_noise(transmission: NDArray, air_rays: int) -> float:
    """Relative noise of single readings of the transmission, from rays that miss the sample; zero if none do.

    Taken from the change between one view and the next, which a sample that sticks out moves least.

    Parameters
    ----------
    transmission : ndarray, shape (angle, translation)
        Of the straight beam.
    air_rays : int
        Translations on each side that see only air.
    """
    if not air_rays:
        return 0.0
    air = np.concatenate([transmission[:, :air_rays], transmission[:, -air_rays:]], axis=1)
    return float(np.sqrt(np.nanmean(np.diff(air, axis=0) ** 2) / 2) / np.nanmean(air))


def level_error(
    lines: NDArray,
    variance: NDArray,
    geometry: ParallelGeometry,
    region: NDArray[np.bool_],
    operator: PdfOperator,
    *,
    noise: float,
    axis_error_mm: float,
) -> float:
    """Relative standard error of the number density of a region, by filtered back-projection.

    Three parts: counting; monitor and transmission, each read once a frame with the same noise; the axis. That a wrong
    transmission also enters through the attenuation map, which takes part of its effect back, is left out: where these
    readings are the largest part, the error comes out 13 % too large.

    Parameters
    ----------
    lines, variance : ndarray, shape (angle, translation, q)
        Line integrals and their counting variance.
    geometry : ParallelGeometry
        Where the rays run.
    region : ndarray of bool, shape (y, x)
        Whose mean is meant.
    operator : PdfOperator
        From I(Q) to the number density.
    noise : float
        See :func:`frame_noise`.
    axis_error_mm : float
        Standard error of the axis.
    """
    weights = operator.density_weights
    rays, counting = lines[..., operator.used] @ weights, variance[..., operator.used] @ weights**2
    shares = fbp_weights(region, geometry)
    moved = fbp_weights(region, replace(geometry, axis_mm=geometry.axis_mm + axis_error_mm))
    level, by_axis = np.sum(shares * rays), np.sum((moved - shares) * rays)
    total = np.sum(shares**2 * (counting + 2 * (noise * rays) ** 2)) + by_axis**2
    return float(np.sqrt(total) / abs(level))
