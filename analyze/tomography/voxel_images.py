"""What the steps after a reconstruction ask of its voxels, whether or not images of all channels exist."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pair = tuple[NDArray[np.float32], NDArray[np.float32]]


class VoxelImages(Protocol):
    """Images of all channels of a tile, with their variance, or what stands for them.

    Attributes
    ----------
    region, region_variance : ndarray, shape (q,)
        Mean over the region, and its variance with the correlations of the voxels.
    typical_variance : ndarray, shape (q,)
        Mean variance of a voxel of the region.
    trusted : ndarray of bool, shape (y, x)
        Voxels that truncation moves by less than 5 %.
    """

    @property
    def region(self) -> Array: ...
    @property
    def region_variance(self) -> Array: ...
    @property
    def typical_variance(self) -> Array: ...
    @property
    def trusted(self) -> NDArray[np.bool_]: ...

    def functionals(self, weights: Array, variance_weights: Array) -> Pair:
        """Weighted sums over the channels of every voxel, shape (y, x, functional): of values, and of variances.

        Parameters
        ----------
        weights, variance_weights : ndarray, shape (functional, q)
            Squared weights give the variance of a functional of values.
        """

    def squares(self, weights: Array) -> Array:
        """Weighted sum of the squared channels of every voxel, shape (y, x), by weights of shape (q,)."""

    def patterns(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Pair:
        """Values and variance of all channels of some voxels, shape (voxel, q) each."""

    def mean(self, where: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Mean pattern of the voxels of a mask, and the mean of their variances, shape (q,) each."""

    def volumes(self) -> Pair:
        """Values and variance of all channels of all voxels, shape (y, x, q) each; the variance may be overwritten."""
