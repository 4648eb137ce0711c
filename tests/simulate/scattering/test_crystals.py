"""Crystals from CIF scatter as their structure factors say: every Bragg peak in place, in height and in width."""

from dataclasses import replace

import numpy as np
import pytest

from tsct.phantoms.structures import read_structure, structure
from tsct.records.errors import InputError
from tsct.simulate.scattering import structure_scattering
from tsct.simulate.scattering.partials import CRYSTALLITE_A
from tsct.simulate.scattering.xray_tables import attenuation_per_mm, form_factor

FCC = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
#: cell, space group and sites (element, x, y, z, U in A2). Si, CeO2: NIST SRM 640, 674; Ni: CRC Handbook of Chemistry
#: and Physics; quartz: Levien, Prewitt & Weidner, Am. Mineral. 65, 920 (1980); LiCoO2: Orman & Wiseman, Acta Cryst.
#: C40, 12 (1984); U: round values
CRYSTALS = {
    "Ni": ((3.5238,) * 3 + (90, 90, 90), "F m -3 m", [("Ni", 0, 0, 0, 0.0045)]),
    "Si": ((5.43102,) * 3 + (90, 90, 90), "F d -3 m :2", [("Si", 0.125, 0.125, 0.125, 0.006)]),
    "CeO2": ((5.4115,) * 3 + (90, 90, 90), "F m -3 m", [("Ce", 0, 0, 0, 0.003), ("O", 0.25, 0.25, 0.25, 0.006)]),
    "quartz": (
        (4.916, 4.916, 5.4054, 90, 90, 120),
        "P 32 2 1",
        [("Si", 0.4697, 0, 2 / 3, 0.006), ("O", 0.4133, 0.2672, 0.1188 + 2 / 3, 0.012)],
    ),
    "LiCoO2": (
        (2.8161, 2.8161, 14.0536, 90, 90, 120),
        "R -3 m",
        [("Li", 0, 0, 0, 0.012), ("Co", 0, 0, 0.5, 0.004), ("O", 0, 0, 0.23951, 0.006)],
    ),
}
#: the same atoms, written out by hand from the tables of Wyckoff positions
ATOMS = {
    "Ni": {"Ni": FCC},
    "Si": {"Si": [tuple(np.add(x, s)) for x in FCC for s in ((0.125,) * 3, (-0.125,) * 3)]},
    "CeO2": {"Ce": FCC, "O": [(x, y, z) for x in (0.25, 0.75) for y in (0.25, 0.75) for z in (0.25, 0.75)]},
    "quartz": {
        "Si": [(0.4697, 0, 2 / 3), (0, 0.4697, 1 / 3), (-0.4697, -0.4697, 0)],
        "O": [
            p
            for x, y, z in [(0.4133, 0.2672, 0.1188 + 2 / 3)]
            for p in [
                (x, y, z),
                (-y, x - y, z + 2 / 3),
                (y - x, -x, z + 1 / 3),
                (y, x, -z),
                (x - y, -y, 1 / 3 - z),
                (-x, y - x, 2 / 3 - z),
            ]
        ],
    },
    "LiCoO2": {
        "Li": [(0, 0, 0), (2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3)],
        "Co": [(0, 0, 0.5), (2 / 3, 1 / 3, 5 / 6), (1 / 3, 2 / 3, 1 / 6)],
        "O": [
            tuple(np.add(s, (0, 0, z)))
            for s in ((0, 0, 0), (2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3))
            for z in (0.23951, -0.23951)
        ],
    },
}
Q = np.arange(1.0, 9.0, 0.004)


def crystal(folder, name):
    cell, group, sites = CRYSTALS[name]
    tags = [f"length_{edge}" for edge in "abc"] + [f"angle_{angle}" for angle in ("alpha", "beta", "gamma")]
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "U_iso_or_equiv")
    text = f"data_x\n_space_group_name_H-M_alt '{group}'\n"
    text += "".join(f"_cell_{tag} {value}\n" for tag, value in zip(tags, cell, strict=True))
    text += "loop_\n" + "".join(f"_atom_site_{column}\n" for column in columns)
    text += "".join(f"{s}1 {s} {x} {y} {z} {u}\n" for s, x, y, z, u in sites)
    path = folder / f"{name}.cif"
    path.write_text(text)
    return read_structure(path)


