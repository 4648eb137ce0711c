"""The report: one page, whole on its own, inert to hostile names, honest about what is missing."""

import base64
import io
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import matplotlib.image
import numpy as np
import pytest
import xarray as xr

from tsct.validation.evidence.check import Check, Measurement, Reading
from tsct.validation.report.figures.plates import OVERVIEW, PLATES, Sources
from tsct.validation.report.report import Picture, headline, materials, ordered, provenance, render, write_report
from tsct.validation.score import Outcome, Scores

MANIFEST = {
    **{"experiment": "by hand", "seed": 5, "wall_s": 12.34, "peak_mb": 345.6, "python": "3.12.1"},
    "versions": {"tsct": "0.1.0", "numpy": "2.4.6"},
}
HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(2)>'


def outcome(
    name,
    verdict,
    value=2.384,
    note="",
    title="first Si-Si peak",
    reason="It matters.",
    high=2.41,
    perfect=np.nan,
    **fields,
):
    check = Check(
        id=name,
        title=title,
        reason=reason,
        source="a paper",
        low=2.37,
        high=high,
        unit="angstrom",
        measure=lambda _: Measurement(value=value),
        **fields,
    )
    measured = Measurement(value=value, n=7, note=note)
    return Outcome(check=check, measurement=measured, verdict=verdict, noise_free=perfect)


def reading(name, verdict, quantity, paper, **more):
    return outcome(name, verdict, about="paper", paper=Reading(quantity=quantity, value=paper), **more)


SCORES = Scores(
    outcomes=(
        outcome("A1", "pass"),
        outcome("A2", "not run", np.nan, "nothing happens"),
        outcome("A3", "fail", 3.5, "-1.20 1/A2 at 2.4 A", title="C-C peak"),
        outcome("A4", "inconclusive", np.nan),
        outcome("A5", "pass", high=np.inf),
        reading("P1", "pass", "Si–Si peak", "2.40 Å", perfect=2.379),
        reading("P2", "fail", "C–C peak", "1.45 Å", value=3.5, perfect=3.4, beside="A1"),
        reading("P3", "fail", "second shell", "3.80 Å", value=3.5, perfect=2.4),
        reading("P4", "not run", "first onset", "0.48 V", value=np.nan, note="nothing happens"),
    ),
    of_paper=True,
)


class Page(HTMLParser):
    """What a browser would make of the page."""

    VOID = ("meta", "img", "br", "hr", "link", "input")

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.rows = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.text.append(data)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture
def coarse(monkeypatch):
    """Small images, where what is on them does not matter."""
    monkeypatch.setattr("tsct.validation.report.page.DPI", 30)


