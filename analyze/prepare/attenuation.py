"""Absorption along the real ways in and out, and photons that scatter twice, from the reconstructed attenuation map.

The straight beam's transmission gives a map of the attenuation. A scattered photon leaves in another direction than the
beam, so what it crosses differs from what was divided out; and it may scatter once more. The sample is taken as the
same above and below the slice: a photon that leaves the plane crosses the same material on a longer way.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
import xraylib
from numba import njit
from numpy.typing import NDArray

from tsct.analyze.recipe.recipe import Recipe
from tsct.analyze.tomography.fbp import fbp
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.rotation_axis import find_axis
from tsct.records.errors import InputError
from tsct.records.units import R_E_ANGSTROM, two_theta_rad, wavelength_angstrom

Array = NDArray[np.float64]

#: scattering angles at which the ways out are averaged; between them factors are interpolated in Q
NODES = 6
#: azimuths of a cone that are averaged
AZIMUTHS = 16
#: directions in the plane for which the depth to the outside is tabulated
DIRECTIONS = 144
#: polar angles and azimuths (of half a turn: up and down are alike) of the direction after a first scattering
POLAR, AROUND = 12, 4
#: pixels along each side of the map in which depths are followed, at least
COARSE = 30


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


def attenuation_map(scan: xr.Dataset, filter: str = "ramp") -> tuple[Array, ParallelGeometry]:
    """Linear attenuation in 1/mm, shape (y, x), by filtered back-projection of the absorption, and its geometry.

    Noise below zero is cut off.

    Raises
    ------
    InputError
        If a transmission is not positive.
    """
    through = scan.transmission.values
    if not np.all(through > 0):
        raise InputError("scan: transmission must be positive in every frame")
    lines = -np.log(through)
    with warnings.catch_warnings():
        # the chain looks for the axis once more, and warns then
        warnings.simplefilter("ignore")
        axis, _ = find_axis(lines, scan.translation.values, scan.angle.values)
    geometry = ParallelGeometry.from_arrays(scan.translation.values, scan.angle.values, axis)
    image = fbp(lines[..., None].astype(np.float32), geometry, filter)[..., 0]
    return np.maximum(image, 0.0).astype(np.float64), geometry


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
        seen = np.ones(azimuth.shape, dtype=bool)
        if reach_mm is not None and distance_mm is not None:
            radius, (low, high, below, above) = distance_mm * np.tan(angle), reach_mm
            seen = (
                (radius * across <= low) & (-radius * across <= high) & (-radius * up <= below) & (radius * up <= above)
            )
        places = np.flatnonzero(seen) if seen.any() else np.arange(azimuth.size)
        picked = places[((np.arange(AZIMUTHS) + 0.5) * places.size / AZIMUTHS).astype(int)]
        turns.append(np.arctan2(np.sin(angle) * across[picked], np.cos(angle)))
        stretches.append(1 / np.sqrt(1 - (np.sin(angle) * up[picked]) ** 2))
    return Ways(turn=np.array(turns), stretch=np.array(stretches), weight=np.full((len(turns), AZIMUTHS), 1 / AZIMUTHS))


def scan_ways(scan: xr.Dataset, two_theta: Array) -> Ways:
    """Ways to the detector of a scan; whole cones are averaged if its attributes do not say what it sees."""
    return detected_ways(two_theta, scan.attrs.get("distance_mm"), scan.attrs.get("detector_reach_mm"))


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


def out_factors(mu: Array, geometry: ParallelGeometry, ways: Ways) -> NDArray[np.float32]:
    """Absorption on the real way out over that of a photon that goes straight on, mean over each ray.

    Places on the ray are weighted with the attenuation there, which at high energy is nearly all scattering.

    Parameters
    ----------
    mu : ndarray, shape (y, x)
        Attenuation, 1/mm.
    geometry : ParallelGeometry
        Where rays and voxels are.
    ways : Ways
        As :func:`detected_ways` returns, shape (node, way).

    Returns
    -------
    ndarray, shape (angle, translation, node)
        One where the ray meets nothing.
    """
    coarse, pixel = _coarse(mu, geometry.voxel_mm)
    depth = exit_depths(coarse, pixel)
    straight = np.exp(-depth)
    leaving = np.stack(
        [_over_ways(depth, *way, False) for way in zip(ways.turn, ways.stretch, ways.weight, strict=True)]
    )
    rays = _rays(geometry)
    # what comes in has crossed the depth behind
    entered = straight[_turned(0.5)] * coarse
    total = _along(entered * straight, *rays, pixel)
    bent = np.stack([_along(entered * out, *rays, pixel) for out in leaving], axis=-1)
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
    each = zip(ways.turn, ways.stretch, ways.weight, strict=True)
    return np.stack([_over_ways(depth, *way, False)[ahead] / straight for way in each])


def twice_scattered(mu: Array, geometry: ParallelGeometry, ways: Ways, share: float) -> NDArray[np.float32]:
    """Photons that scatter a second time, per photon that would have passed the ray without any scattering.

    A photon that scatters at x into a way of optical depth A scatters again with the chance ``share (1 - exp(-A))``
    (Blech and Averbach, Phys. Rev. 137, A1113 (1965), treat the same event for slabs); how it then leaves is taken from
    the straight way, and its direction as isotropic. Third scatterings are neglected.

    Parameters
    ----------
    mu, geometry
        As :func:`out_factors`.
    ways : Ways
        As :func:`scattered_ways` returns, shape (way,).
    share : float
        See :func:`scattering_share`.

    Returns
    -------
    ndarray, shape (angle, translation)
    """
    coarse, pixel = _coarse(mu, geometry.voxel_mm)
    again = _over_ways(exit_depths(coarse, pixel), ways.turn, ways.stretch, ways.weight, True)
    return (share**2 * _along(again * coarse, *_rays(geometry), pixel)).astype(np.float32)


def _coarse(mu: Array, voxel_mm: float) -> tuple[NDArray[np.float32], float]:
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


def corrected(
    lines: NDArray[np.float32], variance: NDArray[np.float32], scan: xr.Dataset, recipe: Recipe
) -> dict[str, float]:
    """Take photons scattered twice away and undo absorption on the way out, in place.

    Parameters
    ----------
    lines, variance : ndarray, shape (angle, translation, q)
        As :func:`~tsct.analyze.prepare.corrections.line_integrals` returns.
    scan : xarray.Dataset
        With transmission; ``attrs["detector_reach_mm"]`` and ``distance_mm``, if present, say which part of each cone
        is seen.
    recipe : Recipe
        Which of both are done, and the composition for the cross sections.

    Returns
    -------
    dict
        ``twice_scattered_percent``: what was taken away, in per cent of all scattering; ``outgoing_percent``: root mean
        square of the change by the way out.
    """
    q, energy = scan.q.values, scan.attrs["energy_kev"]
    mu, geometry = attenuation_map(scan)
    told: dict[str, float] = {}
    if recipe.multiple_scattering:
        composition = recipe.pdf.composition
        ways, share = scattered_ways(composition, energy), scattering_share(composition, energy)
        twice = isotropic_lines(twice_scattered(mu, geometry, ways, share), scan.polarization.values)
        told["twice_scattered_percent"] = 100 * float(twice.sum(dtype=np.float64) / lines.sum(dtype=np.float64))
        lines -= twice
    if recipe.outgoing_absorption:
        two_theta, basis = interpolation(q, energy)
        factors, basis = out_factors(mu, geometry, scan_ways(scan, two_theta)), basis.astype(np.float32)
        told["outgoing_percent"] = 100 * float(np.sqrt(np.mean((factors - 1.0) ** 2)))
        for view, factor in enumerate(factors):
            lines[view] /= factor @ basis
            variance[view] /= (factor @ basis) ** 2
    return told


def isotropic_lines(chance: NDArray, polarization: NDArray) -> NDArray[np.float32]:
    """What isotropic photons add to line integrals of scattering power, in electron units per cubic angstrom times mm.

    A chance c per photon is c / (4 pi) per steradian, where a line L counts as ``r_e^2 L P``.

    Parameters
    ----------
    chance : ndarray, shape (angle, translation)
    polarization : ndarray, shape (q,)
        Factor that the lines were divided by.
    """
    per_line = 4 * np.pi * R_E_ANGSTROM**2 * 1e7
    return (chance[..., None] / (per_line * polarization)).astype(np.float32)


def interpolation(q: Array, energy_kev: float) -> tuple[Array, Array]:
    """Scattering angles of the nodes (radians), and the matrix (node, q) that interpolates between them in Q."""
    at = np.linspace(q[0], q[-1], NODES)
    basis = np.stack([np.interp(q, at, row) for row in np.eye(NODES)])
    return two_theta_rad(at, wavelength_angstrom(energy_kev)), basis


def exit_depths(mu: NDArray, pixel_mm: float) -> NDArray[np.float32]:
    """Optical depth from the middle of each pixel to the outside, shape (direction, y, x).

    Direction k points ``2 pi k / DIRECTIONS`` from x towards y.
    """
    turn = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    return _exit_depths(np.asarray(mu, dtype=np.float32), pixel_mm, np.cos(turn), np.sin(turn))


def _rays(geometry: ParallelGeometry) -> tuple[Array, Array]:
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


def _turned(turns: float) -> NDArray[np.int64]:
    """Index of the direction that lies so many turns further, for each direction."""
    return (np.arange(DIRECTIONS) + round(turns * DIRECTIONS)) % DIRECTIONS


@njit(cache=True, nogil=True)
def _over_ways(
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
def _along(
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
