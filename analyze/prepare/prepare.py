"""From a scan to its corrected sinogram: repaired first, then corrected, with a record of what was done."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.recipe import Recipe
from tsct.records.errors import TsctWarning

from .attenuation import AttenuationMap, absorbs, attenuation_map
from .corrections import AIR_DIFFERS, Rays, counted_rays, depth_slope, mean_air, share_of_sample
from .double_scattering import double_scattering
from .normalisation_error import reading_noise
from .readings import Channels, Readings, TileLabels, read_tile
from .repair import Repairs, repair_readings
from .self_absorption import ray_absorption
from .stripes import BINS, TranslationGains, gains_by_attenuation, translation_gains


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sinogram:
    """Corrected line integrals of one tile, and what else the analysis needs of its scan.

    Attributes
    ----------
    rays : Rays
        The counts, and all that makes lines of them.
    total, total_variance : ndarray, shape (angle, translation)
        Sum of the lines over all channels, and its variance.
    translations_mm, angles_deg : ndarray
        Where the rays run.
    channels : Channels
        The beam, and the channels of the detector.
    attenuation : AttenuationMap or None
        From the transmission; None if no correction needs it, the transmission was divided out before, or nothing
        absorbs.
    depth : ndarray, shape (angle, translation), or None
        Minus the logarithm of the transmission; None if that was divided out before.
    reading_noise : float
        Relative noise of single readings of monitor and transmission; NaN if unknown.
    gains_left : ndarray, shape (translation, translation), or None
        Covariance of the gains of translations that their removal leaves; None if they were not removed, or if nothing
        tells what is left.
    repaired : ndarray, shape (angle, translation)
        Share of the channels of every ray that were filled.
    labels : TileLabels
        Where the tile belongs.
    corrections : mapping
        Numbers of repaired readings, the error model and sizes of corrections, as attributes of the result.
    """

    rays: Rays
    total: NDArray[np.float64]
    total_variance: NDArray[np.float64]
    translations_mm: NDArray[Any]
    angles_deg: NDArray[Any]
    channels: Channels
    attenuation: AttenuationMap | None
    depth: NDArray[np.float64] | None
    reading_noise: float
    gains_left: NDArray[np.float64] | None
    repaired: NDArray[np.float32]
    labels: TileLabels
    corrections: Mapping[str, Any]

    @property
    def lines(self) -> NDArray[np.float32]:
        """Line integrals of all rays, shape (angle, translation, q), made anew each time."""
        return self.rays.whole()[0]

    @property
    def variance(self) -> NDArray[np.float32]:
        """Their variance, likewise."""
        return self.rays.whole()[1]


def prepare_sinogram(scan: xr.Dataset, recipe: Recipe) -> Sinogram:
    """Repair and correct one tile.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (angle, translation, q).
    recipe : Recipe
        All choices.

    Raises
    ------
    InputError
        If the scan lacks a quantity, holds impossible values, or leaves too little to repair it from.

    Warns
    -----
    TsctWarning
        If anything was repaired, nothing absorbs, or counts are so few that the square root of a count is a misleading
        error.
    """
    raw, channels, labels = read_tile(scan)
    readings, repairs = repair_readings(raw, channels.response)
    if repairs.words:
        warnings.warn(f"scan: {repairs.words}", TsctWarning, stacklevel=3)
    rays = counted_rays(readings, channels)
    totals = _totals(rays)
    air_rays = _rays_of_air(*totals, recipe.air_rays)
    rays = replace(rays, air=mean_air(rays, air_rays))
    depth = None if raw.transmission_applied else -np.log(readings.transmission)
    if recipe.phases and depth is not None:
        rays = replace(rays, across=depth_slope(depth))
    attenuation = _attenuation(readings, recipe)
    corrections = _repair_attrs(repairs)
    if attenuation is not None and recipe.multiple_scattering:
        rays = replace(rays, twice=double_scattering(attenuation, channels, recipe.pdf.composition))
        corrections["twice_scattered_percent"] = rays.twice_percent(totals[0])
    if attenuation is not None and recipe.outgoing_absorption:
        ways_out = ray_absorption(attenuation, channels)
        rays = replace(rays, ways_out=ways_out)
        corrections["outgoing_percent"] = ways_out.percent
    noise = float("nan") if raw.transmission_applied else _noise_of_air(raw, readings, air_rays)
    gains = _translation_gains(rays, noise) if recipe.remove_stripes else None
    if gains is not None:
        rays = replace(rays, gains=gains.values.astype(np.float32))
        corrections["stripes_percent"] = 100 * float(gains.values.std())
    total, total_variance = _totals(rays)
    return Sinogram(
        rays=rays,
        total=total,
        total_variance=total_variance,
        translations_mm=readings.translations_mm,
        angles_deg=readings.angles_deg,
        channels=channels,
        attenuation=attenuation,
        depth=depth,
        reading_noise=noise,
        gains_left=None if gains is None else gains.left,
        repaired=_share_repaired(raw, readings, repairs),
        labels=labels,
        corrections=corrections,
    )


def _totals(rays: Rays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums over all channels, of lines and of their variance, shape (angle, translation) each."""
    lines, variance = rays.binned(1)
    return lines[..., 0], variance[..., 0]


