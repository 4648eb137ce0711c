"""Repair of a scan before it is analysed: lost frames, unreadable values, zingers, and few counts.

Nothing is repaired in silence: every repaired reading is counted and gets a larger variance.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tsct.records.errors import InputError
from tsct.records.schema import SCAN, check

#: mean count below which sqrt(n) is a misleading error bar (coverage off by more than 2 %)
LOW_COUNTS = 50
#: standard deviations by which a zinger stands out, both of its channels and of the neighbouring views
ZINGER_SIGMAS = 6.0
#: and by which share of the expected count, because no two views agree better than that
ZINGER_SHARE = 0.02
#: a filled reading stands on two channels and two views with a variance of 1.25 counts per count, and its error is
#: shared with them, which in a sum over all readings weighs like nearly two counts more
FILLED_VARIANCE = 3.0
#: share of unreadable channels from which a frame counts as lost
LOST_SHARE = 0.5
#: counts that a running mean must hold to give the expectation within 5 %
SMOOTH_COUNTS = 400.0

Rays = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """What was repaired.

    Attributes
    ----------
    lost_frames : int
        Frames without a positive monitor, or with most of their channels unreadable.
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


def repaired(scan: xr.Dataset) -> tuple[xr.Dataset, Repairs]:
    """Fill lost frames, unreadable values and zingers of one tile.

    A reading that is not finite or a zinger is filled from its neighbouring channels, with the contrast between it and
    them that the neighbouring views show. A lost frame is interpolated between the views on either side at the same
    translation, per incident photon; its variance holds the measured error of such an interpolation.

    A zinger must stand out of the neighbouring channels and of the neighbouring views, so that the Bragg peaks of a
    powder, which every view shows, survive. A coarse grain that flashes in one view alone cannot be told from a zinger,
    and one that covers three channels or more is not found.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (angle, translation, q), in any order of angles. A variable ``variance`` (counts squared), if present, is
        kept where nothing is repaired.

    Returns
    -------
    scan : xarray.Dataset
        The same object if nothing had to be done. Otherwise a copy with a variable ``variance``.
    repairs : Repairs
        What was done.

    Raises
    ------
    InputError
        If counts are negative without ``attrs["background_subtracted"]``, or too little is left to fill from.
    """
    check(scan, SCAN, "scan")
    raw = scan.intensity.values
    counts = np.ascontiguousarray(raw if raw.dtype in (np.float32, np.float64) else raw.astype(np.float32))
    unreadable, negative, total = _tally(counts.reshape(-1, counts.shape[-1]))
    if negative and not scan.attrs.get("background_subtracted", False):
        raise InputError(
            f"scan: {negative} of {counts.size} counts are negative; raw counts never are, and where a background was "
            "subtracted the attribute 'background_subtracted' must say so"
        )
    if unreadable == counts.size:
        raise InputError(f"scan: none of its {counts.size} counts is finite")
    recorded, masked = _recorded(scan, counts, unreadable)
    order = np.argsort(scan.angle.values, kind="stable")
    zingers = _zingers(counts, recorded, order, _reach(scan.angle.values, counts.shape[1]))
    low = "variance" not in scan and total / (counts.size - unreadable) < LOW_COUNTS
    repairs = Repairs(
        lost_frames=int(np.count_nonzero(~recorded)),
        masked=masked,
        zingers=len(zingers),
        variance_model="given" if "variance" in scan else "smooth expectation" if low else "counts",
    )
    if not (repairs.lost_frames or masked or len(zingers) or low):
        return scan, repairs
    return _filled(scan, counts.copy(), recorded, zingers, order, low=low), repairs


def smooth_expectation(counts: NDArray) -> NDArray[np.float32]:
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
    level = smooth.mean(axis=(0, 1), dtype=np.float64)
    shape = counts.mean(axis=(0, 1), dtype=np.float64) / np.where(level > 0, level, 1.0)
    # no channel is expected to stay empty for ever; one photon in all channels of the mean is what it could have missed
    return np.maximum(smooth * shape.astype(np.float32), np.float32(1.0 / width))


def _recorded(scan: xr.Dataset, counts: NDArray, unreadable: int) -> tuple[Rays, int]:
    """Frames that were recorded, shape (angle, translation), and how many readings in them are not finite."""
    monitor = scan.monitor.values
    recorded = np.isfinite(monitor) & (monitor > 0)
    if not unreadable:
        return recorded, 0
    finite = np.isfinite(counts)
    recorded &= finite.mean(axis=-1) > LOST_SHARE
    return recorded, int(np.count_nonzero(~finite[recorded]))


def _zingers(counts: NDArray, recorded: Rays, order: NDArray, reach: int) -> NDArray[np.int64]:
    """Flat indices of zingers."""
    if counts.shape[-1] < 5:
        return np.zeros(0, dtype=np.int64)
    suspects = _suspects(counts.reshape(-1, counts.shape[-1]), ZINGER_SIGMAS, ZINGER_SHARE)
    return _confirmed(counts, suspects, recorded, order, reach, ZINGER_SIGMAS, ZINGER_SHARE)


