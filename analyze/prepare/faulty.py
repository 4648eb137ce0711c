"""What a scan did not measure although it says so by no number: empty frames, lost stretches, hot and dead channels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: counts of the views beside it from which an empty frame was not recorded: chance leaves none in e**100
MANY_COUNTS = 100.0
#: share of its mass that a view must lack before empty frames at the end of the scan, with views on one side, are lost
MASS_LACKS = 0.05
#: so many lost views in a row are still filled from the views on either side
LONGEST_FILL = 3
#: share of frames without which a view is lost
LOST_SHARE = 0.5
#: share of frames with the least counts, which tell the detector from the sample
DARK_SHARE = 0.1
#: so many groups of these, in each of which a hot channel must stand out
GROUPS = 4
#: standard deviations by which a hot channel stands out in these, and by which share of the channels around it
HOT_SIGMAS, HOT_SHARE = 10.0, 0.5
#: share of the least of its neighbours below which a channel is dead
DEAD_SHARE = 0.5

Mask = NDArray[np.bool_]


def empty_frames(counts: NDArray[Any], recorded: Mask, angles_deg: NDArray[Any]) -> Mask:
    """Frames without a single count, shape (angle, translation), where the views beside them count many.

    A frame beside the sample may be empty; one whose neighbours before and behind both see the sample may not, nor one
    at an end of the scan whose view lacks mass, for all views hold the same.
    """
    silent = recorded & (counts[..., 0] == 0) & (counts[..., -1] == 0)
    if silent.any():
        # of what is not a number nothing is known
        silent &= np.stack([~np.any(np.nan_to_num(view) != 0, axis=-1) for view in counts])
    if not silent.any():
        return silent
    order = np.argsort(angles_deg, kind="stable")
    total = np.stack([np.nansum(view, axis=-1, dtype=np.float64) for view in counts])
    total = np.where(recorded, total, 0.0)[order]
    known = (recorded & ~silent)[order]
    before, behind = _nearest(total, known), _nearest(total[::-1], known[::-1])[::-1]
    mass = np.where(known, total, 0.0).sum(axis=1)
    lacks = (mass < (1 - MASS_LACKS) * np.median(mass[known.any(axis=1)]))[:, None]
    many_before, many_behind = before > MANY_COUNTS, behind > MANY_COUNTS
    one_sided = (many_before & np.isnan(behind)) | (many_behind & np.isnan(before))
    lost = np.zeros_like(silent)
    # a view without a single count is lost where others have some, also beside the sample
    blank = ~known.any(axis=1) & known.any()
    lost[order] = silent[order] & ((many_before & many_behind) | (one_sided & lacks) | blank[:, None])
    return lost


def _nearest(total: NDArray[np.float64], known: Mask) -> NDArray[np.float64]:
    """Counts of the last known frame before each one at the same translation; NaN if there is none, zero if it is far.

    A grain in a void is seen at one translation from two sides, half a turn apart, and between them it is not.
    """
    place = np.arange(len(total))[:, None]
    last = np.maximum.accumulate(np.where(known, place, -1), axis=0)
    found = np.take_along_axis(total, np.maximum(last, 0), axis=0)
    return np.where(last < 0, np.nan, np.where(place - last > LONGEST_FILL, 0.0, found))


def views_to_leave_out(recorded: Mask, angles_deg: NDArray[Any]) -> NDArray[np.intp]:
    """Views of which most frames are lost and that lie at an end of the scan, or more than three in a row."""
    lost = ~recorded
    if lost.mean(axis=1).max() <= LOST_SHARE:
        return np.zeros(0, dtype=np.intp)
    order = np.argsort(angles_deg, kind="stable")
    gone = lost[order].mean(axis=1) > LOST_SHARE
    edges = np.flatnonzero(np.diff(np.concatenate([[False], gone, [False]]).astype(np.int8)))
    out = [
        np.arange(start, end)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
        if start == 0 or end == len(gone) or end - start > LONGEST_FILL
    ]
    return np.sort(order[np.concatenate(out)]) if out else np.zeros(0, dtype=np.intp)


def faulty_channels(counts: NDArray[Any], recorded: Mask) -> NDArray[np.intp]:
    """Channels that count nothing, or that count the same too many in every frame.

    A dead channel holds less than half of the least of the four around it, summed over all frames, and also in those
    with the least counts: between two Bragg peaks a channel may hold as little, but where there is less of the sample
    not as little beside its neighbours. A hot one stands out of the four around it in the frames with the least counts,
    by more than the share that these hold of the excess which the sample causes.
    """
    if counts.shape[-1] < 7 or not recorded.any():
        return np.zeros(0, dtype=np.intp)
    level = counts[..., :: max(counts.shape[-1] // 64, 1)].sum(axis=-1, dtype=np.float64)
    finite = recorded & np.isfinite(level)
    if not finite.any():
        return np.zeros(0, dtype=np.intp)
    dark = np.nan_to_num(counts[finite & (level <= np.quantile(level[finite], DARK_SHARE))])
    # what the detector adds is in every frame; what struck one frame is in one of the groups
    groups = [dark[first::GROUPS].sum(axis=0, dtype=np.float64) for first in range(min(GROUPS, len(dark)))]
    in_dark, in_each = np.sum(groups, axis=0), len(groups) * np.min(groups, axis=0)
    in_all, seen = _sums(counts, recorded)
    around_dark, around_all = _around(in_dark), _around(in_all)
    least = around_all.min(axis=1)
    least_dark = around_dark.min(axis=1)
    # where the dark tells too little, all frames have to do
    in_dark_too = (in_each < DEAD_SHARE * least_dark) | (least_dark <= MANY_COUNTS)
    dead = seen & (least > MANY_COUNTS) & (in_all < DEAD_SHARE * least) & in_dark_too
    base_dark, base_all = np.median(around_dark, axis=1), np.median(around_all, axis=1)
    excess_dark, excess_all = in_each - base_dark, in_all - base_all
    share = np.where(base_all > 0, base_dark / np.where(base_all > 0, base_all, 1.0), 0.0)
    # what the sample adds to a channel shrinks with the sample's share of a frame, what the detector adds does not
    of_sample = 3.0 * share * np.maximum(excess_all, 0.0)
    # the channels beside a hot one have none of it; a peak that the instrument spreads does
    alone = np.abs(around_dark - base_dark[:, None]).max(axis=1) < 0.2 * excess_dark
    hot = (
        (excess_dark > HOT_SIGMAS * np.sqrt(np.maximum(base_dark, 1.0)))
        & (excess_dark > HOT_SHARE * base_dark)
        & (excess_dark > of_sample)
        & alone
    )
    return np.flatnonzero(dead | hot)


def _sums(counts: NDArray[Any], recorded: Mask) -> tuple[NDArray[np.float64], Mask]:
    """Sum of the finite counts of each channel over recorded frames, and whether it has any, view by view."""
    total, seen = np.zeros(counts.shape[-1]), np.zeros(counts.shape[-1], dtype=bool)
    for view, known in zip(counts, recorded, strict=True):
        frames = view if known.all() else view[known]
        sums = frames.sum(axis=0, dtype=np.float64)
        if np.isfinite(sums).all():
            seen |= bool(len(frames))
        else:
            finite = np.isfinite(frames)
            sums, seen = np.where(finite, frames, 0.0).sum(axis=0, dtype=np.float64), seen | finite.any(axis=0)
        total += sums
    return total, seen


def _around(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """The four channels nearest to each one, shape (channel, 4)."""
    inside = np.clip(np.arange(len(row)), 2, len(row) - 3)
    five = inside[:, None] + np.arange(-2, 3)
    others = five[five != np.arange(len(row))[:, None]].reshape(len(row), 4)
    return row[others]
