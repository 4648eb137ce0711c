"""Typical errors of rays, by how far from a point they pass."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .geometry import ParallelGeometry


def ray_errors(
    variance: NDArray[Any], geometry: ParallelGeometry, centre_voxels: tuple[float, float]
) -> NDArray[np.float32]:
    """Root-mean-square error of the rays by their distance from a point, shape (offset, q).

    Row k holds the rays between k - 1/2 and k + 1/2 steps away; NaN where there are none.

    Parameters
    ----------
    variance : ndarray, shape (angle, translation, q)
        Of the rays.
    geometry : ParallelGeometry
        Where they run.
    centre_voxels : (x, y)
        The point, in voxels from the centre of the image.
    """
    x, y = centre_voxels
    angle = np.radians(geometry.angles_deg)[:, None]
    centre = geometry.voxel_mm * (x * np.cos(angle) + y * np.sin(angle))
    distance = np.abs(np.asarray(geometry.translations_mm) - geometry.axis_mm - centre) / geometry.voxel_mm
    offset = np.rint(distance).astype(int)
    rows = [variance[offset == k].mean(axis=0) if (offset == k).any() else np.nan for k in range(geometry.n)]
    return np.sqrt(np.stack([np.broadcast_to(row, variance.shape[-1]) for row in rows])).astype(np.float32)
