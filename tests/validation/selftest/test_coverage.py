"""Calibration: right error bars pass, wrong ones are told by how much, and those of the chain are right."""

import numpy as np
import pytest

from tsct.records.seeds import generator
from tsct.validation.selftest.coverage import calibration, pdf_scores, region, table


@pytest.fixture(scope="module")
def place(twin):
    return region(twin[1])


@pytest.mark.parametrize(("n", "low", "high"), [(1000, 0.796, 1.234), (20_000, 0.952, 1.050)])
def test_windows_are_quantiles_of_chi_squared(n, low, high):
    """Two-sided, chance 1e-6 (tables of chi-squared)."""
    assert calibration("x", np.ones(n)).window == pytest.approx((low, high), abs=1e-3)


def test_right_and_wrong_error_bars():
    z = generator(1, "calibration test").standard_normal(20_000)
    assert calibration("right", z).right
    small = calibration("small", 1.08 * z)
    assert not small.right and small.off == pytest.approx(0.08, abs=0.03)
    assert not calibration("biased", z + 0.05).right
    # a spread of one with the wrong shape: coverage tells it
    assert not calibration("square", np.sign(z)).right
    assert not calibration("nothing", np.full(100, np.nan)).right
    assert "% too small" in table([small])


def test_error_bars_of_pattern_and_pdf_are_right_to_4_percent(place):
    """20 000 draws of the counts; power 0.999 for error bars wrong by 4 % (chi-squared)."""
    for name, z in pdf_scores(place, 20_000, seed=3).items():
        found = calibration(name, z)
        assert found.n == 20_000 and found.right, found


def test_the_mean_may_be_off_by_quantiles_of_the_normal_law():
    """1.960 standard errors at 5 % (tables); of a hundred numbers one is 0.1."""
    assert calibration("x", np.ones(100), alpha=0.05).mean_limit == pytest.approx(0.19600, abs=1e-5)
