"""One map of the reference state beside its truth, on the voxels of the electrode."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .check import Evidence, NotRunError, need

#: voxels nearer than this to the electrode's rim hold some of the wall, whose aromatic carbon is like the electrode's
RIM_VOXELS = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class MapView:
    """One map of the reference state beside its truth, in the slice of the region of interest, shape (y, x).

    Attributes
    ----------
    recovered, true, errors : ndarray
        Values, and standard errors if they are known.
    radius : ndarray
        Distance of each voxel from the centre of the electrode, mm.
    inside : ndarray of bool
        Voxels of the electrode, less its rim.
    voxel_mm, edge_mm : float
        Side of a voxel and radius of the electrode.
    """

    recovered: NDArray[np.float64]
    true: NDArray[np.float64]
    errors: NDArray[np.float64] | None
    radius: NDArray[np.float64]
    inside: NDArray[np.bool_]
    voxel_mm: float
    edge_mm: float


def map_view(evidence: Evidence, name: str) -> MapView:
    """The map `name`; raises :class:`NotRunError` where there is none."""
    need(evidence, name)
    if name not in evidence.truth:
        raise NotRunError(f"the truth holds no {name}")
    middle = _middle(evidence)
    tile = evidence.recovered.isel(state=0).sel(slice=middle)
    y, x = np.meshgrid(tile.y.values, tile.x.values, indexing="ij")
    step = float(tile.x[1] - tile.x[0])
    edge = float(evidence.truth.attrs["electrode_radius_mm"])
    radius = np.hypot(y, x)
    errors = tile.get(f"{name}_errors")
    return MapView(
        recovered=tile[name].transpose("y", "x").values.astype(np.float64),
        true=evidence.truth[name].sel(slice=middle).transpose("y", "x").values,
        errors=None if errors is None else errors.transpose("y", "x").values.astype(np.float64),
        radius=radius,
        inside=radius < edge - RIM_VOXELS * step,
        voxel_mm=step,
        edge_mm=edge,
    )


def _middle(evidence: Evidence) -> int:
    slices = evidence.recovered["slice"].values
    return int(evidence.recovered.attrs.get("roi_slice", slices[len(slices) // 2]))
