"""Which rays make up single voxels of filtered back-projection, so that a few are known without the image."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .fbp import padded_filter, squared_filter, voxel_samples
from .geometry import ParallelGeometry


def voxel_weights(
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    geometry: ParallelGeometry,
    filter: str = "ramp",
    *,
    padding: int = 0,
) -> Iterator[NDArray[np.float32]]:
    """Weights of the rays of one view after the other in some voxels, shape (voxel, translation), in 1/mm.

    The sum over all views of ``weights @ rays`` is `fbp` at these voxels, that of ``weights**2 @ variance`` their
    variance.

    Parameters
    ----------
    rows, columns : ndarray, shape (voxel,)
        Indices of the voxels.
    geometry, filter, padding
        As in `tsct.analyze.tomography.fbp.fbp_variance`.
    """
    around, exact = padded_filter(geometry, filter, padding)
    kernel = exact.astype(np.float32)
    for lower, part, weight in voxel_samples(rows + padding, columns + padding, around):
        below, above = (weight * share.astype(np.float32)[:, None] for share in (1 - part, part))
        yield below * kernel[lower] + above * kernel[lower + 1]


def mean_variance_weights(
    mask: NDArray[np.bool_], geometry: ParallelGeometry, filter: str = "ramp", *, padding: int = 0
) -> NDArray[np.float64]:
    """Weight of the variance of every ray in the mean variance of the voxels of a region.

    ``fbp_variance(variance)[mask].mean(axis=0)`` equals ``sum(weights[..., None] * variance)`` over rays.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        The region.
    geometry, filter, padding
        As in `tsct.analyze.tomography.fbp.fbp_variance`.

    Returns
    -------
    ndarray of shape (angle, translation), float64
        In 1/mm^2.
    """
    around, kernel = padded_filter(geometry, filter, padding)
    squares, mixed = squared_filter(kernel)
    rows, columns = np.nonzero(mask)
    own, common = np.empty((2, len(geometry.angles_deg), len(kernel)))
    for view, (lower, part, weight) in enumerate(voxel_samples(rows + padding, columns + padding, around)):
        below = np.bincount(lower, (1 - part) ** 2, len(kernel))
        own[view] = weight**2 * (below + np.bincount(lower + 1, part**2, len(kernel)))
        common[view] = weight**2 * np.bincount(lower, part * (1 - part), len(kernel))
    return np.asarray((own @ squares + common @ mixed) / len(rows))
