"""The clipped piston: glassy carbon in the lower half of the bottom slice (A14)."""

import numpy as np

from .check import Check, Evidence, Measurement, NotRunError, need


def _lower_half(evidence: Evidence, slice_index: int) -> Measurement:
    """95th percentile of the carbon map in the lower half of the electrode over its median in the upper half."""
    need(evidence, "carbon")
    if evidence.found.sizes.get("slice", 1) < 3:
        raise NotRunError("needs the three slices")
    tile = evidence.found.isel(state=0, slice=slice_index)
    y, x = np.meshgrid(tile.y.values, tile.x.values, indexing="ij")
    disc = np.hypot(x, y) < 0.9 * evidence.truth.attrs["electrode_radius_mm"]
    carbon = tile.carbon.values
    ratio = np.percentile(carbon[disc & (y < 0)], 95) / np.median(carbon[disc & (y > 0)])
    return Measurement(value=float(ratio), n=int(disc.sum()))


CHECKS = (
    Check(
        id="A14",
        title="carbon wedge in the bottom slice",
        reason="The tilt lets the beam clip the piston: a geometric artefact that looks like chemistry.",
        source="Wragg et al. 2023: very high carbon in the lower half",
        low=2.0,
        high=np.inf,
        unit="1",
        measure=lambda e: _lower_half(e, 0),
    ),
    Check(
        id="A14b",
        title="no carbon wedge in the top slice",
        reason="The beam passes above the piston there.",
        source="Wragg et al. 2023; half way between none and the wedge",
        low=0.0,
        high=1.5,
        unit="1",
        measure=lambda e: _lower_half(e, -1),
    ),
)
