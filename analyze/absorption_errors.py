"""What absorption and double scattering may have left in amounts of phases, beside all noise.

Three approximations stand behind the corrections, and the scan says how much depends on each. A beam is taken as one
ray, as if it met the same all across. What a scattered photon crosses on its way out is averaged over the attenuation
of its ray, as if all phases were spread along it alike. And photons that scatter twice are taken to leave in all
directions alike, which finds 0.45 to 0.77 of those that a Monte Carlo calculation with real cross sections does.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.phases.pattern_maps import PhaseTemplates
from tsct.analyze.prepare.prepare import Sinogram
from tsct.analyze.prepare.scattering_ways import detected_ways
from tsct.analyze.prepare.self_absorption import phase_factors
from tsct.analyze.tomography.fbp import fbp, fbp_weights
from tsct.analyze.tomography.geometry import ParallelGeometry

#: standard deviation of what is known to lie between none and one, evenly
EVEN = 1 / np.sqrt(12)
#: standard error of photons scattered twice, as a share of those that were subtracted
OF_TWICE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AbsorptionErrors:
    """Standard errors by each approximation, ray by ray. Those of one go together, with their signs; the three do not.

    Attributes
    ----------
    geometry : ParallelGeometry
        Where the rays run.
    amounts : ndarray, shape (angle, translation, phase)
        Amounts of the phases along the rays.
    beam, way, twice : ndarray, shape (angle, translation, phase)
        What the width of the beam, the way out and photons scattered twice may have left of them.
    patterns : ndarray, shape (phase, q)
        Of the phases.
    """

    geometry: ParallelGeometry
    amounts: NDArray[np.float64]
    beam: NDArray[np.float64]
    way: NDArray[np.float64]
    twice: NDArray[np.float64]
    patterns: NDArray[np.float64]

    def of_voxels(self) -> NDArray[np.float32]:
        """Of the amounts in every voxel, shape (phase, y, x)."""
        sources = np.concatenate([self.beam, self.way, self.twice], axis=-1)
        images = fbp(sources.astype(np.float32), self.geometry)
        by_source = images.reshape(*images.shape[:2], 3, -1)
        return np.ascontiguousarray(np.moveaxis(np.sqrt(np.sum(by_source**2, axis=2)), -1, 0))

    def of_mean(self, voxels: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Of the mean amounts in some voxels, relative to them, shape (phase,)."""
        shares = fbp_weights(voxels, self.geometry)
        moved = [np.einsum("at,atk->k", shares, source) for source in (self.beam, self.way, self.twice)]
        held = np.abs(np.einsum("at,atk->k", shares, self.amounts))
        return np.divide(
            np.sqrt(np.sum(np.square(moved), axis=0)), held, out=np.full_like(held, np.nan), where=held > 0
        )

    def of_pattern(self, voxels: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Of the mean pattern of some voxels, shape (q,): peaks of what stands around them.

        Photons scattered twice leave a flat term, which is no peak; only amounts, which take some of it, have it.
        """
        shares = fbp_weights(voxels, self.geometry)
        moved = [np.einsum("at,atk->k", shares, source) @ self.patterns for source in (self.beam, self.way)]
        return np.asarray(np.hypot(*moved))


def absorption_errors(
    sinogram: Sinogram,
    geometry: ParallelGeometry,
    templates: PhaseTemplates,
    pattern: NDArray[np.float64],
    maps: NDArray[np.float64],
) -> AbsorptionErrors | None:
    """What the corrections of a tile may have left; None where its transmission is not known.

    Parameters
    ----------
    sinogram : Sinogram
        Corrected.
    geometry : ParallelGeometry
        Where the rays run.
    templates : PhaseTemplates
        Of the phases.
    pattern : ndarray, shape (q,)
        Of the region, about which amounts are linear in patterns.
    maps : ndarray, shape (y, x, phase)
        Amounts of the voxels.
    """
    if sinogram.depth is None:
        return None
    response, rays = templates.response(pattern).by_pattern, sinogram.rays
    amounts, _ = rays.project(response, np.zeros((0, response.shape[1])))
    way, twice = np.zeros_like(amounts), np.zeros_like(amounts)
    if sinogram.attenuation is not None:
        attenuation, ways = sinogram.attenuation, detected_ways(sinogram.channels.two_theta, sinogram.channels.face)
        factors = phase_factors(attenuation.mu, np.moveaxis(maps, -1, 0), attenuation.geometry, ways)
        way = amounts * (factors - 1)
    if rays.twice is not None:
        twice = OF_TWICE * rays.twice[..., None] * (response @ rays.isotropic)
    return AbsorptionErrors(
        geometry=geometry,
        amounts=amounts,
        beam=unresolved(amounts, sinogram.depth),
        way=way,
        twice=twice,
        patterns=templates.patterns,
    )


def unresolved(rays: NDArray[Any], depth: NDArray[Any]) -> NDArray[np.float64]:
    """What the interior of beams may hide of quantities of rays, shape (angle, translation, quantity): a sigma.

    Inside a beam, quantity and depth are taken to differ by no more than between the beam and that neighbour which
    differs more. Their covariance lies between none, for what is the same all across, and this product, for an edge in
    the middle of the beam: evenly, as far as is known. A ray that stands out of both its neighbours holds a layer
    thinner than the beam, of which nothing says how thin; there all of the product counts.

    Parameters
    ----------
    rays : ndarray, shape (angle, translation, quantity)
        Line integrals.
    depth : ndarray, shape (angle, translation)
        Minus the logarithm of the transmission.
    """
    depth, padded = np.asarray(depth), [(0, 0), (1, 1)]
    wide = np.pad(depth, padded, mode="edge")
    before, after = depth - wide[:, :-2], depth - wide[:, 2:]
    lower = np.abs(before) > np.abs(after)
    beside = np.pad(rays, [*padded, (0, 0)], mode="edge")
    steps = rays - np.where(lower[..., None], beside[:, :-2], beside[:, 2:])
    share = np.where(before * after > 0, 1.0, EVEN) * np.where(lower, before, after)
    return np.asarray(steps * share[..., None])
