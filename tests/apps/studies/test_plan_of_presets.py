"""The plan of every preset: each number is one, lies where it can and says of what it is."""

import json
import re

import numpy as np
import pytest

from tsct.apps.run.experiment import load
from tsct.apps.run.toml_tables import PRESETS
from tsct.apps.studies.plan import study_of
from tsct.apps.studies.plan_page import write_plan

# with few views, foils that are thinner than a voxel look like zingers
pytestmark = pytest.mark.filterwarnings("ignore::tsct.records.errors.TsctWarning")

#: steps of a preset that one step here stands for: coarse
COARSE = 2
VIEWS = 24
#: translations beside the sample that see air alone
AIR = 5
#: numbers that may be below zero: a correlation; and nothing where there is none
SIGNED = ("gr_correlation",)
MISSING = ("level_error", "pure_per_a3", "onset_errors_v", "detectable_x")


def coarse(name):
    """The preset with larger voxels and few views; its region is well inside the object."""
    scan = load(name).beamline.scan
    step = COARSE * scan.step_mm
    return load(
        name,
        overrides=(
            f"beamline.scan.translations={scan.translations // COARSE + AIR}",
            f"beamline.scan.step_mm={step}",
            f"beamline.beam_width_mm={step}",
            f"beamline.scan.views={VIEWS}",
            "analysis.roi={from_object=true}",
            'analysis.peak=[{name="first", limits_a=[2.2, 2.7]}]',
        ),
    )


@pytest.fixture(
    scope="module",
    # one of them with every change, all of them in campaigns
    params=[pytest.param(name, marks=() if name == "standard" else pytest.mark.campaign) for name in PRESETS],
)
def planned(request, tmp_path_factory):
    """Plan, page without its picture, and numbers."""
    study = study_of(coarse(request.param), slice_index=None, current_ma_g=150.0)
    plan = study.plan(study.forecast(), 0.01)
    folder = tmp_path_factory.mktemp(request.param)
    page = re.sub(r'src="data:[^"]*"', "", write_plan(plan, folder).read_text())
    return plan, page.partition("<body>")[2], json.loads((folder / "plan.json").read_text())


def numbers(value, path=""):
    """Every number of a document with its place."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from numbers(one, f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from numbers(one, path)
    elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield path, value


def test_every_number_is_one_and_none_is_below_zero(planned):
    plan, page, document = planned
    for path, value in numbers(document):
        if value is None:
            assert any(name in path for name in MISSING), path
        elif not any(name in path for name in SIGNED):
            assert np.isfinite(value) and value >= 0, path
    words = (page + " ".join(plan.advice)).lower()
    assert not re.search(r"\bnan\b|\binf\b|(?<![\w.⁻])[-−]\d", words.replace("e-", "e")), words


def test_every_error_has_its_parts_and_is_positive(planned):
    plan, _, document = planned
    if plan.experiment.cell:
        return
    tables = [document["pdf"], *document["phases"].values(), *document["peaks"].values()]
    for table in tables:
        names = {
            part: next(key for key in table if part in key and "level" not in key and "ring" not in key)
            for part in ("counting", "constant", "error")
        }
        for where, error in table[names["error"]].items():
            parts = [table[names[part]][where] for part in ("counting", "constant")]
            assert error == pytest.approx(np.hypot(*parts)) and min(parts) > 0
        # a slice holds more than a voxel
        assert table[names["counting"]]["slice"] < table[names["counting"]]["voxel"]


def test_counts_are_said_where_they_are_measured_and_of_lithium_only_where_it_is(planned):
    plan, page, _ = planned
    places = [float(q) for q in re.findall(r" at ([\d.]+) 1/Å", dict(plan.rows)["counts per channel, central ray"])]
    scan = plan.experiment.beamline.scan
    assert len(places) == 3 and scan.q_min <= min(places) and max(places) <= scan.q_max
    if plan.experiment.cell is None:
        assert "li per si" not in page.lower() and "si–si" not in page.lower() and "silicon" not in page.lower()


def test_one_quantity_has_one_number(planned):
    plan, _, document = planned
    titles = [title for title, _ in plan.rows]
    assert len(set(titles)) == len(titles)
    said = dict(plan.rows)
    assert said["beam time"].startswith(f"{document['hours']:.2f} h")
    assert f"{document['dose_gray_per_tomogram'] / 1e3:.4g} kGy" in said["dose"]
    assert document["hours"] == pytest.approx(
        len(plan.experiment.tiles) * plan.forecast.costs.seconds_per_tomogram / 3600
    )


def test_no_optimum_lies_at_an_edge_without_saying_so(planned):
    plan, _, document = planned
    if "q_max" not in document:
        return
    best = int(np.argmin(document["q_max"]["shift"]))
    line = next(line for line in plan.advice if "best end" in line)
    edge = best in (0, len(document["q_max"]["q_max"]) - 1)
    assert edge == ("or below it" in line or "or beyond" in line)
