"""TOML as tables, and records made of them: every key, type and choice is checked, and what is wrong is named."""

import tomllib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import is_dataclass
from importlib.resources import files
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from tsct.records.errors import InputError, TsctError, TsctWarning, UsageError, nearest
from tsct.records.json_schema import needed
from tsct.records.paths import must_exist
from tsct.records.toml import MOST_BYTES, MOST_LEVELS, as_toml, parse_toml, read_toml

from .scenario_list import BASE, merged, scenarios

T = TypeVar("T")
PRESETS = ("wragg2023", "capillary", "standard", "pouch", "bismuth-vanadate", "hard-carbon")
#: a key that stands in more sections than this is no slip of one section
MOST_PLACES = 3
#: sections of the cell of Wragg et al., which a sample of its own replaces
OF_THE_CELL = ("cell", "texture", "electrode", "structures")


def read_table(source: str) -> tuple[dict[str, Any], Path]:
    """Parsed TOML of a preset, scenario or file, and the folder that its relative paths refer to."""
    if source in PRESETS:
        return tomllib.loads(preset_text(source)), Path()
    if source in scenarios():
        return merged(tomllib.loads(preset_text(BASE)), {"name": source, **scenarios()[source].changes}), Path()
    path = Path(source)
    if path.is_dir():
        raise InputError(f"{source} is a folder; give an experiment file, such as {path / 'experiment.toml'}")
    if path.suffix != ".toml":
        if path.suffix or len(path.parts) > 1:
            must_exist(path)
            raise UsageError(f"{source}: an experiment is a .toml file or a preset")
        known = tuple(dict.fromkeys((*PRESETS, *scenarios())))
        raise UsageError(
            f"unknown preset '{source}'{nearest(source, known)}; known are {', '.join(known)}, or give a .toml file"
        )
    return read_toml(path), path.parent


def preset_text(name: str) -> str:
    """The commented TOML of a preset."""
    if name not in PRESETS:
        raise UsageError(f"unknown preset '{name}'{nearest(name, PRESETS)}; known are {', '.join(PRESETS)}")
    return files("tsct.apps.run").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")


def preset_titles() -> dict[str, str]:
    """What each preset is, in one line: the first of its file."""
    return {name: preset_text(name).partition("\n")[0].removeprefix("# ") for name in PRESETS}


def read_experiment(source: str) -> tuple[dict[str, Any], Path]:
    """As :func:`read_table`, with all that is not written there as the preset has it."""
    table, folder = read_table(source)
    if not table:
        warnings.warn(f"{source} says nothing: every key is as in {BASE}", TsctWarning, stacklevel=2)
    base = tomllib.loads(preset_text(BASE))
    if "sample" in table:
        for name in OF_THE_CELL:
            if name in table:
                raise UsageError(f"{source}: [{name}] belongs to the cell of {BASE}; a [sample] replaces it")
        # one slice in one state, and no region that was chosen for another sample
        base = {**base, "slices": {"z_mm": [0.0], "height_mm": 0.025}}
        base["analysis"] = {key: value for key, value in base["analysis"].items() if key != "roi"}
    return merged(base, table), folder


def override(table: dict[str, Any], change: str) -> None:
    """Change one key of a nested table in place, as ``section.key=value`` with the value in TOML syntax says.

    One of a list of sections goes by its name or number: ``sample.phase.ceria.packing=0.5``,
    ``sample.solid.0.shape=...``.
    """
    key, equals, text = change.partition("=")
    if not equals or not key.strip() or key.count(".") > MOST_LEVELS:
        raise UsageError(f"--set {_short(change)}: write it as section.key=value")
    if len(text) > MOST_BYTES:
        raise InputError(f"--set {key}: {len(text)} characters; at most {MOST_BYTES} are read")
    try:
        value = parse_toml(f"value = {text}", "--set")["value"]
    except InputError:
        value = text
    *sections, last = key.strip().split(".")
    inside: Any = table
    for section in sections:
        inside = _entered(inside, section, change)
    if isinstance(inside, list):
        raise UsageError(f"--set {_short(change)}: '{sections[-1]}' is a list; add which one ({_members(inside)})")
    inside[last] = value