def reciprocal(cell):
    """Reciprocal edges as rows, 1/angstrom, and the volume of the cell in cubic angstrom."""
    a, b, c = cell[:3]
    ca, cb, cg = np.cos(np.radians(cell[3:]))
    sg = np.sqrt(1 - cg**2)
    edges = np.array([[a, 0, 0], [b * cg, b * sg, 0], [c * cb, c * (ca - cb * cg) / sg, 0]])
    edges[2, 2] = np.sqrt(c**2 - edges[2, 0] ** 2 - edges[2, 1] ** 2)
    return 2 * np.pi * np.linalg.inv(edges).T, float(np.linalg.det(edges))


def reflections(cell, g_max):
    edges, _ = reciprocal(cell)
    most = [int(g_max * length / (2 * np.pi)) + 1 for length in cell[:3]]
    hkl = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1).reshape(-1, 3)
    g = np.linalg.norm(hkl @ edges, axis=1)
    keep = (g > 0) & (g < g_max)
    return hkl[keep], g[keep]


def profile(x, diameter=CRYSTALLITE_A):
    """Peak of a spherical crystallite, area one: cosine transform of its shape function (Guinier & Fournet 1955)."""
    y = np.maximum(np.abs(x) * diameter, 0.05)
    return diameter / np.pi * 1.5 * (y**2 + 2.0 - 2.0 * np.cos(y) - 2.0 * y * np.sin(y)) / y**4


def closed_form(name, q, diameter=CRYSTALLITE_A):
    """Sum over reciprocal lattice points of structure factors, per atom, with the diffuse scattering of the motion.

    Averaged over orientations each point G gives ``2 pi^2 |F|^2 / (N V G Q)`` times its profile at Q - G, less the one
    at Q + G (Warren, X-ray Diffraction (1969), chapters 4 and 10).
    """
    cell, _, sites = CRYSTALS[name]
    _, volume = reciprocal(cell)
    u = {symbol: value for symbol, *_, value in sites}
    atoms = {symbol: np.array(places, dtype=float) for symbol, places in ATOMS[name].items()}
    number = sum(len(places) for places in atoms.values())
    hkl, g = reflections(cell, q.max() + 6.0)
    waves = {symbol: np.exp(2j * np.pi * hkl @ places.T).sum(axis=1) for symbol, places in atoms.items()}
    weight = {symbol: form_factor(symbol, q) * np.exp(-(q**2) * u[symbol] / 2) for symbol in atoms}
    total = sum(
        len(places) / number * form_factor(symbol, q) ** 2 * -np.expm1(-(q**2) * u[symbol])
        for symbol, places in atoms.items()
    )
    powers = np.array([(waves[a] * waves[b].conj()).real for a in atoms for b in atoms])
    # points at one distance share their profile
    distance, group = np.unique(np.round(g, 9), return_inverse=True)
    powers = np.array([np.bincount(group, weights=power) for power in powers])
    peaks = profile(q[:, None] - distance, diameter) - profile(q[:, None] + distance, diameter)
    sums = 2 * np.pi**2 / (number * volume) / q[:, None] * (peaks @ (powers / distance).T)
    pairs = [weight[a] * weight[b] for a in atoms for b in atoms]
    return total + sum(pair * row for pair, row in zip(pairs, sums.T, strict=True))


@pytest.mark.parametrize("name", CRYSTALS)
def test_crystals_scatter_as_their_structure_factors(tmp_path, name):
    found = structure_scattering(crystal(tmp_path, name), Q)
    expected = closed_form(name, Q)
    # the reciprocal sum ends six 1/angstrom beyond the data: what is missing is below 0.5 % of a free atom
    floor = 5e-3 * sum(form_factor(symbol, Q) ** 2 for symbol in ATOMS[name])
    assert np.max(np.abs(found - expected) / (floor + 2e-3 * expected)) < 1.0


@pytest.mark.parametrize("name", ["Ni", "LiCoO2"])
def test_small_crystallites_scatter_as_their_structure_factors(tmp_path, name):
    found = structure_scattering(replace(crystal(tmp_path, name), crystallite_a=60.0), Q)
    expected = closed_form(name, Q, 60.0)
    # wider peaks have wider tails: what is missing beyond the end of the reciprocal sum grows as their width
    floor = 5e-3 * 150 / 60 * sum(form_factor(symbol, Q) ** 2 for symbol in ATOMS[name])
    assert np.max(np.abs(found - expected) / (floor + 2e-3 * expected)) < 1.0


