"""A star of spokes, whose period shrinks towards the axis: how fine a detail is shown (A21)."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError

from .image_quality import View, view
from .phase_maps import RIM_VOXELS

#: periods finer than this many voxels cannot be shown
NYQUIST_VOXELS = 2.0
#: what is left of the contrast where a detail counts as shown
HALF = 0.5


def _half_contrast(evidence: Evidence) -> Measurement:
    """Period in voxels at which half of the true contrast of the star is left."""
    spokes = int(evidence.truth.attrs.get("star_spokes", 0))
    if not spokes:
        raise NotRunError("the truth holds no star; run scenario 'resolution'")
    v = view(evidence, "silicon")
    if not np.all(np.isfinite(v.found)):
        return Measurement(value=float("nan"))
    periods, left = contrast(v, spokes)
    below = np.flatnonzero(left < HALF)
    note = "left at " + ", ".join(f"{p:.1f} voxels {c:.2f}" for p, c in zip(periods[::3], left[::3], strict=True))
    if not below.size:
        return Measurement(value=NYQUIST_VOXELS, n=len(periods), note=note)
    # from the coarse side, so that noise between the finest spokes does not count as contrast
    last = below[-1]
    if last == len(left) - 1:
        return Measurement(value=float(periods[-1]), n=len(periods), note=note)
    value = np.interp(HALF, left[last : last + 2], periods[last : last + 2])
    return Measurement(value=float(value), n=len(periods), note=note)


def contrast(v: View, spokes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Periods in voxels, rising, and the share of the true contrast that is found in a ring of each; shape (ring,)."""
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in v.found.shape)
    angle = np.arctan2(rows[:, None], columns[None, :])
    radius = v.radius / v.voxel_mm
    finest, rim = spokes * NYQUIST_VOXELS / (2 * np.pi), v.edge_mm / v.voxel_mm - RIM_VOXELS
    edges = np.arange(finest, rim, 1.0)
    if len(edges) < 3:
        raise NotRunError("the electrode is too small for the star")
    left = []
    for low, high in pairwise(edges):
        ring = (radius >= low) & (radius < high)
        found, true = (_amplitude(image[ring], spokes * angle[ring]) for image in (v.found, v.true))
        left.append(found @ true / (true @ true))
    return 2 * np.pi * (edges[:-1] + edges[1:]) / 2 / spokes, np.array(left)


def _amplitude(values: NDArray, phase: NDArray) -> NDArray[np.float64]:
    """Cosine and sine parts of values around a ring."""
    design = np.stack([np.ones_like(phase), np.cos(phase), np.sin(phase)], axis=1)
    return np.linalg.lstsq(design, values, rcond=None)[0][1:]


CHECKS = (
    Check(
        id="A21",
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
