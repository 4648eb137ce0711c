"""The attenuation map, from the transmission of the straight beam, and optical depths in it.

The sample is taken as the same above and below the slice: a photon that leaves the plane crosses the same material on a
longer way.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsct.analyze.tomography.fbp import fbp
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.rotation_axis import find_axis
from tsct.records.errors import InputError

Array = NDArray[np.float64]

#: directions in the plane for which the depth to the outside is tabulated
DIRECTIONS = 144
#: pixels along each side of the map in which depths are followed, at least
COARSE = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttenuationMap:
    """Linear attenuation of a slice.

    Attributes
    ----------
    mu : ndarray, shape (y, x)
        1/mm, none negative.
    geometry : ParallelGeometry
        Where the rays run that it was reconstructed from.
    """

    mu: Array
    geometry: ParallelGeometry


def absorbs(transmission: NDArray[Any]) -> bool:
    """Whether the straight beam, of shape (angle, translation), is weakened in every view, all its rays together."""
    return bool(np.all(np.mean(transmission, axis=1) < 1.0))


def attenuation_map(
    transmission: NDArray[Any], translations_mm: NDArray[Any], angles_deg: NDArray[Any], filter: str = "ramp"
) -> AttenuationMap:
    """Attenuation of a slice by filtered back-projection of the absorption; noise below zero is cut off.

    Parameters
    ----------
    transmission : ndarray, shape (angle, translation)
        Of the straight beam.
    translations_mm, angles_deg : ndarray
        Where the rays run.
    filter : str, optional
        Window on the ramp, as of :func:`~tsct.analyze.tomography.fbp.fbp`.

    Raises
    ------
    InputError
        If a transmission is not positive.
    """
    if not np.all(transmission > 0):
        raise InputError("scan: transmission must be positive in every frame")
    lines = -np.log(transmission)
    with warnings.catch_warnings():
        # the chain looks for the axis once more, and warns then
        warnings.simplefilter("ignore")
        axis, _ = find_axis(lines, translations_mm, angles_deg)
    geometry = ParallelGeometry.from_arrays(translations_mm, angles_deg, axis)
    image = fbp(lines[..., None].astype(np.float32), geometry, filter)[..., 0]
    return AttenuationMap(mu=np.maximum(image, 0.0).astype(np.float64), geometry=geometry)


def exit_depths(mu: NDArray[Any], pixel_mm: float) -> NDArray[np.float32]:
    """Optical depth from the middle of each pixel to the outside, shape (direction, y, x).

    Direction k points ``2 pi k / DIRECTIONS`` from x towards y.
    """
    turn = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    return _exit_depths(np.asarray(mu, dtype=np.float32), pixel_mm, np.cos(turn), np.sin(turn))


def coarse_map(mu: Array, voxel_mm: float) -> tuple[NDArray[np.float32], float]:
    """The map in pixels of about a thirtieth of its width, which the depths need no finer, around the same middle."""
    n = mu.shape[0]
    factor = max(n // COARSE, 1)
    missing = -n % factor
    # an even number of new pixels too many on one side would shift the middle, so what is missing goes on both
    before = missing // 2
    padded = np.pad(mu, (before, missing - before))
    m = padded.shape[0] // factor
    mean = padded.reshape(m, factor, m, factor).mean(axis=(1, 3))
    return np.ascontiguousarray(mean, dtype=np.float32), factor * voxel_mm


def ray_coordinates(geometry: ParallelGeometry) -> tuple[Array, Array]:
    """Angle of every view in radians, and distance of every ray from the axis in mm."""
    return np.radians(np.asarray(geometry.angles_deg)), np.asarray(geometry.translations_mm) - geometry.axis_mm


@njit(cache=True, nogil=True)
def _bilinear(image: NDArray[Any], x: float, y: float) -> float:  # pragma: no cover - compiled
    """Value between the middles of voxels; zero outside."""
    ix, iy = int(np.floor(x)), int(np.floor(y))
    if ix < 0 or iy < 0 or ix >= image.shape[1] - 1 or iy >= image.shape[0] - 1:
        return 0.0
    u, v = x - ix, y - iy
    low = (1 - u) * image[iy, ix] + u * image[iy, ix + 1]
    high = (1 - u) * image[iy + 1, ix] + u * image[iy + 1, ix + 1]
    return (1 - v) * low + v * high


@njit(cache=True, nogil=True)
def _exit_depths(
    mu: NDArray[Any], voxel: float, cos: NDArray[Any], sin: NDArray[Any]
) -> NDArray[Any]:  # pragma: no cover - compiled
    n = mu.shape[0]
    depth = np.zeros((cos.size, n, n), dtype=np.float32)
    for d in range(cos.size):
        for iy in range(n):
            for ix in range(n):
                total, x, y = 0.0, ix + 0.5 * cos[d], iy + 0.5 * sin[d]
                while 0 <= x <= n - 1 and 0 <= y <= n - 1:
                    total += _bilinear(mu, x, y)
                    x, y = x + cos[d], y + sin[d]
                depth[d, iy, ix] = total * voxel
    return depth


def turned_directions(turns: float) -> NDArray[np.int64]:
    """Index of the direction that lies so many turns further, for each direction."""
    return (np.arange(DIRECTIONS) + round(turns * DIRECTIONS)) % DIRECTIONS


@njit(cache=True, nogil=True)
def mean_over_ways(
    depth: NDArray[Any], turn: NDArray[Any], stretch: NDArray[Any], weight: NDArray[Any], stopped: bool
) -> NDArray[Any]:  # pragma: no cover - compiled
    """Mean share of photons that leave (or, `stopped`, do not) by ways relative to each direction of the beam."""
    directions, n, m = depth.shape
    mean = np.zeros(depth.shape, dtype=np.float32)
    for w in range(turn.size):
        shift = int(np.rint(turn[w] * directions / (2 * np.pi)))
        length, share = np.float32(stretch[w]), np.float32(weight[w])
        for d in range(directions):
            out, row = depth[(d + shift) % directions], mean[d]
            for i in range(n):
                for j in range(m):
                    through = np.exp(-out[i, j] * length)
                    row[i, j] += share * (1 - through if stopped else through)
    return mean


@njit(cache=True, nogil=True)
def integrate_rays(
    images: NDArray[Any], angles: NDArray[Any], offsets: NDArray[Any], pixel: float
) -> NDArray[Any]:  # pragma: no cover - compiled
    """Line integrals of an image that depends on the direction of the beam, shape (angle, translation).

    The beam of angle theta runs along (-sin, cos).
    """
    directions, n, _ = images.shape
    total = np.zeros((angles.size, offsets.size))
    step, middle = pixel / 2, (n - 1) / 2
    for a in range(angles.size):
        cos, sin = np.cos(angles[a]), np.sin(angles[a])
        image = images[int(np.rint((angles[a] / (2 * np.pi) + 0.25) * directions)) % directions]
        for t in range(offsets.size):
            for k in range(4 * n):
                s = (k - 2 * n + 0.5) * step
                x, y = (offsets[t] * cos - s * sin) / pixel, (offsets[t] * sin + s * cos) / pixel
                total[a, t] += step * _bilinear(image, x + middle, y + middle)
    return total
