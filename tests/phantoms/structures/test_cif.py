"""Crystals from CIF: symmetry, elements, occupancies, thermal motion, and what the file says of itself."""

import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from ase.spacegroup import Spacegroup, crystal

from tsct.phantoms.structures import STATIC, Thermal, read_structure
from tsct.records.errors import InputError, TsctWarning, UsageError

#: cell lengths in angstrom: Si and CeO2 as of NIST SRM 640 and 674, Ni CRC Handbook of Chemistry and Physics,
#: alpha-quartz and its coordinates Levien, Prewitt & Weidner, Am. Mineral. 65, 920 (1980), LiCoO2 Orman & Wiseman, Acta
#: Cryst. C40, 12 (1984)
SI_A, NI_A, CEO2_A = 5.43102, 3.5238, 5.4115
QUARTZ = (4.916, 4.916, 5.4054, 90, 90, 120)
# with the origin of the International Tables, two thirds of c further than theirs
QUARTZ_SITES = ["Si1 Si 0.4697 0 0.66667", "O1 O 0.4133 0.2672 0.78547"]
LICOO2 = (2.8161, 2.8161, 14.0536, 90, 90, 120)
LICOO2_SITES = ["Li1 Li1+ 0 0 0.5", "Co1 Co3+ 0 0 0", "O1 O2- 0 0 0.23951"]
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
DALTON_A3 = 0.602214076


def cubic(a):
    return (a, a, a, 90, 90, 90)


def cif(cell, symmetry, sites, columns=COLUMNS, extra="", name="x"):
    tags = [f"_cell_length_{edge}" for edge in "abc"] + [f"_cell_angle_{a}" for a in ("alpha", "beta", "gamma")]
    head = f"data_{name}\n" + "".join(f"{tag} {value}\n" for tag, value in zip(tags, cell, strict=True))
    loop = "loop_\n" + "".join(f"_atom_site_{column}\n" for column in columns)
    return head + symmetry + extra + loop + "\n".join(sites) + "\n"


def named(symbol):
    return f"_symmetry_space_group_name_H-M '{symbol}'\n"


