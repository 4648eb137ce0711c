"""Propagated errors against closed forms and against the scatter of the data (A12)."""

import numpy as np
from numpy.typing import NDArray

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need, stated

#: noise of one voxel in units of sigma_ray / (step sqrt(views)), Ram-Lak filter with linear interpolation; Monte Carlo
VOXEL_FACTOR = 0.626
#: where the comparison is made, 1/angstrom: Compton and coherent scattering are equal there
AT_Q = 10.0
#: places of a ray within its row of offsets over which the closed form is averaged
_PLACES = (np.arange(20) + 0.5) / 20 - 0.5


def _rays(evidence: Evidence, name: str) -> tuple[float, NDArray, float]:
    """An error of the reference state, the errors of its rays by offset, and step * sqrt(views)."""
    need(evidence, name, "ray_errors")
    found = evidence.found
    if found.attrs["filter"] != "ramp":
        raise NotRunError(f"the closed form holds for the ramp filter, not for '{found.attrs['filter']}'")
    at = int(np.argmin(np.abs(found.q.values - AT_Q)))
    tile = found.isel(state=0, q=at).sel(slice=int(found.attrs["roi_slice"]))
    return float(tile[name]), tile.ray_errors.values, found.attrs["voxel_mm"] * np.sqrt(found.attrs["views"])


def _voxel(evidence: Evidence) -> Measurement:
    error, rays, scale = _rays(evidence, "voxel_iq_errors")
    crossing = rays[: int(stated(evidence, "roi_radius_voxels")) + 1]
    return Measurement(value=error * scale / (VOXEL_FACTOR * float(np.sqrt(np.mean(crossing**2)))))


def _roi(evidence: Evidence) -> Measurement:
    error, rays, scale = _rays(evidence, "roi_counting_errors")
    radius = float(stated(evidence, "roi_radius_voxels"))
    seen = np.isfinite(rays)
    weights = disc_weights(np.arange(len(rays)), radius)
    # rays on both sides of the centre, but one row through it
    sides = np.where(np.arange(len(rays)) == 0, 1.0, 2.0)
    variance = np.sum((sides * weights)[seen] * rays[seen] ** 2)
    return Measurement(value=error * scale / float(np.sqrt(variance)))


def disc_weights(offset: NDArray, radius: float) -> NDArray[np.float64]:
    """Squared weights of rays in the mean over a disc, by their distance in steps from its centre.

    The ramp-filtered projection of a disc is 1/pi inside and (1 - s / sqrt(s^2 - R^2)) / pi outside; the mean over
    the disc weighs a ray with that over R^2, averaged over the ray's width, and times pi / views.
    """

    def integral(s: NDArray) -> NDArray:
        return np.sign(s) * (np.abs(s) - np.sqrt(np.maximum(s**2 - radius**2, 0.0)))

    place = offset[:, None] + _PLACES
    weight = (integral(place + 0.5) - integral(place - 0.5)) / (np.pi * radius**2)
    return np.mean(weight**2, axis=1)


def _scatter(evidence: Evidence) -> Measurement:
    """Mean squared second difference of voxel patterns over its propagated variance."""
    need(evidence, "noise_ratio", "noise_number")
    found = evidence.found
    number, value = int(found.noise_number.values.min()), float(np.sqrt(found.noise_ratio.values.mean()))
    return Measurement(value=value, n=number, error=value / np.sqrt(2 * number))


CHECKS = (
    Check(
        id="A12",
        title="voxel error of I(Q) over the closed form",
        reason="Ties the error bars to counting statistics.",
        source="sigma_voxel = 0.626 sigma_ray / (step sqrt(views)): ramp filter, linear interpolation",
        low=0.9,
        high=1.1,
        unit="1",
        measure=_voxel,
        power="error bars wrong by 20 %",
    ),
    Check(
        id="A12b",
        title="ROI error of I(Q) over the closed form",
        reason="Voxel noise is anti-correlated: the mean of a region is twice as good as white noise would allow.",
        source="ramp-filtered projection of a disc, with the variance of each ray",
        low=0.9,
        high=1.1,
        unit="1",
        measure=_roi,
        power="error bars wrong by 20 %",
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
