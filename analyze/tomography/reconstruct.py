"""One door to every method of reconstruction, ours and those of other packages, and to the noise of their images."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from tsct.analyze.recipe.methods import ITERATIONS, TAKES, Settings
from tsct.records.errors import InputError, UsageError
from tsct.records.seeds import generator

from . import backends, iterative
from .fbp import fbp, fbp_variance
from .field_of_view import warn_of_gaps
from .geometry import ParallelGeometry
from .padding import padded
from .projector import by_blocks, flattened
from .sirt_variance import sirt_rows

Image = NDArray[np.float32]

#: The functions behind `methods.BACKENDS`
METHODS: dict[str, dict[str, Callable[..., Image]]] = {
    "tsct": {
        "fbp": fbp,
        "sirt": iterative.sirt,
        "cgls": iterative.cgls,
        "mlem": iterative.mlem,
        "osem": iterative.osem,
        "tv": iterative.total_variation,
    },
    "astra": {"fbp": backends.astra_fbp, "sirt": backends.astra_sirt, "cgls": backends.astra_cgls},
    "skimage": {"fbp": backends.skimage_fbp, "sart": backends.skimage_sart},
    "tomopy": {"fbp": backends.tomopy_fbp, "mlem": backends.tomopy_mlem, "osem": backends.tomopy_osem},
}


def reconstruct(
    sinogram: ArrayLike,
    geometry: ParallelGeometry,
    method: str = "fbp",
    *,
    backend: str = "tsct",
    iterations: int | None = None,
    filter: str = "ramp",
    nonnegative: bool = False,
    subsets: int = 8,
    tv_weight: float = 0.002,
    transmission: ArrayLike | None = None,
    padding: int = 0,
    threads: int = 1,
) -> Image:
    """Reconstruct images of all channels from a parallel-beam sinogram, by any method of any backend.

    Whichever method or backend makes them, images are densities in the unit of the sinogram per mm: a uniform disc
    comes back at its value.

    ========  ============================  ====================================================
    method    backends                      settings
    ========  ============================  ====================================================
    fbp       tsct, astra, skimage, tomopy  filter
    sirt      tsct, astra                   iterations (100), nonnegative, transmission
    cgls      tsct, astra                   iterations (12), transmission
    mlem      tsct, tomopy                  iterations (40), transmission
    osem      tsct, tomopy                  iterations (5), subsets, transmission
    tv        tsct                          iterations (200), nonnegative, tv_weight, transmission
    sart      skimage                       iterations (5), nonnegative
    ========  ============================  ====================================================

    Parameters
    ----------
    sinogram : array_like of shape (angle, translation, channel)
        Line integrals in u mm. For "mlem" and "osem" none may be negative.
    geometry : ParallelGeometry
        Where the rays run.
    method : {"fbp", "sirt", "cgls", "mlem", "osem", "tv", "sart"}, optional
        How to reconstruct; see the functions of `tsct.analyze.tomography.fbp` and `tsct.analyze.tomography.iterative`.
    backend : {"tsct", "astra", "skimage", "tomopy"}, optional
        Whose code does it. The others must be installed, go through the channels one by one, and are there to compare.
    iterations : int, optional
        How many; if not given, the number in the table.
    filter : {"ramp", "cosine", "hamming", "hann"}, optional
        Window on the ramp.
    nonnegative : bool, optional
        Keep voxels at zero or above. "mlem" and "osem" always do.
    subsets : int, optional
        Ordered subsets.
    tv_weight : float, optional
        Weight of the total variation, see `tsct.analyze.tomography.iterative.total_variation`.
    transmission : array_like of shape (angle, y, x), optional
        Share of the signal of each voxel that arrives in each view, for self-absorption; backend "tsct" only.
    padding : int, optional
        Bins to add on either side, falling from the edge value to zero, for objects that leave the field: one and a
        half times as many as the object sticks out by. See `tsct.analyze.tomography.field_of_view.padded`.
    threads : int, optional
        Blocks of channels are shared among this many threads; backend "tsct" only.

    Returns
    -------
    ndarray of shape (y, x, channel), float32
        Densities in u.

    Raises
    ------
    UsageError
        For an unknown method, backend or filter, a setting that the method does not take, or a package that is not
        installed.
    InputError
        If the sinogram does not match the geometry, holds values that are not finite, or negative ones for "mlem" and
        "osem".

    Warns
    -----
    TsctWarning
        If the object leaves the field, or if views are missing; see
        `tsct.analyze.tomography.field_of_view.trusted_mask`.

    Examples
    --------
    >>> scan = ParallelGeometry.from_arrays(np.arange(5.0) - 2.0, np.arange(0.0, 180.0, 20.0))
    >>> rays = np.zeros((9, 5, 1))
    >>> rays[:, 2] = 1.0
    >>> image = reconstruct(rays, scan, "sirt", iterations=50)
    >>> image.shape, np.unravel_index(image.argmax(), image.shape)[:2] == (2, 2)
    ((5, 5, 1), True)
    """
    settings = Settings(
        backend=backend,
        iterations=iterations,
        filter=filter,
        nonnegative=nonnegative,
        subsets=subsets,
        tv_weight=tv_weight,
        transmission=transmission,
        padding=padding,
        threads=threads,
    )
    run = reconstructor(method, settings)
    rays = _cube(sinogram, geometry, "sinogram")
    warn_of_gaps(rays, geometry)
    return run(rays, geometry)


def reconstruct_variance(
    sinogram: ArrayLike,
    variance: ArrayLike,
    geometry: ParallelGeometry,
    method: str = "fbp",
    *,
    draws: int = 50,
    seed: int = 0,
    **settings: Any,
) -> Image:
    """Variance of every voxel of `reconstruct` for independent rays of known variance.

    Exact where images are linear in the rays: "fbp" of the backend "tsct", padding included, and its "sirt" without
    padding while voxels may be negative. For all others, the sinogram is drawn anew `draws` times and reconstructed,
    which gives each variance with a relative error of ``sqrt(2 / (draws - 1))``. Draws are normal; for "mlem" and
    "osem", which need positive rays, they are gamma-distributed with the same mean and variance.

    Parameters
    ----------
    sinogram : array_like of shape (angle, translation, channel)
        Line integrals in u mm. A linear method does not look at them.
    variance : array_like of shape (angle, translation, channel)
        Variance of the line integrals in (u mm)^2, finite and not negative.
    geometry, method
        As in `reconstruct`.
    draws : int, optional
        Two or more; ignored where the variance is exact.
    seed : int, optional
        Root seed of the draws.
    **settings
        Any other argument of `reconstruct`; give the same ones.

    Returns
    -------
    ndarray of shape (y, x, channel), float32
        Variance of the densities in u^2. The covariance between voxels is not given; for the mean over a region of
        "fbp" see `tsct.analyze.tomography.fbp.fbp_weights`.

    Raises
    ------
    UsageError, InputError
        As in `reconstruct`; for negative variances, and for fewer than two draws.
    """
    given = Settings(**settings)
    given.check(method)
    spread = _spread(sinogram, variance, geometry)
    if method == "fbp" and given.backend == "tsct":
        return fbp_variance(spread, geometry, given.filter, padding=given.padding, threads=given.threads)
    if is_linear(method, given.backend, given.nonnegative) and not given.padding:
        return _sirt_variance(spread, geometry, given)
    if draws < 2:
        raise UsageError(f"reconstruct_variance: draws = {draws}; two or more are possible, 50 give 20 % error")
    mean, squares = np.zeros((2, geometry.n, geometry.n, spread.shape[2]))
    images = redrawn(sinogram, variance, geometry, method, draws=draws, seed=seed, **settings)
    for i, image in enumerate(images):
        step = image - mean
        mean += step / (i + 1)
        squares += step * (image - mean)
    return (squares / (draws - 1)).astype(np.float32)


def is_linear(method: str, backend: str, nonnegative: bool) -> bool:
    """Whether images are a fixed matrix times the rays, whose squares give the variance exactly."""
    return backend == "tsct" and (method == "fbp" or (method == "sirt" and not nonnegative))


def redrawn(
    sinogram: ArrayLike,
    variance: ArrayLike,
    geometry: ParallelGeometry,
    method: str,
    *,
    draws: int,
    seed: int = 0,
    **settings: Any,
) -> Iterator[Image]:
    """Images of `draws` sinograms drawn with the given mean and variance; arguments as in `reconstruct_variance`."""
    run = reconstructor(method, Settings(**settings))
    for rays in drawn_rays(sinogram, variance, geometry, method, draws=draws, seed=seed):
        yield run(rays, geometry)


def drawn_rays(
    sinogram: ArrayLike, variance: ArrayLike, geometry: ParallelGeometry, method: str, *, draws: int, seed: int = 0
) -> Iterator[NDArray[np.float32]]:
    """The sinograms of :func:`redrawn`."""
    rays, spread = _cube(sinogram, geometry, "sinogram"), _spread(sinogram, variance, geometry)
    draw = _gamma if method in ("mlem", "osem") else _normal
    for i in range(draws):
        yield draw(rays, spread, generator(seed, "reconstruct_variance", i))


def _spread(sinogram: ArrayLike, variance: ArrayLike, geometry: ParallelGeometry) -> NDArray[np.float32]:
    spread = _cube(variance, geometry, "variance")
    if np.shape(sinogram) != spread.shape or (spread.size and spread.min() < 0.0):
        raise InputError(
            f"reconstruct_variance: variance of shape {spread.shape} must be like the sinogram, {np.shape(sinogram)}, "
            "and must not be negative"
        )
    return spread


def _cube(array: ArrayLike, geometry: ParallelGeometry, name: str) -> NDArray[np.float32]:
    shape = (len(geometry.angles_deg), geometry.n)
    return flattened(array, shape, f"reconstruct: {name}").reshape(*shape, -1)


def reconstructor(method: str, settings: Settings) -> Callable[[NDArray[Any], ParallelGeometry], Image]:
    """The chosen method as a function of rays and geometry that warns of nothing, its settings checked."""
    settings.check(method)
    backend = settings.backend
    taken = [name for name in TAKES[method] if backend == "tsct" or name != "transmission"]
    options = {name: getattr(settings, name) for name in taken}
    if "iterations" in options:
        options["iterations"] = settings.iterations or ITERATIONS[method]
    if backend == "tsct":
        options["threads"] = settings.threads

    def run(rays: NDArray[Any], geometry: ParallelGeometry) -> Image:
        wide, around = padded(rays, geometry, settings.padding)
        share = options.get("transmission")
        margin = settings.padding
        more = {} if share is None else {"transmission": np.pad(share, ((0, 0), (margin,) * 2, (margin,) * 2), "edge")}
        image = METHODS[backend][method](wide, around, **(options | more))
        return np.ascontiguousarray(image[margin : margin + geometry.n, margin : margin + geometry.n])

    return run


def _sirt_variance(variance: NDArray[np.float32], geometry: ParallelGeometry, settings: Settings) -> Image:
    """Squared rows of the matrix of `iterative.sirt`, a block of voxels at a time, times the variance."""
    rows = sirt_rows(geometry, settings.iterations or ITERATIONS["sirt"], settings.transmission)
    rays = variance.reshape(-1, variance.shape[2])
    voxels = np.eye(geometry.n**2, dtype=np.float32)
    # a threaded BLAS inside a thread pool would fight it over the cores
    with threadpool_limits(1, user_api="blas"):
        total = by_blocks(lambda block: rays.T @ rows(block) ** 2, voxels, rays.shape[1], settings.threads)
    return np.ascontiguousarray(total.T).reshape(geometry.n, geometry.n, -1)


def _normal(mean: Image, variance: Image, random: np.random.Generator) -> Image:
    noise = random.standard_normal(mean.shape, dtype=np.float32)
    return np.asarray(mean + np.sqrt(variance) * noise, dtype=np.float32)


def _gamma(mean: Image, variance: Image, random: np.random.Generator) -> Image:
    """Positive numbers of given mean and variance; the mean itself where either is zero."""
    scale = np.divide(variance, mean, out=np.zeros_like(mean), where=mean > 0.0)
    shape = np.divide(mean, scale, out=np.zeros_like(mean), where=scale > 0.0)
    return np.where(scale > 0.0, random.standard_gamma(shape, dtype=np.float32) * scale, mean)
