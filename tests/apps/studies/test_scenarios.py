"""Scenarios: a table of data, each an experiment that loads, and one table of results."""

import json

import numpy as np
import pytest

from tsct.apps.run.experiment import load
from tsct.apps.run.scenario_list import FAULT_PREFIX, chosen, merged, scenarios
from tsct.apps.studies.scenarios import applicable, document, page, run_scenarios, table, worst
from tsct.phantoms.structures.library import series_weights
from tsct.records.errors import UsageError
from tsct.simulate.beamline.faults import COMMON
from tsct.validation import CHECKS

SMALL = (
    *("beamline.scan.translations=40", "beamline.scan.step_mm=0.2", "beamline.beam_width_mm=0.2"),
    *("beamline.scan.views=24", "beamline.scan.q_max=24.0", "beamline.scan.q_step=0.1"),
    *("states.potentials_v=[0.50, 0.20]", "slices.z_mm=[0.050]", "analysis.roi.radius_voxels=8.0"),
)


@pytest.mark.parametrize("name", list(scenarios()))
def test_every_scenario_loads_and_names_checks_that_exist(name):
    scenario = scenarios()[name]
    made = load(name, quick=True)
    assert made.settings.name == name
    assert scenario.title and "?" in scenario.question
    assert set(scenario.matters) <= {check.id for check in CHECKS}
    assert scenario.base in scenarios()
    assert set(scenario.matters) <= {check.id for check in applicable(scenario)}


def test_every_fault_has_a_scenario_of_its_own():
    alone = [scenario for scenario in scenarios().values() if scenario.name.startswith(FAULT_PREFIX)]
    assert len(alone) == len(COMMON)
    for scenario, (name, size) in zip(alone, COMMON.items(), strict=True):
        faults = load(scenario.name).beamline.faults
        on = {key for key in COMMON if getattr(faults, key) != 0}
        assert on == {name} and getattr(faults, name) == size


def test_two_phases_are_a_mixture_of_two_members():
    """The second member holds the share x / x2 of the silicon, and no other takes part."""
    phantom = load("two-phase").phantom
    last = phantom.silicon[-1].lithium_per_silicon
    assert [member.lithium_per_silicon for member in phantom.silicon] == [0.0, pytest.approx(0.6, abs=0.05)]
    x = phantom.discharge.x
    np.testing.assert_allclose(series_weights(phantom.silicon, x)[1], x / last, atol=1e-12)


def test_the_star_has_the_contrast_that_is_asked_for():
    """Around a ring, silicon follows a cosine of the number of spokes with the amplitude of the star."""
    phantom = load("resolution").phantom
    angle = np.linspace(0, 2 * np.pi, 480, endpoint=False)
    radius = 2.0
    silicon = phantom._electrode_fractions(radius * np.cos(angle)[None], radius * np.sin(angle)[None], 1)[0][0]
    wave = 2 * np.mean(silicon * np.cos(phantom.texture.star_spokes * angle))
    smooth = 1 + 0.25 * (1 - 2 * (radius / 2.6) ** 2) + 0.12 * np.cos(2 * np.pi * radius / 0.9)
    # grains of 3 % add a random wave of 3 % times sqrt(2 / independent grains around the ring) at most
    assert wave / silicon.mean() == pytest.approx(0.3 / smooth, abs=0.02)


def test_unknown_scenarios_are_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean 'two-phase'"):
        chosen("twophase")
    assert [scenario.name for scenario in chosen("null, perfect,null")] == ["null", "perfect"]
    assert len(chosen("all")) == len(scenarios())


def test_merging_keeps_what_is_not_changed():
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 5}}) == {"a": {"b": 5, "c": 2}, "d": 3}


def verdicts(**found):
    rows = [
        {"id": name, "title": name, "value": None, "unit": "1", "low": 0.0, "high": 1.0, "n": 0, "note": ""}
        for name in found
    ]
    checks = [row | {"verdict": verdict} for row, verdict in zip(rows, found.values(), strict=True)]
    kinds = set(found.values())
    return {
        "verdict": "fail" if "fail" in kinds else "inconclusive" if "inconclusive" in kinds else "pass",
        "checks": checks,
    }


def test_a_scenario_is_compared_with_its_base():
    wanted = chosen("perfect,fault-zingers")
    rows = table(
        wanted,
        {
            "perfect": verdicts(A10="fail", A16a="pass", A12c="pass", A19="pass"),
            "fault-zingers": verdicts(A10="fail", A16a="pass", A12c="fail", A19="inconclusive"),
        },
    )
    # wragg2023, the base of 'perfect', was not run
    assert [row.worse for row in rows] == [None, ("A12c", "A19")]
    assert worst(rows) == "fail" and rows[1].count("fail") == 2
    assert [check["id"] for check in rows[1].matters] == ["A12c"]
    said = json.loads(json.dumps(document(rows), allow_nan=False))
    assert [row["worse_than_base"] for row in said["scenarios"]] == [None, ["A12c", "A19"]]
    html = page(rows)
    assert "fault-zingers/report.html" in html and "http" not in html.replace("http-equiv", "")


def test_two_small_scenarios_from_scan_to_table(tmp_path):
    rows = run_scenarios(
        "perfect,fault-energy-error",
        tmp_path,
        quick=False,
        overrides=SMALL,
        seed=1,
        workers=1,
        overwrite=False,
        track=lambda items, title, total: items,
    )
    assert [row.scenario.name for row in rows] == ["perfect", "fault-energy-error"]
    perfect, energy = ({name: check["verdict"] for name, check in row.checks.items()} for row in rows)
    assert perfect["A16a"] == "pass" and perfect["A16e"] == "pass"
    # a photon energy wrong by 0.1 % stretches r by as much, three times the window
    assert energy["A16e"] == "fail" and "A16e" in rows[1].worse
    written = {path.name for path in (tmp_path / "perfect").iterdir()}
    assert {"experiment.toml", "truth.h5", "recovered.h5", "scores.json", "report.html", "run.json"} <= written
    assert json.loads((tmp_path / "scenarios.json").read_text())["verdict"] == worst(rows)
    with pytest.raises(UsageError, match="holds scenario 'perfect'"):
        run_scenarios(
            "perfect",
            tmp_path,
            quick=False,
            workers=1,
            overwrite=False,
            track=lambda items, title, total: items,
        )
