"""The plan: a page, a picture and numbers, and questions without an answer."""

import json
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tsct.apps.explore.plan import Answer, answer
from tsct.apps.run.settings import dump
from tsct.apps.studies.plan import Plan, checked_shift
from tsct.apps.studies.plan_page import write_plan
from tsct.records.errors import UsageError
from tsct.validation.forecast import SIGNIFICANT, Comparison, forecast

from ..small import small


@pytest.fixture(scope="module")
def plan():
    experiment = small("beamline.scan.q_max=22.0", "slices.z_mm=[0.018, 0.050, 0.082]")
    found = forecast(experiment.phantom, experiment.beamline, experiment.recipe)
    return Plan(experiment=experiment, forecast=found, wanted_shift=0.01)


def test_page_picture_and_numbers(plan, tmp_path):
    compared = (Comparison(name="voxel <b>I</b>", predicted=1.0, observed=1.1, uncertainty=0.2),)
    page = write_plan(replace(plan, comparisons=compared), tmp_path).read_text()
    assert "Content-Security-Policy" in page and "<script" not in page
    assert "voxel &lt;b&gt;I&lt;/b&gt;" in page
    document = json.loads((tmp_path / "plan.json").read_text())
    assert document["hours"] > 0 and document["errors"]["roi"]["shift"] > 0
    assert document["verified"][0]["observed"] == 1.1
    assert (tmp_path / "plan.png").stat().st_size > 10_000


def test_advice_answers_the_question(plan):
    easy, hard = (" ".join(replace(plan, wanted_shift=shift).advice) for shift in (1.0, 1e-9))
    assert "is seen in every voxel" in easy
    assert "no exposure would do" in hard
    assert "streaks" in " ".join(plan.advice)
    assert "parallax" in " ".join(plan.advice)
    long = replace(plan, forecast=replace(plan.forecast, lithium_per_tomogram=0.1))
    assert "lower the current" in " ".join(long.advice) and "lower the current" not in " ".join(plan.advice)


def test_what_limits_is_said(plan):
    document = plan.document()
    assert document["limited_by"] == {"voxel": "photons", "roi": "systematics"}
    assert document["detectable_x"]["roi"] < document["detectable_x"]["voxel"]
    wedge = replace(plan.experiment.beamline, scan=replace(plan.experiment.beamline.scan, angular_range_deg=120.0))
    assert replace(plan, experiment=replace(plan.experiment, beamline=wedge)).limit("roi") == "geometry"


@pytest.mark.parametrize("shift", [0.0, -1.0, float("nan"), float("inf")])
def test_questions_without_an_answer_are_refused(shift):
    with pytest.raises(UsageError, match="--shift"):
        checked_shift(shift)


def test_sliders_scale_the_forecast(plan):
    f, q_max = plan.forecast, plan.experiment.recipe.pdf.q_max
    radius = f.radius.radius.values[-1]
    same = answer(f, light=1.0, radius=radius, q_max=q_max, base_q_max=q_max)
    assert same.voxel == pytest.approx(plan.total("voxel", "shift"))
    assert same.hours == f.costs.hours and same.dose_kgy == pytest.approx(f.costs.dose_gray / 1e3)
    # a shift that drift does not forbid, and the light that the planner says it takes
    wanted = 6 * float(f.sigma.change_drift.sel(region="voxel", parameter="shift"))
    light = f.time_factor(wanted, "voxel")
    enough = answer(f, light=light, radius=radius, q_max=q_max, base_q_max=q_max)
    assert enough.voxel == pytest.approx(wanted / SIGNIFICANT)
    less = answer(f, light=1.0, radius=radius / 2, q_max=q_max, base_q_max=q_max)
    assert less.region > same.region and less.noise == same.noise


def test_sliders_in_the_browser_say_what_python_says(plan, explored, watched, tmp_path):
    """The page makes its own forecast, from the experiment's file; here it is the test's."""
    source = tmp_path / "experiment.toml"
    source.write_text(dump(plan.experiment.settings))
    _, address = explored(source, "--plan")
    opened, at = watched(), urlsplit(address)
    page = opened.page
    page.goto(address)
    page.click("text=/^Forecast this experiment/")
    page.wait_for_selector("th:has-text('beam time')", timeout=120_000)
    radius, q_max = plan.experiment.recipe.roi.radius_voxels, plan.experiment.recipe.pdf.q_max

    def shown(found: Answer):
        for text in (f"{found.hours:.2f} h", f"{1e3 * found.region:.2f} mÅ", f"{found.noise:.3f} Å⁻²"):
            page.wait_for_selector(f"td:has-text('{text}')")

    shown(answer(plan.forecast, light=1.0, radius=radius, q_max=q_max, base_q_max=q_max))
    for title, keys in (("exposure", 2), ("radius of the region", 3), ("Qmax", 1)):
        opened.slider(title).focus()
        for _ in range(keys):
            page.keyboard.press("ArrowLeft")
    changed = {"light": 0.5, "radius": radius - 1.5, "q_max": q_max - 0.5}
    shown(answer(plan.forecast, **changed, base_q_max=q_max))
    opened.slider("shift that must be seen").focus()
    page.keyboard.press("Home")
    page.wait_for_selector("td:has-text('✗ not seen')")
    assert opened.errors == []
    assert opened.far_requests(f"http://{at.netloc}/", f"ws://{at.netloc}/") == []
