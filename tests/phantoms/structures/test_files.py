"""Users' structure files: what is read, and what is refused and how."""

import threading

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tsct.phantoms.structures.files import read_structure
from tsct.phantoms.structures.library import structure
from tsct.phantoms.structures.thermal import STATIC, Thermal
from tsct.records.errors import InputError

SILICON = bulk("Si", "diamond", a=5.431, cubic=True)
CIF = """data_silicon
_cell_length_a 5.431
_cell_length_b 5.431
_cell_length_c 5.431
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P 1'
loop_
_space_group_symop_operation_xyz
'x, y, z'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Si1 Si 0.00 0.00 0.00 1.0
Si2 Si 0.50 0.50 0.00 1.0
Si3 Si 0.50 0.00 0.50 1.0
Si4 Si 0.00 0.50 0.50 1.0
Si5 Si 0.25 0.25 0.25 1.0
Si6 Si 0.75 0.75 0.25 1.0
Si7 Si 0.75 0.25 0.75 1.0
Si8 Si 0.25 0.75 0.75 1.0
"""
XYZ = "3\nwater\nO 0.0 0.0 0.1173\nH 0.0 0.7572 -0.4692\nH 0.0 -0.7572 -0.4692\n"


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read_at_rest(path, **options):
    return read_structure(path, thermal=STATIC, **options)


def refused(path, *words, **options):
    with pytest.raises(InputError) as caught:
        read_at_rest(path, **options)
    message = str(caught.value)
    assert "\n" not in message and path.name in message
    for word in words:
        assert word in message, message


@pytest.mark.parametrize("suffix", [".extxyz", ".xyz", ".cif"])
def test_a_crystal_survives_each_format(tmp_path, suffix):
    path = tmp_path / f"silicon{suffix}"
    ase.io.write(path, SILICON, format="cif" if suffix == ".cif" else "extxyz")
    found = read_at_rest(path)
    assert (found.name, found.kind, found.composition) == ("silicon", "periodic", {"Si": 1.0})
    # 2.329 g/cm3: a = 5.431 A and 28.0855 g/mol (28.085 in newer tables, 2e-5 less)
    assert found.density_g_cm3 == pytest.approx(8 * 28.0855 / 0.602214076 / 5.431**3, rel=5e-5)
    distances = found.members[0].get_all_distances(mic=True)
    np.testing.assert_allclose(
        np.sort(distances[0]), np.sort(SILICON.get_all_distances(mic=True)[0]), rtol=0, atol=1e-4
    )


def test_symmetry_is_applied(tmp_path):
    primitive = CIF.replace("'x, y, z'\n", "'x, y, z'\n'x+1/2, y+1/2, z'\n'x+1/2, y, z+1/2'\n'x, y+1/2, z+1/2'\n")
    kept = [line for line in primitive.splitlines() if not line.startswith(("Si2", "Si3", "Si4", "Si6", "Si7", "Si8"))]
    found = read_at_rest(write(tmp_path, "fcc.cif", "\n".join(kept)))
    assert len(found.members[0]) == 8


def test_a_cluster_needs_a_density_and_takes_a_name_and_motion(tmp_path):
    path = write(tmp_path, "water.xyz", XYZ)
    refused(path, "no cell", "density_g_cm3")
    thermal = Thermal(u_iso={"O": 0.005})
    found = read_structure(path, name="water", density_g_cm3=0.997, thermal=thermal)
    assert (found.name, found.kind, found.thermal) == ("water", "cluster", thermal)
    # 0.997 g/cm3 of water: 0.0333 molecules per A3 (18.015 g/mol)
    assert found.number_density_per_a3 == pytest.approx(3 * 0.997 * 0.602214 / 18.015, rel=1e-4)


def test_frames_become_an_ensemble(tmp_path):
    path = tmp_path / "two.extxyz"
    ase.io.write(path, [SILICON, SILICON], format="extxyz")
    found = read_at_rest(path)
    assert len(found.members) == 2 and found.mole_fractions == (0.5, 0.5)


def test_lithium_per_silicon_is_counted(tmp_path):
    path = tmp_path / "alloy.extxyz"
    alloy = SILICON.copy()
    alloy.symbols[0] = "Li"
    ase.io.write(path, alloy, format="extxyz")
    assert read_at_rest(path).lithium_per_silicon == pytest.approx(1 / 7)


def test_a_shipped_entry_passes_its_own_door(tmp_path):
    shipped = structure("a-li0.2si")
    path = tmp_path / "again.extxyz"
    ase.io.write(path, shipped.members[0], format="extxyz")
    found = read_at_rest(path, density_g_cm3=shipped.density_g_cm3)
    assert found.density_g_cm3 == pytest.approx(shipped.density_g_cm3, rel=1e-6)


