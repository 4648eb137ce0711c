"""Sine sums and transforms against plain sums and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsct.simulate.scattering.debye_sums import (
    _evenly_spaced,
    damped_sum,
    exact_sum,
    gauss_legendre,
    sinc_sum,
    sine_transform,
)


def plain_sum(number: np.ndarray, y: np.ndarray, x: np.ndarray, sigma2: np.ndarray | float = 0.0) -> np.ndarray:
    return (np.sinc(np.outer(x, y) / np.pi) * np.exp(-0.5 * np.outer(x**2, sigma2 * np.ones_like(y)))) @ number


# the chirp transform rounds to about 1e-12 of the largest sum for a few thousand points
@pytest.mark.parametrize("x", [np.linspace(0.0, 36.0, 700), np.arange(0.3, 20.0, 0.02), np.geomspace(0.01, 30.0, 90)])
@pytest.mark.parametrize("size", [1, 2, 37, 3000])
def test_sinc_sum_is_the_plain_sum(x, size):
    number = np.random.default_rng(size).normal(size=(2, size))
    expected = np.array([plain_sum(row, np.arange(size) * 0.01, x) for row in number])
    np.testing.assert_allclose(sinc_sum(number, 0.01, x), expected, atol=1e-11 * np.abs(number).sum())


@pytest.mark.parametrize("x", [np.array([0.0]), np.array([]), np.array([5.0, 1.0, 3.0])])
def test_sinc_sum_takes_any_few_values(x):
    number = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(sinc_sum(number, 0.5, x)[0], plain_sum(number[0], np.arange(3) * 0.5, x), rtol=1e-14)


@settings(max_examples=10, deadline=None)
@given(low=st.floats(0.0, 0.05), spread=st.floats(0.0, 0.1), seed=st.integers(0, 99))
@pytest.mark.parametrize("size", [40, 6000], ids=["term by term", "series"])
def test_damping_that_changes_with_distance_is_exact(size, low, spread, seed):
    rng = np.random.default_rng(seed)
    number, r, q = rng.random(size), np.arange(size) * 0.002, np.linspace(0.1, 36.0, 300)
    sigma2 = low + spread * rng.random(size)
    # the series stops at 1e-14 of its largest term
    expected = plain_sum(number, r, q, sigma2)
    np.testing.assert_allclose(damped_sum(number, 0.002, sigma2, q), expected, atol=1e-11 * number.sum())
    np.testing.assert_allclose(exact_sum(r, number, sigma2, q), expected, atol=1e-12 * number.sum())


def test_damping_of_nothing_is_nothing():
    np.testing.assert_array_equal(damped_sum(np.zeros(5), 0.1, np.ones(5), np.ones(3)), 0.0)


@pytest.mark.parametrize("r", [np.arange(0.0, 12.0, 0.01), np.array([0.5, 3.3, 3.0, 9.9])])
def test_transform_of_a_gaussian_peak(r):
    # F = sin(Q r0)/r0 exp(-s^2 Q^2/2) belongs to two Gaussians, at r0 and -r0
    r0, sigma = 3.0, 0.08

    def reduced(q: np.ndarray) -> np.ndarray:
        return np.sin(q * r0) / r0 * np.exp(-0.5 * (q * sigma) ** 2)

    peaks = np.exp(-0.5 * ((r - r0) / sigma) ** 2) - np.exp(-0.5 * ((r + r0) / sigma) ** 2)
    expected = peaks / (np.sqrt(2.0 * np.pi) * sigma * r0)
    found = sine_transform(reduced, r, q_min=0.0, q_cut=7.0 / sigma, reach=4.0)
    # what lies beyond 7 standard deviations is 1e-11 of the peak
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_what_lies_below_q_min_is_left_out():
    # F = 1 up to 2 has the transform 2 (1 - cos 2r) / (pi r); from 0.5 on the rest is left
    def reduced(q: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (0.3 * q) ** 2) * q

    r = np.linspace(0.1, 9.0, 50)
    all_of_it = sine_transform(reduced, r, q_min=0.0, q_cut=30.0, reach=8.0)
    rest = sine_transform(reduced, r, q_min=1.3, q_cut=30.0, reach=8.0)
    q = np.linspace(0.0, 1.3, 20_001)
    missing = 2.0 / np.pi * np.trapezoid(reduced(q) * np.sin(np.outer(r, q)), q, axis=1)
    # trapezoids of 6.5e-5 are good to 1e-8
    np.testing.assert_allclose(all_of_it - rest, missing, atol=1e-7)


def test_quadrature_of_an_oscillation():
    x, weights = gauss_legendre(1.0, 4.0, 300.0)
    exact = (np.cos(100.0) - np.cos(400.0)) / 100.0
    assert weights @ np.sin(100.0 * x) == pytest.approx(exact, abs=1e-13)


def test_a_grid_is_even_where_the_largest_phase_is_off_by_less_than_a_billionth():
    """Phases are x times y: what is even for short y is not for long ones; a chirp needs 32 points."""
    grid = np.linspace(0.5, 30.0, 64)
    bent = grid + 1e-11 * np.sin(np.arange(64.0))
    assert _evenly_spaced(bent, 10.0) and not _evenly_spaced(bent, 1000.0)
    assert _evenly_spaced(grid, 1000.0) and not _evenly_spaced(grid[:31], 1000.0) and _evenly_spaced(grid[:32], 1000.0)
