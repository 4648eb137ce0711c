"""Propagated errors against closed forms and against the scatter of the data (A12)."""

import numpy as np

from .check import Check, Evidence, Measurement, need

#: noise of one voxel and of the mean of a circle of radius 16, in units of sigma_ray / (step sqrt(views)), Ram-Lak
#: filter with linear interpolation; Monte Carlo
VOXEL_FACTOR, ROI_FACTOR = 0.626, 0.626 * 0.0173
#: where the comparison is made, 1/angstrom: Compton and coherent scattering are equal there
AT_Q = 10.0


def _ratio(evidence: Evidence, name: str, factor: float) -> Measurement:
    need(evidence, name, "ray_errors")
    found = evidence.found
    at = int(np.argmin(np.abs(found.q.values - AT_Q)))
    tile = found.isel(state=0).sel(slice=int(found.attrs["roi_slice"]))
    expected = factor * float(tile.ray_errors[at]) / (found.attrs["voxel_mm"] * np.sqrt(found.attrs["views"]))
    return Measurement(value=float(tile[name][at]) / expected)


def _scatter(evidence: Evidence) -> Measurement:
    """Mean squared second difference of voxel patterns over its propagated variance."""
    need(evidence, "noise_ratio", "noise_number")
    found = evidence.found
    number = int(found.noise_number.values.min())
    return Measurement(value=float(np.sqrt(found.noise_ratio.values.mean())), n=number)


CHECKS = (
    Check(
        id="A12",
        title="voxel error of I(Q) over the closed form",
        reason="Ties the error bars to counting statistics.",
        source="sigma_voxel = 0.626 sigma_ray / (step sqrt(views)): ramp filter, linear interpolation",
        low=0.9,
        high=1.1,
        unit="1",
        measure=lambda e: _ratio(e, "voxel_iq_errors", VOXEL_FACTOR),
    ),
    Check(
        id="A12b",
        title="ROI error of I(Q) over the closed form",
        reason="Voxel noise is anti-correlated: the mean of a region is twice as good as white noise would allow.",
        source="0.0173 of a voxel's error for a radius of 16 voxels, ramp filter",
        low=0.9,
        high=1.1,
        unit="1",
        measure=lambda e: _ratio(e, "roi_counting_errors", ROI_FACTOR),
    ),
    Check(
        id="A12c",
        title="scatter of voxel patterns over their error bars",
        reason="Error bars are right when the data scatter as much as they say.",
        source="second differences over Q, free of signal and of truth; 10 % on sigma",
        low=0.9,
        high=1.1,
        unit="1",
        measure=_scatter,
    ),
)
