"""What a beam of finite width averages: photons, of which fewer pass where it meets more, and not depths.

Signal over transmission is the mean over the beam weighted with what passes. A layer along the beam that fills a part
of its width shadows itself, and less of it is found than there is: the exponential edge-gradient effect (Joseph &
Spital, Phys. Med. Biol. 26, 473 (1981)).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: standard deviation of what is known to lie between none and one, evenly
EVEN = 1 / np.sqrt(12)


def depth_slope(depth: NDArray[Any]) -> NDArray[np.float32]:
    """Slope of the depth of each ray across the beam, per step, shape (angle, translation) as the depth.

    Half the difference of both neighbours; at the ends that of one.
    """
    return _slope(np.asarray(depth), 1).astype(np.float32)


def lost_across_beam(lines: NDArray[Any], slope: NDArray[Any]) -> NDArray[Any]:
    """What lines of one view, shape (translation, q), lack because the depth slopes across the beam.

    To first order the mean weighted with what passes is low by the covariance of line and depth over the beam. With
    slopes as between the rays on either side, per step, and a beam as wide as a step, it is their product over twelve.

    Parameters
    ----------
    slope : ndarray, shape (translation,)
        See :func:`depth_slope`.
    """
    return _slope(lines, 0) * (slope[:, None] / 12).astype(lines.dtype)


def unresolved(rays: NDArray[Any], depth: NDArray[Any]) -> NDArray[np.float64]:
    """What the interior of beams may hide of quantities of rays, shape (angle, translation, quantity): a sigma.

    Inside a beam, quantity and depth are taken to differ by no more than between the beam and that neighbour which
    differs more. Their covariance lies between none, for what is the same all across, and this product, for an edge in
    the middle of the beam: evenly, as far as is known. A ray that stands out of both its neighbours holds a layer
    thinner than the beam, of which nothing says how thin; there all of the product counts.

    Parameters
    ----------
    rays : ndarray, shape (angle, translation, quantity)
        Line integrals.
    depth : ndarray, shape (angle, translation)
        Minus the logarithm of the transmission.
    """
    depth, padded = np.asarray(depth), [(0, 0), (1, 1)]
    wide = np.pad(depth, padded, mode="edge")
    before, after = depth - wide[:, :-2], depth - wide[:, 2:]
    lower = np.abs(before) > np.abs(after)
    beside = np.pad(rays, [*padded, (0, 0)], mode="edge")
    steps = rays - np.where(lower[..., None], beside[:, :-2], beside[:, 2:])
    share = np.where(before * after > 0, 1.0, EVEN) * np.where(lower, before, after)
    return np.asarray(steps * share[..., None])


def _slope(values: NDArray[Any], axis: int) -> NDArray[Any]:
    return np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values)
