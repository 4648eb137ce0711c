"""Scatter of channels against their errors: too small errors, and errors that neighbours share."""

import numpy as np
import pytest

from tsct.analyze.prepare.channel_scatter import pair_scatter_over_errors, scatter_over_errors


def test_scatter_over_errors_sees_errors_that_are_too_small():
    rng = np.random.default_rng(1)
    patterns, errors = 5.0 + rng.normal(0, 0.2, (50, 400)), np.full((50, 400), 0.1)
    assert scatter_over_errors(patterns, errors)[0] == pytest.approx(4.0, rel=0.1)


@pytest.mark.parametrize(("shared", "expected"), [(0.0, 1.0), (1.0, 2.0)])
def test_pairs_of_channels_show_what_neighbours_share(shared, expected):
    """A sum of two has twice the variance of one if they are independent, and four times that if they are equal."""
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.1, (1600, 1200))
    noise[:, 1::2] = np.sqrt(1 - shared) * noise[:, 1::2] + np.sqrt(shared) * noise[:, ::2]
    signal = np.outer(1 + rng.random(1600), 5 + np.cos(np.arange(1200) / 40))
    ratio = pair_scatter_over_errors(signal + noise, np.full(noise.shape, 0.1))
    # with the signal, components take some of the strongest noise: one per cent more of it than is allowed for
    assert ratio == pytest.approx(expected, rel=0.02)
