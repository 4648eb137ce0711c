"""An experiment file: every key is declared once, and every default is the preset's or a record's."""

import pickle
import re
from dataclasses import MISSING, fields, is_dataclass
from typing import get_type_hints

import pytest

from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.apps.run.experiment import load
from tsct.apps.run.settings import Analysis, Settings, dump
from tsct.apps.run.toml_tables import read_table
from tsct.phantoms import MATERIALS
from tsct.records.errors import InputError, TsctWarning, UsageError


def declared(record):
    """Fields that a record declares itself, not by inheritance."""
    return {name for name in record.__annotations__ if name in {item.name for item in fields(record)}}


def sections(record, where=""):
    """Every section of a file that is a plain record, by its path."""
    yield where, record
    for key, hint in get_type_hints(record).items():
        if is_dataclass(hint) and hint is not Analysis:
            yield from sections(hint, f"{where}.{key}" if where else key)


def test_every_key_of_the_analysis_is_declared_once():
    """[analysis] is the recipe; a choice that a second record declared could have a second default."""
    owners = [kind for kind in (PdfRecipe, *Recipe.__mro__) if is_dataclass(kind)]
    names = [name for owner in owners for name in declared(owner)]
    assert sorted(names) == sorted({*names})
    # phases and peaks are also written as tables, [[analysis.phase]] and [[analysis.peak]]
    assert {*Analysis.hints()} == {*names, "phase", "peak"} - {"pdf", "peaks"}
    of_the_file = {name for _, record in sections(Settings) for name in declared(record)}
    assert not {"composition", "window", "r_max", "draws", "nonnegative", "phases"} & of_the_file


def test_sections_of_other_rooms_are_their_records():
    """What is declared here exists in no other room; beamline, cell, texture and electrode are the records."""
    own = {where: record for where, record in sections(Settings) if record.__module__.startswith("tsct.apps")}
    assert {*own} == {"", "slices", "states", "structures", "output"}
    for record in own.values():
        # a default would be one beside the preset's
        missing = [item for item in fields(record) if item.default is MISSING and item.default_factory is MISSING]
        assert missing
    assert {item.name for item in fields(own["structures"])} == {"silicon", *MATERIALS}


def test_the_preset_writes_the_defaults_of_the_records():
    """It says so in its first line; the one exception is the reach of G(r), which is written there."""
    table, _ = read_table("wragg2023")
    made = load("wragg2023")
    for where, record in sections(Settings):
        if record.__module__.startswith("tsct.apps"):
            continue
        written = table
        for key in where.split("."):
            written = written[key]
        for item in fields(record):
            if not is_dataclass(item.default_factory):
                assert written[item.name] == (list(item.default) if isinstance(item.default, tuple) else item.default)
    default = Recipe(pdf=PdfRecipe(composition=made.recipe.pdf.composition))
    differing = {item.name for item in fields(Recipe) if getattr(made.recipe, item.name) != getattr(default, item.name)}
    assert differing == {"pdf"}
    of_pdf = {i.name: getattr(made.recipe.pdf, i.name) for i in fields(PdfRecipe)}
    assert {name for name, value in of_pdf.items() if value != getattr(default.pdf, name)} == {"r_max"}
    assert made.recipe.pdf.r_max == 12.0
    assert {phase: made.phantom.materials[phase].name for phase in MATERIALS} == dict(MATERIALS)


def test_what_a_file_leaves_out_is_as_the_preset_has_it(tmp_path):
    (tmp_path / "short.toml").write_text("[analysis]\nq_max = 18.0\n[slices]\nz_mm = [0.05]\n")
    made, preset = load(str(tmp_path / "short.toml")), load("wragg2023")
    assert made.recipe.pdf.q_max == 18.0 and made.recipe.pdf.r_max == preset.recipe.pdf.r_max
    assert made.settings.slices.height_mm == preset.settings.slices.height_mm
    assert made.settings.states == preset.settings.states and made.settings.seed == preset.settings.seed


def test_settings_written_and_read_are_the_same(tmp_path):
    changes = ("analysis.iterations=7", "analysis.method='sirt'", "analysis.composition='Si0.5 C0.5'")
    made = load("wragg2023", overrides=(*changes, "analysis.roi.polygon=[[-9, -9], [9, -9], [0, 12]]"))
    (tmp_path / "again.toml").write_text(dump(made.settings))
    again = load(str(tmp_path / "again.toml"))
    assert again.recipe == made.recipe and dump(again.settings) == dump(made.settings)
    assert made.recipe.iterations == 7 and made.recipe.pdf.composition == pytest.approx({"Si": 0.5, "C": 0.5})
    assert pickle.loads(pickle.dumps(made.settings)) == made.settings


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("analysis.window='lorhc'", "analysis.window is 'lorhc'; did you mean 'lorch'"),
        ("analysis.filter='han'", "analysis.filter is 'han'; did you mean 'hann'"),
        ("analysis.qmax=3", "unknown key 'analysis.qmax'; did you mean 'q_max'"),
        ("analysis.pdf={}", "unknown key 'analysis.pdf'"),
        ("beamline.q_max=20", "unknown key 'beamline.q_max'; did you mean 'beamline.scan.q_max' or 'analysis.q_max'"),
        ("analysis.views=60", "unknown key 'analysis.views'; did you mean 'beamline.scan.views'"),
        ("analysis.roi.x_voxel=3", "unknown key 'analysis.roi.x_voxel'; did you mean 'x_voxels'"),
        ("beamline.scan.fast_axis='rotate'", "beamline.scan.fast_axis is 'rotate'; did you mean 'rotation'"),
    ],
)
def test_unknown_keys_and_choices_name_the_nearest(change, words):
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        load("wragg2023", overrides=[change])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("states.potentials_v=0.5", "states.potentials_v is 0.5; write a list of numbers such as [0.5, 0.4]"),
        ("slices.z_mm=['a']", 'slices.z_mm[0] is "a"; write a list of numbers such as [0.5, 0.4]'),
        ("beamline.detector.beam_mm=[1.0]", "write a list of 2 numbers such as [0.5, 0.4]"),
        ("beamline.scan.views=60.5", "beamline.scan.views is 60.5; write a whole number"),
        ("output.scans='maybe'", 'output.scans is "maybe"; write true or false'),
        ("beamline.energy_kev=nan", "beamline.energy_kev is nan; write a finite number"),
        ("name=3", 'name is 3; write text in "quotes"'),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_how_to_write_it(change, words):
    with pytest.raises(InputError, match=re.escape(words)):
        load("wragg2023", overrides=[change])


def test_a_section_says_which_keys_it_lacks(tmp_path):
    """It has no preset behind it that could fill them in."""
    (tmp_path / "own.toml").write_text("[[sample.phase]]\nname = 'nickel'\n")
    with pytest.raises(UsageError, match=r"own\.toml: \[sample\.phase\[0\]\] lacks structure; allowed are name, "):
        load(str(tmp_path / "own.toml"))


def test_an_empty_file_is_the_preset_and_says_so(tmp_path):
    (tmp_path / "own.toml").write_text("# nothing yet\n")
    with pytest.warns(TsctWarning, match="own.toml says nothing: every key is as in wragg2023"):
        made = load(str(tmp_path / "own.toml"))
    assert made.settings == load("wragg2023").settings
