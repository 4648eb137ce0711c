"""Sinograms of objects that leave the field, widened so that they end gently."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .geometry import ParallelGeometry


def padded(sinogram: ArrayLike, geometry: ParallelGeometry, steps: int) -> tuple[NDArray[Any], ParallelGeometry]:
    """Widen a sinogram on both sides by its edge values, which fade to zero as half a cosine.

    An object that leaves the field then ends gently instead of with a jump, which the ramp filter would turn into a
    bright rim. The fade also stands in for the mass beyond the field: with too few bins images are too dense, with too
    many too thin. For a round object, one and a half times as many as it sticks out by are about right.

    Parameters
    ----------
    sinogram : array_like of shape (angle, translation, channel)
        Line integrals.
    geometry : ParallelGeometry
        Where the rays run.
    steps : int
        Bins to add on either side.

    Returns
    -------
    sinogram : ndarray of shape (angle, translation + 2 steps, channel)
    geometry : ParallelGeometry
        Its image is `steps` voxels wider on each side and is centred on the same axis.
    """
    rays = np.asarray(sinogram)
    if not steps:
        return rays, geometry
    fade = _fade(steps)[:, None].astype(rays.dtype)
    return np.concatenate([rays[:, :1] * fade[::-1], rays, rays[:, -1:] * fade], axis=1), widened(geometry, steps)


def widened(geometry: ParallelGeometry, steps: int) -> ParallelGeometry:
    """The geometry of :func:`padded` rays."""
    start, n, step = geometry.translations_mm[0], geometry.n, geometry.step_mm
    added = np.arange(1, steps + 1) * step
    translations = (*(start - added[::-1]), *geometry.translations_mm, *(start + (n - 1) * step + added))
    return replace(geometry, translations_mm=tuple(float(t) for t in translations))


def folded(weights: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Weights of measured rays, shape (..., translation), from those of `padded` ones: its transpose."""
    if not steps:
        return weights
    inner, fade = weights[:, steps:-steps].copy(), _fade(steps)
    inner[:, 0] += weights[:, :steps] @ fade[::-1]
    inner[:, -1] += weights[:, -steps:] @ fade
    return inner


def _fade(steps: int) -> NDArray[np.float64]:
    return 0.5 + 0.5 * np.cos(np.pi * np.arange(1, steps + 1) / (steps + 1))
