"""Hard-sphere packing of molecules against closed forms."""

import numpy as np
import pytest
from ase import Atoms
from ase.data import vdw_radii

from tsct.simulate.scattering.molecular_liquid import percus_yevick, sphere_packing, van_der_waals_volume


def closed_form(q: np.ndarray, eta: float, diameter: float) -> np.ndarray:
    """Ashcroft & Lekner, Phys. Rev. 145, 83 (1966), eqs. 7-9, integrated by hand."""
    x = q * diameter
    a = (1.0 + 2.0 * eta) ** 2 / (1.0 - eta) ** 4
    b = -6.0 * eta * (1.0 + eta / 2.0) ** 2 / (1.0 - eta) ** 4
    c = eta * a / 2.0
    first = a * (np.sin(x) - x * np.cos(x)) / x**2
    second = b * (2.0 * x * np.sin(x) + (2.0 - x**2) * np.cos(x) - 2.0) / x**3
    third = (
        c * (-(x**4) * np.cos(x) + 4.0 * ((3.0 * x**2 - 6.0) * np.cos(x) + (x**3 - 6.0 * x) * np.sin(x) + 6.0)) / x**5
    )
    return 1.0 / (1.0 + 24.0 * eta * (first + second + third) / x)


@pytest.mark.parametrize("eta", [0.01, 0.3, 0.45])
def test_percus_yevick_is_its_closed_form(eta):
    q = np.linspace(0.5, 36.0, 300)
    # the closed form loses six digits at its smallest x
    np.testing.assert_allclose(percus_yevick(q, eta, 4.4), closed_form(q, eta, 4.4), rtol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 1e-6, 0.2, 0.45])
def test_forward_limit_is_the_compressibility(eta):
    assert percus_yevick([0.0], eta, 5.0)[0] == pytest.approx((1.0 - eta) ** 4 / (1.0 + 2.0 * eta) ** 2, rel=1e-12)


def test_spheres_fill_the_space_of_the_molecules_up_to_a_liquid():
    packing, diameter = sphere_packing(50.0, 0.004)
    assert packing == pytest.approx(0.2)
    assert np.pi / 6.0 * diameter**3 == pytest.approx(50.0)
    assert sphere_packing(50.0, 0.02)[0] == 0.45


def test_volume_of_one_atom_and_of_two_that_overlap():
    # counting cells of 0.15 angstrom on a sphere of 1.7 angstrom is good to 1 %
    radius = vdw_radii[6]
    sphere = 4.0 / 3.0 * np.pi * radius**3
    assert van_der_waals_volume(Atoms("C")) == pytest.approx(sphere, rel=0.01)
    lens = np.pi * (4.0 * radius + 1.5) * (2.0 * radius - 1.5) ** 2 / 12.0
    pair = Atoms("C2", positions=[[0, 0, 0], [0, 0, 1.5]])
    assert van_der_waals_volume(pair) == pytest.approx(2.0 * sphere - lens, rel=0.01)


def test_an_element_without_a_radius_still_has_a_volume():
    assert np.isnan(vdw_radii[26])
    assert van_der_waals_volume(Atoms("Fe")) == pytest.approx(4.0 / 3.0 * np.pi * 8.0, rel=0.01)
