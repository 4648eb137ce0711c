"""Answers about voxels that need no image of every channel.

Filtered back-projection is linear in the rays, and so are most questions: a map that is a weighted sum of channels is
the image of the weighted sums of the rays. A tile has thousands of channels and a few dozen such sums; only what is not
linear, or what is asked for as it is, takes images of all channels, a block of them at a time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.prepare.prepare import Sinogram
from tsct.analyze.recipe import Recipe
from tsct.analyze.tomography.fbp import CHANNELS, fbp_variance
from tsct.analyze.tomography.field_of_view import warn_of_gaps
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.reconstruct import reconstructor
from tsct.analyze.tomography.voxel_images import Pair, VoxelImages
from tsct.analyze.tomography.voxel_weights import mean_variance_weights, voxel_weights

from .volume import reconstruct_tile, region_weights, settings_of, trusted_voxels

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RayImages:
    """Images by filtered back-projection that are made of the rays when they are asked for.

    Attributes
    ----------
    sinogram : Sinogram
    geometry : ParallelGeometry
        Where its rays run.
    recipe : Recipe
        Method and settings.
    threads : int
        Blocks of channels are shared among so many.
    region, region_variance, typical_variance, trusted
        As :class:`VoxelImages` has them.
    """

    sinogram: Sinogram
    geometry: ParallelGeometry
    recipe: Recipe
    threads: int
    region: Array
    region_variance: Array
    typical_variance: Array
    trusted: NDArray[np.bool_]

    def functionals(self, weights: Array, variance_weights: Array) -> Pair:
        """See :meth:`VoxelImages.functionals`."""
        lines, variance = self.sinogram.rays.project(weights, variance_weights)
        return self._image(lines), self._variance_image(variance)

    def squares(self, weights: Array) -> Array:
        """See :meth:`VoxelImages.squares`."""
        total = np.zeros((self.geometry.n, self.geometry.n))
        for block in self._blocks():
            if not weights[block].any():
                continue
            image = self._image(self.sinogram.rays.whole(block)[0])
            np.square(image, out=image)
            for first in range(0, image.shape[2], CHANNELS):
                part = slice(first, first + CHANNELS)
                total += image[..., part] @ weights[block][part].astype(np.float32)
        return total

    def patterns(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Pair:
        """See :meth:`VoxelImages.patterns`."""
        rays, recipe = self.sinogram.rays, self.recipe
        values, variance = np.zeros((2, len(rows), rays.shape[2]), dtype=np.float32)
        each = voxel_weights(rows, columns, self.geometry, recipe.filter, padding=recipe.padding)
        for weights, (lines, spread) in zip(each, rays.views(), strict=True):
            values += weights @ lines
            variance += np.square(weights) @ spread
        return values, variance

    def mean(self, where: NDArray[np.bool_]) -> tuple[Array, Array]:
        """See :meth:`VoxelImages.mean`."""
        pattern, _, variance = _means(self.sinogram, self.geometry, self.recipe, where)
        return pattern, variance

    def volumes(self) -> Pair:
        """See :meth:`VoxelImages.volumes`."""
        n, channels = self.geometry.n, self.sinogram.rays.shape[2]
        values, variance = np.empty((n, n, channels), np.float32), np.empty((n, n, channels), np.float32)
        for block in self._blocks():
            lines, spread = self.sinogram.rays.whole(block)
            values[..., block], variance[..., block] = self._image(lines), self._variance_image(spread)
        return values, variance

    def _image(self, lines: NDArray[Any]) -> NDArray[np.float32]:
        return reconstructor(self.recipe.method, settings_of(self.recipe, self.threads))(lines, self.geometry)

    def _variance_image(self, variance: NDArray[Any]) -> NDArray[np.float32]:
        recipe = self.recipe
        return fbp_variance(variance, self.geometry, recipe.filter, padding=recipe.padding, threads=self.threads)

    def _blocks(self) -> list[slice]:
        """Ranges of channels of which images are in memory together: as many as all threads work on."""
        channels, size = self.sinogram.rays.shape[2], CHANNELS * self.threads
        return [slice(first, min(first + size, channels)) for first in range(0, channels, size)]


def voxel_images(
    sinogram: Sinogram, geometry: ParallelGeometry, region: NDArray[np.bool_], recipe: Recipe, *, threads: int = 1
) -> VoxelImages:
    """Images of a corrected sinogram: of the rays when they are asked for, or of all channels in memory.

    Only our own filtered back-projection goes by the rays: its variance and the mean over a region follow from weights
    that are cheap to know.

    Parameters
    ----------
    region : ndarray of bool, shape (y, x)
        Whose mean is followed.
    threads : int
        Blocks of channels are shared among so many.

    Raises
    ------
    UsageError, InputError
        As :func:`~tsct.analyze.volume.make_images`.

    Warns
    -----
    TsctWarning
        If the object leaves the field, or if views are missing.
    """
    if recipe.method != "fbp" or recipe.backend != "tsct":
        return reconstruct_tile(sinogram, geometry, region, recipe, threads=threads)
    total = sinogram.total[..., None]
    warn_of_gaps(total, geometry)
    pattern, pattern_variance, typical = _means(sinogram, geometry, recipe, region)
    return RayImages(
        sinogram=sinogram,
        geometry=geometry,
        recipe=recipe,
        threads=threads,
        region=pattern,
        region_variance=pattern_variance,
        typical_variance=typical,
        trusted=trusted_voxels(total, geometry, recipe.padding),
    )


def _means(
    sinogram: Sinogram, geometry: ParallelGeometry, recipe: Recipe, where: NDArray[np.bool_]
) -> tuple[Array, Array, Array]:
    """Mean pattern of some voxels, its variance, and the mean variance of one of them, shape (q,) each."""
    weights = region_weights(geometry, recipe, where)
    typical = mean_variance_weights(where, geometry, recipe.filter, padding=recipe.padding)
    patterns, variances = sinogram.rays.sum_rays(weights[None], np.stack([weights**2, typical]))
    return patterns[0], variances[0], variances[1]