def written(folder, truth, found, phases=None, scores=SCORES, manifest=MANIFEST):
    write_report(folder, scores, truth, found, phases, manifest)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory, small):
    """A folder with a report, and the page in it."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "experiment.toml").write_text('name = "by hand"\nseed = 5\n', encoding="utf-8")
    return SimpleNamespace(folder=folder, page=written(folder, *small))


def test_the_page_is_well_formed(run):
    assert not run.page.open
    names = [attrs["id"] for _, attrs in run.page.tags if "id" in attrs]
    assert len(names) == len(set(names))


def test_nothing_is_loaded_and_nothing_runs(run):
    (policy,) = [a["content"] for a in run.page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    forbidden = {"script", "link", "iframe", "object", "embed", "form", "base", "svg", "video", "audio"}
    assert forbidden.isdisjoint(tag for tag, _ in run.page.tags)
    for _, attrs in run.page.tags:
        assert not any(name.startswith("on") for name in attrs)
        assert attrs.get("src", "data:").startswith("data:")
        assert attrs.get("href", "#").startswith("#")
    style = run.folder.joinpath("report.html").read_text(encoding="utf-8").partition("</style>")[0]
    assert "url(" not in style and "@import" not in style


def test_every_link_has_a_target(run):
    names = {attrs["id"] for _, attrs in run.page.tags if "id" in attrs}
    links = {attrs["href"][1:] for attrs in run.page.all("a")}
    assert len(links) >= 6
    assert links <= names


def test_images_are_the_files_beside_the_page(run):
    images = run.page.all("img")
    for plate, attrs in zip((OVERVIEW, *(p for p in PLATES if not p.optional)), images, strict=True):
        data = base64.b64decode(attrs["src"].removeprefix("data:image/png;base64,"))
        assert data == (run.folder / "figures" / f"{plate.name}.png").read_bytes()
        assert plate.title in attrs["alt"]
        pixels = matplotlib.image.imread(io.BytesIO(data))
        assert pixels.shape[1] > 1000
        assert np.ptp(pixels[..., :3]) > 0.5


def test_only_whole_files_are_left(run):
    names = {path.name for path in run.folder.rglob("*") if path.is_file()}
    assert names == {
        "experiment.toml",
        "report.html",
        *(f"{p.name}.png" for p in (OVERVIEW, *PLATES) if not p.optional),
    }


def test_verdict_is_told_in_words(run):
    counts = "Of 4 checks, 1 failed, 1 could not be decided, 2 passed; 1 does not apply to this run."
    assert f"Recovered as put in: 2 of 4 checks Failed. {counts}" in run.page.words
    assert "C-C peak: 3.5\u00a0Å, allowed is 2.37 … 2.41\u00a0Å".replace("\u00a0", " ") in run.page.words


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["pass", "pass"], "All 2 checks passed."),
        (["pass"], "The one check passed."),
        (["pass", "pass", "not run", "not run"], "All 2 checks passed; 2 do not apply to this run."),
        (["fail", "pass", "fail"], "Of 3 checks, 2 failed, 1 passed."),
        (["inconclusive"], "Of 1 checks, 1 could not be decided."),
        (["not run"], "No check applies to this run."),
        ([], "No check applies to this run."),
    ],
)
def test_headline(verdicts, said):
    assert headline(Scores(outcomes=tuple(outcome(f"A{k}", v) for k, v in enumerate(verdicts)))) == said


def test_failed_checks_come_first_and_colour_is_not_needed(run):
    rows = [row for row in run.page.rows if row[1:2] and row[1].strip() in {"A1", "A2", "A3", "A4", "A5"}]
    assert [row[1].strip() for row in rows] == ["A3", "A4", "A1", "A5", "A2"]
    assert [row[0].strip() for row in rows] == ["✗ fail", "? inconclusive", "✓ pass", "✓ pass", "– not run"]
    assert [o.check.id for o in ordered(SCORES.chain)] == ["A3", "A4", "A1", "A5", "A2"]


def test_a_check_is_told_in_full(run):
    (row,) = [row for row in run.page.rows if row[1:2] == ["A3"]]
    _, _, title, value, window, n, note = row
    assert "C-C peak" in title and "It matters." in title
    assert (value, n) == ("3.5\u00a0Å", "7")
    assert window == "2.37 … 2.41\u00a0Å" and "a paper" in " ".join(run.page.text)
    assert note == "−1.20 Å⁻² at 2.4\u00a0Å"


def test_the_paper_is_asked_apart(run):
    """Reproduced or not and why; none of it fails the chain, and a window that truth misses decides nothing."""
    rows = {row[0].split("P")[0].strip(): row for row in run.page.rows if len(row) == 7 and re.search(r"P\d$", row[0])}
    assert rows["Si–Si peak"][1:6] == ["2.40 Å", "2.379\u00a0Å", "2.384\u00a0Å", "reproduced", ""]
    assert rows["C–C peak"][4] == "not reproduced"
    assert rows["C–C peak"][5].startswith(
        "a perfect measurement of this sample reads 3.4\u00a0Å, outside the window too"
    )
    assert rows["C–C peak"][5].endswith("held to the truth by A1")
    assert rows["second shell"][5] == "a perfect measurement of this sample reads 2.4\u00a0Å: scan or chain did this"
    assert rows["first onset"][3:5] == ["–", "not in this run"]
    assert "Against the paper: 1 of 3 readings are reproduced" in run.page.words
    assert "P2" not in [row[1] for row in run.page.rows if len(row) == 7 and "fail" in row[0]]


def test_what_else_the_paper_states(run):
    rows = {row[0]: row for row in run.page.rows if len(row) == 5}
    assert rows["Si–Si bond along the discharge"][2] == "mean bond 2.370 Å → 2.420 Å"
    assert rows["Si–Si bond along the discharge"][3] == "2.370 Å, then +50.0 ± 1.0 mÅ"


def test_provenance_and_settings_are_told(run):
    for words in ("by hand", "12.3 s", "345.6 MB", "tsct 0.1.0, numpy 2.4.6", "Si 30 %, C 70 %", 'name = "by hand"'):
        assert words in run.page.words


def test_hostile_names_are_inert(tmp_path, small, coarse):
    truth, found = small
    (tmp_path / "experiment.toml").write_text(f"name = '{HOSTILE}'\n", encoding="utf-8")
    truth = truth.assign_attrs(scenario=HOSTILE, experiment=HOSTILE)
    found = found.assign_attrs(filter=HOSTILE, composition={HOSTILE: 1.0}).drop_vars("silicon")
    scores = Scores(outcomes=(outcome("A1", "fail", title=HOSTILE, reason=HOSTILE, note=HOSTILE),))
    manifest = MANIFEST | {"experiment": HOSTILE, "platform": HOSTILE, "versions": {HOSTILE: HOSTILE}}
    page = written(tmp_path, truth, found.drop_vars("compton_weight"), scores=scores, manifest=manifest)
    assert not page.all("script")
    assert all(attrs["src"].startswith("data:") and "onerror" not in attrs for attrs in page.all("img"))
    assert page.words.count('alert("1")') >= 8


def test_without_truth_the_page_shows_what_was_recovered(tmp_path, small, coarse):
    page = written(tmp_path, None, small[1])
    assert "Not drawn: there is no truth to compare with." in page.words
    drawn = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert drawn == {plate.name for plate in PLATES if not plate.optional}


def test_a_figure_that_cannot_be_drawn_says_why_and_leaves_no_old_file(tmp_path, small, coarse):
    truth, found = small
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "map_silicon.png").write_bytes(b"of an earlier run")
    page = written(tmp_path, truth, found.drop_vars(["silicon", "fit_errors"]))
    assert "Not drawn: the recovered data hold no silicon." in page.words
    assert "Not drawn: the recovered data hold no fit_errors." in page.words
    assert not (tmp_path / "figures" / "map_silicon.png").exists()


def test_one_state_is_enough_for_the_reference(tmp_path, small, coarse):
    truth, found = small
    page = written(tmp_path, truth.isel(state=[0]), found.isel(state=[0]))
    assert "Not drawn: it needs 2 states, the recovered data hold 1." in page.words
    drawn = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert drawn == {"pdf", "map_silicon", "map_carbon", "errors"}


def test_truth_with_pieces_missing(tmp_path, small, coarse):
    truth, found = small
    page = written(tmp_path, truth[["carbon"]], found)
    assert "Not drawn: the truth holds no silicon." in page.words
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == {
        plate.name for plate in PLATES if not plate.optional
    }


def test_the_map_of_all_scattering_is_drawn_where_a_chain_made_one(tmp_path, small, coarse):
    truth, found = small
    image = found.silicon.assign_attrs(units="electron units/angstrom^3")
    written(tmp_path, truth, found.assign(intensity=image, intensity_errors=0.1 * image + 1e-3))
    assert (tmp_path / "figures" / "map_intensity.png").is_file()


def test_provenance_says_only_what_is_known():
    empty = Sources(recovered=xr.Dataset())
    assert provenance(empty, {"experiment": None, "wall_s": 1.0}) == [("wall time", "1 s")]


def test_every_phase_tells_the_record_of_its_structure(small):
    told = {"title": "glass", "recipe": "from a melt", "energy_model": HOSTILE, "sources": "a paper", "limits": "small"}
    phases = xr.Dataset(
        {f"structure_{key}": ("structure", [value, value]) for key, value in told.items()},
        coords={"structure": [0, 1], "structure_name": ("structure", ["my-glass", "other"])},
    )
    truth, found = small
    roles = xr.Dataset(
        coords={"phase_structure": ("phase", ["my-glass"]), "phase_role": ("phase", ["counter_electrode"])}
    )
    rows = materials(phases, roles)
    assert [row["phase"] for row in rows] == ["counter electrode", "not in the first state"]
    scores = Scores(outcomes=())
    page = render(
        scores,
        Sources(recovered=found, truth=truth, region=None),
        MANIFEST,
        overview=Picture(plate=OVERVIEW, missing="x"),
        pictures=[],
        materials=rows,
    )
    read = Page(page)
    assert {"structure-my-glass", "structure-other"} <= {attrs.get("id") for _, attrs in read.tags}
    assert "from a melt" in read.words and "known limits" in read.words
    assert "script" not in {tag for tag, _ in read.tags}
    assert materials(None, truth) == []