def _filled(
    scan: xr.Dataset, counts: NDArray, recorded: Rays, zingers: NDArray, order: NDArray, *, low: bool
) -> xr.Dataset:
    counts.reshape(-1)[zingers] = np.nan
    holes = np.flatnonzero(~np.isfinite(counts) & recorded[..., None])
    values, empty = _readings(counts, holes, recorded, order)
    if empty:
        raise InputError(f"scan: {empty} readings have no finite channel beside them in their frame; drop the frame")
    counts.reshape(-1)[holes] = values
    angles = scan.angle.values
    monitor, transmission = (_along_angle(scan[name].values, recorded, angles) for name in ("monitor", "transmission"))
    spread = _frames(counts, monitor * transmission, recorded, angles)
    if "variance" in scan:
        variance = np.array(scan["variance"].values, dtype=np.float32)
    else:
        variance = smooth_expectation(counts) if low else np.maximum(counts, 1.0)
    variance.reshape(-1)[holes] = FILLED_VARIANCE * np.maximum(np.abs(values), 1.0)
    # once more the variance of a count, for the error that a filled frame shares with the views beside it
    variance[~recorded] = spread + np.maximum(np.abs(counts[~recorded]), 1.0)
    rays = ("angle", "translation")
    return scan.assign(
        intensity=((*rays, "q"), counts, scan.intensity.attrs),
        monitor=(rays, monitor, scan.monitor.attrs),
        transmission=(rays, transmission, scan.transmission.attrs),
        variance=((*rays, "q"), variance, {"units": "counts^2"}),
    )


def _reach(angles_deg: NDArray, translations: int) -> int:
    """Translations that the outermost point of the field crosses from one view to the next."""
    steps = np.diff(np.sort(angles_deg))
    steps = steps[steps > 0]
    step = np.radians(np.median(steps)) if len(steps) else 0.0
    return int(np.clip(np.ceil(step * translations / 2), 1, translations))


def _along_angle(values: NDArray, recorded: Rays, angles_deg: NDArray) -> NDArray[np.float64]:
    """Values of lost frames, shape (angle, translation), interpolated between recorded views."""
    filled = values.astype(np.float64)
    for t in np.flatnonzero(~recorded.all(axis=0)):
        good = np.flatnonzero(recorded[:, t])
        if len(good) < 2:
            raise InputError(f"scan: translation {t} has {len(good)} usable frames; drop it, two are needed")
        good = good[np.argsort(angles_deg[good])]
        lost = ~recorded[:, t]
        filled[lost, t] = np.interp(angles_deg[lost], angles_deg[good], values[good, t])
    return filled


def _frames(counts: NDArray, flux: NDArray, recorded: Rays, angles_deg: NDArray) -> NDArray:
    """Fill lost frames of `counts` in place; return the mean square error of such a fill, shape (lost frame, q)."""
    errors = np.empty((np.count_nonzero(~recorded), counts.shape[-1]), dtype=counts.dtype)
    for row, (view, t) in enumerate(np.argwhere(~recorded)):
        good = np.flatnonzero(recorded[:, t])
        good = good[np.argsort(angles_deg[good])]
        after = int(np.searchsorted(angles_deg[good], angles_deg[view]))
        pattern = counts[good, t] / flux[good, t, None]
        if 0 < after < len(good):
            gap = angles_deg[good[after]] - angles_deg[good[after - 1]]
            share = (angles_deg[view] - angles_deg[good[after - 1]]) / gap if gap > 0 else 0.5
            value = (1 - share) * pattern[after - 1] + share * pattern[after]
            error = pattern[1:-1] - (1 - share) * pattern[:-2] - share * pattern[2:]
        else:
            value = pattern[min(after, len(good) - 1)]
            error = np.diff(pattern, axis=0)
        counts[view, t] = value * flux[view, t]
        errors[row] = (error**2).mean(axis=0) * flux[view, t] ** 2 if len(error) else counts[view, t]
    return errors


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _tally(rows):  # pragma: no cover - compiled
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


@njit(cache=True, nogil=True)
def _flag(row, flags, sigmas, share):  # pragma: no cover - compiled
    """Flag the channels of a frame that stand out of the median of the four around them; return how many."""
    zero, half = np.float32(0), np.float32(0.5)
    offset, square, little = np.float32(sigmas**2 / 4), np.float32(sigmas**2), np.float32(0.375)
    factor = np.float32(1 + share)
    # shifted views, because an index that could be negative keeps the compiler from using vectors
    first, second, inner, fourth, fifth, inside = row[:-4], row[1:-3], row[2:-2], row[3:-1], row[4:], flags[2:-2]
    for i in range(inner.size):
        x, a, b, c, d = inner[i], first[i], second[i], fourth[i], fifth[i]
        low, high = (a if a < b else b), (b if a < b else a)
        least, most = (c if c < d else d), (d if c < d else c)
        # of two sorted pairs, the larger minimum and the smaller maximum are the middle two
        middle = half * ((low if low > least else least) + (high if high < most else most))
        over = x - middle - offset
        inside[i] = np.uint8(
            1 if (over > zero) & (over * over > square * (middle + little)) & (x > factor * middle) else 0
        )
    for i in (0, 1, row.size - 2, row.size - 1):
        middle = _middle(row, i)
        over = row[i] - middle - offset
        flags[i] = over > zero and over * over > square * (middle + little) and row[i] > factor * middle
    number = 0
    for i in range(flags.size):
        number += flags[i]
    return number


