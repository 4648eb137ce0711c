"""Repairs: what is lost is filled, what is few is weighed by what was expected, and both are counted."""

import numpy as np
import pytest

from tsct.analyze.prepare.prepare import prepared
from tsct.analyze.prepare.repair import repaired, smooth_expectation
from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.records.errors import InputError, TsctWarning


@pytest.fixture
def tile(small_scan):
    return small_scan.isel(state=0, slice=0).copy(deep=True)


def test_nothing_is_done_to_a_sound_scan(tile):
    same, repairs = repaired(tile)
    assert same is tile
    assert (repairs.lost_frames, repairs.masked, repairs.zingers, repairs.variance_model) == (0, 0, 0, "counts")


def test_unreadable_readings_are_masked_counted_and_told(tile):
    true = tile.intensity.values.copy()
    places = (np.array([3, 17, 40]), np.array([30, 22, 31]), np.array([100, 5, 400]))
    tile.intensity.values[places] = [np.nan, np.inf, np.nan]
    filled, repairs = repaired(tile)
    assert repairs.masked == 3
    np.testing.assert_allclose(filled.intensity.values[places], true[places], rtol=0.02)
    assert np.all(filled["variance"].values[places] > true[places])
    untouched = np.ones(true.shape, dtype=bool)
    untouched[places] = False
    np.testing.assert_array_equal(filled.intensity.values[untouched], true[untouched])
    with pytest.warns(TsctWarning, match="3 readings that were not finite masked"):
        _, _, told = prepared(tile, Recipe(pdf=PdfRecipe(composition={"Si": 1.0})))
    assert told["masked_readings"] == 3 and told["error_model"] == "counts"


def test_a_dead_channel_of_all_frames_is_filled(tile):
    true = tile.intensity.values[..., 200].copy()
    tile.intensity.values[..., 200] = np.nan
    filled, repairs = repaired(tile)
    assert repairs.masked == true.size
    np.testing.assert_allclose(filled.intensity.values[..., 200].mean(), true.mean(), rtol=0.01)


def test_zingers_are_found_and_nothing_else(tile):
    rng = np.random.default_rng(4)
    true = tile.intensity.values.copy()
    struck = rng.choice(true.size, 50, replace=False)
    tile.intensity.values.reshape(-1)[struck] *= 3
    filled, repairs = repaired(tile)
    assert 45 <= repairs.zingers <= 51
    np.testing.assert_allclose(filled.intensity.values.sum(), true.sum(), rtol=1e-5)


def test_a_lost_frame_is_interpolated_between_views(tile):
    true = tile.intensity.values[10, 25].copy()
    tile.intensity.values[10, 25] = 0.0
    tile.monitor.values[10, 25] = 0.0
    filled, repairs = repaired(tile)
    assert repairs.lost_frames == 1
    found, spread = filled.intensity.values[10, 25], filled["variance"].values[10, 25]
    # the variance holds the error of interpolating between views, which channels share
    assert np.mean((found - true) ** 2 / spread) < 2.0
    assert abs(found.sum() / true.sum() - 1) < 0.03


def test_negative_counts_are_refused(tile):
    tile.intensity.values[0, 0, 0] = -1.0
    with pytest.raises(InputError, match=r"1 of \d+ counts are negative; raw counts never are"):
        repaired(tile)


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
    changed, repairs = repaired(dim)
    assert repairs.variance_model == "smooth expectation"
    assert changed["variance"].values.sum() == pytest.approx(few.sum(), rel=0.01)
    with pytest.warns(TsctWarning, match="few counts"):
        _, _, told = prepared(dim, Recipe(pdf=PdfRecipe(composition={"Si": 1.0})))
    assert told["error_model"] == "smooth expectation"
