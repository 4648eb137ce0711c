"""The hinge model: planted onsets return with honest errors, and noise has none."""

import numpy as np
import pytest

from tsct.analyze.hinges import fit_hinges

V = np.array(
    [
        0.49,
        0.48,
        0.46,
        0.44,
        0.42,
        0.40,
        0.38,
        0.36,
        0.34,
        0.32,
        0.30,
        0.29,
        0.28,
        0.27,
        0.26,
        0.25,
        0.24,
        0.23,
        0.22,
        0.21,
    ]
)
TRUE = np.array([0.45, 0.28])
SIGMA, CORRELATION = np.array([0.02, 0.05]), 0.5


def signals(slopes=((1.0, 6.0), (0.0, 20.0))):
    return np.array(slopes) @ np.maximum(0.0, TRUE[:, None] - V)


def covariance():
    """Independent states that share the noise of one reference, and signals whose noise is correlated."""
    between = np.outer(SIGMA, SIGMA) * [[1.0, CORRELATION], [CORRELATION, 1.0]]
    return np.einsum("ij,ab->iajb", between, np.eye(len(V)) + 1)


def noise(rng):
    mix = np.linalg.cholesky([[1.0, CORRELATION], [CORRELATION, 1.0]])
    return SIGMA[:, None] * (mix @ (rng.standard_normal((2, len(V))) + rng.standard_normal((2, 1))))


def test_without_noise_the_hinges_are_exact():
    found = fit_hinges(V, signals(), covariance(), hinges=2)
    np.testing.assert_allclose(found.potentials_v, TRUE, atol=1e-5)
    np.testing.assert_allclose(found.slopes, [[1.0, 6.0], [0.0, 20.0]], atol=1e-3)
    assert found.chi_squared < 1e-6 and found.chance < 1e-12


def test_errors_are_honest():
    rng = np.random.default_rng(6)
    pulls = []
    for _ in range(40):
        found = fit_hinges(V, signals() + noise(rng), covariance(), hinges=2, step_v=0.02)
        pulls.append((found.potentials_v - TRUE)[1] / found.errors_v[1])
    # the standard deviation of 40 pulls is known to 11 %
    assert 0.7 < np.std(pulls) < 1.35
    assert abs(np.mean(pulls)) < 0.5


def test_noise_alone_has_its_chance():
    rng = np.random.default_rng(7)
    chances = [fit_hinges(V, noise(rng), covariance(), hinges=2, step_v=0.05).chance for _ in range(40)]
    assert np.mean(chances) == pytest.approx(0.5, abs=0.15)
    assert min(chances) > 1e-4


def test_the_chi_squared_counts_its_freedom():
    rng = np.random.default_rng(8)
    found = [fit_hinges(V, signals() + noise(rng), covariance(), hinges=2, step_v=0.02) for _ in range(20)]
    assert found[0].freedom == 2 * len(V) - 4 - 2
    assert np.mean([f.chi_squared for f in found]) == pytest.approx(found[0].freedom, rel=0.15)
