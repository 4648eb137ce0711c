"""Repairs: what is lost is filled, what is few is weighed by what was expected, and both are counted."""

import numpy as np
import pytest

from tsct.analyze.prepare.prepare import prepare_sinogram
from tsct.analyze.prepare.readings import read_tile
from tsct.analyze.prepare.repair import repair_readings, smooth_expectation
from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.records.errors import InputError, TsctWarning

RECIPE = Recipe(pdf=PdfRecipe(composition={"Si": 1.0}))


def repair(tile):
    readings, channels, _ = read_tile(tile)
    return repair_readings(readings, channels.response)


@pytest.fixture
def tile(small_scan):
    return small_scan.isel(state=0, slice=0).copy(deep=True)


def test_nothing_is_done_to_a_sound_scan(tile):
    readings, channels, _ = read_tile(tile)
    same, repairs = repair_readings(readings, channels.response)
    assert same is readings
    assert (repairs.lost_frames, repairs.masked, repairs.zingers, repairs.variance_model) == (0, 0, 0, "counts")


def test_unreadable_readings_are_masked_counted_and_told(tile):
    true = tile.intensity.values.copy()
    places = (np.array([3, 17, 40]), np.array([30, 22, 31]), np.array([100, 5, 400]))
    tile.intensity.values[places] = [np.nan, np.inf, np.nan]
    filled, repairs = repair(tile)
    assert repairs.masked == 3
    np.testing.assert_allclose(filled.counts[places], true[places], rtol=0.02)
    assert np.all(filled.variance[places] > true[places])
    untouched = np.ones(true.shape, dtype=bool)
    untouched[places] = False
    np.testing.assert_array_equal(filled.counts[untouched], true[untouched])
    with pytest.warns(TsctWarning, match="3 readings that were not finite masked"):
        corrections = prepare_sinogram(tile, RECIPE).corrections
    assert corrections["masked_readings"] == 3 and corrections["error_model"] == "counts"


def test_a_dead_channel_of_all_frames_is_filled(tile):
    true = tile.intensity.values[..., 200].copy()
    tile.intensity.values[..., 200] = np.nan
    filled, repairs = repair(tile)
    assert repairs.masked == true.size
    np.testing.assert_allclose(filled.counts[..., 200].mean(), true.mean(), rtol=0.01)


def test_a_dead_channel_with_fewer_pixels_than_its_neighbours_is_filled_with_what_it_would_count(tile):
    """Half of the pixels of channel 200 lie in a gap of the detector."""
    true = tile.intensity.values[..., 200] / 2
    tile.solid_angle.values[200] /= 2
    tile.intensity.values[..., 200] = np.nan
    filled, _ = repair(tile)
    assert filled.counts[..., 200].mean() == pytest.approx(true.mean(), rel=0.01)


def test_zingers_are_found_and_nothing_else(tile):
    rng = np.random.default_rng(4)
    true = tile.intensity.values.copy()
    struck = rng.choice(true.size, 50, replace=False)
    tile.intensity.values.reshape(-1)[struck] *= 3
    filled, repairs = repair(tile)
    assert 45 <= repairs.zingers <= 51
    np.testing.assert_allclose(filled.counts.sum(), true.sum(), rtol=1e-5)


def test_a_lost_frame_is_interpolated_between_views(tile):
    true = tile.intensity.values[10, 25].copy()
    tile.intensity.values[10, 25] = 0.0
    tile.monitor.values[10, 25] = 0.0
    filled, repairs = repair(tile)
    assert repairs.lost_frames == 1
    found, spread = filled.counts[10, 25], filled.variance[10, 25]
    # the variance holds the error of interpolating between views, which channels share
    assert np.mean((found - true) ** 2 / spread) < 2.0
    assert abs(found.sum() / true.sum() - 1) < 0.03


def test_negative_counts_are_refused(tile):
    tile.intensity.values[0, 0, 0] = -1.0
    with pytest.raises(InputError, match=r"1 of \d+ counts are negative; raw counts never are"):
        repair(tile)