@pytest.mark.parametrize("name", ["a.pdb", "a.traj", "a.json", "a.db", "a.xyz.gz", "a", "a.cif@0"])
def test_only_listed_suffixes_are_read(tmp_path, name):
    refused(write(tmp_path, name, XYZ), "suffix", ".extxyz, .xyz, .cif")


def test_missing_empty_and_binary_files(tmp_path):
    refused(tmp_path / "none.xyz", "no such file")
    refused(tmp_path, "suffix")
    refused(write(tmp_path, "empty.xyz", ""), "empty")
    refused(write(tmp_path, "blank.xyz", "\n\n\n"), "no atoms")
    refused(write(tmp_path, "blank.cif", "\n\n"), "_cell_length_a")
    (tmp_path / "binary.xyz").write_bytes(b"\x89HDF\r\n\xff\xfe\x00")
    refused(tmp_path / "binary.xyz", "text")
    refused(write(tmp_path, "nul.xyz", "1\n\0\nSi 0 0 0\n"), "binary")


def test_large_files_and_long_lines_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tsct.phantoms.structures.file_text.MAX_BYTES", 100)
    refused(write(tmp_path, "large.xyz", XYZ + "\n" * 100), "MiB")
    monkeypatch.undo()
    refused(write(tmp_path, "long.xyz", "1\n" + "x" * (2**20 + 1) + "\nSi 0 0 0\n"), "line 2", "characters")


@pytest.mark.parametrize("count", ["1000000", "99999999999", "4"])
def test_a_count_beyond_the_file_is_refused_at_once(tmp_path, count):
    path = write(tmp_path, "short.xyz", XYZ.replace("3\n", f"{count}\n", 1))
    worker = threading.Thread(target=refused, args=(path, "line 1", "announces", "3 lines"), daemon=True)
    worker.start()
    worker.join(20)
    assert not worker.is_alive()


@pytest.mark.parametrize("count", ["0", "-1", "3.5", "three", "1e3", "9" * 13])
def test_a_count_must_be_a_whole_number(tmp_path, count):
    refused(write(tmp_path, "bad.xyz", XYZ.replace("3\n", f"{count}\n", 1)), "line 1")


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_positions_must_be_finite(tmp_path, value):
    refused(write(tmp_path, "nan.xyz", XYZ.replace("0.7572", value, 1)), "line 4", "finite", density_g_cm3=1.0)


def test_unknown_elements_are_named_with_their_line(tmp_path):
    refused(write(tmp_path, "odd.xyz", XYZ.replace("O ", "Qq ")), "line 3", "Qq", density_g_cm3=1.0)
    refused(write(tmp_path, "dummy.xyz", XYZ.replace("O ", "X ")), "line 3", "H to Cf", density_g_cm3=1.0)
    refused(write(tmp_path, "odd.cif", CIF.replace("Si5 Si", "Qq5 Qq")), "Qq")


def test_damaged_lines_are_refused(tmp_path):
    refused(write(tmp_path, "words.xyz", XYZ.replace("0.7572", "abc", 1)), "not readable", density_g_cm3=1.0)
    refused(write(tmp_path, "few.xyz", XYZ.replace("0.7572 -0.4692", "0.7572", 1)), "not readable", density_g_cm3=1.0)


def test_overlapping_atoms_are_named(tmp_path):
    near = XYZ.replace("H 0.0 -0.7572 -0.4692", "H 0.0 0.7572 -0.2192")
    refused(write(tmp_path, "near.xyz", near), "atom 2 (line 4)", "atom 3 (line 5)", "0.250 A", density_g_cm3=1.0)
    twice = XYZ.replace("H 0.0 -0.7572", "H 0.0 0.7572")
    refused(write(tmp_path, "twice.xyz", twice), "line 4", "line 5", "same place", density_g_cm3=1.0)
    refused(write(tmp_path, "cif.cif", CIF.replace("0.25 0.25 0.25", "0.01 0.01 0.01")), "atom 1", "atom 5")


def test_overlap_across_the_boundary_is_seen(tmp_path):
    path = tmp_path / "wrapped.extxyz"
    ase.io.write(path, Atoms("Si2", positions=[[0.05, 2, 2], [3.95, 2, 2]], cell=[4, 4, 4], pbc=True), format="extxyz")
    refused(path, "0.100 A")


def test_many_atoms_in_one_place_do_not_hang(tmp_path):
    text = "100000\n\n" + "Si 1.0 1.0 1.0\n" * 100000
    refused(write(tmp_path, "heap.xyz", text), "same place", density_g_cm3=2.3)


