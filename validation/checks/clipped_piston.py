"""The clipped piston: glassy carbon in the lower half of the bottom slice (A14)."""

import numpy as np

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need


def _lower_half(evidence: Evidence, slice_index: int) -> Measurement:
    """95th percentile of the carbon map in the lower half of a slice over the median of the middle slice."""
    need(evidence, "carbon")
    slices = evidence.found.sizes.get("slice", 1)
    if slices < 3:
        raise NotRunError("needs the three slices")
    maps = evidence.found.isel(state=0)
    y, x = np.meshgrid(maps.y.values, maps.x.values, indexing="ij")
    disc = np.hypot(x, y) < 0.9 * evidence.truth.attrs["electrode_radius_mm"]
    usual = np.median(maps.carbon.isel(slice=slices // 2).values[disc & (y > 0)])
    lower = maps.carbon.isel(slice=slice_index).values[disc & (y < 0)]
    return Measurement(value=float(np.percentile(lower, 95) / usual), n=lower.size)


CHECKS = (
    Check(
        id="A14",
        title="carbon wedge in the bottom slice",
        reason="The tilt lets the beam clip the piston: a geometric artefact that looks like chemistry.",
        source="Wragg et al. 2023: very high carbon in the lower half",
        low=2.0,
        high=np.inf,
        unit="1",
        about="paper",
        measure=lambda e: _lower_half(e, 0),
        power="a wedge of half the height",
    ),
    Check(
        id="A14b",
        title="no carbon wedge in the top slice",
        reason="The beam passes above the piston there.",
        source="Wragg et al. 2023; half way between none and the wedge",
        low=0.0,
        high=1.5,
        unit="1",
        about="paper",
        measure=lambda e: _lower_half(e, -1),
        power="a wedge of half the height",
    ),
)
