"""Gains that stay with the translation are told from an object that does not."""

import numpy as np

from tsct.analyze.prepare.stripes import gains_by_attenuation, translation_gains
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


#: scattering of three phases in eight channels, and their attenuation
PATTERNS = np.array([[9, 7, 5, 4, 3, 2, 2, 1], [2, 6, 2, 5, 1, 3, 1, 2], [3, 3, 3, 2, 2, 2, 1, 1]], dtype=float)
ATTENUATION = np.array([0.02, 0.05, 0.01])
NOISE = 0.01


def chords(radius, x=0.0, y=0.0):
    """Lengths of rays in a disc, shape (angle, translation)."""
    theta = np.radians(ANGLES)[:, None]
    return 2 * np.sqrt(np.maximum(radius**2 - (T - x * np.cos(theta) - y * np.sin(theta)) ** 2, 0.0))


def capillary(rng):
    """A body with a hard edge and a grain in a thin wall: lines with their noise, and depths; no gains."""
    body, grain, wall = chords(2.0), chords(0.3, 0.7, 0.5), chords(2.6) - chords(2.45)
    lengths = np.stack([body, grain, wall], axis=-1)
    lines = lengths @ PATTERNS
    return lines + NOISE * rng.standard_normal(lines.shape), np.full(lines.shape, NOISE**2), lengths @ ATTENUATION


def test_edges_and_rings_of_the_sample_are_no_gains():
    lines, variance, depth = capillary(np.random.default_rng(3))
    found = gains_by_attenuation(lines, variance, depth).values
    # to four standard deviations of counting: rays through the body, and those that graze it or see the wall alone
    np.testing.assert_allclose(found[np.abs(T) < 1.9], 1.0, atol=8e-4)
    np.testing.assert_allclose(found, 1.0, atol=4e-3)
    # by the contrast between neighbours alone they would be
    assert np.abs(translation_gains(lines.sum(axis=-1)) - 1).max() > 0.05


def test_gains_are_told_from_what_the_rays_absorb():
    lines, variance, depth = capillary(np.random.default_rng(3))
    true = 1 + 0.003 * np.random.default_rng(4).standard_normal(T.size)
    found = gains_by_attenuation(lines * true[:, None], variance, depth).values
    inner = np.abs(T) < 1.9
    left = (true / found)[inner]
    # neighbours above all, which draw rings
    assert np.std(np.diff(left)) < 0.15 * np.std(np.diff(true[inner]))
    assert np.all(found[np.abs(T) > 2.65] == 1.0)


def test_covariance_of_the_gains_that_are_left():
    """Over many draws: of the mean, which cannot be told, of a step, and of the middle against its neighbours."""
    inner = np.abs(T) < 1.9
    looks = np.stack([inner / inner.sum(), inner * np.sign(T) / inner.sum(), np.where(T == 0, 1.0, 0.0)])
    left, stated = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        lines, variance, depth = capillary(rng)
        gains, noise = 1 + 0.003 * rng.standard_normal(T.size), 2e-4
        found = gains_by_attenuation(
            lines * gains[:, None], variance, depth + noise * rng.standard_normal(depth.shape), noise
        )
        left.append(looks @ (gains / found.values - 1))
        stated.append(np.diag(looks @ found.left @ looks.T))
    # 200 draws tell a standard deviation to 5 %
    np.testing.assert_allclose(np.sqrt(np.mean(stated, axis=0)), np.std(left, axis=0), rtol=0.2)
