"""The section [sample]: presets, overrides of lists, and what is refused before any work, in one line."""

import sys

import numpy as np
import pytest

from tsct.apps.run.experiment import load
from tsct.apps.run.settings import dump
from tsct.apps.run.toml_tables import PRESETS, preset_text
from tsct.records.errors import InputError, UsageError

from ..small import LABELS, SOLID

PAINTED = ("capillary", "standard")
SAMPLE = """
[[sample.phase]]
name = "nickel"
structure = "nickel"
[[sample.phase]]
name = "alumina"
structure = "alpha-alumina"
"""
SCAN = """
[beamline.scan]
translations = 21
step_mm = 0.1
"""


@pytest.fixture
def loaded(tmp_path):
    """Loads an experiment from the text of its file, which lies beside a volume of three labels, 1 x 1 x 0.1 mm."""
    np.save(tmp_path / "volume.npy", np.random.default_rng(2).integers(0, 3, (5, 50, 50)).astype(np.uint8))

    def load_text(text):
        (tmp_path / "own.toml").write_text('name = "own"\n' + text + SCAN)
        return load(str(tmp_path / "own.toml"))

    return load_text


@pytest.mark.parametrize("name", PAINTED)
def test_presets_are_the_samples_that_they_describe(name):
    experiment = load(name)
    sample, scan = experiment.phantom, experiment.beamline.scan
    assert experiment.settings.name == name
    assert sample.extent_mm < scan.extent_mm
    # the region lies inside what is called the sample
    inner = next(solid for solid in experiment.settings.sample.solid if solid.sample)
    assert experiment.recipe.roi.radius_voxels * scan.step_mm < inner.radius_mm
    assert sum(sample.nominal_composition.values()) == pytest.approx(1.0)


def test_the_capillary_holds_an_egg_shell_of_five_weight_per_cent_that_expands():
    sample = load("capillary").phantom
    truth = sample.truth(45, 0.05)
    palladium = truth.phase_amount.sel(phase_name="palladium").isel(slice=1)
    x = (np.arange(45) - 22) * 0.05
    rho = np.hypot(*np.meshgrid(x, x))
    rim, axis = (
        float(palladium[0].values[(rho > low) & (rho < high)].mean()) for low, high in ((0.65, 0.75), (-1, 0.1))
    )
    assert rim / axis > 3
    masses = {}
    for phase, mass in (("palladium", 106.42), ("alumina", 101.96 / 5)):
        masses[phase] = mass * float(truth.phase_amount.sel(phase_name=phase)[0, 1].sum())
    assert masses["palladium"] / sum(masses.values()) == pytest.approx(0.05, abs=0.002)
    # atoms are kept while they move apart
    sums = palladium.sum(("y", "x")).values
    assert sums == pytest.approx(np.full(6, sums[0]), rel=1e-9)


def test_the_standard_has_equal_masses():
    composition = load("standard").phantom.nominal_composition
    ceria = composition["Ce"] * 140.116 + composition["O"] * 15.999
    assert ceria == pytest.approx(composition["Ni"] * 58.693, rel=0.01)


@pytest.mark.parametrize("name", PAINTED)
def test_what_is_written_of_a_preset_is_read_again(name, tmp_path):
    settings = load(name).settings
    (tmp_path / "again.toml").write_text(dump(settings))
    assert load(str(tmp_path / "again.toml")).settings == settings


