"""Gains that stay with the translation are told from an object that does not."""

import numpy as np

from tsct.analyze.prepare.stripes import translation_gains
from tsct.analyze.tomography.fbp import fbp
from tsct.analyze.tomography.geometry import ParallelGeometry

T = np.linspace(-3, 3, 81)
ANGLES = np.arange(0, 180, 4.0)


def sinogram():
    """Three Gaussian blobs of different widths off the axis, on a wide one."""
    theta = np.radians(ANGLES)[:, None]
    blobs = ((0.0, 0.0, 1.2, 5.0), (0.9, 0.3, 0.3, 1.0), (-0.5, 1.0, 0.25, 0.8), (0.2, -0.8, 0.4, 0.6))
    return sum(h * np.exp(-((T - x * np.cos(theta) - y * np.sin(theta)) ** 2) / (2 * s**2)) for x, y, s, h in blobs)


def test_no_gains_are_found_where_none_are():
    np.testing.assert_allclose(translation_gains(sinogram()), 1.0, atol=0.006)


def test_gains_come_back_and_rings_go():
    true = 1 + 0.01 * np.random.default_rng(2).standard_normal(T.size)
    striped = sinogram() * true
    found = translation_gains(striped)
    inner = np.abs(T) < 1.8
    # what varies slowly along the translations cannot be told from the object
    assert np.std((true / found)[inner]) < 0.5 * np.std(true[inner])
    geometry = ParallelGeometry.from_arrays(T, ANGLES)
    images = fbp(np.stack([sinogram(), striped, striped / found], axis=-1), geometry)
    error = np.std(images - images[..., :1], axis=(0, 1))
    assert error[2] < 0.5 * error[1]
