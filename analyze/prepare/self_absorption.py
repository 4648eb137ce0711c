"""Absorption on the way out of the sample, which is not the way that a photon would have gone straight on.

The straight beam's transmission is measured and divided out. A scattered photon leaves in another direction, so what it
crosses differs: by a factor that is averaged over each ray, for any method of reconstruction, or that each voxel has in
each view, for the operator of iterative ones. The mean is right for a phase that is spread along the ray as the
attenuation is, the operator for each phase.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.records.errors import InputError

from .attenuation import (
    DIRECTIONS,
    AttenuationMap,
    coarse_map,
    exit_depths,
    integrate_rays,
    mean_over_ways,
    ray_coordinates,
    turned_directions,
)
from .corrections import WaysOut
from .readings import Channels
from .scattering_ways import Ways, detected_ways

Array = NDArray[np.float64]

#: scattering angles whose ways out enter the operator of an iterative method; between them images are interpolated in Q
NODES = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Absorption:
    """Absorption on the way out over that of photons that go straight on, at some scattering angles.

    Attributes
    ----------
    voxels : ndarray, shape (node, angle, y, x)
        Of each voxel in each view.
    rays : ndarray, shape (node, angle, translation)
        Mean over each ray.
    shares : ndarray, shape (node, q)
        Linear interpolation between the nodes.
    """

    voxels: NDArray[np.float32]
    rays: NDArray[np.float32]
    shares: NDArray[np.float32]


def ray_absorption(attenuation: AttenuationMap, channels: Channels) -> WaysOut:
    """What lines are divided by for the way out of the sample, mean over each ray."""
    ways = detected_ways(channels.two_theta, channels.face)
    return WaysOut(factors=way_factors(attenuation.mu, attenuation.geometry, ways), weights=ways.weight)


def voxel_absorption(attenuation: AttenuationMap | None, channels: Channels, geometry: ParallelGeometry) -> Absorption:
    """Absorption of every voxel in every view, for the operator of an iterative method.

    Parameters
    ----------
    attenuation : AttenuationMap or None
        Of the straight beam; None where the transmission is not known, or one.
    channels : Channels
        Of the detector.
    geometry : ParallelGeometry
        Where the rays of the images run.

    Raises
    ------
    InputError
        If there is no attenuation map.
    """
    if attenuation is None:
        raise InputError("analysis.absorption_per_voxel needs a transmission below one, which this scan does not hold")
    nodes = np.linspace(0, len(channels.q) - 1, NODES).round().astype(int)
    ways = detected_ways(channels.two_theta[nodes], channels.face)
    at = channels.q[nodes]
    return Absorption(
        voxels=voxel_factors(attenuation.mu, geometry, ways),
        rays=(way_factors(attenuation.mu, attenuation.geometry, ways) @ ways.weight.T)
        .transpose(2, 0, 1)
        .astype(np.float32),
        shares=np.stack([np.interp(channels.q, at, row) for row in np.eye(NODES)]).astype(np.float32),
    )


def way_factors(mu: Array, geometry: ParallelGeometry, ways: Ways) -> NDArray[np.float32]:
    """Absorption on each way out over that of a photon that goes straight on, mean over each ray.

    Points of the ray are weighted with the attenuation there, which at high energy is nearly all scattering.

    Parameters
    ----------
    mu : ndarray, shape (y, x)
        Attenuation, 1/mm.
    geometry : ParallelGeometry
        Where rays and voxels are.
    ways : Ways
        As :func:`~tsct.analyze.prepare.scattering_ways.detected_ways` returns; with its weights, ``factors @ weight.T``
        is what arrives at each scattering angle.

    Returns
    -------
    ndarray, shape (angle, translation, way)
        One where the ray meets nothing.
    """
    coarse, pixel = coarse_map(mu, geometry.voxel_mm)
    depth = exit_depths(coarse, pixel)
    straight = np.exp(-depth)
    rays = ray_coordinates(geometry)
    # what comes in has crossed the depth behind
    entered = straight[turned_directions(0.5)] * coarse
    total = integrate_rays(entered * straight, *rays, pixel)
    bent = np.stack(
        [
            integrate_rays(entered * np.exp(-stretch * depth[turned_directions(turn / (2 * np.pi))]), *rays, pixel)
            for turn, stretch in zip(ways.turn, ways.stretch.astype(np.float32), strict=True)
        ],
        axis=-1,
    )
    return np.where(total[..., None] > 0, bent / np.where(total > 0, total, 1)[..., None], 1).astype(np.float32)


def phase_factors(mu: Array, amounts: NDArray[Any], geometry: ParallelGeometry, ways: Ways) -> NDArray[np.float64]:
    """Absorption on the way out, mean over a ray for each phase, over the mean that :func:`way_factors` takes for all.

    Of all scattering angles together: ways are weighted with their mean over the angles.

    Parameters
    ----------
    mu, geometry, ways
        As :func:`way_factors`.
    amounts : ndarray, shape (phase, y, x)
        Maps of the phases; what is below zero counts as none.

    Returns
    -------
    ndarray, shape (angle, translation, phase)
        One where a ray meets none of a phase, or all is spread alike.
    """
    coarse, pixel = coarse_map(mu, geometry.voxel_mm)
    depth, rays = exit_depths(coarse, pixel), ray_coordinates(geometry)
    straight = np.exp(-depth)
    bent = np.zeros_like(straight)
    for turn, stretch, weight in zip(ways.turn, ways.stretch, ways.weight.mean(axis=0), strict=True):
        bent += np.float32(weight) * np.exp(-np.float32(stretch) * depth[turned_directions(turn / (2 * np.pi))])
    entered = straight[turned_directions(0.5)]

    def factor(image: NDArray[Any]) -> NDArray[np.float64]:
        total = integrate_rays(entered * straight * image, *rays, pixel)
        out = integrate_rays(entered * bent * image, *rays, pixel)
        return np.divide(out, total, out=np.full_like(total, np.nan), where=total > 0)

    of_all = factor(coarse)
    maps = (coarse_map(np.maximum(amount, 0.0), geometry.voxel_mm)[0] for amount in amounts)
    return np.nan_to_num(np.stack([factor(image) / of_all for image in maps], axis=-1), nan=1.0)


def voxel_factors(mu: Array, geometry: ParallelGeometry, ways: Ways) -> NDArray[np.float32]:
    """Absorption on the real way out over that of a photon that goes straight on, of each voxel in each view.

    For iterative methods, whose operator can carry it exactly (``transmission`` of
    :func:`~tsct.analyze.tomography.reconstruct.reconstruct`) where :func:`way_factors` corrects the mean of each ray.
    The way in and the straight way out make up the transmission of the ray, which is measured and divided out as ever.

    Parameters
    ----------
    mu, geometry, ways
        As :func:`way_factors`.

    Returns
    -------
    ndarray, shape (node, angle, y, x)
    """
    depth = exit_depths(mu, geometry.voxel_mm)
    turns = np.asarray(geometry.angles_deg) / 360.0
    ahead = np.rint((turns + 0.25) * DIRECTIONS).astype(int) % DIRECTIONS
    straight = np.exp(-depth[ahead])
    means = (mean_over_ways(depth, ways.turn, ways.stretch, weight, False)[ahead] for weight in ways.weight)
    return np.stack([mean / straight for mean in means])
