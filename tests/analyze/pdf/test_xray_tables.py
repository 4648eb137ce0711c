"""Weights of Compton scattering against the cross sections of xraylib, and what a sensor makes of them."""

import numpy as np
import pytest
import xraylib

from tsct.analyze.pdf.xray_tables import (
    compton_weight,
    form_factor,
    mean_compton,
    parse_composition,
    sensor_efficiency,
)
from tsct.records.errors import InputError
from tsct.records.units import BOHR_ANGSTROM, two_theta_rad, wavelength_angstrom

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


def test_hydrogen_is_that_of_dirac():
    """f = sin(2 g atan x) / (2 g x (1 + x^2)^g), x = Q a0 / 2, g^2 = 1 - alpha^2."""
    q = np.linspace(0.1, 36.0, 50)
    x, g = 0.5 * BOHR_ANGSTROM * q, np.sqrt(1 - 137.035999**-2)
    dirac = np.sin(2 * g * np.arctan(x)) / (2 * g * x * (1 + x**2) ** g)
    np.testing.assert_allclose(form_factor("H", q), dirac, rtol=1e-3)


#: scalar relativistic Hartree-Fock atoms (PySCF, exact two-component, ANO-RCC), without Darwin's term
HARTREE_FOCK_Q = np.array([0.5, 1, 2, 3, 5, 8, 12, 16, 20, 25, 30, 36])
HARTREE_FOCK = {
    "C": "5.8431 5.4166 4.1921 3.0905 1.9588 1.4940 1.1612 0.8461 0.5945 0.3788 0.2444 0.1484",
    "O": "7.8713 7.5076 6.3243 4.9925 3.0286 1.8476 1.4146 1.1657 0.9321 0.6801 0.4879 0.3274",
    "Si": "13.6402 12.7267 10.5579 9.0203 7.2226 4.9924 2.8962 1.9211 1.5129 1.2707 1.1018 0.9185",
    "Ni": "27.5823 26.4975 23.5876 20.7001 15.5771 10.2832 7.1844 5.8704 4.8520 3.6817 2.7556 2.0261",
    "Ce": "56.8737 54.3128 48.7808 43.6409 35.1725 26.6717 19.5724 15.7815 13.0179 9.9492 7.6368 5.9909",
    "Pt": "77.2766 75.3346 69.5660 63.2074 52.0170 40.0460 29.1661 21.8992 17.6227 14.6584 12.5414 10.2157",
}


@pytest.mark.parametrize("symbol", HARTREE_FOCK)
def test_form_factors_are_relativistic_hartree_fock_up_to_q_36(symbol):
    """Those of potassium and beyond are of another origin, International Tables C."""
    expected = np.array([float(word) for word in HARTREE_FOCK[symbol].split()])
    np.testing.assert_allclose(form_factor(symbol, HARTREE_FOCK_Q), expected, rtol=5e-3)


def test_every_element_has_as_many_electrons_as_its_number():
    for z in range(1, 99):
        symbol = xraylib.AtomicNumberToSymbol(z)
        # the Gaussians of International Tables stop short of caesium's outermost electron
        assert form_factor(symbol, [0.0])[0] == pytest.approx(z, rel=7e-3)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("D2 O", "holds D; it scatters X-rays as hydrogen, so write H"),
        ("T2O", "holds T"),
        ("SI", "SI can be Si or S and I; write Si, or S1I1"),
        ("SI O2", "SI can be Si"),
        ("CO O", "CO can be Co or C and O"),
        ("NI", "NI can be Ni"),
    ],
)
def test_symbols_that_leave_a_choice_are_asked_for(formula, said):
    with pytest.raises(InputError, match=said):
        parse_composition(formula)


@pytest.mark.parametrize("formula", ["CO2", "H2O", "NO", "S1I1", "SiC", "DyN", "TiO2", "C3H6O3", "NaNO3"])
def test_symbols_that_leave_none_are_read(formula):
    assert sum(parse_composition(formula).values()) == pytest.approx(1.0)


def test_compton_scattering_begins_with_the_square_of_q():
    q = np.array([0.0, 0.001, 0.01, 0.02, 0.05])
    scattering = mean_compton({"Si": 1.0}, q)
    assert scattering[0] == 0.0 and np.all(np.diff(scattering) > 0)
    assert scattering[2] / scattering[1] == pytest.approx(100.0)
