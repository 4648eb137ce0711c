"""The main job on a small experiment: what it writes, that it repeats, and that its steps can be taken one by one."""

import json
from pathlib import Path

import numpy as np
import pytest

from tsct.analyze.recipe import stated_recipe
from tsct.apps.run import pipeline as job
from tsct.apps.run.experiment import load
from tsct.records.errors import InputError, ResourceError, UsageError
from tsct.records.io.files import read_record
from tsct.records.resources import Usage

from ..small import quiet, small


def run(folder, *more, seed=1, workers=1):
    return job.run(small(*more, seed=seed), folder, workers=workers, overwrite=False, track=quiet)


@pytest.fixture
def done(small_run):
    return small_run


def test_everything_is_written(done):
    folder, scores = done
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    tiles = {f"{kind}/state{state:02d}_slice0.h5" for kind in ("scan", "recovered") for state in (0, 1)}
    assert names >= tiles | {"experiment.toml", "truth.h5", "recovered.h5", "scores.json", "report.html", "run.json"}
    assert not [name for name in names if "tmp" in name or "probe" in name]
    document = json.loads((folder / "scores.json").read_text())
    assert document["verdict"] == scores.verdict
    assert document["experiment"] == "wragg2023" and document["seed"] == 1
    assert {"wall_s", "peak_mb"} <= set(document["resources"])


def test_the_report_stands_alone(done):
    folder, _ = done
    page = (folder / "report.html").read_text()
    assert "Content-Security-Policy" in page and "<script" not in page
    for far in ('src="http', "src='http", 'href="http', "url(http"):
        assert far not in page


def same(one: Path, other: Path, group: str):
    return read_record(one, group).identical(read_record(other, group))


def test_the_same_seed_gives_the_same_results_with_any_number_of_workers(done, tmp_path):
    folder, scores = done
    again = run(tmp_path, workers=2)
    assert same(folder / "recovered.h5", tmp_path / "recovered.h5", "recovered")
    assert same(folder / "scan/state01_slice0.h5", tmp_path / "scan/state01_slice0.h5", "data")
    assert scores.document() == again.document()


def test_another_seed_differs_by_noise_alone(done, tmp_path):
    folder, _ = done
    run(tmp_path, seed=2)
    one, other = (read_record(path / "recovered.h5", "recovered") for path in (folder, tmp_path))
    difference = (one.roi_gr - other.roi_gr).values[0]
    error = np.sqrt(2) * one.roi_gr_errors.values[0]
    assert 0.3 < np.sqrt(np.mean((difference / error) ** 2)) < 2.0


def test_the_steps_one_by_one_give_what_the_run_gives(done, tmp_path):
    folder, scores = done
    experiment = small()
    job.simulate(experiment, tmp_path, workers=1, overwrite=False, track=quiet)
    assert not (tmp_path / "recovered.h5").exists()
    files = job.scan_files([tmp_path])
    job.analyze(files, experiment.recipe, tmp_path / "mine", workers=1, volumes=False, track=quiet)
    assert same(folder / "recovered.h5", tmp_path / "mine/recovered.h5", "recovered")
    judged = job.validate(tmp_path / "mine/recovered.h5", tmp_path / "truth.h5", tmp_path / "score", None, Usage())
    assert judged.document() == scores.document()


def test_the_resolved_experiment_repeats_the_run(done):
    folder, _ = done
    assert load(str(folder / "experiment.toml")).settings == small().settings


def test_a_run_is_never_mixed_with_another(done):
    folder, _ = done
    with pytest.raises(UsageError, match=r"holds another run \(other settings\)"):
        run(folder, seed=2)


def test_scans_hold_no_truth(done):
    folder, _ = done
    record = read_record(folder / "scan/state00_slice0.h5", "data")
    assert {"intensity", "monitor", "transmission"} <= set(record)
    text = (repr(record) + json.dumps({k: str(v) for k, v in record.attrs.items()})).lower()
    assert not [word for word in ("phase", "lithium", "offset", "truth", "seed") if word in text]


