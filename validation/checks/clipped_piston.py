"""The clipped piston: glassy carbon in the lower half of the bottom slice."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, Reading, need


def _lower_half(evidence: Evidence, slice_index: int) -> Measurement:
    need(evidence, "carbon")
    maps = evidence.recovered.isel(state=0)
    value, n = _lower_over_upper(maps.carbon, _disc(evidence), slice_index)
    return Measurement(value=value, n=n)


def _lower_half_of_truth(evidence: Evidence, slice_index: int) -> float:
    numbers = evidence.recovered["slice"].values
    return _lower_over_upper(evidence.truth.carbon.sel(slice=numbers), _disc(evidence), slice_index)[0]


def _disc(evidence: Evidence) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Voxels well inside the electrode, and their y."""
    y, x = np.meshgrid(evidence.recovered.y.values, evidence.recovered.x.values, indexing="ij")
    return np.hypot(x, y) < 0.9 * evidence.truth.attrs["electrode_radius_mm"], y


def _lower_over_upper(carbon: xr.DataArray, disc: tuple[NDArray, NDArray], slice_index: int) -> tuple[float, int]:
    """95th percentile of a carbon map in the lower half of a slice over the median of the middle slice's upper half."""
    slices = carbon.sizes.get("slice", 1)
    if slices < 3:
        raise NotRunError("needs the three slices")
    (inside, y), maps = disc, carbon.transpose("slice", "y", "x").values
    usual = np.median(maps[slices // 2][inside & (y > 0)])
    lower = maps[slice_index][inside & (y < 0)]
    return float(np.percentile(lower, 95) / usual), lower.size


CHECKS = (
    Check(
        id="piston.wedge[bottom]",
        alias="A14",
        figure="map_carbon",
        paper=Reading(
            quantity="carbon in the lower half, bottom slice",
            value="very high: clipped piston",
            remark="95th percentile of the lower over the median of the upper half.",
        ),
        title="carbon wedge in the bottom slice",
        reason="The tilt lets the beam clip the piston: a geometric artefact that looks like chemistry.",
        source="Wragg et al. 2023: very high carbon in the lower half",
        low=2.0,
        high=np.inf,
        unit="1",
        about="paper",
        measure=lambda e: _lower_half(e, 0),
        noise_free=lambda e: _lower_half_of_truth(e, 0),
        power="a wedge of half the height",
    ),
    Check(
        id="piston.wedge[top]",
        alias="A14b",
        figure="map_carbon",
        paper=Reading(quantity="carbon in the lower half, top slice", value="as elsewhere", remark="Likewise."),
        title="no carbon wedge in the top slice",
        reason="The beam passes above the piston there.",
        source="Wragg et al. 2023; half way between none and the wedge",
        low=0.0,
        high=1.5,
        unit="1",
        about="paper",
        measure=lambda e: _lower_half(e, -1),
        noise_free=lambda e: _lower_half_of_truth(e, -1),
        power="a wedge of half the height",
    ),
)
