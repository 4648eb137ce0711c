"""Windows in standard errors keep the promise of the gate, and the values that they hold have the tails they assume."""

import numpy as np
import pytest
from scipy.stats import norm

from tsct.records.seeds import generator
from tsct.validation import GATE
from tsct.validation.checks.image_quality import ALLOWED, SURE, VOXELS, _worst
from tsct.validation.evidence.check import Evidence
from tsct.validation.statistics.curve_measures import ghost
from tsct.validation.statistics.image_measures import ring_correlation, ring_errors
from tsct.validation.statistics.propagation import largest_difference_error, position_error, residual_error
from tsct.validation.statistics.windows import CHANCE, CHECKS_AT_MOST, FALSE_ALARMS, sigmas


def test_the_budget_holds_all_checks():
    assert len(GATE) <= CHECKS_AT_MOST and pytest.approx(FALSE_ALARMS) == CHANCE * CHECKS_AT_MOST


@pytest.mark.parametrize(("m", "expected"), [(1, 4.3), (2, 4.5), (5, 4.7), (250, 5.4), (1100, 5.7)])
def test_sigmas_are_quantiles(m, expected):
    """Tables of the normal distribution: 2e-5 two-sided is 4.265; rounding up only makes alarms rarer."""
    assert sigmas(m) == expected
    assert m * 2 * norm.sf(sigmas(m)) <= CHANCE


def noisy(covariance, draws, *task):
    return generator(1, "windows", *task).multivariate_normal(np.zeros(len(covariance)), covariance, draws)


@pytest.fixture(scope="module")
def ripples():
    """Band-limited noise of a transform to 30 1/angstrom, with a peak on it."""
    r = np.arange(0.6, 1.6, 0.01)
    covariance = 0.01 * np.sinc(30 / np.pi * (r[:, None] - r)) + 1e-8 * np.eye(len(r))
    return r, np.exp(-(((r - 1.0) / 0.1) ** 2)), covariance


def test_error_of_a_position(ripples):
    """Monte Carlo: maxima of noisy curves scatter as much as is said."""
    r, curve, covariance = ripples
    curves = 20 * curve + noisy(covariance, 3000, "position")
    tops = np.argmax(curves, axis=1)
    before, at, after = (curves[np.arange(3000), tops + k] for k in (-1, 0, 1))
    places = r[tops] + 0.01 * 0.5 * (before - after) / (before - 2 * at + after)
    assert places.std() == pytest.approx(position_error(r, 20 * curve, covariance, 1.0), rel=0.05)


def test_error_of_a_prominence_is_never_too_small(ripples):
    """Differences of any two points, the most uncertain included: anti-correlated ones half a ripple apart."""
    r, _, covariance = ripples
    curves = noisy(covariance, 3000, "prominence")
    worst = largest_difference_error(covariance)
    assert worst > 1.05 * np.sqrt(2 * covariance[0, 0])
    spread = [np.std(curves[:, 50] - curves[:, k]) for k in range(len(r))]
    assert max(spread) == pytest.approx(worst, rel=0.05)


def test_error_of_a_residual(ripples):
    _, curve, covariance = ripples
    size = float(curve @ curve)
    left = 0.3 * curve + noisy(covariance, 3000, "residual")
    values, errors = np.sqrt(np.sum(left**2, axis=1) / size), [residual_error(row, size, covariance) for row in left]
    assert values.std() == pytest.approx(np.mean(errors), rel=0.05)


def test_error_of_a_ring_correlation():
    """Monte Carlo with white noise of twice the signal's power in a disc."""
    rng = generator(1, "ring")
    centres = np.arange(48) - 23.5
    inside = np.hypot(centres[:, None], centres) < 15
    true = rng.standard_normal((48, 48))
    found = [true + np.sqrt(2) * rng.standard_normal(true.shape) for _ in range(400)]
    rows = np.array([ring_correlation(image, true, inside)[1] for image in found])
    frequency = ring_correlation(true, true, inside)[0]
    expected = ring_errors(frequency, np.full(len(frequency), 1 / np.sqrt(3)), inside)
    # neighbouring rings of one draw of the truth differ; their mean square does not
    outer = slice(6, None)
    ratio = np.sqrt(np.mean((rows.std(axis=0) / expected)[outer] ** 2))
    assert ratio == pytest.approx(1.0, abs=0.15)


