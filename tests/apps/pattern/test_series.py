"""`tsct pdf` of a series: each curve is that of its pattern alone, whatever holds the patterns."""

import h5py
import numpy as np
import pytest
from diffpy.utils.parsers import load_data
from typer.testing import CliRunner

from tsct.apps.cli.main import app
from tsct.records.errors import TsctError, TsctWarning
from tsct.records.io.files import read_record

Q = np.arange(0.5, 25.001, 0.02)


def pattern(bond):
    return 1e4 * (np.exp(-Q / 8) + 0.05) * (1 + 0.5 * np.sin(bond * Q) / (1 + 0.3 * Q))


BONDS = (2.2, 2.35, 2.5)
STACK = np.stack([pattern(bond) for bond in BONDS])


def run(*words, code=0):
    result = CliRunner().invoke(app, ["pdf", *map(str, words), "--composition", "Si"])
    refusal = result.exception if isinstance(result.exception, TsctError) else None
    assert (refusal.exit_code if refusal else result.exit_code) == code, repr(result.exception)
    return str(refusal) if refusal else result.output


def write_text(folder, number=3, q=Q):
    paths = [folder / f"p{i}.xye" for i in range(number)]
    for path, intensity in zip(paths, STACK, strict=False):
        np.savetxt(path, np.column_stack([q, np.interp(q, Q, intensity), np.sqrt(np.interp(q, Q, intensity))]))
    return paths


def write_stack(path, q=Q, units="1/angstrom", name="q", **attrs):
    with h5py.File(path, "w") as handle:
        group = handle.create_group("entry/data")
        group.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": [".", name]})
        group["I"], group["I_errors"], group[name] = STACK, np.sqrt(STACK), q
        group[name].attrs["units"] = units
    return path


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """G(r) of every pattern by itself."""
    folder = tmp_path_factory.mktemp("alone")
    for path in write_text(folder):
        run(path, "-o", folder)
    return [load_data(folder / f"p{i}.gr") for i in range(3)]


def test_many_files_give_what_each_gives_alone(tmp_path, alone):
    said = run(*write_text(tmp_path), "-o", tmp_path)
    assert "3 patterns of 3 files; wrote series.nxs and 3 files such as p0.gr" in said
    for i, expected in enumerate(alone):
        np.testing.assert_array_equal(load_data(tmp_path / f"p{i}.gr"), expected)
    together = read_record(tmp_path / "series.nxs")
    np.testing.assert_allclose(together["gr"].values, [each[:, 1] for each in alone], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(together["gr_errors"].values, [each[:, 3] for each in alone], rtol=1e-6)
    assert together["name"].values.tolist() == ["p0", "p1", "p2"]
    assert together.attrs["qmax"] == 20.0 and together.attrs["composition"] == "Si1"
    np.testing.assert_allclose(read_record(tmp_path / "series.nxs", "iq")["iq"].values, STACK, rtol=1e-9)


def test_the_first_bond_moves_as_it_was_planted(alone):
    for bond, data in zip(BONDS, alone, strict=True):
        inside = (data[:, 0] > 1.6) & (data[:, 0] < 3.2)
        assert data[inside, 0][data[inside, 1].argmax()] == pytest.approx(bond, abs=0.03)


@pytest.mark.parametrize(("factor", "units"), [(1.0, "1/angstrom"), (10.0, "nm^-1")])
def test_a_stack_gives_the_same(tmp_path, alone, factor, units):
    path = write_stack(tmp_path / "s.h5", factor * Q, units)
    assert "3 patterns of 1 file; wrote s_pdf.nxs and 3 files such as s_0000.gr" in run(path, "-o", tmp_path)
    for i, expected in enumerate(alone):
        np.testing.assert_allclose(load_data(tmp_path / f"s_{i:04d}.gr"), expected, rtol=1e-6, atol=1e-7)


def test_a_stack_over_two_theta_needs_a_wavelength(tmp_path, alone):
    two_theta = np.degrees(2 * np.arcsin(Q * 0.2 / (4 * np.pi)))
    path = write_stack(tmp_path / "s.h5", two_theta, "deg", "tth")
    assert "pattern 0: the first column is '2theta in degrees'; add --wavelength" in run(path, "-o", tmp_path, code=3)
    run(path, "-o", tmp_path, "--wavelength", "0.2")
    moved = load_data(tmp_path / "s_0001.gr")
    far = moved[:, 0] > 1.5
    assert np.corrcoef(moved[far, 1], alone[1][far, 1])[0, 1] > 0.999


def test_a_mapping_says_where_the_patterns_are(tmp_path, alone):
    with h5py.File(tmp_path / "s.h5", "w") as handle:
        handle["I"], handle["e"] = STACK.T, np.sqrt(STACK).T
        handle["axis"] = Q
    assert "no NXdata with patterns over q or 2theta; say where they are with --mapping" in run(
        tmp_path / "s.h5", "-o", tmp_path, code=3
    )
    (tmp_path / "m.toml").write_text(
        'intensity = { path = "/I", dims = ["q", "frame"], units = "counts" }\n'
        'intensity_errors = { path = "/e", dims = ["q", "frame"], units = "counts" }\n'
        'q = { path = "/axis", units = "1/angstrom" }\n',
        encoding="utf-8",
    )
    run(tmp_path / "s.h5", "--mapping", tmp_path / "m.toml", "-o", tmp_path)
    np.testing.assert_allclose(load_data(tmp_path / "s_0002.gr"), alone[2], rtol=1e-6, atol=1e-7)


def test_empty_patterns_are_left_out_and_holes_refused(tmp_path, alone):
    path = write_stack(tmp_path / "s.h5")
    with h5py.File(path, "r+") as handle:
        handle["entry/data/I"][1] = np.nan
    with pytest.warns(TsctWarning, match="1 patterns hold no intensity and are left out, such as number 1"):
        assert "2 patterns of 1 file" in run(path, "-o", tmp_path)
    assert not (tmp_path / "s_0001.gr").exists()
    np.testing.assert_allclose(load_data(tmp_path / "s_0002.gr"), alone[2], rtol=1e-6, atol=1e-7)
    with h5py.File(path, "r+") as handle:
        handle["entry/data/I"][1:] = STACK[1:]
        handle["entry/data/I"][2, 500] = np.nan
    said = run(path, "-o", tmp_path, "--overwrite", code=3)
    assert "pattern 2: 1 intensities between others are not finite" in said


def test_patterns_on_different_grids_share_their_distances_only(tmp_path):
    first, second = write_text(tmp_path, 2)
    np.savetxt(second, np.column_stack([Q[::2], STACK[1, ::2], np.sqrt(STACK[1, ::2])]))
    assert "(G(r) only: the patterns lie on different grids of Q)" in run(first, second, "-o", tmp_path)
    with h5py.File(tmp_path / "series.nxs", "r") as handle:
        assert set(handle["entry"]) - {"title"} == {"gr"}


def test_results_are_not_replaced_nor_are_inputs(tmp_path):
    paths = write_text(tmp_path)
    run(*paths, "-o", tmp_path)
    assert "--overwrite" in run(*paths, "-o", tmp_path, code=2)
    assert "--mapping is for HDF5 files" in run(paths[0], "-o", tmp_path / "x", "--mapping", paths[1], code=2)


def test_files_of_one_name_from_two_folders_are_numbered(tmp_path):
    paths = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths += write_text(tmp_path / name, 1)
    run(*paths, "-o", tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.gr")) == ["0000_p0.gr", "0001_p0.gr"]
