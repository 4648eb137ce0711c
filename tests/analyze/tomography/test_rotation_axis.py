"""The rotation axis: found where it was put, with an honest error, and with a word when it cannot be."""

import warnings

import numpy as np
import pytest

from tsct.analyze.tomography.rotation_axis import find_axis
from tsct.records.errors import InputError
from tsct.simulate.beampath.projector import project

STEP = 0.13
HALF, FULL, CLOSED = np.arange(90) * 2.0, np.arange(90) * 4.0, np.linspace(0.0, 180.0, 91)


def edges(first=-30, last=30):
    return np.arange(first, last + 1) * STEP


def middles(borders):
    return (borders[1:] + borders[:-1]) / 2


def sinogram(axis, angles, borders=None, centre=(0.2, -0.3)):
    """A disc with a denser disc inside, off the axis."""
    fine = (np.arange(120) - 59.5) * STEP / 2
    y, x = np.meshgrid(fine, fine, indexing="ij")
    density = (np.hypot(x - centre[0], y - centre[1]) < 2.6) + 0.5 * (np.hypot(x - 1.1, y + 0.4) < 0.7)
    return project(density[None], STEP / 2, angles, edges() if borders is None else borders, axis)[:, :, 0]


@pytest.mark.parametrize("angles", [HALF, FULL, CLOSED, FULL[::-1], np.delete(HALF, [3, 4, 50]) - 77.0])
@pytest.mark.parametrize("axis", [0.0, 0.065, 0.31, -0.22])
def test_axis_is_found_where_it_is(angles, axis):
    found, sigma = find_axis(sinogram(axis, angles), middles(edges()), angles)
    # what binning does to sharp edges; baseline 1e-4 of a step
    assert abs(found - axis) < 3e-4 * STEP
    assert 0.0 < sigma < 1e-3 * STEP


@pytest.mark.parametrize("angles", [HALF, FULL])
@pytest.mark.parametrize("knows", ["expectation", "counts", "nothing"])
def test_error_is_honest(angles, knows):
    """Variance of (found - true) / sigma over 400 draws of Poisson noise, at 100 to 600 counts per ray."""
    expected, rng, z = 100.0 * sinogram(0.05, angles) + 1.0, np.random.default_rng(7), []
    for _ in range(400):
        counts = rng.poisson(expected)
        variance = {"expectation": expected, "counts": np.maximum(counts, 1), "nothing": None}[knows]
        found, sigma = find_axis(counts - 1.0, middles(edges()), angles, variance)
        z.append((found - 0.05) / sigma)
    # four standard deviations sqrt(2 / 400) of a variance, hence sensitive to a sigma wrong by 14 %
    assert abs(np.mean(np.square(z)) - 1.0) < 0.28
    assert abs(np.mean(z)) < 4 / np.sqrt(400)


def test_more_counts_give_a_smaller_error():
    few, many = (find_axis(sinogram(0.05, HALF), middles(edges()), HALF, np.full((90, 60), v))[1] for v in (4e-2, 4e-4))
    assert few == pytest.approx(10.0 * many, rel=1e-9)


def test_wobble_beyond_the_stated_noise_enlarges_the_error():
    wobble = np.random.default_rng(3).normal(0.0, 0.2 * STEP, 90)
    shaken = np.concatenate([sinogram(w, [angle]) for w, angle in zip(wobble, HALF, strict=True)])
    found, sigma = find_axis(shaken, middles(edges()), HALF, np.full(shaken.shape, 1e-6))
    # the intercept of a half-turn fit is 2.3 times less certain than a mean of 90 views
    assert 0.03 * STEP < sigma < 0.08 * STEP
    assert abs(found) < 4 * sigma


def test_truncation_is_told():
    short = edges(-30, 18)
    with pytest.warns(UserWarning, match="truncated"):
        find_axis(sinogram(0.1, HALF, short), middles(short), HALF)


def test_mirrored_views_find_the_axis_of_a_truncated_object():
    short = edges(-30, 18)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found, _ = find_axis(sinogram(0.1, FULL, short), middles(short), FULL)
    first, second = (str(warning.message) for warning in told)
    assert "truncated" in first and "mirrored views 0.1" in second
    # mass centres are off by two steps; splines over a cut edge cost a hundredth
    assert abs(found - 0.1) < 0.01 * STEP


def test_mirrored_views_see_through_a_background():
    with pytest.warns(UserWarning, match="background"):
        found, _ = find_axis(sinogram(0.31, FULL) + 0.3, middles(edges()), FULL)
    assert abs(found - 0.31) < 0.001 * STEP


@pytest.mark.parametrize("angles", [HALF, FULL])
def test_beam_that_varies_between_views_does_no_harm(angles):
    gain = 1.0 + 0.05 * np.random.default_rng(1).standard_normal((90, 1))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found, _ = find_axis(sinogram(0.05, angles, centre=(0.0, 0.0)) * gain, middles(edges()), angles)
    assert not told
    assert abs(found - 0.05) < 1e-3 * STEP


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"translations_mm": np.arange(5.0)}, "shape"),
        ({"angles_deg": [0.0, 1.0]}, "shape"),
        ({"translations_mm": [0.0, 1.0, 2.0, 3.5, 4.0, 5.0]}, "uniform"),
        ({"total_sinogram": np.full((4, 6), np.nan)}, "finite"),
        ({"total_sinogram": np.zeros((4, 6))}, "no mass"),
        ({"angles_deg": [0.0, 45.0, 0.0, 45.0]}, "three different angles"),
        ({"variance": np.ones((3, 6))}, "variance"),
        ({"variance": np.zeros((4, 6))}, "variance"),
        ({"variance": np.full((4, 6), -1.0)}, "variance"),
    ],
)
def test_refuses_what_cannot_tell_the_axis(change, words):
    good = {
        "total_sinogram": np.tile([0.0, 1.0, 3.0, 2.0, 1.0, 0.0], (4, 1)),
        "translations_mm": np.arange(6.0),
        "angles_deg": [0.0, 45.0, 90.0, 135.0],
    }
    with pytest.raises(InputError, match=words):
        find_axis(**(good | change))
