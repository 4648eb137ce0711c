"""Photons per frame and Q bin against cross sections of xraylib, which the simulator does not use for this."""

import numpy as np
import pytest
import xraylib

from tsct.records.units import photon_energy_ratio
from tsct.simulate.beamline.beamline import Beamline, ScanPattern, id15a
from tsct.simulate.beamline.detector import Detector
from tsct.simulate.beamline.response import ANGSTROM_PER_MM, detector_response
from tsct.simulate.scattering.xray_tables import form_factor

#: square millimetres of the sample seen as 1/angstrom^3 mm, times cross sections in barn (1e-8 square angstrom)
BARN_A3_MM = 1e-8 * ANGSTROM_PER_MM
#: a beam in the middle of a small, whole detector, so that rings beyond 6 1/angstrom are cut on two sides
SQUARE = Detector(
    modules=(1, 1), module_pixels=(1000, 600), gap_pixels=(0, 0), sensor_gap_pixels=(0, 0), beam_mm=(86.0, 51.6)
)


def azimuths(detector: Detector, two_theta: float, distance: float) -> np.ndarray:
    """Azimuths at which a ring meets the only module of a detector."""
    chi = 2 * np.pi * (np.arange(20_000) + 0.5) / 20_000
    x, y = distance * np.tan(two_theta) * np.array([np.cos(chi), np.sin(chi)])
    width, height = detector.size_mm
    inside = (x > -detector.beam_mm[0]) & (x < width - detector.beam_mm[0])
    return chi[inside & (y > -detector.beam_mm[1]) & (y < height - detector.beam_mm[1])]


@pytest.mark.parametrize("polarisation", [0.0, 0.99, -1.0])
def test_cross_sections_are_those_of_polarised_light(polarisation):
    """Mean over the seen azimuth of (1 + P) / 2 horizontal and (1 - P) / 2 vertical light."""
    beamline = Beamline(detector=SQUARE, polarisation=polarisation, scan=ScanPattern(q_max=16.0, q_step=0.2))
    answer = detector_response(beamline)
    for channel in (5, 30, 50, 70):
        angle = beamline.two_theta[channel]
        chi = azimuths(SQUARE, angle, beamline.distance_mm)
        assert chi.size > 0
        horizontal, vertical = (1 + polarisation) / 2, (1 - polarisation) / 2
        thomson = np.mean(
            [
                horizontal * xraylib.DCSP_Thoms(angle, c) + vertical * xraylib.DCSP_Thoms(angle, c + np.pi / 2)
                for c in chi[::50]
            ]
        )
        klein_nishina = np.mean(
            [
                horizontal * xraylib.DCSP_KN(100.0, angle, c) + vertical * xraylib.DCSP_KN(100.0, angle, c + np.pi / 2)
                for c in chi[::50]
            ]
        )
        seen = answer.solid_angle[channel] * BARN_A3_MM
        recoil = photon_energy_ratio(angle, 100.0)
        efficiency = SQUARE.efficiency([100.0, recoil * 100.0], angle)
        # azimuths in steps of 0.9 degrees
        assert answer.coherent[channel] == pytest.approx(seen * thomson * efficiency[0], rel=3e-3)
        assert answer.compton[channel] == pytest.approx(seen * klein_nishina * efficiency[1], rel=3e-3)


def test_unpolarised_light_has_the_textbook_factors():
    beamline = Beamline(polarisation=0.0)
    answer, angle = detector_response(beamline), beamline.two_theta
    np.testing.assert_allclose(answer.polarization, (1 + np.cos(angle) ** 2) / 2, rtol=1e-12)
    ratio = np.array([xraylib.DCS_KN(100.0, a) / xraylib.DCS_Thoms(a) for a in angle])
    efficiency = beamline.detector.efficiency
    recoil = photon_energy_ratio(angle, 100.0)
    found = answer.compton / answer.coherent * efficiency(100.0, angle) / efficiency(recoil * 100.0, angle)
    # xraylib rounds the electron mass and radius
    np.testing.assert_allclose(found, ratio, rtol=1e-4)


def test_recoil_energy_is_that_of_xraylib():
    angle = np.linspace(0.0, 0.8, 20)
    expected = [xraylib.ComptonEnergy(100.0, a) / 100.0 for a in angle]
    np.testing.assert_allclose(photon_energy_ratio(angle, 100.0), expected, rtol=1e-5)


def test_solid_angles_of_all_channels_add_up_to_the_module():
    beamline = Beamline(detector=SQUARE, scan=ScanPattern(q_min=0.5, q_max=16.27, q_step=0.01))
    width, height = 86.0, 51.6
    whole = 4 * np.arctan(width * height / (300.0 * np.sqrt(width**2 + height**2 + 300.0**2)))
    edge = 2 * np.arcsin((0.5 - 0.005) * beamline.wavelength / (4 * np.pi))
    # less the cone inside the first channel; 4096 azimuths on the edge of the module
    expected = whole - 2 * np.pi * (1 - np.cos(edge))
    assert detector_response(beamline).solid_angle.sum() == pytest.approx(expected, rel=1e-3)


def test_channels_count_in_proportion_to_their_width():
    narrow, wide = (detector_response(Beamline(scan=ScanPattern(q_step=step))) for step in (0.02, 0.04))
    np.testing.assert_allclose(wide.coherent, 2 * narrow.coherent[::2], rtol=1e-9)


def test_counts_of_a_slab_of_silicon():
    """N0 n L times the differential cross section of free atoms, the solid angle and the efficiency."""
    beamline, density, path = id15a(), 0.05, 0.130
    answer = detector_response(beamline)
    for channel, tolerance in ((70, 0.01), (470, 0.01), (970, 0.02)):
        q, angle = beamline.scan.q[channel], beamline.two_theta[channel]
        f2 = float(form_factor("Si", [q])[0]) ** 2
        found = beamline.photons_per_frame * density * path * answer.coherent[channel] * f2
        # the beam is polarised horizontally and the detector sees a corner, whose mean cos(2 chi) is small
        rayleigh = xraylib.DCS_Rayl(14, 100.0, angle) * xraylib.AtomicWeight(14) / 0.602214076
        polarised = answer.polarization[channel] / ((1 + np.cos(angle) ** 2) / 2)
        expected = 1e11 * density * path * BARN_A3_MM * rayleigh * polarised * answer.solid_angle[channel]
        expected *= float(beamline.detector.efficiency(100.0, angle))
        # two tables of form factors
        assert found == pytest.approx(expected, rel=2 * tolerance), q


def test_the_same_beamline_is_computed_once():
    assert detector_response(id15a()) is detector_response(Beamline())
