"""Images of all channels of a tile, with the variance of every voxel and of the mean over a region."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.prepare.prepare import Sinogram
from tsct.analyze.prepare.self_absorption import Absorption, voxel_absorption
from tsct.analyze.recipe import Recipe
from tsct.analyze.recipe.methods import ITERATIONS, Settings
from tsct.analyze.tomography.fbp import fbp_variance, fbp_weights
from tsct.analyze.tomography.field_of_view import EDGE_SIGNAL, edge_signal, trusted_mask, warn_of_gaps
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.reconstruct import drawn_rays, is_linear, reconstruct_variance, reconstructor
from tsct.analyze.tomography.sirt_variance import sirt_rows
from tsct.analyze.tomography.voxel_images import Pair

#: makes images of rays (angle, translation, channel), given which channels of the tile they are
Maker = Callable[[NDArray[np.float32], NDArray[np.intp]], NDArray[np.float32]]
#: channels that are drawn anew where the variance has no exact rule, and how many neighbours are averaged
DRAWN_CHANNELS, NEIGHBOURS = 64, 9
#: methods that refuse negative rays, which then count as zero
POSITIVE = ("mlem", "osem")
#: where nothing is known of what lies beyond the field: it sticks out by this share of its width on either side
BEYOND = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """Reconstructed channels, in memory, and what is asked of them; :class:`VoxelImages` says how.

    Attributes
    ----------
    values, variance : ndarray, shape (y, x, channel)
        Densities and their variance.
    region : ndarray, shape (channel,)
        Mean over the region.
    region_variance : ndarray, shape (channel,)
        Its variance, the correlations of the voxels included.
    typical_variance : ndarray, shape (channel,)
        Mean variance of a voxel of the region.
    trusted : ndarray of bool, shape (y, x)
        Voxels that truncation moves by less than 5 %; all if the object lies inside the field.
    """

    values: NDArray[np.float32]
    variance: NDArray[np.float32]
    region: NDArray[np.float64]
    region_variance: NDArray[np.float64]
    typical_variance: NDArray[np.float64]
    trusted: NDArray[np.bool_]

    def functionals(self, weights: NDArray[np.float64], variance_weights: NDArray[np.float64]) -> Pair:
        """See :meth:`VoxelImages.functionals`."""
        return _sums(self.values, weights), _sums(self.variance, variance_weights)

    def squares(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """See :meth:`VoxelImages.squares`."""
        return np.stack([np.square(row, dtype=np.float64) @ weights for row in self.values])

    def patterns(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Pair:
        """See :meth:`VoxelImages.patterns`."""
        return self.values[rows, columns], self.variance[rows, columns]

    def mean(self, where: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See :meth:`VoxelImages.mean`."""
        return self.values[where].mean(axis=0, dtype=np.float64), self.variance[where].mean(axis=0, dtype=np.float64)

    def volumes(self) -> Pair:
        """See :meth:`VoxelImages.volumes`."""
        return self.values, self.variance.copy()


