"""The worked examples of docs/gate.md with tools of others, in the three ways into the gate."""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from tsct import validation
from tsct.apps.cli.main import app
from tsct.apps.run.tiles import tile_name
from tsct.records.errors import InputError, UsageError
from tsct.records.io.files import write_records
from tsct.records.io.scan_files import write_scan

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="session")
def case():
    return validation.small_case(1)


@pytest.fixture(scope="session")
def folder(case):
    """What ``tsct simulate`` would have written; not in pytest's own folder, which other sessions tidy."""
    with TemporaryDirectory(prefix="tsct-gate-") as name:
        path = Path(name)
        (path / "scan").mkdir()
        write_records(path / "truth.h5", {"truth": case.truth, "phases": case.phases})
        for state in range(case.scan.sizes["state"]):
            write_scan(path / "scan" / f"{tile_name((state, 0))}.h5", case.scan.isel(state=state, slice=0))
        yield path


def imported(name):
    sys.path.insert(0, str(EXAMPLES))
    try:
        return __import__(name)
    finally:
        sys.path.remove(str(EXAMPLES))


def verdicts(scores):
    return {outcome.check.id: outcome.verdict for outcome in scores.outcomes}


def test_astra_from_python(case):
    pytest.importorskip("astra")
    scores = validation.gate(imported("gate_astra").chain, case)
    validation.assert_passes(scores)
    assert {"map.rms-error[intensity]", "map.detail[intensity]", "iq.level", "iq.shape"} <= {
        name for name, v in verdicts(scores).items() if v == "pass"
    }


def test_an_image_half_a_voxel_off_is_refused(case):
    """The middle of an image is another place in another program: the commonest mistake, and the gate sees it."""
    chain = imported("test_gate_skimage").chain
    scores = validation.gate(lambda scan: chain(scan, half_a_voxel=0.0), case)
    with pytest.raises(AssertionError, match=r"map\.detail\[intensity\] intensity map: detail without symmetry"):
        validation.assert_passes(scores)


def test_skimage_from_pytest(folder):
    """Warnings are errors there too; the plug-in may or may not have been found through its entry point."""
    command = [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:tsct", "-p", "tsct.apps.pytest_plugin"]
    place = ["-p", "no:cacheprovider", "--rootdir", str(EXAMPLES), "-c", "/dev/null", "--tsct-case", str(folder)]
    done = subprocess.run(
        [*command, *place, str(EXAMPLES / "test_gate_skimage.py")], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_pystog_from_files(folder, tmp_path):
    imported("gate_pystog").main(folder)
    theirs = ["validate", str(folder / "theirs.h5"), "--truth", str(folder), "--mapping", str(folder / "mapping.toml")]
    out, xml = tmp_path / "first", tmp_path / "gate.xml"
    first = CliRunner().invoke(app, [*theirs, "-o", str(out), "--junit", str(xml)])
    assert first.exit_code == 0, first.output
    rows = json.loads((out / "scores.json").read_text())["checks"]
    ran = {row["id"]: row["verdict"] for row in rows if row["verdict"] != "not run"}
    assert ran == dict.fromkeys(("pdf.rw", "pdf.rw-over-truncation", "pdf.r-stretch"), "pass")
    assert {row["about"] for row in rows} == {"chain"}
    suite = ElementTree.parse(xml).getroot()
    assert int(suite.get("tests")) - int(suite.get("skipped")) == 3
    again = CliRunner().invoke(app, [*theirs, "-o", str(tmp_path / "second"), "--compare", str(out / "scores.json")])
    assert f"drift: 0 of {len(rows)} checks changed (the same scan" in " ".join(again.output.split())


@pytest.mark.slow
def test_pyfai_from_frames(tmp_path):
    """The commands in the example, one after the other; a detector taken for 0.5 % farther than it is does not pass."""
    twin, experiment = str(tmp_path), str(EXAMPLES / "small_frames.toml")
    for command in (
        ["simulate", experiment, "-o", twin, "--workers", "1"],
        ["frames", experiment, "--views", ":", "--translations", ":", "-o", f"{twin}/frames"],
    ):
        assert CliRunner().invoke(app, command).exit_code == 0
    poni, verdicts = tmp_path / "frames" / "detector.poni", []
    for factor in (1.0, 1.005):
        text = poni.read_text()
        distance = float(re.search("Distance: (.*)", text)[1])
        poni.write_text(re.sub("Distance: .*", f"Distance: {factor * distance}", text))
        imported("gate_pyfai").main(tmp_path)
        out = tmp_path / f"judged{factor}"
        CliRunner().invoke(app, ["validate", f"{twin}/theirs.h5", "--truth", twin, "-o", str(out)])
        verdicts.append({row["id"]: row["verdict"] for row in json.loads((out / "scores.json").read_text())["checks"]})
    ran = {name: verdict for name, verdict in verdicts[0].items() if verdict != "not run"}
    assert set(ran.values()) == {"pass"} and {
        "iq.level",
        "iq.shape",
        "pdf.rw",
        "pdf.rw-over-truncation",
        "pdf.r-stretch",
        "errors.pdf",
    } <= set(ran)
    assert verdicts[1]["pdf.r-stretch"] == "fail"


def test_scores_are_not_overwritten_unasked(folder, tmp_path):
    imported("gate_pystog").main(folder)
    theirs = ["validate", str(folder / "theirs.h5"), "--truth", str(folder), "--mapping", str(folder / "mapping.toml")]
    out = tmp_path / "judged"
    out.mkdir()
    (out / "scores.json").write_text('{"tsct": "mine"}')
    told = CliRunner().invoke(app, [*theirs, "-o", str(out)])
    assert isinstance(told.exception, UsageError) and "holds scores.json already" in str(told.exception)
    assert (out / "scores.json").read_text() == '{"tsct": "mine"}' and not (out / "report.html").exists()
    assert CliRunner().invoke(app, [*theirs, "-o", str(out), "--overwrite"]).exit_code == 0
    assert json.loads((out / "scores.json").read_text())["verdict"] == "pass"


def test_the_truth_of_another_seed_is_refused(case, folder, tmp_path):
    """What our own chain recovered says of which measurement it is; what says nothing is compared all the same."""
    other = case.truth.assign_attrs(entry_identifier="another", seed=2)
    write_records(tmp_path / "truth.h5", {"truth": other, "phases": case.phases})
    own = xr.Dataset({"roi": (("y", "x"), np.ones((60, 60)))}, attrs=case.scan.attrs).assign(silicon=case.truth.silicon)
    write_records(tmp_path / "recovered.h5", {"recovered": own})
    arguments = ["validate", str(tmp_path / "recovered.h5"), "-o", str(tmp_path / "out"), "--truth"]
    told = CliRunner().invoke(app, [*arguments, str(tmp_path)])
    assert isinstance(told.exception, InputError) and "not of the measurement" in str(told.exception)
    assert not (tmp_path / "out" / "scores.json").exists()
    assert CliRunner().invoke(app, [*arguments, str(folder)]).exit_code in (0, 1)


def test_a_wrong_choice_of_checks_is_refused(folder, tmp_path):
    told = CliRunner().invoke(app, ["validate", str(folder), "--truth", str(folder), "--checks", "chian"])
    assert isinstance(told.exception, UsageError) and "did you mean 'chain'" in str(told.exception)
