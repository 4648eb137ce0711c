"""Zingers: readings that stand out of both their channels and the views beside them."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: standard deviations by which a zinger stands out, both of its channels and of the neighbouring views
ZINGER_SIGMAS = 6.0
#: and by which share of the expected count, because no two views agree better than that
ZINGER_SHARE = 0.02


def find_zingers(counts: NDArray[Any], recorded: NDArray[np.bool_], angles_deg: NDArray[Any]) -> NDArray[np.int64]:
    """Flat indices of zingers among the readings of recorded frames.

    A zinger must stand out of the neighbouring channels and of the neighbouring views, so that the Bragg peaks of a
    powder, which every view shows, survive. A coarse grain that flashes in one view alone cannot be told from a zinger,
    and one that covers three channels or more is not found.

    Parameters
    ----------
    counts : ndarray, shape (angle, translation, q)
        Of any finiteness.
    recorded : ndarray of bool, shape (angle, translation)
    angles_deg : ndarray, shape (angle,)
        In any order.
    """
    if counts.shape[-1] < 5:
        return np.zeros(0, dtype=np.int64)
    suspects = _suspects(counts.reshape(-1, counts.shape[-1]), ZINGER_SIGMAS, ZINGER_SHARE)
    order, reach = np.argsort(angles_deg, kind="stable"), _reach(angles_deg, counts.shape[1])
    return _confirmed(counts, suspects, recorded, order, reach, ZINGER_SIGMAS, ZINGER_SHARE)


def _reach(angles_deg: NDArray[Any], translations: int) -> int:
    """Translations that the outermost point of the field crosses from one view to the next."""
    steps = np.diff(np.sort(angles_deg))
    steps = steps[steps > 0]
    step = np.radians(np.median(steps)) if len(steps) else 0.0
    return int(np.clip(np.ceil(step * translations / 2), 1, translations))


@njit(cache=True, nogil=True)
def _flag(row: NDArray[Any], flags: NDArray[Any], sigmas: float, share: float) -> int:  # pragma: no cover - compiled
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
def _suspects(rows: NDArray[Any], sigmas: float, share: float) -> NDArray[Any]:  # pragma: no cover - compiled
    """Flat indices of readings that stand out of the median of the four channels around them."""
    flat = np.empty(1024, dtype=np.int64)
    number = 0
    flags = np.zeros(rows.shape[1], dtype=np.uint8)
    for f in range(rows.shape[0]):
        if not _flag(rows[f], flags, sigmas, share):
            continue
        if number + flags.size > flat.size:
            grown = np.empty(2 * flat.size + flags.size, dtype=np.int64)
            grown[:number] = flat[:number]
            flat = grown
        for i in range(flags.size):
            if flags[i] and np.isfinite(rows[f, i]):
                flat[number] = f * flags.size + i
                number += 1
    return flat[:number]


@njit(cache=True, nogil=True)
def _middle(row: NDArray[Any], i: int) -> float:  # pragma: no cover - compiled
    """Mean of the middle two of the four channels nearest to `i` inside the pattern."""
    low = min(max(i - 2, 0), max(row.size - 5, 0))
    total, least, most = 0.0, np.inf, -np.inf
    for j in range(low, min(low + 5, row.size)):
        if j != i:
            total += row[j]
            least, most = min(least, row[j]), max(most, row[j])
    return (total - least - most) / 2


@njit(cache=True, nogil=True)
def nearest_view(
    order: NDArray[Any], rank: int, recorded: NDArray[Any], t: int, step: int
) -> int:  # pragma: no cover - compiled
    """The nearest recorded view before (`step` -1) or after (1) a rank in the order of angles; -1 if there is none."""
    rank += step
    while 0 <= rank < order.size:
        if recorded[order[rank], t]:
            return order[rank]
        rank += step
    return -1


@njit(cache=True, nogil=True)
def _confirmed(
    counts: NDArray[Any],
    suspects: NDArray[Any],
    recorded: NDArray[Any],
    order: NDArray[Any],
    reach: int,
    sigmas: float,
    share: float,
) -> NDArray[Any]:  # pragma: no cover - compiled
    """Suspects that the neighbouring views do not explain, as flat indices."""
    _, translations, channels = counts.shape
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    keep = np.zeros(suspects.size, dtype=np.bool_)
    for k in range(suspects.size):
        frame, i = suspects[k] // channels, suspects[k] % channels
        view, t = frame // translations, frame % translations
        if not recorded[view, t]:
            continue
        x, middle = counts[view, t, i], _middle(counts[view, t], i)
        expected, views = middle, 0
        for beside in range(max(t - reach, 0), min(t + reach + 1, translations)):
            for step in (-1, 1):
                other = nearest_view(order, rank[view], recorded, beside, step)
                if other < 0:
                    continue
                y, base = counts[other, beside, i], _middle(counts[other, beside], i)
                if y - y != 0 or base - base != 0:
                    continue
                views += 1
                # the same count, the same excess, the same contrast: a peak may do any of them
                expected = max(expected, y, middle + y - base, (middle + 1) * (y + 1) / (max(base, 0.0) + 1))
        limit = expected + sigmas * np.sqrt(max(expected, 0.0) + 0.375) + sigmas * sigmas / 4
        keep[k] = views > 0 and x > limit and x > (1 + share) * expected
    return suspects[keep]