def write(folder, text, name="x.cif", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def read(folder, text, *, encoding="utf-8", **keys):
    keys.setdefault("thermal", STATIC)
    return read_structure(write(folder, text, encoding=encoding), **keys)


def refused(folder, text, *words, error=InputError, **keys):
    with pytest.raises(error) as caught:
        read(folder, text, **keys)
    message = str(caught.value)
    assert "\n" not in message and "x.cif" in message and len(message) < 600
    for word in words:
        assert word in message, message


def distances(atoms, r_max=5.0):
    return np.sort(neighbor_list("d", atoms, r_max))


# ---------------------------------------------------------------------------------------------------------------------
# symmetry


CELLS = {
    "triclinic": (6.1, 7.3, 8.2, 84, 97, 103),
    "monoclinic": (6.1, 7.3, 8.2, 90, 101, 90),
    "orthorhombic": (6.1, 7.3, 8.2, 90, 90, 90),
    "tetragonal": (6.1, 6.1, 8.2, 90, 90, 90),
    "hexagonal": (6.1, 6.1, 8.2, 90, 90, 120),
    "rhombohedral": (6.1, 6.1, 6.1, 72, 72, 72),
    "cubic": (9.1, 9.1, 9.1, 90, 90, 90),
}
#: number, setting in ase, crystal system, symbol that means the same
GROUPS = [
    (1, 1, "triclinic", "P 1"),
    (2, 1, "triclinic", "P -1"),
    (4, 1, "monoclinic", "P 21"),
    (5, 1, "monoclinic", "C 1 2 1"),
    (14, 1, "monoclinic", "P 21/c"),
    (15, 1, "monoclinic", "C 2/c"),
    (19, 1, "orthorhombic", "P 21 21 21"),
    (36, 1, "orthorhombic", "C m c 21"),
    (48, 1, "orthorhombic", "P n n n :1"),
    (48, 2, "orthorhombic", "P n n n :2"),
    (62, 1, "orthorhombic", "P n m a"),
    (64, 1, "orthorhombic", "C m c e"),
    (70, 1, "orthorhombic", "F d d d S"),
    (70, 2, "orthorhombic", "Fddd:2"),
    (85, 2, "tetragonal", "P 4/n Z"),
    (88, 1, "tetragonal", "I 41/a :1"),
    (136, 1, "tetragonal", "P 42/m n m"),
    (141, 1, "tetragonal", "I 41/a m d :1"),
    (141, 2, "tetragonal", "I 41/a m d :2"),
    (148, 1, "hexagonal", "R -3 :H"),
    (152, 1, "hexagonal", "P 31 2 1"),
    (166, 1, "hexagonal", "R -3 m"),
    (166, 2, "rhombohedral", "R -3 m"),
    (167, 1, "hexagonal", "R -3 c H"),
    (186, 1, "hexagonal", "P 63 m c"),
    (194, 1, "hexagonal", "P63/mmc"),
    (205, 1, "cubic", "P a -3"),
    (216, 1, "cubic", "F -4 3 m"),
    (224, 2, "cubic", "P n -3 m :2"),
    (225, 1, "cubic", "Fm3m"),
    (227, 1, "cubic", "F d -3 m :1"),
    (227, 2, "cubic", "F d -3 m :2"),
]


@pytest.mark.parametrize(("number", "setting", "system", "symbol"), GROUPS)
@pytest.mark.parametrize("given", ["name", "operations"])
def test_generated_crystals_are_those_of_ase(tmp_path, number, setting, system, symbol, given):
    """Two programs with tables of their own: number of atoms of each site, density, and all distances to 5 A."""
    group, cell = Spacegroup(number, setting), CELLS[system]
    places, expected = without_overlap(group, cell, np.random.default_rng(number))
    assert np.count_nonzero(expected.symbols == "O") == len(group.get_symop())
    symmetry = named(symbol)
    if given == "operations":
        symmetry = "loop_\n_space_group_symop_operation_xyz\n" + "".join(f"'{word}'\n" for word in triplets(group))
    sites = [f"{name}1 {name} {x} {y} {z}" for name, (x, y, z) in places.items()]
    found = read(tmp_path, cif(cell, symmetry, sites))
    (atoms,) = found.members
    assert atoms.get_chemical_formula() == expected.get_chemical_formula()
    assert found.density_g_cm3 == pytest.approx(
        expected.get_masses().sum() / expected.get_volume() / DALTON_A3, rel=1e-9
    )
    np.testing.assert_allclose(distances(atoms), distances(expected), rtol=0, atol=1e-6)


def without_overlap(group, cell, rng):
    """A site at the origin and one in a general position whose images keep their distance."""
    for _ in range(100):
        places = {"Ba": (0.0, 0.0, 0.0), "O": tuple(np.round(rng.uniform(0.0, 0.5, 3), 4))}
        atoms = crystal(list(places), list(places.values()), spacegroup=group, cellpar=cell)
        if not distances(atoms, 0.65).size:
            return places, atoms
    raise AssertionError("no general position found")


def triplets(group):
    """Operations of a space group of ase as text."""
    for rotation, shift in group.get_symop():
        parts = []
        for row, t in zip(rotation, shift, strict=True):
            terms = "".join(f"{'+' if n > 0 else '-'}{'xyz'[j]}" for j, n in enumerate(row) if n)
            numerator = round(24 * (t % 1.0)) % 24
            parts.append(terms + (f"+{numerator}/24" if numerator else ""))
        yield ",".join(parts)


@pytest.mark.parametrize(
    ("keys", "x"), [({"setting": "1"}, 0.0), ({"setting": "2"}, 0.125), ({"setting": "F d -3 m :2"}, 0.125)]
)
def test_an_origin_is_asked_for_and_taken_from_the_key(tmp_path, keys, x):
    text = cif(cubic(SI_A), named("F d -3 m"), [f"Si1 Si {x} {x} {x}"])
    refused(tmp_path, text, "'F d -3 m' has several settings", "F d -3 m :1, F d -3 m :2", "give setting")
    found = read(tmp_path, text, **keys)
    # diamond: eight atoms, bonds of a sqrt(3) / 4
    assert len(found.members[0]) == 8
    assert distances(found.members[0])[0] == pytest.approx(SI_A * np.sqrt(3) / 4, abs=1e-9)


@pytest.mark.parametrize(
    "symmetry",
    [
        "_symmetry_space_group_name_Hall '-F 4vw 2vw 3'\n",
        "_space_group_name_H-M_alt 'F d -3 m :2'\n",
        "_space_group_name_H-M_alt 'F d -3 m Z'\n",
        "_space_group.name_H-M_alt 'Fd-3m:2'\n",
        named("F D -3 M") + "_space_group_IT_coordinate_system_code 2\n",
        "_symmetry_Int_Tables_number 227\n_space_group_IT_coordinate_system_code 2\n",
    ],
)
def test_ways_to_say_the_second_origin(tmp_path, symmetry):
    assert len(read(tmp_path, cif(cubic(SI_A), symmetry, ["Si1 Si 0.125 0.125 0.125"])).members[0]) == 8


def test_listed_operations_come_before_names(tmp_path):
    """Half of the files of databases name a setting that their operations contradict in the origin only."""
    listed = "loop_\n_symmetry_equiv_pos_as_xyz\n" + "".join(f"'{word}'\n" for word in triplets(Spacegroup(227, 2)))
    text = cif(cubic(SI_A), named("F d -3 m :1") + listed, ["Si1 Si 0.125 0.125 0.125"])
    assert len(read(tmp_path, text).members[0]) == 8


@pytest.mark.parametrize(
    ("symmetry", "words"),
    [
        ("", ["no symmetry operations", "give setting"]),
        (named("F q 3"), ["'F q 3' is not known"]),
        ("_symmetry_space_group_name_Hall 'nonsense'\n", ["'nonsense' is no space group"]),
        ("_symmetry_Int_Tables_number 231\n", ["number '231' is not known"]),
        ("_symmetry_Int_Tables_number 227\n", ["number 227 has several settings"]),
        ("loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'-y,x,z'\n", ["2 symmetry operations are no group"]),
        (named("F m -3 m") + "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n", ["1 rotations", "'F m -3 m' has 48"]),
        (named("P 63/m m c"), ["does not have the symmetry of space group P 63/m m c"]),
        ("loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'x+1/5,y,z'\n", ["x+1/5,y,z", "line "]),
    ],
)
def test_symmetry_that_leaves_a_choice_or_contradicts_itself(tmp_path, symmetry, words):
    refused(tmp_path, cif(cubic(4.05), symmetry, ["Al1 Al 0 0 0"]), *words)


@pytest.mark.parametrize("setting", ["F d -3 m", "Q 17", "3"])
def test_a_setting_that_settles_nothing(tmp_path, setting):
    text = cif(cubic(SI_A), named("F d -3 m"), ["Si1 Si 0 0 0"])
    refused(tmp_path, text, "setting", setting=setting)


def test_few_digits_still_are_a_special_position(tmp_path):
    """Zinc: two atoms at 1/3, 2/3, 1/4 written as 0.33, 0.67, 0.25 (CRC Handbook: a = 2.665, c = 4.947 A)."""
    cell = (2.665, 2.665, 4.947, 90, 90, 120)
    found = read(tmp_path, cif(cell, named("P 63/m m c"), ["Zn1 Zn 0.33 0.67 0.25"]))
    exact = read(tmp_path, cif(cell, named("P 63/m m c"), [f"Zn1 Zn {1 / 3} {2 / 3} 0.25"]))
    assert len(found.members[0]) == len(exact.members[0]) == 2
    np.testing.assert_allclose(distances(found.members[0]), distances(exact.members[0]), rtol=0, atol=1e-9)


# ---------------------------------------------------------------------------------------------------------------------
# known crystals


def test_known_crystals(tmp_path):
    """Density and first distances from cell and coordination: closed forms, and Si-O bonds of Levien et al."""
    nickel = read(tmp_path, cif(cubic(NI_A), named("F m -3 m"), ["Ni1 NI 0 0 0"]))
    assert nickel.density_g_cm3 == pytest.approx(4 * 58.6934 / DALTON_A3 / NI_A**3, rel=1e-5)
    assert (
        np.allclose(distances(nickel.members[0], 3.0), NI_A / np.sqrt(2))
        and len(distances(nickel.members[0], 3.0)) == 48
    )
    ceria = read(tmp_path, cif(cubic(CEO2_A), named("F m -3 m"), ["Ce1 Ce4+ 0 0 0", "O1 O2- .25 .25 .25"]))
    assert ceria.members[0].get_chemical_formula() == "Ce4O8"
    assert np.allclose(distances(ceria.members[0], 2.5), CEO2_A * np.sqrt(3) / 4)
    quartz = read(tmp_path, cif(QUARTZ, named("P 32 2 1"), QUARTZ_SITES, extra="_cell_formula_units_Z 3\n"))
    bonds = distances(quartz.members[0], 2.0)
    # 3 Si with 4 bonds each, counted from both ends: 1.605 and 1.614 A
    assert len(bonds) == 24 and np.allclose(np.unique(np.round(bonds, 3)), [1.605, 1.614], atol=1.5e-3)
    assert quartz.density_g_cm3 == pytest.approx(2.648, abs=0.004)
    cobaltate = read(tmp_path, cif(LICOO2, named("R -3 m"), LICOO2_SITES, extra="_chemical_formula_sum 'Co Li O2'\n"))
    assert cobaltate.members[0].get_chemical_formula() == "Co3Li3O6"
    # six O around each Co at one distance
    assert len(distances(cobaltate.members[0], 2.0)) == 3 * 6 * 2


# ---------------------------------------------------------------------------------------------------------------------
# elements


@pytest.mark.parametrize("symbol", ["SI", "Si", "si", "Si4+", "Si+4", "SI4+", "Si0+"])
def test_silicon_is_never_sulphur(tmp_path, symbol):
    found = read(tmp_path, cif(cubic(SI_A), named("F d -3 m :1"), [f"X1 {symbol} 0 0 0"]))
    assert found.composition == {"Si": 1.0}


@pytest.mark.parametrize(
    ("labels", "extra", "formula"),
    [
        (("Na1", "Cl1"), "", "Cl4Na4"),
        (("NA1", "CL1"), "_chemical_formula_sum 'Na Cl'\n", "Cl4Na4"),
        (("LI(1)", "F_1"), "", "F4Li4"),
        (("Mg", "O1"), "", "Mg4O4"),
        (("CaM1", "Ow1"), "_chemical_formula_sum 'Ca O'\n", "Ca4O4"),
    ],
)
def test_labels_alone(tmp_path, labels, extra, formula):
    sites = [f"{labels[0]} 0 0 0", f"{labels[1]} .5 .5 .5"]
    columns = ("label", "fract_x", "fract_y", "fract_z")
    found = read(tmp_path, cif(cubic(5.6), named("F m -3 m"), sites, columns, extra))
    assert found.members[0].get_chemical_formula() == formula


@pytest.mark.parametrize("label", ["CA1", "NA1", "HO1", "Wat", "WAT1", "M1", "T1", "Qq1", "1", "OHa"])
def test_labels_that_leave_a_choice(tmp_path, label):
    columns = ("label", "fract_x", "fract_y", "fract_z")
    refused(
        tmp_path, cif(cubic(4.0), named("P 1"), [f"{label} 0 0 0"], columns), f"'{label}'", "_atom_site_type_symbol"
    )


@pytest.mark.parametrize("symbol", ["Qq", "X", "OH", "Sil", "M", "2H", "?", "."])
def test_unknown_symbols_are_named(tmp_path, symbol):
    refused(tmp_path, cif(cubic(4.0), named("P 1"), [f"A1 {symbol} 0 0 0"]), f"'{symbol}'", "is no element", "line 15")


def test_heavy_water_is_heavy_and_scatters_as_hydrogen(tmp_path):
    """20.028 g/mol against 18.015: twice 2.0141 and 15.999."""
    cell, sites = cubic(4.0), ["O1 O 0 0 0", "D1 D 0.24 0 0", "D2 D 0 0.24 0"]
    heavy = read(
        tmp_path, cif(cell, named("P 1"), sites, extra="_chemical_formula_sum 'D2 O'\n_cell_formula_units_Z 1\n")
    )
    light = read(tmp_path, cif(cell, named("P 1"), [site.replace(" D ", " H ") for site in sites]))
    text = '3\nLattice="4 0 0 0 4 0 0 0 4"\nO 0 0 0\nD 0.96 0 0\nD 0 0.96 0\n'
    extended = read_structure(write(tmp_path, text, "x.extxyz"), thermal=STATIC)
    assert heavy.density_g_cm3 == pytest.approx((2 * 2.0141 + 15.999) / 64 / DALTON_A3, rel=1e-4)
    assert extended.density_g_cm3 == pytest.approx(heavy.density_g_cm3, rel=1e-12)
    assert light.density_g_cm3 == pytest.approx(18.015 / 64 / DALTON_A3, rel=1e-4)
    for found in (heavy, light, extended):
        assert found.composition == pytest.approx({"H": 2 / 3, "O": 1 / 3})
        assert found.number_density_per_a3 == pytest.approx(3 / 64, rel=1e-9)
        assert found.natural_density_g_cm3 == pytest.approx(light.density_g_cm3, rel=1e-9)


@pytest.mark.parametrize("suffix", [".xyz", ".extxyz"])
def test_capitals_in_xyz(tmp_path, suffix):
    text = '2\nLattice="5.64 0 0 0 5.64 0 0 0 5.64" Properties=pos:R:3:species:S:1\n0 0 0 NA\n2.82 0 0 CL\n'
    found = read_structure(write(tmp_path, text, f"x{suffix}"), thermal=STATIC)
    assert found.members[0].get_chemical_formula() == "ClNa"


# ---------------------------------------------------------------------------------------------------------------------
# text and blocks


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_encodings(tmp_path, encoding, line_end):
    text = cif(cubic(4.05), named("F m -3 m"), ["Al1 Al 0 0 0"], extra="_publ_author_name 'M\u00fcller'\n")
    assert len(read(tmp_path, text.replace("\n", line_end), encoding=encoding).members[0]) == 4


def test_two_blocks_are_told_apart_by_name(tmp_path):
    text = cif(cubic(NI_A), named("F m -3 m"), ["Ni1 Ni 0 0 0"], name="nickel")
    text += cif(cubic(4.05), named("F m -3 m"), ["Al1 Al 0 0 0"], name="aluminium")
    refused(tmp_path, text, "2 data blocks", "nickel, aluminium", "give block")
    refused(tmp_path, text, "no data block 'aluminum'", "did you mean 'aluminium'", block="aluminum")
    assert read(tmp_path, text, block="aluminium").composition == {"Al": 1.0}
    assert read(tmp_path, "data_global\n_publ_author_name X\n" + text[: text.index("data_alum")]).composition == {
        "Ni": 1.0
    }


def test_keys_of_cif_are_refused_for_xyz(tmp_path):
    path = write(tmp_path, "1\n\nSi 0 0 0\n", "x.xyz")
    for key in ({"block": "a"}, {"setting": "1"}, {"occupancy": "draw"}, {"supercell": 2}):
        with pytest.raises(UsageError, match=f"{next(iter(key))} is for CIF only"):
            read_structure(path, density_g_cm3=2.3, thermal=STATIC, **key)


# ---------------------------------------------------------------------------------------------------------------------
# what the file says of itself


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("_chemical_formula_sum Si\n_cell_formula_units_Z 8\n", ["Si16", "Si1 with Z = 8"]),
        ("_chemical_formula_sum 'S'\n", ["Si16", "S1"]),
        ("_cell_formula_units_Z 7\n", ["Si16", "7 formula units"]),
        ("_exptl_crystal_density_diffrn 2.329(1)\n", ["4.658", "2.329", "density_diffrn"]),
        ("_exptl_crystal_density_meas 2.33\n", ["4.658", "2.33", "density_meas"]),
        ("_cell_volume 1601.9(2)\n", ["160.19", "1601.9", "_cell_volume"]),
        ("_chemical_formula_weight 28.09\n_cell_formula_units_Z 8\n", ["2", "56.17", "28.09"]),
    ],
)
def test_contents_are_held_to_what_the_file_says(tmp_path, extra, words):
    """The doubled density: coordinates of origin 2 in the setting of origin 1 make 16 atoms."""
    text = cif(cubic(SI_A), named("F d -3 m :1"), ["Si1 Si 0.125 0.125 0.125"], extra=extra)
    refused(tmp_path, text, *words)


