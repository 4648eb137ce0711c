"""The mappings of docs/your-beamline.md, as they stand, read files of those layouts."""

import re
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from tsct.analyze.readers import read_pattern_stack
from tsct.analyze.readers.scans import read_scan
from tsct.records.errors import TsctWarning

from .field_files import diffmap, ewoks, flat, views, write

PAGE = (Path(__file__).parents[3] / "docs" / "your-beamline.md").read_text(encoding="utf-8")
MAPPINGS = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
NAMES = ("diffmap", "library", "dawn", "ewoks", "list", "views", "master", "patterns")
Q = np.linspace(1.0, 20.0, 60)


@pytest.fixture(scope="module")
def scan():
    """Ninety views of 41 translations, as the page says, of an object off the axis."""
    angles, places = np.linspace(0.0, 178.0, 90), np.linspace(-1.0, 1.0, 41)
    inside = np.clip(0.6 - (places - 0.2 * np.cos(np.radians(angles))[:, None]) ** 2, 0, None)
    counts = np.random.default_rng(3).poisson(5 + 900 * inside[..., None] * np.exp(-Q / 9)).astype(np.int32)
    rays = ("angle", "translation")
    coords = {"angle": angles, "translation": places, "q": Q}
    return xr.Dataset(
        {"intensity": ((*rays, "q"), counts), "transmission": (rays, np.exp(-0.3 * inside))}, coords=coords
    )


def dawn(folder, scan):
    with h5py.File(folder / "d.nxs", "w") as handle:
        group = handle.create_group("processed/result")
        group.attrs.update({"signal": "data", "axes": ["gonio_theta", ".", "stage_x", "q"]})
        group["data"] = scan.intensity.values[:, None].astype("f8")
        for name, values, units in (
            ("gonio_theta", scan.angle, "deg"),
            ("stage_x", scan.translation, "mm"),
            ("q", scan.q, "1/angstrom"),
        ):
            group[name] = values.values
            group[name].attrs["units"] = units
    return folder / "d.nxs"


def linked(folder, scan):
    counts = scan.intensity.values
    (folder / "raw").mkdir()
    write(folder / "raw" / "all.h5", entry__data=counts, rot=scan.angle.values)
    with h5py.File(folder / "m.h5", "w") as handle:
        layout = h5py.VirtualLayout(shape=counts.shape, dtype=counts.dtype)
        layout[...] = h5py.VirtualSource("raw/all.h5", "entry/data", shape=counts.shape)
        handle.create_virtual_dataset("entry/data", layout)
        handle["entry/rot"], handle["entry/q"] = h5py.ExternalLink("raw/all.h5", "/rot"), scan.q.values
    return folder / "m.h5"


def library(folder, scan):
    return write(
        folder / "cell.h5",
        sinograms=scan.intensity.values.transpose(1, 0, 2),
        q=scan.q.values,
        sinogram_absct=1e5 * scan.transmission.values.T,
    )


FILES = {
    "diffmap": lambda folder, scan: diffmap(folder / "map.h5", scan),
    "library": library,
    "dawn": dawn,
    "ewoks": lambda folder, scan: ewoks(folder, scan, title=False),
    "list": lambda folder, scan: flat(folder, scan, zigzag=True),
    "views": lambda folder, scan: views(folder / "v", scan, zigzag=True),
    "master": linked,
}


def test_every_mapping_has_at_most_ten_lines():
    assert len(MAPPINGS) == len(NAMES)
    assert max(len(mapping.splitlines()) for mapping in MAPPINGS) <= 10


@pytest.mark.parametrize("name", FILES)
def test_a_mapping_of_the_page_reads_its_layout(scan, tmp_path, name):
    path = FILES[name](tmp_path, scan)
    (tmp_path / "m.toml").write_text(MAPPINGS[NAMES.index(name)], encoding="utf-8")
    with warnings.catch_warnings():
        # intensities that are no counts get errors from their scatter
        warnings.filterwarnings("ignore", "(?s).*estimated from the scatter", TsctWarning)
        found = read_scan(path, tmp_path / "m.toml", tmp_path)
    counts = found.intensity.values / found.attrs.get("counts_per_unit", 1.0)
    np.testing.assert_allclose(counts, scan.intensity.values, rtol=1e-5)
    for axis in ("angle", "translation", "q"):
        np.testing.assert_allclose(found[axis], scan[axis], rtol=1e-9, atol=1e-9)
    if name == "library":
        through = scan.transmission.values
        np.testing.assert_allclose(found.transmission, through / through.max(), rtol=1e-6)


def test_the_mapping_of_a_series_reads_its_patterns(tmp_path):
    patterns = np.random.default_rng(1).poisson(900, (4, 60)).astype(np.float64)
    path = write(tmp_path / "s.h5", scans__I=patterns, scans__sigma=np.sqrt(patterns), scans__q=10 * Q)
    (tmp_path / "m.toml").write_text(MAPPINGS[NAMES.index("patterns")], encoding="utf-8")
    stack = read_pattern_stack(path, tmp_path / "m.toml")
    np.testing.assert_array_equal(stack.intensity, patterns)
    np.testing.assert_allclose(stack.radial, Q)
