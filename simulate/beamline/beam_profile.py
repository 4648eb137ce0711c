"""The width of the beam: what one frame sees of a finely sampled projection."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: slices into which a profile that is not a top hat is cut
SLICES = 24


def beam_slices(shape: str, width_mm: float, motion_mm: float = 0.0) -> tuple[NDArray[Any], NDArray[Any], float]:
    """A beam profile as top-hat slices: offsets in mm, weights that sum to one, and the width of a slice.

    Parameters
    ----------
    shape : {"top-hat", "gaussian"}
        Profile across the beam.
    width_mm : float
        Full width, for a Gaussian that at half maximum.
    motion_mm : float
        Way that the beam travels during a frame of a continuous scan.
    """
    if shape == "top-hat" and motion_mm == 0.0:
        return np.zeros(1), np.ones(1), width_mm
    reach = (width_mm if shape == "top-hat" else 3.0 * width_mm) + motion_mm
    step = reach / SLICES
    offset = step * (np.arange(SLICES) - (SLICES - 1) / 2)
    if shape == "top-hat":
        # overlap of two top hats, a trapezoid
        weight = np.clip((width_mm + motion_mm) / 2 - np.abs(offset), 0.0, min(width_mm, motion_mm))
    else:
        sigma = width_mm / np.sqrt(8 * np.log(2))
        fine = motion_mm * ((np.arange(9) + 0.5) / 9 - 0.5)
        weight = np.exp(-0.5 * ((offset[:, None] - fine) / sigma) ** 2).sum(axis=1)
    return offset, weight / weight.sum(), step


def over_beam(
    fine: NDArray[Any], edges_mm: NDArray[Any], rays_mm: NDArray[Any], profile: tuple[NDArray[Any], NDArray[Any], float]
) -> NDArray[Any]:
    """Average of a fine projection over the beam, at any positions.

    The cumulative integral of the fine bins is interpolated linearly, which is exact for bins of constant value.

    Parameters
    ----------
    fine : ndarray, shape (angle, bin, part)
        Averages over the bins.
    edges_mm : ndarray, shape (bin + 1,)
        Uniform edges of the bins; nothing lies beyond them.
    rays_mm : ndarray, shape (angle, translation)
        Middle of the beam in each frame.
    profile : (offsets, weights, width)
        See :func:`beam_slices`.

    Returns
    -------
    ndarray, shape (angle, translation, part)
    """
    offsets, weights, width = profile
    step = edges_mm[1] - edges_mm[0]
    total = np.concatenate([np.zeros_like(fine[:, :1]), np.cumsum(fine, axis=1) * step], axis=1)

    def integral(at_mm: NDArray[Any]) -> NDArray[Any]:
        place = np.clip((at_mm - edges_mm[0]) / step, 0.0, fine.shape[1])
        low = np.minimum(place.astype(int), fine.shape[1] - 1)
        share = (place - low)[..., None]
        view = np.arange(len(fine))[:, None]
        return (1 - share) * total[view, low] + share * total[view, low + 1]

    parts = (
        weight / width * (integral(rays_mm + offset + width / 2) - integral(rays_mm + offset - width / 2))
        for offset, weight in zip(offsets, weights, strict=True)
    )
    return sum(parts, np.zeros((*rays_mm.shape, fine.shape[2])))