def test_true_statements_pass(tmp_path):
    extra = (
        "_chemical_formula_sum 'O2 Si'\n_cell_formula_units_Z 3\n_cell_volume 113.13(1)\n"
        "_chemical_formula_weight 60.08\n_exptl_crystal_density_diffrn 2.65\n_exptl_crystal_density_meas 2.65\n"
    )
    assert len(read(tmp_path, cif(QUARTZ, named("P 32 2 1"), QUARTZ_SITES, extra=extra)).members[0]) == 9


def test_a_formula_that_is_not_understood_is_said(tmp_path):
    text = cif(cubic(4.05), named("F m -3 m"), ["Al1 Al 0 0 0"], extra="_chemical_formula_sum 'Al x'\n")
    with pytest.warns(TsctWarning, match="'Al x' is not understood"):
        read(tmp_path, text)


def test_multiplicities_are_held_to_their_column(tmp_path):
    columns = (*COLUMNS, "symmetry_multiplicity")
    text = cif(cubic(SI_A), named("F d -3 m :2"), ["Si1 Si 0.125 0.125 0.125 8"], columns)
    assert len(read(tmp_path, text).members[0]) == 8
    refused(tmp_path, text.replace(":2", ":1"), "says 8", "16 positions")


# ---------------------------------------------------------------------------------------------------------------------
# occupancy


