"""Structure files in an experiment's file: names, tables with keys, and what is refused."""

import pytest

from tsct.apps.run.experiment import load
from tsct.apps.run.settings import dump
from tsct.records.errors import InputError, UsageError

CIF = """data_{name}
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt '{group}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
{symbol}1 {symbol} 0 0 0 {occupancy} 0.0045
"""
NICKEL = CIF.format(name="nickel", a=3.5238, group="F m -3 m", symbol="Ni", occupancy=0.9)
SILICON = CIF.format(name="silicon", a=5.431, group="F d -3 m", symbol="Si", occupancy=1)
TOML = """
[states]
scenario = "null"
[structures]
silicon = ["c-si", {{ {silicon} }}]
piston = {{ {piston} }}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ni.cif").write_text(NICKEL)
    (tmp_path / "two.cif").write_text(NICKEL + SILICON)
    return tmp_path


def written(folder, silicon='file = "two.cif", block = "silicon", setting = "1"', piston='file = "ni.cif"'):
    path = folder / "experiment.toml"
    path.write_text(TOML.format(silicon=silicon, piston=piston))
    return str(path)


def test_files_with_keys_are_read_and_written_again(folder):
    keys = 'file = "ni.cif", occupancy = "draw", supercell = [8, 8, 9], seed = 4, u_iso_a2 = { Ni = 0.003 }'
    experiment = load(written(folder, piston=keys))
    piston = experiment.phantom.materials["piston"]
    assert len(piston.members[0]) == round(0.9 * 4 * 8 * 8 * 9) and piston.seed == 4
    assert piston.thermal.u_iso == {"Ni": 0.003}
    silicon = {member.name: member for member in experiment.phantom.silicon}["two"]
    assert silicon.composition == {"Si": 1.0} and silicon.thermal.u_iso == {"Si": 0.0045}
    # what a run keeps of its settings must find the files again from another folder
    (folder / "run").mkdir()
    kept = folder / "run" / "experiment.toml"
    kept.write_text(dump(experiment.settings))
    again = load(str(kept))
    assert again.settings == experiment.settings
    assert len(again.phantom.materials["piston"].members[0]) == len(piston.members[0])


@pytest.mark.parametrize(
    ("keys", "kind", "words"),
    [
        ('file = "ni.cif"', InputError, ["structures.piston", "ni.cif", "occupancy = 'draw'"]),
        ('file = "ni.cif", ocupancy = "draw"', UsageError, ["structures.piston.ocupancy", "did you mean 'occupancy'"]),
        ('file = "none.cif"', InputError, ["structures.piston", "none.cif", "no such file"]),
        ('file = "two.cif"', InputError, ["structures.piston", "2 data blocks", "nickel, silicon"]),
        ('block = "nickel"', UsageError, ["structures.piston", "names no file"]),
        ('file = "two.cif", block = "silicon"', InputError, ["structures.piston", "several settings"]),
        ('file = "ni.cif", seed = "x"', InputError, ['structures.piston.seed is "x"']),
    ],
)
def test_tables_without_sense_name_their_key(folder, keys, kind, words):
    with pytest.raises(kind) as caught:
        load(written(folder, piston=keys))
    for word in ("experiment.toml", *words):
        assert word in str(caught.value)


def test_only_silicon_takes_a_list(folder):
    with pytest.raises(InputError, match=r"structures\.piston is"):
        load("wragg2023", overrides=['structures.piston=["c-si"]'])
