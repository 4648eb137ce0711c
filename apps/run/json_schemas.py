"""JSON schemas of the TOML files that users write, for editors: an experiment, and a mapping of their own files."""

import json
from pathlib import Path
from typing import Any, get_type_hints

from tsct.analyze.readers import DROPPED, SCAN_ATTRS, SCAN_NAMES, Assembly
from tsct.records.io import Entry, write_text
from tsct.records.json_schema import DIALECT, descriptions, record_schema, value_schema

from .settings import Settings

#: name of the schema that `tsct init` puts beside an experiment
SCHEMA_FILE = "tsct-experiment.schema.json"
#: first line of a TOML file, by which editors find its schema
DIRECTIVE = f"#:schema ./{SCHEMA_FILE}\n"


def experiment_schema() -> dict[str, Any]:
    """Schema of an experiment; no section and no key of one must be there, since the preset fills them in.

    A list of sections, such as ``[[sample.phase]]``, has no preset behind it, so that its keys without default are
    needed.
    """
    hints, texts = get_type_hints(Settings), descriptions(Settings)
    properties = {}
    for name, hint in hints.items():
        section = value_schema(hint) if isinstance(hint, type) and hint in (str, int) else _section(hint)
        properties[name] = {**section, **({"description": texts[name]} if name in texts else {})}
    return _whole("Experiment of tsct", properties)


def mapping_schema() -> dict[str, Any]:
    """Schema of a mapping, which says where the quantities of a scan are in a file of another layout."""
    entry = record_schema(Entry)
    entry["properties"]["motor"] = {"type": "string", "description": "Name of the motor of an axis, in known layouts."}
    applied = {name: {"type": "boolean"} for name in SCAN_ATTRS if name.endswith("_applied")}
    drop = {
        "type": "object",
        "properties": {name: {"type": "array"} for name in DROPPED},
        "additionalProperties": False,
    }
    properties = {
        **dict.fromkeys(SCAN_NAMES, entry),
        **record_schema(Assembly)["properties"],
        "drop": {**drop, "description": "What is left out, by numbers from 0 in the order of the scan as it is read."},
        "attrs": {
            "type": "object",
            "properties": {**{name: {} for name in SCAN_ATTRS}, **applied, "wavelength_m": {"type": "number"}},
            "additionalProperties": False,
            "description": "What the file does not say.",
        },
    }
    return _whole("Mapping of tsct analyze", properties)


def as_text(schema: dict[str, Any]) -> str:
    """A schema as a file holds it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def write_schema(folder: Path) -> bool:
    """Put the schema of experiments into a folder and say whether it is there; another file of its name stays."""
    path, schema = folder / SCHEMA_FILE, experiment_schema()
    if path.exists() or path.is_symlink():
        try:
            ours = json.loads(path.read_text(encoding="utf-8"))["title"] == schema["title"]
        except (OSError, ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            return False
    write_text(path, as_text(schema))
    return True


def _section(hint: Any) -> dict[str, Any]:
    """Of one record, or of the one of an optional section."""
    record = next(iter(getattr(hint, "__args__", (hint,))))
    return record_schema(record, complete=False)


def _whole(title: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "title": title,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
