"""Bins that share pixels: the estimate from noise of known sharing, and the errors of sums over such bins."""

import numpy as np
import pytest

from tsct.analyze.pdf.bin_correlation import SharedPixels, correlated_variance, shared_pixels


def shared_noise(width, count, patterns):
    """White noise of unit variance, a box of `width` bins laid over it."""
    white = np.random.default_rng(11).normal(size=(patterns, count + width - 1))
    box = np.ones(width) / np.sqrt(width)
    return np.stack([np.convolve(row, box, mode="valid") for row in white])


@pytest.mark.parametrize("neighbours", [0.0, 0.3, 0.8, 0.92])
def test_boxes_of_a_given_correlation(neighbours):
    assert SharedPixels.of_neighbours(neighbours).neighbours == pytest.approx(neighbours, abs=1e-3)


def test_independent_bins_are_found_independent():
    for noise in shared_noise(1, 1500, 10):
        assert shared_pixels(1000 + 10 * noise, np.full(1500, 10.0)).side_bins == 0


@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_sharing_is_found_whatever_the_scale_of_the_errors(factor):
    found = [shared_pixels(1000 + noise, np.full(1500, factor)) for noise in shared_noise(4, 1500, 8)]
    # boxes of four bins: 3 of 4 photons are shared
    assert np.median([pixels.neighbours for pixels in found]) == pytest.approx(0.75, abs=0.1)


def test_the_variance_of_a_sum_is_that_of_repeats():
    pixels = SharedPixels.of_neighbours(0.8)
    rho = pixels.correlation
    lags = np.abs(np.subtract.outer(np.arange(60), np.arange(60)))
    covariance = np.where(lags < len(rho), rho[np.minimum(lags, len(rho) - 1)], 0.0)
    sigma = np.linspace(1.0, 2.0, 60)
    matrix = np.stack([np.ones(60), np.sin(np.arange(60) / 9)])
    expected = np.diag((matrix * sigma) @ covariance @ (matrix * sigma).T)
    np.testing.assert_allclose(correlated_variance(matrix, sigma, pixels), expected, rtol=1e-3)
