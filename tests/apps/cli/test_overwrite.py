"""What is there stays unless --overwrite is given, and what fails leaves no folder behind: all commands alike."""

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.pdf.curves import curve_records
from tsct.apps.run import pipeline as job
from tsct.apps.run.experiment import load
from tsct.apps.run.ledger import fingerprint
from tsct.records.errors import InputError, UsageError
from tsct.records.io.files import read_record, write_records
from tsct.records.paths import file_must_be_free, made


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
        ("plan.json", ("plan", "wragg2023", "-o", "{}")),
        ("my.toml", ("init", "-o", "{}/my.toml")),
        ("lesson.html", ("lesson", "-o", "{}/lesson.html")),
        ("silicon.png", ("structures", "show", "a-si", "-o", "{}/silicon.png")),
        ("scores.json", ("run", "wragg2023", "--quick", "-o", "{}")),
        ("truth.h5", ("simulate", "wragg2023", "--quick", "-o", "{}")),
        ("state00_slice0.h5", ("frames", "wragg2023", "-o", "{}")),
    ],
)
def test_what_is_there_is_kept(tsct, tmp_path, taken, arguments):
    (tmp_path / taken).write_text("kept")
    code, _, line = tsct(*(argument.format(tmp_path) for argument in arguments))
    assert code == 2 and "--overwrite" in line and line.count("\n") == 1
    assert (tmp_path / taken).read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == [taken]


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
        write_records(path, {"tile": xr.Dataset({"x": ((), float(state))})})
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


def test_results_of_unknown_origin_are_kept(analyse, tmp_path):
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "recovered.h5").write_text("kept")
    with pytest.raises(UsageError, match=r"recovered.h5"):
        analyse()
    assert [path.name for path in (tmp_path / "found").iterdir()] == ["recovered.h5"]


def test_scans_of_a_simulation_are_analysed_where_they_lie(analyse, tmp_path):
    for name in ("scan", "recovered", "tiles"):
        (tmp_path / "found" / name).mkdir(parents=True)
    (tmp_path / "found" / "truth.h5").write_text("kept")
    folder = analyse()
    assert read_record(folder / "recovered.h5", "recovered").x == 0 and (folder / "truth.h5").exists()


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
