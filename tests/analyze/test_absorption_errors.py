"""What absorption may have left of amounts: in voxels, in means of them, in a pattern."""

import numpy as np
import pytest

from tsct.analyze.absorption_errors import AbsorptionErrors
from tsct.analyze.tomography import ParallelGeometry

GEOMETRY = ParallelGeometry.from_arrays(np.arange(21) - 10.0, 180 * np.arange(40) / 40)
#: chords of a disc, all views alike
CHORDS = np.broadcast_to(2 * np.sqrt(np.maximum(64 - (np.arange(21) - 10.0) ** 2, 0.0)), (40, 21))[..., None]
INSIDE = np.hypot(*np.meshgrid(np.arange(21) - 10, np.arange(21) - 10)) < 6


def errors_of(beam, way, twice):
    parts = (0.02 * CHORDS * share for share in (1.0, beam, way, twice))
    names = ("amounts", "beam", "way", "twice")
    return AbsorptionErrors(geometry=GEOMETRY, patterns=np.array([[2.0, 3.0]]), **dict(zip(names, parts, strict=True)))


def test_sources_are_independent_and_each_goes_together():
    of_all = errors_of(0.03, -0.04, 0.12)
    assert of_all.of_mean(INSIDE) == pytest.approx([0.13])
    voxels = of_all.of_voxels()
    assert voxels.shape == (1, 21, 21)
    assert voxels[0, INSIDE].mean() == pytest.approx(0.13 * 0.02, rel=0.02)


def test_a_pattern_has_no_part_of_photons_scattered_twice():
    assert errors_of(0.03, -0.04, 0.12).of_pattern(INSIDE) == pytest.approx([0.05 * 0.04, 0.05 * 0.06], rel=0.03)
    assert errors_of(0.0, 0.0, 0.12).of_pattern(INSIDE) == pytest.approx([0.0, 0.0])
