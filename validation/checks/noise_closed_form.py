"""Propagated errors against closed forms and against the scatter of the data."""

import numpy as np
from numpy.typing import NDArray

from tsct.validation.evidence.absorption import need_mixtures
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, attribute, need, sure
from tsct.validation.statistics.noise_measures import VOXEL_FACTOR, disc_error

#: where the comparison is made, 1/angstrom: Compton and coherent scattering are equal there
AT_Q = 10.0
#: half the width of the windows
SHARE = 0.1
#: scatter of the squared weights of single rows of rays, in circles of 6 to 20 voxels, about those of a disc
OF_A_ROW = 0.25


def _rays(evidence: Evidence, name: str) -> tuple[float, NDArray, float]:
    """An error of the reference state, the errors of its rays by offset, and step * sqrt(views)."""
    need(evidence, name, "ray_errors")
    recovered = evidence.recovered
    if recovered.attrs["filter"] != "ramp":
        raise NotRunError(f"the closed form holds for the ramp filter, not for '{recovered.attrs['filter']}'")
    at = int(np.argmin(np.abs(recovered.q.values - AT_Q)))
    tile = recovered.isel(state=0, q=at).sel(slice=int(recovered.attrs["roi_slice"]))
    return float(tile[name]), tile.ray_errors.values, recovered.attrs["voxel_mm"] * np.sqrt(recovered.attrs["views"])


def _voxel(evidence: Evidence) -> Measurement:
    error, rays, scale = _rays(evidence, "voxel_iq_errors")
    crossing = rays[: int(attribute(evidence, "roi_radius_voxels")) + 1]
    return Measurement(value=error * scale / (VOXEL_FACTOR * float(np.sqrt(np.mean(crossing**2)))))


def _roi(evidence: Evidence) -> Measurement:
    error, rays, scale = _rays(evidence, "roi_counting_errors")
    radius = float(attribute(evidence, "roi_radius_voxels"))
    if not np.isfinite(rays).any():
        return Measurement(value=float("nan"), note="no error of a ray is a number")
    apart = float(np.hypot(_of_single_rows(rays, radius), _of_edge(rays, radius)))
    sure(apart, SHARE, "of it", "rays that differ much from one to the next make")
    return Measurement(value=error * scale / disc_error(rays, radius))


def _of_single_rows(rays: NDArray, radius: float) -> float:
    """Relative error of the closed form by the rows of rays that the noise comes from, beside those of equal rays.

    It weighs the rows as a disc does. A region of voxels weighs all of them together alike and any single one by
    :data:`OF_A_ROW` more or less, which matters where some rows have most of the noise.
    """

    def parts(of: NDArray) -> NDArray:
        squares = np.array([disc_error(np.where(np.arange(len(of)) == k, of, np.nan), radius) for k in range(len(of))])
        return squares**2 / np.sum(squares**2)

    equal = np.where(np.isfinite(rays), 1.0, np.nan)
    return float(OF_A_ROW / 2 * np.sqrt(np.sum((parts(rays) - parts(equal)) ** 2)))


def _of_edge(rays: NDArray, radius: float) -> float:
    """Relative error of the closed form by rays that graze the region, as if it were half a voxel smaller or larger."""
    equal = np.where(np.isfinite(rays), 1.0, np.nan)
    sizes = [disc_error(rays, radius + step) / disc_error(equal, radius + step) for step in (-0.5, 0.0, 0.5)]
    return float(max(abs(size / sizes[1] - 1) for size in sizes))


def _scatter(evidence: Evidence) -> Measurement:
    """Mean squared rest of voxel patterns without their strongest components, over its propagated variance."""
    need(evidence, "noise_ratio", "noise_number")
    recovered = evidence.recovered
    need_mixtures(evidence)
    number, value = int(recovered.noise_number.values.min()), float(np.sqrt(recovered.noise_ratio.values.mean()))
    return Measurement(value=value, n=number, error=value / np.sqrt(2 * number))


CHECKS = (
    Check(
        id="errors.voxel",
        alias="A12",
        figure="errors",
        title="voxel error of I(Q) over the closed form",
        reason="Ties the error bars to counting statistics.",
        source="sigma_voxel = 0.626 sigma_ray / (step sqrt(views)): ramp filter, linear interpolation",
        low=1 - SHARE,
        high=1 + SHARE,
        unit="1",
        measure=_voxel,
        power="error bars wrong by 20 %",
    ),
    Check(
        id="errors.region",
        alias="A12b",
        figure="errors",
        title="ROI error of I(Q) over the closed form",
        reason="Voxel noise is anti-correlated: the mean of a region is twice as good as white noise would allow.",
        source="ramp-filtered projection of a disc, with the variance of each ray",
        low=1 - SHARE,
        high=1 + SHARE,
        unit="1",
        measure=_roi,
        power="error bars wrong by 20 %",
    ),
    Check(
        id="errors.voxel-scatter",
        alias="A12c",
        figure="errors",
        title="scatter of voxel patterns over their error bars",
        reason="Error bars are right when the data scatter as much as they say.",
        source="what is left without the five strongest components of all voxels, which needs no smooth pattern and no "
        "truth; 10 % on sigma",
        low=1 - SHARE,
        high=1 + SHARE,
        unit="1",
        measure=_scatter,
        power="error bars 9 % too small or 13 % too large",
        power_measured=True,
    ),
)