def _entered(table: Any, section: str, change: str) -> Any:
    """The section of a table, or the one of that name or number of a list of sections."""
    if isinstance(table, list):
        known = {str(place): row for place, row in enumerate(table)}
        known |= {str(row["name"]): row for row in table if "name" in row}
        if section not in known:
            raise UsageError(f"--set {_short(change)}: no '{section}' in the list; it has {_members(table)}")
        return known[section]
    inside = table.setdefault(section, {})
    if isinstance(inside, dict) or (isinstance(inside, list) and inside and isinstance(inside[0], dict)):
        return inside
    raise UsageError(f"--set {_short(change)}: '{section}' is not a section")


def _members(rows: list[dict[str, Any]]) -> str:
    return ", ".join(str(row.get("name", place)) for place, row in enumerate(rows))


def build(cls: type[T], table: Mapping[str, Any], source: str, where: str = "", whole: type | None = None) -> T:
    """Make a frozen record from a parsed table, refusing unknown keys and wrong types.

    Parameters
    ----------
    cls : type
        A dataclass; where it has a class method ``from_values`` (of a mapping) and a static method ``hints``, these are
        what makes it and the types of its keys.
    table : mapping
        Parsed TOML.
    source, where : str
        The file and, with a full stop at its end, the section; errors begin with them.
    whole : type, optional
        The record of the whole file, in which an unknown key is looked for; `cls` if omitted.

    Raises
    ------
    UsageError
        For an unknown key or choice, naming the nearest valid one.
    InputError
        For a value of the wrong type or out of range.
    """
    record: Any = cls
    hints, whole = _hints(record), whole or cls
    values: dict[str, Any] = {}
    for key, value in table.items():
        path = f"{where}{key}"
        if key not in hints:
            close = _elsewhere(key, whole) or nearest(key, hints) or f"; allowed are {', '.join(hints)}"
            raise UsageError(f"{source}: unknown key '{path}'{close}")
        if records := _records(hints[key]):
            if not isinstance(value, dict):
                raise UsageError(f"{source}: '{path}' is a section, found {_short(value)}")
            values[key] = _one(records, value, source, path, whole)
        elif rows := _records(_of_rows(hints[key])):
            if not isinstance(value, list | tuple) or not all(isinstance(row, dict) for row in value):
                raise UsageError(f"{source}: '{path}' is a list of sections, [[{path}]], found {_short(value)}")
            values[key] = tuple(_one(rows, row, source, f"{path}[{i}]", whole) for i, row in enumerate(value))
        elif of_choice := _record_or_text(hints[key]):
            values[key] = _text_or_record(of_choice, hints[key], value, source, path)
        else:
            values[key] = _checked(hints[key], value, f"{source}: {path}")
    section = f"{source}: [{where.rstrip('.')}]" if where else source
    if not hasattr(record, "from_values") and (missing := [key for key in needed(record) if key not in values]):
        raise UsageError(f"{section} lacks {', '.join(missing)}; allowed are {', '.join(hints)}")
    with located(section):
        return record.from_values(values) if hasattr(record, "from_values") else record(**values)


def _hints(record: Any) -> dict[str, Any]:
    """Types of the keys of a section."""
    return record.hints() if hasattr(record, "hints") else get_type_hints(record)


def _elsewhere(key: str, whole: Any) -> str:
    """Where a key that one section lacks stands in the others; empty if nowhere."""
    found = [place for place in _places(whole) if place.rpartition(".")[2] == key]
    return f"; did you mean {' or '.join(repr(place) for place in found)}?" if 0 < len(found) <= MOST_PLACES else ""


def _places(record: Any, where: str = "") -> Iterator[str]:
    """Dotted names of all keys, but those of lists of sections."""
    for key, hint in _hints(record).items():
        yield f"{where}{key}"
        for inner in _records(hint):
            yield from _places(inner, f"{where}{key}.")


