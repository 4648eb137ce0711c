"""Bins that stand alone: the limits by hand, and the error of what replaces them."""

import numpy as np
import pytest

from tsct.analyze.readers.lone_bins import unmeasured_points, without_lone_bins
from tsct.records.errors import TsctWarning

LEVEL = np.full(40, 100.0)


def spoiled(*changes):
    pattern = LEVEL.copy()
    for place, value in changes:
        pattern[place] = value
    return pattern


@pytest.mark.parametrize(
    ("value", "beside", "sigma", "lone"),
    [
        # half of the level above it, and ten errors
        (151.0, 100.0, 5.0, True),
        (149.0, 100.0, 4.0, False),
        (151.0, 100.0, 5.2, False),
        (49.0, 100.0, 5.0, True),
        # a tenth of the excess beside it
        (200.0, 109.0, 5.0, True),
        (200.0, 111.0, 5.0, False),
    ],
)
def test_a_bin_stands_alone_by_half_its_level_ten_errors_and_nothing_beside_it(value, beside, sigma, lone):
    pattern, errors = spoiled((20, value), (21, beside)), np.full(40, sigma)
    # its own error is as wrong as it is
    errors[20] = 300.0
    if not lone:
        assert without_lone_bins(pattern, errors, "p.xy")[0] is pattern
        return
    with pytest.warns(TsctWarning, match=rf"point 21 \({value:g} between 100 and {beside:g}\)"):
        filled, changed = without_lone_bins(pattern, errors, "p.xy")
    assert filled[20] == (100.0 + beside) / 2 and changed[20] == pytest.approx(np.sqrt(2) * sigma)
    np.testing.assert_array_equal(np.delete(filled, 20), np.delete(pattern, 20))


def test_the_error_of_a_replaced_bin_is_that_of_both_neighbours_in_quadrature():
    errors = np.linspace(1.0, 4.9, 40)
    with pytest.warns(TsctWarning, match="one hot"):
        _, changed = without_lone_bins(spoiled((20, 900.0)), errors, "p.xy")
    assert changed[20] == pytest.approx(np.hypot(errors[19], errors[21]))
    np.testing.assert_array_equal(np.delete(changed, 20), np.delete(errors, 20))


@pytest.mark.parametrize(("number", "replaced"), [(5, True), (6, False)])
def test_six_lone_bins_may_be_peaks(number, replaced):
    places = 4 + 6 * np.arange(number)
    pattern = spoiled(*((place, 900.0) for place in places))
    with pytest.warns(TsctWarning, match="hot or dead bins replaced" if replaced else "6 points stand alone"):
        filled, _ = without_lone_bins(pattern, np.full(40, 5.0), "p.xy")
    np.testing.assert_array_equal(filled, LEVEL if replaced else pattern)


def test_the_ends_stay_and_so_does_a_pattern_of_six():
    pattern = spoiled((0, 900.0), (39, 900.0))
    assert without_lone_bins(pattern, np.full(40, 5.0), "p.xy")[0] is pattern
    short = np.array([1.0, 1.0, 1.0, 90.0, 1.0, 1.0])
    assert without_lone_bins(short, np.full(6, 0.1), "p.xy")[0] is short
    with pytest.warns(TsctWarning, match="point 4 "):
        assert without_lone_bins(np.append(short, 1.0), np.full(7, 0.1), "p.xy")[0].tolist() == [1.0] * 7


@pytest.mark.parametrize(("counts", "sigmas"), [(9.0, False), (11.0, True)])
def test_without_errors_the_scatter_of_second_differences_tells(counts, sigmas):
    """Second differences of white noise scatter by the root of six; the excess in units of that noise."""
    noise = np.random.default_rng(4).normal(0.0, 1.0, 4001)
    pattern = 10.0 + noise
    pattern[2000] = np.median(pattern[[1998, 1999, 2001, 2002]]) + counts
    pattern[[1998, 1999, 2001, 2002]] = pattern[[1998, 1999, 2001, 2002]].mean()
    pattern[2000] = pattern[1999] + counts
    if sigmas:
        with pytest.warns(TsctWarning, match="one hot"):
            assert without_lone_bins(pattern, None, "p.xy")[0][2000] == pytest.approx(pattern[1999])
    else:
        assert without_lone_bins(pattern, None, "p.xy")[0] is pattern


@pytest.mark.parametrize(
    ("beside", "width", "lost"), [(11.0, 2, True), (9.0, 2, False), (11.0, 1, False), (0.5, 2, False)]
)
def test_zeros_in_a_row_are_none_where_all_around_them_count_a_tenth_of_the_level(beside, width, lost):
    """Five points on either side with a median of 100, of which the furthest has less."""
    pattern = LEVEL.copy()
    pattern[20 : 20 + width] = 0.0
    pattern[15] = beside
    # the sixth does not matter
    pattern[14] = 0.5
    expected = np.zeros(40, dtype=bool)
    expected[20 : 20 + width] = lost
    np.testing.assert_array_equal(unmeasured_points(pattern, None), expected)
