"""The ripple test keeps the bonds and flags what the end of the data makes."""

import numpy as np

from tsct.analyze.pdf.termination_ripples import ripple_test
from tsct.analyze.pdf.xray_tables import form_factor
from tsct.analyze.recipe import PdfRecipe

Q = np.arange(0.6, 30.01, 0.02)


def shells(*rows):
    """Neighbours at distances with spreads, seen by silicon form factors."""
    return form_factor("Si", Q) ** 2 * sum(n * np.sinc(Q * r / np.pi) * np.exp(-0.5 * (Q * s) ** 2) for n, r, s in rows)


def test_bonds_stay_and_ripples_are_flagged():
    recipe = PdfRecipe(composition={"Si": 1.0}, q_max=20.0, r_max=8.0)
    found = ripple_test(Q, shells((3.0, 2.0, 0.03), (6.0, 4.4, 0.10)), recipe, limits=(1.2, 5.2))
    for bond in (2.0, 4.4):
        nearest = np.argmin(np.abs(found.position - bond))
        assert abs(found.position[nearest] - bond) < 0.02 and not found.ripple[nearest]
    # side lobes of the sharp shell: 4.49/Qmax (negative) and 7.725/Qmax (positive) from it
    for distance in (2.0 - 7.725 / 20, 2.0 - 4.49 / 20, 2.0 + 4.49 / 20):
        nearest = np.argmin(np.abs(found.position - distance))
        assert abs(found.position[nearest] - distance) < 0.06 and found.ripple[nearest]
    assert set(found.moves) == {"shorter", "lorch"}


def test_a_change_of_patterns_can_be_tested_too():
    """The lobes of a bond that moves are no ripples: they stay where they are with any transform."""
    change = shells((4.0, 2.38, 0.12)) - shells((4.0, 2.35, 0.12))
    recipe = PdfRecipe(composition={"Si": 1.0}, q_max=24.0, r_max=6.0)
    found = ripple_test(Q, change, recipe, limits=(1.8, 3.0))
    for lobe, sign in ((2.24, -1), (2.50, 1)):
        nearest = np.argmin(np.abs(found.position - lobe))
        assert abs(found.position[nearest] - lobe) < 0.03 and np.sign(found.height[nearest]) == sign
        assert not found.ripple[nearest]