def test_nanometres_are_recognised(tmp_path):
    cluster = SILICON * (2, 2, 2)
    cluster.positions /= 10
    cluster.set_cell(None)
    cluster.pbc = False
    path = tmp_path / "nm.xyz"
    ase.io.write(path, cluster, format="extxyz")
    refused(path, "nm", density_g_cm3=2.33)
    small = SILICON.copy()
    small.set_cell(small.cell.array / 10, scale_atoms=True)
    ase.io.write(path, small, format="extxyz")
    refused(path, "nm")


def lattice(text):
    return f'8\nLattice="{text}" Properties=species:S:1:pos:R:3 pbc="T T T"\n' + "".join(
        f"Si {x} {y} {z}\n" for x, y, z in SILICON.positions
    )


@pytest.mark.parametrize(
    ("cell", "word"),
    [
        ("5.431 0 0 0 5.431 0 5.431 5.431 0", "volume"),
        ("0 0 0 0 0 0 0 0 0", "volume"),
        ("nan 0 0 0 5.431 0 0 0 5.431", "volume"),
        ("5.431 0 0 0 5.431 0 0 0 20000", "edges"),
        ("5.431 0 0 5.4 0.5 0 0 0 5.431", "angles"),
        ("54.31 0 0 0 54.31 0 0 0 54.31", "atoms per A3"),
    ],
)
def test_cells_that_hold_no_matter(tmp_path, cell, word):
    refused(write(tmp_path, "cell.extxyz", lattice(cell)), word)


def test_partly_periodic_cells_are_refused(tmp_path):
    slab = lattice("5.431 0 0 0 5.431 0 0 0 5.431").replace("T T T", "T T F")
    refused(write(tmp_path, "slab.extxyz", slab), "three directions")


@pytest.mark.parametrize("density", [-1.0, 0.0, float("nan"), 0.001, 100.0])
def test_densities_without_sense_are_refused(tmp_path, density):
    refused(
        write(tmp_path, "water.xyz", XYZ), "density_g_cm3" if not density > 0 else "atoms per A3", density_g_cm3=density
    )


def test_a_density_against_the_cell_is_refused(tmp_path):
    path = tmp_path / "silicon.extxyz"
    ase.io.write(path, SILICON, format="extxyz")
    refused(path, "2.329", density_g_cm3=2.2)


@pytest.mark.parametrize(
    ("value", "word"),
    [("0", "above 0"), ("-0.5", "above 0"), ("1.5", "above 0"), ("half", "number")],
)
def test_occupancies(tmp_path, value, word):
    text = CIF.replace("0.25 0.25 0.25 1.0", f"0.25 0.25 0.25 {value}")
    refused(write(tmp_path, "occupancy.cif", text), "line 23", "site Si5", "_atom_site_occupancy", word)


@pytest.mark.parametrize(
    "operation",
    ["__import__('os').system('touch canary')", "x,y", "x,y,z,x", "x;y;z", "x, y, open", "x" * 65 + ",y,z", "1/x,y,z"],
)
def test_symmetry_operations_are_never_run(tmp_path, monkeypatch, operation):
    monkeypatch.chdir(tmp_path)
    text = CIF.replace("'x, y, z'", f'"{operation}"')
    refused(write(tmp_path, "evil.cif", text), "line 11", "symop")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("_cell_length_a 5.431", "_cell_length_a wide", ["line 2", "_cell_length_a", "wide"]),
        ("0.25 0.25 0.25", "0.25 ? 0.25", ["line 23", "_atom_site_fract_y", "?"]),
        ("0.25 0.25 0.25", "nan 0.25 0.25", ["line 23", "_atom_site_fract_x", "nan"]),
        ("'P 1'", "'P 1", ["line 8", "not closed"]),
        ("_space_group_name_H-M_alt 'P 1'", "_title\n;\nno end", ["line 9", "not closed"]),
        ("data_silicon", "data_silicon\nstray", ["line 2", "stray"]),
        ("_cell_length_a 5.431\n", "", ["no _cell_length_a"]),
    ],
)
def test_damaged_cifs_name_the_line_and_tag(tmp_path, old, new, words):
    refused(write(tmp_path, "bad.cif", CIF.replace(old, new, 1)), *words)


def test_a_cif_text_field_may_hold_anything(tmp_path):
    text = CIF.replace(
        "_space_group_name_H-M_alt 'P 1'", "_title\n;\nloop_ 'quotes _tags\n;\n_space_group_name_H-M_alt 'P 1'"
    )
    assert len(read_at_rest(write(tmp_path, "text.cif", text)).members[0]) == 8


@pytest.mark.parametrize("position", range(0, len(CIF), 23))
def test_truncated_cifs_never_leak_other_errors(tmp_path, position):
    try:
        read_at_rest(write(tmp_path, "cut.cif", CIF[:position]))
    except InputError as error:
        assert "cut.cif" in str(error)
