"""Bond-switched silicon networks: energy, moves and statistics of small boxes."""

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from tsct.phantoms.build import network
from tsct.phantoms.structures.describe import king_rings
from tsct.records.seeds import generator


@pytest.fixture(scope="module")
def shaken():
    """A diamond box with displaced atoms: positions, neighbours, edge."""
    positions, neighbours, edge = network.diamond(216)
    return positions + np.random.default_rng(1).normal(0.0, 0.1, positions.shape), neighbours, edge


@pytest.fixture(scope="module")
def small():
    """A network annealed just enough to have lost the crystal."""
    return network.build(216, 1, proposals_per_atom=8)


def keating_ev(positions, neighbours, edge):
    """The energy again, as written in Keating's paper: one loop over bonds, one over angles."""
    d2, total = network.BOND_A**2, 0.0
    for i, around in enumerate(neighbours):
        arms = positions[around] - positions[i]
        arms -= edge * np.round(arms / edge)
        total += 0.5 * 3 / 16 * 2.965 / d2 * np.sum((np.sum(arms**2, axis=1) - d2) ** 2)
        for a in range(4):
            for b in range(a + 1, 4):
                total += 3 / 8 * 0.285 * 2.965 / d2 * (arms[a] @ arms[b] + d2 / 3) ** 2
    return total


def test_diamond_has_four_neighbours_at_the_bond_length_and_no_energy():
    positions, neighbours, edge = network.diamond(216)
    arms = positions[neighbours] - positions[:, None]
    arms -= edge * np.round(arms / edge)
    # 1e-9: rounding of coordinates of order 10
    np.testing.assert_allclose(np.linalg.norm(arms, axis=2), 2.35, rtol=0, atol=1e-9)
    assert network.energy(positions, neighbours, edge) < 1e-20


@pytest.mark.parametrize("n_atoms", [8, 64, 215, 217])
def test_other_numbers_of_atoms_are_refused(n_atoms):
    with pytest.raises(ValueError, match="8 m\\^3"):
        network.diamond(n_atoms)


def test_energy_is_keatings(shaken):
    # 1e-12: same sums in another order
    assert network.energy(*shaken) == pytest.approx(keating_ev(*shaken), rel=1e-12)


def test_forces_are_the_gradient_of_the_energy(shaken):
    positions, neighbours, edge = shaken
    forces = np.zeros_like(positions)
    network._energy_forces(positions, neighbours, edge, np.arange(216), forces)
    step = 1e-5
    for atom, axis in [(0, 0), (17, 1), (100, 2), (215, 0)]:
        moved = [positions.copy(), positions.copy()]
        moved[0][atom, axis] += step
        moved[1][atom, axis] -= step
        slope = (network.energy(moved[0], neighbours, edge) - network.energy(moved[1], neighbours, edge)) / (2 * step)
        # central difference: step^2 times a third derivative of order 10 eV/A3
        assert forces[atom, axis] == pytest.approx(-slope, abs=1e-7)


def test_energy_change_of_the_surroundings_is_that_of_the_whole(shaken):
    positions, neighbours, edge = shaken
    mobile, centres = network._surroundings(neighbours, np.array([0, *neighbours[0][:1], 3, 4]))
    moved = positions.copy()
    moved[mobile] += np.random.default_rng(2).normal(0.0, 0.05, (len(mobile), 3))
    scratch = np.zeros_like(positions)
    local = [network._energy_forces(p, neighbours, edge, centres, scratch) for p in (positions, moved)]
    whole = [network.energy(p, neighbours, edge) for p in (positions, moved)]
    assert len(centres) < 216
    # rounding of sums of about 100 eV
    assert local[1] - local[0] == pytest.approx(whole[1] - whole[0], abs=1e-10)


def test_an_exchange_keeps_all_atoms_fourfold_and_can_be_undone():
    _, neighbours, _ = network.diamond(216)
    before = np.sort(neighbours, axis=1)
    rng = generator(3, "exchange")
    chains = [network._propose(neighbours, rng) for _ in range(50)]
    a, b, c, d = next(chain for chain in chains if chain[0] >= 0)
    network._exchange(neighbours, np.array([a, b, c, d]))
    assert c in neighbours[a] and a in neighbours[c] and d in neighbours[b] and b in neighbours[d]
    assert b not in neighbours[a] and d not in neighbours[c]
    assert all(i in neighbours[j] for i in range(216) for j in neighbours[i])
    network._exchange(neighbours, np.array([a, c, b, d]))
    assert np.array_equal(np.sort(neighbours, axis=1), before)


def test_the_network_is_four_times_bonded_without_triangles(small):
    bonded = small.arrays["bonded"]
    assert all(len(set(row)) == 4 and i not in row for i, row in enumerate(bonded.tolist()))
    assert all(i in bonded[j] for i in range(216) for j in bonded[i])
    rings = king_rings(dict(enumerate(bonded.tolist())))
    assert 3 not in rings and rings[5] > 50


def test_the_network_stands_at_a_minimum_at_the_wanted_density(small):
    assert small.get_volume() / 216 == pytest.approx(network.VOLUME_PER_SI_A3, rel=1e-12)
    edge = 3 * network.CELL_A
    positions = small.get_positions() * (edge / small.cell.lengths()[0])
    before = network.energy(positions, small.arrays["bonded"], edge)
    # the relaxation stops at rms forces of 3e-4 eV/A, which is below 1e-4 eV for 216 atoms
    assert network.relax(positions, small.arrays["bonded"], edge) == pytest.approx(before, abs=1e-3)


def test_the_crystal_is_forgotten(small):
    edge = small.cell.lengths()[0]
    # the strongest reflections of diamond in a box of three cells: 111 and 220
    for hkl in ([3, 3, 3], [6, 6, 0]):
        phases = 2j * np.pi / edge * small.positions @ np.array(hkl)
        crystal = 0.5 if hkl[2] else 1.0
        # a network's own S(k) is of order 1, so |sum|^2 / N^2 of order 1/216
        assert abs(np.exp(phases).sum()) ** 2 / 216**2 < 0.1 * crystal


def test_the_anneal_heals_the_network(small):
    positions, neighbours, edge = network.diamond(216)
    rng = generator(1, "network", 216)
    network.randomise(positions, neighbours, edge, 78, rng)
    damaged = network.relax(positions, neighbours, edge) / 216
    scaled = small.get_positions() * (edge / small.cell.lengths()[0])
    # 78 random exchanges cost about 3 eV an atom; a full anneal reaches 0.3, this one is 30 times shorter
    assert damaged > 2.0
    assert network.energy(scaled, small.arrays["bonded"], edge) / 216 < 1.0


def test_the_seed_decides():
    one, again, other = (network.build(216, seed, proposals_per_atom=1).positions for seed in (5, 5, 6))
    assert np.array_equal(one, again)
    assert not np.allclose(one, other, atol=0.1)


def test_bonded_atoms_are_the_near_ones(small):
    first = neighbor_list("i", small, 2.9)
    # even a rough network has few contacts that are not bonds
    assert 3.8 < len(first) / 216 < 4.4