def expected_few():
    """Mean 5, smooth along Q, with a ring pattern narrower than any running mean."""
    q = np.arange(400)
    pattern = 5 * (1 + 0.5 * np.cos(q / 90)) * (1 + 0.5 * (q % 50 == 0))
    return np.broadcast_to(pattern, (40, 30, 400))


def test_few_counts_are_weighed_without_bias():
    expected = expected_few()
    counts = np.random.default_rng(8).poisson(expected).astype(np.float32)
    assert counts.mean() < 7
    model = smooth_expectation(counts)
    weighed, by_count = (
        np.average(counts / expected, weights=1 / spread) for spread in (model, np.maximum(counts, 1.0))
    )
    # the standard error of a mean of half a million such counts is 6e-4
    assert weighed == pytest.approx(1.0, abs=3e-3)
    # what it replaces: bins that happen to be low weigh too much
    assert by_count < 0.9
    pulls = (counts - expected) / np.sqrt(model)
    assert pulls.var() == pytest.approx(1.0, abs=0.02)


def test_a_scan_of_few_counts_changes_its_error_model(tile):
    few = np.random.default_rng(9).poisson(tile.intensity.values * (5 / tile.intensity.values.mean()))
    dim = tile.assign(intensity=tile.intensity.copy(data=few.astype(np.float32)))
    changed, repairs = repair(dim)
    assert repairs.variance_model == "smooth expectation"
    assert changed.variance.sum() == pytest.approx(few.sum(), rel=0.01)
    with pytest.warns(TsctWarning, match="few counts"):
        corrections = prepare_sinogram(dim, RECIPE).corrections
    assert corrections["error_model"] == "smooth expectation"


def test_empty_frames_among_frames_with_many_counts_are_lost(tile):
    true = tile.intensity.values[10, 24:28].copy()
    tile.intensity.values[10, 24:28] = 0.0
    filled, repairs = repair(tile)
    assert repairs.lost_frames == 4
    assert filled.counts[10, 24:28].sum() == pytest.approx(true.sum(), rel=0.03)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_views_that_were_never_taken_are_left_out(tile, value):
    whole = tile.intensity.values.copy()
    tile.intensity.values[40:] = value
    left, repairs = repair(tile)
    assert repairs.views_left_out == tuple(range(40, 60)) and repairs.lost_frames == 0
    np.testing.assert_array_equal(left.counts, whole[:40])
    assert "20 lost views left out (40-59)" in repairs.words


def test_a_valley_between_bragg_peaks_is_no_dead_channel(tile):
    """Sharp peaks four channels apart hold less than half as much between them, but not where there is no sample."""
    counts = tile.intensity.values
    strength = counts.mean(axis=(0, 2))
    sample = strength > np.quantile(strength, 0.2)
    for channel, factor in ((198, 20.0), (199, 30.0), (200, 6.0), (201, 25.0), (202, 18.0)):
        counts[:, sample, channel] *= factor
    _, repairs = repair(tile)
    assert repairs.detector_channels == ()


def test_a_zinger_in_a_dark_frame_makes_no_hot_channel(tile):
    """Beside the sample a zinger outweighs all that a channel counts in the frames with the least counts."""
    for view, translation, channel in ((5, 0, 120), (17, 59, 300), (40, 1, 480)):
        tile.intensity.values[view, translation, channel] += 3e6
    _, repairs = repair(tile)
    assert repairs.detector_channels == ()


@pytest.mark.parametrize("change", [lambda counts: counts + 5000.0, lambda counts: 0.0 * counts])
def test_a_hot_or_dead_channel_is_filled(tile, change):
    true = tile.intensity.values[..., 200].copy()
    tile.intensity.values[..., 200] = change(true)
    filled, repairs = repair(tile)
    assert repairs.detector_channels == (200,)
    assert filled.counts[..., 200].mean() == pytest.approx(true.mean(), rel=0.01)
