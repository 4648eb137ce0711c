"""The errors of the levels that all channels and voxels share, which the errors of single ones cannot show.

Counting errors of channels are independent and average out in their sum. A wrong reading of the monitor or of the
transmission moves all channels of a frame together, a wrong axis those of all frames, and a wrong gain of a channel all
voxels.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.tomography.fbp import fbp_weights
from tsct.analyze.tomography.geometry import ParallelGeometry


def frame_noise(transmission: NDArray, air_rays: int) -> float:
    """Relative noise of single readings of the transmission, from rays that miss the sample; NaN if none do.

    Taken from the change between one view and the next, which a sample that sticks out moves least.

    Parameters
    ----------
    transmission : ndarray, shape (angle, translation)
        Of the straight beam.
    air_rays : int
        Translations on each side that see only air.
    """
    if not air_rays or len(transmission) < 2:
        return float("nan")
    air = np.concatenate([transmission[:, :air_rays], transmission[:, -air_rays:]], axis=1)
    return float(np.sqrt(np.nanmean(np.diff(air, axis=0) ** 2) / 2) / np.nanmean(air))


def level_errors(
    lines: NDArray,
    variance: NDArray,
    geometry: ParallelGeometry,
    region: NDArray[np.bool_],
    responses: NDArray[np.float64],
    *,
    gains: NDArray[np.float64],
    noise: float,
    axis_error_mm: float,
) -> NDArray[np.float64]:
    """Relative standard errors of quantities of a region, by filtered back-projection, shape (quantity,).

    Four parts: counting; gains of channels; monitor and transmission, each read once a frame with the same noise; the
    axis. That a wrong transmission also enters through the attenuation map, which takes part of its effect back, is
    left out: where these readings are the largest part, the error comes out 13 % too large. Gains of translations are
    left out, too.

    Parameters
    ----------
    lines, variance : ndarray, shape (angle, translation, q)
        Line integrals and their counting variance.
    geometry : ParallelGeometry
        Where the rays run.
    region : ndarray of bool, shape (y, x)
        Whose mean is meant.
    responses : ndarray, shape (quantity, q)
        Derivatives of the quantities by the pattern of the region. Twice the pattern must be twice the quantity.
    gains : ndarray, shape (q,)
        Variance of the region's pattern by the gains of the channels.
    noise : float
        See :func:`frame_noise`; where it is not known, nor are the errors.
    axis_error_mm : float
        Standard error of the axis.
    """
    weights = responses.T.astype(lines.dtype)
    rays, counting = (lines @ weights).astype(np.float64), (variance @ weights**2).astype(np.float64)
    shares = fbp_weights(region, geometry)[..., None]
    moved = fbp_weights(region, replace(geometry, axis_mm=geometry.axis_mm + axis_error_mm))[..., None]
    rays_alone = (0, 1)
    level, by_axis = np.sum(shares * rays, rays_alone), np.sum((moved - shares) * rays, rays_alone)
    by_frames = np.sum(shares**2 * (counting + 2 * (noise * rays) ** 2), rays_alone)
    return np.asarray(np.sqrt(by_frames + by_axis**2 + responses**2 @ gains) / np.abs(level))
