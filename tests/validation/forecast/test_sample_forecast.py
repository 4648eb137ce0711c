"""The forecast of any sample: its errors are those that simulations scatter by, and follow from light and size."""

from dataclasses import replace

import numpy as np
import pytest

from tsct.apps.run.experiment import load
from tsct.records.errors import InputError, UsageError
from tsct.validation.forecast import compare_sample, forecast_sample, shared_by_sample_seeds, simulate_sample_seed

SMALL = (
    *("beamline.scan.views=24", "beamline.scan.translations=27", "beamline.scan.step_mm=0.1"),
    *("beamline.beam_width_mm=0.1", "beamline.scan.q_step=0.05", "analysis.roi.radius_voxels=7.0"),
    'analysis.peak=[{name="support", limits_a=[1.5, 2.2]}, {name="metal", distance_a=2.75}]',
)


@pytest.fixture(scope="module")
def experiment():
    return load("capillary", overrides=SMALL)


@pytest.fixture(scope="module")
def found(experiment):
    return forecast_sample(experiment.phantom, experiment.beamline, experiment.recipe)


def test_amounts_are_those_of_the_sample(found):
    """45 % of alumina, in the voxels of the body that the region takes."""
    alumina = found.phases.sel(phase="alumina")
    assert float(alumina.amount / alumina.pure) == pytest.approx(0.45, rel=0.05)
    assert found.costs.hours == pytest.approx(24 * 27 * 0.1 * 18 / 3600)
    # four bytes a channel
    costs = found.costs
    assert costs.tomograms == 18 and costs.gigabytes == pytest.approx(4e-9 * 24 * 27 * found.counts.size * 18)
    assert 0.9 < found.least_transmission < 1.0


def test_four_times_the_light_halves_every_counting_error(experiment, found):
    brighter = replace(experiment.beamline, exposure_s=4 * experiment.beamline.exposure_s)
    more = forecast_sample(experiment.phantom, brighter, experiment.recipe)
    for before, after in ((found.phases, more.phases), (found.peaks, more.peaks), (found.pdf, more.pdf)):
        np.testing.assert_allclose(after.counting.values, before.counting.values / 2, rtol=0.02)
        np.testing.assert_allclose(after.constant.values, before.constant.values, rtol=0.02)
        np.testing.assert_allclose(before.error.values, np.hypot(before.counting.values, before.constant.values))


def test_a_region_is_better_than_its_voxels_alone_would_be(found):
    """Noise of filtered back-projection is anti-correlated: the mean of N voxels is better than a voxel over root N."""
    for where in ("region", "slice"):
        share = found.phases.counting.sel(where=where) / found.phases.counting.sel(where="voxel")
        assert np.all(share.values < 1 / np.sqrt(float(found.voxels.sel(where=where))))


def test_a_shift_error_is_the_scatter_of_shifted_curves(experiment, found):
    """Second route: white noise on the rays' patterns, drawn, through the transform, and each curve's shift fitted."""
    from tsct.analyze import analyze_tile
    from tsct.analyze.pdf import pdf_operator
    from tsct.simulate import expected_tile
    from tsct.simulate.beampath import spectra_table

    what = experiment.phantom, experiment.beamline
    tile = analyze_tile(expected_tile(*what, spectra_table(*what), 0, 1), experiment.recipe)
    operator = pdf_operator(tile.q.values, experiment.recipe.pdf, compton=tile.compton_weight.values)
    sigma = np.sqrt(tile.roi_iq_variance.values)
    rng = np.random.default_rng(7)
    noise = operator.apply(rng.standard_normal((2, 4000, len(sigma))) * sigma)
    near = (operator.r >= 1.5) & (operator.r <= 2.2)
    slope = np.gradient(operator.apply(tile.roi_iq.values), operator.r)[near]
    shifts = np.linalg.lstsq(slope[:, None], (noise[1] - noise[0])[:, near].T, rcond=None)[0][0]
    assert float(found.peaks.counting.sel(where="region", peak="support")) == pytest.approx(shifts.std(), rel=0.05)


