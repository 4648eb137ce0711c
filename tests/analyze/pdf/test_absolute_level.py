"""The scale of a pattern by its density: a structure whose G(r) is known in closed form, at a scale of choice."""

import numpy as np
import pytest

from tsct.analyze.pdf.absolute_level import (
    FURTHEST_POLYNOMIAL,
    LEVEL_FROM,
    LEVEL_TO,
    absolute_level,
    fit_constant,
    unmeasured_part,
)
from tsct.analyze.pdf.density import Density
from tsct.analyze.pdf.transform import pdf_operator
from tsct.analyze.pdf.xray_tables import mean_compton, mean_f, mean_f2
from tsct.analyze.recipe import PdfRecipe
from tsct.records.errors import InputError

Q = np.arange(0.5, 25.01, 0.05)
SILICON = {"Si": 1.0}
BOND, SPREAD, NEIGHBOURS = 2.3, 0.08, 3.0
#: with which S(0) is zero, as it is taken to be below the data
ATOMS_PER_A3 = (1 + NEIGHBOURS) / (4 / 3 * np.pi * BOND**3)


def recipe(**choices):
    return PdfRecipe(composition=SILICON, q_min=0.5, q_max=25.0, r_max=6.0, mode="absolute", r_poly=0.0, **choices)


def fq(q):
    """F(Q) of G(r) = -4 pi rho0 r up to the bond, a Gaussian shell there, and nothing beyond."""
    hole = -4 * np.pi * ATOMS_PER_A3 * (np.sin(q * BOND) - q * BOND * np.cos(q * BOND)) / q**2
    return hole + NEIGHBOURS * np.sin(q * BOND) / BOND * np.exp(-((SPREAD * q) ** 2) / 2)


def pattern(atoms, compton=1.0):
    free = mean_f2(SILICON, Q) + compton * mean_compton(SILICON, Q)
    return atoms * (free + mean_f(SILICON, Q) ** 2 * fq(Q) / Q)


def level(intensity, constant=0.0, density=Density(ATOMS_PER_A3), choices=None, weight=None):  # noqa: B008 - frozen
    choices = choices or recipe()
    operator = pdf_operator(Q, choices, compton=weight)
    return absolute_level(operator, choices, intensity, weight, density, constant)


@pytest.mark.parametrize("atoms", [0.03, 20.0])
def test_the_density_gives_the_number_of_atoms(atoms):
    found = level(pattern(atoms))
    assert found.held and found.atoms == pytest.approx(atoms, rel=0.01) and found.constant == 0.0
    assert found.limits == pytest.approx((LEVEL_FROM * BOND, LEVEL_TO * BOND), rel=0.02)
    assert found.first_distance == pytest.approx(BOND, rel=0.02)


def test_the_error_holds_that_of_the_density():
    """The level is its line and the constant parts beside it: a density off by 3 % moves the scale in proportion."""
    exact, off = level(pattern(1.0)), level(pattern(1.0), density=Density(ATOMS_PER_A3, 0.1 * ATOMS_PER_A3))
    moved = level(pattern(1.0), density=Density(1.1 * ATOMS_PER_A3))
    by_density = abs(exact.atoms / moved.atoms - 1)
    assert off.error == pytest.approx(np.hypot(exact.error, by_density), rel=0.02)
    assert exact.error < 0.02 < off.error


def test_a_constant_is_taken_off_before():
    high = Q >= 12.5
    free = mean_f2(SILICON, Q) + mean_compton(SILICON, Q)
    operator = pdf_operator(Q, recipe())
    assert fit_constant(operator, recipe(), 2.0 * free + 7.0, np.ones_like(Q)) == pytest.approx(7.0)
    assert fit_constant(operator, recipe(), 2.0 * free - 7.0, None) == 0.0
    half = 2.0 * (mean_f2(SILICON, Q) + 0.5 * mean_compton(SILICON, Q)) + 7.0
    assert fit_constant(operator, recipe(), half, np.full_like(Q, 0.5)) == pytest.approx(7.0)
    # only the upper half of the data is looked at
    assert fit_constant(operator, recipe(), 2.0 * free + np.where(high, 7.0, 90.0), None) == pytest.approx(7.0)
    found = level(pattern(20.0) + 5.0, 5.0)
    assert found.constant == 5.0 and found.atoms == pytest.approx(20.0, rel=0.01)
    fitted = fit_constant(operator, recipe(), pattern(20.0) + 5.0, None)
    assert level(pattern(20.0) + 5.0, "fit") == level(pattern(20.0) + 5.0, fitted)


def test_without_a_density_the_upper_half_gives_the_level():
    found = level(pattern(3.0), density=None)
    assert not found.held and np.isnan(found.error) and np.isnan(found.first_distance)
    assert found.atoms == pytest.approx(3.0, rel=0.02)
    with_constant = level(pattern(3.0) + 5.0, 5.0, density=None)
    assert (with_constant.atoms, with_constant.constant) == (pytest.approx(found.atoms), 5.0)


def test_what_contradicts_an_absolute_level_is_refused():
    adhoc = PdfRecipe(composition=SILICON, q_min=0.5, q_max=25.0, r_max=6.0, mode="adhoc")
    assert level(pattern(3.0), choices=adhoc).atoms == pytest.approx(3.0, rel=0.02)
    for constant in (1.0, "fit"):
        with pytest.raises(InputError, match="a constant is for absolute mode"):
            level(pattern(3.0), constant, choices=adhoc)
    base = {"composition": SILICON, "q_min": 0.5, "q_max": 25.0, "r_max": 8.0, "mode": "absolute"}
    level(pattern(3.0), choices=PdfRecipe(**base, r_poly=FURTHEST_POLYNOMIAL))
    with pytest.raises(InputError, match=r"r_poly is 0\.71; .* at most 0\.7 "):
        level(pattern(3.0), choices=PdfRecipe(**base, r_poly=0.71))


def test_the_part_below_the_data_is_the_transform_of_minus_q():
    r, q = np.array([0.5, 1.7, 4.0]), np.linspace(0.0, 0.5, 20_001)
    expected = 2 / np.pi * np.trapezoid(-q * np.sin(np.multiply.outer(r, q)), q)
    np.testing.assert_allclose(unmeasured_part(r, 0.5), expected, rtol=1e-6)
