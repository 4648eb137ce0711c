"""Tables of shells against geometry: molecules relaxed elsewhere, lattices, and pairs counted in flakes."""

import numpy as np
import pytest
from scipy.integrate import quad

from tsct.analyze.phases import shells
from tsct.analyze.phases.shells import CARBON, ELECTROLYTE, GRAPHENE, LAYER_SIZE, SILICON, Shell, disc
from tsct.phantoms.structures import structure
from tsct.records.errors import InputError
from tsct.records.seeds import generator


@pytest.mark.parametrize(
    ("member", "table"), list(enumerate(["_ETHYLENE_CARBONATE", "_DIMETHYL_CARBONATE", "_HEXAFLUOROPHOSPHATE"]))
)
def test_a_molecule_has_as_many_pairs_at_its_distances(member, table):
    """Relaxed with a quantum-chemical method for the simulator: within 0.06 A of the handbook's bonds and angles."""
    atoms = structure("electrolyte").members[member]
    symbols, distances = np.array(atoms.get_chemical_symbols()), atoms.get_all_distances()
    taken = {}
    for shell in sorted(getattr(shells, table), key=lambda shell: (shell.a, shell.b, shell.distance)):
        ends = np.ix_(symbols == shell.a, symbols == shell.b)
        # unlike pairs once, like pairs from both ends
        pairs = np.sort(distances[ends][distances[ends] > 0])
        first = taken.setdefault((shell.a, shell.b), 0)
        own = pairs[first : first + int(shell.number)]
        taken[shell.a, shell.b] += int(shell.number)
        assert own.size == shell.number and own.mean() == pytest.approx(shell.distance, abs=0.06), shell
        assert own.std() < shell.sigma


def test_the_electrolyte_is_one_molecule_of_solvent_and_its_salt():
    """56 % of the molecules are ethylene carbonate (equal volumes), with eight hexafluorophosphates per hundred."""
    bonds = {(s.a, s.b, s.distance): s.number for s in ELECTROLYTE}
    assert bonds["C", "O", 1.20] == pytest.approx(0.56) and bonds["C", "O", 1.21] == pytest.approx(0.44)
    assert bonds["P", "F", 1.60] == pytest.approx(6 * 0.08)
    # densities 1.32 and 1.07 g/cm3, masses 88.06 and 90.08
    moles = np.array([1.32 / 88.06, 1.07 / 90.08])
    assert moles[0] / moles.sum() == pytest.approx(0.56, abs=0.005)
    assert 1 / (1000 * moles.mean()) == pytest.approx(0.08, abs=0.008)


def test_graphene_is_the_honeycomb_of_its_bond():
    cells = np.stack(np.meshgrid(*[np.arange(-5, 6)] * 2), axis=-1).reshape(-1, 2)
    lattice = 1.42 * np.array([[np.sqrt(3), 0.0], [np.sqrt(3) / 2, 1.5]])
    places = np.concatenate([cells @ lattice, cells @ lattice + [0.0, 1.42]])
    found, numbers = np.unique(np.round(np.hypot(*places.T), 3), return_counts=True)
    near = (found > 0.1) & (found < 5.2)
    np.testing.assert_allclose([shell.distance for shell in GRAPHENE], found[near], atol=1e-3)
    np.testing.assert_array_equal([shell.number for shell in GRAPHENE], numbers[near])
    assert np.all(np.diff([shell.sigma for shell in GRAPHENE]) > 0)


def test_silicon_is_tetrahedral():
    first, second = SILICON
    assert (first.number, second.number) == (4, 12)
    assert second.distance == pytest.approx(first.distance * np.sqrt(8 / 3), abs=0.02)


def test_a_flake_misses_the_neighbours_of_its_edge():
    """Points drawn in a disc: the share of those a step away in any direction that lie inside too."""
    assert LAYER_SIZE == 15.0
    rng, n = generator(1, "flake"), 400_000
    radius, angle, way = 7.5 * np.sqrt(rng.random(n)), 2 * np.pi * rng.random(n), 2 * np.pi * rng.random(n)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    for whole, cut in zip(GRAPHENE, CARBON, strict=True):
        share = np.mean(np.hypot(x + whole.distance * np.cos(way), y + whole.distance * np.sin(way)) < 7.5)
        assert cut.number / whole.number == pytest.approx(share, abs=4 * np.sqrt(0.25 / n))
    assert disc((Shell(a="C", b="C", number=2.0, distance=10.0, sigma=0.1),), 10.0)[0].number == pytest.approx(0.0)


@pytest.mark.parametrize("u", [1e-4, 0.0099, 0.0101, 0.5, -0.5, 4.0])
def test_the_functions_of_asymmetry_are_integrals(u):
    """Taylor's theorem: L(z) is the integral of (1 - s) / (1 - zs)^2 over s from 0 to 1, here at z = iu."""
    a, b, a_slope, b_slope = shells._spread(np.array([u]))

    def kernel(s):
        return (1 - s) / (1 - 1j * u * s) ** 2

    def slope(s):
        return (1 - s) * 2j * s / (1 - 1j * u * s) ** 3

    for real, imaginary, integrand in ((a, b, kernel), (a_slope, b_slope, slope)):
        expected = quad(integrand, 0, 1, complex_func=True)[0]
        assert real[0] == pytest.approx(expected.real, rel=1e-6, abs=1e-10)
        assert imaginary[0] == pytest.approx(expected.imag, rel=1e-6, abs=1e-10)


def test_a_shell_of_an_element_that_the_phase_lacks_is_refused():
    q = np.linspace(0.5, 20.0, 40)
    with pytest.raises(InputError, match=r"a shell names O, the composition does not"):
        shells.shells_pattern("lime", (Shell(a="Si", b="O", number=4, distance=1.6, sigma=0.1),), q, {"Si": 1.0})