@pytest.mark.slow
def test_voxels_scatter_by_what_is_forecast(experiment):
    shared = shared_by_sample_seeds(experiment.phantom, experiment.beamline, experiment.recipe)
    rows = [simulate_sample_seed(shared, seed) for seed in range(6)]
    compared = {one.name: one.ratio for one in compare_sample(shared, rows)}
    assert {"voxel G", "voxel alumina", "voxel palladium", "region G", "region alumina"} <= set(compared)
    # many voxels and distances: the scatter is known far better than six draws of one number would tell
    for name in ("voxel G", "voxel alumina", "voxel palladium", "region G"):
        assert compared[name] == pytest.approx(1.0, abs=0.1), name


def test_what_removal_of_stripes_adds_is_the_scatter_of_gains_from_noisy_readings(experiment):
    """Second route: depths with noise of their own, through the removal itself, and the gains that it finds."""
    from tsct.analyze.prepare import gain_variances, prepare_sinogram
    from tsct.analyze.prepare.stripes import _strongest_mixtures, gains_by_attenuation
    from tsct.simulate import expected_tile
    from tsct.simulate.beampath import spectra_table

    what = experiment.phantom, experiment.beamline
    scan = expected_tile(*what, spectra_table(*what), 0, 1)
    sinogram = prepare_sinogram(scan, replace(experiment.recipe, remove_stripes=False))
    depth, noise, rng = -np.log(scan.transmission.values), 1e-4, np.random.default_rng(5)
    draws = [
        gains_by_attenuation(sinogram.lines, sinogram.variance, depth + noise * rng.standard_normal(depth.shape)).values
        for _ in range(40)
    ]
    scatter, variance = np.var(draws, axis=0, ddof=1), gain_variances(depth, noise)
    # the common fit takes one degree of freedom for every pattern
    there, patterns = variance > 0, _strongest_mixtures(sinogram.lines, sinogram.variance).shape[-1]
    free = 1 - patterns / np.count_nonzero(there)
    assert np.mean(scatter[there] / variance[there]) == pytest.approx(free, rel=0.1)


def test_gains_count_in_levels_and_as_rings_where_they_are_not_removed(experiment, found):
    """Twice the gains of channels, and gains of translations that stay, are not in the counting errors."""
    beamline = experiment.beamline
    faults = replace(beamline.faults, channel_gain=2 * beamline.faults.channel_gain)
    doubled = forecast_sample(experiment.phantom, replace(beamline, faults=faults), experiment.recipe)
    left = forecast_sample(experiment.phantom, beamline, replace(experiment.recipe, remove_stripes=False))
    alumina, more, rings = (one.phases.sel(phase="alumina") for one in (found, doubled, left))
    assert float(alumina.level_error) < float(more.level_error) < 2.1 * float(alumina.level_error)
    assert float(alumina.ring_error) == 0.0
    assert float(rings.ring_error) > 10 * float(rings.error.sel(where="voxel"))
    assert float(rings.level_error) > float(alumina.level_error)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"distance_mm": 0.3}, "the detector would stand in it"),
        ({"photons_per_s": 1.0}, "raise beamline.photons_per_s"),
    ],
)
def test_what_no_beamline_would_measure_is_refused_with_its_number(experiment, change, words):
    beamline = replace(experiment.beamline, **change)
    with pytest.raises(InputError, match=words):
        forecast_sample(experiment.phantom, beamline, experiment.recipe)


def test_slices_and_methods_without_an_answer_are_refused(experiment):
    what = experiment.phantom, experiment.beamline
    with pytest.raises(UsageError, match="the slices 0 to 2"):
        forecast_sample(*what, experiment.recipe, slice_index=3)
    with pytest.raises(UsageError, match="a plan needs fbp"):
        forecast_sample(*what, replace(experiment.recipe, method="sirt"))
