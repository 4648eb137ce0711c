"""Filtered back-projection of many channels at once, with its exact noise.

Every voxel is a fixed linear combination of the rays, so its variance follows from theirs without approximation. Rays
outside the translation range count as zero, and their filtered values are kept. This is right if the object lies inside
the field, also for voxels, such as those in the corners, whose rays leave the field at some angles.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from tsct.analyze.recipe.methods import FILTERS
from tsct.records.errors import InputError, UsageError, nearest

from .geometry import ParallelGeometry
from .padding import folded, widened

#: Channels and views worked on at once, such that what a core touches stays in its caches
CHANNELS, VIEWS = 128, 64
TILE = 16


def fbp(
    sinogram: ArrayLike, geometry: ParallelGeometry, filter: str = "ramp", *, threads: int = 1
) -> NDArray[np.float32]:
    """Reconstruct images from a parallel-beam sinogram by filtered back-projection.

    Band-limited discrete ramp kernel (Kak and Slaney, Principles of Computerized Tomographic Imaging, IEEE Press 1988,
    eq. 61 of chapter 3) times an optional window, linear interpolation of the filtered rays, views weighted by
    `ParallelGeometry.angle_weights`.

    Parameters
    ----------
    sinogram : array_like of shape (angle, translation, channel)
        Line integrals in u mm. Fastest as float32 with contiguous channels.
    geometry : ParallelGeometry
        Where the rays run; its docstring states orientation and sign.
    filter : {"ramp", "cosine", "hamming", "hann"}
        Window on the ramp. "ramp" keeps the resolution, "hann" gives up half of it and damps the noise most.
    threads : int, optional
        Blocks of channels are shared among this many threads. The result does not depend on it.

    Returns
    -------
    ndarray of shape (y, x, channel), float32
        Densities in u.

    Raises
    ------
    InputError
        If the sinogram does not match the geometry or holds values that are not finite.
    UsageError
        If the filter is unknown.
    """
    sinogram = _checked(sinogram, geometry, "fbp: sinogram")
    kernel = _filter_matrix(geometry, filter).astype(np.float32)
    return _reconstruct(sinogram, geometry, [kernel], _add_views, threads)


def fbp_variance(
    variance: ArrayLike, geometry: ParallelGeometry, filter: str = "ramp", *, padding: int = 0, threads: int = 1
) -> NDArray[np.float32]:
    """Variance of every voxel of `fbp` for independent rays of known variance.

    The weight of ray s' in a voxel at fraction t between samples s and s + 1 of a view is
    ``w [(1 - t) h(s - s') + t h(s + 1 - s')]``; the squares of both terms and their product are filtered apart and
    added, so that nothing is neglected except the covariance between voxels, for which see `fbp_weights`.

    Parameters
    ----------
    variance : array_like of shape (angle, translation, channel)
        Variance of the line integrals in (u mm)^2, finite and not negative.
    geometry, filter, threads
        As in `fbp`.
    padding : int, optional
        Bins that are added to the rays on either side, see `tsct.analyze.tomography.padding.padded`. They repeat the
        outermost ray, which is taken as one with its copies.

    Returns
    -------
    ndarray of shape (y, x, channel), float32
        Variance of the densities in u^2.

    Raises
    ------
    InputError, UsageError
        As in `fbp`, and for negative variances.
    """
    variance = _checked(variance, geometry, "fbp_variance: variance")
    if variance.size and variance.min() < 0.0:
        raise InputError("fbp_variance: variance holds negative values; variances are squares of standard deviations")
    around, kernel = padded_filter(geometry, filter, padding)
    squares = [square.astype(np.float32) for square in squared_filter(kernel)]
    image = _reconstruct(variance, around, squares, _add_variances, threads)
    inner = slice(padding, padding + geometry.n)
    return np.ascontiguousarray(image[inner, inner])


def fbp_weights(
    mask: ArrayLike, geometry: ParallelGeometry, filter: str = "ramp", *, padding: int = 0
) -> NDArray[np.float64]:
    """Weight of every ray in the mean of `fbp` over a region.

    ``fbp(sinogram)[mask].mean(axis=0)`` equals ``sum(weights[..., None] * sinogram)`` over rays, so the variance of the
    regional mean is ``sum(weights**2 * variance)``, with the anti-correlation of the voxels included.

    Parameters
    ----------
    mask : array_like of shape (y, x), bool
        The region; at least one voxel.
    geometry, filter, padding
        As in `fbp_variance`.

    Returns
    -------
    ndarray of shape (angle, translation), float64
        Weights in 1/mm.

    Raises
    ------
    InputError
        If the mask is empty or does not match the geometry.
    UsageError
        If the filter is unknown.
    """
    rows, columns = _voxels(mask, geometry)
    around, kernel = padded_filter(geometry, filter, padding)
    back_projected = np.empty((len(geometry.angles_deg), len(kernel)))
    for view, (lower, part, _) in enumerate(voxel_samples(rows + padding, columns + padding, around)):
        back_projected[view] = np.bincount(lower, 1.0 - part, len(kernel))
        back_projected[view] += np.bincount(lower + 1, part, len(kernel))
    return geometry.angle_weights[:, None] / rows.size * (back_projected @ kernel)


def _voxels(mask: ArrayLike, geometry: ParallelGeometry) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of a mask that must fit the image."""
    mask = np.asarray(mask, dtype=bool)
    if mask.shape != (geometry.n, geometry.n) or not mask.any():
        raise InputError(
            f"fbp_weights: mask of shape {mask.shape} must select voxels of a {geometry.n} x {geometry.n} image"
        )
    rows, columns = np.nonzero(mask)
    return rows, columns


