"""From counts to line integrals of scattering power: everything that is known about the measurement is divided out.

All of it acts on each count by itself. So nothing but the counts is kept for every channel of every ray: what depends
on rays or on channels alone is small, and lines are made view by view whenever they are needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError
from tsct.records.units import R_E_ANGSTROM

from .readings import Channels, Readings, read_tile

#: r_e^2 in square angstrom, times angstrom per mm: lines come out in electron units per cubic angstrom times mm
_SCALE = R_E_ANGSTROM**2 * 1e7


#: rays of air that differ by more than this share of the strongest ray see the sample
AIR_DIFFERS = 0.01
#: what isotropic photons add to a line, per chance: a chance c per photon is c / (4 pi) per steradian, where a line L
#: counts as ``r_e^2 L P``; in electron units per cubic angstrom times mm
_PER_LINE = 4 * np.pi * _SCALE
ALL = slice(None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WaysOut:
    """Absorption on the way out of the sample over that of photons that go straight on.

    Attributes
    ----------
    factors : ndarray, shape (angle, translation, way)
        On each way, mean over each ray.
    weights : ndarray, shape (q, way)
        Of the ways at the scattering angle of each channel.
    """

    factors: NDArray[np.float32]
    weights: NDArray[np.float64]

    def change(self, view: int, channels: slice) -> NDArray[np.float32]:
        """What the lines of a view are to be divided by, shape (translation, channel)."""
        return (self.factors[view] @ self.weights[channels].T).astype(np.float32)

    @property
    def percent(self) -> float:
        """Root mean square of the change over all rays and channels, in per cent."""
        number, mean = len(self.weights), self.weights.mean(axis=0)
        products = self.weights.T @ self.weights / number
        square = sum(
            np.einsum("tw,wv,tv->", each, products, each, optimize=True) - 2 * np.sum(each @ mean) + len(each)
            for each in self.factors.astype(np.float64)
        )
        return 100 * float(np.sqrt(max(square, 0.0) / self.factors[..., 0].size))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rays:
    """Counts of a tile, and all that turns them into line integrals with their variance.

    Attributes
    ----------
    readings : Readings
        Finite, and not negative unless a background was subtracted.
    per_ray : ndarray, shape (angle, translation)
        Line per count of a channel that counts everything.
    per_count : ndarray, shape (q,)
        The same for each channel.
    polarization : ndarray, shape (q,)
        Factor that is in `per_count`.
    air : ndarray, shape (q,), optional
        What a ray of air holds.
    across : ndarray, shape (angle, translation), optional
        Slope of the depth across the beam, see :func:`depth_slope`.
    twice : ndarray, shape (angle, translation), optional
        Photons that scatter a second time, per photon that would have passed.
    ways_out : WaysOut, optional
        What lines are divided by.
    gains : ndarray, shape (translation,), optional
        What they are divided by as well.
    """

    readings: Readings
    per_ray: NDArray[np.float32]
    per_count: NDArray[np.float32]
    polarization: NDArray[Any]
    air: NDArray[np.float32] | None = None
    across: NDArray[np.float32] | None = None
    twice: NDArray[np.float32] | None = None
    ways_out: WaysOut | None = None
    gains: NDArray[np.float32] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Angles, translations and channels."""
        views, translations, channels = self.readings.counts.shape
        return views, translations, channels

    @property
    def isotropic(self) -> NDArray[np.float64]:
        """What photons that leave in all directions alike add to a line, per chance, shape (q,)."""
        return np.asarray(1 / (_PER_LINE * self.polarization), dtype=np.float64)

    def twice_percent(self, total: NDArray[np.float64]) -> float:
        """What photons scattered twice are of all scattering, in per cent, given the sums of lines with air."""
        of_air = 0.0 if self.air is None else total.size * float(self.air.sum(dtype=np.float64))
        chances = 0.0 if self.twice is None else float(self.twice.sum(dtype=np.float64))
        return 100 * chances * float(np.sum(1 / (_PER_LINE * self.polarization))) / (float(total.sum()) - of_air)

    def view(self, view: int, channels: slice = ALL) -> tuple[NDArray[Any], NDArray[Any]]:
        """Lines of some channels of a view and their variance, shape (translation, channel) each."""
        counts, shares = self.readings.counts[view, :, channels], self.per_ray[view, :, None]
        per_count, given = self.per_count[channels], self.readings.variance
        kind = np.result_type(counts, np.float32)
        lines = (counts * shares * per_count).astype(kind, copy=False)
        counting = np.maximum(counts, 1.0) if given is None else given[view, :, channels]
        variance = (counting * (shares * per_count) ** 2).astype(kind, copy=False)
        if self.air is not None:
            lines -= self.air[channels]
        if self.across is not None:
            lines += lost_across_beam(lines, self.across[view])
        if self.twice is not None:
            lines -= (self.twice[view, :, None] / (_PER_LINE * self.polarization[channels])).astype(np.float32)
        if self.ways_out is not None:
            change = self.ways_out.change(view, channels)
            lines /= change
            variance /= change**2
        if self.gains is not None:
            lines /= self.gains[:, None]
            variance /= self.gains[:, None] ** 2
        return lines, variance

    def views(self, channels: slice = ALL) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Lines and variance of every view, one at a time."""
        return (self.view(view, channels) for view in range(self.shape[0]))

    def whole(self, channels: slice = ALL) -> tuple[NDArray[Any], NDArray[Any]]:
        """Lines and variance of some channels of all rays, shape (angle, translation, channel) each."""
        shape = self.readings.counts[..., channels].shape
        kind = np.result_type(self.readings.counts, np.float32)
        lines, variance = np.empty(shape, dtype=kind), np.empty(shape, dtype=kind)
        for view, (of_view, spread) in enumerate(self.views(channels)):
            lines[view], variance[view] = of_view, spread
        return lines, variance

    def binned(self, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sums of lines and of variances over at most so many ranges of channels, shape (angle, translation, range)."""
        channels = self.shape[2]
        starts = np.linspace(0, channels, min(number, channels) + 1).astype(int)[:-1]
        sums = [[np.add.reduceat(each, starts, axis=-1, dtype=np.float64) for each in both] for both in self.views()]
        lines, variance = (np.stack(each) for each in zip(*sums, strict=True))
        return lines, variance

    def project(
        self, weights: NDArray[np.float64], variance_weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Linear functionals of the channels of every ray, shape (angle, translation, functional).

        Parameters
        ----------
        weights, variance_weights : ndarray, shape (functional, q)
            Of the lines, and of their variances; squared weights give the variance of a functional.
        """
        lines, variance = (np.empty((*self.shape[:2], len(rows))) for rows in (weights, variance_weights))
        for view, (of_view, spread) in enumerate(self.views()):
            _functionals(of_view, weights, lines[view])
            _functionals(spread, variance_weights, variance[view])
        return lines, variance

    def sum_rays(
        self, weights: NDArray[np.float64], variance_weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weighted sums of all rays, of lines and of variances, shape (sum, q); weights (sum, angle, translation)."""
        channels = self.shape[2]
        lines, variance = (np.zeros((len(rows), channels)) for rows in (weights, variance_weights))
        for view, (of_view, spread) in enumerate(self.views()):
            lines += weights[:, view] @ of_view
            variance += variance_weights[:, view] @ spread
        return lines, variance


def _functionals(values: NDArray[Any], weights: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Weighted sums of the channels of some rays, over the channels that have a weight."""
    used = np.flatnonzero(weights.any(axis=0))
    if len(used):
        part = slice(used[0], used[-1] + 1)
        np.matmul(values[:, part].astype(np.float64, copy=False), weights[:, part].T, out=out)
    else:
        out[...] = 0.0


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


def depth_slope(depth: NDArray[Any]) -> NDArray[np.float32]:
    """Slope of the depth of each ray across the beam, per step, shape (angle, translation) as the depth.

    Half the difference of both neighbours; at the ends that of one.
    """
    return _slope(np.asarray(depth), 1).astype(np.float32)


def lost_across_beam(lines: NDArray[Any], slope: NDArray[Any]) -> NDArray[Any]:
    """What lines of one view, shape (translation, q), lack because the depth slopes across the beam.

    Signal over transmission is the mean over the beam weighted with what passes. A layer along the beam that fills a
    part of its width shadows itself, and less of it is found than there is: the exponential edge-gradient effect
    (Joseph & Spital, Phys. Med. Biol. 26, 473 (1981)). To first order that mean is low by the covariance of line and
    depth over the beam. With slopes as between the rays on either side, per step, and a beam as wide as a step, it is
    their product over twelve.

    Parameters
    ----------
    slope : ndarray, shape (translation,)
        See :func:`depth_slope`.
    """
    return _slope(lines, 0) * (slope[:, None] / 12).astype(lines.dtype)


def _slope(values: NDArray[Any], axis: int) -> NDArray[Any]:
    return np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values)
