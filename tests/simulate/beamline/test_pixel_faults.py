"""Faults of single pixels and what is left of them in an integrated pattern."""

from dataclasses import replace

import numpy as np
import pytest

from tsct.simulate import no_faults
from tsct.simulate.beamline.pixel_faults import pixel_channels, pixel_response, ring_response
from tsct.simulate.beamline.response import detector_response
from tsct.simulate.scan import gains, patterns, simulate_tile


def with_faults(beamline, **faults):
    return replace(beamline, faults=replace(no_faults(), **faults))


def number_of_pixels(beamline):
    channel = pixel_channels(beamline)
    return np.bincount(channel[channel >= 0], minlength=len(beamline.scan.q))


def test_pixels_fill_the_solid_angle_of_their_channel(perfect):
    """A pixel at 2 theta covers its area times cos^3 over the square of the distance."""
    line = replace(perfect, scan=replace(perfect.scan, q_step=0.02, q_max=29.58))
    pixel = (line.detector.pixel_mm / line.distance_mm) ** 2 * np.cos(line.two_theta) ** 3
    # rings are thinner than a pixel, so whole pixels must be counted over many; a ring of 4 mm still has 70 of them
    found, expected = (
        part.reshape(-1, 50).sum(axis=1)
        for part in (number_of_pixels(line) * pixel, detector_response(line).solid_angle)
    )
    np.testing.assert_allclose(found, expected, rtol=0.01)


def test_perfect_pixels_change_nothing(perfect):
    gain, dark = ring_response(perfect, 1)
    assert np.all(gain == 1.0) and not dark.any()


def test_what_the_flat_field_leaves_averages_over_the_ring(perfect):
    line = with_faults(perfect, flat_field=0.02)
    gain, _ = ring_response(line, 1)
    z = (gain - 1) / (0.02 / np.sqrt(number_of_pixels(line)))
    # a hundred channels
    assert z.std() == pytest.approx(1.0, abs=0.3) and abs(z.mean()) < 0.4
    np.testing.assert_array_equal(gains(line, 1, 0)[1], gains(line, 1, 5)[1])
    assert np.all(patterns(line, 1, 0)[1] == 1.0)


def test_dead_pixels_lose_their_share(perfect):
    gain, dark = ring_response(with_faults(perfect, dead_pixels=0.05), 1)
    weights = number_of_pixels(perfect)
    assert np.average(gain, weights=weights) == pytest.approx(0.95, abs=1e-3)
    assert not dark.any()


def test_hot_pixels_count_in_the_dark(cell, perfect, table):
    """The same counts in every recorded frame, whatever is in the beam, and none in lost ones."""
    line = with_faults(perfect, hot_pixels=1e-3, hot_pixel_counts_per_s=1e7, lost_frames=0.05)
    dim = replace(line, photons_per_s=1.0)
    _, dark = ring_response(dim, 3)
    assert dark.sum() == pytest.approx(1e4 * number_of_pixels(dim).sum(), rel=0.1)
    scan = simulate_tile(cell, dim, table, 3, 0, 1)
    lit = scan.monitor.values > 0
    mean, expected = scan.intensity.values[lit].mean(axis=0), dark * dim.exposure_s
    np.testing.assert_allclose(mean, expected, atol=5 * np.sqrt(expected.max() / lit.sum()))
    assert scan.intensity.values[~lit].max() == 0.0


def test_the_same_pixels_are_bad_in_every_frame_of_a_seed(perfect):
    line = with_faults(perfect, dead_pixels=1e-3, hot_pixels=1e-3, flat_field=0.01)
    one, same, other = (pixel_response(line, seed) for seed in (1, 1, 2))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
    assert one[0].shape == line.detector.shape
    assert np.mean(one[0] == 0.0) == pytest.approx(1e-3, rel=0.1)
