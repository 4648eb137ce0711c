"""Expected counts against closed forms: cross sections, parallax, wrong calibration, resolution."""

from dataclasses import replace

import numpy as np
import pytest
import xraylib

from tsct.records.units import q_inv_angstrom
from tsct.simulate import no_faults
from tsct.simulate.beamline.response import detector_response
from tsct.simulate.beampath.expected_counts import rates
from tsct.simulate.beampath.phase_spectra import Spectra
from tsct.simulate.beampath.sinogram import Row

#: classical electron radius, angstrom (CODATA)
RADIUS = 2.8179403e-5


def row(q, coherent=0.0, compton=0.0):
    ones = np.ones_like(q)
    return Row(
        spectra=Spectra(
            coherent=coherent * ones, compton=compton * ones, second_shell=0 * ones, attenuation=0, total_scattering=0
        )
    )


def peak(q, at, width=0.4):
    return Row(
        spectra=Spectra(
            coherent=1.0 + np.exp(-0.5 * ((q - at) / width) ** 2),
            compton=np.zeros_like(q),
            second_shell=np.zeros_like(q),
            attenuation=0.0,
            total_scattering=0.0,
        )
    )


def test_a_free_electron_scatters_as_klein_and_nishina(perfect):
    """Counts of one electron per cubic angstrom over 1 mm against xraylib's polarised differential cross section."""
    line = replace(perfect, polarisation=0.0)
    found = rates(line, (row(line.scan.q, compton=1.0),)).paths[0]
    recoil = np.array([xraylib.ComptonEnergy(line.energy_kev, angle) for angle in line.two_theta])
    barn = np.array([xraylib.DCS_KN(line.energy_kev, angle) for angle in line.two_theta])
    # 1 barn = 1e-8 square angstrom, 1 mm = 1e7 angstrom
    expected = (
        barn * 1e-8 * 1e7 * detector_response(line).solid_angle * line.detector.efficiency(recoil, line.two_theta)
    )
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_elastic_scattering_is_thomsons(perfect):
    line = replace(perfect, polarisation=0.0)
    found = rates(line, (row(line.scan.q, coherent=1.0),)).paths[0]
    thomson = RADIUS**2 * (1 + np.cos(line.two_theta) ** 2) / 2 * 1e7
    efficiency = line.detector.efficiency(line.energy_kev, line.two_theta)
    np.testing.assert_allclose(found, thomson * detector_response(line).solid_angle * efficiency, rtol=1e-6)


def test_polarised_light_is_not_scattered_along_its_field(perfect):
    """Averaged over a whole ring, any polarisation gives the same; over a quadrant it does not."""
    centred = replace(
        perfect,
        detector=replace(perfect.detector, beam_mm=(127.0, 143.0), gap_pixels=(0, 0), sensor_gap_pixels=(0, 0)),
        distance_mm=300.0,
    )
    whole = replace(centred, scan=replace(centred.scan, q_max=14.0))
    rows = (row(whole.scan.q, coherent=1.0),)
    polarised, unpolarised = (rates(replace(whole, polarisation=p), rows).paths for p in (1.0, 0.0))
    np.testing.assert_allclose(polarised, unpolarised, rtol=2e-3)


@pytest.mark.parametrize("moved_mm", [-2.0, 3.0])
def test_parallax_moves_peaks_as_geometry_says(perfect, moved_mm):
    """First-order change against the exact place of a peak scattered downstream of the axis."""
    line = replace(perfect, scan=replace(perfect.scan, q_step=0.02))
    q, at = line.scan.q, 10.0
    found = rates(line, (peak(q, at),))
    seen = (found.paths + moved_mm * found.moments)[0] / rates(line, (row(q, coherent=1.0),)).paths[0]
    near = np.abs(q - at) < 1.5
    place = q[near][np.argmax(seen[near])]
    two_theta = np.interp(at, q, line.two_theta)
    radius = (line.distance_mm - moved_mm) * np.tan(two_theta)
    assert place == pytest.approx(q_inv_angstrom(np.arctan2(radius, line.distance_mm), line.wavelength), abs=0.025)


def test_parallax_conserves_photons(perfect):
    """The change of solid angle is that of an annulus seen from nearer."""
    line = perfect
    found = rates(line, (row(line.scan.q, coherent=1.0),))
    radius, step = line.distance_mm * np.tan(line.two_theta), 0.01
    solid = [z / np.hypot(radius, z) ** 3 for z in (line.distance_mm - step, line.distance_mm + step)]
    change = (solid[0] - solid[1]) / (2 * step) / (line.distance_mm / np.hypot(radius, line.distance_mm) ** 3)
    # a flat pattern still has the slope of polarisation and sensor
    efficiency = line.detector.efficiency(line.energy_kev, line.two_theta) * detector_response(line).polarization
    two_theta = line.two_theta
    slope = np.gradient(efficiency, two_theta) * np.sin(two_theta) * np.cos(two_theta) / line.distance_mm / efficiency
    np.testing.assert_allclose((found.moments / found.paths)[0][2:-2], (change + slope)[2:-2], atol=2e-5)


