"""The forecast against closed forms and against the scatter of full simulations."""

from dataclasses import replace

import numpy as np
import pytest

from tsct import analyze, phantoms, simulate
from tsct.simulate import ScanPattern
from tsct.validation.dose import absorbed_dose, recoil_share
from tsct.validation.forecast import forecast
from tsct.validation.verify_forecast import verify


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
    assert found.seconds_per_tomogram == pytest.approx(36 * 40 * 0.01)
    assert found.hours == pytest.approx(2 * 3 * 36 * 40 * 0.01 / 3600)
    assert found.gigabytes == pytest.approx(4e-9 * 36 * 40 * len(beamline.scan.q) * 6)
    # 150 mA/g take up 0.157 Li per Si in an hour
    assert found.lithium_per_tomogram == pytest.approx(0.157 * found.seconds_per_tomogram / 3600, rel=2e-3)


def test_errors_fall_with_the_square_root_of_time(found, experiment):
    cell, beamline, recipe = experiment
    longer = forecast(cell, replace(beamline, exposure_s=4 * beamline.exposure_s), recipe)
    for name in ("voxel_iq", "voxel_gr", "maps"):
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
    compared = {c.name: c for c in verify(*experiment, range(1, 13))}
    # voxels give many numbers, a region one per seed: 12 seeds know its scatter to 21 %
    assert compared["voxel I"].ratio == pytest.approx(1.0, abs=0.06)
    assert compared["voxel G"].ratio == pytest.approx(1.0, abs=0.08)
    # the forecast of the region's own G is pessimistic (docs/planning.md), so it is not among these
    for name in ("region dPDF", "region shift", "region Si-Li"):
        assert 0.55 < compared[name].ratio < 1.9, name


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
