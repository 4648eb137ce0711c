"""Photons that scatter twice: how many each ray holds, from the attenuation map."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.tomography.geometry import ParallelGeometry

from .attenuation import AttenuationMap, coarse_map, exit_depths, integrate_rays, mean_over_ways, ray_coordinates
from .readings import Channels
from .scattering_ways import Ways, scattered_ways, scattering_share

Array = NDArray[np.float64]


def double_scattering(
    attenuation: AttenuationMap, channels: Channels, composition: Mapping[str, float]
) -> NDArray[np.float32]:
    """Photons of each ray that scatter a second time in the sample of a tile; see :func:`twice_scattered`.

    Parameters
    ----------
    composition : mapping of str to float
        Atom fractions, for the cross sections.
    """
    ways = scattered_ways(composition, channels.energy_kev)
    share = scattering_share(composition, channels.energy_kev)
    return twice_scattered(attenuation.mu, attenuation.geometry, ways, share)


def twice_scattered(mu: Array, geometry: ParallelGeometry, ways: Ways, share: float) -> NDArray[np.float32]:
    """Photons that scatter a second time, per photon that would have passed the ray without any scattering.

    A photon that scatters at x into a way of optical depth A scatters again with the chance ``share (1 - exp(-A))``
    (Blech and Averbach, Phys. Rev. 137, A1113 (1965), treat the same event for slabs); how it then leaves is taken from
    the straight way, and its direction as isotropic. Third scatterings are neglected.

    Parameters
    ----------
    mu, geometry
        As :func:`~tsct.analyze.prepare.self_absorption.way_factors`.
    ways : Ways
        As :func:`scattered_ways` returns, shape (way,).
    share : float
        See :func:`scattering_share`.

    Returns
    -------
    ndarray, shape (angle, translation)
    """
    coarse, pixel = coarse_map(mu, geometry.voxel_mm)
    again = mean_over_ways(exit_depths(coarse, pixel), ways.turn, ways.stretch, ways.weight, True)
    return (share**2 * integrate_rays(again * coarse, *ray_coordinates(geometry), pixel)).astype(np.float32)
