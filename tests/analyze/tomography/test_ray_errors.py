"""Errors of rays by their distance from a point."""

import numpy as np

from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.ray_errors import ray_errors

ANGLES = np.arange(0.0, 180.0, 30.0)


def test_rows_are_the_errors_of_rays_that_pass_at_that_distance():
    """Variance that grows with the distance of the ray from a point off the axis, which is off the middle."""
    geometry = ParallelGeometry.from_arrays(0.5 * np.arange(11.0), ANGLES, axis_mm=2.5)
    x, y = 2.0, -1.0
    turn = np.radians(ANGLES)[:, None]
    steps = np.abs(np.arange(11.0) - 5.0 - x * np.cos(turn) - y * np.sin(turn))
    variance = np.stack([np.rint(steps) + 1.0, 4.0 * np.ones(steps.shape)], axis=-1)
    errors = ray_errors(variance, geometry, (x, y))
    assert errors.shape == (11, 2)
    passed = np.isin(np.arange(11), np.rint(steps).astype(int))
    np.testing.assert_allclose(errors[passed, 0], np.sqrt(np.arange(11.0) + 1.0)[passed], rtol=1e-6)
    np.testing.assert_allclose(errors[passed, 1], 2.0, rtol=1e-6)
    # no ray passes ten steps from a point inside the field
    assert np.isnan(errors[~passed]).all() and not passed[-1]