@njit(cache=True, nogil=True)
def _suspects(rows, sigmas, share):  # pragma: no cover - compiled
    """Flat indices of readings that stand out of the median of the four channels around them."""
    found = np.empty(1024, dtype=np.int64)
    number = 0
    flags = np.zeros(rows.shape[1], dtype=np.uint8)
    for f in range(rows.shape[0]):
        if not _flag(rows[f], flags, sigmas, share):
            continue
        if number + flags.size > found.size:
            grown = np.empty(2 * found.size + flags.size, dtype=np.int64)
            grown[:number] = found[:number]
            found = grown
        for i in range(flags.size):
            if flags[i] and np.isfinite(rows[f, i]):
                found[number] = f * flags.size + i
                number += 1
    return found[:number]


@njit(cache=True, nogil=True)
def _middle(row, i):  # pragma: no cover - compiled
    """Mean of the middle two of the four channels nearest to `i` inside the pattern."""
    low = min(max(i - 2, 0), max(row.size - 5, 0))
    total, least, most = 0.0, np.inf, -np.inf
    for j in range(low, min(low + 5, row.size)):
        if j != i:
            total += row[j]
            least, most = min(least, row[j]), max(most, row[j])
    return (total - least - most) / 2


@njit(cache=True, nogil=True)
def _beside(order, place, recorded, t, step):  # pragma: no cover - compiled
    """The nearest recorded view before (`step` -1) or after (1) a place in the order of angles; -1 if there is none."""
    place += step
    while 0 <= place < order.size:
        if recorded[order[place], t]:
            return order[place]
        place += step
    return -1


@njit(cache=True, nogil=True)
def _confirmed(counts, suspects, recorded, order, reach, sigmas, share):  # pragma: no cover - compiled
    """Suspects that the neighbouring views do not explain, as flat indices."""
    _, translations, channels = counts.shape
    places = np.empty(order.size, dtype=np.int64)
    places[order] = np.arange(order.size)
    keep = np.zeros(suspects.size, dtype=np.bool_)
    for k in range(suspects.size):
        frame, i = suspects[k] // channels, suspects[k] % channels
        view, t = frame // translations, frame % translations
        if not recorded[view, t]:
            continue
        x, middle = counts[view, t, i], _middle(counts[view, t], i)
        expected, seen = middle, 0
        for beside in range(max(t - reach, 0), min(t + reach + 1, translations)):
            for step in (-1, 1):
                other = _beside(order, places[view], recorded, beside, step)
                if other < 0:
                    continue
                y, base = counts[other, beside, i], _middle(counts[other, beside], i)
                if y - y != 0 or base - base != 0:
                    continue
                seen += 1
                # the same count, the same excess, the same contrast: a peak may do any of them
                expected = max(expected, y, middle + y - base, (middle + 1) * (y + 1) / (max(base, 0.0) + 1))
        limit = expected + sigmas * np.sqrt(max(expected, 0.0) + 0.375) + sigmas * sigmas / 4
        keep[k] = seen > 0 and x > limit and x > (1 + share) * expected
    return suspects[keep]


@njit(cache=True, nogil=True)
def _readings(counts, holes, recorded, order):  # pragma: no cover - compiled
    """Values for holes (flat indices of NaN or Inf), and how many have no readable channel in their frame."""
    _, translations, channels = counts.shape
    places = np.empty(order.size, dtype=np.int64)
    places[order] = np.arange(order.size)
    values = np.empty(holes.size, dtype=counts.dtype)
    empty = 0
    for k in range(holes.size):
        frame, i = holes[k] // channels, holes[k] % channels
        view, t = frame // translations, frame % translations
        row = counts[view, t]
        low, high = i - 1, i + 1
        while low >= 0 and row[low] - row[low] != 0:
            low -= 1
        while high < channels and row[high] - row[high] != 0:
            high += 1
        if low < 0 and high >= channels:
            empty += 1
            continue
        low, high = (high, high) if low < 0 else (low, low) if high >= channels else (low, high)
        part = 0.5 if high == low else (i - low) / (high - low)
        value = (1 - part) * row[low] + part * row[high]
        peak, base = 0.0, 0.0
        for step in (-1, 1):
            other = _beside(order, places[view], recorded, t, step)
            if other >= 0:
                y = counts[other, t]
                z = (1 - part) * y[low] + part * y[high]
                if y[i] - y[i] == 0 and z - z == 0:
                    peak += y[i]
                    base += z
        values[k] = value * peak / base if base > 0 else value
    return values, empty