def _record_or_text(hint: Any) -> type | None:
    """The record of a hint that allows a text in its place."""
    return next((part for part in get_args(hint) if isinstance(part, type) and is_dataclass(part)), None)


def _text_or_record(record: type, hint: Any, value: Any, source: str, path: str) -> Any:
    """A record from a table, a text as it is, and a list of both where `hint` allows a tuple."""
    if isinstance(value, dict):
        return build(record, value, source, f"{path}.")
    if isinstance(value, list) and any(get_origin(part) is tuple for part in get_args(hint)):
        return tuple(_text_or_record(record, str, one, source, f"{path}[{i}]") for i, one in enumerate(value))
    return _checked(str, value, f"{source}: {path}")


def _records(hint: Any) -> tuple[type, ...]:
    """The records that a hint allows: one, or several that a key tells apart; none for anything else."""
    kinds = tuple(kind for kind in get_args(hint) if kind is not NoneType) if _is_union(hint) else (hint,)
    return kinds if kinds and all(is_dataclass(kind) for kind in kinds) else ()


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)


def _of_rows(hint: Any) -> Any:
    """What a hint for a tuple of any length holds."""
    args = get_args(hint)
    return args[0] if get_origin(hint) is tuple and len(args) == 2 and args[1] is Ellipsis else None


def _one(records: tuple[type, ...], value: Mapping[str, Any], source: str, path: str, whole: type) -> Any:
    """The record that a table describes; its key ``shape`` says which, where there are several."""
    if len(records) == 1:
        return build(records[0], value, source, f"{path}.", whole)
    by_shape = {get_args(get_type_hints(record)["shape"])[0]: record for record in records}
    shape = value.get("shape")
    if shape not in by_shape:
        close = nearest(str(shape), tuple(by_shape)) if shape else ""
        now = "missing" if shape is None else _short(shape)
        raise UsageError(f"{source}: '{path}.shape' is {now}{close}; allowed are {', '.join(by_shape)}")
    return build(by_shape[shape], value, source, f"{path}.", whole)


@contextmanager
def located(where: str) -> Iterator[None]:
    """Errors of what happens inside begin with the file, and the section, that they come from."""
    try:
        yield
    except TsctError as error:
        raise type(error)(f"{where}: {error}") from None
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def _checked(hint: Any, value: Any, where: str) -> Any:
    try:
        return TypeAdapter(hint, config={"allow_inf_nan": False}).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "literal_error" and isinstance(value, str):
            allowed = get_args(hint)
            raise UsageError(
                f"{where} is '{value}'{nearest(value, allowed)}; allowed are {', '.join(allowed)}"
            ) from None
        at = "".join(f"[{part}]" for part in first["loc"] if isinstance(part, int))
        wanted = "a finite number" if first["type"] == "finite_number" else in_words(hint)
        raise InputError(f"{where}{at} is {_short(first['input'])}; write {wanted}") from None


def in_words(hint: Any) -> str:
    """What a key takes, as one would write it in TOML.

    >>> in_words(tuple[float, ...]), in_words(int | None), in_words(tuple[float, float])
    ('a list of numbers such as [0.5, 0.4]', 'a whole number', 'a list of 2 numbers such as [0.5, 0.4]')
    """
    args = [part for part in get_args(hint) if part is not NoneType]
    if _is_union(hint):
        return " or ".join(map(in_words, args))
    if get_origin(hint) is tuple:
        one = in_words(args[0]).removeprefix("a ")
        number = "" if Ellipsis in args else f"{len(args)} "
        example = {"number": "numbers such as [0.5, 0.4]", "whole number": "whole numbers such as [2, 3]"}
        return f"a list of {number}{example.get(one, f'items, each {one}')}"
    if get_origin(hint) is not None:
        return "a table such as { a = 0.1 }"
    return {bool: "true or false", int: "a whole number", float: "a number", str: 'text in "quotes"'}.get(
        hint, str(hint)
    )


def _short(value: Any) -> str:
    text = as_toml(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