def _share_repaired(raw: Readings, readings: Readings, repairs: Repairs) -> NDArray[np.float32]:
    """Share of the channels of every ray that is not as it was read, of the views that are left."""
    if readings is raw:
        return np.zeros(raw.counts.shape[:2], dtype=np.float32)
    kept = np.delete(np.arange(len(raw.counts)), repairs.views_left_out)
    changed = [np.mean(raw.counts[i] != view, axis=-1) for i, view in zip(kept, readings.counts, strict=True)]
    return np.stack(changed).astype(np.float32)


def _noise_of_air(raw: Readings, readings: Readings, air_rays: int) -> float:
    """Noise of single readings, from those that were taken; from the repaired ones where some were not."""
    return reading_noise((raw if np.all(raw.transmission > 0) else readings).transmission, air_rays)


def _rays_of_air(total: NDArray[Any], variance: NDArray[Any], air_rays: int) -> int:
    """So many outermost rays on each side if they see nothing of the sample, else none, and a warning."""
    if not air_rays:
        return 0
    share = share_of_sample(total[..., None], variance[..., None], air_rays)
    if share <= AIR_DIFFERS:
        return air_rays
    warnings.warn(
        f"scan: the outermost {air_rays} rays on each side differ by {share:.1%} of the strongest ray, from each other "
        f"or between views ({AIR_DIFFERS:.0%} allowed): they see the sample, so no air is subtracted; widen the "
        "translation range, or choose analysis.air_rays",
        TsctWarning,
        stacklevel=4,
    )
    return 0


def _attenuation(readings: Readings, recipe: Recipe) -> AttenuationMap | None:
    if readings.transmission_applied or not (recipe.multiple_scattering or recipe.outgoing_absorption):
        return None
    if not absorbs(readings.transmission):
        warnings.warn(
            "scan: the transmission shows no absorption, so photons scattered twice and the way out of the sample are "
            "not corrected for",
            TsctWarning,
            stacklevel=4,
        )
        return None
    return attenuation_map(readings.transmission, readings.translations_mm, readings.angles_deg)


def _translation_gains(rays: Rays, noise: float) -> TranslationGains:
    """By what the rays absorb, or if that is not known, by the contrast between neighbours."""
    readings = rays.readings
    lines, variance = rays.binned(BINS)
    if not readings.transmission_applied and absorbs(readings.transmission):
        return gains_by_attenuation(lines, variance, -np.log(readings.transmission), noise)
    return TranslationGains(values=translation_gains(lines.sum(axis=-1)), left=None)


def _repair_attrs(repairs: Repairs) -> dict[str, Any]:
    return {
        "repairs": repairs.words or "none",
        "lost_frames": repairs.lost_frames,
        "masked_readings": repairs.masked,
        "zingers": repairs.zingers,
        "error_model": repairs.variance_model,
    }
