"""Every structure of the library, and a crystal from a file, as any phase of two presets: right, or it says why not.

Of what absorbs too much to be corrected for, amounts are not judged: stated errors say so before the truth is seen.
"""

import numpy as np
import pytest

from tsct import analyze, simulate, validation
from tsct.apps.run.experiment import load
from tsct.phantoms import structures
from tsct.records.errors import InputError
from tsct.simulate.beampath import spectra_table
from tsct.validation.evidence import complete_recovered

#: presets and the phases that another structure takes the place of
ROLES = {"standard": ("kapton", "ceria", "nickel"), "capillary": ("silica", "alumina", "palladium")}
#: structures that a preset holds already, by preset: twice the same pattern cannot be told apart
HELD = {"standard": ("polyimide", "ceria", "nickel"), "capillary": ("silica-glass", "gamma-alumina", "palladium")}

SILICON = """data_silicon
_cell_length_a 5.43094
_cell_length_b 5.43094
_cell_length_c 5.43094
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F d -3 m :1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_U_iso_or_equiv
Si1 Si 0 0 0 0.0060
"""


def judged(preset, phase, source):
    """The scores of one tile of a preset in which a phase has another structure."""
    keys = [f'{section}.phase.{phase}.structure="{source}"' for section in ("sample", "analysis")]
    experiment = load(preset, overrides=keys, quick=True)
    phantom, beamline, recipe = experiment.phantom, experiment.beamline, experiment.recipe
    table = spectra_table(phantom, beamline)
    reality = simulate.truth(phantom, beamline, 1)
    phases = simulate.phase_truth(phantom, table, beamline.scan.q, recipe.pdf.r, recipe.pdf.q_min)
    scan = simulate.simulate_tile(phantom, beamline, table, 1, *experiment.tiles[0])
    found = analyze.collect([analyze.lean(analyze.analyze_tile(scan, recipe))], recipe)
    return validation.score(reality, complete_recovered(found, reality), phases)


def refused_or_right(preset, phase, source):
    """A reason why it cannot be; or nothing, if no check fails and amounts are within three stated errors."""
    try:
        scores = judged(preset, phase, source)
    except InputError as reason:
        return str(reason)
    failed = {one.check.id: one.measurement.value for one in scores.chain if one.verdict in ("fail", "inconclusive")}
    assert failed == {}
    assert all(one.ran or one.measurement.note for one in scores.chain)
    amounts = {one.check.id: one.measurement for one in scores.chain if one.check.id.startswith("amount[")}
    assert {name: one.value for name, one in amounts.items() if abs(one.value) > 3} == {}
    assert all(np.isfinite(one.value) or "stated to" in one.note for one in amounts.values())
    assert scores.verdict == "pass"
    return ""


@pytest.mark.parametrize(("preset", "phase"), [("standard", "ceria"), ("capillary", "palladium")])
def test_a_crystal_from_a_file_takes_a_place(preset, phase, tmp_path):
    (tmp_path / "silicon.cif").write_text(SILICON)
    assert refused_or_right(preset, phase, tmp_path / "silicon.cif") == ""


@pytest.mark.filterwarnings("ignore:absorption is not corrected")
@pytest.mark.parametrize(
    ("name", "preset", "phase"), [("platinum", "standard", "kapton"), ("nickel", "capillary", "silica")]
)
def test_a_heavy_wall_is_right_or_not_judged(name, preset, phase):
    assert refused_or_right(preset, phase, name) == ""


@pytest.mark.campaign
@pytest.mark.filterwarnings("ignore:absorption is not corrected")
@pytest.mark.parametrize(
    "phase", [(preset, phase) for preset, phases in ROLES.items() for phase in phases], ids="-".join
)
@pytest.mark.parametrize("name", structures.structure_names())
def test_every_structure_takes_every_place(name, phase):
    preset, role = phase
    reason = refused_or_right(preset, role, name)
    own = HELD[preset][ROLES[preset].index(role)]
    if name in HELD[preset] and name != own:
        assert "not independent" in reason
    elif reason:
        # a crystallite that is wider than its box, or one of what is no crystal
        assert "the box, which repeats itself" in reason or "a crystallite size is for crystals" in reason
