"""Directions in which photons go on after scattering, and how much of the attenuation is scattering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xraylib
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: azimuths of a cone that are averaged
AZIMUTHS = 16
#: polar angles and azimuths (of half a turn: up and down are alike) of the direction after a first scattering
POLAR, AROUND = 12, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Directions after scattering, relative to the beam.

    Attributes
    ----------
    turn : ndarray, shape (..., way)
        Deflection in the plane of the slice, radians, positive towards falling translation.
    stretch : ndarray, shape (..., way)
        Length of the way over that of its projection onto the plane.
    weight : ndarray, shape (..., way)
        Share of the photons; sums to one.
    """

    turn: Array
    stretch: Array
    weight: Array


def detected_ways(two_theta: Array, distance_mm: float | None = None, reach_mm: Sequence[float] | None = None) -> Ways:
    """Ways to the detector at each scattering angle, shape (angle, way).

    Parameters
    ----------
    two_theta : ndarray, shape (angle,)
        Radians.
    distance_mm : float, optional
        From sample to detector.
    reach_mm : (low, high, down, up), optional
        From the beam to the edges of the detector towards falling and rising translation, down and up. Whole cones are
        averaged if it is not given, or where the detector sees nothing of a cone.
    """
    azimuth = 2 * np.pi * (np.arange(1440) + 0.5) / 1440
    across, up = np.cos(azimuth), np.sin(azimuth)
    turns, stretches = [], []
    for angle in two_theta:
        detected = np.ones(azimuth.shape, dtype=bool)
        if reach_mm is not None and distance_mm is not None:
            radius, (low, high, below, above) = distance_mm * np.tan(angle), reach_mm
            detected = (
                (radius * across <= low) & (-radius * across <= high) & (-radius * up <= below) & (radius * up <= above)
            )
        cone = np.flatnonzero(detected) if detected.any() else np.arange(azimuth.size)
        picked = cone[((np.arange(AZIMUTHS) + 0.5) * cone.size / AZIMUTHS).astype(int)]
        turns.append(np.arctan2(np.sin(angle) * across[picked], np.cos(angle)))
        stretches.append(1 / np.sqrt(1 - (np.sin(angle) * up[picked]) ** 2))
    return Ways(turn=np.array(turns), stretch=np.array(stretches), weight=np.full((len(turns), AZIMUTHS), 1 / AZIMUTHS))


def scattered_ways(composition: Mapping[str, float], energy_kev: float) -> Ways:
    """Ways after a first scattering, coherent or incoherent, weighted by the cross sections of free atoms (xraylib)."""
    nodes, gauss = np.polynomial.legendre.leggauss(POLAR)
    angles = np.arccos(nodes)
    azimuth = np.pi * (np.arange(AROUND) + 0.5) / AROUND
    per_sr = np.zeros(POLAR)
    for symbol, share in composition.items():
        z = xraylib.SymbolToAtomicNumber(symbol)
        atoms = share * xraylib.AtomicWeight(z)
        per_sr += [atoms * (xraylib.DCS_Rayl(z, energy_kev, a) + xraylib.DCS_Compt(z, energy_kev, a)) for a in angles]
    weight = np.repeat(gauss * per_sr, AROUND)
    sine, cosine = np.repeat(np.sin(angles), AROUND), np.repeat(np.cos(angles), AROUND)
    across, up = np.tile(np.cos(azimuth), POLAR), np.tile(np.sin(azimuth), POLAR)
    return Ways(
        turn=np.arctan2(sine * across, cosine),
        stretch=1 / np.sqrt(1 - (sine * up) ** 2),
        weight=weight / weight.sum(),
    )


def scattering_share(composition: Mapping[str, float], energy_kev: float) -> float:
    """Part of the attenuation that is scattering, coherent and incoherent (xraylib)."""
    total, scattered = 0.0, 0.0
    for symbol, share in composition.items():
        z = xraylib.SymbolToAtomicNumber(symbol)
        atoms = share * xraylib.AtomicWeight(z)
        total += atoms * xraylib.CS_Total(z, energy_kev)
        scattered += atoms * (xraylib.CS_Rayl(z, energy_kev) + xraylib.CS_Compt(z, energy_kev))
    return scattered / total