OCCUPIED = (*COLUMNS, "occupancy")


def test_two_whole_atoms_on_one_site_are_refused(tmp_path):
    sites = ["Fe1 Fe 0 0 0", "Ni1 Ni 0 0 0"]
    refused(tmp_path, cif(cubic(3.6), named("F m -3 m"), sites), "Fe", "Ni", "same place")
    sites = ["Fe1 Fe 0 0 0 0.7", "Ni1 Ni 0 0 0 0.7"]
    refused(tmp_path, cif(cubic(3.6), named("F m -3 m"), sites, OCCUPIED), "Fe1 and Ni1", "1.4", occupancy="draw")


def test_partial_occupancy_needs_a_key(tmp_path):
    text = cif(cubic(3.6), named("F m -3 m"), ["Fe1 Fe 0 0 0 0.64", "Ni1 Ni 0 0 0 0.36"], OCCUPIED)
    refused(tmp_path, text, "site Fe1", "0.64", "occupancy = 'draw'")
    refused(tmp_path, text, "occupancy is 'average'", "averaged form factors", error=UsageError, occupancy="average")
    refused(tmp_path, text, "supercell", error=UsageError, occupancy="draw", supercell=(1, 2))
    refused(tmp_path, text, "at most 5000000", occupancy="draw", supercell=1000)


