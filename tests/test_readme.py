"""What README shows is what happens: its Python is run as it stands, and so are the console lines of the gate."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tsct import analyze, validation
from tsct.apps.cli.main import app

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
#: what stands in for the reader's own chain where README leaves it open
THEIRS = "my_reconstruction"


def blocks(language, heading):
    """Code blocks of one language under a heading of the second level."""
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", README, re.M | re.S)[1]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S)


def images(scan):
    """I(Q) of every voxel of the first state by the reference chain."""
    return analyze.analyze_tile(scan.isel(state=0, slice=0), analyze.default_recipe(scan)).iq.values


def level(verdicts):
    """Verdict of the check of the region's level, from verdicts by title."""
    return verdicts["I(Q) of the region: level"]


def test_every_python_block_is_run_here():
    """A block that is added to README needs a test."""
    every = re.findall(r"^```python\n", README, re.M)
    assert len(every) == len(blocks("python", "Gate a chain")) + len(blocks("python", "In Python")) == 2


@pytest.mark.slow
def test_the_gate_as_shown_passes_a_right_reconstruction():
    (block,) = blocks("python", "Gate a chain")
    names = {THEIRS: images}
    exec(compile(block, "README.md", "exec"), names)
    scores = validation.gate(names["chain"], validation.small_case())
    assert level({outcome.check.title: outcome.verdict for outcome in scores.outcomes}) == "pass"


@pytest.mark.slow
def test_the_gate_as_shown_refuses_a_reconstruction_that_is_five_per_cent_off():
    (block,) = blocks("python", "Gate a chain")
    with pytest.raises(AssertionError, match="I\\(Q\\) of the region: level"):
        exec(compile(block, "README.md", "exec"), {THEIRS: lambda scan: 1.05 * images(scan)})


@pytest.mark.slow
def test_the_experiment_in_python():
    (block,) = blocks("python", "In Python")
    names: dict = {}
    exec(compile(block, "README.md", "exec"), names)
    assert {"silicon", "roi_gr", "roi_dgr"} <= set(names["found"])
    assert len(names["score"].outcomes) > 40 and names["score"].verdict in ("pass", "fail")


def test_building_blocks_exist():
    """Each name in the sentence of building blocks, from the package that it is named with."""
    from tsct import phantoms, simulate

    sentence = re.search(r"^Building blocks:(.*?)\n\n", README, re.M | re.S)[1]
    rooms = {"phantoms": phantoms, "simulate": simulate, "analyze": analyze}
    calls = re.findall(r"`(\w+)\.(\w+)\(", sentence)
    assert len(calls) >= 5
    assert all(callable(getattr(rooms[room], name)) for room, name in calls)


@pytest.mark.slow
def test_the_gate_from_pytest(tmp_path):
    """The line for pytest with the reference chain, in a process of its own."""
    line = re.search(r"In pytest: `(def .*?)`", README)[1].replace("(chain)", "(analyze.chain)")
    path = tmp_path / "test_line.py"
    path.write_text("from tsct import analyze\n\n\n" + line.replace(": ", ":\n    ", 1) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:tsct"]
    place = ["-p", "tsct.apps.pytest_plugin", "--rootdir", str(tmp_path), "-c", os.devnull, str(path)]
    done = subprocess.run([*command, *place], capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_gate_from_files(tmp_path, monkeypatch):
    """The commands of the gate's section, in a folder of their own; the reference chain stands for the reader's."""
    section = README.split("## Gate a chain")[1].split("\n## ")[0]
    simulate, validate = (
        shlex.split(" ".join(line.split()))[1:] for line in re.findall(r"`(tsct (?:simulate|validate)[^`]*)`", section)
    )
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, simulate).exit_code == 0
    done = CliRunner().invoke(app, ["analyze", "twin", "-o", "mine"])
    assert done.exit_code == 0, done.output
    (tmp_path / "mine" / "recovered.h5").rename(tmp_path / "theirs.h5")
    # the file is in the layout already, so that it needs no mapping
    at = validate.index("--mapping")
    done = CliRunner().invoke(app, [*validate[:at], *validate[at + 2 :]])
    assert done.exit_code == 0, done.output
    document = json.loads((tmp_path / "tsct-validation" / "scores.json").read_text())
    assert document["verdict"] == "pass" and (tmp_path / "gate.xml").is_file()
    assert level({row["title"]: row["verdict"] for row in document["checks"]}) == "pass"
