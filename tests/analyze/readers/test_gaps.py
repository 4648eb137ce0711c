"""What one pattern did not measure is bridged where it is narrow, and refused where it is wide."""

import numpy as np
import pytest

from tsct.analyze.readers.lone_bins import bridged, check_gaps, unmeasured_points
from tsct.records.errors import InputError, TsctWarning

Q = np.arange(0.5, 20.0, 0.02)
PATTERN = 1e4 * (np.exp(-Q / 8) + 0.05) * (1 + 0.3 * np.sin(2.4 * Q))


def with_gap(number, width, first=300):
    pattern = PATTERN.copy()
    pattern[first : first + width] = number
    return pattern


@pytest.mark.parametrize(("number", "width"), [(-1.0, 1), (-2.0, 3), (65535.0, 3), (2**32 - 1.0, 1), (0.0, 2)])
def test_a_narrow_gap_is_bridged_and_said(number, width):
    lost = unmeasured_points(with_gap(number, width), None)
    np.testing.assert_array_equal(np.flatnonzero(lost), np.arange(300, 300 + width))
    np.testing.assert_allclose(bridged(Q, with_gap(number, width), lost), PATTERN, rtol=0.01)
    with pytest.warns(TsctWarning, match=f"{width} points were not measured .* are bridged"):
        check_gaps(Q, lost, (1.0, 19.0), "p.xy")


@pytest.mark.parametrize("number", [-1.0, 65535.0, 0.0])
def test_a_wide_gap_is_refused_where_it_is_used(number):
    lost = unmeasured_points(with_gap(number, 9), None)
    with pytest.raises(InputError, match=r"p\.xy: 9 points from Q = 6\.5 to 6\.66 1/angstrom were not measured"):
        check_gaps(Q, lost, (1.0, 19.0), "p.xy")
    check_gaps(Q, lost, (7.0, 19.0), "p.xy")


def test_zeros_among_few_counts_and_zeros_with_errors_are_counts():
    counts = np.random.default_rng(2).poisson(1.5, len(Q)).astype(float)
    assert np.count_nonzero(unmeasured_points(counts, None)) < 0.02 * len(Q)
    assert not unmeasured_points(with_gap(0.0, 5), np.ones_like(Q)).any()


def test_negative_numbers_of_a_subtracted_background_are_kept():
    assert not unmeasured_points(PATTERN - 1500.5, None).any()
