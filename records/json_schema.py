"""JSON schemas of frozen records, by which editors complete and check the keys of TOML files.

Draft 7, which the language servers of TOML read.
"""

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

DIALECT = "http://json-schema.org/draft-07/schema#"
#: one entry of a section of a numpydoc docstring: names, type, indented text
_ENTRY = re.compile(r"^(\w+(?:, \w+)*) : .*\n((?: {4}.*\n?|\n)+)", re.MULTILINE)


def record_schema(record: type, *, complete: bool = True) -> dict[str, Any]:
    """Schema of the table that makes a record.

    Parameters
    ----------
    record : type
        A dataclass. Where it has a static method ``hints``, this gives the types of its keys, and ``records`` the
        dataclasses whose docstrings and defaults describe them.
    complete : bool
        Whether keys without a default must be there; not so where something else fills in what is missing.

    Returns
    -------
    dict
        JSON schema of an object. Descriptions are those of the docstrings.
    """
    # the key `shape` tells several records apart, so that its default does not make up for it
    parts: Any = record
    hints = parts.hints() if hasattr(parts, "hints") else get_type_hints(record)
    described = parts.records() if hasattr(parts, "records") else (record,)
    texts = {name: text for one in described for name, text in descriptions(one).items()}
    defaults = {name: value for one in described for name, value in _defaults(one).items()}
    properties = {}
    for name, hint in hints.items():
        properties[name] = {**value_schema(hint), **({"description": texts[name]} if name in texts else {})}
        if name in defaults:
            properties[name]["default"] = defaults[name]
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    without = {name for one in described for name in needed(one)} - set(defaults)
    if complete and (required := [name for name in hints if name == "shape" or name in without]):
        schema["required"] = required
    return schema


def value_schema(hint: Any) -> dict[str, Any]:
    """Schema of the TOML value of a type hint: records, lists and tuples of anything, choices, numbers, texts."""
    if isinstance(hint, type) and is_dataclass(hint):
        return record_schema(hint)
    if get_origin(hint) in (Union, UnionType):
        # TOML has no null: what is optional is left out
        kinds = [value_schema(kind) for kind in get_args(hint) if kind is not NoneType]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    args = get_args(hint)
    if get_origin(hint) is tuple and args[-1:] == (Ellipsis,):
        return {"type": "array", "items": value_schema(args[0])}
    if get_origin(hint) is tuple:
        each = [value_schema(one) for one in args]
        return {"type": "array", "items": each, "minItems": len(each), "maxItems": len(each)}
    if isinstance(get_origin(hint), type) and issubclass(get_origin(hint), Mapping):
        return {"type": "object", "additionalProperties": value_schema(args[1])}
    return {} if hint is Any else TypeAdapter(hint).json_schema()


def descriptions(record: type) -> dict[str, str]:
    """What the docstrings of a record and of its bases say of each field, in one line each."""
    found: dict[str, str] = {}
    for one in reversed(record.__mro__[:-1]):
        for names, text in _ENTRY.findall(inspect.cleandoc(one.__doc__ or "") + "\n"):
            found |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return found


def _defaults(record: type) -> dict[str, Any]:
    """Those that JSON can hold."""
    found = {}
    for item in fields(record):
        if item.default is not MISSING and item.default is not None:
            try:
                found[item.name] = json.loads(json.dumps(item.default))
            except TypeError:
                continue
    return found


def needed(record: Any) -> list[str]:
    """Names of the fields of a dataclass that have no default."""
    return [item.name for item in fields(record) if item.default is MISSING and item.default_factory is MISSING]
