"""Molecules of the library: bond lengths, angles and formulae against tables."""

import sys

import numpy as np
import pytest
from ase.neighborlist import natural_cutoffs, neighbor_list

from tsct.phantoms.build.molecules import build_molecule
from tsct.phantoms.structures.library import structure
from tsct.records.errors import UsageError

FORMULAE = {
    "electrolyte": ["C3H4O3", "C3H6O3", "F6P", "Li"],
    "cmc-binder": ["C8H11NaO7"],
    "peek": ["C19H12O3"],
    "polyimide": ["C22H10N2O5"],
    "polyolefin": ["C20H40"],
    "air": ["N2", "O2", "Ar"],
}
#: bond lengths in angstrom that occur between two elements: CRC Handbook (gas phase), International Tables vol. C, 9.5
LENGTHS_A = {
    ("electrolyte", 0): {"CC": [1.52], "CH": [1.09], "CO": [1.20, 1.35, 1.43]},
    ("electrolyte", 1): {"CH": [1.09], "CO": [1.20, 1.34, 1.43]},
    ("electrolyte", 2): {"FP": [1.60]},
    ("cmc-binder", 0): {"CC": [1.53], "CH": [1.09], "CO": [1.25, 1.43], "HO": [0.97], "NaO": [2.40]},
    ("peek", 0): {"CC": [1.39, 1.49], "CH": [1.08], "CO": [1.22, 1.38]},
    ("polyimide", 0): {"CC": [1.39, 1.49], "CH": [1.08], "CN": [1.39, 1.43], "CO": [1.21, 1.38]},
    ("polyolefin", 0): {"CC": [1.53], "CH": [1.09]},
    ("air", 0): {"NN": [1.098]},
    ("air", 1): {"OO": [1.208]},
}


def bonds(atoms):
    for i, j, distance in zip(*neighbor_list("ijd", atoms, natural_cutoffs(atoms, mult=1.1)), strict=True):
        if i < j:
            yield "".join(sorted((atoms.symbols[i], atoms.symbols[j]))), distance


@pytest.mark.parametrize("name", FORMULAE)
def test_formulae(name):
    assert [atoms.get_chemical_formula("hill") for atoms in structure(name).members] == FORMULAE[name]


@pytest.mark.parametrize(("name", "member"), LENGTHS_A)
def test_every_bond_has_a_known_length(name, member):
    known = LENGTHS_A[name, member]
    seen = set()
    for pair, distance in bonds(structure(name).members[member]):
        if pair == "CNa":
            continue
        nearest = min(known[pair], key=lambda length: abs(length - distance))
        # 0.02 A: spread of one kind of bond over the molecules of the tables
        assert abs(distance - nearest) <= 0.02, (pair, distance)
        seen.add((pair, nearest))
    assert seen == {(pair, length) for pair, lengths in known.items() for length in lengths}


@pytest.mark.parametrize("name", ["electrolyte", "cmc-binder", "peek", "polyimide", "polyolefin"])
def test_no_atoms_crowd(name):
    for atoms in structure(name).members:
        if len(atoms) == 1:
            continue
        distances = atoms.get_all_distances()[np.triu_indices(len(atoms), 1)]
        bonded = len(list(bonds(atoms)))
        # the shortest distance between atoms that share a neighbour is H-H in CH2, 1.75 A
        assert np.sort(distances)[bonded:].min() > 1.70


def test_the_ring_of_ethylene_carbonate_closes_with_the_right_angles():
    atoms = structure("electrolyte").members[0]
    symbols = atoms.get_chemical_symbols()
    distances = atoms.get_all_distances()
    carbonyl = next(i for i in range(10) if symbols[i] == "C" and np.count_nonzero(distances[i] < 1.45) == 4)
    oxygens = [i for i in range(10) if symbols[i] == "O" and distances[carbonyl, i] < 1.45]
    angles = sorted(atoms.get_angle(a, carbonyl, b) for k, a in enumerate(oxygens) for b in oxygens[k + 1 :])
    # 111, 125, 125 degrees: Brown, Acta Cryst. 7, 92 (1954); force fields agree within 3 degrees
    assert angles == pytest.approx([111, 124.5, 124.5], abs=3)


def test_hexafluorophosphate_is_an_octahedron():
    atoms = structure("electrolyte").members[2]
    fluorine = np.sort(atoms.get_all_distances()[1:, 1:][np.triu_indices(6, 1)])
    # coordinates are stored to 1e-4 A
    np.testing.assert_allclose(fluorine, [1.60 * np.sqrt(2)] * 12 + [3.20] * 3, rtol=0, atol=2e-4)


def test_the_chain_repeats_every_second_carbon():
    atoms = structure("polyolefin").members[0]
    carbon = atoms.positions[np.array(atoms.get_chemical_symbols()) == "C"]
    # c of crystalline polyethylene: 2.534 A (Bunn 1939)
    np.testing.assert_allclose(np.linalg.norm(carbon[2:] - carbon[:-2], axis=1), 2.534, rtol=0, atol=1e-3)


def test_benzene_rings_are_flat_hexagons():
    atoms = structure("peek").members[0]
    carbon = np.flatnonzero(np.array(atoms.get_chemical_symbols()) == "C")
    distances = atoms.get_all_distances()[np.ix_(carbon, carbon)]
    aromatic = np.count_nonzero((distances > 1.3) & (distances < 1.45), axis=1)
    assert np.count_nonzero(aromatic == 2) == 18
    # para positions across a ring of 1.39 A bonds
    assert np.count_nonzero(np.abs(distances - 2.78) < 0.03) // 2 >= 9


def test_unknown_molecules_are_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="ethylene carbonate"):
        build_molecule("ethylene carbonat")


def test_without_rdkit_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(UsageError, match=r"tsct\[structures\]"):
        build_molecule("ethylene carbonate")


@pytest.mark.parametrize("name", ["electrolyte", "polyolefin", "air"])
def test_what_needs_no_other_tool_is_rebuilt_as_shipped(name):
    recipes = {
        "electrolyte": {2: "hexafluorophosphate", 3: "lithium ion"},
        "polyolefin": {0: "polyethylene"},
        "air": {0: "N2", 1: "O2", 2: "Ar"},
    }[name]
    for member, recipe in recipes.items():
        # stored to 1e-4 A
        np.testing.assert_allclose(
            build_molecule(recipe).positions, structure(name).members[member].positions, rtol=0, atol=1e-4
        )
