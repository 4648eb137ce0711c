"""Photons that scatter twice: how many each ray holds, from the attenuation map, and their subtraction."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.records.units import R_E_ANGSTROM

from .attenuation import AttenuationMap, coarse_map, exit_depths, integrate_rays, mean_over_ways, ray_coordinates
from .readings import Channels
from .scattering_ways import Ways, scattered_ways, scattering_share

Array = NDArray[np.float64]


def subtract_double_scattering(
    lines: NDArray[np.float32], attenuation: AttenuationMap, channels: Channels, composition: Mapping[str, float]
) -> tuple[float, NDArray[np.float32]]:
    """Take photons scattered twice away from lines, shape (angle, translation, q), in place.

    Parameters
    ----------
    composition : mapping of str to float
        Atom fractions, for the cross sections.

    Returns
    -------
    percent : float
        What was taken away, in per cent of all scattering.
    chance : ndarray, shape (angle, translation)
        See :func:`twice_scattered`.
    """
    ways = scattered_ways(composition, channels.energy_kev)
    share = scattering_share(composition, channels.energy_kev)
    chance = twice_scattered(attenuation.mu, attenuation.geometry, ways, share)
    of_all, of_two = float(lines.sum(dtype=np.float64)), 0.0
    # view by view, because what is taken away would need as much memory as the lines
    for view, chances in enumerate(chance):
        twice = isotropic_lines(chances, channels.polarization)
        of_two += float(twice.sum(dtype=np.float64))
        lines[view] -= twice
    return 100 * of_two / of_all, chance


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


def isotropic_lines(chance: NDArray[Any], polarization: NDArray[Any]) -> NDArray[np.float32]:
    """What isotropic photons add to line integrals of scattering power, in electron units per cubic angstrom times mm.

    A chance c per photon is c / (4 pi) per steradian, where a line L counts as ``r_e^2 L P``.

    Parameters
    ----------
    chance : ndarray, shape (..., translation)
    polarization : ndarray, shape (q,)
        Factor that the lines were divided by.
    """
    per_line = 4 * np.pi * R_E_ANGSTROM**2 * 1e7
    return (chance[..., None] / (per_line * polarization)).astype(np.float32)