def test_an_alloy_is_drawn_in_its_proportions_without_order(tmp_path):
    """Invar: every site holds one atom, shares are exact, and neighbours are as unlike as chance makes them."""
    text = cif(cubic(3.6), named("F m -3 m"), ["Fe1 Fe 0 0 0 0.64", "Ni1 Ni 0 0 0 0.36"], OCCUPIED)
    found = read(tmp_path, text, occupancy="draw", seed=3, supercell=10)
    (atoms,) = found.members
    assert len(atoms) == 4000 and np.count_nonzero(atoms.symbols == "Ni") == 1440
    first, second = neighbor_list("ij", atoms, 2.7)
    nickel = atoms.symbols == "Ni"
    unlike = np.mean(nickel[first] != nickel[second])
    # 24000 bonds: the standard deviation of the share is 0.003
    assert unlike == pytest.approx(2 * 0.36 * 0.64, abs=0.012)
    again = read(tmp_path, text, occupancy="draw", seed=3, supercell=10)
    other = read(tmp_path, text, occupancy="draw", seed=4, supercell=10)
    assert np.array_equal(again.members[0].numbers, atoms.numbers)
    assert not np.array_equal(other.members[0].numbers, atoms.numbers)


def test_the_drawn_cell_is_wide_by_itself(tmp_path):
    text = cif(cubic(3.6), named("F m -3 m"), ["Fe1 Fe 0 0 0 0.9"], OCCUPIED)
    (atoms,) = read(tmp_path, text, occupancy="draw").members
    assert atoms.cell.lengths().min() >= 30.0
    assert len(atoms) == round(0.9 * 4 * 9**3)


