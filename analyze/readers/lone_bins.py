"""Single bins of one pattern that no scattering explains: a hot or a dead pixel in a ring of few."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, TsctWarning

from .unmeasured import marked

Array = NDArray[np.float64]

#: standard deviations by which a lone bin stands out of the bins around it, and by which share of their level
SIGMAS, SHARE = 10.0, 0.5
#: share of its excess that the bins beside it may hold; the resolution of an instrument spreads a peak further
SHOULDER = 0.1
#: of so many lone bins or more, peaks of a single bin are the more likely reason
PEAKS = 6


#: points in a row that were not measured and are bridged by a straight line; no more than a peak is wide
BRIDGED = 3
#: points on either side of a run of zeros, and the least of them over their median where counts are many
BESIDE, STEADY = 5, 0.1


def unmeasured_points(intensity: Array, sigma: Array | None) -> NDArray[np.bool_]:
    """Points of one pattern that hold a mark of what was not measured: a full counter, -1, zeros in a row.

    Parameters
    ----------
    intensity, sigma : ndarray, shape (n,)
        `sigma` may be None; a zero with an error was measured.
    """
    lost = marked(intensity)
    zeros = (intensity == 0.0) if sigma is None else np.zeros_like(lost)
    for first, end in _runs(zeros):
        beside = np.r_[intensity[max(0, first - BESIDE) : first], intensity[end : end + BESIDE]]
        # among few counts, zero is one of them
        if end - first > 1 and beside.size and beside.min() > STEADY * np.median(beside):
            lost[first:end] = True
    return lost


def _runs(flags: NDArray[np.bool_]) -> NDArray[np.intp]:
    """First and end of every run of true, shape (run, 2)."""
    return np.flatnonzero(np.diff(np.r_[False, flags, False].astype(np.int8))).reshape(-1, 2)


def bridged(x: Array, intensity: Array, lost: NDArray[np.bool_]) -> Array:
    """The pattern with straight lines over what was not measured."""
    if not lost.any() or lost.all():
        return intensity
    return np.where(lost, np.interp(x, x[~lost], intensity[~lost]), intensity)


def check_gaps(q: Array, lost: NDArray[np.bool_], limits: tuple[float, float], where: str) -> None:
    """Refuse a pattern of which several points in a row within limits of Q were not measured.

    Raises
    ------
    InputError
        Saying where the gap is.

    Warns
    -----
    TsctWarning
        If a few points were bridged.
    """
    used = lost & (q >= limits[0]) & (q <= limits[1])
    if not used.any():
        return
    edges = _runs(used)
    longest = edges[np.argmax(edges[:, 1] - edges[:, 0])]
    number = int(longest[1] - longest[0])
    if number > BRIDGED:
        raise InputError(
            f"{where}: {number} points from Q = {q[longest[0]]:.4g} to {q[longest[1] - 1]:.4g} 1/angstrom were not "
            f"measured (full counters, -1 or zeros), and {BRIDGED} in a row are bridged; end before them with --qmax, "
            "begin after them with --qmin, or integrate again without those pixels"
        )
    warnings.warn(
        f"{where}: {np.count_nonzero(used)} points were not measured (full counters, -1 or zeros) and are bridged",
        TsctWarning,
        stacklevel=4,
    )


def without_lone_bins(intensity: Array, sigma: Array | None, where: str) -> tuple[Array, Array | None]:
    """Replace single bins far above or below all around them by the mean of their neighbours.

    Parameters
    ----------
    intensity, sigma : ndarray, shape (n,)
        Of one pattern; `sigma` may be None, and is then taken from the scatter between neighbours.
    where : str
        What warnings call it.

    Returns
    -------
    intensity, sigma : ndarray, shape (n,)
        The same objects if no bin stands alone.

    Warns
    -----
    TsctWarning
        Naming the bins that were replaced; or that there are so many that they may be peaks, which stay.
    """
    if len(intensity) < 7:
        return intensity, sigma
    lone = _lone_bins(intensity, sigma)
    if not len(lone):
        return intensity, sigma
    if len(lone) >= PEAKS:
        warnings.warn(
            f"{where}: {len(lone)} points stand alone, such as point {lone[0] + 1}; these may be peaks narrower than a "
            "step and stay as they are",
            TsctWarning,
            stacklevel=4,
        )
        return intensity, sigma
    filled = intensity.copy()
    filled[lone] = (intensity[lone - 1] + intensity[lone + 1]) / 2
    names = ", ".join(f"{i + 1} ({intensity[i]:g} between {intensity[i - 1]:g} and {intensity[i + 1]:g})" for i in lone)
    warnings.warn(
        f"{where}: one hot or dead bin replaced by the mean of its neighbours, point {names}"
        if len(lone) == 1
        else f"{where}: hot or dead bins replaced by the means of their neighbours, points {names}",
        TsctWarning,
        stacklevel=4,
    )
    if sigma is None:
        return filled, None
    errors = sigma.copy()
    errors[lone] = np.maximum(np.hypot(sigma[lone - 1], sigma[lone + 1]), sigma[lone - 1])
    return filled, errors


def _lone_bins(y: Array, sigma: Array | None) -> NDArray[np.intp]:
    """Places of lone bins, neither the first nor the last."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(y, 2, mode="edge"), 5)[:, [0, 1, 3, 4]]
    base = np.median(around, axis=1)
    spread = np.median(np.abs(np.diff(y, 2))) / (np.sqrt(6) * 0.6745) if sigma is None else _typical(sigma)
    beside = np.abs(around - base[:, None]).max(axis=1)
    excess = y - base
    level = np.maximum(np.abs(base), 1e-300)
    lone: NDArray[Any] = (
        (np.abs(excess) > SIGMAS * spread) & (np.abs(excess) > SHARE * level) & (beside < SHOULDER * np.abs(excess))
    )
    lone[[0, -1]] = False
    return np.flatnonzero(lone)


def _typical(sigma: Array) -> Array:
    """Errors of the bins around, because a lone bin has an error like its own."""
    return np.median(np.lib.stride_tricks.sliding_window_view(np.pad(sigma, 2, mode="edge"), 5), axis=1)
