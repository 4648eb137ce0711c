"""Absorption on every voxel's own way out, in every view, for the operator of iterative methods.

:func:`~tsct.analyze.prepare.attenuation.corrected` divides each ray by a mean over its matter, which is right for a
phase that is spread along the ray as the attenuation is. The operator weighs every voxel by itself, and is right for
each phase.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.records.errors import InputError

from .attenuation import attenuation_map, interpolation, out_factors, scan_ways, voxel_factors


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

    def arriving(self, lines: NDArray[np.float32], channels: NDArray[np.intp]) -> NDArray[np.float32]:
        """Lines of some channels of the tile, shape (angle, translation, channel), as weak as they arrived."""
        basis = self.basis[:, channels]
        return np.stack([line * (factor @ basis) for line, factor in zip(lines, self.rays, strict=True)])


def absorption(scan: xr.Dataset, geometry: ParallelGeometry) -> Absorption:
    """Absorption in a repaired scan, from the attenuation map of the straight beam.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (angle, translation, q), with transmission.
    geometry : ParallelGeometry
        Where the rays of the images run.

    Raises
    ------
    InputError
        If the transmission was divided out before, and so is not known.
    """
    if scan.attrs.get("transmission_applied", False):
        raise InputError("analysis.absorption_per_voxel needs the transmission, which this scan says was divided out")
    mu, straight = attenuation_map(scan)
    two_theta, basis = interpolation(scan.q.values, scan.attrs["energy_kev"])
    ways = scan_ways(scan, two_theta)
    return Absorption(
        voxels=voxel_factors(mu, geometry, ways),
        rays=out_factors(mu, straight, ways),
        basis=basis.astype(np.float32),
    )
