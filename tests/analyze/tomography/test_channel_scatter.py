"""Scatter of channels against their errors: too small errors, and errors that neighbours share."""

import numpy as np
import pytest

from tsct.analyze.tomography.channel_scatter import pair_scatter_over_errors, scatter_over_errors


def crystal(rng, relative_noise=1.0):
    """Voxels of a powder on a smooth ground, two phases with a strain between voxels, with errors of their noise."""
    q = np.linspace(0.8, 25, 500)
    lines = np.arange(1.5, 25, 0.7)

    def bragg(shift):
        return np.sum(40 * np.exp(-lines / 8) * np.exp(-0.5 * ((q[:, None] - lines * (1 + shift)) / 0.04) ** 2), axis=1)

    amount, strain = 1 + rng.random((600, 1)), 1e-3 * rng.standard_normal(600)
    clean = amount * np.stack([bragg(shift) for shift in strain]) + (2 - amount) * (5 + np.cos(q / 2))
    errors = 0.1 * np.sqrt(1 + clean)
    return (clean + relative_noise * errors * rng.standard_normal(clean.shape)), errors


@pytest.mark.parametrize("noise", [0.9, 1.0, 1.1])
def test_scatter_over_errors_is_that_of_the_noise_where_patterns_have_bragg_peaks(noise):
    """Right errors are called right, and errors that are wrong by 10 % are found, within 1 %."""
    patterns, errors = crystal(np.random.default_rng(3), noise)
    ratio, number = scatter_over_errors(patterns, errors)
    assert np.sqrt(ratio) == pytest.approx(noise, rel=0.01)
    assert np.sqrt(pair_scatter_over_errors(patterns, errors)) == pytest.approx(noise, rel=0.01)
    assert 0.95 * patterns.size < number < patterns.size


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


def patterns_of(kind, q):
    """Scattering of three phases: broad maxima of a glass, or Bragg peaks of crystals with lattices of their own."""
    if kind == "amorphous":
        return np.stack([20 * np.exp(-q / 8) * (1 + np.sin(q * r) / (q * r)) + 3 for r in (1.6, 2.4, 2.8)])
    peaks = (np.arange(1.3, 25, spacing) for spacing in (0.31, 0.47, 0.73))
    return np.stack([3 + np.sum(60 * np.exp(-0.5 * ((q[:, None] - at) / 0.06) ** 2), axis=1) for at in peaks])


@pytest.mark.parametrize("kind", ["amorphous", "crystalline"])
def test_weak_components_beside_strong_ones_are_signal(kind):
    """Phases of very unequal amounts, and shifts of their peaks from voxel to voxel as large as the noise."""
    rng, q = np.random.default_rng(7), np.linspace(0.8, 25, 600)
    phases = patterns_of(kind, q)
    amounts = np.stack([1 + 0.02 * rng.random(700), 0.02 * rng.random(700), 0.01 * rng.random(700)], axis=1)
    shifts = 2e-4 * rng.standard_normal((700, 2))
    clean = amounts @ phases + shifts @ (np.gradient(phases[:2], q, axis=1) * q)
    errors = np.full(clean.shape, 1e-3 * phases[0].mean())
    patterns = clean + errors * rng.standard_normal(clean.shape)
    assert np.sqrt(scatter_over_errors(patterns, errors)[0]) == pytest.approx(1.0, rel=0.01)
    assert np.sqrt(pair_scatter_over_errors(patterns, errors)) == pytest.approx(1.0, rel=0.01)


def test_many_phases_are_signal_if_it_is_known_how_many_there_are():
    """Eight phases in 700 voxels: right errors are called right, and without their number they would not be."""
    rng = np.random.default_rng(6)
    q = np.linspace(0.8, 25, 600)
    peaks = (np.arange(1.2, 25, spacing) for spacing in np.linspace(0.3, 0.9, 8))
    lines = np.stack([np.sum(20 * np.exp(-0.5 * ((q[:, None] - at) / 0.05) ** 2), axis=1) for at in peaks])
    clean = 5 + rng.random((700, 8)) @ lines
    errors = 0.1 * np.sqrt(clean)
    patterns = clean + errors * rng.standard_normal(clean.shape)
    # eight components more than there is signal take some of the strongest noise
    assert np.sqrt(scatter_over_errors(patterns, errors, 8)[0]) == pytest.approx(1.0, rel=0.02)
    assert np.sqrt(pair_scatter_over_errors(patterns, errors, 8)) == pytest.approx(1.0, rel=0.02)
    assert scatter_over_errors(patterns, errors)[0] > 1.5
