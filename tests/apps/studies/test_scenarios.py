"""Scenarios: a table of data, each an experiment that loads, and one table of results."""

import json

import numpy as np
import pytest

from tsct.apps.run.experiment import load
from tsct.apps.run.scenario_list import FAULT_PREFIX, _fails, chosen, merged, scenarios
from tsct.apps.studies.scenarios import applicable, document, exit_code, page, run_scenarios, table, unmet, worst
from tsct.phantoms.structures.library import series_weights
from tsct.records.errors import UsageError
from tsct.simulate.beamline.faults import COMMON
from tsct.validation import CHECKS, current_id, read_scores

from ..small import SMALL


@pytest.mark.parametrize("name", list(scenarios()))
def test_every_scenario_loads_and_names_checks_that_exist(name):
    scenario = scenarios()[name]
    made = load(name, quick=True)
    assert made.settings.name == name
    assert scenario.title and "?" in scenario.question
    assert {*scenario.matters, *scenario.fails} <= {check.id for check in CHECKS}
    # only the chain can be expected to fail
    assert set(scenario.fails) <= {check.id for check in CHECKS if check.about == "chain"}
    assert scenario.base in scenarios()
    assert set(scenario.matters) <= {check.id for check in applicable(scenario)}


def test_every_fault_has_a_scenario_of_its_own():
    alone = [scenario for scenario in scenarios().values() if scenario.name.startswith(FAULT_PREFIX)]
    assert len(alone) == len(COMMON)
    for scenario, (name, size) in zip(alone, COMMON.items(), strict=True):
        faults = load(scenario.name).beamline.faults
        on = {key for key in COMMON if getattr(faults, key) != 0}
        assert on == {name} and getattr(faults, name) == size


def test_the_paper_is_asked_of_its_own_sample_alone():
    """Beamline and analysis may differ; another discharge, structure, electrode or texture is another sample."""
    others = {"medium", "hatchard-dahn", "two-phase", "null", "missing-phase", "resolution"}
    of_paper = {name for name in scenarios() if load(name).phantom.preset == "wragg2023"}
    assert of_paper == set(scenarios()) - others
    assert load("wragg2023", overrides=["electrode.silicon=0.2"]).phantom.preset == ""
    assert load("wragg2023", quick=True, seed=7).phantom.preset == "wragg2023"


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


def verdicts(**by_alias):
    """A document of scores with these verdicts, for checks called by their former names."""
    rows = [
        {"id": current_id(name), "title": name, "value": None, "unit": "1", "low": 0.0, "high": 1.0, "n": 0, "note": ""}
        for name in by_alias
    ]
    checks = [row | {"verdict": verdict} for row, verdict in zip(rows, by_alias.values(), strict=True)]
    kinds = set(by_alias.values())
    return {
        "verdict": "fail" if "fail" in kinds else "inconclusive" if "inconclusive" in kinds else "pass",
        "checks": checks,
    }


def test_a_scenario_is_compared_with_its_base():
    wanted = chosen("perfect,fault-zingers")
    rows = table(
        wanted,
        {
            "perfect": verdicts(A16c="fail", A16a="pass", A12c="pass", A19="pass"),
            "fault-zingers": verdicts(A16c="fail", A16a="pass", A12c="fail", A19="inconclusive"),
        },
    )
    # wragg2023, the base of 'perfect', was not run
    assert [row.worse for row in rows] == [None, ("errors.voxel-scatter", "errors.joined-channels")]
    assert worst(rows) == "fail" and rows[1].count("fail") == 2
    assert [check["id"] for check in rows[1].matters] == ["errors.voxel-scatter"]
    written = json.loads(json.dumps(document(rows), allow_nan=False))
    assert [row["worse_than_base"] for row in written["scenarios"]] == [
        None,
        ["errors.voxel-scatter", "errors.joined-channels"],
    ]
    html = page(rows)
    assert "fault-zingers/report.html" in html and "http" not in html.replace("http-equiv", "")


