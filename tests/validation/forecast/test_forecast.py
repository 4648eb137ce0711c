"""The forecast against closed forms and against the scatter of full simulations."""

from dataclasses import replace

import numpy as np
import pytest

from tsct import analyze, phantoms, simulate
from tsct.analyze.pdf.xray_tables import mean_f
from tsct.analyze.phases import SILICON, SILICON_COORDINATION, shell_pattern
from tsct.analyze.phases.phase_maps import map_operator
from tsct.analyze.phases.reference_fit import fit_reference
from tsct.analyze.tomography.fbp import fbp, fbp_weights
from tsct.records.errors import InputError, UsageError
from tsct.simulate import ScanPattern
from tsct.validation.forecast.changes import change_patterns, fisher_bound, smooth_degree
from tsct.validation.forecast.dose import absorbed_dose, recoil_share
from tsct.validation.forecast.expected import expected_cell
from tsct.validation.forecast.forecast import forecast
from tsct.validation.forecast.gains import voxel_rings
from tsct.validation.forecast.verify import compare, shared_by_seeds, simulate_seed


@pytest.fixture(scope="module")
def experiment():
    cell = phantoms.wragg2023(phantoms.discharge("small", (0.50, 0.20)))
    # few views and channels, and a dim beam so that counting dominates
    pattern = ScanPattern(views=36, translations=40, step_mm=0.2, q_max=22.0, q_step=0.1)
    beamline = simulate.Beamline(scan=pattern, beam_width_mm=0.2, exposure_s=0.01)
    roi = analyze.Roi(radius_voxels=8.0)
    recipe = analyze.Recipe(pdf=analyze.PdfRecipe(composition=cell.nominal_composition, r_max=6.0), roi=roi)
    return cell, beamline, recipe


@pytest.fixture(scope="module")
def found(experiment):
    return forecast(*experiment)


def test_time_data_and_lithium(found, experiment):
    _, beamline, _ = experiment
    assert found.costs.seconds_per_tomogram == pytest.approx(36 * 40 * 0.01)
    assert found.costs.hours == pytest.approx(2 * 3 * 36 * 40 * 0.01 / 3600)
    assert found.costs.gigabytes == pytest.approx(4e-9 * 36 * 40 * len(beamline.scan.q) * 6)
    # 150 mA/g take up 0.157 Li per Si in an hour
    assert found.lithium_per_tomogram == pytest.approx(0.157 * found.costs.seconds_per_tomogram / 3600, rel=2e-3)


def test_errors_fall_with_the_square_root_of_time(found, experiment):
    cell, beamline, recipe = experiment
    longer = forecast(cell, replace(beamline, exposure_s=4 * beamline.exposure_s), recipe)
    for name in ("voxel_counting", "maps"):
        np.testing.assert_allclose(longer.sigma[name] * 2, found.sigma[name], rtol=0.04)
    np.testing.assert_allclose(longer.sigma.change * 2, found.sigma.change, rtol=0.05)
    np.testing.assert_allclose(longer.sigma.change_drift, found.sigma.change_drift, rtol=0.05)


def test_the_time_that_a_shift_needs_follows(found):
    at = {"region": "voxel", "parameter": "shift"}
    counting, drift = (float(found.sigma[name].sel(at)) for name in ("change", "change_drift"))
    wanted = 3 * np.hypot(counting, drift)
    assert found.time_factor(wanted, "voxel") == pytest.approx(1.0)
    assert found.time_factor(2.9 * drift, "voxel") == np.inf


def test_regions_beat_white_noise(found):
    """Voxel noise is anti-correlated: errors fall faster than with the square root of the number of voxels."""
    shift = found.radius.change.sel(parameter="shift").values
    voxels = found.radius.voxels.values
    assert voxels[0] == 1
    assert np.all(np.diff(shift) < 0)
    assert shift[-3] < 0.75 * shift[0] / np.sqrt(voxels[-3])


def test_noise_of_the_pdf_grows_with_q_max(found):
    assert np.all(np.diff(found.q_max.voxel_gr.values) > 0)
    assert found.q_max.q_max.values[-1] <= 22.0


