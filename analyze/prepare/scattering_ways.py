"""Directions in which photons go on after scattering, and how much of the attenuation is scattering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xraylib
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from .attenuation import DIRECTIONS

Array = NDArray[np.float64]

#: azimuths of a cone that are looked up in the detector
AZIMUTHS = 2880
#: tabulated directions between two deflections that are followed, and elevations out of the plane that are
SPACING, ELEVATIONS = 5, 3
#: polar angles and azimuths (of half a turn: up and down are alike) of the direction after a first scattering
POLAR, AROUND = 12, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """Where a flat detector normal to the beam counts.

    Attributes
    ----------
    distance_mm : float
        From the sample.
    reach_mm : (low, high, down, up)
        From the beam to the edges of the detector towards falling and rising translation, down and up.
    gaps_across_mm, gaps_up_mm : sequence of float
        Where its columns and rows do not count, as (from, to, from, to, ...), from the beam towards falling translation
        and up.
    """

    distance_mm: float
    reach_mm: Sequence[float]
    gaps_across_mm: Sequence[float] = ()
    gaps_up_mm: Sequence[float] = ()

    def counts(self, two_theta: float, across: Array, up: Array) -> NDArray[np.bool_]:
        """Whether photons of a cone are counted, in directions (across, up) around it."""
        radius, (low, high, below, above) = self.distance_mm * np.tan(two_theta), self.reach_mm
        columns, rows = ([-high, *self.gaps_across_mm, low], [-below, *self.gaps_up_mm, above])
        # an odd number of edges lies before a place between a gap and the next one
        return np.logical_and(*(np.searchsorted(e, radius * x) % 2 == 1 for e, x in ((columns, across), (rows, up))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Directions after scattering, relative to the beam.

    Attributes
    ----------
    turn : ndarray, shape (way,)
        Deflection in the plane of the slice, radians, positive towards falling translation.
    stretch : ndarray, shape (way,)
        Length of the way over that of its projection onto the plane.
    weight : ndarray, shape (..., way)
        Share of the photons; sums to one. Where ways stand for those between them, some are negative.
    """

    turn: Array
    stretch: Array
    weight: Array


def detected_ways(two_theta: Array, face: Face | None = None) -> Ways:
    """Ways to the detector: a few, the same for all scattering angles, with their weights at each, shape (angle, way).

    What a way costs is a smooth function of its deflection in the plane and its elevation out of it. It is followed on
    a grid of these, and between its points a cubic spline in the deflection times a parabola in the squared sine of the
    elevation stands for it. What the detector sees of a cone changes abruptly with its angle, at edges and gaps: so the
    mean over the seen azimuths is taken at each angle.

    Parameters
    ----------
    two_theta : ndarray, shape (angle,)
        Radians.
    face : Face, optional
        Of the detector. Whole cones are averaged if it is not given, or where the detector sees nothing of a cone.
    """
    azimuth = 2 * np.pi * (np.arange(AZIMUTHS) + 0.5) / AZIMUTHS
    across, up = np.cos(azimuth), np.sin(azimuth)
    widest = float(np.clip(np.max(two_theta), 0.1, np.pi))
    spacing = 2 * np.pi * SPACING / DIRECTIONS
    turns = spacing * np.arange(-(number := max(int(np.ceil(widest / spacing)), 2)), number + 1)
    steps = np.pi * (np.arange(ELEVATIONS) + 0.5) / ELEVATIONS
    raised = np.sin(min(widest, np.pi / 2)) ** 2 * 0.5 * (1 - np.cos(steps))
    spline, parabola = CubicSpline(turns, np.eye(turns.size)), np.linalg.inv(np.vander(raised))
    weights = []
    for angle in two_theta:
        seen = np.ones(AZIMUTHS, dtype=bool) if face is None else face.counts(angle, across, up)
        cone = seen if seen.any() else ~seen
        in_turn = spline(np.arctan2(np.sin(angle) * across[cone], np.cos(angle)))
        in_elevation = np.vander((np.sin(angle) * up[cone]) ** 2, ELEVATIONS) @ parabola
        weights.append((in_turn.T @ in_elevation).ravel() / len(in_turn))
    return Ways(
        turn=np.repeat(turns, ELEVATIONS),
        stretch=np.tile(1 / np.sqrt(1 - raised), turns.size),
        weight=np.array(weights),
    )


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
