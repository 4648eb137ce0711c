"""Experiments that cannot be meant: one line from every command that would work on them, before any work."""

import numpy as np
import pytest

from tsct.apps.run import analysis_phases

from ..small import LABELS, SOLID

HEAD = """
name = "own"
[[sample.phase]]
name = "nickel"
structure = "nickel"
[[sample.phase]]
name = "alumina"
structure = "alpha-alumina"
[[analysis.phase]]
name = "nickel"
structure = "nickel"
[beamline]
beam_width_mm = 0.1
[beamline.scan]
translations = 21
step_mm = 0.1
views = 24
q_max = 24.0
[analysis]
q_max = 20.0
remove_stripes = true
"""
GROWTH = "[[sample.change]]\nphase = '{}'\nkind = 'growth'\ncurve = [[0, {}]]\n"
PEAKS = "[[analysis.peak]]\nname = 'a'\nlimits_a = [2.3, 2.7]\n[[analysis.peak]]\nname = 'b'\nlimits_a = [2.35, 2.7]\n"
BAD = {
    "solids beyond all there is": (SOLID + GROWTH.format("nickel", 4.0), "state 0: all phases together fill 1.3"),
    "a texture beyond all there is": (
        SOLID.replace("0.3 }", "0.7 }\ntexture = [{ kind = 'radial', amplitude = 0.5 }]"),
        "'bed': its texture makes the fill 1.3",
    ),
    "a label without an entry": (LABELS.replace("2 =", "3 ="), "holds label 2; [sample.labels.fills] needs an entry"),
    "a fill beyond 1": (SOLID.replace("0.3", "0.9"), "'bed'"),
    "an unknown axis": (SOLID + "[states]\naxis = 'heat'\nvalues = [1.0]\n", "a name with its unit"),
    "a change of no phase": (SOLID + GROWTH.format("nickle", 0), "no phase 'nickle'; did you mean 'nickel'"),
    "a volume too large": (LABELS.replace("0.02", "20.0"), "far outside the field of view of 2.1 mm"),
    "a volume too small": (LABELS.replace("0.02", "0.0002"), "less than one voxel of the scan, 0.1 mm"),
    "a peak in a ripple": (SOLID + PEAKS, "'b' lies inside the ripple of 'a': closer than the 0.157 A"),
    "a region beyond the image": (SOLID + "[analysis.roi]\nradius_voxels = 30.0\n", "60 voxels wide, the image 21"),
}
ABSURD = {
    "a detector in the sample": ("beamline.distance_mm=0.3", "distance_mm is 0.3 and the sample is 1 mm wide"),
    "a photon a second": ("beamline.photons_per_s=1", "a frame gets 1.0e-01 photons"),
    "a region beyond the image": ("analysis.roi.radius_voxels=30", "60 voxels wide, the image 21"),
}


@pytest.fixture
def written(tmp_path):
    """Writes an experiment file, which lies beside a volume of three labels, 1 x 1 x 0.1 mm."""
    np.save(tmp_path / "volume.npy", np.random.default_rng(2).integers(0, 3, (5, 50, 50)).astype(np.uint8))

    def write(text):
        (tmp_path / "own.toml").write_text(HEAD + text)
        return tmp_path / "own.toml"

    return write


@pytest.fixture
def no_work(monkeypatch):
    """Nothing may be computed of a structure."""

    def refuse(*_, **__):
        raise AssertionError("work was done")

    monkeypatch.setattr(analysis_phases, "structure_scattering", refuse)


@pytest.mark.parametrize("command", ["run", "simulate", "plan"])
@pytest.mark.parametrize("name", BAD)
@pytest.mark.usefixtures("no_work")
def test_what_is_wrong_is_refused_in_one_line_before_any_work(tsct, written, tmp_path, command, name):
    text, words = BAD[name]
    code, out, err = tsct(command, written(text), "-o", tmp_path / "out")
    assert code in (2, 3) and not out
    assert words in err and err.startswith("error: ") and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ABSURD)
def test_what_no_beamline_would_measure_is_refused_with_its_number(tsct, written, tmp_path, name):
    setting, words = ABSURD[name]
    code, out, err = tsct("plan", written(SOLID), "--set", setting, "-o", tmp_path / "out")
    assert code == 3 and not out and words in err and err.count("\n") == 1


def test_an_opaque_sample_is_refused_with_what_it_lets_through(tsct, written, tmp_path):
    thick = SOLID.replace("1.0", "76.0")
    wide = ("beamline.scan.step_mm=4.0", "beamline.beam_width_mm=4.0")
    code, _, err = tsct("plan", written(thick), *(f"--set={one}" for one in wide), "-o", tmp_path / "out")
    assert code == 3 and "of the straight beam through where it is thickest, at 100 keV: it is opaque" in err


@pytest.mark.filterwarnings("ignore::tsct.records.errors.TsctWarning")
def test_a_volume_of_labels_without_phases_of_the_analysis_is_planned_and_says_how_to_ask(tsct, written, tmp_path):
    path = written(LABELS)
    path.write_text(path.read_text().replace('[[analysis.phase]]\nname = "nickel"\nstructure = "nickel"\n', ""))
    code, out, err = tsct("plan", path, "--set", "beamline.scan.q_step=0.05", "-o", tmp_path / "out")
    assert code == 0 and (tmp_path / "out" / "plan.html").exists(), err
    assert "error of G, rms above 1 Å" in out and "that shows (3 σ)" not in out
    assert "[[analysis.phase]] asks for maps of amounts, of nickel, alumina." in out
