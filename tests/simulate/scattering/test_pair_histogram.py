"""Pair counts: every pair once, in the right bin, for clusters, boxes of any shape and crystals."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from tsct.records.errors import InputError
from tsct.simulate.scattering.pair_histogram import _flush, exact_pairs, half_width, pair_counts, repeating_unit

TRICLINIC = np.array([[9.0, 0.0, 0.0], [2.5, 8.0, 0.0], [-1.5, 2.0, 7.0]])


def spread_atoms(number: int, cell: np.ndarray, symbols: str, seed: int, closest: float = 0.8) -> Atoms:
    """Random atoms in a box, no two closer than `closest`."""
    rng = np.random.default_rng(seed)
    atoms = Atoms(cell=cell, pbc=True)
    kinds = ["Si", "Li", "C"] if symbols == "three" else ["Si"]
    while len(atoms) < number:
        trial = atoms + Atoms(kinds[len(atoms) % len(kinds)], scaled_positions=rng.random((1, 3)), cell=cell)
        if len(neighbor_list("i", trial, closest)) == 0:
            atoms = trial
    return atoms


def distance_sum(counts) -> np.ndarray:
    """Sum of the distances of each pair of elements."""
    r, shares = counts.on_grid()
    return shares @ r


@pytest.mark.parametrize("number", [1, 2, 7, 300, 1500])
def test_a_cluster_has_every_pair_once(number):
    positions = bulk("Si", "diamond", a=5.43, cubic=True) * (6, 6, 6)
    cluster = Atoms(f"Si{number}", positions=positions.positions[:number])
    assert pair_counts(cluster).count.sum() == number * (number - 1) // 2


def test_each_pair_of_elements_has_its_own_row():
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (3, 3, 3)
    atoms = Atoms("Si100C60Li56", positions=atoms.positions)
    counts = pair_counts(atoms)
    found = dict(zip(counts.pairs, counts.count.sum(axis=1).tolist(), strict=True))
    assert found == {
        ("C", "C"): 60 * 59 // 2,
        ("C", "Li"): 60 * 56,
        ("C", "Si"): 60 * 100,
        ("Li", "Li"): 56 * 55 // 2,
        ("Li", "Si"): 56 * 100,
        ("Si", "Si"): 100 * 99 // 2,
    }
    assert counts.atoms_per_element == {"C": 60, "Li": 56, "Si": 100}


@settings(max_examples=60, deadline=None)
@given(r=st.floats(0.4, 60.0), direction=st.sampled_from([(1, 0, 0), (1, 1, 1), (-2, 1, 3)]))
def test_a_pair_is_found_at_its_distance(r, direction):
    along = np.array(direction) / np.linalg.norm(direction)
    counts = pair_counts(Atoms("Si2", positions=[[0.3, -0.2, 0.1], np.array([0.3, -0.2, 0.1]) + r * along]))
    k = int(np.flatnonzero(counts.count[0])[0])
    # half of dr / 2**10, and float32 of the distance in three coordinates
    tolerance = counts.dr / 2**11 + 4e-7 * r
    assert (k + counts.moment[0, k]) * counts.dr == pytest.approx(r, abs=tolerance)
    # the pair must be in its bin, not in the next one
    assert k * counts.dr - tolerance <= r <= (k + 1) * counts.dr + tolerance
    assert 0.0 <= counts.moment[0, k] < 1.0


def test_number_and_sum_of_distances_of_a_large_cluster():
    rng = np.random.default_rng(1)
    lattice = (bulk("Si", "diamond", a=5.43, cubic=True) * (6, 6, 6)).positions
    atoms = Atoms(f"Si{len(lattice)}", positions=lattice + rng.uniform(-0.3, 0.3, lattice.shape))
    counts, distances = pair_counts(atoms), pdist(atoms.positions)
    assert counts.count.sum() == distances.size
    # errors of 1e-6 angstrom a pair are random; a bias of a tenth of that would show
    assert distance_sum(counts)[0] / distances.size == pytest.approx(distances.mean(), abs=1e-7)
    coarse = counts.count[0, : 500 * 40].reshape(40, 500).sum(axis=1)
    # pairs within rounding of one of the 40 edges may be on either side; 1.5 million pairs, 0.0001 of them that close
    np.testing.assert_allclose(coarse, np.histogram(distances, np.arange(41.0))[0], atol=20)


@pytest.mark.parametrize("cell", [np.diag([8.0, 9.0, 10.0]), TRICLINIC], ids=["orthogonal", "triclinic"])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.3, 5.1])
def test_boxes_agree_with_an_independent_neighbour_list(cell, factor):
    atoms = spread_atoms(12, cell, "three", seed=3)
    r_max = round(factor * 2.0 * half_width(atoms), 3)
    counts = pair_counts(atoms, r_max=r_max, dr=0.001)
    i, j, r = neighbor_list("ijd", atoms, counts.r_max)
    symbols = np.array(atoms.get_chemical_symbols())
    for row, (a, b) in enumerate(counts.pairs):
        ordered = r[((symbols[i] == a) & (symbols[j] == b)) | ((symbols[i] == b) & (symbols[j] == a))]
        # the list names every pair twice
        assert counts.count[row].sum() == ordered.size // 2, (a, b)
        assert distance_sum(counts)[row] == pytest.approx(0.5 * ordered.sum(), rel=1e-6)


def test_a_box_of_many_tiles_agrees_with_an_independent_neighbour_list():
    rng = np.random.default_rng(5)
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (7, 6, 5)
    atoms.positions += rng.uniform(-0.3, 0.3, atoms.positions.shape)
    counts = pair_counts(atoms, r_max=9.0)
    r = neighbor_list("d", atoms, 9.0)
    assert counts.count.sum() == r.size // 2
    assert distance_sum(counts)[0] == pytest.approx(0.5 * r.sum(), rel=1e-8)


def test_default_reach_of_a_box_is_half_of_its_smallest_width():
    atoms = Atoms("Si", cell=TRICLINIC, pbc=True)
    widths = [abs(np.linalg.det(TRICLINIC)) / np.linalg.norm(np.cross(*np.delete(TRICLINIC, n, 0))) for n in range(3)]
    assert half_width(atoms) == pytest.approx(0.5 * min(widths), rel=1e-12)
    assert pair_counts(atoms).r_max == pytest.approx(0.5 * min(widths), abs=0.002)


def test_the_number_of_threads_changes_nothing():
    rng = np.random.default_rng(2)
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (6, 6, 6)
    atoms.positions += rng.uniform(-0.3, 0.3, atoms.positions.shape)
    one, three = pair_counts(atoms, threads=1), pair_counts(atoms, threads=3)
    np.testing.assert_array_equal(one.count, three.count)
    np.testing.assert_array_equal(one.moment, three.moment)


def test_moving_a_box_and_wrapping_its_atoms_changes_nothing():
    atoms = spread_atoms(20, TRICLINIC, "three", seed=8)
    moved = atoms.copy()
    moved.positions += [31.7, -12.4, 55.1]
    wrapped = moved.copy()
    wrapped.wrap()
    totals = [distance_sum(pair_counts(a, r_max=12.0)) for a in (atoms, moved, wrapped)]
    # float32 coordinates relative to other tile centres
    np.testing.assert_allclose(totals[1], totals[0], rtol=1e-6)
    np.testing.assert_allclose(totals[2], totals[0], rtol=1e-6)


def test_counters_are_emptied_before_they_overflow():
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (12, 12, 12)
    atoms.pbc = False
    coarse, fine = pair_counts(atoms, dr=40.0, threads=1), pair_counts(atoms, threads=1)
    # one bin would need the counter twice over, which holds 2**26 pairs
    assert coarse.count.max() > 1 << 25
    assert coarse.count.sum() == fine.count.sum() == len(atoms) * (len(atoms) - 1) // 2
    # distances rounded to 40 / 2**10 angstrom, many of them alike: 1.1e-5 measured; an overflow would change the order
    assert distance_sum(coarse)[0] == pytest.approx(distance_sum(fine)[0], rel=5e-5)


def test_full_counters_are_read_exactly():
    # as full as they get: emptied after 2**25 pairs and those of one more pair of tiles, here all with the top fraction
    number, k = (1 << 25) + 500_000, 1_000_000
    fractions = 1023 * number
    packed = np.zeros((1, k + 2), np.uint64)
    packed[0, k] = np.uint64(number * ((1 << 38) + (k << 10)) + fractions)
    count, moment = np.zeros((2, 1, k + 1), np.int64)
    _flush(packed, count, moment)
    assert (count[0, k], moment[0, k], packed.any()) == (number, fractions, False)
    assert count.sum() == number


def test_exact_pairs_are_the_same_pairs():
    for atoms, r_max in ((spread_atoms(15, TRICLINIC, "three", seed=4), 10.0), (Atoms("C2O", np.eye(3) * 2), None)):
        counts = pair_counts(atoms, r_max=r_max)
        found = dict.fromkeys(counts.pairs, 0)
        total = 0.0
        for a, b, r in exact_pairs(atoms, r_max):
            found[a, b] += r.size
            total += r.sum()
        assert tuple(found.values()) == tuple(counts.count.sum(axis=1))
        assert total == pytest.approx(distance_sum(counts).sum(), rel=1e-6)


@pytest.mark.parametrize("repeat", [(1, 1, 1), (2, 3, 4), (6, 6, 6), (5, 7, 1), (11, 2, 2)])
def test_the_repeating_unit_of_a_crystal_is_found(repeat):
    # a primitive basis off the origin, so that planes of atoms lie on the faces of the supercell
    unit = Atoms("NaCl", positions=[[0, 0, 0], [1.4, 1.3, 0.9]], cell=[2.9, 3.1, 3.3], pbc=True)
    found = repeating_unit(unit * repeat)
    assert len(found) == 2
    np.testing.assert_allclose(found.cell.lengths(), unit.cell.lengths(), rtol=1e-12)
    expected, counts = pair_counts(unit, r_max=8.0), pair_counts(found, r_max=8.0)
    np.testing.assert_array_equal(counts.count.sum(axis=1), expected.count.sum(axis=1))


@pytest.mark.parametrize("copies", [2, 3, 5, 7, 11, 13, 26])
def test_a_unit_is_found_in_any_number_of_copies_up_to_thirteen(copies):
    unit = Atoms("NaCl", positions=[[0, 0, 0], [1.4, 1.3, 0.9]], cell=[2.9, 3.1, 3.3], pbc=True)
    assert len(repeating_unit(unit * (1, copies, 1))) == 2


def test_a_disordered_or_substituted_box_does_not_repeat():
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (2, 2, 2)
    moved, other = atoms.copy(), atoms.copy()
    moved.positions[5] += [0.01, 0.0, 0.0]
    other.symbols[:2] = "Ge"
    assert len(repeating_unit(moved)) == len(repeating_unit(other)) == 64


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms(), "no atoms"),
        (Atoms("SiC", positions=[[0, 0, 0], [np.nan, 0, 0]]), r"atom 1 \(C\) is not finite"),
        (Atoms("Si2", positions=[[0, 0, 0], [0, 0, 2]], cell=[9, 9, 9], pbc=[1, 1, 0]), "all three or none"),
        (Atoms("Si", pbc=True), "no volume"),
        (Atoms("Si2", positions=[[0, 0, 0], [0, 0, 0.235]]), r"Si-Si pair is only 0\.23. angstrom apart"),
        (Atoms("SiC", positions=[[0, 0, 0], [0, 0, 9]], cell=[9, 9, 9], pbc=True), r"C-Si pair is only 0\.000"),
    ],
)
def test_atoms_that_cannot_be_right_are_refused(atoms, message):
    with pytest.raises(InputError, match=message):
        pair_counts(atoms, r_max=5.0)


@pytest.mark.parametrize(
    ("r_max", "dr", "message"),
    [
        (-1.0, 0.01, "no histogram"),
        (5.0, 0.0, "no histogram"),
        (np.inf, 0.01, "no histogram"),
        (9e4, 0.01, "larger dr"),
    ],
)
def test_unusable_bins_are_refused(r_max, dr, message):
    with pytest.raises(InputError, match=message):
        pair_counts(Atoms("Si2", positions=[[0, 0, 0], [0, 0, 2]]), r_max=r_max, dr=dr)
