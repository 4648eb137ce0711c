"""Steps that work view by view, or pattern by pattern, hold little beside their results."""

import tracemalloc

import numpy as np

from tsct.analyze.pdf.transform import pdf_operator
from tsct.analyze.prepare.corrections import corrected_lines
from tsct.analyze.prepare.readings import read_tile
from tsct.analyze.recipe import PdfRecipe
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.padding import padded


def peak_bytes(work):
    """Most memory that `work` holds at a time, its result included."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_corrected_lines_hold_little_beside_lines_and_variance(small_scan):
    tile = small_scan.isel(state=0, slice=0) if "state" in small_scan.dims else small_scan
    readings, channels, _ = read_tile(tile)
    corrected_lines(readings, channels, 0)  # tables are loaded
    assert peak_bytes(lambda: corrected_lines(readings, channels, 0)) < 2.6 * readings.counts.nbytes


def test_blocks_of_patterns_transform_alike_in_less_memory():
    q = np.arange(1.0, 20.0, 0.1)
    operator = pdf_operator(q, PdfRecipe(composition={"Si": 1.0}, q_min=1.0, q_max=18.0, r_max=5.0))
    patterns = np.random.default_rng(1).random((130, 130, len(q))).astype(np.float32)
    result = operator.apply(patterns)
    each = np.stack([operator.apply(pattern) for pattern in patterns[::43, 7]])
    np.testing.assert_allclose(result[::43, 7], each, rtol=1e-4, atol=1e-4 * np.abs(each).max())
    assert peak_bytes(lambda: operator.apply(patterns)) < result.nbytes + 0.3 * patterns.nbytes


def test_no_padding_copies_nothing():
    rays = np.ones((4, 5, 3), dtype=np.float32)
    geometry = ParallelGeometry.from_arrays(np.arange(5.0) - 2.0, np.arange(0.0, 180.0, 45.0))
    same, around = padded(rays, geometry, 0)
    assert same is rays
    assert around == geometry
