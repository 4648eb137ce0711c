"""What fills a lost reading or frame: straight lines in channel and angle, by hand."""

import numpy as np
import pytest

from tsct.analyze.prepare.fill import fill_along_angle, fill_frames, fill_readings
from tsct.records.errors import InputError

ANGLES = np.array([0.0, 30.0, 10.0, 40.0, 20.0, 50.0])


def linear(translations=3, channels=5):
    """Counts that are linear in the angle and in the channel."""
    t, q = np.arange(translations)[:, None], np.arange(channels)
    return (100.0 + ANGLES[:, None, None]) * (1.0 + 0.1 * t) * (1.0 + 0.2 * q)


def test_values_between_recorded_views_lie_on_a_line():
    values = np.stack([2 * ANGLES + 1, 3 * ANGLES], axis=1)
    recorded = np.ones(values.shape, dtype=bool)
    recorded[[2, 4], 1] = False
    spoiled = np.where(recorded, values, 77.0)
    np.testing.assert_allclose(fill_along_angle(spoiled, recorded, ANGLES), values)
    recorded[:, 1] = False
    recorded[0, 1] = True
    with pytest.raises(InputError, match="translation 1 has 1 usable frames"):
        fill_along_angle(spoiled, recorded, ANGLES)


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (0, r"drop = \{ translations = \[0\] \}"),
        (6, r"drop = \{ translations = \[6\] \}"),
        (2, "translations 0 to 2 "),
        (3, "translations 0 to 3 "),
        (4, "translations 4 to 6 "),
    ],
)
def test_the_shorter_side_is_what_to_leave_out(lost, words):
    recorded = np.ones((6, 7), dtype=bool)
    recorded[:, lost] = False
    with pytest.raises(InputError, match=words):
        fill_along_angle(np.ones((6, 7)), recorded, ANGLES)


def test_a_lost_frame_between_two_views_weighs_them_by_their_angles_and_flux():
    true = linear()
    flux = 1.0 + 0.1 * np.arange(18).reshape(6, 3)
    recorded = np.ones((6, 3), dtype=bool)
    # 20 degrees, between 0 and 30 where 10 is lost too
    recorded[[2, 4], 1] = False
    counts = np.where(recorded[..., None], true * flux[..., None], 0.0)
    errors = fill_frames(counts, flux, recorded, ANGLES)
    np.testing.assert_allclose(counts, true * flux[..., None])
    assert errors.shape == (2, 5)


def test_the_error_of_a_fill_is_that_of_the_same_interpolation_elsewhere():
    """A parabola in the angle, of which a line between neighbours is off by the same everywhere but beside the gap."""
    angles = 10.0 * np.arange(7)
    true = (angles**2)[:, None, None] * np.ones((1, 1, 2))
    recorded = np.ones((7, 1), dtype=bool)
    recorded[3] = False
    counts, flux = true.copy(), np.full((7, 1), 2.0)
    counts[3] = 0.0
    errors = fill_frames(counts, flux, recorded, angles)
    assert counts[3, 0, 0] == pytest.approx((20.0**2 + 40.0**2) / 2)
    # of the recorded rows (0, 10, 20, 40, 50, 60)^2, each against the mean of its neighbours in this list
    rows = true[recorded[:, 0], 0, 0] / 2.0
    expected = np.mean((rows[1:-1] - (rows[:-2] + rows[2:]) / 2) ** 2) * 2.0**2
    np.testing.assert_allclose(errors[0], expected)


@pytest.mark.parametrize(("lost", "nearest"), [(0, 1), (6, 5)])
def test_a_frame_at_an_end_is_that_of_the_next_view(lost, nearest):
    angles = 10.0 * np.arange(7)
    counts = (100 + angles)[:, None, None] * np.ones((1, 1, 2))
    recorded = np.ones((7, 1), dtype=bool)
    recorded[lost] = False
    errors = fill_frames(counts, np.ones((7, 1)), recorded, angles)
    np.testing.assert_allclose(counts[lost], counts[nearest])
    # steps of ten between all other views
    np.testing.assert_allclose(errors, 100.0)


def filled(counts, places, response=None, recorded=None):
    work = counts.astype(np.float32)
    for place in places:
        work[place] = np.nan
    holes = np.flatnonzero(~np.isfinite(work.reshape(-1)))
    response = np.ones(counts.shape[-1]) if response is None else response
    recorded = np.ones(counts.shape[:2], dtype=bool) if recorded is None else recorded
    values = fill_readings(work, holes, recorded, ANGLES[: len(counts)], response)
    np.testing.assert_array_equal(work.reshape(-1)[holes], values)
    return work


def test_a_reading_lies_between_its_channels_with_the_contrast_of_the_views_beside():
    """Every view has the same peak at channel 2, each at a level of its own: the neighbours tell all of it."""
    shape = np.array([10.0, 12.0, 40.0, 16.0, 18.0])
    counts = (1.0 + np.arange(6))[:, None, None] * np.ones((6, 2, 1)) * shape
    # alone, two in a row, at both ends
    for places in ([(3, 1, 2)], [(3, 0, 2), (3, 0, 3)], [(2, 1, 0)], [(2, 1, 4), (2, 1, 3)]):
        np.testing.assert_allclose(filled(counts, places), counts, rtol=1e-6)


def test_where_no_view_tells_the_response_does():
    """A single view: a line through what the channels would count with equal responses, by their distance."""
    response = np.array([1.0, 2.0, 0.5, 1.0, 4.0])
    counts = (response * (10.0 + np.arange(5)))[None, None]
    np.testing.assert_allclose(filled(counts, [(0, 0, 2)], response), counts, rtol=1e-6)
    np.testing.assert_allclose(filled(counts, [(0, 0, 1), (0, 0, 2)], response), counts, rtol=1e-6)
    # at an end the nearest channel is all there is
    assert filled(counts, [(0, 0, 4)], response)[0, 0, 4] == pytest.approx(13.0 * 4.0)


def test_views_that_were_not_recorded_tell_nothing():
    counts = np.tile([10.0, 10.0, 30.0, 10.0, 10.0], (3, 1, 1))
    counts[1, 0] = [10.0, 10.0, 90.0, 10.0, 10.0]
    recorded = np.array([[True], [False], [True]])
    # in the order of angles 0, 2, 1: the neighbour of the first view is the last
    assert filled(counts, [(0, 0, 2)], recorded=recorded)[0, 0, 2] == pytest.approx(30.0)


def test_a_frame_without_a_reading_is_refused():
    with pytest.raises(InputError, match="5 readings have no finite channel"):
        filled(np.ones((2, 1, 5)), [(1, 0, slice(None))])
