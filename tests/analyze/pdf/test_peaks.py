"""Peaks that are named: places and heights in closed form, what counts as one, and numbers of neighbours."""

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.pdf.density import Density
from tsct.analyze.pdf.peaks import SAME, between, extremum, first_peaks
from tsct.analyze.recipe import PdfRecipe

R = np.arange(0.0, 8.0, 0.01)
Q = np.linspace(0.0, 20.0, 50)
RECIPE = PdfRecipe(composition={"Si": 1.0}, q_max=20.0, r_max=8.0, r_poly=1.0)


def gaussians(*rows, width=0.1):
    return sum(height * np.exp(-(((R - at) / width) ** 2) / 2) for at, height in rows)


def curve(gr, **extra):
    data = {"gr": ("r", gr), **{name: ("r", np.full(len(R), value)) for name, value in extra.items()}}
    return xr.Dataset(data, coords={"r": R, "q": Q})


def test_the_top_of_a_parabola_between_grid_points():
    r = np.arange(2.0, 3.0, 0.1)
    for sign in (1.0, -1.0):
        place, height = extremum(r, sign * (1.5 - (r - 2.537) ** 2), 2.2, 2.8, sign)
        assert (place, height) == (pytest.approx(2.537, abs=1e-12), pytest.approx(sign * 1.5, abs=1e-12))
    # the highest inside the limits, of which the ends are none
    both = np.sin(2 * np.pi * r / 0.4) + r
    assert extremum(r, both, 2.0, 2.95, 1.0)[0] == pytest.approx(2.5, abs=0.03)
    assert np.isnan(extremum(r, r, 2.0, 3.0, 1.0)).all()


def test_limits_belong_to_what_lies_between():
    assert between(np.array([0.9, 1.0, 1.5, 2.0, 2.1]), (1.0, 2.0)).tolist() == [False, True, True, True, False]


def test_four_peaks_beyond_the_polynomial_above_a_tenth_of_the_largest():
    gr = gaussians((0.7, 3.0), (1.6, 1.0), (2.4, 2.0), (3.2, 0.15), (4.0, 0.5), (4.8, 0.5), (5.6, 0.5))
    found = first_peaks(curve(gr), RECIPE)
    assert RECIPE.polynomial_range == 1.0
    assert [peak.r for peak in found] == pytest.approx([1.6, 2.4, 4.0, 4.8], abs=1e-4)
    assert [peak.height for peak in found] == pytest.approx([1.0, 2.0, 0.5, 0.5], rel=1e-3)
    assert all(peak.neighbours is None and not peak.ripple for peak in found)


def test_a_peak_of_less_than_three_standard_errors_is_none():
    gr = gaussians((1.6, 0.5), (2.4, 2.0))
    for error, places in ((0.16, [1.6, 2.4]), (0.17, [2.4])):
        assert [peak.r for peak in first_peaks(curve(gr, gr_errors=error), RECIPE)] == pytest.approx(places, abs=1e-3)


def test_ripples_are_named_as_such_and_not_counted():
    gr = gaussians((1.6, 1.0), (2.4, 2.0), (3.2, 1.0), (4.0, 1.0), (4.8, 1.0), (5.6, 1.0))
    found = first_peaks(curve(gr), RECIPE, ripples=np.array([2.4 + 0.9 * SAME, 3.2 + 1.2 * SAME]))
    assert [peak.ripple for peak in found] == [False, True, False, False, False]
    # what lies below 0.8 of the first distance is no distance
    low = first_peaks(curve(gr).assign_attrs(first_distance=2.1), RECIPE)
    assert [peak.ripple for peak in low] == [True, False, False, False, False]


def test_the_number_of_neighbours_is_the_area_of_the_radial_distribution():
    """Four neighbours at 2.35 A drawn as a Gaussian in R(r), at the density of silicon.

    The errors are 5 % for the end, that of the scale, and the noise of as many independent points as the range holds.
    """
    density, width, n = 0.05, 0.08, 4.0
    with np.errstate(divide="ignore", invalid="ignore"):
        shell = n / (np.sqrt(2 * np.pi) * width) * np.exp(-(((R - 2.35) / width) ** 2) / 2) / R
    gr = np.nan_to_num(shell) - 4 * np.pi * R * density
    # minima of R(r) lie where the line is low: let the peak end between 1.9 and 2.8 A
    gr += np.where(np.abs(R - 2.35) > 0.45, 4 * np.pi * R * density * np.minimum((np.abs(R - 2.35) - 0.45) / 0.5, 1), 0)
    data = curve(gr, gr_errors=0.02).assign_attrs(scale_held=True, scale_error=0.03)
    known = Density(density)
    found = first_peaks(data, RECIPE, known)[0]
    assert found.neighbours == pytest.approx(n, rel=0.01)
    x = R[(R > 1.9) & (R < 2.8)]
    noise = 0.02 * np.sqrt(np.sum(x**2) * np.pi / 20 / 0.01) * 0.01
    assert found.neighbours_error == pytest.approx(np.hypot(n * np.hypot(0.05, 0.03), noise), rel=0.03)
    # without noise, and without a level that is held
    alone = first_peaks(data.drop_vars("gr_errors"), RECIPE, known)[0]
    assert alone.neighbours_error == pytest.approx(n * np.hypot(0.05, 0.03), rel=0.02)
    assert first_peaks(data.assign_attrs(scale_held=False), RECIPE, known)[0].neighbours is None
