"""What a scan did not measure although it says so by no number, by hand at every limit."""

import numpy as np
import pytest

from tsct.analyze.prepare.faulty import (
    LONGEST_FILL,
    _around,
    _nearest,
    empty_frames,
    faulty_channels,
    views_to_leave_out,
)


def test_the_last_known_frame_counts_unless_it_is_far():
    total = np.array([5.0, 7.0, 1.0, 1.0, 1.0, 1.0, 9.0])[:, None]
    known = np.array([False, True, False, False, False, False, True])[:, None]
    assert LONGEST_FILL == 3
    expected = [np.nan, 7.0, 7.0, 7.0, 7.0, 0.0, 9.0]
    np.testing.assert_array_equal(_nearest(total, known)[:, 0], expected)
    assert np.isnan(_nearest(total, known & False)).all()


def scan(per_channel, views=8, translations=5, channels=6):
    return np.full((views, translations, channels), float(per_channel))


@pytest.mark.parametrize(("per_channel", "lost"), [(17.0, True), (16.0, False)])
def test_an_empty_frame_among_more_than_a_hundred_counts_is_lost(per_channel, lost):
    """Six channels of 17 are 102 counts, of 16 are 96; views in any order."""
    counts, recorded = scan(per_channel), np.ones((8, 5), dtype=bool)
    counts[3, 2] = 0.0
    angles = np.array([40.0, 0.0, 70.0, 20.0, 10.0, 30.0, 50.0, 60.0])
    found = empty_frames(counts, recorded, angles)
    expected = np.zeros((8, 5), dtype=bool)
    expected[3, 2] = lost
    np.testing.assert_array_equal(found, expected)


def test_beside_the_sample_a_frame_may_be_empty_and_a_view_may_not():
    counts, recorded = scan(50.0), np.ones((8, 5), dtype=bool)
    counts[:, 0] = 0.0
    assert not empty_frames(counts, recorded, np.arange(8.0)).any()
    counts[5] = 0.0
    expected = np.zeros((8, 5), dtype=bool)
    expected[5] = True
    np.testing.assert_array_equal(empty_frames(counts, recorded, np.arange(8.0)), expected)


@pytest.mark.parametrize(("lacking", "lost"), [(30, True), (60, False)])
def test_at_an_end_of_the_scan_a_frame_is_lost_where_its_view_lacks_five_per_cent(lacking, lost):
    """One of 30 translations of which ten hold the sample lacks 10 %; one of 60 of which thirty do lacks 3 %."""
    counts = scan(50.0, translations=lacking)
    counts[:, : lacking // 2 if lacking == 60 else 20] = 0.0
    counts[0, -1] = 0.0
    found = empty_frames(counts, np.ones(counts.shape[:2], dtype=bool), np.arange(8.0))
    assert found[0, -1] == lost and found.sum() == lost


def test_a_frame_with_a_count_in_the_middle_is_not_empty():
    counts = scan(50.0)
    counts[3, 2] = 0.0
    counts[3, 2, 3] = 1.0
    assert not empty_frames(counts, np.ones((8, 5), dtype=bool), np.arange(8.0)).any()


@pytest.mark.parametrize(
    ("gone", "out"),
    [
        # three in a row inside are filled, four are not; at an end, and on either side of 180 degrees, none is
        ([3, 4, 5], []),
        ([3, 4, 5, 6], [3, 4, 5, 6]),
        ([0, 4], [0]),
        ([10, 11], [10, 11]),
        ([], []),
    ],
)
def test_views_that_cannot_be_filled_are_left_out(gone, out):
    recorded = np.ones((12, 4), dtype=bool)
    recorded[gone, :3] = False
    # half of the frames is not most of them
    recorded[8, :2] = False
    turned = np.random.default_rng(2).permutation(12)
    np.testing.assert_array_equal(views_to_leave_out(recorded, np.arange(12.0)), out)
    # the same scan with its views in another order
    found = views_to_leave_out(recorded[turned], np.arange(12.0)[turned])
    np.testing.assert_array_equal(found, np.sort(np.argsort(turned)[np.array(out, dtype=int)]))


def test_the_four_channels_around_each_one():
    row = 10.0 * np.arange(7)
    expected = [[1, 2, 3, 4], [0, 2, 3, 4], [0, 1, 3, 4], [1, 2, 4, 5], [2, 3, 5, 6], [2, 3, 4, 6], [2, 3, 4, 5]]
    np.testing.assert_array_equal(_around(row), 10.0 * np.array(expected))


def sloped(frames=400, channels=30):
    """Frames of very different levels, a tenth of them dark, smooth in the channel."""
    level = np.where(np.arange(frames) % 10 == 0, 20.0, 2000.0 + np.arange(frames))
    return (level[:, None] * (1 + 0.02 * np.arange(channels))).reshape(20, frames // 20, channels)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        # the least of the four around holds 1.18 / 1.22 as much, and half of that is 0.484
        (lambda column: 0.48 * column, [11]),
        (lambda column: 0.49 * column, []),
        # a dark frame holds 24.4 counts at channel 11, forty of them 976: ten of their roots are 312, half is 488
        (lambda column: column + 0.51 * 24.4, [11]),
        (lambda column: column + 0.48 * 24.4, []),
        # twice as much in every frame is the sample's
        (lambda column: 2.0 * column, []),
    ],
)
def test_channels_are_dead_below_half_and_hot_above_half(change, found):
    counts = sloped()
    counts[..., 11] = change(counts[..., 11])
    np.testing.assert_array_equal(faulty_channels(counts, np.ones(counts.shape[:2], dtype=bool)), found)


def test_what_struck_one_frame_is_no_hot_channel():
    counts = sloped()
    counts[0, 0, 11] += 1e6
    assert faulty_channels(counts, np.ones(counts.shape[:2], dtype=bool)).size == 0
    assert faulty_channels(counts[..., :6], np.ones(counts.shape[:2], dtype=bool)).size == 0
