"""The plan of any sample: phases and peaks by name, no number that is none, and hours that choose the exposure."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tsct.apps.run.experiment import load
from tsct.apps.studies.plan import study_of
from tsct.apps.studies.plan_page import write_plan

SMALL = (
    *("beamline.scan.views=24", "beamline.scan.translations=27", "beamline.scan.step_mm=0.1"),
    *("beamline.beam_width_mm=0.1", "beamline.scan.q_step=0.05", "analysis.roi.radius_voxels=7.0"),
    'analysis.peak=[{name="metal", limits_a=[2.5, 3.0]}]',
)


@pytest.fixture(scope="module")
def plan():
    study = study_of(load("capillary", overrides=SMALL), slice_index=None, current_ma_g=150.0)
    return study.plan(study.forecast(), 0.01)


def test_phases_and_peaks_are_named_and_nothing_of_another_sample(plan, tmp_path):
    page = write_plan(plan, tmp_path).read_text()
    document = json.loads((tmp_path / "plan.json").read_text())
    assert set(document["phases"]) == {"silica", "alumina", "palladium"} and set(document["peaks"]) == {"metal"}
    for words in ("least palladium that shows", "least shift of metal", "A shift of metal by 0.01 Å"):
        assert words in page
    for words in ("lithium", "silicon", "nan", "inf ", "-0."):
        assert words not in page.split("data:image")[0].lower()


def test_counts_are_said_where_they_are_measured(plan):
    said = dict(plan.rows)["counts per channel, central ray"]
    places = [float(part.split(" at ")[1].split()[0]) for part in said.split(", ")]
    assert max(places) <= plan.experiment.beamline.scan.q_max


def test_a_question_that_is_too_hard_says_how_much_more_light(plan):
    shift = float(plan.forecast.peaks.error.sel(peak="metal", where="voxel"))
    asked = replace(plan, wanted_shift=1.5 * shift)
    one = plan.forecast.peaks.sel(peak="metal", where="voxel")
    factor = float(one.counting) ** 2 / ((shift / 2) ** 2 - float(one.constant) ** 2)
    assert f"A shift of metal by {1.5 * shift:g}" in asked.advice[0] and f"{factor:.1f} times" in asked.advice[0]
    assert asked.need.factor == pytest.approx(factor)
    # what noise of the readings hides in a voxel, and in the region, is not promised for any exposure
    hidden = replace(plan, wanted_shift=1e-9)
    assert all("no exposure would do" in line for line in hidden.advice[:3]) and not np.isfinite(hidden.need.factor)


def test_without_phases_and_peaks_the_plan_says_how_to_ask():
    experiment = load("capillary", overrides=SMALL)
    recipe = replace(experiment.recipe, phases=(), peaks=())
    study = study_of(replace(experiment, recipe=recipe), slice_index=None, current_ma_g=150.0)
    advice = " ".join(study.plan(study.forecast(), 0.01).advice)
    assert "[[analysis.phase]]" in advice and "[[analysis.peak]]" in advice
