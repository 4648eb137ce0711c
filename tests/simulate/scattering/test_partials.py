"""Pair correlations: normalisation, mean density, ensembles, and the histogram against the exact sum."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tsct.phantoms.structures.thermal import STATIC, Thermal
from tsct.records.errors import InputError
from tsct.simulate.scattering import partials as correlations
from tsct.simulate.scattering.pair_histogram import half_width
from tsct.simulate.scattering.partials import amplitude, composition, correlate, exact_amplitudes, partial_density

Q = np.linspace(0.0, 36.0, 300)
MOVING = Thermal(u_iso={"Si": 0.004, "C": 0.006}, delta1=0.5, delta2=0.8)


def glass(symbols: str = "Si216", closest: float = 0.3) -> Atoms:
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (3, 3, 3)
    rng = np.random.default_rng(0)
    atoms.positions += rng.uniform(-closest, closest, atoms.positions.shape)
    atoms.symbols = rng.permutation(Atoms(symbols).get_chemical_symbols())
    return atoms


def line(symbols: str, spacing: float) -> Atoms:
    return Atoms(symbols, positions=spacing * np.outer(np.arange(len(Atoms(symbols))), [1.0, 0.0, 0.0]))


def test_a_cluster_has_every_ordered_pair_at_its_distance():
    found = correlate([line("CSiC", 1.5)])
    assert found.composition == pytest.approx({"C": 2 / 3, "Si": 1 / 3})
    assert set(found.rows) == {("C", "C"), ("C", "Si"), ("Si", "Si")}
    assert not found.rows["Si", "Si"].any()
    for pair, distance, ordered in ((("C", "C"), 3.0, 2), (("C", "Si"), 1.5, 4)):
        row = found.rows[pair]
        assert row.sum() == pytest.approx(ordered / 3, rel=1e-12)
        # positions are kept in float32
        assert row @ np.arange(row.size) * found.dr / row.sum() == pytest.approx(distance, abs=2e-6)
        # the start of the bin of the closest pair
        assert found.first[pair] <= distance + 1e-9 and found.first[pair] == pytest.approx(distance, abs=found.dr)
    assert found.first["Si", "Si"] == np.inf
    assert found.reach >= 3.0


def test_members_count_per_atom_and_may_differ_in_length_and_elements():
    a, b = line("C2", 1.5), line("CSi3", 2.0)
    both, alone = correlate([a, b], (0.6, 0.4)), [correlate([a]), correlate([b])]
    atoms = 0.6 * 2 + 0.4 * 4
    assert both.composition == pytest.approx({"C": (0.6 * 2 + 0.4) / atoms, "Si": 0.4 * 3 / atoms})
    for pair in both.rows:
        expected = np.zeros_like(both.rows[pair])
        for share, member in zip((0.6 * 2 / atoms, 0.4 * 4 / atoms), alone, strict=True):
            row = member.rows.get(pair, np.zeros(1))
            expected[: row.size] += share * row
        np.testing.assert_allclose(both.rows[pair], expected, atol=1e-15)
    assert both.first["C", "C"] == pytest.approx(1.5, abs=both.dr)
    assert both.first["Si", "Si"] == pytest.approx(2.0, abs=both.dr)


def test_random_atoms_have_the_mean_density_and_nothing_else():
    """A box of independent atoms: what is left is noise of the number of pairs, and it has faded out at the end."""
    rng, length = np.random.default_rng(7), 24.0
    grid = np.stack(np.meshgrid(*[np.arange(24)] * 3), axis=-1).reshape(-1, 3) * (length / 24)
    # one atom anywhere in each of a random half of the cells, and no two closer than the limit of pair_counts
    cells = grid[rng.permutation(len(grid))[:2000]]
    atoms = Atoms("Si2000", positions=cells + rng.uniform(0.2, 0.8, cells.shape), cell=[length] * 3, pbc=True)
    row = correlate([atoms]).rows["Si", "Si"]
    r = np.arange(row.size) * correlations.DR
    density = 2000 / length**3
    for low, high in ((3.0, 5.0), (5.0, 8.0), (8.0, 11.0)):
        inside = (r >= low) & (r < high)
        pairs = 4 / 3 * np.pi * (high**3 - low**3) * density
        # 2000 atoms times this many neighbours, each pair seen twice; less than random, since cells hold one atom
        assert abs(row[inside].sum()) < 5 * np.sqrt(2 * pairs / 2000)
    # the fade-out is a cosine, of second order in the last bin
    assert abs(row[-1]) < 1e-6


def test_an_atom_repels_about_one_other():
    """Pairs less the mean density add up to minus one in a box whose number of atoms is fixed."""
    atoms = glass()
    # the whole box by its minimum images: every atom has N - 1 others around it
    counts = correlate([atoms]).rows["Si", "Si"]
    r = np.arange(counts.size) * correlations.DR
    inside = r < 0.7 * half_width(atoms) - 0.5
    neighbours = counts[inside].sum() + 4 / 3 * np.pi * (r[inside][-1]) ** 3 * len(atoms) / atoms.cell.volume
    distances = atoms.get_all_distances(mic=True)
    expected = np.sum((distances > 0) & (distances < r[inside][-1])) / len(atoms)
    # the last grid point holds pairs on both sides of it: 4 pi r^2 rho dr / 2 is 0.01
    assert neighbours == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("thermal", [STATIC, MOVING], ids=["static", "moving"])
@pytest.mark.parametrize("kind", ["cluster", "box", "crystal"])
def test_amplitudes_over_the_histogram_are_those_over_the_pairs(kind, thermal, monkeypatch):
    # shorter crystallites have fewer pairs to sum one by one
    monkeypatch.setattr(correlations, "CRYSTALLITE_A", 30.0)
    atoms = bulk("SiC", "zincblende", a=4.36, cubic=True) if kind == "crystal" else glass("Si116C100")
    if kind == "cluster":
        atoms.pbc = False
    exact = exact_amplitudes(atoms, Q, thermal.pair_variance)
    found = correlate([atoms])
    assert set(found.rows) == set(exact)
    for pair, expected in exact.items():
        difference = amplitude(found, pair, Q, thermal.pair_variance) - expected
        # per pair (Q dr)^2 / 12 at random; a crystal has few different distances, so theirs do not average out
        assert np.max(np.abs(difference)) < (2e-3 if kind == "crystal" else 2e-5 * max(1, np.max(np.abs(expected))))


@pytest.mark.parametrize("repeat", [(1, 1, 1), (2, 1, 3), (4, 4, 4)])
def test_a_crystal_is_known_however_often_it_is_repeated(repeat):
    unit = bulk("Si", "diamond", a=5.43, cubic=True)
    one, many = correlate([unit]), correlate([unit * repeat])
    assert many.reach == pytest.approx(correlations.CRYSTALLITE_A, abs=0.01)
    np.testing.assert_allclose(
        amplitude(many, ("Si", "Si"), Q, STATIC.pair_variance),
        amplitude(one, ("Si", "Si"), Q, STATIC.pair_variance),
        atol=2e-2,
    )


def test_a_crystal_forgets_its_shape():
    """At Q = 0 the pairs and the missing mean density of a crystallite cancel, but for the atom itself."""
    row = correlate([bulk("Si", "diamond", a=5.43, cubic=True)]).rows["Si", "Si"]
    # the number of lattice points in a ball fluctuates like its surface; the mean over all places is exact to 1 %
    assert row.sum() == pytest.approx(-1.0, abs=0.05)


def test_partial_densities_add_up():
    shares = {"C": 0.2, "Li": 0.3, "Si": 0.5}
    pairs = [(a, b) for a in shares for b in shares if a <= b]
    assert sum(partial_density(shares, 0.05, pair) for pair in pairs) == pytest.approx(0.05, rel=1e-14)


def test_composition_is_sorted_and_adds_to_one():
    shares = composition(Atoms("SiC2Li"))
    assert list(shares.items()) == [("C", 0.5), ("Li", 0.25), ("Si", 0.25)]


@pytest.mark.parametrize("members", [[Atoms()], [Atoms("Si"), Atoms()]])
def test_no_atoms_are_refused(members):
    with pytest.raises(InputError, match="no atoms"):
        correlate(members, [1 / len(members)] * len(members))


def test_a_crystallite_may_be_as_wide_as_a_box_of_drawn_atoms_and_no_wider():
    """The box repeats itself after 16.29 angstrom."""
    box = glass()
    assert 2 * half_width(box) == pytest.approx(16.29)
    assert correlate([box], crystallite_a=16.29).reach == pytest.approx(16.29, abs=0.01)
    with pytest.raises(InputError, match=r"1\.63 nm wide but the box, which repeats itself, 1\.63 nm"):
        correlate([box], crystallite_a=16.3)