def test_split_sites_hold_one_atom(tmp_path):
    """Two positions 0.4 A apart, each half occupied, are one atom that is here or there."""
    sites = ["Cu1 Cu 0.48 0.5 0.5 0.5", "Cu2 Cu 0.52 0.5 0.5 0.5"]
    (atoms,) = read(tmp_path, cif(cubic(10 / 3), named("P 1"), sites, OCCUPIED), occupancy="draw", supercell=6).members
    assert len(atoms) == 216 and distances(atoms, 2.0).size == 0


def test_whole_crystals_can_be_repeated(tmp_path):
    text = cif(cubic(4.05), named("F m -3 m"), ["Al1 Al 0 0 0"])
    (atoms,) = read(tmp_path, text, supercell=(2, 1, 3)).members
    assert len(atoms) == 24 and np.allclose(atoms.cell.lengths(), [8.1, 4.05, 12.15])


# ---------------------------------------------------------------------------------------------------------------------
# thermal motion


def test_u_iso_and_b_iso_are_kept(tmp_path):
    columns = (*COLUMNS, "U_iso_or_equiv")
    text = cif(cubic(CEO2_A), named("F m -3 m"), ["Ce1 Ce 0 0 0 0.0031(2)", "O1 O .25 .25 .25 0.0062"], columns)
    found = read_structure(write(tmp_path, text))
    assert found.thermal.u_iso == pytest.approx({"Ce": 0.0031, "O": 0.0062})
    text = text.replace("U_iso", "B_iso").replace("0.0031(2)", str(8 * np.pi**2 * 0.0031)).replace("0.0062", "0.48954")
    assert read_structure(write(tmp_path, text)).thermal.u_iso == pytest.approx({"Ce": 0.0031, "O": 0.0062}, rel=1e-4)
    assert not found.limits


