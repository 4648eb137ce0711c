"""Files of any layout are read as their mapping says, and what cannot be is refused in words."""

import h5py
import numpy as np
import pytest

from tsct.records.errors import InputError, TsctWarning
from tsct.records.io.mapping import load_mapping, parse_mapping, read_mapped

RNG = np.random.default_rng(5)
COUNTS = RNG.poisson(100.0, (5, 7, 11)).astype(np.int32)
WANTED = {
    "intensity": (("angle", "translation", "q"), "counts"),
    "translation": (("translation",), "mm"),
    "angle": (("angle",), "deg"),
    "q": (("q",), "1/angstrom"),
}
TABLE = {
    "intensity": {"path": "/raw/counts", "dims": ["translation", "angle", "q"], "units": "counts"},
    "translation": {"path": "/raw/ty"},
    "angle": {"path": "/raw/rz", "units": "rad"},
    "q": {"path": "/raw/q"},
    "monitor": {"value": 2.0e6, "units": "photons"},
    "attrs": {"energy_kev": 80.0},
}


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as handle:
        raw = handle.create_group("raw")
        raw["counts"] = COUNTS
        raw["ty"] = 1e3 * np.arange(5.0)
        raw["ty"].attrs["units"] = "um"
        raw["rz"] = np.linspace(0, np.pi, 7)
        raw["q"] = np.linspace(10, 200, 11)
        raw["q"].attrs["unit"] = "nm^-1"
        raw["name"] = "a sample"
        raw["also"] = h5py.SoftLink("/raw/counts")
        raw["loop"] = h5py.SoftLink("/raw/loop")
        raw["away"] = h5py.ExternalLink("secret.h5", "/data")
    return tmp_path / "other.h5"


def changed(**tables):
    return parse_mapping(TABLE | tables)


def test_axes_are_ordered_and_units_converted(path):
    data = read_mapped(path, changed(), WANTED)
    assert data.intensity.dims == ("angle", "translation", "q")
    assert np.array_equal(data.intensity.values, COUNTS.transpose(1, 0, 2))
    assert np.allclose(data.translation, np.arange(5.0)) and data.translation.attrs["units"] == "mm"
    assert np.allclose(data.angle, np.linspace(0, 180, 7))
    assert np.allclose(data.q, np.linspace(1, 20, 11))
    assert data.monitor.item() == 2.0e6 and data.attrs == {"energy_kev": 80.0}


def test_a_leading_axis_is_selected_and_values_are_scaled(path):
    entry = {"path": "/raw/counts", "dims": ["state", "y", "x"], "units": "1", "select": {"state": -1}, "scale": 0.5}
    data = read_mapped(path, parse_mapping({"map": entry}))
    assert data["map"].dims == ("y", "x") and np.array_equal(data["map"].values, COUNTS[-1] / 2)


def test_evenly_spaced_values_need_no_file(path):
    data = read_mapped(path, changed(angle={"linspace": [0.0, 180.0, 7], "units": "deg"}), WANTED)
    assert np.array_equal(data.angle, np.linspace(0, 180, 7))


def test_a_file_of_toml_is_the_same_as_its_tables(path, tmp_path):
    lines = ["[intensity]", 'path = "/raw/also"', 'dims = ["translation", "angle", "q"]', 'units = "counts"']
    (tmp_path / "map.toml").write_text("\n".join(lines), encoding="utf-8")
    assert np.array_equal(read_mapped(path, load_mapping(tmp_path / "map.toml")).intensity, COUNTS)


def test_the_unit_of_the_mapping_is_used_and_said_so(path):
    with pytest.warns(TsctWarning, match=r"'q' states units 'nm\^-1' but mapping says '1/angstrom', which is used"):
        data = read_mapped(path, changed(q={"path": "/raw/q", "units": "1/angstrom"}))
    assert data.q.values[-1] == 200.0


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"angle": {"path": "/raw/rz"}}, r"'angle' states no units; add units to \[angle\]"),
        ({"angle": {"path": "/raw/rz", "units": "mm"}}, "'angle' is in 'mm', which cannot be turned into 'deg'"),
        (
            {"intensity": {"path": "/raw/counts", "dims": ["angle", "translation", "q"], "units": "counts"}},
            r"transposed: \(translation, angle, q\) would fit",
        ),
        ({"intensity": {"path": "/raw/counts", "dims": ["angle", "q"], "units": "counts"}}, "has 3 axes.*names 2"),
        (
            {"intensity": {"path": "/raw/count", "units": "1"}},
            "no 'count'.*for 'intensity'; did you mean '/raw/counts'",
        ),
        ({"intensity": {"path": "/raw/name", "units": "1"}}, "not numbers"),
        ({"intensity": {"path": "/raw/away", "units": "1"}}, "link to another file"),
        ({"intensity": {"path": "/raw/loop", "units": "1"}}, "more than 8 links"),
        ({"q": {"path": "/raw/ty"}}, "has 11 steps along 'q'|has 5 steps along 'q'"),
        ({"monitor": {"value": "many", "units": "photons"}}, "not a number"),
    ],
)
def test_what_cannot_be_meant_is_refused(path, tables, words):
    with pytest.raises(InputError, match=words):
        read_mapped(path, changed(**tables), WANTED)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "names no quantity"),
        ({"q": 3}, r"must be a table \[q\]"),
        ({"q": {"path": "/q", "unit": "deg"}}, "unknown key 'unit'; did you mean 'units'"),
        ({"q": {"path": "/q", "value": 3}}, "needs one of path"),
        ({"q": {"units": "deg"}}, "needs one of path"),
        ({"q": {"linspace": [0, 1, 2.5]}}, "cannot be used"),
        ({"q": {"path": "/q", "dims": ["q", "q"]}}, "cannot be used"),
        ({"q": {"path": "/q", "dims": ["q"], "select": {"x": 0}}}, "cannot be used"),
        ({"q": {"path": "/q", "scale": "2"}}, "cannot be used"),
        ({"attrs": 3, "q": {"path": "/q"}}, "table of constants"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused(table, words):
    with pytest.raises(InputError, match=words):
        parse_mapping(table)


def test_files_that_are_none_are_refused(tmp_path):
    for read in (load_mapping, lambda path: read_mapped(path, changed())):
        with pytest.raises(InputError, match="no such file"):
            read(tmp_path / "nothing")
        with pytest.raises(InputError, match="not a regular file"):
            read(tmp_path)
    (tmp_path / "broken").write_text("[a", encoding="utf-8")
    with pytest.raises(InputError, match="not valid TOML"):
        load_mapping(tmp_path / "broken")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        read_mapped(tmp_path / "broken", changed())


def test_what_reaches_outside_or_fills_the_memory_is_refused(tmp_path):
    with h5py.File(tmp_path / "file.h5", "w") as handle:
        handle.create_dataset("bomb", shape=(10**5, 10**5), dtype="f4", chunks=(1000, 1000), compression="gzip")
        layout = h5py.VirtualLayout((4, 4), "f4")
        layout[:] = h5py.VirtualSource("secret.h5", "data", (4, 4))
        handle.create_virtual_dataset("virtual", layout)
    for place, words in (("/bomb", "refused"), ("/virtual", "stored in another file")):
        with pytest.raises(InputError, match=words):
            read_mapped(tmp_path / "file.h5", parse_mapping({"map": {"path": place, "dims": ["y", "x"], "units": "1"}}))
