"""What an experiment costs, by hand."""

import numpy as np
import pytest

from tsct import phantoms, simulate
from tsct.simulate import ScanPattern
from tsct.validation.forecast.costs import costs_of


def test_time_and_data_of_all_states_and_slices():
    """Three states of three slices; a quarter of a second each frame, a twentieth of which nothing is counted."""
    cell = phantoms.wragg2023(phantoms.discharge("small", (0.50, 0.30, 0.20)))
    pattern = ScanPattern(views=20, translations=40, step_mm=0.2, q_min=1.0, q_max=21.0, q_step=0.5)
    costs = costs_of(cell, simulate.Beamline(scan=pattern, beam_width_mm=0.2, exposure_s=0.2, dead_time_s=0.05), 1)
    assert costs.seconds_per_tomogram == pytest.approx(20 * 40 * 0.25)
    assert costs.tomograms == 3 * len(cell.slices_z_mm) and len(pattern.q) == 41
    assert costs.hours == pytest.approx(200 * costs.tomograms / 3600)
    # four bytes each channel
    assert costs.gigabytes == pytest.approx(4 * 20 * 40 * 41 * costs.tomograms / 1e9)
    assert np.isfinite(costs.dose_gray) and costs.dose_gray > 0
