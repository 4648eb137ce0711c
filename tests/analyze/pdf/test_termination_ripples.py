"""The ripple test keeps the bonds and flags what the end of the data makes."""

import numpy as np
import pytest

from tsct.analyze.pdf.termination_ripples import _extrema, _moves, ripple_test
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


def test_extrema_of_a_sine_are_where_its_cosine_vanishes():
    """Heights 2 and -2 at odd multiples of pi / 2, within the limits and above the least height; a turn that is no
    maximum above or minimum below zero is none."""
    r = np.arange(0.0, 20.0, 0.01)
    place, height = _extrema(r, 2 * np.sin(r), (1.0, 12.0))
    np.testing.assert_allclose(place, np.pi * (np.arange(4) + 0.5), atol=1e-4)
    np.testing.assert_allclose(height, [2, -2, 2, -2], atol=1e-4)
    assert _extrema(r, 3 + np.sin(r), (4.0, 6.0))[0].size == 0
    # two Gaussians, one below the least height of 5 % and one above it
    for share, number in ((0.04, 1), (0.06, 2)):
        curve = np.exp(-(((r - 3.0) / 0.3) ** 2)) + share * np.exp(-(((r - 6.0) / 0.3) ** 2))
        assert len(_extrema(r, curve, (1.0, 12.0))[0]) == number


def test_a_feature_moves_to_the_nearest_one_of_its_sign():
    position, height = np.array([1.0, 2.0, 3.0]), np.array([1.0, -1.0, 1.0])
    moved = _moves(position, height, np.array([1.1, 1.9, 2.0, 2.7]), np.array([0.5, 0.2, -0.4, 0.3]))
    np.testing.assert_allclose(moved, [0.1, 0.0, -0.3])
    assert np.isnan(_moves(position, height, np.array([1.1]), np.array([0.5]))[1])
    assert np.isnan(_moves(position, height, np.empty(0), np.empty(0))).all()


def test_a_recipe_with_a_shorter_range_is_compared():
    """A termination ripple stands 7.725/Qmax from its peak: with 85 % of Qmax it is further away by 0.068 A."""
    recipe = PdfRecipe(composition={"Si": 1.0}, q_max=20.0, r_max=8.0)
    found = ripple_test(Q, shells((3.0, 3.0, 0.002)), recipe, limits=(2.2, 5.2))
    nearest = np.argmin(np.abs(found.position - (3.0 + 7.725 / 20)))
    assert found.moves["shorter"][nearest] == pytest.approx(7.725 / 20 * (1 / 0.85 - 1), abs=0.004)
