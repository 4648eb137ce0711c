"""Absorption on the way out of the sample, which is not the way that a photon would have gone straight on.

The straight beam's transmission is measured and divided out. A scattered photon leaves in another direction, so what it
crosses differs: by a factor that is averaged over each ray, for any method of reconstruction, or that each voxel has in
each view, for the operator of iterative ones. The mean is right for a phase that is spread along the ray as the
attenuation is, the operator for each phase.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.records.errors import InputError
from tsct.records.units import two_theta_rad, wavelength_angstrom

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
from .readings import Channels
from .scattering_ways import Ways, detected_ways

Array = NDArray[np.float64]

#: scattering angles at which the ways out are averaged; between them factors are interpolated in Q
NODES = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Absorption:
    """Absorption on the way out over that of photons that go straight on, at some scattering angles.

    Attributes
    ----------
    voxels : ndarray, shape (node, angle, y, x)
        Of each voxel in each view.
    rays : ndarray, shape (angle, translation, node)
        Mean over each ray, which its lines were divided by.
    basis : ndarray, shape (node, q)
        Linear interpolation between the nodes.
    """

    voxels: NDArray[np.float32]
    rays: NDArray[np.float32]
    basis: NDArray[np.float32]

    def weaken(self, lines: NDArray[np.float32], channels: NDArray[np.intp]) -> NDArray[np.float32]:
        """Lines of some channels of the tile, shape (angle, translation, channel), as weak as they arrived."""
        basis = self.basis[:, channels]
        return np.stack([line * (factor @ basis) for line, factor in zip(lines, self.rays, strict=True)])


def undo_ray_absorption(
    lines: NDArray[np.float32], variance: NDArray[np.float32], attenuation: AttenuationMap, channels: Channels
) -> float:
    """Divide lines and their variance, shape (angle, translation, q), by the mean factor of each ray, in place.

    Returns
    -------
    float
        Root mean square of the change, in per cent.
    """
    ways, basis = _node_ways(channels)
    factors = out_factors(attenuation.mu, attenuation.geometry, ways)
    for view, factor in enumerate(factors):
        lines[view] /= factor @ basis
        variance[view] /= (factor @ basis) ** 2
    return 100 * float(np.sqrt(np.mean((factors - 1.0) ** 2)))


def voxel_absorption(attenuation: AttenuationMap | None, channels: Channels, geometry: ParallelGeometry) -> Absorption:
    """Absorption of every voxel in every view, for the operator of an iterative method.

    Parameters
    ----------
    attenuation : AttenuationMap or None
        Of the straight beam; None where the transmission is not known.
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
        raise InputError("analysis.absorption_per_voxel needs the transmission, which this scan says was divided out")
    ways, basis = _node_ways(channels)
    return Absorption(
        voxels=voxel_factors(attenuation.mu, geometry, ways),
        rays=out_factors(attenuation.mu, attenuation.geometry, ways),
        basis=basis,
    )


def out_factors(mu: Array, geometry: ParallelGeometry, ways: Ways) -> NDArray[np.float32]:
    """Absorption on the real way out over that of a photon that goes straight on, mean over each ray.

    Points of the ray are weighted with the attenuation there, which at high energy is nearly all scattering.

    Parameters
    ----------
    mu : ndarray, shape (y, x)
        Attenuation, 1/mm.
    geometry : ParallelGeometry
        Where rays and voxels are.
    ways : Ways
        As :func:`~tsct.analyze.prepare.scattering_ways.detected_ways` returns, shape (node, way).

    Returns
    -------
    ndarray, shape (angle, translation, node)
        One where the ray meets nothing.
    """
    coarse, pixel = coarse_map(mu, geometry.voxel_mm)
    depth = exit_depths(coarse, pixel)
    straight = np.exp(-depth)
    nodes = zip(ways.turn, ways.stretch, ways.weight, strict=True)
    leaving = np.stack([mean_over_ways(depth, *node, False) for node in nodes])
    rays = ray_coordinates(geometry)
    # what comes in has crossed the depth behind
    entered = straight[turned_directions(0.5)] * coarse
    total = integrate_rays(entered * straight, *rays, pixel)
    bent = np.stack([integrate_rays(entered * out, *rays, pixel) for out in leaving], axis=-1)
    return np.where(total[..., None] > 0, bent / np.where(total > 0, total, 1)[..., None], 1).astype(np.float32)


def voxel_factors(mu: Array, geometry: ParallelGeometry, ways: Ways) -> NDArray[np.float32]:
    """Absorption on the real way out over that of a photon that goes straight on, of each voxel in each view.

    For iterative methods, whose operator can carry it exactly (``transmission`` of
    :func:`~tsct.analyze.tomography.reconstruct.reconstruct`) where :func:`out_factors` corrects the mean of each ray.
    The way in and the straight way out make up the transmission of the ray, which is measured and divided out as ever.

    Parameters
    ----------
    mu, geometry, ways
        As :func:`out_factors`.

    Returns
    -------
    ndarray, shape (node, angle, y, x)
    """
    depth = exit_depths(mu, geometry.voxel_mm)
    turns = np.asarray(geometry.angles_deg) / 360.0
    ahead = np.rint((turns + 0.25) * DIRECTIONS).astype(int) % DIRECTIONS
    straight = np.exp(-depth[ahead])
    nodes = zip(ways.turn, ways.stretch, ways.weight, strict=True)
    return np.stack([mean_over_ways(depth, *node, False)[ahead] / straight for node in nodes])


def _node_ways(channels: Channels) -> tuple[Ways, NDArray[np.float32]]:
    """Ways to the detector at the nodes, and the matrix (node, q) that interpolates between these in Q."""
    at = np.linspace(channels.q[0], channels.q[-1], NODES)
    basis = np.stack([np.interp(channels.q, at, row) for row in np.eye(NODES)])
    two_theta = two_theta_rad(at, wavelength_angstrom(channels.energy_kev))
    return detected_ways(two_theta, channels.distance_mm, channels.reach_mm), basis.astype(np.float32)
