"""Iterative reconstruction of many channels at once: SIRT, CGLS, MLEM, OSEM and total variation.

Each method works on one block of channels after the other, from zeros or a uniform start to the last iteration, so that
the whole state of a block stays in the caches. Channels never influence each other. All stop after a given number of
iterations; stopping early is what keeps the noise down, except with total variation, which converges to one image.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import InputError, UsageError

from .geometry import ParallelGeometry
from .projector import Block, Projector, by_blocks, flattened, make_projector

#: A squared gradient this much smaller than the first one is rounding; further steps of CGLS would follow noise
ROUNDING = 1e-12


def sirt(
    sinogram: ArrayLike,
    geometry: ParallelGeometry,
    iterations: int,
    *,
    nonnegative: bool = False,
    transmission: ArrayLike | None = None,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Simultaneous iterative reconstruction: ``x += C A' R (b - A x)``, R and C the inverse row and column sums.

    Gregor and Benson, IEEE Trans. Med. Imaging 27, 918 (2008), eq. 5 with relaxation 1; from zeros it converges to a
    weighted least-squares solution. Low frequencies come first.

    Parameters
    ----------
    sinogram : array_like of shape (angle, translation, channel)
        Line integrals in u mm.
    geometry : ParallelGeometry
        Where the rays run.
    iterations : int
        One or more.
    nonnegative : bool, optional
        Set negative voxels to zero after each step.
    transmission : array_like of shape (angle, y, x), optional
        Share of the signal of each voxel that arrives in each view, for self-absorption. One if not given.
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
        If `iterations` is below one.
    """
    rays, projector = _checked("sirt", sinogram, geometry, iterations), make_projector(geometry, transmission)
    per_ray = inverse(projector.project(_ones(projector.n_voxels)))
    per_voxel = inverse(projector.back_project(_ones(projector.n_rays)))

    def solve(measured: Block) -> Block:
        image = _zeros(projector.n_voxels, measured)
        for _ in range(iterations):
            residual = projector.project(image)
            _scaled_difference(measured, residual, per_ray)
            _add_scaled(image, projector.back_project(residual), per_voxel, nonnegative)
        return image

    return _images(solve, rays, geometry, threads)


