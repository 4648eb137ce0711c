"""Debye scattering and G(r) against closed forms, plain sums over explicit atoms, and laws of physics."""

from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from tsct.phantoms.structures.library import structure
from tsct.phantoms.structures.thermal import STATIC, Thermal
from tsct.records.errors import InputError, UsageError
from tsct.simulate.scattering import partials as correlations
from tsct.simulate.scattering.molecular_liquid import percus_yevick, sphere_packing, van_der_waals_volume
from tsct.simulate.scattering.scattering import (
    pair_distribution,
    partial_pair_distributions,
    scattering,
    second_shell_loss,
    second_shell_loss_pdf,
    structure_compton,
    structure_pair_distribution,
    structure_scattering,
)
from tsct.simulate.scattering.xray_tables import form_factor, mean_compton

Q = np.linspace(0.3, 36.0, 400)
# A pair shared between grid points dr apart is broadened by up to dr^2 / 4, of which the mean, dr^2 / 6, is taken off
# again: at dr = 0.002 and sigma^2 = 0.008 the height of one peak is off by dr^2 / 12 sigma^2 at most, on average by 0.
GRID = 5e-5
MOVING = Thermal(u_iso={"Si": 0.004, "C": 0.006, "Li": 0.02})


def dimer(first: str, second: str, r: float) -> Atoms:
    return Atoms(
        [first, second], positions=[[0.1, 0.2, 0.3], np.array([0.1, 0.2, 0.3]) + r * np.array([0.6, 0.0, 0.8])]
    )


