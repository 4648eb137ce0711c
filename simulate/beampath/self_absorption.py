"""Absorption along the real paths of scattered photons, ray by ray and direction by direction.

What a way out costs changes smoothly with its direction. What the detector sees of a cone does not change smoothly with
its angle: a beam in the corner loses most of the azimuths within a degree, edges and gaps between modules come and go.
So the absorption is followed to a few directions, and its mean over the seen azimuths is taken in each Q bin.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsct.simulate.beamline.beamline import Beamline

#: scattering angles, and azimuths of half a turn (up and down are alike), to which the ways out are followed
ANGLES, AZIMUTHS = 5, 6
#: directions around a full turn for which the way out of the sample is tabulated
DIRECTIONS = 180
#: azimuths around a cone that are looked up in the detector
RING = 4096


def outgoing_factors(
    attenuation: NDArray[Any], scattering: NDArray[Any], pixel_mm: float, beamline: Beamline, rays_mm: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Absorption on the true way out relative to a photon that goes straight on.

    The sample is taken as the same above and below the slice, so a photon that leaves the plane crosses the same
    material on a longer way. The mean over the ray is weighted with what scatters there, that over the cone with what
    the detector sees of it; polarisation, which favours some azimuths, is left out of this mean.

    Parameters
    ----------
    attenuation, scattering : ndarray, shape (y, x)
        Linear attenuation (1/mm) and scattering power (any unit).
    pixel_mm : float
        Of both maps.
    beamline : Beamline
        Angles, Q grid and the part of each cone that the detector sees.
    rays_mm : ndarray, shape (angle, translation)
        Where the rays pass the rotation axis.

    Returns
    -------
    factors : ndarray, shape (angle, translation, node)
        For each direction that is followed.
    basis : ndarray, shape (node, q)
        ``factors @ basis`` is the factor of each Q bin: a polynomial in the scattering angle times a series of cosines
        in the azimuth, averaged over the seen azimuths.
    """
    two_theta, azimuth = _nodes(beamline)
    sine = np.sin(two_theta)[:, None]
    deflection = np.arctan2(sine * np.cos(azimuth), np.cos(two_theta)[:, None]).ravel()
    stretch = (1 / np.sqrt(1 - (sine * np.sin(azimuth)) ** 2)).ravel()
    turn = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    depth = _exit_depths(attenuation, pixel_mm, np.cos(turn), np.sin(turn))
    angles = np.radians(beamline.scan.angles_deg)
    factors = _along_rays(depth, scattering, pixel_mm, angles, rays_mm, deflection, stretch)
    return factors, _basis(beamline)


def _nodes(beamline: Beamline) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scattering angles and azimuths that are followed, in radians: where Chebyshev polynomials vanish."""
    steps = np.pi * (np.arange(ANGLES) + 0.5) / ANGLES
    return beamline.two_theta[-1] * 0.5 * (1 - np.cos(steps)), np.pi * (np.arange(AZIMUTHS) + 0.5) / AZIMUTHS


@lru_cache(maxsize=8)
def _basis(beamline: Beamline) -> NDArray[np.float64]:
    """Share of each direction (angle, azimuth) in each Q bin, shape (node, q)."""
    two_theta, azimuth = _nodes(beamline)
    of_angle = _cardinal(*(2 * angle / beamline.two_theta[-1] - 1 for angle in (two_theta, beamline.two_theta)))
    order = np.arange(AZIMUTHS)
    # interpolation between the azimuths by cosines: the discrete cosine transform there and back
    series = np.cos(np.outer(azimuth, order)) * np.where(order, 2, 1) / AZIMUTHS
    of_azimuth = series @ _mean_cosines(beamline, order)
    return (of_angle[:, None] * of_azimuth).reshape(ANGLES * AZIMUTHS, -1)


def _cardinal(nodes: NDArray[Any], at: NDArray[Any]) -> NDArray[np.float64]:
    """Polynomials that are one at their own node and zero at the others, shape (node, at)."""
    inverse = np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, len(nodes) - 1))
    return inverse.T @ np.polynomial.chebyshev.chebvander(at, len(nodes) - 1).T


def _mean_cosines(beamline: Beamline, order: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of cos(order chi) over the azimuths that the detector sees, shape (order, q); zero of an unseen cone."""
    chi = 2 * np.pi * (np.arange(RING) + 0.5) / RING
    radius = beamline.distance_mm * np.tan(beamline.two_theta)[:, None]
    seen = beamline.detector.sees(radius * np.cos(chi), radius * np.sin(chi))
    moments = np.cos(np.outer(order, chi)) @ seen.T.astype(np.float64) / np.maximum(seen.sum(axis=1), 1)
    # a cone that is not seen at all has no counts to be weakened
    moments[0] = 1.0
    return moments


