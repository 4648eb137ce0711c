"""The matrix of SIRT: without a bound at zero its images are linear in the rays, so their noise follows exactly."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .geometry import ParallelGeometry
from .iterative import inverse
from .projector import Block, make_projector


def sirt_rows(
    geometry: ParallelGeometry, iterations: int, transmission: ArrayLike | None = None
) -> Callable[[Block], Block]:
    """Weights of all rays in any linear functional of `tsct.analyze.tomography.iterative.sirt`.

    The iteration ``x += C A' R (b - A x)`` from zeros gives ``x = S b`` with ``S = sum_j (1 - C A' R A)^j C A' R``, and
    so ``S' m = R A C sum_j (1 - A' R A C)^j m``: the same number of iterations on the functional m instead of the data.

    Parameters
    ----------
    geometry, iterations, transmission
        As in `sirt`.

    Returns
    -------
    callable
        Takes functionals of the image, shape (voxel, functional), and returns their rays' weights, (ray, functional).
    """
    projector = make_projector(geometry, transmission)
    per_ray = inverse(projector.project(np.ones((projector.n_voxels, 1), dtype=np.float32)))[:, None]
    per_voxel = inverse(projector.back_project(np.ones((projector.n_rays, 1), dtype=np.float32)))[:, None]

    def rows(functionals: Block) -> Block:
        rest = np.array(functionals, dtype=np.float32)
        total = np.zeros_like(rest)
        for _ in range(iterations):
            total += rest
            rest -= projector.back_project(per_ray * projector.project(per_voxel * rest))
        weights: Block = per_ray * projector.project(per_voxel * total)
        return weights

    return rows