def padded_filter(
    geometry: ParallelGeometry, filter: str, padding: int
) -> tuple[ParallelGeometry, NDArray[np.float64]]:
    """Geometry of the padded image, and the matrix (sample, measured ray) that pads and filters a view."""
    around = widened(geometry, padding) if padding else geometry
    return around, folded(_filter_matrix(around, filter), padding)


def squared_filter(kernel: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squares of a filter's weights, and twice the products of those of neighbouring samples."""
    mixed = np.zeros_like(kernel)
    mixed[:-1] = 2.0 * kernel[:-1] * kernel[1:]
    return kernel**2, mixed


def _checked(rays: ArrayLike, geometry: ParallelGeometry, name: str) -> NDArray[np.float32]:
    rays = np.ascontiguousarray(rays, dtype=np.float32)
    expected = (len(geometry.angles_deg), geometry.n)
    if rays.ndim != 3 or rays.shape[:2] != expected:
        raise InputError(
            f"{name} has shape {rays.shape}; the geometry asks for (angle, translation, channel) = "
            f"({expected[0]}, {expected[1]}, any); a single channel is `array[..., None]`"
        )
    if not np.isfinite(rays).all():
        raise InputError(f"{name} holds values that are not finite; fill or drop them first, one would spoil its image")
    return rays


def _ramp(samples: ArrayLike) -> NDArray[np.float64]:
    """Band-limited ramp at `samples` steps from the ray, times the square of the step; 1/4 at zero."""
    samples = np.asarray(samples, dtype=np.float64)
    return np.sinc(samples) / 2 - np.sinc(samples / 2) ** 2 / 4


def _first_sample(geometry: ParallelGeometry) -> tuple[int, int]:
    """Index of the first filtered sample that the image needs, and how many; the rays have indices 0 to n - 1."""
    axis = (geometry.axis_mm - geometry.translations_mm[0]) / geometry.step_mm
    reach = (geometry.n - 1) / np.sqrt(2.0)
    # one sample to spare at either end, against rounding
    first = int(np.floor(axis - reach)) - 1
    return first, int(np.ceil(axis + reach)) + 3 - first


def _filter_matrix(geometry: ParallelGeometry, filter: str) -> NDArray[np.float64]:
    """Matrix (sample, ray) that filters a view and extends it to all samples that the image needs, in 1/mm."""
    if filter not in FILTERS:
        raise UsageError(f"unknown filter '{filter}'{nearest(filter, FILTERS)}; allowed are {', '.join(FILTERS)}")
    first, count = _first_sample(geometry)
    apart = first + np.arange(count)[:, None] - np.arange(geometry.n)
    shifts = FILTERS[filter]
    terms = np.stack([weight * _ramp(apart + shift) for shift, weight in shifts.items()])
    return np.asarray(terms.sum(axis=0) / geometry.step_mm, dtype=np.float64)


def _sample_steps(geometry: ParallelGeometry) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sample index of voxel [0, 0] in each view, and its change per voxel along x and along y."""
    angles = np.deg2rad(geometry.angles_deg)
    cos, sin = np.cos(angles), np.sin(angles)
    axis = (geometry.axis_mm - geometry.translations_mm[0]) / geometry.step_mm
    return axis - _first_sample(geometry)[0] - (geometry.n - 1) / 2 * (cos + sin), cos, sin


def voxel_samples(
    rows: NDArray[np.intp], columns: NDArray[np.intp], geometry: ParallelGeometry
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64], float]]:
    """For each view the sample below every voxel, the fraction of the way to the next, and the weight of the view."""
    for start, cos, sin, weight in zip(*_sample_steps(geometry), geometry.angle_weights, strict=True):
        sample = start + columns * cos + rows * sin
        lower = sample.astype(np.intp)
        yield lower, sample - lower, float(weight)


def _reconstruct(
    rays: NDArray[np.float32],
    geometry: ParallelGeometry,
    kernels: list[NDArray[np.float32]],
    add: Callable[..., None],
    threads: int,
) -> NDArray[np.float32]:
    """Filter the rays by every kernel and let `add` spread the results over the image, block of channels by block."""
    steps = (*_sample_steps(geometry), geometry.angle_weights)
    channels = rays.shape[2]
    image = np.empty((geometry.n, geometry.n, channels), dtype=np.float32)

    def fill(first_channel: int) -> None:
        block = slice(first_channel, min(first_channel + CHANNELS, channels))
        part = np.zeros((geometry.n, geometry.n, block.stop - block.start), dtype=np.float32)
        for first_view in range(0, rays.shape[0], VIEWS):
            views = slice(first_view, first_view + VIEWS)
            filtered = [np.matmul(kernel, rays[views, :, block]) for kernel in kernels]
            add(*filtered, *(step[views] for step in steps), part)
        image[:, :, block] = part

    # a threaded BLAS inside a thread pool would fight it over the cores
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, range(0, channels, CHANNELS)))
    return image


@njit(cache=True, nogil=True, inline="always")
def _locate(
    start: NDArray[Any], step_x: NDArray[Any], step_y: NDArray[Any], view: int, ix: int, iy: int
) -> tuple[int, float]:  # pragma: no cover - compiled
    """Sample below a voxel, and the fraction of the way to the next."""
    sample = start[view] + ix * step_x[view] + iy * step_y[view]
    lower = int(sample)
    return lower, sample - lower


@njit(cache=True, nogil=True, inline="always")
def _neighbours(
    filtered: NDArray[Any],
    start: NDArray[Any],
    step_x: NDArray[Any],
    step_y: NDArray[Any],
    weight: NDArray[Any],
    view: int,
    ix: int,
    iy: int,
) -> tuple[Any, ...]:  # pragma: no cover - compiled
    """Both samples next to a voxel with their weights; past the last view its samples at no weight."""
    share = weight[view] if view < start.size else 0.0
    view = min(view, start.size - 1)
    k, t = _locate(start, step_x, step_y, view, ix, iy)
    return filtered[view, k], filtered[view, k + 1], np.float32(share * (1.0 - t)), np.float32(share * t)


@njit(cache=True, nogil=True, fastmath=True)
def _add_views(
    filtered: NDArray[Any],
    start: NDArray[Any],
    step_x: NDArray[Any],
    step_y: NDArray[Any],
    weight: NDArray[Any],
    image: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Back-project views onto the image, four at a time so that a voxel is loaded and stored once for eight terms."""
    n = image.shape[0]
    for y0 in range(0, n, TILE):
        for x0 in range(0, n, TILE):
            for a in range(0, start.size, 4):
                for iy in range(y0, min(y0 + TILE, n)):
                    for ix in range(x0, min(x0 + TILE, n)):
                        l0, r0, u0, v0 = _neighbours(filtered, start, step_x, step_y, weight, a, ix, iy)
                        l1, r1, u1, v1 = _neighbours(filtered, start, step_x, step_y, weight, a + 1, ix, iy)
                        l2, r2, u2, v2 = _neighbours(filtered, start, step_x, step_y, weight, a + 2, ix, iy)
                        l3, r3, u3, v3 = _neighbours(filtered, start, step_x, step_y, weight, a + 3, ix, iy)
                        voxel = image[iy, ix]
                        for c in range(voxel.size):
                            voxel[c] += (u0 * l0[c] + v0 * r0[c] + u1 * l1[c] + v1 * r1[c]) + (
                                u2 * l2[c] + v2 * r2[c] + u3 * l3[c] + v3 * r3[c]
                            )


@njit(cache=True, nogil=True, fastmath=True)
def _add_variances(
    squares: NDArray[Any],
    products: NDArray[Any],
    start: NDArray[Any],
    step_x: NDArray[Any],
    step_y: NDArray[Any],
    weight: NDArray[Any],
    image: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Add the views' variances to the image: both neighbours' own terms and their common one."""
    n = image.shape[0]
    for y0 in range(0, n, TILE):
        for x0 in range(0, n, TILE):
            for a in range(start.size):
                for iy in range(y0, min(y0 + TILE, n)):
                    for ix in range(x0, min(x0 + TILE, n)):
                        k, t = _locate(start, step_x, step_y, a, ix, iy)
                        own = np.float32((weight[a] * (1.0 - t)) ** 2)
                        common = np.float32(weight[a] ** 2 * t * (1.0 - t))
                        other = np.float32((weight[a] * t) ** 2)
                        below, both, above = squares[a, k], products[a, k], squares[a, k + 1]
                        voxel = image[iy, ix]
                        for c in range(voxel.size):
                            voxel[c] += own * below[c] + common * both[c] + other * above[c]