def test_peaks_are_as_wide_as_scherrer_says(tmp_path):
    """Full width of half the maximum 2 pi K / D with K = 1.107 of a sphere (Langford & Wilson 1978)."""
    ceria = crystal(tmp_path, "CeO2")
    q = np.linspace(3.0, 3.8, 4001)
    for diameter in (100.0, 200.0):
        peak = structure_scattering(replace(ceria, crystallite_a=diameter), q)
        base = np.median(peak)
        inside = q[peak > base + (peak.max() - base) / 2]
        assert np.ptp(inside) == pytest.approx(2 * np.pi * 1.107 / diameter, rel=0.03)


def test_drawn_crystals_scatter_nowhere_less_than_nothing():
    """A box cut off at the reach of its minimum images would, between its Bragg peaks, by as much as at them."""
    alumina = structure("gamma-alumina")
    assert alumina.crystallite_a == pytest.approx(31.64, abs=0.01)
    assert structure_scattering(alumina, Q).min() > 0
    assert structure_scattering(replace(alumina, crystallite_a=None), Q).min() < -10


def test_a_drawn_supercell_of_a_crystal_scatters_as_its_unit_cell(tmp_path):
    """Pairs up to the width of a box that repeats itself are those of the crystal, if all of it is."""
    ceria = crystal(tmp_path, "CeO2")
    box = replace(ceria, members=(ceria.members[0] * (4, 4, 4),), crystallite_a=20.0)
    # a displacement too small to see makes the box its own repeating unit
    box.members[0].positions[0] += 1e-4
    expected = structure_scattering(replace(ceria, crystallite_a=20.0), Q)
    np.testing.assert_allclose(structure_scattering(box, Q), expected, rtol=2e-3, atol=2e-3 * expected.mean())


def test_a_crystallite_is_no_wider_than_its_box():
    with pytest.raises(InputError, match=r"4 nm wide but the box, which repeats itself, 3\.16 nm"):
        structure_scattering(replace(structure("gamma-alumina"), crystallite_a=40.0), Q)
    with pytest.raises(InputError, match="cluster or molecule"):
        structure_scattering(replace(structure("peek"), crystallite_a=40.0), Q)


@pytest.mark.parametrize(
    ("name", "hkl"),
    [
        ("Ni", (1, 1, 1)),
        ("Ni", (2, 2, 0)),
        ("Si", (2, 2, 0)),
        ("CeO2", (2, 0, 0)),
        ("quartz", (1, 0, 1)),
        ("LiCoO2", (0, 0, 3)),
    ],
)
def test_bragg_peaks_lie_where_the_lattice_says(tmp_path, name, hkl):
    edges, _ = reciprocal(CRYSTALS[name][0])
    place = float(np.linalg.norm(np.array(hkl) @ edges))
    q = np.linspace(place - 0.05, place + 0.05, 401)
    intensity = structure_scattering(crystal(tmp_path, name), q)
    assert q[np.argmax(intensity)] == pytest.approx(place, abs=2e-3)


def test_the_two_silicons_are_one(tmp_path):
    """A CIF and the library agree to the difference of their lattice parameters and displacements."""
    assert crystal(tmp_path, "Si").density_g_cm3 == pytest.approx(2.329, abs=5e-4)


def test_heavy_water_attenuates_as_light_water_of_as_many_atoms(tmp_path):
    text = '3\nLattice="3.1 0 0 0 3.1 0 0 0 3.1"\nO 0 0 0\n{0} 0.96 0 0\n{0} 0 0.96 0\n'
    both = []
    for symbol in "HD":
        path = tmp_path / f"{symbol}.extxyz"
        path.write_text(text.format(symbol))
        both.append(read_structure(path, u_iso_a2=0.01))
    light, heavy = both
    assert heavy.density_g_cm3 / light.density_g_cm3 == pytest.approx(20.028 / 18.015, rel=1e-4)
    mu = [attenuation_per_mm(one.composition, one.natural_density_g_cm3, 60.0) for one in both]
    assert mu[1] == pytest.approx(mu[0], rel=1e-9)
    assert heavy.number_density_per_a3 == pytest.approx(light.number_density_per_a3, rel=1e-9)
    q = np.linspace(0.5, 20, 100)
    np.testing.assert_allclose(structure_scattering(heavy, q), structure_scattering(light, q), rtol=1e-9)
