"""Typical errors of rays, by how far from a point they pass."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .geometry import ParallelGeometry


def ray_errors(
    variance: Iterable[NDArray[Any]], geometry: ParallelGeometry, centre_voxels: tuple[float, float]
) -> NDArray[np.float32]:
    """Root-mean-square error of the rays by their distance from a point, shape (offset, q).

    Row k holds the rays between k - 1/2 and k + 1/2 steps away; NaN where there are none.

    Parameters
    ----------
    variance : iterable of ndarray, shape (translation, q)
        Of the rays of each view.
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
    number = np.bincount(offset.ravel(), minlength=geometry.n)

    def by_offset(at: NDArray[Any], view: NDArray[Any]) -> NDArray[Any]:
        return csr_matrix((np.ones(at.size), (at, np.arange(at.size))), shape=(len(number), at.size)) @ view

    # a view is used and left before the next is made
    total = reduce(np.add, (by_offset(*pair) for pair in zip(offset, variance, strict=True)))
    mean = np.full((geometry.n, total.shape[-1]), np.nan)
    passed = number[: geometry.n] > 0
    mean[passed] = total[: geometry.n][passed] / number[: geometry.n][passed, None]
    return np.sqrt(mean).astype(np.float32)