def test_the_forecast_is_what_simulations_show(experiment):
    shared = shared_by_seeds(*experiment)
    compared = {c.name: c for c in compare(shared, [simulate_seed(shared, seed) for seed in range(1, 13)])}
    # voxels give many numbers, a region one per seed: 12 seeds know its scatter to 21 %
    assert compared["voxel I"].ratio == pytest.approx(1.0, abs=0.06)
    assert compared["voxel G"].ratio == pytest.approx(1.0, abs=0.08)
    # six points of G that hardly know of each other: 9 %
    for name in ("region G", "region dPDF"):
        assert compared[name].ratio == pytest.approx(1.0, abs=0.3), name
    for name in ("region shift", "region Si-Li"):
        assert 0.55 < compared[name].ratio < 1.9, name


def test_rings_are_those_of_gains_drawn_at_random(experiment):
    """Errors of voxels by the gains of the translations, against images of the same lines with 200 draws of them."""
    cell, beamline, recipe = experiment
    faults = replace(beamline.faults, translation_gain=0.01)
    expected = expected_cell(cell, replace(beamline, faults=faults), recipe, 1)
    variance, _ = voxel_rings(replace(beamline, faults=faults), recipe, expected)
    k = 60
    gains = 1 + 0.01 * np.random.default_rng(4).standard_normal((200, expected.geometry.n))
    images = fbp((expected.lines[..., k, None] * gains.T).astype(np.float32), expected.geometry, recipe.filter)
    observed = images[expected.tile.roi.values.astype(bool)].var(axis=-1, ddof=1).mean()
    # 40 gains are shared by all voxels: their variance is known to about sqrt(2 / 200)
    assert np.interp(expected.operator.q[k], expected.operator.q, variance) == pytest.approx(observed, rel=0.15)


def test_levels_of_maps_scatter_with_the_gains_of_translations(experiment):
    """Maps of the region, refitted with 80 draws of these gains alone, against the forecast."""
    cell, beamline, recipe = experiment
    faults = replace(beamline.faults, channel_gain=0.0, channel_drift=0.0, monitor_noise=0.0, translation_gain=0.02)
    # so much light that counting does not matter
    bright = replace(beamline, faults=faults, photons_per_s=1e17)
    claimed = forecast(cell, bright, recipe).sigma.map_levels.values
    expected = expected_cell(cell, bright, recipe, 1)
    inside = expected.tile.roi.values.astype(bool)
    shares = fbp_weights(inside, expected.geometry)
    typical = np.mean(expected.tile.iq_errors.values[inside].astype(float) ** 2, axis=0)
    operator, rng, found = expected.operator, np.random.default_rng(8), []
    for _ in range(80):
        gains = 1 + 0.02 * rng.standard_normal(expected.geometry.n)
        pattern = np.einsum("at,t,atq->q", shares, gains, expected.lines)
        oxygen = recipe.pdf.composition.get("O", 0.0) * float(operator.density(pattern))
        reference = fit_reference(operator, operator.apply(pattern), oxygen)
        found.append(map_operator(operator, reference, typical).weights[-2:] @ pattern)
    scatter = np.std(found, axis=0, ddof=1) / np.mean(found, axis=0)
    # 80 draws tell it to eight per cent, and four of these are allowed
    np.testing.assert_allclose(claimed, scatter, rtol=0.32)
    dull = replace(bright, faults=replace(faults, channel_gain=0.003))
    assert np.all(forecast(cell, dull, recipe).sigma.map_levels.values > 2 * claimed)


def test_no_fit_beats_the_cramer_rao_bound(found):
    assert (found.sigma.change.values > found.sigma.bound.values).all()


