"""Choices of region and reference: which voxels, which differences, whose noise."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.pdf.transform import pdf_operator
from tsct.analyze.pdf.xray_tables import mean_compton, mean_f2
from tsct.analyze.phases.series import fit_series, reference_weights
from tsct.analyze.phases.shells import CARBON, SILICON, SILICON_LITHIUM, shell_pattern
from tsct.analyze.phases.squared_amplitude_fit import SPREAD, SQUARED_PEAKS, squared_amplitudes
from tsct.analyze.recipe import PdfRecipe, Recipe, Roi
from tsct.records.errors import InputError, UsageError

Q = np.arange(0.6, 24.01, 0.04)
COMPOSITION = {"Si": 0.4, "C": 0.6}
RECIPE = Recipe(pdf=PdfRecipe(composition=COMPOSITION, r_max=6.0, r_step=0.05))
VOLTS = (0.50, 0.46, 0.40, 0.34, 0.28, 0.20)


def pattern(lithium, scale=1.0):
    """Silicon with carbon and lithium around it, electron units per cubic angstrom."""
    first = replace(SILICON[0], distance=2.36 + 0.03 * lithium, sigma=0.085)
    shells = shell_pattern(Q, first) + shell_pattern(Q, SILICON[1])
    shells = 0.02 * (shells + shell_pattern(Q, replace(SILICON_LITHIUM, number=max(lithium, 1e-9))))
    shells = shells + 0.03 * sum(shell_pattern(Q, shell) for shell in CARBON)
    return scale * (0.05 * (mean_f2(COMPOSITION, Q) + mean_compton(COMPOSITION, Q)) + shells)


def tiles(noise=1e-4, scales=(1.0,) * 6, seed=4):
    rng, variance = np.random.default_rng(seed), (noise * pattern(0.0)) ** 2
    made = []
    for i, (volts, scale) in enumerate(zip(VOLTS, scales, strict=True)):
        values = pattern(0.3 * max(0, i - 2), scale) + np.sqrt(variance) * rng.standard_normal(len(Q))
        data = {"roi_iq": ("q", values), "roi_iq_variance": ("q", variance), "compton_weight": ("q", np.ones(len(Q)))}
        made.append(xr.Dataset(data, coords={"q": Q, "state": i, "potential_v": volts}))
    return made


def test_polygons_hold_the_voxels_inside():
    square = Roi(polygon=((-2.0, -2.0), (2.0, -2.0), (2.0, 2.0), (-2.0, 2.0))).mask(10)
    expected = np.zeros((10, 10), dtype=bool)
    expected[3:7, 3:7] = True
    assert np.array_equal(square, expected)
    triangle = Roi(polygon=((-4.0, -4.0), (4.0, -4.0), (-4.0, 4.0))).mask(10)
    assert triangle[1, 1] and triangle[1, 8] is not True and not triangle[8, 8] and 25 < triangle.sum() < 40


def test_a_circle_has_its_area_and_place():
    inside = Roi(x_voxels=3.0, y_voxels=-1.0, radius_voxels=16.0).mask(60)
    rows, columns = np.nonzero(inside)
    assert inside.sum() == pytest.approx(np.pi * 16**2, rel=0.02)
    assert columns.mean() - 29.5 == pytest.approx(3.0, abs=0.05) and rows.mean() - 29.5 == pytest.approx(-1.0, abs=0.05)


def test_voxels_above_a_threshold_are_a_region():
    image = np.random.default_rng(1).random((8, 8))
    assert np.array_equal(Roi.where(image > 0.6).mask(8), image > 0.6)


def test_regions_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="no voxel"):
        Roi(polygon=((40.0, 40.0), (41.0, 40.0), (41.0, 41.0))).mask(10)
    with pytest.raises(InputError, match="beyond"):
        Roi(voxels=((3, 12),)).mask(10)
    with pytest.raises(UsageError, match="reference_states"):
        replace(RECIPE, reference_states=0)


def test_differences_from_the_mean_of_several_states():
    found = fit_series(tiles(), replace(RECIPE, reference_states=3))
    gr = found.roi_gr.values
    np.testing.assert_allclose(found.roi_dgr.values, gr - gr[:3].mean(axis=0), atol=1e-10)
    first = fit_series(tiles(), RECIPE)
    # (1 + 1/3) against (1 + 1) times the variance of one state
    ratio = found.roi_dgr_errors.values[-1] / first.roi_dgr_errors.values[-1]
    np.testing.assert_allclose(ratio, np.sqrt((1 + 1 / 3) / 2), rtol=1e-6)
    # of the line under the shells; errors of bonds hold the doubt about the Si-Li shell, which does not average out
    at = list(found.parameter.values).index("slope")
    assert found.fit_errors.values[-1, at] < first.fit_errors.values[-1, at]
    assert np.all(first.roi_dgr_errors.values[0] == 0.0) and np.all(found.roi_dgr_errors.values[0] > 0.0)


def test_errors_of_the_fit_hold_the_shared_reference():
    """Silicon coordination in a series without changes: the scatter over repeats of the last and the middle state."""
    recipe, rows = replace(RECIPE, reference_states=2), []
    operator = pdf_operator(Q, recipe.pdf)
    weights = reference_weights(np.ones((4, len(operator.r))), operator.r, recipe)
    variance = (1e-4 * pattern(0.0)) ** 2
    rng = np.random.default_rng(6)
    for _ in range(3000):
        rows.append(weights @ (np.sqrt(variance) * rng.standard_normal((4, len(Q)))))
    scatter = np.var(np.array(rows), axis=0)[:, ::50]
    expected = (weights**2 @ np.tile(variance, (4, 1)))[:, ::50]
    # 3000 draws give a variance to 2.6 %
    np.testing.assert_allclose(scatter, expected, rtol=0.13)


def test_scaling_takes_a_loss_of_matter_away():
    scales = (1.0, 1.0, 1.0, 1.0, 1.0, 0.9)
    lost, matched = (fit_series(tiles(scales=scales), replace(RECIPE, scale_matched=s)) for s in (False, True))
    whole = fit_series(tiles(), RECIPE)
    r = whole.r.values
    peak = np.argmin(np.abs(r - 2.36))
    change = whole.roi_dgr.values[-1, peak]
    assert abs(matched.roi_dgr.values[-1, peak] - change) < 0.5 * abs(lost.roi_dgr.values[-1, peak] - change)


def test_squared_amplitudes_are_off_by_their_noise():
    """Mean of a^2 over draws is a^2 + sigma^2, and the stated bias is that sigma^2."""
    r = np.arange(0.5, 6.0, 0.02)
    rng, noise = np.random.default_rng(2), 0.02
    curve = 0.3 * np.exp(-0.5 * ((r - SQUARED_PEAKS["silicon_lithium"]) / SPREAD) ** 2)
    covariance = noise**2 * np.eye(len(r))
    draws = [squared_amplitudes(r, curve + noise * rng.standard_normal(len(r)), covariance) for _ in range(2000)]
    squares, bias = np.mean(draws, axis=0)
    np.testing.assert_allclose(squares, np.array([0.0, 0.09, 0.0]) + bias, atol=3e-4)
    assert np.all(bias > 0)
    minus, _ = squared_amplitudes(r, -curve, covariance)
    assert minus[1] == pytest.approx(0.09)


def test_the_options_are_in_the_record():
    found = fit_series(tiles(), replace(RECIPE, squared_amplitudes=True))
    assert list(found.peak.values) == list(SQUARED_PEAKS)
    assert np.all(found.squared_amplitude.values >= 0.0) and found.squared_amplitude.sizes["state"] == 6
    near = np.abs(found.gr_feature_r.values - 2.36).argmin()
    assert abs(found.gr_feature_r.values[near] - 2.36) < 0.03 and found.gr_feature_is_ripple.values[near] == 0
    assert found.gr_feature_is_ripple.values.sum() > 0
    # the shell that was planted is found, and told
    assert found.attrs["lithium_distance"] == pytest.approx(SILICON_LITHIUM.distance, abs=0.01)
    assert "squared_amplitude" not in fit_series(tiles(), RECIPE)
