"""Beams that average over a depth that changes across them: the part that is undone, and the part that is stated."""

import numpy as np
import pytest

from tsct.analyze.absorption_errors import EVEN, unresolved
from tsct.analyze.prepare.corrections import depth_slope, lost_across_beam

#: places across all beams, 400 to each of seven
FINE = (np.arange(7 * 400) + 0.5) / 400 - 3.5


def seen(depth, line):
    """What is read of fine profiles: signal over transmission, depths from transmission, and the true lines."""
    through = np.exp(-depth)
    means = [values.reshape(7, 400).mean(axis=1) for values in (through, line * through, line)]
    return (means[1] / means[0])[None, :, None], -np.log(means[0])[None], means[2][None, :, None]


def test_a_slope_across_the_beam_is_undone():
    depth = 2.0 + 0.4 * FINE
    lines, read, true = seen(depth, 3.0 * depth)
    corrected = lines + lost_across_beam(lines[0], depth_slope(read)[0])
    # inner beams, which have a neighbour on either side
    off, left = (np.abs(one - true)[0, 1:-1, 0].max() for one in (lines, corrected))
    assert off == pytest.approx(3.0 * 0.4**2 / 12, rel=0.01)
    assert left < 0.01 * off


def test_an_edge_inside_the_beam_is_covered():
    depth = np.where(FINE > 0.1, 0.5, 0.0)
    lines, read, true = seen(depth, 2.0 * depth)
    error = np.abs(unresolved(lines, read))[0, :, 0]
    # the plateau differs more from this beam than air does
    assert error[3] == pytest.approx(EVEN * (1.0 - lines[0, 3, 0]) * (0.5 - read[0, 3]))
    assert abs(lines - true)[0, 3, 0] < 3 * error[3]
    # where nothing changes nothing is hidden
    assert error[[0, 1, 5, 6]] == pytest.approx(0.0, abs=1e-12)


def test_a_layer_thinner_than_the_beam_counts_in_full():
    depth = np.where(np.abs(FINE) < 0.2, 0.33, 0.0)
    lines, read, true = seen(depth, depth)
    error = unresolved(lines, read)[0, 3, 0]
    assert error == pytest.approx(read[0, 3] * lines[0, 3, 0])
    assert error < abs(lines - true)[0, 3, 0] < 3 * error


def test_a_single_ray_has_no_neighbours():
    lines, depth = np.ones((2, 1, 3), dtype=np.float32), np.ones((2, 1))
    assert not lost_across_beam(lines[0], depth_slope(depth)[0]).any() and not unresolved(lines, depth).any()
