"""The size of a scan is known before its counts are read, and is that of what is read."""

import h5py
import numpy as np
import pytest

from tsct.analyze.readers import outline_scan, read_scan
from tsct.records.errors import InputError
from tsct.records.io import write_scan

GRID = """
[intensity]
path = "i"
dims = ["translation", "angle", "q", "slice"]
select = { slice = 1 }
units = "counts"
[q]
linspace = [1.0, 20.0, 40]
units = "1/angstrom"
[angle]
linspace = [0.0, 174.0, 30]
units = "deg"
[translation]
linspace = [-1.0, 1.0, 11]
units = "mm"
"""
FRAMES = GRID.replace('["translation", "angle", "q", "slice"]', '["frame", "q", "slice"]')
ATTRS = """
[attrs]
energy_kev = 80.0
sample_composition = "Ce O2"
solid_angle_applied = true
polarization_applied = true
efficiency_applied = true
monitor_applied = true
transmission_applied = true
"""


@pytest.mark.parametrize("mapping", [GRID, 'fold = ["angle", "translation"]\n' + FRAMES], ids=["grid", "frames"])
def test_a_mapped_scan(mapping, tmp_path):
    counts = np.random.default_rng(1).poisson(200.0, (11, 30, 40, 2)).astype(np.float32)
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle["i"] = counts.swapaxes(0, 1).reshape(330, 40, 2) if "frame" in mapping else counts
    (tmp_path / "m.toml").write_text(mapping + ATTRS)
    outline = outline_scan(tmp_path / "a.h5", tmp_path / "m.toml")
    assert dict(read_scan(tmp_path / "a.h5", tmp_path / "m.toml").sizes) == {"angle": 30, "translation": 11, "q": 40}
    assert (outline.views, outline.translations, outline.channels) == (30, 11, 40)
    assert outline.is_counts and not outline.has_transmission and outline.composition == "Ce O2"


def test_a_scan_of_ours(small_scan, tmp_path):
    tile = small_scan.isel(state=0, slice=0)
    write_scan(tmp_path / "a.h5", tile)
    outline = outline_scan(tmp_path / "a.h5")
    assert (outline.views, outline.translations, outline.channels) == tile.intensity.shape
    assert outline.has_transmission and outline.composition == tile.attrs["sample_composition"]


def test_a_file_without_the_intensity_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle["other"] = np.zeros(3)
    (tmp_path / "m.toml").write_text(GRID + ATTRS)
    with pytest.raises(InputError, match="'i'"):
        outline_scan(tmp_path / "a.h5", tmp_path / "m.toml")
