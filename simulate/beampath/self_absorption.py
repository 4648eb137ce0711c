"""Absorption along the real paths of scattered photons, ray by ray and angle by angle."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsct.simulate.beamline.beamline import Beamline

#: scattering angles between which the absorption is interpolated, evenly spaced in Q
NODES = 4
#: directions around a full turn for which the way out of the sample is tabulated
DIRECTIONS = 180
#: azimuths of the detector over which a cone is averaged
AZIMUTHS = 12


def outgoing_factors(
    attenuation: NDArray[Any], scattering: NDArray[Any], pixel_mm: float, beamline: Beamline, rays_mm: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Absorption on the true way out relative to a photon that goes straight on.

    The sample is taken as the same above and below the slice, so a photon that leaves the plane crosses the same
    material on a longer way. The mean over the ray is weighted with what scatters there.

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
    basis : ndarray, shape (node, q)
        Linear interpolation between the nodes; ``factors @ basis`` is the factor of each Q bin.
    """
    q = beamline.scan.q
    at = np.linspace(q[0], q[-1], NODES)
    basis = np.stack([np.interp(q, at, row) for row in np.eye(NODES)])
    two_theta = np.interp(at, q, beamline.two_theta)
    deflection, stretch, weight = _ways_out(two_theta, beamline)
    turn = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    depth = _exit_depths(attenuation, pixel_mm, np.cos(turn), np.sin(turn))
    angles = np.radians(beamline.scan.angles_deg)
    factors = _along_rays(depth, scattering, pixel_mm, angles, rays_mm, deflection, stretch, weight)
    return factors, basis


def _ways_out(two_theta: NDArray[Any], beamline: Beamline) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Deflection in the plane (radians), stretch of the path and weight, each (node, azimuth)."""
    fine = 2 * np.pi * (np.arange(720) + 0.5) / 720
    rows = []
    for angle in two_theta:
        radius = beamline.distance_mm * np.tan(angle)
        seen = fine[beamline.detector.sees(radius * np.cos(fine), radius * np.sin(fine))]
        chi = np.quantile(seen, (np.arange(AZIMUTHS) + 0.5) / AZIMUTHS) if len(seen) else np.zeros(AZIMUTHS)
        deflection = np.arctan2(np.sin(angle) * np.cos(chi), np.cos(angle))
        stretch = 1 / np.sqrt(1 - (np.sin(angle) * np.sin(chi)) ** 2)
        rows.append((deflection, stretch, np.full(AZIMUTHS, 1 / AZIMUTHS)))
    deflection, stretch, weight = (np.array(part) for part in zip(*rows, strict=True))
    return deflection, stretch, weight


@njit(cache=True, nogil=True)
def _exit_depths(
    attenuation: NDArray[Any], pixel: float, cos: NDArray[Any], sin: NDArray[Any]
) -> NDArray[Any]:  # pragma: no cover - compiled
    """Optical depth from the middle of each pixel to the outside in each direction, shape (direction, y, x)."""
    ny, nx = attenuation.shape
    depth = np.zeros((len(cos), ny, nx))
    for d in range(len(cos)):
        for iy in range(ny):
            for ix in range(nx):
                total, step = 0.5 * attenuation[iy, ix], 1.0
                while True:
                    x, y = ix + step * cos[d], iy + step * sin[d]
                    jx, jy = int(np.rint(x)), int(np.rint(y))
                    if jx < 0 or jy < 0 or jx >= nx or jy >= ny:
                        break
                    total += attenuation[jy, jx]
                    step += 1.0
                depth[d, iy, ix] = total * pixel
    return depth


@njit(cache=True, nogil=True)
def _along_rays(  # pragma: no cover - compiled
    depth: NDArray[Any],
    scattering: NDArray[Any],
    pixel: float,
    angles: NDArray[Any],
    rays: NDArray[Any],
    deflection: NDArray[Any],
    stretch: NDArray[Any],
    weight: NDArray[Any],
) -> NDArray[Any]:
    """Mean over each ray of exp(-in - out) over exp(-in - straight on), shape (angle, translation, node)."""
    directions, ny, nx = depth.shape
    nodes, azimuths = deflection.shape
    factors = np.ones((*rays.shape, nodes))
    mean = np.zeros(nodes)
    per_turn = directions / (2 * np.pi)
    for a in range(len(angles)):
        cos, sin = np.cos(angles[a]), np.sin(angles[a])
        # the beam runs along (-sin, cos)
        heading = angles[a] + 0.5 * np.pi
        ahead = int(np.rint(heading * per_turn)) % directions
        back = int(np.rint((heading + np.pi) * per_turn)) % directions
        for t in range(rays.shape[1]):
            mean[:] = 0.0
            total = 0.0
            for k in range(2 * max(ny, nx)):
                s = (k - max(ny, nx) + 0.5) * pixel
                ix = int(np.rint((rays[a, t] * cos - s * sin) / pixel + (nx - 1) / 2))
                iy = int(np.rint((rays[a, t] * sin + s * cos) / pixel + (ny - 1) / 2))
                if ix < 0 or iy < 0 or ix >= nx or iy >= ny or scattering[iy, ix] <= 0.0:
                    continue
                into = depth[back, iy, ix]
                total += scattering[iy, ix] * np.exp(-into - depth[ahead, iy, ix])
                for node in range(nodes):
                    for z in range(azimuths):
                        out = int(np.rint((heading + deflection[node, z]) * per_turn)) % directions
                        way = depth[out, iy, ix] * stretch[node, z]
                        mean[node] += weight[node, z] * scattering[iy, ix] * np.exp(-into - way)
            if total > 0.0:
                for node in range(nodes):
                    factors[a, t, node] = mean[node] / total
    return factors
