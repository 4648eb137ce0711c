"""Repair of a scan before it is analysed: lost frames, unreadable values, zingers, and few counts.

Nothing is repaired in silence: every repaired reading is counted and gets a larger variance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tsct.records.errors import InputError

from .faulty import empty_frames, faulty_channels, views_to_leave_out
from .fill import fill_along_angle, fill_frames, fill_readings
from .readings import Readings
from .zingers import find_zingers

#: mean count below which sqrt(n) is a misleading error bar (coverage off by more than 2 %)
LOW_COUNTS = 50
#: a filled reading stands on two channels and two views with a variance of 1.25 counts per count, and its error is
#: shared with them, which in a sum over all readings weighs like nearly two counts more
FILLED_VARIANCE = 3.0
#: with fewer views there is no slice
FEWEST_VIEWS = 4
#: share of unreadable channels from which a frame counts as lost
LOST_SHARE = 0.5
#: counts that a running mean must hold to give the expectation within 5 %
SMOOTH_COUNTS = 400.0

FrameMask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """What was repaired.

    Attributes
    ----------
    lost_frames : int
        Frames without a positive monitor or transmission, with most of their channels unreadable, or without a single
        count where the views beside them have many.
    views_left_out : tuple of int
        Views that are lost as a whole, at the ends of the scan or more than three in a row, which nothing can fill.
    detector_channels : tuple of int
        Channels that count nothing, or the same too many in every frame, whatever the sample.
    masked : int
        Readings in other frames that were not finite.
    zingers : int
        Readings that stood out of both their channels and the neighbouring views.
    variance_model : str
        ``counts`` (the variance of a count is the count), ``smooth expectation`` (see :func:`smooth_expectation`; where
        the mean count is below 50) or ``given`` (by the scan's own ``variance``).
    """

    lost_frames: int
    masked: int
    zingers: int
    variance_model: str
    views_left_out: tuple[int, ...] = ()
    detector_channels: tuple[int, ...] = ()

    @property
    def words(self) -> str:
        """What was repaired, in words; empty if nothing was."""
        numbers = (
            (self.lost_frames, "lost frames interpolated between views"),
            (self.masked, "readings that were not finite masked and filled"),
            (self.zingers, "zingers filled"),
        )
        words = [f"{number} {what}" for number, what in numbers if number]
        if self.views_left_out:
            words.insert(0, f"{len(self.views_left_out)} lost views left out ({_ranges(self.views_left_out)})")
        if self.detector_channels:
            words.append(f"hot or dead channels {_ranges(self.detector_channels)} filled")
        if self.variance_model == "smooth expectation":
            words.append("few counts: errors from a smooth expectation instead of sqrt(n)")
        return "; ".join(words)


def _ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as text, such as 3, 7-12."""
    runs = np.split(np.asarray(numbers), np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def repair_readings(readings: Readings, response: NDArray[Any]) -> tuple[Readings, Repairs]:
    """Fill lost frames, unreadable values and zingers of one tile.

    A reading that is not finite or a zinger is filled from its neighbouring channels, with the contrast between it and
    them that the neighbouring views show. A lost frame is interpolated between the views on either side at the same
    translation, per incident photon; its variance holds the measured error of such an interpolation.

    Parameters
    ----------
    readings : Readings
        In any order of angles. Their variance, if there is one, is kept where nothing is repaired.
    response : ndarray, shape (q,)
        Share of the scattered photons that a channel counts, any scale.

    Returns
    -------
    readings : Readings
        The same object if nothing had to be done. Otherwise a copy with a variance.
    repairs : Repairs
        What was done.

    Raises
    ------
    InputError
        If counts are negative although no background was subtracted, or too little is left to fill from.
    """
    raw = readings.counts
    counts = np.ascontiguousarray(raw if raw.dtype in (np.float32, np.float64) else raw.astype(np.float32))
    unreadable, negative, total = _tally(counts.reshape(-1, counts.shape[-1]))
    if negative and not readings.background_subtracted:
        raise InputError(
            f"scan: {negative} of {counts.size} counts are negative; raw counts never are, and where a background was "
            "subtracted the attribute 'background_subtracted' must say so"
        )
    if unreadable == counts.size:
        raise InputError(f"scan: none of its {counts.size} counts is finite")
    recorded, masked = _recorded_frames(readings, counts, unreadable)
    if len(out := views_to_leave_out(recorded, readings.angles_deg)):
        kept = np.delete(np.arange(len(recorded)), out)
        if len(kept) < FEWEST_VIEWS:
            raise InputError(f"scan: {len(out)} of {len(recorded)} views hold nothing; {FEWEST_VIEWS} are needed")
        repaired, repairs = repair_readings(_views(readings, kept), response)
        return repaired, replace(repairs, views_left_out=tuple(int(view) for view in out))
    channels = faulty_channels(counts, recorded)
    if len(channels):
        counts = counts.copy()
        counts[..., channels] = np.nan
    zingers = find_zingers(counts, recorded, readings.angles_deg)
    low = readings.variance is None and total / (counts.size - unreadable) < LOW_COUNTS
    repairs = Repairs(
        lost_frames=int(np.count_nonzero(~recorded)),
        masked=masked,
        zingers=len(zingers),
        variance_model="given" if readings.variance is not None else "smooth expectation" if low else "counts",
        detector_channels=tuple(int(channel) for channel in channels),
    )
    if not (repairs.lost_frames or masked or len(zingers) or len(channels) or low):
        return readings, repairs
    return _fill(readings, counts.copy(), recorded, zingers, response, low=low), repairs


def smooth_expectation(counts: NDArray[Any]) -> NDArray[np.float32]:
    """Expected counts, from a running mean along Q and the shape of the channels that all rays share.

    Where few photons arrive, a count is a poor estimate of its own variance: bins that happen to be low would weigh
    too much. The mean over neighbouring channels is not biased in that way; Bragg peaks and gain patterns, which are
    narrower than the mean, are put back by the sum over all rays.

    Parameters
    ----------
    counts : ndarray, shape (angle, translation, q)
        Finite.
    """
    mean = max(float(counts.mean(dtype=np.float64)), 1e-6)
    width = int(np.clip(SMOOTH_COUNTS / mean, 5, counts.shape[-1])) | 1
    smooth = uniform_filter1d(counts.astype(np.float32), width, axis=-1, mode="nearest")
    mean_smooth = smooth.mean(axis=(0, 1), dtype=np.float64)
    shape = counts.mean(axis=(0, 1), dtype=np.float64) / np.where(mean_smooth > 0, mean_smooth, 1.0)
    # no channel is expected to stay empty for ever; one photon in all channels of the mean is what it could have missed
    return np.maximum(smooth * shape.astype(np.float32), np.float32(1.0 / width))


def _recorded_frames(readings: Readings, counts: NDArray[Any], unreadable: int) -> tuple[FrameMask, int]:
    """Frames that were recorded, shape (angle, translation), and how many readings in them are not finite."""
    monitor, transmission = readings.monitor, readings.transmission
    recorded = np.isfinite(monitor) & (monitor > 0) & np.isfinite(transmission) & (transmission > 0)
    finite = np.isfinite(counts) if unreadable else None
    if finite is not None:
        recorded &= finite.mean(axis=-1) > LOST_SHARE
    recorded &= ~empty_frames(counts, recorded, readings.angles_deg)
    return recorded, 0 if finite is None else int(np.count_nonzero(~finite[recorded]))


def _views(readings: Readings, kept: NDArray[np.intp]) -> Readings:
    """Some views of a tile."""
    return replace(
        readings,
        counts=readings.counts[kept],
        variance=None if readings.variance is None else readings.variance[kept],
        monitor=readings.monitor[kept],
        transmission=readings.transmission[kept],
        angles_deg=readings.angles_deg[kept],
    )


def _fill(
    readings: Readings,
    counts: NDArray[Any],
    recorded: FrameMask,
    zingers: NDArray[Any],
    response: NDArray[Any],
    *,
    low: bool,
) -> Readings:
    """Readings with `counts` in which zingers and holes of recorded frames, and frames that are lost, are filled."""
    angles_deg = readings.angles_deg
    counts.reshape(-1)[zingers] = np.nan
    holes = np.flatnonzero(~np.isfinite(counts) & recorded[..., None])
    values = fill_readings(counts, holes, recorded, angles_deg, response)
    monitor, transmission = (
        fill_along_angle(frames, recorded, angles_deg) for frames in (readings.monitor, readings.transmission)
    )
    spread = fill_frames(counts, monitor * transmission, recorded, angles_deg)
    if readings.variance is not None:
        variance = np.array(readings.variance, dtype=np.float32)
    else:
        variance = smooth_expectation(counts) if low else np.maximum(counts, 1.0)
    variance.reshape(-1)[holes] = FILLED_VARIANCE * np.maximum(np.abs(values), 1.0)
    # once more the variance of a count, for the error that a filled frame shares with the views beside it
    variance[~recorded] = spread + np.maximum(np.abs(counts[~recorded]), 1.0)
    return replace(readings, counts=counts, variance=variance, monitor=monitor, transmission=transmission)


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _tally(rows: NDArray[Any]) -> tuple[int, int, float]:  # pragma: no cover - compiled
    """How many values are not finite, how many are negative, and the sum of the finite ones."""
    unreadable, negative, total = 0, 0, 0.0
    zero = rows.dtype.type(0)
    for f in range(rows.shape[0]):
        row = rows[f]
        bad, below, part = np.int32(0), np.int32(0), zero
        for i in range(row.size):
            x = row[i]
            finite = x - x == zero
            bad += np.int32(0 if finite else 1)
            below += np.int32(1 if x < zero else 0)
            part += x if finite else zero
        unreadable += int(bad)
        negative += int(below)
        total += part
    return unreadable, negative, total