def test_a_tensor_gives_a_third_of_its_trace(tmp_path):
    """For a cell at right angles; in a hexagonal one U11 = U22 = 2 U12 = u, U33 = w means (2 u + w) / 3."""
    tensor = "loop_\n_atom_site_aniso_label\n" + "".join(
        f"_atom_site_aniso_U_{ij}\n" for ij in (11, 22, 33, 12, 13, 23)
    )
    text = cif(LICOO2, named("R -3 m"), LICOO2_SITES) + tensor
    text += "Li1 .02 .02 .01 .01 0 0\nCo1 .004 .004 .007 .002 0 0\nO1 .006 .006 .009 .003 0 0\n"
    found = read_structure(write(tmp_path, text)).thermal.u_iso
    assert found == pytest.approx({"Li": 0.05 / 3, "Co": 0.005, "O": 0.007})


def test_sites_of_one_element_are_averaged_by_their_atoms(tmp_path):
    columns = (*COLUMNS, "U_iso_or_equiv")
    text = cif(cubic(4.0), named("P 1"), ["Si1 Si 0 0 0 0.003", "Si2 Si .5 .5 .5 0.009"], columns)
    with pytest.warns(TsctWarning, match=r"U of Si differs between its sites \(0.003 to 0.009 A2\)"):
        found = read_structure(write(tmp_path, text))
    assert found.thermal.u_iso == pytest.approx({"Si": 0.006})


def test_motion_given_by_the_user_comes_first_and_none_is_said(tmp_path):
    text = cif(cubic(CEO2_A), named("F m -3 m"), ["Ce1 Ce 0 0 0", "O1 O .25 .25 .25"])
    path = write(tmp_path, text)
    with pytest.warns(TsctWarning, match="no thermal motion of Ce, O; positions are at rest"):
        read_structure(path)
    with pytest.warns(TsctWarning, match="no thermal motion of O;"):
        assert read_structure(path, u_iso_a2={"Ce": 0.003}).thermal.u_iso == {"Ce": 0.003}
    assert read_structure(path, u_iso_a2=0.004).thermal.u_iso == {"Ce": 0.004, "O": 0.004}
    assert read_structure(path, thermal=Thermal(u_iso={"Ce": 0.1})).thermal.u_iso == {"Ce": 0.1}
    with pytest.raises(InputError, match="u_iso_a2 names Zr"):
        read_structure(path, u_iso_a2={"Zr": 0.01})
    with pytest.raises(UsageError, match="leave one out"):
        read_structure(path, u_iso_a2=0.01, thermal=STATIC)


@pytest.mark.parametrize("value", ["-0.01", "0.47", "7.9"])
def test_displacements_that_are_no_u(tmp_path, value):
    columns = (*COLUMNS, "U_iso_or_equiv")
    text = cif(cubic(4.05), named("F m -3 m"), [f"Al1 Al 0 0 0 {value}"], columns)
    refused(tmp_path, text, "site Al1", "is it B" if float(value) > 0 else "allowed are 0 to")


# ---------------------------------------------------------------------------------------------------------------------
# hostile files


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("_cell_length_b 4.05", "_cell_length_b nan", ["_cell_length_b", "'nan'"]),
        ("_cell_length_b 4.05", "_cell_length_b 1e300", ["1e300"]),
        ("_cell_length_b 4.05", "_cell_length_b 0.405", ["nm"]),
        ("_cell_length_b 4.05", "_cell_length_b -4.05", ["-4.05"]),
        ("_cell_angle_beta 90", "_cell_angle_beta 180", ["180"]),
        ("_cell_angle_gamma 90", "_cell_angle_gamma 175", ["175"]),
        ("Al1 Al 0 0 0", "Al1 Al 0 0", ["Wrong number of values"]),
        ("Al1 Al 0 0 0", "Al1 Al 0 1e999 0", ["_atom_site_fract_y", "1e999"]),
        ("_atom_site_label\n", "_atom_site_label\n_atom_site_fract_x\n", ["not readable"]),
    ],
)
def test_cells_and_loops_without_sense(tmp_path, old, new, words):
    refused(tmp_path, cif(cubic(4.05), named("F m -3 m"), ["Al1 Al 0 0 0"]).replace(old, new), *words)