def test_the_bound_is_reached_by_least_squares_on_the_pattern(experiment):
    """Weighted least squares of random patterns in Q scatter as the bound says."""
    expected = expected_cell(*experiment, 1)
    operator, recipe = expected.operator, experiment[2]
    variance = expected.tile.roi_iq_variance.values
    bound = fisher_bound(operator, expected.reference, recipe, variance)
    rows = change_patterns(operator, expected.reference)[:, operator.transformed]
    part = operator.q[operator.transformed]
    smooth = mean_f(recipe.pdf.composition, part) ** 2 * part[:, None].T ** np.arange(5)[:, None]
    weights = 1 / np.sqrt(variance[operator.transformed])
    design = (np.concatenate([rows, smooth[: 1 + smooth_degree(recipe)]]) * weights).T
    noise = np.random.default_rng(2).standard_normal((len(part), 2000))
    fitted = np.linalg.lstsq(design / np.linalg.norm(design, axis=0), noise, rcond=1e-14)[0]
    observed = fitted.std(axis=1) / np.linalg.norm(design, axis=0)
    np.testing.assert_allclose(np.sqrt(np.diag(bound))[:4], observed[:4], rtol=0.06)


def test_impossible_plans_are_explained(experiment):
    cell, beamline, recipe = experiment
    slow = replace(beamline, exposure_s=60.0)
    with pytest.raises(InputError, match=r"one tomogram takes .* min.*the whole discharge holds 0.22"):
        forecast(cell, slow, recipe)
    with pytest.raises(UsageError, match="--slice is 3; the experiment has the slices 0 to 2"):
        forecast(cell, beamline, recipe, slice_index=3)
    with pytest.raises(UsageError, match="--current"):
        forecast(cell, beamline, recipe, current_ma_g=0.0)
    with pytest.raises(InputError, match="exposure_s"):
        replace(beamline, exposure_s=0.0)
    with pytest.raises(InputError, match="q_max"):
        replace(beamline, scan=replace(beamline.scan, q_max=80.0))


def test_recoil_electrons_take_the_known_share():
    # mean fractions of Klein and Nishina: 0.138 at 100 keV, 0.0183 at 10 keV (Attix, Radiological Physics, 1986)
    assert recoil_share(100.0) == pytest.approx(0.138, abs=0.001)
    assert recoil_share(10.0) == pytest.approx(0.0187, abs=0.0006)


def test_the_dose_is_flux_over_mass_times_energy_absorption(experiment):
    """A water-like estimate: fluence times energy times the mass energy-absorption coefficient of 0.0256 cm2/g."""
    cell, beamline, _ = experiment
    scan = beamline.scan
    # photons per mm2 of the side of the slice: one step wide, one slice high, each view
    fluence = beamline.photons_per_frame * scan.views / (scan.step_mm * cell.slice_height_mm)
    gray = fluence * 1e2 * beamline.energy_kev * 1.602e-16 * 0.0256 * 1e3
    # mu_en/rho of carbon is 0.0215, of silicon 0.045 cm2/g at 100 keV
    assert absorbed_dose(cell, beamline, 1) == pytest.approx(gray, rel=0.2)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"slices_z_mm": (9.0,)}, "slices.z_mm holds 9 mm.*0 to 0.1 mm"),
        ({"discharge": phantoms.discharge("small", (0.5,))}, "one state"),
    ],
)
def test_what_has_no_change_to_see_is_not_planned(change, match):
    cell = replace(phantoms.wragg2023(), **change)
    with pytest.raises(InputError, match=match):
        forecast(cell, simulate.id15a(), analyze.Recipe(pdf=analyze.PdfRecipe(composition={"Si": 1.0})))


def test_the_pattern_of_a_neighbour_is_what_one_more_adds(experiment):
    """Row by row: one more neighbour of every silicon atom, at the distance and with the spread of the first shell."""
    expected = expected_cell(*experiment, 1)
    operator, reference = expected.operator, expected.reference
    more, fewer = (replace(reference.first, number=number) for number in (5.0, 4.0))
    patterns = [shell_pattern(operator.q, one, q_broad=operator.q_broad) for one in (more, fewer)]
    silicon = reference.amplitudes[0] * SILICON[0].number / SILICON_COORDINATION
    np.testing.assert_allclose(
        change_patterns(operator, reference)[1], silicon * (patterns[0] - patterns[1]), rtol=1e-9
    )
