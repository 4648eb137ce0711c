"""Lithium in a silicon network: voids, the volume law and the potential."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tsct.phantoms.build import lithiation
from tsct.phantoms.structures.library import rebuild
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


def test_ratios_must_increase():
    silicon = cube(bulk("Si", "diamond", a=5.431, cubic=True))
    with pytest.raises(UsageError, match="increase"):
        next(lithiation.lithiate(silicon, (0.5, 0.25)))


def test_the_lineage_keeps_its_silicon_and_its_history(monkeypatch):
    # the order of atoms and the volumes do not depend on the potential
    monkeypatch.setattr(lithiation, "relax", lambda atoms, force: atoms)
    silicon = cube(bulk("Si", "diamond", a=5.431, cubic=True) * (2, 2, 2))
    members = list(lithiation.lithiate(silicon, (0.0625, 0.125)))
    assert [str(member.symbols) for member in members] == ["Si64Li4", "Si64Li8"]
    assert members[1].get_volume() == pytest.approx(64 * 5.431**3 / 8 + 8 * 16.05, rel=1e-9)
    scaled = [member.get_scaled_positions()[:68] for member in members]
    np.testing.assert_allclose(scaled[1], scaled[0], rtol=0, atol=1e-9)


def test_lithium_pushes_silicon_apart():
    pytest.importorskip("chgnet")
    silicon = cube(bulk("Si", "diamond", a=5.469, cubic=True) * (2, 2, 2))
    silicon.rattle(0.05, seed=1)
    (member,) = lithiation.lithiate(silicon, (0.0625,))
    distances = member.get_all_distances(mic=True)
    lithium = distances[64:, :64]
    # the tetrahedral site of this crystal is 2.37 A from its four neighbours, which give way
    assert np.sort(lithium, axis=1)[:, :4].mean(axis=1).min() > 5.469 * np.sqrt(3) / 4
    bonds = distances[:64, :64][(distances[:64, :64] > 0) & (distances[:64, :64] < 2.85)]
    assert bonds.mean() > 5.469 * np.sqrt(3) / 4


def test_growth_starts_from_the_network_of_the_seed(monkeypatch):
    forces, asked = [], []

    def build(n, seed):
        asked.append((n, seed))
        return cube(bulk("Si", "diamond", a=5.4 + seed, cubic=True) * n)

    monkeypatch.setattr(lithiation, "build", build)
    monkeypatch.setattr(lithiation, "relax", lambda atoms, force: forces.append(force) or atoms)
    grown = list(lithiation.grow(2, 1, (0.125,)))
    assert [str(member.symbols) for member in grown] == ["Si64", "Si64Li8"]
    assert grown[0].get_volume() == pytest.approx(8 * 6.4**3)
    assert asked == [(2, 1)]
    # the network and each member are relaxed once, as far as each other
    assert len(forces) == 2 and forces[0] == forces[1]


def test_scattered_atoms_keep_apart_across_the_boundary():
    places = lithiation._scatter(200, 17.0, np.random.default_rng(3))
    box = Atoms("Li200", positions=places, cell=[17.0] * 3, pbc=True)
    assert box.get_all_distances(mic=True)[np.triu_indices(200, 1)].min() > 2.0


def test_a_melt_has_the_composition_and_the_volume_of_the_law(monkeypatch):
    steps = []

    def settle(atoms, *, temperature_k, time_ps, seed, free_box):
        steps.append((temperature_k, time_ps, free_box))
        return atoms

    monkeypatch.setattr(lithiation, "settle", settle)
    monkeypatch.setattr(lithiation, "relax", lambda atoms, force: atoms)
    melt = lithiation.mix(16, 1, 3.75)
    assert melt.get_chemical_formula() == "Li60Si16"
    assert melt.get_volume() == pytest.approx(16 * 20.41 + 60 * 16.05, rel=1e-9)
    # it cools, in a box that is held
    temperatures = [step[0] for step in steps]
    assert temperatures == sorted(temperatures, reverse=True)
    assert not any(step[2] for step in steps)


def test_lineages_of_the_library_end_at_the_wanted_member(monkeypatch):
    asked = []

    def grow(n_silicon, seed, ratios):
        asked.append((n_silicon, seed, list(ratios)))
        yield from (Atoms("Si"), *(Atoms(f"SiLi{i + 1}") for i in range(len(ratios))))

    monkeypatch.setattr(lithiation, "grow", grow)
    members = rebuild("a-li0.1si")
    assert [str(atoms.symbols) for atoms in members] == ["SiLi2"] * len(members)
    assert asked[0][1:] == (1, pytest.approx([0.05, 0.1], abs=1e-3))
    assert [str(atoms.symbols) for atoms in rebuild("a-si")] == ["Si"] * len(members)
