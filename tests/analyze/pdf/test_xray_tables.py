"""Weights of Compton scattering against the cross sections of xraylib, and what a sensor makes of them."""

import numpy as np
import pytest
import xraylib

from tsct.analyze.pdf.xray_tables import compton_weight, sensor_efficiency
from tsct.records.units import two_theta_rad, wavelength_angstrom

Q = np.linspace(0.5, 30.0, 40)


@pytest.mark.parametrize("energy_kev", [60.0, 100.0, 150.0])
def test_the_weight_is_klein_nishina_over_thomson(energy_kev):
    angle = two_theta_rad(Q[energy_kev / 4 > Q], wavelength_angstrom(energy_kev))
    expected = [xraylib.DCS_KN(energy_kev, a) / xraylib.DCS_Thoms(a) for a in angle]
    # xraylib rounds the electron's mass and radius
    np.testing.assert_allclose(compton_weight(Q[energy_kev / 4 > Q], energy_kev), expected, rtol=2e-4)


@pytest.mark.parametrize("azimuth", [0.0, 0.3, np.pi / 2])
def test_the_weight_of_polarised_light(azimuth):
    angle = two_theta_rad(Q, wavelength_angstrom(100.0))
    thomson = 1 - (np.sin(angle) * np.cos(azimuth)) ** 2
    expected = [xraylib.DCSP_KN(100.0, a, azimuth) / xraylib.DCSP_Thoms(a, azimuth) for a in angle]
    np.testing.assert_allclose(compton_weight(Q, 100.0, polarization=thomson), expected, rtol=2e-4)


def test_a_thin_sensor_counts_the_softer_photons_better():
    """Absorption 1 - exp(-mu t / cos 2theta) with mu of xraylib, at the shifted over the elastic energy."""
    angle, sensor = two_theta_rad(Q, wavelength_angstrom(100.0)), ("CdTe", 5.85, 0.1)
    energy = np.array([xraylib.ComptonEnergy(100.0, a) for a in angle])

    def absorbed(kev, a):
        return 1 - np.exp(-xraylib.CS_Total_CP("CdTe", kev) * 5.85 * 0.01 / np.cos(a))

    ratio = [absorbed(e, a) / absorbed(100.0, a) for e, a in zip(energy, angle, strict=True)]
    found = compton_weight(Q, 100.0, sensor=sensor) / compton_weight(Q, 100.0)
    np.testing.assert_allclose(found, ratio, rtol=0.03)
    assert found[-1] > 1.02 and np.all(np.diff(sensor_efficiency(*sensor, 100.0, angle)) > 0)
