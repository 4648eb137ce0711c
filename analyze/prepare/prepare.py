"""From a scan as it comes to line integrals: repaired first, then corrected, and told what was done."""

import warnings
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.recipe.recipe import Recipe
from tsct.records.errors import TsctWarning

from .attenuation import corrected
from .corrections import line_integrals
from .repair import Repairs, repaired
from .stripes import translation_gains

Rays = NDArray[np.float32]


def prepared(scan: xr.Dataset, recipe: Recipe) -> tuple[Rays, Rays, dict[str, Any]]:
    """Line integrals of one tile, their variance, and what was done to the scan.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (angle, translation, q).
    recipe : Recipe
        All choices.

    Returns
    -------
    lines, variance : ndarray, shape (angle, translation, q)
        See :func:`~tsct.analyze.prepare.corrections.line_integrals`.
    told : dict
        Numbers of repaired readings and the error model, as attributes of the result.

    Warns
    -----
    TsctWarning
        If anything was repaired, or counts are so few that the square root of a count is a misleading error.
    """
    whole, repairs = repaired(scan)
    if (words := _words(repairs)) is not None:
        warnings.warn(f"scan: {words}", TsctWarning, stacklevel=3)
    lines, variance = line_integrals(whole, air_rays=recipe.air_rays)
    told: dict[str, Any] = {
        "lost_frames": repairs.lost_frames,
        "masked_readings": repairs.masked,
        "zingers": repairs.zingers,
        "error_model": repairs.variance_model,
    }
    wanted = recipe.multiple_scattering or recipe.outgoing_absorption
    if wanted and not scan.attrs.get("transmission_applied", False):
        told |= corrected(lines, variance, whole, recipe)
    if recipe.remove_stripes:
        gains = translation_gains(lines.sum(axis=-1, dtype=np.float64)).astype(np.float32)
        lines /= gains[:, None]
        variance /= gains[:, None] ** 2
        told["stripes_percent"] = 100 * float(gains.std())
    return lines, variance, told


def _words(repairs: Repairs) -> str | None:
    """What was repaired, in words; None if nothing was."""
    counted = (
        (repairs.lost_frames, "lost frames interpolated between views"),
        (repairs.masked, "readings that were not finite masked and filled"),
        (repairs.zingers, "zingers filled"),
    )
    words = [f"{number} {what}" for number, what in counted if number]
    if repairs.variance_model == "smooth expectation":
        words.append("few counts: errors from a smooth expectation instead of sqrt(n)")
    return "; ".join(words) if words else None
