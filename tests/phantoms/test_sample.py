"""The cell as users see it: its truth is a method, and the preset stays callable beside the module of its name."""

import subprocess
import sys

import numpy as np
import pytest

from tsct import phantoms
from tsct.records.schema import TRUTH, check, unknown


@pytest.mark.parametrize("before", ["", "import tsct.phantoms.wragg2023, tsct.phantoms.truth; "])
def test_the_preset_is_a_function_whatever_was_imported_before(before):
    code = f"{before}from tsct import phantoms; print(phantoms.wragg2023(phantoms.discharge('null', (0.5,))).seed)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


def test_a_cell_is_built_without_loading_xarray():
    code = "import sys; from tsct import phantoms; phantoms.wragg2023(); print('xarray.core' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_truth_is_a_method_of_the_cell_and_follows_the_schema():
    cell = phantoms.wragg2023(phantoms.discharge("small", (0.5, 0.2)))
    record = cell.truth(voxels=10, voxel_mm=0.8)
    assert record.identical(phantoms.phantom_truth(cell, 10, 0.8))
    check(record, TRUTH, "truth")
    assert not list(unknown(record, TRUTH))


def test_volume_fractions_fill_the_tube_and_nothing_overlaps():
    """Whatever the plane, all phases together are one inside the container and nothing outside."""
    cell = phantoms.wragg2023(phantoms.discharge("null", (0.5,)))
    centres = 8.0 * ((np.arange(160) + 0.5) / 160 - 0.5)
    x, y = np.meshgrid(centres, centres)
    radius = np.hypot(x, y)
    for height in (-0.02, 0.0, 0.05, 0.11, 0.3, 0.7):
        whole = cell._fractions(x, y, height, 1).sum(axis=0)
        np.testing.assert_allclose(whole[radius < 3.4], 1.0, atol=1e-12)
        np.testing.assert_allclose(whole[radius > 3.6], 0.0, atol=1e-12)
