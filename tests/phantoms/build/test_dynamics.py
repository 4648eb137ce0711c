"""Atoms that move under LAMMPS: the potentials against published lattices, and what a quench must keep."""

import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tsct.phantoms.build.dynamics import settle
from tsct.phantoms.build.silica import decorate
from tsct.records.errors import UsageError


def cube(atoms):
    return Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)


def cold(atoms, **changes):
    """Almost no motion: what remains is the relaxation of the box and of the atoms."""
    return settle(atoms, **{"temperature_k": 1.0, "time_ps": 0.02, "seed": 1} | changes)


def test_without_the_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "lammps", None)
    with pytest.raises(UsageError, match="structures"):
        cold(cube(bulk("Si", "diamond", a=5.43, cubic=True)))


@pytest.mark.parametrize(
    ("symbol", "lattice", "start", "published"),
    # lattice parameters of the potential: Si 5.431 A (Lee, CALPHAD 31, 95 (2007)), Li 3.45 A at 0 K (Cui et al. 2012)
    [("Si", "diamond", 5.36, 5.431), ("Li", "bcc", 3.50, 3.453)],
)
def test_crystals_relax_to_the_published_lattice(symbol, lattice, start, published):
    pytest.importorskip("lammps")
    found = cold(cube(bulk(symbol, lattice, a=start, cubic=True) * (3, 3, 3)))
    # 0.3 %: the box stops at a pressure that the short run leaves
    assert found.cell.lengths()[0] / 3 == pytest.approx(published, rel=3e-3)
    assert abs(found.info["pressure_gpa"]) < 1.0


def test_a_quench_keeps_the_order_of_atoms_and_a_held_box():
    pytest.importorskip("lammps")
    crystal = cube(bulk("Si", "diamond", a=5.431, cubic=True) * (2, 2, 2))
    atoms = crystal + Atoms("Li", positions=[[5.431 / 2, 5.431 / 2, 5.431 / 2]])
    found = settle(atoms, temperature_k=300.0, time_ps=0.05, seed=2, free_box=False)
    assert str(found.symbols) == str(atoms.symbols)
    np.testing.assert_allclose(found.cell.array, atoms.cell.array, rtol=0, atol=1e-9)
    step = (found.positions - atoms.positions)[:64]
    step -= 10.862 * np.round(step / 10.862)
    # a lattice that is shaken and stilled is the lattice again, but for the neighbours of the lithium
    assert np.median(np.linalg.norm(step, axis=1)) < 0.1


def test_beta_cristobalite_is_decorated_with_one_oxygen_on_each_bond():
    silicon = cube(bulk("Si", "diamond", a=7.16, cubic=True) * (2, 2, 2))
    distances = silicon.get_all_distances(mic=True)
    silicon.set_array("bonded", np.argsort(distances, axis=1)[:, 1:5])
    silica = decorate(silicon)
    assert silica.get_chemical_formula() == "O128Si64"
    near = silica.get_all_distances(mic=True)[:64, 64:]
    # Si-O-Si in a line: half the distance of two silicon atoms
    np.testing.assert_allclose(np.sort(near, axis=1)[:, :4], 7.16 * np.sqrt(3) / 8, atol=1e-9)
