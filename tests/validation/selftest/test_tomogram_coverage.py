"""Maps through the whole chain, drawn a few times; examples/calibrate.py draws many."""

from dataclasses import replace

import numpy as np
import pytest

from tsct.apps.run.experiment import load
from tsct.simulate.beamline import no_faults, point_sample
from tsct.simulate.beampath.phase_spectra import spectra_table
from tsct.simulate.scan import expected_tile
from tsct.validation.selftest.coverage import calibration
from tsct.validation.selftest.tomogram_coverage import tomogram_scores

SMALL = (
    *("beamline.scan.translations=30", "beamline.scan.step_mm=0.26", "beamline.beam_width_mm=0.26"),
    *("beamline.scan.views=24", "beamline.scan.q_max=22.0", "beamline.scan.q_step=0.1", "slices.z_mm=[0.050]"),
    *("states.potentials_v=[0.50, 0.20]", "analysis.roi.radius_voxels=7.0", "analysis.air_rays=1"),
    *("analysis.multiple_scattering=false", "analysis.outgoing_absorption=false"),
)


@pytest.fixture(scope="module")
def experiment():
    made = load("wragg2023", overrides=SMALL, seed=1)
    beamline = replace(made.beamline, physics=point_sample(), faults=no_faults())
    table = spectra_table(made.phantom, beamline)
    return [expected_tile(made.phantom, beamline, table, state, 0) for state in range(2)], beamline, made.recipe


@pytest.mark.slow
def test_error_bars_of_maps_hold_the_counting_noise_and_not_the_gains(experiment):
    expected, beamline, recipe = experiment
    scores = tomogram_scores(expected, beamline, recipe, 6, seed=1)
    for name in ("silicon map", "carbon map"):
        assert calibration(name, scores[name]).right and scores[name].size > 100
    again = tomogram_scores(expected, beamline, recipe, 1, seed=1)
    np.testing.assert_array_equal(again["G(r)"], scores["G(r)"][:1])
    gains = replace(beamline, faults=replace(beamline.faults, channel_gain=3e-3))
    wrong = calibration("with gains", tomogram_scores(expected, gains, recipe, 6, seed=1)["silicon map"])
    assert not wrong.right and wrong.off > 0
