"""Named experiments beside the paper's: data in ``scenarios.toml``, each a preset with few keys changed."""

import re
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from tsct.records.errors import UsageError, nearest
from tsct.simulate.beamline import COMMON

#: the experiment that every scenario changes, and the one that faults are added to
BASE, PERFECT = "wragg2023", "perfect"
#: scenarios of one fault each are called after it
FAULT_PREFIX = "fault-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One named experiment.

    Parameters
    ----------
    name, title, question : str
        What it is called, what it is, and what is asked of it.
    matters : tuple of str
        Checks that it is there for.
    fails : tuple of str
        Checks of the chain that must not pass with ``--quick`` and the preset's seed; all others must.
    base : str
        The scenario whose verdicts it is compared with.
    changes : mapping
        Keys of the experiment that differ from the preset, as nested tables.
    """

    name: str
    title: str
    question: str
    matters: tuple[str, ...]
    fails: tuple[str, ...]
    base: str = BASE
    changes: Mapping[str, Any] = field(default_factory=dict)


@cache
def scenarios() -> Mapping[str, Scenario]:
    """All scenarios by name, in the order of the table: the paper's, its variations, and each fault alone."""
    table = tomllib.loads(files("tsct.apps.run").joinpath("presets", "scenarios.toml").read_text(encoding="utf-8"))
    of_faults = table.pop("faults")
    named = [_named(name, row) for name, row in table.items()]
    alone = [_fault(name, size, of_faults.get(name, {})) for name, size in COMMON.items()]
    return {scenario.name: scenario for scenario in (*named, *alone)}


def _named(name: str, row: Mapping[str, Any]) -> Scenario:
    changes = deepcopy(row.get("set", {}))
    if row.get("faults") == "none":
        changes = merged(changes, _faults({}))
    texts = {key: row[key] for key in ("title", "question")}
    return Scenario(
        name=name,
        matters=tuple(row["matters"]),
        fails=_fails(name, row),
        base=row.get("base", BASE),
        changes=changes,
        **texts,
    )


def _fails(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """What must fail; a scenario says that, or that it passes."""
    if (row.get("passes") is True) == bool(row.get("fails")):
        raise ValueError(f"scenarios.toml: '{name}' must state either passes = true or fails = [...]")
    return tuple(row.get("fails", ()))


def _fault(name: str, size: float, row: Mapping[str, Any]) -> Scenario:
    return Scenario(
        name=FAULT_PREFIX + re.sub(r"_(mm|deg)$", "", name).replace("_", "-"),
        title=f"one fault alone: {name} = {size:g}",
        question="Which checks feel it, beside a beamline without faults?",
        matters=tuple(row.get("matters", ())),
        fails=_fails(name, row),
        base=PERFECT,
        changes=_faults({name: size}),
    )


def _faults(sizes: Mapping[str, float]) -> dict[str, Any]:
    return {"beamline": {"faults": dict.fromkeys(COMMON, 0.0) | dict(sizes)}}


def merged(table: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A nested table with some of its keys changed."""
    result = dict(table)
    for key, value in changes.items():
        inner = result.get(key, {})
        result[key] = merged(inner, value) if isinstance(value, Mapping) and isinstance(inner, Mapping) else value
    return result


def chosen(name: str) -> tuple[Scenario, ...]:
    """The scenarios behind a name: one, several (``a,b``), or ``all``.

    Raises
    ------
    UsageError
        For an unknown name.
    """
    known = scenarios()
    names = list(known) if name == "all" else [part.strip() for part in name.split(",")]
    for part in names:
        if part not in known:
            raise UsageError(f"unknown scenario '{part}'{nearest(part, known)}; known are all, {', '.join(known)}")
    return tuple(known[part] for part in dict.fromkeys(names))