@njit(cache=True, nogil=True)
def _exit_depths(
    attenuation: NDArray[Any], pixel: float, cos: NDArray[Any], sin: NDArray[Any]
) -> NDArray[Any]:  # pragma: no cover - compiled
    """Optical depth from the middle of each pixel to the outside in each direction, shape (y, x, direction).

    Exact for pixels of constant attenuation: from edge to edge (Siddon, Med. Phys. 12, 252 (1985)).
    """
    ny, nx = attenuation.shape
    depth = np.zeros((ny, nx, len(cos)))
    for iy in range(ny):
        for ix in range(nx):
            for d in range(len(cos)):
                right, up = 1 if cos[d] > 0 else -1, 1 if sin[d] > 0 else -1
                # way between two edges, and to the next one, in pixels
                across, along = 1 / max(abs(cos[d]), 1e-12), 1 / max(abs(sin[d]), 1e-12)
                next_x, next_y = 0.5 * across, 0.5 * along
                jx, jy, way, total = ix, iy, 0.0, 0.0
                while 0 <= jx < nx and 0 <= jy < ny:
                    edge = min(next_x, next_y)
                    total += attenuation[jy, jx] * (edge - way)
                    way = edge
                    if next_x <= next_y:
                        jx, next_x = jx + right, next_x + across
                    else:
                        jy, next_y = jy + up, next_y + along
                depth[iy, ix, d] = total * pixel
    return depth


@njit(cache=True, nogil=True, inline="always")
def _between(corners: NDArray[Any], weights: NDArray[Any], turns: float) -> float:  # pragma: no cover - compiled
    """Depth at a point between four pixels in a direction between two that are tabulated."""
    directions = corners.shape[1]
    low = int(np.floor(turns * directions))
    part = turns * directions - low
    first, second = low % directions, (low + 1) % directions
    total = 0.0
    for c in range(4):
        total += weights[c] * ((1 - part) * corners[c, first] + part * corners[c, second])
    return total


@njit(cache=True, nogil=True)
def _along_rays(  # pragma: no cover - compiled
    depth: NDArray[Any],
    scattering: NDArray[Any],
    pixel: float,
    angles: NDArray[Any],
    rays: NDArray[Any],
    deflection: NDArray[Any],
    stretch: NDArray[Any],
) -> NDArray[Any]:
    """Mean over each ray of exp(-in - out) over exp(-in - straight on), shape (angle, translation, node)."""
    ny, nx, directions = depth.shape
    factors = np.ones((*rays.shape, len(deflection)))
    mean, weights, corners = np.zeros(len(deflection)), np.zeros(4), np.zeros((4, directions))
    for a in range(len(angles)):
        cos, sin = np.cos(angles[a]), np.sin(angles[a])
        # the beam runs along (-sin, cos)
        heading = angles[a] / (2 * np.pi) + 0.25
        for t in range(rays.shape[1]):
            mean[:] = 0.0
            total = 0.0
            for k in range(2 * max(ny, nx)):
                s = (k - max(ny, nx) + 0.5) * pixel
                x = (rays[a, t] * cos - s * sin) / pixel + (nx - 1) / 2
                y = (rays[a, t] * sin + s * cos) / pixel + (ny - 1) / 2
                ix, iy = int(np.floor(x)), int(np.floor(y))
                if ix < 0 or iy < 0 or ix >= nx - 1 or iy >= ny - 1:
                    continue
                power = 0.0
                for c in range(4):
                    jx, jy = ix + c % 2, iy + c // 2
                    weights[c] = (1 - abs(x - jx)) * (1 - abs(y - jy))
                    power += weights[c] * scattering[jy, jx]
                    corners[c] = depth[jy, jx]
                if power <= 0.0:
                    continue
                power *= np.exp(-_between(corners, weights, heading + 0.5))
                total += power * np.exp(-_between(corners, weights, heading))
                for node in range(len(deflection)):
                    out = _between(corners, weights, heading + deflection[node] / (2 * np.pi))
                    mean[node] += power * np.exp(-out * stretch[node])
            if total > 0.0:
                for node in range(len(deflection)):
                    factors[a, t, node] = mean[node] / total
    return factors