def test_tails_of_what_is_left_of_a_ghost(ripples):
    """Prominences of noise on a peak and on nothing: not more of them beyond three errors than of two deviates."""
    r, curve, covariance = ripples
    error = largest_difference_error(covariance)
    for height in (0.0, 0.3):
        true = ghost(r, height * curve, (0.94, 1.06))[1]
        curves = height * curve + noisy(covariance, 3000, "ghost", height)
        z = (np.array([ghost(r, row, (0.94, 1.06))[1] for row in curves]) - true) / error
        # 3000 draws may exceed the chance of one deviate by three of their own errors
        assert np.mean(np.abs(z) > 3) <= 4 * norm.sf(3) + 3 * np.sqrt(4 * norm.sf(3) / 3000)
        assert np.abs(z).max() < sigmas(2)


def test_tails_of_the_largest_far_value():
    """Largest of a curve with and without noise: bounded by the largest of the noise, whose tail is Bonferroni's."""
    r = np.arange(7.0, 12.0, 0.02)
    covariance = np.sinc(25 / np.pi * (r[:, None] - r)) + 1e-8 * np.eye(len(r))
    waves = 3 * np.sin(6 * r)
    noise = noisy(covariance, 3000, "far")
    z = np.max(np.abs(waves + noise), axis=1) - np.max(np.abs(waves))
    assert np.all(np.abs(z) <= np.max(np.abs(noise), axis=1) + 1e-12)
    # every point counts: between independent ones, pi / Qmax apart, a smooth curve rises higher still
    share = np.mean(np.max(np.abs(noise), axis=1) > 4)
    assert 40 * 2 * norm.sf(4) < share <= len(r) * 2 * norm.sf(4)
    assert np.abs(z).max() < sigmas(len(r))


@pytest.mark.parametrize("bias", [0.0, -ALLOWED])
def test_tails_of_the_worst_voxel(twin, bias):
    """A map with all the bias that is allowed and noise as large as its error bars: not above the window's law."""
    truth, found = twin[:2]
    z, n = worst_voxels(truth, found, lambda true, errors, noise: (1 + bias) * true + errors * noise)
    bound = n * 2 * norm.sf(3.5)
    assert np.mean(z > 3.5) <= bound + 3 * np.sqrt(bound / len(z))
    assert z.max() < sigmas(VOXELS)
    # one side remains where the bias takes up the share, and nothing does without a bias of several error bars
    assert bias == 0.0 or np.mean(z > 3.5) > bound / 4


def test_power_of_the_worst_voxel(twin):
    """One voxel as far off as the check promises to see is seen each time, and half as far never."""
    truth, found = twin[:2]

    def one_off(times):
        def spoil(true, errors, noise):
            image = true + errors * noise
            k = (image.shape[0] // 2, image.shape[1] // 3)
            image[k] -= times * (ALLOWED * true[k] + (sigmas(VOXELS) + SURE) * errors[k])
            return image

        return spoil

    assert np.mean(worst_voxels(truth, found, one_off(1.0))[0] > sigmas(VOXELS)) == 1.0
    assert np.mean(worst_voxels(truth, found, one_off(0.5))[0] > sigmas(VOXELS)) == 0.0


def worst_voxels(truth, found, spoil):
    """Values of map.worst-voxel[silicon] for 200 maps that are spoiled truths, and the number of voxels."""
    rng = generator(1, "worst voxel")
    state = found.isel(state=slice(0, 1)).drop_vars([name for name in found.data_vars if "silicon" not in name])
    true = truth.silicon.sel(slice=state["slice"]).transpose("slice", "y", "x").values[None]
    errors = state.silicon_errors.transpose("state", "slice", "y", "x").values
    dims = ("state", "slice", "y", "x")
    values = []
    for _ in range(200):
        noise = rng.standard_normal(errors[0].shape)
        maps = np.stack([spoil(*row) for row in zip(true[0], errors[0], noise, strict=True)])
        evidence = Evidence(truth=truth, recovered=state.assign(silicon=(dims, maps[None])), phases=None)
        values.append(_worst(evidence, "silicon", ALLOWED))
    return np.array([measured.value for measured in values]), values[0].n


def test_a_ring_correlation_is_blind_to_level_and_scale():
    """An image that is the truth times two plus a constant correlates fully in every ring."""
    centres = np.arange(32) - 15.5
    inside = np.hypot(centres[:, None], centres) < 12
    true = generator(2, "ring").standard_normal((32, 32))
    _, correlation = ring_correlation(2 * true + 5.0, true, inside)
    np.testing.assert_allclose(correlation, 1.0, atol=1e-12)
