"""The structure library from the command line: every gate of every shipped entry, users' files, and rebuilding."""

import warnings
from dataclasses import replace

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tsct.apps.library.build import compare
from tsct.apps.library.portrait import Q, portrait
from tsct.apps.library.published_crystals import PUBLISHED
from tsct.apps.library.published_limits import bragg_share, gates, lithiated_window, measured_gate
from tsct.apps.library.show import shown
from tsct.phantoms.structures.library import lithiated_series, series_weights, structure
from tsct.records.errors import InputError
from tsct.simulate.scattering import structure_scattering

#: gates that shipped entries are known to fail; the records state each of them among the limits
KNOWN = {
    "a-li0.2si": {"maximum of g, Si–Li", "Si–Si distance", "volume per Si"},
    "a-li0.6si": {"maximum of g, Si–Li", "Si–Si distance", "volume per Si", "Si–Si neighbours (< 2.85 Å)"},
    "a-li3.75si": {"Si–Si distance", "volume per Si", "Si–Si neighbours (< 2.85 Å)"},
}


@pytest.fixture(scope="module")
def silicon():
    return portrait(structure("a-si"))


#: one of each kind of gates; the page of the library shows the verdicts of all
JUDGED = (
    "a-li0.2si",
    "a-li0.6si",
    "a-li3.75si",
    "carbon-black",
    "silica-glass",
    "lithium",
    "polyimide",
    "air",
    *PUBLISHED,
)


@pytest.mark.parametrize("name", JUDGED)
def test_shipped_entries_pass_their_gates_but_for_stated_limits(name):
    failed = {gate.title for gate in shown(name).gates if gate.verdict == "fail"}
    assert failed == KNOWN.get(name, set())


