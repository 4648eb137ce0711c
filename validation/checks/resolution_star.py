"""A star of spokes, whose period shrinks towards the axis: how fine a detail is shown."""

import numpy as np

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError
from tsct.validation.evidence.map_view import RIM_VOXELS, map_view
from tsct.validation.statistics.image_measures import star_contrast

#: periods finer than this many voxels cannot be shown
NYQUIST_VOXELS = 2.0
#: what is left of the contrast where a detail counts as shown
HALF = 0.5


def _half_contrast(evidence: Evidence) -> Measurement:
    """Period in voxels at which half of the true contrast of the star is left."""
    spokes = int(evidence.truth.attrs.get("star_spokes", 0))
    if not spokes:
        raise NotRunError("the truth holds no star; run scenario 'resolution'")
    v = map_view(evidence, "silicon")
    if not np.all(np.isfinite(v.recovered)):
        return Measurement(value=float("nan"))
    finest, rim = spokes * NYQUIST_VOXELS / (2 * np.pi), v.edge_mm / v.voxel_mm - RIM_VOXELS
    edges = np.arange(finest, rim, 1.0)
    if len(edges) < 3:
        raise NotRunError("the electrode is too small for the star")
    periods, shares = star_contrast((v.recovered, v.true), v.radius / v.voxel_mm, spokes, edges)
    below = np.flatnonzero(shares < HALF)
    note = "left at " + ", ".join(f"{p:.1f} voxels {c:.2f}" for p, c in zip(periods[::3], shares[::3], strict=True))
    if not below.size:
        return Measurement(value=NYQUIST_VOXELS, n=len(periods), note=note)
    # from the coarse side, so that noise between the finest spokes does not count as contrast
    last = below[-1]
    if last == len(shares) - 1:
        return Measurement(value=float(periods[-1]), n=len(periods), note=note)
    value = np.interp(HALF, shares[last : last + 2], periods[last : last + 2])
    return Measurement(value=float(value), n=len(periods), note=note)


CHECKS = (
    Check(
        id="star.half-contrast[silicon]",
        alias="A21",
        figure="map_silicon",
        scenario="resolution",
        title="silicon map: period of the star that is shown with half its contrast",
        reason="What is finer than this is blurred away: a crack, a grain, the rim of a reaction front.",
        source="top-hat beam and linear interpolation leave sinc(1/p)^2 of a period of p voxels: half at 2.3; + 15 %",
        low=NYQUIST_VOXELS,
        high=2.6,
        unit="voxels",
        measure=_half_contrast,
        power="smoothing by a Gaussian of 0.4 voxels",
    ),
)
