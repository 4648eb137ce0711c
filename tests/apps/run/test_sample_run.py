"""Samples of phases of one's own, from file to verdict: the painted presets and a file of a user, all small."""

import json

import numpy as np
import pytest

from tsct.apps.explore.run import open_run
from tsct.apps.run import pipeline as job
from tsct.apps.run.experiment import load
from tsct.apps.run.export import FORMS, export
from tsct.records.io import read_record, read_truth
from tsct.validation import score
from tsct.validation.selftest.phase_defects import phase_defects

from ..small import quiet

COARSE = (
    *("beamline.scan.views=24", "beamline.scan.q_max=20.0", "beamline.scan.q_step=0.1"),
    *("analysis.q_max=18.0", "analysis.r_max=12.0", "analysis.r_step=0.05"),
)
#: domains of 1.5 nm have broad peaks, which channels of 0.1 per angstrom resolve
SMALL = {
    "standard": (
        *("beamline.scan.translations=23", "beamline.scan.step_mm=0.06", "beamline.beam_width_mm=0.06"),
        *(
            f"{section}.phase.{name}.crystallite_nm=1.5"
            for section in ("sample", "analysis")
            for name in ("ceria", "nickel")
        ),
        "analysis.roi.radius_voxels=5.0",
    ),
    "capillary": (
        *("beamline.scan.translations=25", "beamline.scan.step_mm=0.1", "beamline.beam_width_mm=0.1"),
        *("sample.phase.palladium.crystallite_nm=1.5", "analysis.phase.palladium.crystallite_nm=1.5"),
        *("sample.phase.alumina.crystallite_nm=1.5", "analysis.phase.alumina.crystallite_nm=1.5"),
        *("states.values=[300.0, 800.0]", "slices.z_mm=[0.0]", "analysis.roi.radius_voxels=6.0"),
    ),
}
OWN = """
name = "own"
[[sample.phase]]
name = "silica"
structure = "silica-glass"
[[sample.phase]]
name = "copper"
structure = "copper"
crystallite_nm = 1.5
[[sample.solid]]
shape = "tube"
inner_diameter_mm = 1.2
outer_diameter_mm = 1.6
fill = { silica = 1.0 }
[[sample.solid]]
shape = "cylinder"
diameter_mm = 1.2
fill = { copper = 0.1, silica = 0.3 }
[states]
axis = "temperature_k"
values = [300.0, 400.0]
[[sample.change]]
phase = "copper"
kind = "strain"
curve = [[300, 0.0], [400, 0.002]]
[beamline]
beam_width_mm = 0.1
[beamline.scan]
translations = 21
step_mm = 0.1
[analysis]
phase = [
  { name = "silica", structure = "silica-glass" },
  { name = "copper", structure = "copper", crystallite_nm = 1.5, strain_limit = 0.01 },
]
[analysis.roi]
x_voxels = 0.0
y_voxels = 0.0
radius_voxels = 4.0
"""
PHASES = {"standard": ("kapton", "ceria", "nickel"), "capillary": ("silica", "alumina", "palladium")}
PHASES["own"] = ("silica", "copper")
#: those that are more than walls, thinner than what away from edges means
THICK = {"standard": ("ceria", "nickel"), "capillary": ("alumina", "palladium"), "own": ("silica", "copper")}


@pytest.fixture(scope="module", params=PHASES)
def finished(request, tmp_path_factory):
    """Name, folder and scores of a run."""
    name, folder = request.param, tmp_path_factory.mktemp(request.param)
    source, more = name, SMALL.get(name, ())
    if name == "own":
        (folder / "own.toml").write_text(OWN)
        source = str(folder / "own.toml")
    experiment = load(source, overrides=(*COARSE, *more))
    return (
        name,
        folder / "out",
        job.run(experiment, folder / "out", workers=1, overwrite=False, track=quiet),
    )


def test_a_run_ends_with_a_verdict_and_reasons(finished):
    name, folder, scores = finished
    assert json.loads((folder / "scores.json").read_text())["verdict"] == scores.verdict
    ran = {one.check.id for one in scores.outcomes if one.ran}
    assert {f"amount[{phase}]" for phase in THICK[name]} <= ran
    assert all(one.ran or one.measurement.note for one in scores.outcomes)


def test_amounts_are_within_three_stated_errors(finished):
    name, _, scores = finished
    off = {one.check.id: one.measurement.value for one in scores.outcomes}
    assert {phase: off[f"amount[{phase}]"] for phase in THICK[name] if not abs(off[f"amount[{phase}]"]) < 3} == {}


@pytest.mark.parametrize("number", range(2))
def test_a_fifth_more_of_a_phase_fails_its_check(finished, number):
    name, folder, _ = finished
    failing = f"amount[{THICK[name][number]}]"
    recovered = read_record(folder / "recovered.h5", "recovered")
    truth, phases = read_truth(folder / "truth.h5")
    defect = phase_defects([str(one) for one in recovered.phase.values])[failing]
    result = {"phase": recovered.phase.values, "phase_amount": recovered.phase_amount.values}
    damaged = defect.result(result, np.random.default_rng(1))["phase_amount"]
    wrong = recovered.assign(phase_amount=recovered.phase_amount.copy(data=damaged))
    assert {one.check.id: one.verdict for one in score(truth, wrong, phases).outcomes}[failing] == "fail"


def test_the_report_shows_every_phase(finished):
    name, folder, _ = finished
    page = (folder / "report.html").read_text()
    for phase in PHASES[name]:
        assert f"Map of {phase} in the first state" in page
    assert "potential" not in page


def test_the_run_opens_in_the_browser_and_leaves_for_other_programs(finished, tmp_path):
    _, folder, _ = finished
    run = open_run(folder)
    assert run.has_truth
    assert run.true_densities(run.slices[0]).shape[0] == run.patterns.shape[0]
    for form in FORMS:
        assert all(file.stat().st_size for file in export(folder, form, tmp_path / form))