def test_columns_of_different_length(tmp_path):
    text = cif(cubic(4.05), named("F m -3 m"), ["Al1 Al 0 0 0"])
    refused(tmp_path, text + "loop_\n_atom_site_occupancy\n1\n1\n", "_atom_site_occupancy has 2 values for 1 sites")


def test_angles_that_close_no_cell(tmp_path):
    refused(tmp_path, cif((5, 5, 5, 100, 130, 140), named("P 1"), ["Al1 Al 0 0 0"]), "no volume")


def test_a_million_sites_in_a_large_group_are_refused_before_work(tmp_path):
    rows = "Al1 Al 0.1 0.2 0.3\n" * 100_000
    refused(tmp_path, cif(cubic(40.5), named("F m -3 m"), [rows]), "100000 sites and 192 symmetry operations")


def test_damaged_files_are_refused_before_slow_libraries(tmp_path):
    path = write(tmp_path, cif(cubic(4.05), named("F q 3"), ["Al1 Al 0 0 0"]))
    code = (
        "import sys\nfrom tsct.phantoms.structures import read_structure\n"
        f"try:\n    read_structure({str(path)!r})\nexcept Exception as error:\n    print(type(error).__name__)\n"
        "print([name for name in ('ase.io.formats', 'scipy.spatial', 'numba') if name in sys.modules])\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split("\n")[:2] == ["InputError", "[]"]


def test_bits_flipped_at_random_are_read_or_refused(tmp_path):
    text = cif(
        cubic(SI_A),
        named("F d -3 m :2"),
        ["Si1 Si 0.125 0.125 0.125 1 0.006"],
        (*OCCUPIED, "U_iso_or_equiv"),
        extra="_chemical_formula_sum Si\n_cell_formula_units_Z 8\n",
    ).encode()
    rng = np.random.default_rng(5)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(300):
        damaged = bytearray(text)
        at = int(rng.integers(0, len(text)))
        damaged[at] ^= 1 << int(rng.integers(0, 8))
        path = tmp_path / "x.cif"
        path.write_bytes(bytes(damaged))
        try:
            read_structure(path, thermal=STATIC)
            outcomes["read"] += 1
        except (InputError, TsctWarning):
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 30, outcomes


def test_atoms_of_a_cif_are_an_ase_crystal(tmp_path):
    (atoms,) = read(tmp_path, cif(cubic(4.05), named("F m -3 m"), ["Al1 Al 0 0 0"])).members
    assert isinstance(atoms, Atoms) and atoms.pbc.all()


def test_a_name_and_a_number_of_two_space_groups(tmp_path):
    text = cif(cubic(3.6), named("P 1") + "_symmetry_Int_Tables_number 225\n", ["Fe1 Fe 0 0 0"])
    refused(tmp_path, text, "'P 1' is number 1, but the file says 225")
    assert len(read(tmp_path, text, setting="F m -3 m").members[0]) == 4


@pytest.mark.parametrize("coordinate", ["50", "-7.2"])
def test_coordinates_that_are_no_shares_of_the_cell(tmp_path, coordinate):
    text = cif(cubic(3.6), named("P 1"), [f"Fe1 Fe {coordinate} 0 0"])
    refused(tmp_path, text, "is no share of the cell; are the coordinates in angstrom or percent?")


def test_groups_of_one_disorder_are_not_all_there(tmp_path):
    columns = (*COLUMNS, "occupancy", "disorder_assembly", "disorder_group")
    sites = ["C1 C 0 0 0 {0} A 1", "C2 C 0.12 0 0 {0} A 2", "O1 O 0.5 0.5 0.5 1 . ."]
    texts = [cif(cubic(8), named("P 1"), [site.format(share) for site in sites], columns) for share in (1, 0.5)]
    refused(tmp_path, texts[0], "disorder groups 1, 2 of assembly A exclude each other", "add up to 2")
    atoms = read(tmp_path, texts[1], occupancy="draw").members[0]
    assert atoms.symbols.count("C") == atoms.symbols.count("O")


@pytest.mark.parametrize(("tag", "value"), [("B_iso", 0.4), ("U_iso", 0.4 / (8 * np.pi**2))])
def test_motion_under_short_tags(tmp_path, tag, value):
    text = cif(cubic(3.6), named("F m -3 m"), [f"Fe1 Fe 0 0 0 {value:.6f}"], (*COLUMNS, tag))
    assert read(tmp_path, text, thermal=None).thermal.u_iso["Fe"] == pytest.approx(0.4 / (8 * np.pi**2), rel=1e-3)
