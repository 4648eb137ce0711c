"""One door to every method of reconstruction, ours and those of other packages, and to the noise of their images."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import InputError, UsageError, nearest
from tsct.records.seeds import generator

from . import iterative, peers
from .coverage import padded, warn_of_gaps
from .fbp import FILTERS, fbp, fbp_variance
from .geometry import ParallelGeometry
from .projector import flattened

Image = NDArray[np.float32]

#: Iterations after which a sharp disc is back within 1 % of its value in all voxels but those of its edge
ITERATIONS = {"sirt": 100, "cgls": 12, "mlem": 40, "osem": 5, "tv": 200, "sart": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a method may be told; each takes its share of these (see `reconstruct`)."""

    iterations: int = 0
    filter: str = "ramp"
    nonnegative: bool = False
    subsets: int = 8
    tv_weight: float = 0.002
    transmission: ArrayLike | None = None
    threads: int = 1


#: Settings that a method obeys, besides threads
OBEYS = {
    "fbp": {"filter"},
    "sirt": {"iterations", "nonnegative", "transmission"},
    "cgls": {"iterations", "transmission"},
    "mlem": {"iterations", "transmission"},
    "osem": {"iterations", "subsets", "transmission"},
    "tv": {"iterations", "nonnegative", "tv_weight", "transmission"},
    "sart": {"iterations", "nonnegative"},
}
_OWN: dict[str, Callable[..., Image]] = {
    "fbp": fbp,
    "sirt": iterative.sirt,
    "cgls": iterative.cgls,
    "mlem": iterative.mlem,
    "osem": iterative.osem,
    "tv": iterative.total_variation,
}
METHODS: dict[str, dict[str, Callable[..., Image]]] = {
    "tsct": _OWN,
    "astra": {"fbp": peers.astra_fbp, "sirt": peers.astra_sirt, "cgls": peers.astra_cgls},
    "skimage": {"fbp": peers.skimage_fbp, "sart": peers.skimage_sart},
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

    Images are densities in the unit of the sinogram per mm, whichever method or backend makes them: a uniform disc
    comes back at its value.

    ========== ================================ =================================================================
    method     backends                         settings
    ========== ================================ =================================================================
    ``fbp``    tsct, astra, skimage, tomopy     filter
    ``sirt``   tsct, astra                      iterations (100), nonnegative, transmission
    ``cgls``   tsct, astra                      iterations (12), transmission
    ``mlem``   tsct, tomopy                     iterations (40), transmission
    ``osem``   tsct, tomopy                     iterations (5), subsets, transmission
    ``tv``     tsct                             iterations (200), nonnegative, tv_weight, transmission
    ``sart``   skimage                          iterations (5), nonnegative
    ========== ================================ =================================================================

    Parameters
    ----------
    sinogram : array_like of shape (angle, translation, channel)
        Line integrals in u mm. For ``mlem`` and ``osem`` none may be negative.
    geometry : ParallelGeometry
        Where the rays run.
    method : {"fbp", "sirt", "cgls", "mlem", "osem", "tv", "sart"}, optional
        How to reconstruct; see the functions of `tsct.analyze.fbp` and `tsct.analyze.iterative`.
    backend : {"tsct", "astra", "skimage", "tomopy"}, optional
        Whose code does it. Others than tsct must be installed, work channel by channel and are there to compare with.
    iterations : int, optional
        How many; if not given, the number in the table.
    filter : {"ramp", "cosine", "hamming", "hann"}, optional
        Window on the ramp.
    nonnegative : bool, optional
        Keep voxels at zero or above. ``mlem`` and ``osem`` do so by themselves.
    subsets : int, optional
        Ordered subsets.
    tv_weight : float, optional
        Weight of the total variation, see `tsct.analyze.iterative.total_variation`.
    transmission : array_like of shape (angle, y, x), optional
        Share of the signal of each voxel that arrives in each view, for self-absorption; backend tsct only.
    padding : int, optional
        Bins to add on either side, falling from the edge value to zero, for objects that leave the field.
    threads : int, optional
        Blocks of channels are shared among this many threads; backend tsct only, others decide for themselves.

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
        If the sinogram does not match the geometry, holds values that are not finite, or negative ones for ``mlem``
        and ``osem``.

    Warns
    -----
    TsctWarning
        If the object leaves the field, or if views are missing; see `tsct.analyze.coverage.trusted_mask`.

    Examples
    --------
    >>> scan = ParallelGeometry.from_arrays(np.arange(5.0) - 2.0, np.arange(0.0, 180.0, 20.0))
    >>> rays = np.zeros((9, 5, 1))
    >>> rays[:, 2] = 1.0
    >>> reconstruct(rays, scan, "mlem")[:, :, 0].round(1).max()
    np.float32(1.0)
    """
    given = Settings(
        iterations=iterations or 0,
        filter=filter,
        nonnegative=nonnegative,
        subsets=subsets,
        tv_weight=tv_weight,
        transmission=transmission,
        threads=threads,
    )
    rays = _checked_rays(sinogram, geometry)
    run = _method(method, backend, given, padding)
    warn_of_gaps(rays, geometry)
    return run(rays, geometry)
