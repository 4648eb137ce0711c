"""What docs/samples.md shows is what happens: its TOML is loaded and its Python is run, as they stand."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tsct.apps.run.experiment import load
from tsct.apps.run.toml_tables import PRESETS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "samples.md").read_text(encoding="utf-8")
PAINTED, LABELLED = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
(PYTHON,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
LIBRARY = ROOT / "phantoms" / "structures" / "data"


def test_every_preset_is_in_the_table():
    assert re.findall(r"^\| `([\w-]+)` \|", PAGE, re.M)[: len(PRESETS)] == list(PRESETS)


def test_the_painted_capillary(tmp_path):
    (tmp_path / "own.toml").write_text(PAINTED)
    experiment = load(str(tmp_path / "own.toml"))
    contents = experiment.phantom.contents(1, 0, 2.2, 44)
    assert [part.phase for part in contents.parts] == ["quartz", "copper"]
    # the gradient runs along x
    copper = contents.densities[1]
    assert copper[22, 34] / copper[22, 9] == pytest.approx((1 + 0.3 * 0.625 / 0.9) / (1 - 0.3 * 0.625 / 0.9), rel=1e-6)


@pytest.fixture
def labelled(tmp_path):
    """The ten lines as a file, beside a volume of grains in a cylinder and two CIFs."""
    assert len(LABELLED.splitlines()) == 10
    grains = gaussian_filter(np.random.default_rng(3).standard_normal((5, 100, 100)), (1, 6, 6)) > 0
    y, x = np.indices((100, 100)) - 49.5
    np.save(tmp_path / "volume.npy", np.where(np.hypot(x, y) < 48, np.where(grains, 1, 2), 0).astype(np.uint8))
    for name, source in (("nickel", "nickel"), ("oxide", "alpha-alumina")):
        (tmp_path / f"{name}.cif").write_text((LIBRARY / f"{source}.cif").read_text())
    (tmp_path / "own.toml").write_text(LABELLED)
    return tmp_path / "own.toml"


def test_ten_lines_from_labels(labelled):
    sample = load(str(labelled)).phantom
    amounts = sample.truth(45, 0.05).phase_amount.sum(("x", "y"))
    assert (amounts > 0).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:scan. .* filled")
def test_ten_lines_end_with_a_verdict(labelled, tsct):
    code, out, err = tsct("run", labelled, "--quick", "-o", labelled.parent / "out", "--workers", "1")
    assert code == 0, err
    scores = json.loads((labelled.parent / "out" / "scores.json").read_text())
    assert scores["verdict"] == "pass"
    passed = {one["id"] for one in scores["checks"] if one["verdict"] == "pass"}
    assert {"amount[nickel]", "amount[oxide]"} <= passed
    assert "verdict: pass" in out


def test_a_class_of_the_users_own():
    names = {}
    exec(compile(PYTHON, "docs/samples.md", "exec"), names)
    assert names["scan"].intensity.sum() > 0
    truth = names["Wire"]().truth(16, 0.05)
    nickel = names["Wire"].structures[0].number_density_per_a3
    total = float(truth.phase_amount.sum()) * 0.05**2
    assert total == pytest.approx(np.pi * 0.2**2 * nickel, rel=0.02)
