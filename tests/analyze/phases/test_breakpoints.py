"""The hinge model: planted onsets return with honest errors or none, and noise has none."""

import numpy as np
import pytest

from tsct.analyze.phases.breakpoints import fit_hinges

V = np.array([0.49, *np.arange(0.48, 0.295, -0.02), *np.arange(0.29, 0.205, -0.01)])
TRUE = np.array([0.45, 0.28])
SIGMA, CORRELATION = np.array([0.02, 0.05]), 0.5
STRONG = ((1.0, 6.0), (0.0, 20.0))
#: the first hinge is lost in the noise of most series
WEAK = ((0.25, 6.0), (0.0, 20.0))
DRAWS = 50


def signals(slopes=STRONG):
    return np.array(slopes) @ np.maximum(0.0, TRUE[:, None] - V)


def covariance():
    """Independent states that share the noise of one reference, and signals whose noise is correlated."""
    between = np.outer(SIGMA, SIGMA) * [[1.0, CORRELATION], [CORRELATION, 1.0]]
    return np.einsum("ij,ab->iajb", between, np.eye(len(V)) + 1)


def noise(rng):
    mix = np.linalg.cholesky([[1.0, CORRELATION], [CORRELATION, 1.0]])
    return SIGMA[:, None] * (mix @ (rng.standard_normal((2, len(V))) + rng.standard_normal((2, 1))))


def drawn(slopes, seed, number=DRAWS, **choices):
    rng = np.random.default_rng(seed)
    choices = {"hinges": 2, "step_v": 0.02} | choices
    return [fit_hinges(V, signals(slopes) + noise(rng), covariance(), **choices) for _ in range(number)]


@pytest.fixture(scope="module")
def strong():
    return drawn(STRONG, 6)


def test_without_noise_the_hinges_are_exact():
    found = fit_hinges(V, signals(), covariance(), hinges=2)
    np.testing.assert_allclose(found.potentials_v, TRUE, atol=1e-5)
    np.testing.assert_allclose(found.slopes, [[1.0, 6.0], [0.0, 20.0]], atol=1e-3)
    assert found.chi_squared < 1e-6 and found.chance < 1e-12
    assert found.number == 2 and found.reasons == ("", "")


def test_errors_cover_strong_hinges(strong):
    """Within one error lie 68 % of those that have one: with 50 draws 46 to 90 %, with a chance of 1e-3 to miss."""
    assert np.mean([found.number == 2 for found in strong]) > 0.9
    whole = [found for found in strong if found.number == 2]
    pulls = np.array([(found.potentials_v - TRUE) / found.errors_v for found in whole])
    for column in pulls.T:
        known = column[np.isfinite(column)]
        assert known.size > 0.7 * DRAWS
        assert 0.46 < np.mean(np.abs(known) < 1) < 0.90
        assert abs(known.mean()) < 0.5


def test_weak_hinges_have_no_potential_or_an_error_that_covers():
    found = drawn(WEAK, 9)
    fewer = [one for one in found if one.number == 1]
    assert len(fewer) > 0.3 * DRAWS
    for one in fewer:
        assert np.isnan(one.potentials_v[1]) and np.isnan(one.errors_v[1]) and np.isnan(one.slopes[:, 1]).all()
        assert one.reasons[1].startswith("1 of 2 hinges explain") and one.chances[1] > 0.01
    # the one that is left is the strong one: its error holds what the other may do to it
    pulls = np.array([(one.potentials_v[0] - TRUE[1]) / one.errors_v[0] for one in fewer])
    assert np.mean(np.abs(pulls) < 1) > 0.46 and np.all(np.abs(pulls) < 5)
    whole = np.array([(one.potentials_v - TRUE) / one.errors_v for one in found if one.number == 2])
    known = whole[np.isfinite(whole)]
    assert np.mean(np.abs(known) < 1) > 0.40 and np.mean(np.abs(known) < 3) > 0.8


def test_hinges_that_are_not_there_are_seldom_seen():
    """A third hinge in series with two: one of 100 is expected, more than three of 20 have a chance of 4e-5."""
    more = sum(found.number == 3 for found in drawn(STRONG, 4, 20, hinges=3, step_v=0.03))
    assert more <= 3


def test_a_hinge_before_the_series_is_not_bounded():
    """All states lie on one line: where it started, they do not tell."""
    line = np.array([[1.0], [20.0]]) * (0.6 - V)
    found = fit_hinges(V, line + noise(np.random.default_rng(3)), covariance(), hinges=1, step_v=0.02)
    assert np.isnan(found.errors_v[0]) and "from above" in found.reasons[0]


def test_the_same_series_has_the_same_fit():
    one, other = (drawn(WEAK, 5, 1)[0] for _ in range(2))
    assert np.array_equal(one.chances, other.chances, equal_nan=True)
    assert np.array_equal(one.errors_v, other.errors_v, equal_nan=True)


def test_noise_alone_has_its_chance():
    rng = np.random.default_rng(7)
    chances = [fit_hinges(V, noise(rng), covariance(), hinges=1, step_v=0.05).chance for _ in range(40)]
    assert np.mean(chances) == pytest.approx(0.5, abs=0.15)
    assert min(chances) > 1e-4


def test_the_chi_squared_counts_its_freedom(strong):
    found = [one for one in strong if one.number == 2]
    assert found[0].freedom == 2 * len(V) - 4 - 2
    # of 50 draws the mean is known to 3.4 %
    assert np.mean([one.chi_squared for one in found]) == pytest.approx(found[0].freedom, rel=0.14)


def test_short_series_have_a_fit_whatever_their_noise():
    """Five states hold fewer places than three hinges have: these may meet or leave the series in a search."""
    rng = np.random.default_rng(10)
    volts = np.array([0.46, 0.40, 0.34, 0.28, 0.20])
    between = np.einsum("ij,ab->iajb", np.eye(3), np.eye(5) + 1)
    for scale in (0.0, 3.0):
        for _ in range(4):
            ramps = scale * np.array([[1.0], [4.0], [9.0]]) * np.maximum(0.0, 0.4 - volts)
            found = fit_hinges(volts, ramps + rng.standard_normal((3, 5)), between)
            known = found.potentials_v[np.isfinite(found.potentials_v)]
            assert known.size == found.number >= 1 and np.all(np.diff(known) < 0)
            assert np.all(np.isfinite(found.errors_v) == np.array([not reason for reason in found.reasons]))
