"""Amounts of phases: exact against scipy, right errors, correlated points, and spectra found without templates."""

import numpy as np
import pytest
from scipy.optimize import nnls

from tsct.analyze.phases.unmixing import find_phases, fit_phases
from tsct.records.errors import InputError, UsageError

RNG = np.random.default_rng(1)
X = np.linspace(0.0, 1.0, 120)
TEMPLATES = np.stack([np.exp(-0.5 * ((X - m) / 0.1) ** 2) for m in (0.3, 0.42, 0.7)] + [np.ones_like(X)])


def noisy(amounts, sigma=0.05, seed=2):
    return amounts @ TEMPLATES + sigma * np.random.default_rng(seed).standard_normal((len(amounts), len(X)))


def test_every_voxel_is_the_bounded_least_squares_solution():
    patterns = noisy(RNG.uniform(-0.5, 1.0, (300, 4)))
    fit = fit_phases(patterns.reshape(20, 15, -1), TEMPLATES)
    expected = np.array([nnls(TEMPLATES.T, pattern)[0] for pattern in patterns])
    np.testing.assert_allclose(fit.amounts.reshape(300, 4), expected, atol=1e-9)
    assert fit.amounts.min() == 0.0 and fit.explained.shape == (20, 15)


def test_amounts_without_bounds_are_linear_so_that_means_are_those_of_the_mean():
    patterns = noisy(np.tile([0.0, 1.0, 0.0, 0.1], (300, 1)), sigma=0.3)
    free, bound = (fit_phases(patterns, TEMPLATES, bounded=one) for one in (False, True))
    expected = np.linalg.lstsq(TEMPLATES.T, patterns.T, rcond=None)[0].T
    np.testing.assert_allclose(free.amounts, expected, atol=1e-9)
    of_the_mean = fit_phases(patterns.mean(axis=0), TEMPLATES, bounded=False).amounts
    np.testing.assert_allclose(free.amounts.mean(axis=0), of_the_mean, atol=1e-9)
    # what is cut off below zero stays above it
    assert bound.amounts[:, 0].mean() > free.amounts[:, 0].mean() + 0.02


def test_amounts_are_never_scaled_to_one():
    truth = np.array([[0.2, 0.1, 0.1, 0.0], [2.0, 3.0, 1.0, 0.5], [0.0, 0.0, 0.0, 0.0]])
    fit = fit_phases(truth @ TEMPLATES, TEMPLATES)
    np.testing.assert_allclose(fit.amounts, truth, atol=1e-12)
    assert fit.explained[0] == pytest.approx(1.0) and fit.explained[2] == 0.0


def test_a_missing_phase_shows_in_what_is_explained():
    pattern = np.array([1.0, 0.0, 1.0, 0.0]) @ TEMPLATES
    assert fit_phases(pattern, TEMPLATES[:2]).explained < 0.7


def test_errors_are_the_scatter_of_draws():
    """Variance ratio over 20 000 numbers; window of five standard deviations, sqrt(2/N) each."""
    truth = np.tile([3.0, 2.0, 4.0, 1.0], (5000, 1))
    fit = fit_phases(noisy(truth), TEMPLATES, np.full(len(X), 0.05**2))
    z = (fit.amounts - truth) / fit.errors
    assert 0.952 < z.var() < 1.050
    assert abs(z.mean()) < 5 / np.sqrt(5000)


def test_correlated_points_are_whitened():
    """Smoothed noise: errors that took points for independent would be far too small."""
    smooth = np.exp(-0.5 * ((X[:, None] - X) / 0.02) ** 2)
    smooth /= np.linalg.norm(smooth, axis=1)[:, None]
    rough = np.random.default_rng(3).standard_normal((4000, len(X)))
    truth = np.tile([3.0, 2.0, 4.0, 1.0], (4000, 1))
    patterns = truth @ TEMPLATES + 0.05 * rough @ smooth.T
    covariance = 0.05**2 * smooth @ smooth.T
    fit = fit_phases(patterns, TEMPLATES, covariance)
    assert 0.94 < ((fit.amounts - truth) / fit.errors).var() < 1.06
    naive = fit_phases(patterns, TEMPLATES, np.diag(covariance))
    assert ((naive.amounts - truth) / naive.errors).var() > 2.0


def test_unknown_phases_are_found_where_each_is_alone_somewhere():
    spectra = TEMPLATES[[0, 2]]
    amounts = np.vstack([np.eye(2) * 3.0, RNG.uniform(0.0, 2.0, (60, 2))])
    found, shapes, left = find_phases(amounts @ spectra, 2)
    assert left < 1e-2 and shapes.mean(axis=1) == pytest.approx(1.0)
    order = np.argsort(np.argmax(shapes, axis=1))
    correlation = [np.corrcoef(shapes[i], spectrum)[0, 1] for i, spectrum in zip(order, spectra, strict=True)]
    assert min(correlation) > 0.99
    np.testing.assert_allclose(found @ shapes, amounts @ spectra, atol=0.05)


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(InputError, match="same points"):
        fit_phases(np.ones((3, 100)), TEMPLATES)
    with pytest.raises(InputError, match="independent of each other"):
        fit_phases(np.ones((3, 120)), np.stack([X, 2 * X]))
    with pytest.raises(InputError, match="not finite"):
        fit_phases(np.full((3, 120), np.nan), TEMPLATES)
    with pytest.raises(InputError, match="covariance of shape"):
        fit_phases(np.ones((3, 120)), TEMPLATES, np.ones(7))
    with pytest.raises(UsageError, match="number = 0"):
        find_phases(np.ones((3, 120)), 0)