def judged(name, *failing, undecided=()):
    """Scores of a scenario in which some checks of the chain fail, as its folder would hold them."""
    rows = [
        {"id": check.id, "title": check.title, "about": check.about, "note": ""}
        | {"value": 0.5, "unit": "1", "low": 0.0, "high": 1.0}
        | {"verdict": "fail" if check.id in failing else "inconclusive" if check.id in undecided else "pass"}
        for check in applicable(chosen(name)[0])
    ]
    return {"verdict": "fail" if failing else "pass", "checks": rows}


def test_what_must_fail_and_nothing_else_is_as_expected():
    (scenario,) = chosen("two-phase")
    (row,) = table([scenario], {"two-phase": judged("two-phase", *scenario.fails)})
    assert row.expectation == "met" and not unmet([row]) and exit_code([row]) == 0


@pytest.mark.parametrize(
    ("failing", "undecided", "unexpected"),
    [
        # one that must fail passes; one fails that must not; one is undecided
        ((), (), ("map.worst-voxel[silicon]", "shift.excess[lobes]")),
        (("map.worst-voxel[silicon]", "shift.excess[lobes]", "pdf.rw"), (), ("pdf.rw",)),
        (("map.worst-voxel[silicon]", "shift.excess[lobes]"), ("pdf.rw",), ("pdf.rw",)),
    ],
)
def test_anything_else_is_an_error_of_the_expectation(failing, undecided, unexpected):
    wanted = chosen("two-phase")
    rows = table(wanted, {"two-phase": judged("two-phase", *failing, undecided=undecided)})
    assert rows[0].unexpected == unexpected and rows[0].expectation == "not met: " + ", ".join(unexpected)
    assert unmet(rows) == rows and exit_code(rows) == 1
    assert "not met: " in page(rows) and document(rows)["scenarios"][0]["expectation"] == rows[0].expectation


def test_readings_of_the_paper_are_no_expectation():
    rows = table(chosen("perfect"), {"perfect": judged("perfect", "shift.slope[fit]")})
    assert rows[0].expectation == "met"


def test_other_settings_have_no_expectation():
    rows = table(chosen("perfect"), {"perfect": judged("perfect", "pdf.rw")}, stated=False)
    assert rows[0].expectation == "" and not unmet(rows) and exit_code(rows) == 1


@pytest.mark.parametrize("row", [{}, {"passes": False}, {"passes": True, "fails": ["pdf.rw"]}])
def test_a_scenario_states_what_must_come_out(row):
    with pytest.raises(ValueError, match="either passes = true or fails"):
        _fails("mine", row)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["perfect", "null"])
def test_real_scenarios_come_out_as_stated(tmp_path, name):
    rows = run_scenarios(
        name, tmp_path, quick=True, workers=1, overwrite=False, track=lambda items, title, total: items
    )
    assert rows[0].expectation == "met"
    assert read_scores(tmp_path / name / "scores.json")["schema"] == 2


def test_two_small_scenarios_from_scan_to_table(tmp_path):
    rows = run_scenarios(
        "perfect,fault-energy-error",
        tmp_path,
        quick=False,
        overrides=(*SMALL, "beamline.scan.views=24"),
        seed=1,
        workers=1,
        overwrite=False,
        track=lambda items, title, total: items,
    )
    assert [row.scenario.name for row in rows] == ["perfect", "fault-energy-error"]
    # other settings than those that expectations were stated for
    assert {row.expectation for row in rows} == {""}
    perfect, energy = ({name: check["verdict"] for name, check in row.checks.items()} for row in rows)
    assert perfect["iq.level"] == "pass" and perfect["pdf.r-stretch"] == "pass"
    # a photon energy wrong by 0.1 % stretches r by as much, three times the window
    assert energy["pdf.r-stretch"] == "fail" and "pdf.r-stretch" in rows[1].worse
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
