"""Runs that are stopped, killed and started again end as if nothing had happened."""

import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tsct.apps.run import pipeline as job
from tsct.apps.run.ledger import read_ledger
from tsct.apps.run.settings import dump
from tsct.records.errors import UsageError
from tsct.records.io.files import read_record
from tsct.validation.report import report

from ..small import quiet, tiny


def run(experiment, folder, track=quiet, workers=1, overwrite=False):
    return job.run(experiment, folder, workers=workers, overwrite=overwrite, track=track)


@pytest.fixture(scope="module", autouse=True)
def no_report():
    """Pictures take longer than all else and are not at issue."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "write_report", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    run(tiny(), folder)
    return folder


def assert_same_results(one, other):
    first, second = (read_record(folder / "recovered.h5", "recovered") for folder in (one, other))
    assert first.identical(second)
    for name in first.variables:
        assert np.asarray(first[name].values).tobytes() == np.asarray(second[name].values).tobytes(), name
    for path in sorted((one / "scan").iterdir()):
        assert read_record(path).identical(read_record(other / "scan" / path.name)), path.name
    assert (one / "experiment.toml").read_bytes() == (other / "experiment.toml").read_bytes()


def stopped_after(number):
    def track(items, title, total):
        for k, item in enumerate(items):
            if "analysis" in title and k == number:
                raise KeyboardInterrupt
            yield item

    return track


def finished(folder):
    return read_ledger(folder / "run.jsonl")[1]


def test_a_run_goes_on_where_it_ended(whole, tmp_path):
    for number in (2, 3):
        with pytest.raises(KeyboardInterrupt):
            run(tiny(), tmp_path, stopped_after(number))
    assert len(finished(tmp_path)) == 5
    titles = []
    kept = [(path, path.stat().st_mtime_ns) for path in (tmp_path / f"tiles/{name}.h5" for name in finished(tmp_path))]
    run(tiny(), tmp_path, lambda items, title, total: titles.append((title, total)) or items)
    assert titles[-1] == ("scan and analysis (5 of 8 were done before)", 3)
    assert len(kept) == 5 and all(path.stat().st_mtime_ns == then for path, then in kept)
    assert_same_results(whole, tmp_path)


def test_tiles_that_were_lost_or_changed_are_made_again(whole, tmp_path):
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    (tmp_path / "scan/state01_slice0.h5").unlink()
    changed = tmp_path / "tiles/state02_slice0.h5"
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    totals = []
    run(tiny(), tmp_path, lambda items, title, total: totals.append(total) or items)
    assert totals[-1] == 2
    assert_same_results(whole, tmp_path)


def test_another_run_is_not_continued(whole):
    with pytest.raises(UsageError, match=r"holds another run \(other settings\).*--overwrite"):
        run(tiny(seed=2), whole)


def started(folder, source):
    words = ("run", source, "-o", folder, "--workers", "2")
    return subprocess.Popen([sys.executable, "-m", "tsct.apps.cli.main", *words], stderr=subprocess.PIPE, text=True)


def wait_for_tiles(folder, number, seconds=120.0):
    end = time.monotonic() + seconds
    while len(finished(folder)) < number:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_no_signal_loses_a_finished_tile(whole, tmp_path):
    """Ctrl-C after one tile, SIGTERM after three and SIGKILL after five."""
    source, folder = tmp_path / "tiny.toml", tmp_path / "out"
    source.write_text(dump(tiny().settings))
    for number, stop, code in ((1, signal.SIGINT, 130), (3, signal.SIGTERM, 143), (5, signal.SIGKILL, -9)):
        process = started(folder, source)
        wait_for_tiles(folder, number)
        process.send_signal(stop)
        stopping = time.monotonic()
        _, said = process.communicate(timeout=60)
        assert process.returncode == code
        assert time.monotonic() - stopping < 20  # a loaded machine; alone it takes a fraction of a second
        assert "Traceback" not in said
        if code > 0:
            assert f"go on with: tsct run {source} -o {folder}" in said
        assert len(finished(folder)) >= number and not (folder / "recovered.h5").exists()
    totals = []
    run(tiny(), folder, lambda items, title, total: totals.append(total) or items)
    assert totals[-1] <= 3
    assert not list(folder.rglob(".*.tmp-*"))
    assert_same_results(whole, folder)
