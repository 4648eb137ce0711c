"""What [[analysis.phase]], [[analysis.peak]] and analysis.model become, and what a sample gets by default."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from tsct.analyze.phases.strain import strained as strained_pattern
from tsct.apps.run import structure_shells
from tsct.apps.run.analysis_phases import structure_phase
from tsct.apps.run.experiment import load
from tsct.apps.run.settings import dump
from tsct.phantoms.painted import strained
from tsct.phantoms.structures import structure
from tsct.records.errors import TsctWarning, UsageError
from tsct.simulate.scattering import structure_scattering

SAMPLE = """
[[sample.phase]]
name = "metal"
structure = "copper"
[[sample.solid]]
shape = "cylinder"
diameter_mm = 2.0
fill = { metal = 0.1 }
[beamline.scan]
translations = 50
step_mm = 0.05
"""


def written(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(SAMPLE + text)
    return str(path)


def test_a_sample_has_no_anode_and_a_region_of_its_own(tmp_path):
    recipe = load(written(tmp_path, "")).recipe
    assert recipe.model == "none"
    assert recipe.phase_names == () and recipe.map_units == {}
    assert (recipe.roi.x_voxels, recipe.roi.y_voxels) == (0.0, 0.0)
    assert recipe.roi.radius_voxels == pytest.approx(0.6 * 20, abs=0.01)
    stated = load(written(tmp_path, "[analysis.roi]\nradius_voxels = 5.0")).recipe.roi
    assert (stated.x_voxels, stated.radius_voxels) == (0.0, 5.0)


def test_the_cell_keeps_anode_and_circle():
    recipe = load("wragg2023").recipe
    assert recipe.phase_names == ("silicon", "carbon")
    assert (recipe.roi.x_voxels, recipe.roi.y_voxels, recipe.roi.radius_voxels) == (3.0, -1.0, 16.0)


def test_patterns_of_structures_know_whether_the_simulation_has_them(tmp_path):
    text = """
[[analysis.phase]]
name = "metal"
structure = "copper"
strain_limit = 0.004
[[analysis.phase]]
name = "other"
structure = "silica-glass"
[[analysis.phase]]
name = "mine"
shells = [{ a = "Si", b = "O", number = 4.0, distance = 1.61, sigma = 0.05 }]
composition = "Si O2"
[[analysis.peak]]
name = "bond"
limits_a = [2.3, 2.8]
"""
    made = load(written(tmp_path, text))
    metal, other, mine = made.recipe.phases
    assert (metal.shared_with_simulation, other.shared_with_simulation) == (True, False)
    assert metal.strain_limit == 0.004
    assert np.array(metal.intensity) == pytest.approx(structure_scattering(structure("copper"), np.array(metal.q)))
    assert mine.compton and not mine.shared_with_simulation
    assert made.recipe.map_units["bond_peak"] == "1/angstrom^4"
    again = tmp_path / "again.toml"
    again.write_text(dump(made.settings))
    assert load(str(again)).recipe == made.recipe


def test_a_template_of_crystallites_of_another_size_is_said():
    """Its peaks are as much sharper or wider, and the amounts are off by tens of per cent."""
    with pytest.warns(
        TsctWarning, match=r"analysis\.phase 'nickel' has crystallites of 9 nm, the sample of .* nm: its"
    ):
        load("standard", overrides=["analysis.phase.nickel.crystallite_nm=9"])
    with warnings.catch_warnings():
        warnings.simplefilter("error", TsctWarning)
        load("standard")


def test_a_strained_phase_keeps_form_factors_and_motion():
    """Against the atoms themselves, strained: places of peaks move, what one atom scatters at a Q does not."""
    q, strain = np.arange(0.6, 26.0, 0.01), 0.006
    palladium = replace(structure("palladium"), crystallite_a=40.0)
    true = structure_scattering(strained(palladium, strain), q)
    errors = []
    for phase in (structure_phase("pd", palladium, q), structure_phase("pd", palladium, q, strain_limit=0.01)):
        change = strain * np.array(phase.strain_change or (0.0,))
        # a template has no more beyond its last Q
        found = strained_pattern(q, np.array(phase.intensity) + change, strain)[q < 25.8]
        errors.append(np.linalg.norm(found - true[q < 25.8]) / np.linalg.norm(true[q < 25.8]))
        amount = found @ true[q < 25.8] / (found @ found)
    assert errors[0] > 0.005 and errors[1] < 5e-4
    assert amount == pytest.approx(1.0, abs=3e-4)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[[analysis.phase]]\nname = 'a'", "one of pattern, structure and shells"),
        ("[[analysis.phase]]\nname = 'a'\nstructure = 'coper'", "did you mean 'copper'"),
        ("[[analysis.phase]]\nname = 'amount'\nstructure = 'copper'", "name of a result"),
        ("[[analysis.peak]]\nname = 'a'", "give limits_a"),
        ("[analysis]\nmodel = 'silicon'", "allowed are"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, text, word):
    with pytest.raises(UsageError, match=word):
        load(written(tmp_path, text))


def test_shells_of_copper_are_those_of_its_cell():
    first, second = structure_shells(structure("copper"), 3.8)[:2]
    a = 3.615
    assert (first.number, second.number) == (pytest.approx(12.0), pytest.approx(6.0))
    assert (first.distance, second.distance) == (pytest.approx(a / 2**0.5, abs=0.02), pytest.approx(a, abs=0.02))