@pytest.mark.parametrize("fault", [{"energy_error": 0.01}, {"distance_error_mm": 3.0}])
def test_a_wrong_calibration_moves_peaks_by_one_per_cent(perfect, fault):
    line = replace(perfect, scan=replace(perfect.scan, q_step=0.02), faults=replace(no_faults(), **fault))
    q, at = line.scan.q, 10.0
    seen = rates(line, (peak(q, at),)).paths[0] / rates(line, (row(q, coherent=1.0),)).paths[0]
    near = np.abs(q - at) < 1.5
    place = q[near][np.argmax(seen[near])]
    true = line.as_it_is
    radius = true.distance_mm * np.tan(np.interp(at, q, true.two_theta))
    stated = q_inv_angstrom(np.arctan2(radius, line.distance_mm), line.wavelength)
    assert abs(stated - at) > 0.05
    assert place == pytest.approx(stated, abs=0.03)


def test_a_wrong_distance_changes_the_flux_per_bin_by_the_square(perfect):
    """At small angles a detector 1 % further away sees 2 % fewer photons per pixel."""
    line = replace(perfect, faults=replace(no_faults(), distance_error_mm=3.0))
    ratio = (
        rates(line, (row(line.scan.q, coherent=1.0),)).paths / rates(perfect, (row(line.scan.q, coherent=1.0),)).paths
    )
    assert ratio[0, 0] == pytest.approx(1 / 1.01**2, rel=2e-3)


def test_blur_widens_a_peak_by_its_variance(perfect):
    line = replace(perfect, scan=replace(perfect.scan, q_step=0.02), faults=replace(no_faults(), q_blur=0.3))
    q = line.scan.q
    flat = rates(line, (row(q, coherent=1.0),)).paths[0]
    seen = rates(line, (peak(q, 10.0, 0.4),)).paths[0] / flat - 1.0
    near = np.abs(q - 10.0) < 3.0
    mean = np.average(q[near], weights=seen[near])
    variance = np.average((q[near] - mean) ** 2, weights=seen[near])
    assert variance == pytest.approx(0.4**2 + 0.3**2, rel=0.02)


def test_the_solid_angle_of_a_whole_disc_has_a_closed_form(perfect):
    """Bins of a detector without gaps around the beam fill 2 pi (1 - cos) steradian."""
    whole = replace(
        perfect, detector=replace(perfect.detector, beam_mm=(127.0, 143.0), gap_pixels=(0, 0), sensor_gap_pixels=(0, 0))
    )
    whole = replace(whole, scan=replace(whole.scan, q_min=1.0, q_max=13.0, q_step=0.05))
    edge_low, edge_high = (whole.scan.q[0] - 0.025, whole.scan.q[-1] + 0.025)
    two_theta = [2 * np.arcsin(q * whole.wavelength / (4 * np.pi)) for q in (edge_low, edge_high)]
    expected = 2 * np.pi * (np.cos(two_theta[0]) - np.cos(two_theta[1]))
    assert detector_response(whole).solid_angle.sum() == pytest.approx(expected, rel=1e-3)


def test_photons_seen_in_the_depth_of_the_sensor_seem_to_come_from_larger_angles(perfect):
    """The pattern of a detector behind its face by the mean depth, which moves peaks by <z> sin cos / D."""
    line = replace(perfect, scan=replace(perfect.scan, q_step=0.02), faults=replace(no_faults(), sensor_parallax=1.0))
    q, at = line.scan.q, 10.0
    seen = rates(line, (peak(q, at),)).paths[0] / rates(line, (row(q, coherent=1.0),)).paths[0]
    near = np.abs(q - at) < 0.6
    place = np.average(q[near], weights=seen[near] - seen[near].min())
    two_theta = np.interp(at, q, line.two_theta)
    turned = line.detector.depth_mm(line.energy_kev, two_theta) * np.sin(two_theta) * np.cos(two_theta)
    moved = 2 * np.pi / line.wavelength * np.cos(two_theta / 2) * turned / line.distance_mm
    # a sixth of a per cent, seven channels wide on either side; the mean of a cut peak is less exact
    assert moved == pytest.approx(0.0132, abs=5e-4)
    assert place - at == pytest.approx(moved, rel=0.05)


@pytest.mark.parametrize("weights", [(0.3, 0.5), (2.0, 0.0), (0.0, 0.0), (0.0, 1.7)])
def test_phases_add_up_whatever_their_sum(perfect, weights):
    """Counts are linear in the densities, which are fractions of nothing: no hidden division by their sum."""
    q = perfect.scan.q
    rows = (peak(q, 6.0), row(q, compton=2.0))
    alone = [rates(perfect, (one,)).paths[0] for one in rows]
    paths = rates(perfect, rows).paths
    np.testing.assert_allclose(
        np.array(weights) @ paths, weights[0] * alone[0] + weights[1] * alone[1], rtol=1e-13, atol=0.0
    )


def test_photons_scattered_twice_fill_the_whole_sphere_once(perfect):
    """Isotropic: a detector with every photon counted sees the share of 4 pi steradian that its bins cover."""
    whole = replace(
        perfect, detector=replace(perfect.detector, beam_mm=(127.0, 143.0), gap_pixels=(0, 0), sensor_gap_pixels=(0, 0))
    )
    whole = replace(whole, scan=replace(whole.scan, q_min=1.0, q_max=13.0, q_step=0.05))
    twice = rates(whole, (row(whole.scan.q, coherent=1.0),)).twice
    seen = twice / whole.detector.efficiency(whole.energy_kev, whole.two_theta)
    # the share of a sphere between two cones is half the difference of their cosines
    cosine = [np.cos(2 * np.arcsin(q * whole.wavelength / (4 * np.pi))) for q in (0.975, whole.scan.q[-1] + 0.025)]
    assert seen.sum() == pytest.approx((cosine[0] - cosine[1]) / 2, rel=1e-3)
