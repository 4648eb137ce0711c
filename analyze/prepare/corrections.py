"""From counts to line integrals of scattering power: everything that is known about the measurement is divided out."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError
from tsct.records.units import R_E_ANGSTROM

from .rays import Rays
from .readings import Channels, Readings, read_tile

#: r_e^2 in square angstrom, times angstrom per mm: lines come out in electron units per cubic angstrom times mm
_SCALE = R_E_ANGSTROM**2 * 1e7


#: rays of air that differ by more than this share of the strongest ray see the sample
AIR_DIFFERS = 0.01


def line_integrals(scan: xr.Dataset, *, air_rays: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Line integrals of the scattering power of the sample, with their variance, of a scan that needs no repair.

    Parameters
    ----------
    scan : xarray.Dataset
        One tile with dims (angle, translation, q). Its ``variance`` (counts squared), if present, replaces that of
        counting.
    air_rays : int
        Translations on each side that miss the sample.

    Returns
    -------
    lines, variance : ndarray, shape (angle, translation, q)
        See :func:`corrected_lines`.

    Raises
    ------
    InputError
        If the scan lacks a quantity, its Q grid is not uniform, or it holds negative or non-finite counts.
    """
    readings, channels, _ = read_tile(scan)
    return corrected_lines(readings, channels, air_rays)


def channel_compton(scan: xr.Dataset) -> NDArray[np.float64]:
    """Weight of Compton scattering in corrected patterns of a tile, shape (q,); see :attr:`Channels.compton_weight`."""
    _, channels, _ = read_tile(scan)
    return channels.compton_weight


def corrected_lines(
    readings: Readings, channels: Channels, air_rays: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Counts over monitor, transmission and the response of the channel, less what the outermost rays see.

    The response is solid angle, polarisation and sensor efficiency, the latter at the elastic energy and the angle of
    incidence.

    Returns
    -------
    lines, variance : ndarray, shape (angle, translation, q)
        In electron units per cubic angstrom times mm, and squared. The variance of the subtracted air, smaller by the
        number of averaged rays, is neglected.

    Raises
    ------
    InputError
        If counts are negative or not finite, or monitor or transmission not positive.
    """
    rays = counted_rays(readings, channels)
    return replace(rays, air=mean_air(rays, air_rays)).whole()


def counted_rays(readings: Readings, channels: Channels) -> Rays:
    """Rays of counts that need no repair, nothing subtracted and nothing but the response undone.

    Raises
    ------
    InputError
        As :func:`corrected_lines`.
    """
    counts = readings.counts
    lowest = -np.inf if readings.background_subtracted else 0.0
    bad = sum(int(np.count_nonzero(~np.isfinite(view) | (view < lowest))) for view in counts)
    if bad:
        raise InputError(f"scan: {bad} of {counts.size} counts are negative or not finite; mask or repair them first")
    rays = readings.monitor * readings.transmission
    if not np.all(rays > 0):
        raise InputError("scan: monitor and transmission must be positive in every frame")
    return Rays(
        readings=readings,
        per_ray=(1.0 / rays).astype(np.float32),
        per_count=(1.0 / (_SCALE * channels.response)).astype(np.float32),
        polarization=channels.polarization,
    )


def mean_air(rays: Rays, air_rays: int) -> NDArray[np.float32] | None:
    """Mean of so many outermost rays on each side, shape (q,); None of zero."""
    if not air_rays:
        return None
    edge = np.r_[:air_rays, rays.shape[1] - air_rays : rays.shape[1]]
    lines = rays.readings.counts[:, edge] * rays.per_ray[:, edge, None] * rays.per_count
    return lines.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)


def share_of_sample(lines: NDArray[Any], variance: NDArray[Any], air_rays: int) -> float:
    """By how much rays of air differ from each other and between views beyond noise, as a share of the strongest ray.

    Parameters
    ----------
    lines, variance : ndarray, shape (angle, translation, q)
        Before air is subtracted.
    air_rays : int
        Outermost translations on each side.

    Returns
    -------
    float
        Largest mean of an outermost translation above that of the least, or standard deviation over the views of one.
    """
    edge = np.r_[:air_rays, lines.shape[1] - air_rays : lines.shape[1]]
    strongest = float(lines.sum(axis=-1, dtype=np.float64).mean(axis=0).max())
    total = lines[:, edge].sum(axis=-1, dtype=np.float64)
    noise = variance[:, edge].sum(axis=-1, dtype=np.float64)
    if not strongest > 0:
        return 0.0
    means = total.mean(axis=0)
    between = max(float(np.ptp(means)) - 5.0 * float(np.sqrt(noise.mean(axis=0).max() / len(total))), 0.0)
    excess = total.var(axis=0) - noise.mean(axis=0) * (1 + 5.0 * np.sqrt(2.0 / len(total)))
    return max(between, float(np.sqrt(max(float(excess.max()), 0.0)))) / strongest
