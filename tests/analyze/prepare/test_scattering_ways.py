"""Directions in which ways out are followed, where a polynomial through few of them is near its best."""

import numpy as np
import pytest

from tsct.analyze.prepare.scattering_ways import ELEVATIONS, detected_ways


@pytest.mark.parametrize("widest", [0.3, 0.6, 1.2])
def test_elevations_are_chebyshev_points_up_to_the_widest_cone(widest):
    """Squared sines between zero and that of the widest angle; a way is longer by one over the cosine."""
    ways = detected_ways(np.array([0.1, widest]))
    found = np.unique(np.round(1 - 1 / ways.stretch**2, 12))
    points = np.sort(np.polynomial.chebyshev.chebpts1(ELEVATIONS))
    np.testing.assert_allclose(found, np.sin(widest) ** 2 * (points + 1) / 2, rtol=1e-9)
    np.testing.assert_allclose(ways.weight.sum(axis=-1), 1.0)
