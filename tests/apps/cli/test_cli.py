"""The command line: help that teaches and starts fast, exit codes, and bad input refused in one line."""

import subprocess
import sys

import pytest

from tsct.apps.run import pipeline as job
from tsct.records.errors import InputError, ResourceError, UsageError
from tsct.validation import Measurement, Outcome, Scores, check_named

#: what no help needs, and what takes most of the time to import
HEAVY = ("numba", "scipy", "matplotlib", "xarray", "h5py", "ase", "xraylib", "xraydb", "numpy")
COMMANDS = ("run", "simulate", "analyze", "validate", "init", "pdf", "structures")


@pytest.fixture
def refused(tsct, tmp_path):
    """Run `tsct run` with input that it must refuse; returns exit code and the one line that says why."""

    def run(*arguments, output=None):
        folder = tmp_path / "results" if output is None else output
        before = sorted(tmp_path.rglob("*"))
        code, out, err = tsct("run", *arguments, "-o", folder)
        assert sorted(tmp_path.rglob("*")) == before
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        return code, err

    return run


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", [(), ("run",), ("pdf",), ("structures",), ("structures", "check")])
def test_help_loads_nothing_heavy(command):
    code = f"""
import sys
sys.argv = ["tsct", *{command!r}, "--help"]
from tsct.apps.cli import main as cli
try:
    cli.main()
finally:
    print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    done = python(code)
    assert done.returncode == 0
    assert done.stderr == "[]\n"


def test_help_teaches(tsct):
    code, out, _ = tsct("--help")
    assert code == 0
    for command in COMMANDS:
        assert f" {command} " in out
    # the first steps and the exit codes
    text = " ".join(out.split())
    assert "tsct run wragg2023 --quick -o out" in text
    assert "0 pass, 1 fail, 2 usage, 3 bad input, 4 inconclusive" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(tsct, command):
    code, out, _ = tsct(command, "--help")
    assert code == 0
    assert "Options" in out
    # every option has its words
    assert all(len(line.split()) > 2 for line in out.splitlines() if line.startswith("│ -"))


def test_the_start_of_an_experiment_is_a_file_that_loads(tsct, tmp_path):
    from tsct.apps.run.experiment import load
    from tsct.apps.run.settings import dump

    code, _, err = tsct("init", "wragg2023", "-o", tmp_path / "my.toml")
    assert (code, err.count("next: tsct run")) == (0, 1)
    assert dump(load(str(tmp_path / "my.toml")).settings) == dump(load("wragg2023").settings)
    code, _, err = tsct("init", "wragg2023", "-o", tmp_path / "my.toml")
    assert code == 2
    assert "exists" in err


@pytest.mark.parametrize("arguments", [("runn",), ("run", "--sed", "1"), ("pdf",), ("run", "--workers", "0")])
def test_wrong_calls_exit_with_2(tsct, arguments):
    assert tsct(*arguments)[0] == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("a"), 2),
        (InputError("a"), 3),
        (ResourceError("a"), 5),
        (MemoryError(), 5),
        (OSError(28, "No space left on device", "x.h5"), 5),
        (PermissionError(13, "Permission denied", "x.h5"), 3),
        (KeyboardInterrupt(), 130),
        (ZeroDivisionError("a"), 70),
    ],
)
def test_errors_have_their_exit_codes(tsct, monkeypatch, tmp_path, error, code):
    def failing(*_, **__):
        raise error

    monkeypatch.setattr(job, "run", failing)
    found, _, err = tsct("run", "-o", tmp_path)
    assert found == code
    # only a defect shows where it happened
    assert ("Traceback" in err) == (code == 70)


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (("a.h5", "--truth", "b.h5", "--quick"), "--quick does nothing without --scenario"),
        (("a.h5", "--truth", "b.h5", "--seed", 2, "--set", "seed=1"), "--seed, --set do nothing without"),
        (("a.h5", "--truth", "b.h5", "--workers", 2), "--workers does nothing without"),
        (("--scenario", "null", "--junit", "x.xml", "--checks", "all"), "--checks, --junit do nothing with --scenario"),
    ],
)
def test_options_of_validate_that_would_be_ignored_are_refused(tsct, tmp_path, arguments, options):
    code, _, err = tsct("validate", *arguments, "-o", tmp_path / "out")
    assert code == 2 and options in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("verdict", "code"), [("pass", 0), ("fail", 1), ("inconclusive", 4)])
def test_the_exit_code_is_the_verdict(tsct, monkeypatch, tmp_path, verdict, code):
    """Of the chain alone: a reading of the paper that is not reproduced is a line of its own."""
    chain, paper = check_named("map.bias[silicon]"), check_named("pdf.far-over-near")
    outcomes = (
        Outcome(check=chain, measurement=Measurement(value=1.0), verdict=verdict),
        Outcome(check=paper, measurement=Measurement(value=0.15), verdict="fail", noise_free=0.12),
    )
    monkeypatch.setattr(job, "run", lambda *_, **__: Scores(outcomes=outcomes, of_paper=True))
    ended, out, _ = tsct("run", "-o", tmp_path)
    assert ended == code
    assert out.splitlines()[0] == f"Recovered as put in: {int(verdict == 'pass')} of 1 checks"
    assert out.splitlines()[1] == "Against the paper: 0 of 1"
    assert "map.bias[silicon]" in out and "not reproduced" in out and "decides nothing" in " ".join(out.split())
    assert f"verdict: {verdict}" in out


# ---------------------------------------------------------------------------------------------------------------------
# bad experiments: (TOML or --set, exit code, what the line must say)

BOX = '3\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3 pbc="T T T"\nC 0 0 0\nC 0 0 {}\nC 0 4 4\n'


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("[analysis]\nqmax = 24", 2, ("my.toml", "'analysis.qmax'", "did you mean 'q_max'")),
        ("[anlysis]\nq_max = 24", 2, ("my.toml", "'anlysis'", "did you mean 'analysis'")),
        ("[beamline]\nexposure_s = -0.1", 3, ("my.toml", "beamline.exposure_s", "-0.1", "positive")),
        ("[beamline]\nexposure_s = nan", 3, ("my.toml", "beamline.exposure_s", "nan", "finite")),
        ("[beamline]\nexposure_s = 'long'", 3, ("my.toml", "beamline.exposure_s", '"long"', "number")),
        ("[beamline.scan]\nq_max = 60.0", 3, ("my.toml", "scan.q_max", "60", "reaches")),
        ("[beamline]\nenergy_kev = 20.0", 3, ("my.toml", "scan.q_max", "36", "4 pi / lambda = 20.27")),
        ("[analysis]\nq_max = 40.0", 3, ("my.toml", "analysis.q_max", "40", "36")),
        ("[analysis]\nwindow = 'lorc'", 2, ("my.toml", "analysis.window", "'lorc'", "did you mean 'lorch'")),
        ("[analysis]\nmethod = 'srit'", 2, ("my.toml", "analysis.method", "did you mean 'sirt'")),
        ("[analysis]\nmethod = 'cgls'\nfilter = 'hann'", 2, ("my.toml", "'cgls'", "takes no filter", "iterations")),
        ("[analysis]\ncomposition = 'Xx'", 3, ("my.toml", "composition", "'Xx'")),
        ("[analysis.roi]\nradius_voxels = -1.0", 3, ("my.toml", "roi", "-1")),
        ("[analysis.roi]\nmap = 'silicon'", 2, ("my.toml", "[analysis.roi]", "map and above need each other")),
        ("[analysis.roi]\nmap = 'silcon'\nabove = 0.01", 2, ("my.toml", "roi.map", "did you mean 'silicon'")),
        ("seed = -1", 2, ("my.toml", "seed", "-1")),
        ("seed = 1\nseed = 2", 3, ("my.toml", "not valid TOML")),
        ("a = " + "[" * 10000, 3, ("my.toml", "not valid TOML")),
        ("seed = " + "9" * 5000, 3, ("my.toml", "not valid TOML")),
        ("[structures]\npiston = 'glasy-carbon'", 2, ("my.toml", "structures.piston", "did you mean 'glassy-carbon'")),
        ("[structures]\npiston = 'no.extxyz'", 3, ("my.toml", "structures.piston", "no.extxyz", "no such file")),
        ("[structures]\npiston = 'empty.xyz'", 3, ("my.toml", "structures.piston", "empty.xyz", "0 atoms")),
        ("[structures]\npiston = 'noise.cif'", 3, ("my.toml", "structures.piston", "noise.cif", "not readable as CIF")),
        ("[structures]\npiston = 'overlap.extxyz'", 3, ("my.toml", "overlap.extxyz", "C atom 1", "0.250 A apart")),
        ("[structures]\nsilicon = ['twins.extxyz']", 3, ("my.toml", "structures.silicon[0]", "C atom 2", "same place")),
        ("[states]\nscenario = 'smal'", 2, ("my.toml", "smal", "did you mean 'small'")),
        ("[slices]\nz_mm = []", 3, ("my.toml", "z_mm")),
        ("name = 3", 3, ("my.toml", "name", "3", "text in")),
        ("beamline = 3", 2, ("my.toml", "'beamline'", "section")),
    ],
)
def test_a_bad_experiment_is_refused_in_one_line(refused, tmp_path, text, code, words):
    (tmp_path / "my.toml").write_text(text + "\n")
    (tmp_path / "empty.xyz").write_text("0\n\n")
    (tmp_path / "noise.cif").write_bytes(bytes(range(128, 256)))
    (tmp_path / "overlap.extxyz").write_text(BOX.format(0.25))
    (tmp_path / "twins.extxyz").write_text(BOX.format(0.0))
    found, line = refused(tmp_path / "my.toml")
    assert found == code, line
    for word in words:
        assert word in line
    assert len(line) < 400


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("wragg2032",), 2, ("'wragg2032'", "did you mean 'wragg2023'")),
        (("absent.toml",), 3, ("absent.toml", "no such file")),
        (("wragg2023", "--set", "analysis.qmax=24"), 2, ("'analysis.qmax'", "did you mean 'q_max'")),
        (("wragg2023", "--set", "analysis.q_max"), 2, ("analysis.q_max", "section.key=value")),
        (("wragg2023", "--set", "seed.x=1"), 2, ("seed", "section")),
        (("wragg2023", "--seed", "-3"), 2, ("seed", "-3")),
    ],
)
def test_a_bad_call_is_refused_in_one_line(refused, arguments, code, words):
    found, line = refused(*arguments)
    assert found == code
    for word in words:
        assert word in line


def test_other_things_than_files_are_refused(refused, tmp_path):
    (tmp_path / "folder.toml").mkdir()
    assert refused(tmp_path / "folder.toml")[0] == 3
    (tmp_path / "long.toml").write_text("#" * 2_000_000)
    code, line = refused(tmp_path / "long.toml")
    assert code == 3
    assert "2000000 bytes" in line


def test_an_output_that_cannot_be_written_is_refused_before_any_work(refused, tmp_path):
    (tmp_path / "file").write_text("kept")
    for output in (tmp_path / "file", tmp_path / "file" / "below"):
        code, line = refused("wragg2023", "--quick", output=output)
        assert code == 3
        assert f"{output}: cannot be written" in line
    assert (tmp_path / "file").read_text() == "kept"


def test_an_earlier_run_is_kept(refused, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "scores.json").write_text('{"tsct": "0.1.0"}')
    code, line = refused("wragg2023", "--quick", output=tmp_path / "old")
    assert code == 2
    assert "scores.json" in line
    assert "--overwrite" in line


def test_regions_and_references_are_keys_of_the_experiment(tmp_path):
    from tsct.apps.run.experiment import load
    from tsct.apps.run.settings import dump

    keys = ("roi.polygon=[[-9, -9], [9, -9], [0, 12]]", "reference_states=3", "squared_amplitudes=true", "q_damp=0.02")
    made = load("wragg2023", overrides=[f"analysis.{key}" for key in keys])
    assert made.recipe.roi.mask(60).sum() == pytest.approx(0.5 * 18 * 21, rel=0.03)
    assert made.recipe.reference_states == 3 and made.recipe.squared_amplitudes and made.recipe.pdf.q_damp == 0.02
    (tmp_path / "again.toml").write_text(dump(made.settings))
    assert load(str(tmp_path / "again.toml")).recipe == made.recipe
