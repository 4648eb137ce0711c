"""What an analysis cannot do is refused at its own limit, and what it just can is not."""

import numpy as np
import pytest

from tsct.analyze.recipe import PdfRecipe, Peak, PhasePattern, Recipe
from tsct.records.errors import InputError, UsageError

PDF = PdfRecipe(composition={"Si": 1.0}, q_min=1.0, q_max=20.0, r_step=0.01, r_max=6.0)


def recipe(**choices):
    return Recipe(pdf=PDF, **choices)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ({"draws": 1}, {"draws": 2}),
        ({"gain_error": 1.0}, {"gain_error": 0.99}),
        ({"gain_error": -1e-9}, {"gain_error": 0.0}),
        ({"reference_states": 0}, {"reference_states": 1}),
        ({"reference_states": 0}, {"reference_states": 7}),
        ({"pdf_of": "voxels"}, {"pdf_of": "rays"}),
        ({"pdf_of": "rays", "method": "sirt", "nonnegative": True}, {"pdf_of": "rays", "method": "sirt"}),
        ({"pdf_of": "rays", "method": "cgls"}, {"pdf_of": "images", "method": "cgls"}),
        ({"model": "anode"}, {"model": "none"}),
        ({"squared_amplitudes": True, "model": "none"}, {"squared_amplitudes": True}),
        ({"phases_in": "sq"}, {"phases_in": "gr"}),
        ({"components": -1}, {"components": 0}),
        ({"components": 99}, {"components": 2}),
        ({"components_strained": True}, {"components_strained": True, "components": 2}),
        ({"absorption_per_voxel": True}, {"absorption_per_voxel": True, "method": "sirt"}),
        (
            {"absorption_per_voxel": True, "method": "sirt", "outgoing_absorption": False},
            {"absorption_per_voxel": False, "method": "sirt", "outgoing_absorption": False},
        ),
        (
            {"pdf_of": "rays", "method": "sirt", "absorption_per_voxel": True},
            {"pdf_of": "images", "method": "sirt", "absorption_per_voxel": True},
        ),
    ],
)
def test_choices_are_refused_at_their_limit(wrong, right):
    with pytest.raises(UsageError, match=r"^analysis\."):
        recipe(**wrong)
    assert all(getattr(recipe(**right), name) == value for name, value in right.items() if hasattr(Recipe, name))


def test_a_phase_must_cover_the_data():
    def phase(low, high):
        q = np.linspace(low, high, 50)
        return PhasePattern(name="lime", q=q, intensity=np.ones_like(q))

    assert recipe(phases=(phase(1.0, 20.0),)).phase_names == ("silicon", "carbon", "lime")
    for low, high in ((1.01, 20.0), (1.0, 19.9)):
        with pytest.raises(InputError, match="lime covers"):
            recipe(phases=(phase(low, high),))
    with pytest.raises(InputError, match="two are called lime"):
        recipe(phases=(phase(1.0, 20.0),) * 2)


def test_peaks_are_further_apart_than_the_transform_resolves():
    """pi / Qmax is 0.157 angstrom."""

    def named(at, name="b"):
        return Peak(name=name, distance_a=at)

    first = named(2.35, "a")
    assert [peak.name for peak in recipe(peaks=(first, named(2.35 + 0.158))).peaks] == ["a", "b"]
    with pytest.raises(InputError, match="inside the ripple of 'a'"):
        recipe(peaks=(first, named(2.35 + 0.156)))
    assert recipe(peaks=(named(6.0),)).peaks
    with pytest.raises(InputError, match="outside"):
        recipe(peaks=(named(6.01),))
    # an area needs a range that is resolved, and lies beside a height at the same place without harm
    wide = Peak(name="c", limits_a=(2.3, 2.46))
    assert recipe(peaks=(first, wide)).map_units["c_peak"] != recipe(peaks=(first,)).map_units["a_height"]
    with pytest.raises(InputError, match=r"0\.15 A wide"):
        recipe(peaks=(Peak(name="c", limits_a=(2.3, 2.45)),))
