"""What fills the readings of a scan that are lost: neighbouring channels in a frame, neighbouring views for a frame."""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tsct.records.errors import InputError

from .zingers import nearest_view


def fill_readings(
    counts: NDArray[Any],
    holes: NDArray[np.intp],
    recorded: NDArray[np.bool_],
    angles_deg: NDArray[Any],
    response: NDArray[Any],
) -> NDArray[Any]:
    """Fill single readings (flat indices, NaN or Inf) of `counts` in place from the channels beside them.

    They get the contrast with these that the neighbouring views show; where these do not show it either, that of the
    `response`, shape (q,), as the number of pixels differs from channel to channel.

    Returns
    -------
    ndarray, shape (hole,)
        The values.

    Raises
    ------
    InputError
        If a frame has no readable channel.
    """
    # a channel that counts nothing of what is scattered is as good as another
    share = np.where(response > 0, response, 1.0).astype(np.float64)
    values, empty = _readings(counts, holes, recorded, np.argsort(angles_deg, kind="stable"), share)
    if empty:
        raise InputError(
            f"scan: {empty} readings have no finite channel beside them in their frame; "
            "leave such frames out with drop.frames in the mapping"
        )
    counts.reshape(-1)[holes] = values
    return values


def fill_frames(
    counts: NDArray[Any], flux: NDArray[Any], recorded: NDArray[np.bool_], angles_deg: NDArray[Any]
) -> NDArray[Any]:
    """Fill lost frames of `counts` in place; return the mean square error of such a fill, shape (lost frame, q)."""
    errors = np.empty((np.count_nonzero(~recorded), counts.shape[-1]), dtype=counts.dtype)
    for row, (view, t) in enumerate(np.argwhere(~recorded)):
        good = np.flatnonzero(recorded[:, t])
        good = good[np.argsort(angles_deg[good])]
        after = int(np.searchsorted(angles_deg[good], angles_deg[view]))
        pattern = counts[good, t] / flux[good, t, None]
        if 0 < after < len(good):
            # such an interpolation as is needed here, tried where the truth is known
            before, behind = _steps(recorded[:, t], angles_deg, view)
            gap = angles_deg[good[after]] - angles_deg[good[after - 1]]
            share = (angles_deg[view] - angles_deg[good[after - 1]]) / gap if gap > 0 else 0.5
            value = (1 - share) * pattern[after - 1] + share * pattern[after]
            span = before + behind
            error = pattern[before:-behind] - (1 - share) * pattern[:-span] - share * pattern[span:]
        else:
            value = pattern[min(after, len(good) - 1)]
            error = np.diff(pattern, axis=0)
        counts[view, t] = value * flux[view, t]
        errors[row] = (error**2).mean(axis=0) * flux[view, t] ** 2 if len(error) else counts[view, t]
    return errors


def _steps(recorded: NDArray[np.bool_], angles_deg: NDArray[Any], view: int) -> tuple[int, int]:
    """Views from a lost one to the recorded one before it and behind it, in the order of angles."""
    order = np.argsort(angles_deg, kind="stable")
    known = np.flatnonzero(recorded[order])
    here = int(np.flatnonzero(order == view)[0])
    after = int(np.searchsorted(known, here))
    return here - int(known[after - 1]), int(known[after]) - here


def _way_out(lost: int, recorded: NDArray[np.bool_]) -> str:
    """What to drop without a translation: it alone at an edge, else all on its shorter side, as rays must be even."""
    number = recorded.shape[1]
    if lost in (0, number - 1):
        return f"leave it out with drop = {{ translations = [{lost}] }} in the mapping"
    first, end = (0, lost + 1) if lost < number / 2 else (lost, number)
    return (
        "with others on both sides it cannot be left out alone; if the sample does not reach there, leave out "
        f"translations {first} to {end - 1} with drop.translations in the mapping"
    )


def fill_along_angle(
    values: NDArray[Any], recorded: NDArray[np.bool_], angles_deg: NDArray[Any]
) -> NDArray[np.float64]:
    """Values of lost frames, shape (angle, translation), interpolated between recorded views."""
    filled = values.astype(np.float64)
    for t in np.flatnonzero(~recorded.all(axis=0)):
        good = np.flatnonzero(recorded[:, t])
        if len(good) < 2:
            raise InputError(
                f"scan: translation {t} has {len(good)} usable frames, two are needed; {_way_out(int(t), recorded)}"
            )
        good = good[np.argsort(angles_deg[good])]
        lost = ~recorded[:, t]
        filled[lost, t] = np.interp(angles_deg[lost], angles_deg[good], values[good, t])
    return filled


@njit(cache=True, nogil=True)
def _readings(
    counts: NDArray[Any], holes: NDArray[Any], recorded: NDArray[Any], order: NDArray[Any], response: NDArray[Any]
) -> tuple[NDArray[Any], int]:  # pragma: no cover - compiled
    """Values for holes (flat indices of NaN or Inf), and how many have no readable channel in their frame."""
    _, translations, channels = counts.shape
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
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
        to_low, to_high = (1 - part) * response[i] / response[low], part * response[i] / response[high]
        value = to_low * row[low] + to_high * row[high]
        peak, base = 0.0, 0.0
        for step in (-1, 1):
            other = nearest_view(order, rank[view], recorded, t, step)
            if other >= 0:
                y = counts[other, t]
                z = to_low * y[low] + to_high * y[high]
                if y[i] - y[i] == 0 and z - z == 0:
                    peak += y[i]
                    base += z
        values[k] = value * peak / base if base > 0 else value
    return values, empty