def test_the_list_of_presets_has_a_line_each(tsct):
    code, out, _ = tsct("init", "--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(PRESETS)
    for name in PRESETS:
        assert tsct("init", name)[1] == preset_text(name)


def test_lists_of_sections_are_overridden_by_name_or_number():
    experiment = load(
        "capillary",
        overrides=(
            "sample.phase.palladium.crystallite_nm=6",
            "analysis.phase.palladium.crystallite_nm=6",
            "sample.solid.1.fill.alumina=0.3",
            "sample.change.1.phase='palladium'",
            "sample.solid.body.texture.0.amplitude=0.5",
        ),
    )
    sample = experiment.settings.sample
    assert sample.phase[2].crystallite_nm == 6
    assert sample.solid[1].fill == {"alumina": 0.3, "palladium": 0.0072}
    assert sample.change[1].phase == "palladium"
    assert sample.solid[1].texture[0].amplitude == 0.5
    with pytest.raises(UsageError, match="no 'gold' in the list; it has silica, alumina, palladium"):
        load("capillary", overrides=("sample.phase.gold.packing=1",))
    with pytest.raises(UsageError, match=r"'phase' is a list; add which one \(silica, alumina, palladium\)"):
        load("capillary", overrides=("sample.phase.name='x'",))


BAD = {
    "too full": (
        SAMPLE + SOLID.replace("0.3", "0.9"),
        InputError,
        r"own.toml: \[sample.solid\[0\]\]: .*'bed'.* not 1.1",
    ),
    "textured too full": (
        SAMPLE + SOLID.replace("0.3 }", "0.7 }\ntexture = [{ kind = 'radial', amplitude = 0.5 }]"),
        InputError,
        r"'bed': its texture makes the fill 1.3",
    ),
    "no entry": (SAMPLE + LABELS.replace("2 =", "3 ="), InputError, r"holds label 2; \[sample.labels.fills\] needs"),
    "axis": (SAMPLE + SOLID + "[states]\naxis = 'heat'\nvalues = [1.0]\n", UsageError, "a name with its unit"),
    "axis alone": (SAMPLE + SOLID + "[states]\naxis = 'time_s'\n", UsageError, "axis and values need each other"),
    "change": (
        SAMPLE + SOLID + "[[sample.change]]\nphase = 'nickle'\nkind = 'growth'\ncurve = [[0, 0]]\n",
        UsageError,
        "sample.change: no phase 'nickle'; did you mean 'nickel'",
    ),
    "growth": (
        SAMPLE
        + SOLID
        + "[[sample.change]]\nphase = 'nickel'\nkind = 'growth'\ncurve = [[0, 9]]\ndisplaces = 'alumina'\n",
        InputError,
        "state 0: alumina gives way to more than there is",
    ),
    "small volume": (
        SAMPLE + LABELS.replace("0.02", "0.0002"),
        InputError,
        "the volume is 0.01 x 0.01 x 0.001 mm .* less than one voxel of the scan, 0.1 mm",
    ),
    "large volume": (
        SAMPLE + LABELS.replace("0.02", "20.0"),
        InputError,
        r"the volume is 1e\+03 x 1e\+03 x 100 mm .* far outside the field of view of 2.1 mm",
    ),
    "volume elsewhere": (
        SAMPLE + LABELS.replace("0.02", "0.02\ncentre_mm = [9.0, 0.0, 0.0]"),
        InputError,
        "far outside the field of view of 2.1 mm",
    ),
    "volume above": (
        SAMPLE + LABELS.replace("0.02", "0.02\ncentre_mm = [0.0, 0.0, 5.0]"),
        InputError,
        "from 4.95 to 5.05 mm in height, where no slice is",
    ),
    "shape": (
        SAMPLE + SOLID.replace("cylinder", "cilinder"),
        UsageError,
        r"""sample.solid\[0\].shape' is "cilinder"; did""",
    ),
    "nested key": (
        SAMPLE + SOLID.replace("0.3 }", "0.3 }\ntexture = [{ kind = 'radial', amplitud = 0.5 }]"),
        UsageError,
        r"unknown key 'sample.solid\[0\].texture\[0\].amplitud'; did you mean 'amplitude'",
    ),
    "no volume": (SAMPLE + LABELS.replace("volume", "volumen"), InputError, "no file .*volumen.npy"),
    "no structure": (SAMPLE.replace('re = "nickel"', 're = "none.cif"') + SOLID, InputError, r"'nickel'.*none\.cif"),
    "no density": (
        SAMPLE.replace('re = "nickel"', 're = "cluster.xyz"') + SOLID,
        InputError,
        "sample.phase 'nickel'.*density is unknown; give density_g_cm3",
    ),
    "crystallite": (
        SAMPLE.replace('re = "nickel"', 're = "nickel"\ncrystallite_nm = 500') + SOLID,
        InputError,
        "crystallite_nm is 500; allowed are 1 to 50",
    ),
    "crystallite in a glass": (
        SAMPLE.replace('re = "nickel"', 're = "silica-glass"\ncrystallite_nm = 5') + SOLID,
        InputError,
        "sample.phase 'nickel': the crystallite is 5 nm wide but the box, which repeats itself, 2.14 nm",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.filterwarnings("ignore::tsct.records.errors.TsctWarning")
def test_what_is_wrong_is_refused_in_one_line_before_any_work(loaded, tmp_path, name):
    text, error, words = BAD[name]
    (tmp_path / "cluster.xyz").write_text("2\n\nNi 0 0 0\nNi 2.5 0 0\n")
    with pytest.raises(error, match=words) as caught:
        loaded(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("ending", "module"), [("tif", "tifffile"), ("nrrd", "SimpleITK"), ("mha", "SimpleITK")])
def test_a_missing_extra_is_named_with_the_line_that_installs_it(loaded, tmp_path, monkeypatch, ending, module):
    (tmp_path / f"volume.{ending}").write_bytes(b"anything")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=rf"needs {module}: pip install 'tsct\[volumes\]'"):
        loaded(SAMPLE + LABELS.replace("npy", ending))


def test_a_label_volume_and_two_structures_are_a_sample(loaded):
    experiment = loaded(SAMPLE + LABELS)
    contents = experiment.phantom.contents(0, 0, 2.1, 21)
    assert {part.phase for part in contents.parts} == {"nickel", "alumina"}
    assert set(experiment.phantom.nominal_composition) == {"Ni", "Al", "O"}