def _sums(images: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Weighted sums over channels, in double precision row by row."""
    sums = np.empty((*images.shape[:2], len(weights)), dtype=np.float32)
    for row, image in zip(sums, images, strict=True):
        row[...] = image.astype(np.float64) @ weights.T
    return sums


def reconstruct_tile(
    sinogram: Sinogram, geometry: ParallelGeometry, region: NDArray[np.bool_], recipe: Recipe, *, threads: int = 1
) -> Images:
    """Images of a corrected sinogram; see :func:`make_images`."""
    absorption = None
    if recipe.absorption_per_voxel:
        absorption = voxel_absorption(sinogram.attenuation, sinogram.channels, geometry)
    rays = sinogram.lines, sinogram.variance, geometry
    return make_images(*rays, recipe, region, absorption=absorption, threads=threads)


def make_images(
    lines: NDArray[np.float32],
    variance: NDArray[np.float32],
    geometry: ParallelGeometry,
    recipe: Recipe,
    region: NDArray[np.bool_],
    *,
    absorption: Absorption | None = None,
    threads: int = 1,
) -> Images:
    """Reconstruct all channels of a tile with their noise.

    The variance is exact where the method is linear in the rays. Otherwise `recipe.draws` noisy sinograms of some of
    the channels are reconstructed; what their scatter is over that of filtered back-projection varies slowly with Q,
    and multiplies the exact variance of the latter in all channels.

    Parameters
    ----------
    lines, variance : ndarray, shape (angle, translation, channel)
        Line integrals and their variance.
    geometry : ParallelGeometry
        Where the rays run.
    recipe : Recipe
        Method and settings. "mlem" and "osem" see zero instead of negative rays.
    region : ndarray of bool, shape (y, x)
        Whose mean is followed.
    absorption : Absorption, optional
        Enters the operator; the lines are corrected for its mean over each ray all the same.
    threads : int, optional
        Blocks of channels are shared among this many threads.

    Raises
    ------
    UsageError, InputError
        As in `tsct.analyze.tomography.reconstruct.reconstruct`.

    Warns
    -----
    TsctWarning
        If the object leaves the field, or if views are missing.
    """
    rays = np.maximum(lines, 0.0) if recipe.method in POSITIVE else lines
    make = _maker(geometry, recipe, absorption, threads)
    warn_of_gaps(rays, geometry)
    values = make(rays, np.arange(rays.shape[2]))
    if absorption is None and _is_exact(recipe):
        spread = reconstruct_variance(rays, variance, geometry, recipe.method, **recipe.settings, threads=threads)
        weights = region_weights(geometry, recipe, region)
        of_region = np.einsum("at,atq->q", weights**2, variance)
    else:
        spread, of_region = _drawn(rays, variance, geometry, recipe, region, make, threads)
    return Images(
        values=values,
        variance=spread,
        region=values[region].mean(axis=0, dtype=np.float64),
        region_variance=of_region,
        typical_variance=spread[region].mean(axis=0, dtype=np.float64),
        trusted=trusted_voxels(lines, geometry, recipe.padding),
    )


def pdfs_of_rays(
    sinogram: Sinogram, operator: PdfOperator, geometry: ParallelGeometry, recipe: Recipe, *, threads: int = 1
) -> NDArray[np.float32]:
    """Density-weighted G(r) of all voxels, shape (y, x, r), by a linear method: reconstructed before it is transformed.

    G(r) at a thousand distances holds about ``q_max r_max / pi`` independent numbers. The rays are projected onto as
    many patterns, these sums are reconstructed, and G(r) is put together from their images.
    """
    to_numbers, to_distances = operator.independent_parts()
    lines, _ = sinogram.rays.project(to_numbers, to_numbers[:0])
    numbers = reconstructor(recipe.method, settings_of(recipe, threads))(lines.astype(np.float32), geometry)
    expand = to_distances.T.astype(np.float32)
    pdfs = np.empty((*numbers.shape[:2], expand.shape[1]), dtype=np.float32)
    for row, image in zip(pdfs, numbers, strict=True):
        np.matmul(image, expand, out=row)
    return pdfs


def _is_exact(recipe: Recipe) -> bool:
    linear = is_linear(recipe.method, recipe.backend, recipe.nonnegative)
    return linear and (recipe.method == "fbp" or not recipe.padding)


def _maker(geometry: ParallelGeometry, recipe: Recipe, absorption: Absorption | None, threads: int) -> Maker:
    """Images of rays, of which it is said which channels of the tile they are.

    Absorption changes slowly with the scattering angle: images with the operators of the two nearest nodes are mixed.
    """
    settings = settings_of(recipe, threads)
    if absorption is None:
        run = reconstructor(recipe.method, settings)
        return lambda rays, _: run(rays, geometry)
    nodes = [reconstructor(recipe.method, replace(settings, transmission=share)) for share in absorption.voxels]

    def mixed(lines: NDArray[np.float32], channels: NDArray[np.intp]) -> NDArray[np.float32]:
        total = np.zeros((geometry.n, geometry.n, len(channels)), dtype=np.float32)
        for run, rays, share in zip(nodes, absorption.rays, absorption.shares[:, channels], strict=True):
            some = np.flatnonzero(share)
            if len(some):
                # lines were divided by the mean factor of their own angle, and are weakened by that of the node
                total[..., some] += share[some] * run(lines[..., some] * rays[..., None], geometry)
        return total

    return mixed


def settings_of(recipe: Recipe, threads: int) -> Settings:
    """What the method of a recipe is told."""
    return Settings(**recipe.settings, threads=threads if recipe.backend == "tsct" else 1)


def region_weights(geometry: ParallelGeometry, recipe: Recipe, region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weight of every ray in the mean of the region, shape (angle, translation)."""
    if recipe.method == "sirt":
        mean = (region / np.count_nonzero(region)).astype(np.float32).reshape(-1, 1)
        weights = sirt_rows(geometry, recipe.iterations or ITERATIONS["sirt"])(mean)
        return weights.astype(np.float64).reshape(-1, geometry.n)
    return fbp_weights(region, geometry, recipe.filter, padding=recipe.padding)


def _drawn(
    rays: NDArray[np.float32],
    variance: NDArray[np.float32],
    geometry: ParallelGeometry,
    recipe: Recipe,
    region: NDArray[np.bool_],
    make: Maker,
    threads: int,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Variance of voxels and of the region's mean from the scatter of drawn images over that of back-projection."""
    channels = rays.shape[2]
    chosen = np.unique(np.linspace(0, channels - 1, min(channels, DRAWN_CHANNELS)).round().astype(int))
    some, spread = rays[..., chosen], variance[..., chosen]
    draws = drawn_rays(some, spread, geometry, recipe.method, draws=recipe.draws)
    drawn = np.stack([make(drawn, chosen) for drawn in draws])
    linear = fbp_variance(variance, geometry, threads=threads)
    regional = np.einsum("at,atq->q", fbp_weights(region, geometry) ** 2, variance)
    ratio = drawn.var(axis=0, ddof=1) / linear[..., chosen]
    of_region = drawn[:, region].mean(axis=1, dtype=np.float64).var(axis=0, ddof=1) / regional[chosen]
    return linear * _along(ratio, chosen, channels), regional * _along(of_region, chosen, channels)


def _along(ratio: NDArray[Any], chosen: NDArray[np.intp], channels: int) -> NDArray[Any]:
    """Ratios of the chosen channels, averaged over neighbours, at all channels by linear interpolation."""
    smooth = uniform_filter1d(ratio, min(NEIGHBOURS, len(chosen)), axis=-1, mode="nearest")
    if len(chosen) == 1:
        return np.repeat(smooth, channels, axis=-1)
    at = np.arange(channels)
    right = np.clip(np.searchsorted(chosen, at), 1, len(chosen) - 1)
    share = ((at - chosen[right - 1]) / (chosen[right] - chosen[right - 1])).astype(ratio.dtype)
    return smooth[..., right - 1] * (1 - share) + smooth[..., right] * share


def trusted_voxels(lines: NDArray[Any], geometry: ParallelGeometry, padding: int) -> NDArray[np.bool_]:
    """Voxels that truncation moves by less than 5 %, shape (y, x); all if the object lies inside the field."""
    if edge_signal(lines) <= EDGE_SIGNAL:
        return np.ones((geometry.n, geometry.n), dtype=bool)
    # `padded` is about right with one and a half times as many bins as the object sticks out by
    beyond = padding / 1.5 if padding else BEYOND * geometry.n
    half = (geometry.translations_mm[-1] - geometry.translations_mm[0]) / 2
    return trusted_mask(geometry, half + beyond * geometry.step_mm, padding=padding)
