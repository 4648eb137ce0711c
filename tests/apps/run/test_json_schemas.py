"""Schemas of the TOML files: what is right is right in them, what is wrong is wrong, and every key is explained."""

import json
import tomllib

import pytest
from jsonschema import Draft7Validator

from tsct.apps.run.json_schemas import SCHEMA_FILE, experiment_schema, mapping_schema
from tsct.apps.run.scenario_list import scenarios
from tsct.apps.run.settings import Settings
from tsct.apps.run.toml_tables import PRESETS, build, read_experiment, read_table
from tsct.records.errors import TsctError

EXPERIMENT = Draft7Validator(experiment_schema())
MAPPING = Draft7Validator(mapping_schema())


@pytest.mark.parametrize("name", [*PRESETS, *scenarios()])
def test_every_preset_and_scenario_is_valid(name):
    assert [error.message for error in EXPERIMENT.iter_errors(read_table(name)[0])] == []


@pytest.mark.parametrize(
    "text",
    [
        "beamline.q_max = 20.0",
        "seeds = 3",
        "[analysis]\nmethod = 'fpb'",
        "[beamline.scan]\nviews = 'many'",
        "[states]\npotentials_v = 0.5",
        "[sample]\nphase = [{ name = 'a' }]",
        "[sample]\nphase = [{ name = 'a', structure = 'nickel' }]\nsolid = [{ shape = 'cone', fill = { a = 0.1 } }]",
        "[sample]\nphase = [{ name = 'a', structure = 'nickel' }]\nsolid = [{ fill = { a = 0.1 }, diameter_mm = 1.0 }]",
        "[analysis]\nphase = [{ name = 'a', shells = [{ a = 'Si', b = 'Si', number = 4 }] }]",
    ],
)
def test_what_tsct_refuses_the_schema_refuses(text):
    table = tomllib.loads(text)
    assert list(EXPERIMENT.iter_errors(table))
    with pytest.raises(TsctError):
        build(Settings, merged_with_preset(table), "text")


def merged_with_preset(table):
    from tsct.apps.run.scenario_list import merged

    return merged(read_experiment("wragg2023")[0], table)


def unexplained(schema, path=""):
    for name, inner in schema.get("properties", {}).items():
        rows = inner.get("items", {})
        section = "properties" in inner or (isinstance(rows, dict) and ("properties" in rows or "anyOf" in rows))
        if not section and "description" not in inner:
            yield path + name
        yield from unexplained(inner, f"{path}{name}.")
    for inner in schema.get("anyOf", ()):
        yield from unexplained(inner, path)
    if isinstance(schema.get("items"), dict):
        yield from unexplained(schema["items"], path)


def test_every_key_of_an_experiment_is_explained():
    assert list(unexplained(EXPERIMENT.schema)) == []


def test_defaults_are_those_of_the_records():
    scan = EXPERIMENT.schema["properties"]["beamline"]["properties"]["scan"]["properties"]
    assert (scan["views"]["default"], scan["views"]["type"]) == (90, "integer")
    assert "passes" in scan["interlace"]["description"]
    method = EXPERIMENT.schema["properties"]["analysis"]["properties"]["method"]
    assert "fbp" in method["enum"] and method["default"] == "fbp"


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("[intensity]\npath = '/a'\ndims = ['angle', 'translation', 'q']\n[attrs]\nenergy_kev = 80.0", True),
        ("files = 'x_*.h5'\nzigzag = 'translation'\n[angle]\nmotor = 'slow'", True),
        ("[drop]\nviews = [25]", True),
        ("[intensities]\npath = '/a'", False),
        ("[intensity]\npaths = '/a'", False),
        ("[attrs]\nenergy_ev = 80000.0", False),
        ("[drop]\nangles = [25]", False),
        ("stack = 3", False),
    ],
)
def test_a_mapping_is_checked_by_its_schema(text, is_valid):
    assert MAPPING.is_valid(tomllib.loads(text)) is is_valid


def test_editors_find_the_schema_of_a_new_experiment(tsct, tmp_path):
    code, _, _ = tsct("init", "standard", "-o", tmp_path / "my.toml")
    assert code == 0
    first = (tmp_path / "my.toml").read_text(encoding="utf-8").partition("\n")[0]
    assert first == f"#:schema ./{SCHEMA_FILE}"
    assert json.loads((tmp_path / SCHEMA_FILE).read_text(encoding="utf-8")) == EXPERIMENT.schema
    # again beside another experiment: the schema is ours to renew
    assert tsct("init", "capillary", "-o", tmp_path / "other.toml")[0] == 0


def test_a_file_of_the_user_under_that_name_is_left_alone(tsct, tmp_path):
    (tmp_path / SCHEMA_FILE).write_text("mine")
    assert tsct("init", "standard", "-o", tmp_path / "my.toml")[0] == 0
    assert (tmp_path / SCHEMA_FILE).read_text() == "mine"
    assert not (tmp_path / "my.toml").read_text(encoding="utf-8").startswith("#:schema")


def test_schemas_are_printed_or_written(tsct, tmp_path):
    assert json.loads(tsct("schema")[1]) == EXPERIMENT.schema
    assert tsct("schema", "mapping", "-o", tmp_path / "m.json")[0] == 0
    assert json.loads((tmp_path / "m.json").read_text(encoding="utf-8")) == MAPPING.schema
    code, _, line = tsct("schema", "mapping", "-o", tmp_path / "m.json")
    assert code == 2 and "m.json" in line
