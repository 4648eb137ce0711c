"""What is there stays unless --overwrite is given, and what fails leaves no folder behind: all commands alike."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from tsct.analyze.pdf.curves import curve_records
from tsct.apps.run import pipeline as job
from tsct.apps.run.experiment import load
from tsct.apps.run.ledger import clear, fingerprint, ledger
from tsct.records.errors import InputError, UsageError
from tsct.records.io.files import read_record, write_records, write_text
from tsct.records.marks import COMMENT, GENERATOR, SOFTWARE
from tsct.records.paths import file_must_be_free, made, must_be_free, remove


def recovered(folder, *, errors=True):
    """A recovered file with one curve."""
    q = np.linspace(1.0, 20.0, 50)
    found = xr.Dataset(
        {
            "roi_iq": (("state", "q"), np.ones((1, 50)), {"units": "electron units/atom"}),
            "roi_gr": (("state", "r"), np.ones((1, 40)), {"units": "1/angstrom^2"}),
        },
        coords={"state": [0], "q": ("q", q, {"units": "1/angstrom"}), "r": 0.1 * np.arange(1, 41)},
    )
    if errors:
        found["roi_iq_errors"] = found.roi_iq * 0.1
    write_records(folder / "recovered.h5", {"recovered": found, **curve_records(found)})
    return folder / "recovered.h5"


@pytest.mark.parametrize(
    ("taken", "arguments"),
    [
        ("my.toml", ("init", "-o", "{}/my.toml")),
        ("lesson.html", ("lesson", "-o", "{}/lesson.html")),
        ("silicon.png", ("structures", "show", "a-si", "-o", "{}/silicon.png")),
    ],
)
def test_a_file_that_is_named_is_kept_unless_asked(tsct, tmp_path, taken, arguments):
    (tmp_path / taken).write_text("kept")
    code, _, line = tsct(*(argument.format(tmp_path) for argument in arguments))
    assert code == 2 and "--overwrite" in line and line.count("\n") == 1
    assert (tmp_path / taken).read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == [taken]


INTO_A_FOLDER = {
    "run": ("run", "wragg2023", "--quick", "-o", "{}"),
    "simulate": ("simulate", "wragg2023", "--quick", "-o", "{}"),
    "sweep": ("sweep", "{}/../sweep.toml", "-o", "{}"),
    "plan": ("plan", "wragg2023", "-o", "{}"),
    "frames": ("frames", "wragg2023", "-o", "{}"),
    "scenarios": ("validate", "--scenario", "null", "-o", "{}"),
    "validate": ("validate", "{}/../found.h5", "--truth", "{}/../found.h5", "-o", "{}"),
}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("command", "taken"),
    [
        *(("run", name) for name in ("figures/mine.png", "scan/mine.h5", "scores.json", "run.jsonl", "tiles/a/b")),
        *(("simulate", name) for name in ("truth.h5", "figures/mine.png", "experiment.toml")),
        *(("sweep", name) for name in ("sweep.csv", "sweep.h5", "sweep.html")),
        *(("plan", name) for name in ("plan.json", "plan.png", "plan.html")),
        *(("frames", name) for name in ("state00_slice0.h5", "detector.poni")),
        *(("scenarios", name) for name in ("scenarios.json", "null/scores.json")),
        *(("validate", name) for name in ("figures/mine.png", "report.html", "run.json")),
    ],
)
def test_what_is_not_ours_is_kept_whatever_is_asked(tsct, tmp_path, command, taken, overwrite):
    folder = tmp_path / "folder"
    mine = folder / taken
    mine.parent.mkdir(parents=True)
    mine.write_text("kept")
    (tmp_path / "found.h5").write_text("")
    (tmp_path / "sweep.toml").write_text("[factors]\nseed = [1, 2]\n")
    words = [word.format(folder) for word in INTO_A_FOLDER[command]]
    code, _, line = tsct(*words, *(["--overwrite"] if overwrite else []))
    assert code == 2 and str(folder / taken.split("/a/")[0]) in line and line.count("error:") == 1, line
    assert "not recognised as written by tsct" in line and "--overwrite" not in line
    assert mine.read_text() == "kept"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [mine.name]


def ours(folder):
    """A folder as a run leaves it, in small."""
    with ledger(folder / "run.jsonl", {"settings": "a"}) as done:
        done.add("one", 1)
    for name in ("recovered.h5", "truth.h5", "scan/one.h5", "tiles/one.h5"):
        (folder / name).parent.mkdir(exist_ok=True)
        write_records(folder / name, {"record": xr.Dataset({"x": ((), 1.0)})})
    write_text(folder / "experiment.toml", f"{COMMENT}\nseed = 1\n")
    write_text(folder / "scores.json", '{"tsct": "0.1.0", "checks": []}')
    write_text(folder / "report.html", f"<html>{GENERATOR}</html>")
    (folder / "figures").mkdir()
    figure = Figure()
    figure.savefig(folder / "figures" / "one.png", metadata=SOFTWARE)
    return folder


def test_what_is_ours_is_removed_and_nothing_beside_it(tmp_path):
    (ours(tmp_path) / "notes.txt").write_text("kept")
    clear(tmp_path, job.PRODUCTS)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_of_others_in_a_folder_of_ours_keeps_all_of_it(tmp_path):
    mine = ours(tmp_path) / "figures" / "mine.png"
    Figure().savefig(mine)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=r"figures/mine.png: not recognised"):
        clear(tmp_path, job.PRODUCTS)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["scan", "truth.h5", "scan/one.h5", "figures", "run.jsonl"])
def test_links_are_not_followed(tmp_path, name):
    folder, outside = tmp_path / "run", tmp_path / "outside"
    folder.mkdir()
    place = ours(folder) / name
    place.rename(outside)
    place.symlink_to(outside)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=rf"{name}: not recognised"):
        remove(folder, job.PRODUCTS)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_that_is_a_link_is_not_emptied(tmp_path):
    (tmp_path / "run").mkdir()
    ours(tmp_path / "run")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="link: a link, through which nothing is replaced"):
        remove(tmp_path / "link", job.PRODUCTS)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_named_file_that_is_a_link_is_kept(tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("link", "dangling"):
        with pytest.raises(UsageError, match="a link"):
            file_must_be_free(tmp_path / name, overwrite=True)


def test_all_that_a_run_writes_is_known_as_ours(small_run):
    folder, _ = small_run
    names = {path.name for path in folder.iterdir()}
    assert names <= {*job.PRODUCTS} and len(names) > 8
    must_be_free(folder, job.PRODUCTS, overwrite=True)


def test_exports_are_kept_and_replaced_when_asked(tsct, tmp_path):
    source, folder = recovered(tmp_path), tmp_path / "curves"
    assert tsct("export", source, "--format", "gr", "-o", folder)[0] == 0
    (path,) = folder.iterdir()
    path.write_text("kept")
    code, _, line = tsct("export", source, "--format", "gr", "-o", folder)
    assert code == 2 and path.name in line and "--overwrite" in line and path.read_text() == "kept"
    # another form has other names
    assert tsct("export", source, "--format", "xye", "-o", folder)[0] == 0
    assert tsct("export", source, "--format", "gr", "-o", folder, "--overwrite")[0] == 0
    assert path.read_text() != "kept"


@pytest.mark.parametrize(("form", "words"), [("xye", "no errors"), ("ndtomo", "no volumes")])
def test_an_export_that_fails_leaves_no_folder(tsct, tmp_path, form, words):
    source = recovered(tmp_path, errors=False)
    code, _, line = tsct("export", source, "--format", form, "-o", tmp_path / "deep" / "curves")
    assert code == 3 and words in line
    assert [path.name for path in tmp_path.iterdir()] == ["recovered.h5"]


def test_a_lesson_that_fails_leaves_no_folder(tsct, tmp_path, monkeypatch):
    lesson_model = pytest.importorskip("tsct.apps.lesson.model")

    def fail():
        raise InputError("no structures")

    monkeypatch.setattr(lesson_model, "build_library", fail)
    code, _, line = tsct("lesson", "-o", tmp_path / "deep" / "lesson.html")
    assert code == 3 and "no structures" in line and not any(tmp_path.iterdir())


def quiet(items, title, total):
    return items


@pytest.fixture
def analyse(tmp_path, monkeypatch):
    """Analyses of a file in which a stand-in for the work finishes, or fails before or after the first tile."""
    scan, folder = tmp_path / "scan.h5", tmp_path / "found"
    scan.write_text("a scan")
    recipe = load("wragg2023").recipe

    def work(shared, item):
        state, name, source = item
        if source.read_text() == "broken":
            raise InputError("the scan is broken")
        path = shared["folder"] / "tiles" / f"{name}.h5"
        write_records(path, {"tile": xr.Dataset({"axis": ((), float(state))})})
        return fingerprint(shared["folder"], [f"tiles/{name}.h5"])

    monkeypatch.setattr(job, "analyze_file", work)
    monkeypatch.setattr(job, "collect", lambda tiles, _: tiles[0])
    monkeypatch.setattr(job, "curve_records", lambda _: {})

    def run(*sources, **choices):
        job.analyze(sources or (scan,), recipe, folder, workers=1, volumes=False, track=quiet, **choices)
        return folder

    return run


def test_an_analysis_goes_on_and_is_not_mixed_with_another(analyse, tmp_path):
    folder = analyse()
    assert analyse() == folder
    other = tmp_path / "other.h5"
    other.write_text("another scan")
    before = (folder / "recovered.h5").read_bytes()
    with pytest.raises(UsageError, match=r"holds another analysis \(other scans\).*--overwrite"):
        analyse(other)
    assert (folder / "recovered.h5").read_bytes() == before
    analyse(other, overwrite=True)
    assert [path.stem for path in (folder / "tiles").iterdir()] == ["other"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["recovered.h5", "recovered/mine.h5", "tiles/mine.txt"])
def test_an_analysis_keeps_results_of_unknown_origin(analyse, tmp_path, name, overwrite):
    mine = tmp_path / "found" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("kept")
    with pytest.raises(UsageError, match=rf"{mine.name}: not recognised as written by tsct and kept; choose another"):
        analyse(overwrite=overwrite)
    assert [path for path in (tmp_path / "found").rglob("*") if path.is_file()] == [mine]


def test_scans_of_a_simulation_are_analysed_where_they_lie(analyse, tmp_path):
    for name in ("scan", "recovered", "tiles"):
        (tmp_path / "found" / name).mkdir(parents=True)
    (tmp_path / "found" / "truth.h5").write_text("kept")
    folder = analyse()
    assert read_record(folder / "recovered.h5", "recovered").axis == 0 and (folder / "truth.h5").exists()


def test_an_analysis_that_fails_at_once_leaves_nothing(analyse, tmp_path):
    broken = tmp_path / "broken.h5"
    broken.write_text("broken")
    with pytest.raises(InputError, match="broken"):
        analyse(broken)
    assert not (tmp_path / "found").exists()
    # what is finished is kept, to go on from
    with pytest.raises(InputError, match="broken"):
        analyse(tmp_path / "scan.h5", broken)
    assert {path.name for path in (tmp_path / "found").iterdir()} == {"analyze.jsonl", "tiles"}


def test_folders_go_again_only_if_they_are_new_and_empty(tmp_path):
    (tmp_path / "old").mkdir()
    for folder, leaves in ((tmp_path / "old", False), (tmp_path / "new" / "deep", False), (tmp_path / "full", True)):
        with pytest.raises(ValueError, match="stop"), made(folder):
            if leaves:
                (folder / "file").write_text("")
            raise ValueError("stop")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "old"]
    with pytest.raises(UsageError, match="--overwrite"):
        file_must_be_free(tmp_path / "full" / "file", overwrite=False)
    file_must_be_free(tmp_path / "full" / "file", overwrite=True)
