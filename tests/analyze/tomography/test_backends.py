"""What other packages are given: rays about another bin, and the scan as they describe it."""

from dataclasses import replace

import numpy as np
import pytest

from tsct.analyze.tomography.backends import CORNERS, _axis_bin, _recentred, _weighted
from tsct.analyze.tomography.geometry import ParallelGeometry

N, STEP = 21, 0.1
ANGLES = np.arange(0.0, 180.0, 30.0)
GEOMETRY = ParallelGeometry.from_arrays(STEP * (np.arange(N) - (N - 1) / 2), ANGLES, 0.0)


def bump(at, sigma=1.5, bins=None):
    """A smooth profile about a bin."""
    bins = np.arange(N) if bins is None else bins
    return np.exp(-0.5 * ((bins - at) / sigma) ** 2)


@pytest.mark.parametrize(
    ("axis_mm", "late", "move"), [(0.0, 0.0, (0, 0)), (0.23, 0.5, (0, 0)), (-0.2, 0.0, (0.5, -0.5))]
)
def test_rays_are_moved_and_widened_for_the_corners(axis_mm, late, move):
    """A point on the axis appears `late` bins after the middle of the wider rays, and where it was moved to."""
    geometry = replace(GEOMETRY, axis_mm=axis_mm)
    axis = axis_mm / STEP + (N - 1) / 2
    assert _axis_bin(geometry) == pytest.approx(axis)
    rays = np.tile(bump(axis)[:, None], (len(ANGLES), 1, 1)).astype(np.float32)
    found = _recentred(rays, geometry, late=late, move=move)
    added = int(np.ceil(CORNERS * N + abs(axis_mm / STEP))) + 2
    assert found.shape == (len(ANGLES), N + 2 * added, 1)
    angle = np.radians(ANGLES)
    place = (found.shape[1] - 1) / 2 + late + move[0] * np.cos(angle) + move[1] * np.sin(angle)
    expected = np.stack([bump(at, bins=np.arange(found.shape[1])) for at in place])
    # splines of a bump of 1.5 bins
    np.testing.assert_allclose(found[..., 0], expected, atol=2e-3)


def test_as_many_bins_are_added_as_asked_for():
    assert _recentred(np.zeros((len(ANGLES), N, 2), np.float32), GEOMETRY, extra=40).shape == (len(ANGLES), N + 80, 2)


def test_views_weigh_as_the_angle_that_they_stand_for():
    """Even views all alike; of uneven ones the sum of the weights is still the number of views."""
    rays = np.ones((len(ANGLES), N, 1), np.float32)
    np.testing.assert_allclose(_weighted(rays, GEOMETRY), 1.0, rtol=1e-6)
    uneven = ParallelGeometry.from_arrays(
        GEOMETRY.translations_mm, np.array([0.0, 10.0, 30.0, 60.0, 120.0, 170.0]), 0.0
    )
    found = _weighted(rays, uneven)[:, 0, 0]
    # half of the way to both neighbours, half a turn further on at the ends, over the mean of 30 degrees
    np.testing.assert_allclose(found, np.array([10.0, 15.0, 25.0, 45.0, 55.0, 30.0]) / 30.0, rtol=1e-5)