def cgls(
    sinogram: ArrayLike,
    geometry: ParallelGeometry,
    iterations: int,
    *,
    transmission: ArrayLike | None = None,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Conjugate gradients on the least-squares problem ``min |A x - b|^2``, from zeros.

    Hestenes and Stiefel, J. Res. Natl. Bur. Stand. 49, 409 (1952), section 10; Bjorck, Numerical Methods for Least
    Squares Problems (SIAM 1996), algorithm 7.4.1. Step sizes differ from channel to channel, so the result is not
    linear in the data.

    Parameters
    ----------
    sinogram, geometry, iterations, transmission, threads
        As in `sirt`.

    Returns
    -------
    ndarray of shape (y, x, channel), float32
        Densities in u.

    Raises
    ------
    InputError, UsageError
        As in `sirt`.
    """
    rays, projector = _checked("cgls", sinogram, geometry, iterations), make_projector(geometry, transmission)

    def solve(measured: Block) -> Block:
        image, residual = _zeros(projector.n_voxels, measured), measured.copy()
        gradient = projector.back_project(residual)
        direction, size = gradient.copy(), _sum_of_squares(gradient)
        negligible = ROUNDING * size
        for _ in range(iterations):
            shadow = projector.project(direction)
            step = _ratio(size, _sum_of_squares(shadow)) * (size > negligible)
            _add_multiple(image, direction, step)
            _add_multiple(residual, shadow, -step)
            gradient = projector.back_project(residual)
            before, size = size, _sum_of_squares(gradient)
            _continue_along(direction, gradient, _ratio(size, before))
        return image

    return _images(solve, rays, geometry, threads)


def osem(
    sinogram: ArrayLike,
    geometry: ParallelGeometry,
    iterations: int,
    *,
    subsets: int,
    transmission: ArrayLike | None = None,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Expectation maximisation for Poisson data with ordered subsets: ``x *= A_s' (b_s / A_s x) / A_s' 1``.

    Hudson and Larkin, IEEE Trans. Med. Imaging 13, 601 (1994), eq. 4. Subset s holds every `subsets`-th view; one
    iteration runs through all of them. Images are non-negative. With noisy data it ends in a cycle close to, not at,
    the likelihood's maximum, which `mlem` reaches.

    Parameters
    ----------
    sinogram : array_like of shape (angle, translation, channel)
        Line integrals in u mm, none negative.
    geometry, iterations, transmission, threads
        As in `sirt`.
    subsets : int
        From one to the number of views.

    Returns
    -------
    ndarray of shape (y, x, channel), float32
        Densities in u.

    Raises
    ------
    InputError
        As in `sirt`, and if a line integral is negative.
    UsageError
        As in `sirt`, and if there are more subsets than views.
    """
    rays = _checked("osem", sinogram, geometry, iterations)
    views = len(geometry.angles_deg)
    if not 1 <= subsets <= views:
        raise UsageError(f"osem: subsets = {subsets}; from 1 to the number of views, {views}, are possible")
    if rays.size and rays.min() < 0.0:
        raise InputError(
            f"osem: the sinogram holds {np.count_nonzero(rays < 0.0)} negative line integrals, which the Poisson "
            "model excludes; use sirt with nonnegative=True, or set them to zero and accept the bias"
        )
    parts = [_subset(geometry, transmission, slice(start, None, subsets)) for start in range(subsets)]
    sums = [part.back_project(_ones(part.n_rays)) for part in parts]
    shares, total, n = [inverse(part) for part in sums], np.sum(sums, axis=0), geometry.n

    def solve(measured: Block) -> Block:
        by_view = measured.reshape(views, n, -1)
        split = [by_view[start::subsets].reshape(part.n_rays, -1) for start, part in enumerate(parts)]
        # uniform over what is seen, at the level that explains the sum of the rays
        level = np.asarray(measured.sum(axis=0, dtype=np.float64) / total.sum(), dtype=np.float32)
        image: Block = np.asarray((total > 0.0).astype(np.float32) * level, dtype=np.float32)
        for _ in range(iterations):
            for part, share, chosen in zip(parts, shares, split, strict=True):
                quotient = part.project(image)
                _divide_into(quotient, chosen)
                _multiply_scaled(image, part.back_project(quotient), share)
        return image

    return _images(solve, rays, geometry, threads)


def mlem(
    sinogram: ArrayLike,
    geometry: ParallelGeometry,
    iterations: int,
    *,
    transmission: ArrayLike | None = None,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Maximum-likelihood expectation maximisation for Poisson data: `osem` with one subset.

    Shepp and Vardi, IEEE Trans. Med. Imaging 1, 113 (1982), eq. 2.4.

    Parameters
    ----------
    sinogram, geometry, iterations, transmission, threads
        As in `osem`.

    Returns
    -------
    ndarray of shape (y, x, channel), float32
        Densities in u.

    Raises
    ------
    InputError, UsageError
        As in `osem`.
    """
    return osem(sinogram, geometry, iterations, subsets=1, transmission=transmission, threads=threads)


def total_variation(
    sinogram: ArrayLike,
    geometry: ParallelGeometry,
    iterations: int,
    *,
    tv_weight: float,
    nonnegative: bool = False,
    transmission: ArrayLike | None = None,
    threads: int = 1,
) -> NDArray[np.float32]:
    """Least squares with a penalty on edges: ``min |A x - b|^2 / 2 + weight TV(x)``.

    TV is the sum over voxels of the length of the forward-difference gradient. Solved by the primal-dual method of
    Chambolle and Pock, J. Math. Imaging Vis. 40, 120 (2011), as in Sidky, Jorgensen and Pan, Phys. Med. Biol. 57, 3065
    (2012), algorithm 4, with the diagonal steps of Pock and Chambolle, ICCV 2011, eq. 10 (alpha = 1).

    Parameters
    ----------
    sinogram, geometry, iterations, nonnegative, transmission, threads
        As in `sirt`.
    tv_weight : float
        Weight of the penalty as a share of the largest voxel of ``|A' b|`` of each channel, so that scaling the data
        scales the image. Zero leaves plain least squares. A disc of n voxels radius loses about ``2.4 tv_weight / n``
        of its contrast.

    Returns
    -------
    ndarray of shape (y, x, channel), float32
        Densities in u.

    Raises
    ------
    InputError
        As in `sirt`.
    UsageError
        As in `sirt`, and if the weight is negative.
    """
    if not 0.0 <= tv_weight < np.inf:
        raise UsageError(f"total_variation: tv_weight = {tv_weight} must be zero or larger")
    rays, projector = (
        _checked("total_variation", sinogram, geometry, iterations),
        make_projector(geometry, transmission),
    )
    n = geometry.n
    # steps are balanced in units in which the voxel has edge one
    voxel = np.float32(geometry.voxel_mm)
    ray_step = inverse(projector.project(_ones(projector.n_voxels))) * voxel
    voxel_step = 1.0 / (projector.back_project(_ones(projector.n_rays))[:, 0] / voxel + np.float32(4.0))

    def solve(measured: Block) -> Block:
        measured = measured / voxel
        weight = np.float32(tv_weight / voxel) * np.abs(projector.back_project(measured)).max(axis=0)
        image, ahead, misfit = _zeros(n * n, measured), _zeros(n * n, measured), np.zeros_like(measured)
        slopes = np.zeros((2, n, n, measured.shape[1]), dtype=np.float32)
        for _ in range(iterations):
            _update_misfit(misfit, projector.project(ahead), measured, ray_step, voxel)
            _update_slopes(slopes, ahead.reshape(n, n, -1), weight)
            pull = projector.back_project(misfit)
            _descend(image, ahead, pull, slopes, voxel_step, voxel, nonnegative)
        return image

    return _images(solve, rays, geometry, threads)


def _checked(name: str, sinogram: ArrayLike, geometry: ParallelGeometry, iterations: int) -> NDArray[np.float32]:
    if iterations < 1:
        raise UsageError(f"{name}: iterations = {iterations}; one or more are possible")
    return flattened(sinogram, (len(geometry.angles_deg), geometry.n), f"{name}: sinogram")


def _subset(geometry: ParallelGeometry, transmission: ArrayLike | None, views: slice) -> Projector:
    part = replace(geometry, angles_deg=geometry.angles_deg[views])
    return make_projector(part, None if transmission is None else np.asarray(transmission)[views])


def _images(
    solve: Callable[[Block], Block], rays: NDArray[np.float32], geometry: ParallelGeometry, threads: int
) -> NDArray[np.float32]:
    return by_blocks(solve, rays, geometry.n**2, threads).reshape(geometry.n, geometry.n, -1)


def _ones(rows: int) -> Block:
    return np.ones((rows, 1), dtype=np.float32)


def _zeros(rows: int, like: Block) -> Block:
    return np.zeros((rows, like.shape[1]), dtype=np.float32)


def inverse(sums: Block) -> NDArray[np.float32]:
    """One over the only column; zero for rays that meet no voxel and voxels that meet no ray."""
    return np.divide(1.0, sums[:, 0], out=np.zeros(len(sums), dtype=np.float32), where=sums[:, 0] > 0.0)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient of sums of squares; zero where there is nothing left."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0.0)


@njit(cache=True, nogil=True)
def _scaled_difference(
    measured: NDArray[Any], projected: NDArray[Any], scale: NDArray[Any]
) -> None:  # pragma: no cover - compiled
    """Overwrite `projected` with (measured - projected), row by row times `scale`."""
    for i in range(measured.shape[0]):
        for c in range(measured.shape[1]):
            projected[i, c] = (measured[i, c] - projected[i, c]) * scale[i]


@njit(cache=True, nogil=True)
def _add_scaled(
    image: NDArray[Any], update: NDArray[Any], scale: NDArray[Any], nonnegative: bool
) -> None:  # pragma: no cover - compiled
    """Add the update, row by row times `scale`, and lift negative values to zero if asked to."""
    floor = np.float32(0.0 if nonnegative else -np.inf)
    for i in range(image.shape[0]):
        for c in range(image.shape[1]):
            image[i, c] = max(image[i, c] + update[i, c] * scale[i], floor)


@njit(cache=True, nogil=True)
def _sum_of_squares(block: NDArray[Any]) -> NDArray[Any]:  # pragma: no cover - compiled
    """Per channel, in float64: a float32 sum would lose the orthogonality of the gradients."""
    total = np.zeros(block.shape[1])
    for i in range(block.shape[0]):
        for c in range(block.shape[1]):
            total[c] += np.float64(block[i, c]) * block[i, c]
    return total


@njit(cache=True, nogil=True)
def _add_multiple(
    block: NDArray[Any], direction: NDArray[Any], factor: NDArray[Any]
) -> None:  # pragma: no cover - compiled
    for i in range(block.shape[0]):
        for c in range(block.shape[1]):
            block[i, c] += np.float32(factor[c]) * direction[i, c]


@njit(cache=True, nogil=True)
def _continue_along(
    direction: NDArray[Any], gradient: NDArray[Any], factor: NDArray[Any]
) -> None:  # pragma: no cover - compiled
    for i in range(direction.shape[0]):
        for c in range(direction.shape[1]):
            direction[i, c] = gradient[i, c] + np.float32(factor[c]) * direction[i, c]


@njit(cache=True, nogil=True)
def _divide_into(projected: NDArray[Any], measured: NDArray[Any]) -> None:  # pragma: no cover - compiled
    """Overwrite `projected` with measured / projected; rays that no voxel can explain have no say."""
    for i in range(projected.shape[0]):
        for c in range(projected.shape[1]):
            below = projected[i, c]
            projected[i, c] = measured[i, c] / below if below > 0.0 else np.float32(0.0)


@njit(cache=True, nogil=True)
def _multiply_scaled(
    image: NDArray[Any], factor: NDArray[Any], scale: NDArray[Any]
) -> None:  # pragma: no cover - compiled
    """Multiply row by row; rows of scale zero are voxels that these rays do not meet."""
    for i in range(image.shape[0]):
        if scale[i] > 0.0:
            for c in range(image.shape[1]):
                image[i, c] *= factor[i, c] * scale[i]


@njit(cache=True, nogil=True)
def _update_misfit(
    misfit: NDArray[Any], projected: NDArray[Any], measured: NDArray[Any], step: NDArray[Any], voxel: np.float32
) -> None:  # pragma: no cover - compiled
    """Proximal step of the dual of half the squared misfit."""
    for i in range(misfit.shape[0]):
        for c in range(misfit.shape[1]):
            ahead = misfit[i, c] + step[i] * (projected[i, c] / voxel - measured[i, c])
            misfit[i, c] = ahead / (np.float32(1.0) + step[i])


@njit(cache=True, nogil=True)
def _update_slopes(
    slopes: NDArray[Any], image: NDArray[Any], weight: NDArray[Any]
) -> None:  # pragma: no cover - compiled
    """Ascend along the gradient of the image (step 1/2) and shorten the dual vectors to `weight`; none at far edges."""
    n, half = image.shape[0], np.float32(0.5)
    for iy in range(n):
        for ix in range(n):
            right, up = min(ix + 1, n - 1), min(iy + 1, n - 1)
            for c in range(image.shape[2]):
                along_x = slopes[0, iy, ix, c] + half * (image[iy, right, c] - image[iy, ix, c])
                along_y = slopes[1, iy, ix, c] + half * (image[up, ix, c] - image[iy, ix, c])
                length = np.sqrt(along_x * along_x + along_y * along_y)
                scale = weight[c] / length if length > weight[c] else np.float32(1.0)
                slopes[0, iy, ix, c], slopes[1, iy, ix, c] = scale * along_x, scale * along_y


@njit(cache=True, nogil=True)
def _descend(
    image: NDArray[Any],
    ahead: NDArray[Any],
    pull: NDArray[Any],
    slopes: NDArray[Any],
    step: NDArray[Any],
    voxel: np.float32,
    nonnegative: bool,
) -> None:  # pragma: no cover - compiled
    """Primal step against the pull of the rays and of the slopes, and extrapolation to `ahead`."""
    n, floor = slopes.shape[1], np.float32(0.0 if nonnegative else -np.inf)
    for iy in range(n):
        for ix in range(n):
            i, left, below = iy * n + ix, np.float32(ix > 0), np.float32(iy > 0)
            for c in range(image.shape[1]):
                spread = slopes[0, iy, ix, c] - left * slopes[0, iy, ix - 1, c]
                spread += slopes[1, iy, ix, c] - below * slopes[1, iy - 1, ix, c]
                before = image[i, c]
                after = max(before - step[i] * (pull[i, c] / voxel - spread), floor)
                image[i, c], ahead[i, c] = after, np.float32(2.0) * after - before
