"""The whole chain on a small simulated scan: absolute level, linearity, errors, and what it does not need to know."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from tsct import analyze
from tsct.analyze.chain import analyze_tile, default_recipe
from tsct.analyze.tomography.channel_scatter import scatter_over_errors
from tsct.records.errors import InputError, UsageError
from tsct.simulate.beampath.phase_spectra import spectra_table
from tsct.simulate.scan import expected_tile


@pytest.fixture(scope="module")
def found(small_scan):
    return analyze.chain(small_scan)


@pytest.fixture(scope="module")
def tile(small_scan):
    return analyze_tile(small_scan.isel(state=0, slice=0), default_recipe(small_scan))


def test_the_level_is_absolute(small_cell, found):
    """Number density of all atoms in the region of interest: nothing in the chain is scaled to fit."""
    contents = small_cell.contents(0, 1, 7.8, 240)
    density = (
        contents.densities.sum(axis=0).reshape(60, 4, 60, 4).mean(axis=(1, 3))[found.roi.values.astype(bool)].mean()
    )
    assert found.attrs["reference_density"] == pytest.approx(density, rel=0.02)


def test_what_is_left_of_the_ways_out_and_of_photons_scattered_twice(small_cell, small_beamline):
    """The pattern of the region with both, corrected, over that of a beamline that has neither."""
    patterns = []
    for share in (1.0, 0.0):
        physics = replace(small_beamline.physics, multiple_scattering=share, outgoing_absorption=share)
        faults = replace(small_beamline.faults, monitor_noise=0.0)
        beamline = replace(small_beamline, physics=physics, faults=faults)
        scan = expected_tile(small_cell, beamline, spectra_table(small_cell, beamline), 0, 1)
        wanted = bool(share)
        recipe = replace(default_recipe(scan), multiple_scattering=wanted, outgoing_absorption=wanted)
        patterns.append(analyze_tile(scan, recipe))
    ratio = patterns[0].roi_iq.values / patterns[1].roi_iq.values
    # 3.6 % in level and 1.4 % in shape without the correction
    assert abs(ratio.mean() - 1) < 0.005
    assert ratio.std() < 0.002
    # the detector sees one quadrant, which moves the apparent axis by 7 micrometres
    assert abs(patterns[0].axis_mm - patterns[1].axis_mm) < 0.0015


def test_maps_are_those_that_were_put_in(small_cell, found):
    truth = small_cell.truth()
    inside = np.hypot(*np.meshgrid(found.x, found.y)) < 2.3
    for name, tolerance in (("silicon", 0.06), ("carbon", 0.10)):
        true, value = truth[name].values[1][inside], found[name].isel(state=0, slice=0).values[inside]
        assert value.mean() == pytest.approx(true.mean(), rel=tolerance)
        assert np.corrcoef(true, value)[0, 1] > 0.8
    outside = np.hypot(*np.meshgrid(found.x, found.y)) > 3.7
    assert abs(found.silicon.isel(state=0, slice=0).values[outside].mean()) < 1e-4


def test_the_bond_of_silicon_gets_longer_with_lithium(small_cell, found):
    shift = found.fit.sel(parameter="shift").values[1]
    truth = small_cell.truth().silicon_distance.values
    # the error holds what is not known of the width of the Si-Li shell, which so much lithium makes the larger part
    assert shift > 5 * found.fit_errors.sel(parameter="shift").values[1]
    assert shift == pytest.approx(truth[1] - truth[0], rel=0.3)


def test_the_pattern_of_the_region_is_the_mean_of_its_voxels(tile):
    mean = tile.iq.values[tile.roi.values.astype(bool)].mean(axis=0, dtype=np.float64)
    # images are in single precision, the mean is in double
    np.testing.assert_allclose(tile.roi_iq.values, mean, rtol=1e-5)


@pytest.mark.parametrize("choices", [{}, {"method": "sirt", "iterations": 3}])
def test_pdfs_of_rays_are_pdfs_of_voxels(small_scan, choices):
    """The order of transform and reconstruction by a key, in single precision; to 1e-10 in double in test_pdf."""
    scan = small_scan.isel(state=0, slice=0).isel(q=slice(None, None, 4))
    recipe = replace(default_recipe(small_scan), **choices)
    last, first = (analyze_tile(scan, replace(recipe, pdf_of=order)) for order in ("images", "rays"))
    assert (last.attrs["pdf_of"], first.attrs["pdf_of"]) == ("images", "rays")
    assert not np.array_equal(first.hr.values, last.hr.values)
    assert np.abs(first.hr.values - last.hr.values).max() < 1e-4 * np.abs(last.hr.values).max()
    assert np.array_equal(first.hr_errors.values, last.hr_errors.values)


def test_pdfs_of_rays_need_a_linear_method(small_scan):
    for choices in ({"method": "cgls"}, {"method": "sirt", "nonnegative": True}):
        with pytest.raises(UsageError, match="linear in the rays"):
            replace(default_recipe(small_scan), pdf_of="rays", **choices)
    with pytest.raises(UsageError, match="images, rays"):
        replace(default_recipe(small_scan), pdf_of="voxels")


def test_maps_are_linear_in_the_counts(small_scan):
    """Twice the monitor is half the density, whatever the map, but for the photons scattered twice."""
    recipe = replace(default_recipe(small_scan), multiple_scattering=False)
    doubled = small_scan.isel(state=0, slice=0).copy()
    tile = analyze_tile(doubled, recipe)
    with xr.set_options(keep_attrs=True):
        doubled["monitor"] = 2 * doubled.monitor
    other = analyze_tile(doubled, recipe)
    for name in ("iq", "hr", "silicon", "carbon", "silicon_peak", "carbon_height"):
        np.testing.assert_allclose(other[name], tile[name] / 2, atol=1e-4 * np.abs(tile[name].values).max())


def test_the_axis_is_found_where_the_scan_has_it(tile):
    assert abs(tile.axis_mm - 0.030) < 5 * tile.axis_mm_errors + 0.003


def test_voxels_scatter_as_their_errors_say(tile):
    inside = tile.roi.values.astype(bool)
    ratio, number = scatter_over_errors(tile.iq.values[inside], tile.iq_errors.values[inside])
    assert number > 10_000
    assert ratio == pytest.approx(1.0, abs=0.05)


def test_a_scan_that_names_no_composition_needs_a_recipe(small_scan):
    scan = small_scan.copy()
    del scan.attrs["sample_composition"]
    with pytest.raises(InputError, match="sample_composition"):
        analyze.chain(scan)


def test_the_order_of_the_views_does_not_matter(small_scan, tile):
    scan = small_scan.isel(state=0, slice=0)
    order = np.random.default_rng(2).permutation(scan.sizes["angle"])
    other = analyze_tile(scan.isel(angle=order), default_recipe(small_scan))
    np.testing.assert_allclose(other.iq, tile.iq, atol=2e-3 * np.abs(tile.iq.values).max())
