"""Zingers against the definition written out for one reading, and limits on where they are looked for."""

import numpy as np
import pytest

from tsct.analyze.prepare.zingers import ZINGER_SHARE, ZINGER_SIGMAS, _reach, find_zingers, nearest_view
from tsct.records.seeds import generator


@pytest.mark.parametrize(
    ("step_deg", "translations", "expected"),
    # half the field times the step in radians, rounded up
    [(2.0, 100, 2), (1.0, 100, 1), (10.0, 60, 6), (0.0, 60, 1), (90.0, 3, 3)],
)
def test_a_point_at_the_rim_crosses_half_the_field_times_the_step(step_deg, translations, expected):
    angles = np.random.default_rng(1).permutation(step_deg * np.arange(8))
    assert _reach(angles, translations) == expected


def test_the_nearest_recorded_view_in_either_direction():
    order = np.array([2, 0, 1, 3])
    recorded = np.array([[True], [False], [True], [True]])
    assert [nearest_view(order, rank, recorded, 0, 1) for rank in range(4)] == [0, 3, 3, -1]
    assert [nearest_view(order, rank, recorded, 0, -1) for rank in range(4)] == [-1, 2, 0, 0]


def middle(row, i):
    """Mean of the middle two of the four channels nearest to i."""
    low = min(max(i - 2, 0), len(row) - 5)
    return np.mean(np.sort(np.delete(row[low : low + 5], i - low))[1:3])


def stands_out(x, expected):
    limit = expected + ZINGER_SIGMAS * np.sqrt(max(expected, 0.0) + 0.375) + ZINGER_SIGMAS**2 / 4
    return x > limit and x > (1 + ZINGER_SHARE) * expected


def by_definition(counts, recorded, angles):
    """Readings above their channels, and above what any view beside them lets expect."""
    order, reach, found = np.argsort(angles), _reach(angles, counts.shape[1]), []
    for view, t, i in np.ndindex(counts.shape):
        x, own = counts[view, t, i], middle(counts[view, t], i)
        if not recorded[view, t] or not stands_out(x, own):
            continue
        rank, expected = int(np.flatnonzero(order == view)[0]), [own]
        for beside in range(max(t - reach, 0), min(t + reach + 1, counts.shape[1])):
            for side in (order[:rank][::-1], order[rank + 1 :]):
                other = next((k for k in side if recorded[k, beside]), None)
                if other is not None:
                    y, base = counts[other, beside, i], middle(counts[other, beside], i)
                    expected += [y, own + y - base, (own + 1) * (y + 1) / (max(base, 0.0) + 1)]
        if len(expected) > 1 and stands_out(x, max(expected)):
            found.append(np.ravel_multi_index((view, t, i), counts.shape))
    return found


@pytest.mark.parametrize("mean", [3.0, 400.0])
def test_zingers_are_those_of_the_definition(mean):
    """Peaks of one view, of two and of all, of many heights around the limits, with lost frames and views unordered."""
    rng = generator(1, "zingers", mean)
    counts = rng.poisson(mean * (1 + 2.0 * (np.arange(12) == 6)), (9, 7, 12)).astype(np.float32)
    for _ in range(60):
        view, t, i = (int(rng.integers(size)) for size in counts.shape)
        counts[view, t, i] += rng.uniform(3, 14) * np.sqrt(mean) + rng.uniform(0, 40)
        if rng.random() < 0.5:
            counts[(view + 1) % 9, t, i] += rng.uniform(3, 14) * np.sqrt(mean)
    recorded = rng.random((9, 7)) > 0.1
    angles = rng.permutation(np.arange(9) * 20.0)
    found = find_zingers(counts, recorded, angles)
    expected = by_definition(counts.astype(float), recorded, angles)
    assert len(expected) > 10 and sorted(found.tolist()) == expected


def test_a_zinger_in_the_dark_is_found_in_any_channel():
    """Forty counts among none, in the middle of a frame and at its ends."""
    counts = np.zeros((9, 3, 12), dtype=np.float32)
    places = [(1, 0, 0), (2, 1, 1), (3, 2, 6), (5, 0, 10), (7, 1, 11)]
    for place in places:
        counts[place] = 40.0
    found = find_zingers(counts, np.ones((9, 3), dtype=bool), np.arange(9) * 20.0)
    assert sorted(found.tolist()) == [np.ravel_multi_index(place, counts.shape) for place in places]


def test_a_frame_of_four_channels_has_none():
    counts = np.ones((3, 2, 4), dtype=np.float32)
    counts[1, 1, 2] = 1e6
    assert find_zingers(counts, np.ones((3, 2), dtype=bool), np.arange(3.0)).size == 0
