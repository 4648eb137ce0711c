"""What docs/samples.md shows is what happens: its TOML is loaded and its Python is run, as they stand."""

import re
from pathlib import Path

import numpy as np
import pytest

from tsct.apps.run.experiment import load
from tsct.apps.run.toml_tables import PRESETS

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "samples.md").read_text(encoding="utf-8")
PAINTED, LABELLED = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
(PYTHON,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
LIBRARY = ROOT / "phantoms" / "structures" / "data"


def test_every_preset_is_in_the_table():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.M)[: len(PRESETS)] == list(PRESETS)


def test_the_painted_capillary(tmp_path):
    (tmp_path / "own.toml").write_text(PAINTED)
    experiment = load(str(tmp_path / "own.toml"))
    contents = experiment.phantom.contents(1, 0, 2.2, 44)
    assert [part.phase for part in contents.parts] == ["quartz", "copper"]
    # the gradient runs along x
    copper = contents.densities[1]
    assert copper[22, 34] / copper[22, 9] == pytest.approx((1 + 0.3 * 0.625 / 0.9) / (1 - 0.3 * 0.625 / 0.9), rel=1e-6)


def test_ten_lines_from_labels(tmp_path):
    assert len(LABELLED.splitlines()) == 10
    np.save(tmp_path / "volume.npy", np.random.default_rng(1).integers(0, 3, (3, 60, 60)).astype(np.uint8))
    for name, source in (("nickel", "nickel"), ("oxide", "alpha-alumina")):
        (tmp_path / f"{name}.cif").write_text((LIBRARY / f"{source}.cif").read_text())
    (tmp_path / "own.toml").write_text(LABELLED)
    sample = load(str(tmp_path / "own.toml")).phantom
    amounts = sample.truth(41, 0.05).phase_amount.sum(("x", "y"))
    assert (amounts > 0).all()


def test_a_class_of_the_users_own():
    names = {}
    exec(compile(PYTHON, "docs/samples.md", "exec"), names)
    assert names["scan"].intensity.sum() > 0
    truth = names["Wire"]().truth(16, 0.05)
    nickel = names["Wire"].structures[0].number_density_per_a3
    total = float(truth.phase_amount.sum()) * 0.05**2
    assert total == pytest.approx(np.pi * 0.2**2 * nickel, rel=0.02)