def test_a_full_disk_is_foreseen(tmp_path, monkeypatch):
    monkeypatch.setattr(job.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1e6})())
    with pytest.raises(ResourceError, match="GB are free"):
        run(tmp_path)
    assert not (tmp_path / "experiment.toml").exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run(tmp_path / "file" / "out")


def test_an_interrupted_run_leaves_no_result(tmp_path):
    def stop(items, title, total):
        if title == "scan and analysis":
            raise KeyboardInterrupt
        return items

    with pytest.raises(KeyboardInterrupt):
        job.run(small(), tmp_path, workers=1, overwrite=False, track=stop)
    assert not (tmp_path / "recovered.h5").exists() and not (tmp_path / "scores.json").exists()


def test_the_method_of_reconstruction_is_a_key(done, tmp_path):
    scans = job.scan_files([done[0]])
    recipe = small("analysis.method=cgls", "analysis.iterations=8", "analysis.q_max_inst=22.0").recipe
    job.analyze(scans, recipe, tmp_path, workers=1, volumes=False, track=quiet)
    one, other = (read_record(folder / "recovered.h5", "recovered") for folder in (done[0], tmp_path))
    assert other.attrs["method"] == "cgls" and stated_recipe(other.attrs).q_max_inst == 22.0
    inside = one.roi.values.astype(bool)
    means = [found.silicon.values[0, 0][inside].mean() for found in (one, other)]
    assert means[0] != means[1] and means[1] == pytest.approx(means[0], rel=0.05)
    errors = [found.silicon_errors.values[0, 0][inside].mean() for found in (one, other)]
    # drawn, not those of back-projection, yet of the same photons
    assert errors[0] != errors[1] and errors[1] == pytest.approx(errors[0], rel=0.6)


def test_absorption_in_the_operator_is_a_key(done, tmp_path):
    scans = job.scan_files([done[0]])
    recipe = small(
        "analysis.method=cgls", "analysis.iterations=8", "analysis.draws=2", "analysis.absorption_per_voxel=true"
    ).recipe
    job.analyze(scans[:1], recipe, tmp_path, workers=1, volumes=False, track=quiet)
    one, other = (read_record(folder / "recovered.h5", "recovered") for folder in (done[0], tmp_path))
    assert other.attrs["absorption"] == "per voxel" and one.attrs["absorption"] == "per ray"
    inside = one.roi.values.astype(bool)
    means = [found.silicon.values[0, 0][inside].mean() for found in (one, other)]
    # at 100 keV both are right
    assert means[1] == pytest.approx(means[0], rel=0.05)


@pytest.mark.filterwarnings("ignore:find_phases")
def test_phases_and_components_are_keys(done, tmp_path):
    """The pattern of the region as a phase, on the scale of atoms: its amount in the region is the density."""
    found = read_record(done[0] / "recovered.h5", "recovered")
    pattern = np.column_stack([found.q.values, found.roi_iq.values[0]])
    np.savetxt(tmp_path / "of region.xy", pattern)
    scans = job.scan_files([done[0]])[:2]
    choices = (f"phases=['{tmp_path / 'of region.xy'}']", "components=2", "q_max=18.0")
    made = small(*(f"analysis.{choice}" for choice in choices))
    assert made.settings.analysis.values["phases"] == (str(tmp_path / "of region.xy"),)
    job.analyze(scans, made.recipe, tmp_path, workers=1, volumes=False, track=quiet)
    other = read_record(tmp_path / "recovered.h5", "recovered")
    inside = other.roi.values.astype(bool)
    amount, errors = (other[name].values[0, 0][inside] for name in ("phase_of_region", "phase_of_region_errors"))
    assert amount.mean() == pytest.approx(found.attrs["reference_density"], rel=0.05)
    assert (errors > 0).all() and other.phases_explained.values[0, 0][inside].min() > 0.5
    assert other.component_1.dims == ("state", "slice", "y", "x") and other.component_1.sizes["state"] == 2
    assert other.component_spectra.sizes["component"] == 2 and "binned_iq" not in other