def test_amorphous_silicon_passes_its_gates(silicon):
    assert not {gate.title for gate in gates(silicon) if gate.verdict == "fail"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_crystals_are_held_to_published_values_by_name_of_the_entry_alone(name):
    titles = {gate.title for gate in shown(name).gates if gate.judged}
    assert {"density", f"{PUBLISHED[name].pair.replace('-', '–')} distance"} <= titles


@pytest.mark.parametrize("name", ["nmc-111", "bismuth-vanadate", "lithium-iron-phosphate", "lithiated-graphite"])
def test_crystals_scatter_no_less_than_nothing(name):
    """Neither is a cell read wrongly nor are its pairs cut off: both would leave intensities below zero."""
    assert structure_scattering(structure(name), np.arange(0.6, 26.0, 0.025)).min() > 0


def test_a_crystal_that_is_too_wide_fails():
    wide = portrait(structure("nickel"))
    moved = replace(wide, structure=replace(wide.structure, density_g_cm3=8.7))
    assert "density" not in {gate.title for gate in gates(moved)}  # a file of the same name is not the entry
    low, high = next((gate.low, gate.high) for gate in gates(wide) if gate.title == "density")
    assert not low <= 8.7 <= high


def test_a_crystal_is_not_amorphous_silicon():
    """Neighbours and density of the crystal are right; everything that tells order from disorder is not."""
    crystal = bulk("Si", "diamond", a=5.431, cubic=True) * (5, 5, 5)
    assert bragg_share(crystal) == pytest.approx(1.0, abs=1e-9)  # all atoms scatter in phase at (220)
    failed = {gate.title for gate in shown("c-si", what="a-si").gates if gate.verdict == "fail"}
    assert failed >= {"bond-angle sd", "g(4.5 Å) above its surroundings", "strongest wave in the box, S(k)/N"}


def test_the_window_of_lithiated_silicon_holds_its_models():
    """Cells at rest: one of ReaxFF (0.62), two of PBE."""
    for x, volume, silicon_neighbours, distance, lithium in (
        (0.62, 26.5, 3.98, 2.464, 4.71),
        (1.0, 34.397, 3.167, 2.450, 5.667),
        (3.75, 76.535, 1.167, 2.519, 10.583),
    ):
        window = lithiated_window(x)
        for value, (low, high) in zip((volume, silicon_neighbours, distance, lithium), window, strict=True):
            assert low < value < high


def test_a_warm_bond_is_no_measure_of_one_at_rest():
    """A frame of tight binding at 320 K has 2.530 A at x = 0.891; cells at rest have 2.450."""
    low, high = lithiated_window(0.891)[2]
    assert low < 2.450 < high < 2.530


def test_the_r_factor_is_zero_for_the_own_curve_and_one_for_no_structure(silicon):
    own = measured_gate(silicon, Q, silicon.sq, "own")
    assert own.value == pytest.approx(0.0, abs=1e-12)
    assert own.verdict == "pass"
    # the model against twice its own structure: |F - 2F| / |2F|
    assert measured_gate(silicon, Q, 2.0 * silicon.sq - 1.0, "twice").value == pytest.approx(0.5)
    with pytest.raises(InputError, match="fewer than 50 points"):
        measured_gate(silicon, Q[:20], silicon.sq[:20], "short")


def test_a_measured_curve_joins_the_gates(tsct, tmp_path):
    path = tmp_path / "measured.txt"
    np.savetxt(path, np.column_stack([Q, 1.0 + np.sin(2.4 * Q) / (2.4 * Q)]))
    code, out, _ = tsct("structures", "check", "polyolefin", "--measured", path)
    assert code == 1
    assert "R-factor" in out


def test_an_entry_is_rebuilt_and_compared(tsct, tmp_path):
    code, out, _ = tsct("structures", "build", "carbon-black", "-o", tmp_path)
    assert code == 0
    assert "the same as shipped" in out
    made = ase.io.read(tmp_path / "carbon-black.extxyz", index=":")
    assert [len(atoms) for atoms in made] == [len(atoms) for atoms in structure("carbon-black").members]
    code, _, err = tsct("structures", "build", "carbon-black", "-o", tmp_path)
    assert code == 2
    assert "--overwrite" in err


def test_unknown_entries_are_not_built(tsct, tmp_path):
    code, _, err = tsct("structures", "build", "a-so", "-o", tmp_path)
    assert code == 2
    assert "did you mean 'a-si'" in err


def test_other_atoms_and_moved_atoms_are_told_apart():
    first = Atoms("Si2", positions=[[0, 0, 0], [2.3, 0, 0]], cell=[5, 5, 5], pbc=True)
    moved = first.copy()
    moved.positions[1, 0] += 5.01
    assert compare(moved, first).largest_a == pytest.approx(0.01)
    assert not compare(moved, first).same
    assert compare(first, first).same
    assert np.isinf(compare(Atoms("Li2", positions=first.positions), first).largest_a)


BAD = {
    "overlap": (
        '4\nLattice="9 0 0 0 9 0 0 0 9"\nSi 0 0 0\nSi 0.2 0 0\nSi 4 4 4\nSi 2 6 2\n',
        ("Si atom 2 (line 4)", "Si atom 1"),
    ),
    "nm": ('2\nLattice="1 0 0 0 1 0 0 0 1"\nSi 0 0 0\nSi 0.235 0 0\n', ("nm",)),
    "no-cell": ("2\n\nSi 0 0 0\nSi 2.35 0 0\n", ("no cell", "density")),
    "element": ('1\nLattice="9 0 0 0 9 0 0 0 9"\nQq 0 0 0\n', ("line 3", "Qq")),
    "nan": ('1\nLattice="9 0 0 0 9 0 0 0 9"\nSi nan 0 0\n', ("line 3",)),
    "million": ('1000000\nLattice="9 0 0 0 9 0 0 0 9"\nSi 0 0 0\n', ("1000000",)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_naming_the_place(tsct, tmp_path, name):
    text, words = BAD[name]
    path = tmp_path / f"{name}.extxyz"
    path.write_text(text)
    code, out, err = tsct("structures", "check", path)
    assert (code, out) == (3, "")
    assert err.count("\n") == 1
    for word in (str(path), *words):
        assert word in err


CIF = """data_part
_cell_length_a 5.431
_cell_length_b 5.431
_cell_length_c 5.431
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Si1 Si 0 0 0 1
Si2 Si 0.5 0.5 0 {}
"""


@pytest.mark.parametrize("occupancy", ["0", "-0.5", "1.5", "nan"])
def test_occupancies_outside_zero_to_one_are_refused(tsct, tmp_path, occupancy):
    path = tmp_path / "part.cif"
    path.write_text(CIF.format(occupancy))
    code, out, err = tsct("structures", "check", path)
    assert (code, out) == (3, "")
    assert f"{path}, line 16, site Si2, _atom_site_occupancy" in err


NICKEL = """data_nickel
_cell_length_a 3.5238
_cell_length_b 3.5238
_cell_length_c 3.5238
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Ni1 NI 0 0 0 {}
"""


def test_keys_of_a_file_are_options(tsct, tmp_path):
    path = tmp_path / "part.cif"
    path.write_text(NICKEL.format(0.9))
    code, out, err = tsct("structures", "show", path)
    assert (code, out) == (3, "") and "occupancy = 'draw'" in err and err.count("\n") == 1
    code, out, err = tsct(
        "structures", "show", path, "--occupancy", "draw", "--supercell", "3x3x4", "--seed", "2", "--u-iso", "Ni=0.0045"
    )
    # 36 cells of 3.6 atoms
    assert (code, err) == (0, "") and "130 atoms" in out and "Ni 0.0045" in out and "seed 2" in out
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        code, _, err = tsct("structures", "check", path, "--occupancy", "draw")
    assert code == 0 and "no thermal motion of Ni; positions are at rest" in err


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--supercell", "3x3"), "8x8x4"),
        (("--u-iso", "Ni=cold"), "Ce=0.003,O=0.006"),
        (("--setting", "F d d d"), "several settings"),
        (("--block", "nickl"), "did you mean 'nickel'"),
        (("--occupancy", "average"), "averaged form factors"),
    ],
)
def test_keys_without_sense(tsct, tmp_path, options, word):
    path = tmp_path / "whole.cif"
    path.write_text(NICKEL.format(1))
    code, out, err = tsct("structures", "show", path, *options)
    assert code in (2, 3) and out == "" and err.count("\n") == 1 and word in err


def test_keys_are_not_for_the_library(tsct):
    code, _, err = tsct("structures", "show", "c-si", "--block", "a")
    assert code == 2 and "block is for files" in err


def test_motion_of_a_file_is_kept_and_that_of_the_library_is_the_second_choice(tmp_path):
    text = NICKEL.replace("Ni1 NI", "Si1 SI").replace("F m -3 m", "F d -3 m :1").replace("3.5238", "5.431").format(1)
    path = tmp_path / "silicon.cif"
    path.write_text(text)
    assert shown(str(path)).structure.thermal == structure("a-si").thermal
    assert shown(str(path), keys={"u_iso_a2": 0.003}).structure.thermal.u_iso == {"Si": 0.003}
    assert not shown(str(path), snapshots=True).structure.thermal.u_iso


def test_the_series_can_be_mixed_from_two_ends():
    """Two phases: linear between members far apart, exact at both."""
    first, last = lithiated_series()[0], structure("a-li0.6si")
    weights = series_weights((first, last), np.array([0.0, 0.15, last.lithium_per_silicon]))
    np.testing.assert_allclose(weights[:, [0, 2]], np.eye(2), atol=1e-12)
    assert weights[1, 1] == pytest.approx(0.15 / last.lithium_per_silicon)
