"""The beam's width: exact averages of a known projection."""

import numpy as np
import pytest

from tsct.simulate.beamline.beam_profile import beam_slices, over_beam

EDGES = np.linspace(-4.0, 4.0, 801)
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2


def seen(values, rays, *profile):
    return over_beam(values[None, :, None], EDGES, np.atleast_2d(rays), beam_slices(*profile))[0, :, 0]


@pytest.mark.parametrize(
    "profile", [("top-hat", 0.13), ("gaussian", 0.13), ("top-hat", 0.13, 0.13), ("gaussian", 0.1, 0.2)]
)
def test_a_flat_field_stays_flat_and_a_slope_keeps_its_value(profile):
    rays = np.array([-1.0, 0.0137, 2.5])
    np.testing.assert_allclose(seen(np.ones_like(CENTRES), rays, *profile), 1.0)
    # a slope is constant within each bin of 0.01
    np.testing.assert_allclose(seen(CENTRES, rays, *profile), rays, atol=1e-4)


@pytest.mark.parametrize(
    ("profile", "variance"),
    [
        (("top-hat", 0.6), 0.6**2 / 12),
        (("gaussian", 0.6), 0.6**2 / (8 * np.log(2))),
        # two independent displacements add their variances
        (("top-hat", 0.6, 0.6), 2 * 0.6**2 / 12),
        (("gaussian", 0.6, 0.4), 0.6**2 / (8 * np.log(2)) + 0.4**2 / 12),
    ],
)
def test_a_profile_has_its_variance(profile, variance):
    """The mean of t^2 over the beam is the square of its place plus the variance of the profile."""
    found = seen(CENTRES**2, np.array([0.0, 1.0]), *profile)
    # the Gaussian is cut at three half widths, which takes 0.1 % of its variance; slices are 1/24 of the reach
    np.testing.assert_allclose(found, np.array([0.0, 1.0]) + variance, atol=0.006)
    assert found[0] == pytest.approx(variance, rel=0.02)


def test_beyond_the_grid_there_is_nothing():
    assert seen(np.ones_like(CENTRES), np.array([5.0]), "top-hat", 0.2)[0] == 0.0
    assert seen(np.ones_like(CENTRES), np.array([4.0]), "top-hat", 0.2)[0] == pytest.approx(0.5)