def glass(cells: int = 3, displacement: float = 0.25, symbols: str = "Si") -> Atoms:
    """Periodic box of a crystal whose atoms are displaced at random, so that it does not repeat."""
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (cells, cells, cells)
    rng = np.random.default_rng(cells)
    atoms.positions += rng.uniform(-displacement, displacement, atoms.positions.shape)
    if symbols == "mixed":
        atoms.symbols[rng.permutation(len(atoms))[: len(atoms) // 4]] = "Li"
        atoms.symbols[rng.permutation(len(atoms))[: len(atoms) // 4]] = "C"
    return atoms


def cluster(number: int = 40, seed: int = 0) -> Atoms:
    """Compact cluster of three elements without symmetry."""
    rng = np.random.default_rng(seed)
    positions = (bulk("Si", "diamond", a=5.43, cubic=True) * (6, 6, 6)).positions
    positions = positions[np.argsort(((positions - positions.mean(axis=0)) ** 2).sum(axis=1))[:number]]
    return Atoms(rng.choice(["Si", "C", "Li"], number), positions=positions + rng.uniform(-0.2, 0.2, (number, 3)))


def double_sum(atoms: Atoms, q: np.ndarray, thermal: Thermal = STATIC) -> np.ndarray:
    """Debye's equation as it is written, over ordered pairs."""
    r = cdist(atoms.positions, atoms.positions)
    factors = np.array([form_factor(symbol, q) for symbol in atoms.symbols])
    variance = np.array(
        [
            [thermal.pair_variance(a, b, r[i, j]) for j, b in enumerate(atoms.symbols)]
            for i, a in enumerate(atoms.symbols)
        ]
    )
    np.fill_diagonal(variance, 0.0)
    waves = np.sinc(r[None] * q[:, None, None] / np.pi) * np.exp(-0.5 * q[:, None, None] ** 2 * variance)
    return np.einsum("iq,qij,jq->q", factors, waves, factors) / len(atoms)


def gaussian_pairs(r: np.ndarray, distances: np.ndarray, weight: float, sigma: float) -> np.ndarray:
    """Sum of Gaussian peaks of R(r) / r, each with its mirror image at negative distances."""
    here, there = (np.exp(-0.5 * ((r[:, None] - sign * distances) / sigma) ** 2) for sign in (1, -1))
    return ((here - there) / distances).sum(axis=1) * weight / (np.sqrt(2.0 * np.pi) * sigma)


# ---------------------------------------------------------------------------------------------------------------------
# intensity of clusters


def test_one_atom_scatters_like_itself():
    np.testing.assert_array_equal(scattering(Atoms("Si"), Q), form_factor("Si", Q) ** 2)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("thermal", [STATIC, MOVING], ids=["static", "moving"])
@settings(max_examples=20, deadline=None)
@given(r=st.floats(1.0, 20.0), pair=st.sampled_from([("Si", "Si"), ("C", "Si"), ("Li", "Si")]))
def test_dimer(exact, thermal, r, pair):
    a, b = (form_factor(symbol, Q) for symbol in pair)
    damping = np.exp(-0.5 * Q**2 * thermal.pair_variance(*pair, r))
    expected = 0.5 * (a**2 + b**2) + a * b * np.sinc(Q * r / np.pi) * damping
    # a distance is kept to dr / 2**11, float32 and half a bin of interpolation, (Q dr)^2 / 12 of the pair's own term
    tolerance = 1e-12 if exact else 5e-4
    assert np.max(np.abs(scattering(dimer(*pair, r), Q, thermal, exact=exact) - expected) / expected) < tolerance


@pytest.mark.parametrize("thermal", [STATIC, MOVING], ids=["static", "moving"])
def test_exact_sum_is_the_double_sum(thermal):
    atoms = cluster()
    np.testing.assert_allclose(scattering(atoms, Q, thermal, exact=True), double_sum(atoms, Q, thermal), rtol=1e-12)


@pytest.mark.parametrize("thermal", [STATIC, MOVING], ids=["static", "moving"])
def test_histogram_is_the_exact_sum(thermal):
    atoms = cluster(600, seed=2)
    exact = scattering(atoms, Q, thermal, exact=True)
    assert np.max(np.abs(scattering(atoms, Q, thermal) / exact - 1.0)) < 1e-5


def test_the_default_bin_is_exact_to_a_ten_thousandth_of_the_self_scattering():
    """Layers of atoms at rest, whose distances repeat, are the hardest case: errors of equal pairs add up."""
    atoms = structure("glassy-carbon").members[0]
    q = np.linspace(0.3, 36.0, 60)
    error = scattering(atoms, q) - scattering(atoms, q, exact=True)
    # (Q dr)^2 / 12 of the pairs' own term bounds it; 2.4e-5 measured on a finer grid
    assert np.all(np.abs(error) < 1e-4 * form_factor("C", q) ** 2)


def test_forward_scattering_counts_all_electrons():
    atoms = cluster()
    electrons = sum(float(form_factor(symbol, [0.0])[0]) for symbol in atoms.symbols)
    assert scattering(atoms, [1e-6])[0] == pytest.approx(electrons**2 / len(atoms), rel=1e-9)


def test_guinier_curvature():
    positions = cluster(200).positions
    gyration = np.sqrt(((positions - positions.mean(axis=0)) ** 2).sum(axis=1).mean())
    q = 5e-3 / gyration
    intensity = scattering(Atoms("Si200", positions=positions), [q])[0] / form_factor("Si", [q])[0] ** 2
    # the next term of the expansion is (q Rg)^2 smaller; a difference of 1e-5 keeps seven digits
    assert 1.0 - intensity / 200.0 == pytest.approx((q * gyration) ** 2 / 3.0, rel=1e-4)


@pytest.mark.parametrize("exact", [True, False])
def test_turning_moving_mirroring_and_renumbering_change_nothing(exact):
    atoms = cluster()
    order = np.random.default_rng(4).permutation(len(atoms))
    turn = Rotation.from_euler("xyz", [0.4, 1.1, -2.0]).as_matrix()
    expected = scattering(atoms, Q, exact=exact)
    others = {
        "turned": Atoms(atoms.symbols, positions=atoms.positions @ turn.T + [30.0, -4.0, 9.0]),
        "mirrored": Atoms(atoms.symbols, positions=-atoms.positions),
        "renumbered": atoms[order],
    }
    for name, other in others.items():
        # distances in the histogram are exact to about 1e-6 angstrom
        difference = np.max(np.abs(scattering(other, Q, exact=exact) / expected - 1.0))
        assert difference < (1e-12 if exact else 1e-4), name


def test_swapping_unlike_atoms_does_change_it():
    atoms = cluster()
    swapped = atoms.copy()
    symbols = np.array(atoms.get_chemical_symbols())
    first, second = np.flatnonzero(symbols == "Si")[0], np.flatnonzero(symbols == "Li")[0]
    swapped.positions[[first, second]] = swapped.positions[[second, first]]
    assert np.max(np.abs(scattering(swapped, Q, exact=True) / scattering(atoms, Q, exact=True) - 1.0)) > 1e-2


def test_larger_clusters_scatter_at_smaller_q():
    atoms = Atoms("Si30", positions=cluster(30).positions)
    larger = Atoms("Si30", positions=1.7 * atoms.positions)
    here = scattering(larger, Q, exact=True) / form_factor("Si", Q) ** 2
    there = scattering(atoms, 1.7 * Q, exact=True) / form_factor("Si", 1.7 * Q) ** 2
    np.testing.assert_allclose(here, there, rtol=1e-11)


def test_far_clusters_add():
    a, b = cluster(30, seed=1), cluster(50, seed=2)
    far = b.copy()
    far.positions += [4000.0, 0.0, 0.0]
    q = np.linspace(1.0, 20.0, 100)
    apart = (30 * scattering(a, q, exact=True) + 50 * scattering(b, q, exact=True)) / 80
    # cross terms fall as 1 / (Q D)
    assert np.max(np.abs(scattering(a + far, q, exact=True) / apart - 1.0)) < 2e-2


@pytest.mark.parametrize("symbols", ["Si", "mixed"])
def test_atoms_scatter_on_their_own_at_high_q(symbols):
    """S -> 1 with the Laue term: the structure dies out as exp(-Q^2 sigma^2 / 2), sigma^2 = 2 u."""
    q = np.linspace(25.0, 36.0, 200)
    atoms = glass(3, 0.0, symbols)
    atoms.positions += np.random.default_rng(0).uniform(-0.01, 0.01, atoms.positions.shape)
    thermal = Thermal(u_iso={"Si": 0.01, "C": 0.01, "Li": 0.01})
    shares = {symbol: float(np.mean(atoms.symbols == symbol)) for symbol in set(atoms.symbols)}
    mean_f2 = sum(share * form_factor(symbol, q) ** 2 for symbol, share in shares.items())
    # four neighbours at 2.35 angstrom, twelve at 3.84, twelve at 4.5: damped to 2e-3 at most
    bound = np.exp(-0.01 * q**2) * (4 / (q * 2.3) + 12 / (q * 3.8) + 12 / (q * 4.4)) * 1.5
    assert bound.max() < 2e-3
    assert np.all(np.abs(scattering(atoms, q, thermal) / mean_f2 - 1.0) < bound)


# ---------------------------------------------------------------------------------------------------------------------
# intensity of boxes


def explicit_box(atoms: Atoms, q: np.ndarray, r_max: float) -> np.ndarray:
    """Box as the middle of a cluster of its images: pairs to `r_max`, less the mean density, both faded out."""
    images = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) @ np.asarray(
        atoms.cell
    )
    around = (atoms.positions[None] + images[:, None]).reshape(-1, 3)
    r = cdist(atoms.positions, around)
    symbols = np.array(atoms.get_chemical_symbols())
    everywhere = np.tile(symbols, len(images))

    def fade(x):
        return 0.5 + 0.5 * np.cos(np.pi * np.clip((x / r_max - 0.7) / 0.3, 0.0, 1.0))

    fine = np.linspace(0.0, r_max, 40_001)
    total = np.zeros_like(q)
    for a in set(symbols):
        total += np.mean(symbols == a) * form_factor(a, q) ** 2
        for b in set(symbols):
            pairs = r[np.ix_(symbols == a, everywhere == b)]
            pairs = pairs[(pairs > 1e-6) & (pairs < r_max)]
            density = np.mean(symbols == a) * np.sum(symbols == b) / atoms.cell.volume
            mean = 4 * np.pi * fine**2 * density * fade(fine)
            for n, value in enumerate(q):
                found = fade(pairs) @ np.sinc(pairs * value / np.pi) / len(atoms)
                smooth = np.trapezoid(mean * np.sinc(fine * value / np.pi), fine)
                total[n] += float(form_factor(a, [value])[0] * form_factor(b, [value])[0]) * (found - smooth)
    return total


@pytest.mark.parametrize("symbols", ["Si", "mixed"])
@pytest.mark.parametrize("exact", [True, False])
def test_a_box_is_the_middle_of_an_explicit_cluster(symbols, exact):
    atoms, q = glass(2, symbols=symbols), np.array([0.02, 0.5, 1.9, 2.7, 5.6, 12.3, 20.1, 33.0])
    expected = explicit_box(atoms, q, 5.43)
    # trapezoids of the mean density are good to 1e-7; bins add 1e-5
    tolerance = 1e-6 if exact else 2e-5
    np.testing.assert_allclose(scattering(atoms, q, exact=exact), expected, rtol=tolerance, atol=1e-4)


@pytest.mark.parametrize(("plane", "multiplicity", "squared"), [((1, 1, 1), 8, 32), ((2, 2, 0), 12, 64)])
def test_bragg_peaks_of_a_crystal_have_their_place_and_area(plane, multiplicity, squared):
    """Powder: the integral over one line of I / (N f^2) is 2 pi^2 m |F / f|^2 / (V N_cell G^2) (Warren 1969)."""
    a = 5.43
    line = 2 * np.pi * np.linalg.norm(plane) / a
    q = line + np.linspace(-0.25, 0.25, 1001)
    intensity = scattering(bulk("Si", "diamond", a=a, cubic=True), q) / form_factor("Si", q) ** 2
    # a line of a sphere is symmetric in Q I(Q)
    height = q * intensity
    assert np.trapezoid(height * q, q) / np.trapezoid(height, q) == pytest.approx(line, abs=1e-3)
    expected = 2 * np.pi**2 * multiplicity * squared / (a**3 * 8 * line**2)
    # the shape function of a ball of diameter D has a kink at r = 0, so a line has wings of 3 / (pi D w) beyond +-w;
    # those of the neighbours add up to 0.8 %
    wings = 3 / (np.pi * 150.0 * 0.25)
    assert np.trapezoid(intensity, q) == pytest.approx(expected * (1 - wings), rel=1e-2)


def test_forbidden_reflections_are_absent():
    q = 2 * np.pi / 5.43 * np.array([1.0, np.sqrt(2.0), 2.0, np.sqrt(5.0)])
    intensity = scattering(bulk("Si", "diamond", a=5.43, cubic=True), q) / form_factor("Si", q) ** 2
    # only the wings of the allowed lines, which are 18 (1 1 1) and 10 (2 2 0) high
    assert np.max(np.abs(intensity)) < 0.05


def test_crystallites_scatter_as_the_mean_of_explicit_balls(monkeypatch):
    """The shape function holds for balls cut at all places; small ones, so that they can be summed explicitly."""
    diameter, q = 24.0, np.linspace(1.5, 12.0, 200)
    monkeypatch.setattr(correlations, "CRYSTALLITE_A", diameter)
    unit = bulk("Si", "diamond", a=5.43, cubic=True)
    block = (unit * (7, 7, 7)).positions
    rng, total, number = np.random.default_rng(3), np.zeros_like(q), 0
    for _ in range(60):
        centre = 3 * 5.43 + 5.43 * rng.random(3)
        ball = block[((block - centre) ** 2).sum(axis=1) < (0.5 * diameter) ** 2]
        total += len(ball) * scattering(Atoms(f"Si{len(ball)}", positions=ball), q)
        number += len(ball)
    f2 = form_factor("Si", q) ** 2
    difference = scattering(unit, q) / f2 - total / number / f2
    # 60 places; one ball of 360 atoms differs from the mean by 0.08 on average
    assert np.sqrt(np.mean(difference**2)) < 0.05
    assert np.ptp(total / number / f2) > 2.0


# ---------------------------------------------------------------------------------------------------------------------
# functions of r


def test_g_of_a_dimer_is_a_gaussian():
    r = np.arange(0.0, 9.0, 0.01)
    sigma = np.sqrt(2 * 0.004)
    expected = gaussian_pairs(r, np.array([2.35]), 1.0, sigma)
    found = pair_distribution(dimer("Si", "Si", 2.35), r, MOVING)
    np.testing.assert_allclose(found, expected, atol=GRID * expected.max())


def test_g_of_a_static_dimer_has_the_narrowest_drawable_width():
    r = np.arange(0.0, 5.0, 0.005)
    expected = gaussian_pairs(r, np.array([2.0]), 1.0, 0.025)
    # above 75 1/angstrom the weights are held, and the histogram shares the pair between two points 0.002 apart
    np.testing.assert_allclose(pair_distribution(dimer("C", "C", 2.0), r), expected, atol=1e-3 * expected.max())


def test_g_of_a_box_is_its_histogram():
    """Equal Gaussians on every pair, less 4 pi rho0 r: the line below the first pair, peaks above it."""
    atoms, sigma = glass(3), np.sqrt(2 * 0.004)
    r = np.arange(0.01, 0.65 * 8.145 - 6 * sigma, 0.01)
    shifts = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) @ np.asarray(
        atoms.cell
    )
    distances = cdist(atoms.positions, (atoms.positions[None] + shifts[:, None]).reshape(-1, 3)).ravel()
    distances = distances[(distances > 0.1) & (distances < 8.0)]
    expected = gaussian_pairs(r, distances, 1 / len(atoms), sigma) - 4 * np.pi * r * len(atoms) / atoms.cell.volume
    found = pair_distribution(atoms, r, MOVING)
    np.testing.assert_allclose(found, expected, atol=2e-5 * expected.max())
    low = r < 1.2
    np.testing.assert_allclose(found[low], -4 * np.pi * len(atoms) / atoms.cell.volume * r[low], atol=1e-4)


def test_area_of_the_first_peak_is_the_coordination():
    atoms = glass(3, 0.05)
    r = np.arange(1.5, 3.1, 0.002)
    density = len(atoms) / atoms.cell.volume
    running = r * pair_distribution(atoms, r, MOVING) + 4 * np.pi * r**2 * density
    # the second shell is at 3.84 angstrom
    assert np.trapezoid(running, r) == pytest.approx(4.0, rel=1e-4)


def test_g_of_a_cluster_has_no_baseline_until_small_angles_are_left_out():
    atoms = Atoms("Si600", positions=cluster(600).positions)
    r, q = np.arange(0.2, 1.3, 0.05), np.linspace(0.0, 0.6, 601)
    assert np.max(np.abs(pair_distribution(atoms, r, MOVING))) < 1e-4
    reduced = q * (scattering(atoms, q, MOVING, exact=True) / form_factor("Si", q) ** 2 - 1.0)
    left_out = 2 / np.pi * np.trapezoid(reduced * np.sin(np.outer(r, q)), q, axis=1)
    found = pair_distribution(atoms, r, MOVING, q_min=0.6)
    # trapezoids of 0.001 are good to 1e-5
    np.testing.assert_allclose(found, -left_out, atol=1e-4)
    # most of the line of the mean density, the rest of which is the Porod tail of a small ball
    assert -4 * np.pi * 8 / 5.43**3 < found[0] / r[0] < 0.7 * -4 * np.pi * 8 / 5.43**3


def test_parseval():
    atoms = dimer("Si", "Si", 2.35)
    r, q = np.arange(0.0, 8.0, 0.002), np.arange(0.0, 75.0, 0.002)
    g = pair_distribution(atoms, r, MOVING)
    f = np.sin(q * 2.35) / 2.35 * np.exp(-0.5 * q**2 * 0.008)
    assert np.trapezoid(g**2, r) == pytest.approx(2 / np.pi * np.trapezoid(f**2, q), rel=GRID)


def test_partials_are_one_far_away_zero_inside_and_add_up():
    atoms, thermal = glass(3, symbols="mixed"), Thermal(u_iso=dict.fromkeys(("Si", "C", "Li", "Ge"), 0.004))
    r = np.arange(0.2, 5.0, 0.01)
    found = partial_pair_distributions(atoms, r, thermal)
    shares = {symbol: float(np.mean(atoms.symbols == symbol)) for symbol in set(atoms.symbols)}
    total = sum((1 if a == b else 2) * shares[a] * shares[b] * g for (a, b), g in found.items())
    same = Atoms(f"Ge{len(atoms)}", positions=atoms.positions, cell=atoms.cell, pbc=True)
    np.testing.assert_allclose(total, partial_pair_distributions(same, r, thermal)["Ge", "Ge"], atol=1e-4)
    assert np.max(np.abs(total[r < 1.4])) < 1e-3
    ((_, beyond),) = partial_pair_distributions(same, np.array([20.0, 25.0]), thermal).items()
    np.testing.assert_allclose(beyond, 1.0, atol=1e-6)


def test_partials_give_g_of_one_element():
    atoms, r = glass(3), np.arange(1.0, 5.0, 0.01)
    density = len(atoms) / atoms.cell.volume
    g = partial_pair_distributions(atoms, r, MOVING)["Si", "Si"]
    np.testing.assert_allclose(4 * np.pi * r * density * (g - 1), pair_distribution(atoms, r, MOVING), atol=1e-6)


# ---------------------------------------------------------------------------------------------------------------------
# ensembles


def entry(*members: Atoms, kind: str = "cluster", shares=None, density: float = 0.05, thermal: Thermal = STATIC):
    """What the functions need of a structure of the library."""
    shares = shares or [1 / len(members)] * len(members)
    atoms = sum(share * len(member) for share, member in zip(shares, members, strict=True))
    composition: dict[str, float] = {}
    for share, member in zip(shares, members, strict=True):
        for symbol in member.symbols:
            composition[symbol] = composition.get(symbol, 0.0) + share / atoms
    return SimpleNamespace(
        members=members,
        mole_fractions=shares,
        kind=kind,
        thermal=thermal,
        number_density_per_a3=density,
        composition=composition,
        crystallite_a=None,
    )


def test_members_count_by_their_mole_fractions_times_their_atoms():
    a, b = cluster(30, seed=1), cluster(60, seed=2)
    expected = (0.25 * 30 * scattering(a, Q) + 0.75 * 60 * scattering(b, Q)) / (0.25 * 30 + 0.75 * 60)
    np.testing.assert_allclose(structure_scattering(entry(a, b, shares=[0.25, 0.75]), Q), expected, rtol=1e-9)


def test_g_of_an_ensemble_is_weighted_with_its_own_mean_form_factor():
    a, b = dimer("Si", "Si", 2.35), dimer("Si", "Si", 3.0)
    r = np.arange(0.5, 5.0, 0.01)
    expected = 0.5 * (pair_distribution(a, r, MOVING) + pair_distribution(b, r, MOVING))
    found = structure_pair_distribution(entry(a, b, thermal=MOVING), r)
    np.testing.assert_allclose(found, expected, atol=1e-6 * expected.max())


def test_a_liquid_of_atoms_has_the_structure_factor_of_hard_spheres():
    argon, density = Atoms("Ar"), 0.02
    packing, diameter = sphere_packing(van_der_waals_volume(argon), density)
    expected = form_factor("Ar", Q) ** 2 * percus_yevick(Q, packing, diameter)
    found = structure_scattering(entry(argon, kind="molecule", density=density), Q)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_molecules_of_a_thin_gas_do_not_interfere():
    gas = entry(dimer("N", "N", 1.1), kind="molecule", density=5e-5)
    # the packing fraction of air is 0.001
    np.testing.assert_allclose(structure_scattering(gas, Q), scattering(gas.members[0], Q), rtol=2e-2)


def test_compton_is_that_of_the_composition():
    oxide = entry(Atoms("SiO2", positions=2.0 * np.eye(3)))
    np.testing.assert_array_equal(structure_compton(oxide, Q), mean_compton({"Si": 1 / 3, "O": 2 / 3}, Q))


@pytest.mark.parametrize(("r", "share"), [(2.35, 0.0), (3.2, 0.5), (3.9, 1.0), (4.6, 0.5), (4.8, 0.0)])
def test_lost_second_shell_of_a_dimer(r, share):
    change = np.exp(-0.5 * (0.4 * Q) ** 2) - 1
    damping = np.exp(-0.5 * Q**2 * 0.008)
    expected = share * form_factor("Si", Q) ** 2 * np.sinc(Q * r / np.pi) * damping * change
    found = second_shell_loss(entry(dimer("Si", "Si", r), thermal=MOVING), Q)
    # at a flank the pair is shared between points 0.002 apart, where the window changes by 0.016
    np.testing.assert_allclose(found, expected, atol=1e-3 * max(np.max(np.abs(expected)), 1e-12))


def test_lost_second_shell_leaves_carbon_alone():
    np.testing.assert_array_equal(second_shell_loss(entry(dimer("C", "C", 3.9)), Q), 0.0)
    np.testing.assert_array_equal(second_shell_loss(entry(dimer("C", "Si", 3.9)), Q), 0.0)


def test_g_of_the_lost_second_shell_is_a_broader_peak_less_the_sharp_one():
    r = np.arange(0.5, 7.0, 0.01)
    at = np.array([3.9])
    expected = gaussian_pairs(r, at, 1.0, np.sqrt(0.008 + 0.16)) - gaussian_pairs(r, at, 1.0, np.sqrt(0.008))
    found = second_shell_loss_pdf(entry(dimer("Si", "Si", 3.9), thermal=MOVING), r)
    np.testing.assert_allclose(found, expected, atol=GRID * 1.14)


# ---------------------------------------------------------------------------------------------------------------------
# refusals


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: scattering(Atoms("Si"), [[1.0]]), InputError, "one dimension"),
        (lambda: scattering(Atoms("Si"), [80.0]), InputError, r"end at Q = 75\.4"),
        (lambda: scattering(Atoms("Si"), [-1.0]), InputError, "zero or larger"),
        (lambda: scattering(Atoms("Si"), [1.0], engine="fast"), UsageError, "unknown engine 'fast'"),
        (lambda: scattering(Atoms(), [1.0]), InputError, "no atoms"),
        (lambda: partial_pair_distributions(Atoms("Si"), [1.0]), InputError, "needs a periodic box"),
        (lambda: partial_pair_distributions(glass(2), [0.0, 1.0]), InputError, "larger than zero"),
    ],
)
def test_what_cannot_be_done_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
