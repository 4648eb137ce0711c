"""How the scores of two versions of a chain differ, and whether by more than noise."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsct.records.errors import InputError

from .score import SCHEMA, current_id

#: drifts from so many standard errors on are called significant: 0.27 % of them by chance
SIGNIFICANT = 3.0
#: scores have a few hundred bytes a check
MAX_BYTES = 2**24


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One check in two versions.

    Attributes
    ----------
    id, title, unit : str
        Of the check.
    old, new : float
        Values; NaN where there is none.
    before, after : str
        Verdicts.
    sigmas : float
        ``new - old`` in standard errors, NaN where none is known. Of the difference of two independent scans, or of one
        value where both versions analysed the same scan: its noise is in both, so that every difference is the chain's.
    """

    id: str
    title: str
    unit: str
    old: float
    new: float
    before: str
    after: str
    sigmas: float

    @property
    def matters(self) -> bool:
        """Whether the verdict changed, or the value by more than noise explains."""
        return self.before != self.after or abs(self.sigmas) >= SIGNIFICANT

    @property
    def moved(self) -> bool:
        """Whether the value changed at all."""
        return self.old != self.new and not (math.isnan(self.old) and math.isnan(self.new))


def read_scores(path: Path) -> dict[str, Any]:
    """A ``scores.json``, of this version or with the ids of earlier ones, which are replaced.

    Raises
    ------
    InputError
        If it is none, or of a version that is not known.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes; scores have at most {MAX_BYTES}")
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as scores.json ({error})") from None
    rows = document.get("checks") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise InputError(f"{path}: holds no list of checks; give a scores.json that tsct wrote")
    schema = document.get("schema", 1)
    if schema not in (1, SCHEMA) or isinstance(schema, bool):
        raise InputError(f"{path}: has schema {schema!r}, this tsct reads 1 and {SCHEMA}; score the data again")
    return document if schema == SCHEMA else document | {"schema": SCHEMA, "checks": [_renamed(row) for row in rows]}


def _is_row(row: Any) -> bool:
    """Whether this is a check: an id and a verdict, and what else is compared of the kind that it should be."""
    if not isinstance(row, dict) or not {"id", "verdict"} <= row.keys():
        return False
    texts, numbers = (
        (row.get(name, "") for name in ("id", "verdict", "title", "unit")),
        (row.get("value"), row.get("error")),
    )
    return all(isinstance(text, str) for text in texts) and all(map(_is_number, numbers))


def _is_number(value: Any) -> bool:
    """Nothing, or a number that fits a float."""
    try:
        return value is None or (type(value) in (int, float) and isinstance(float(value), float))
    except OverflowError:
        return False


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a file before checks had names: its id becomes the alias."""
    name = str(row["id"])
    return {**row, "id": current_id(name), "alias": name if current_id(name) != name else ""}


def drifts(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Drift]:
    """Compare two documents of ``scores.json``, check by check, in the order of the new one.

    Checks that only one of them holds count as ``not run`` in the other.
    """
    before = {row["id"]: row for row in old["checks"]}
    after = {row["id"]: row for row in new["checks"]}
    same = same_data(old, new)
    ids = [*after, *(name for name in before if name not in after)]
    return [_drift(before.get(name, {}), after.get(name, {}), same) for name in ids]


def same_data(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether both versions analysed the same scan: the same experiment and seed."""
    return old.get("seed") is not None and all(old.get(name) == new.get(name) for name in ("experiment", "seed"))


def _drift(old: Mapping[str, Any], new: Mapping[str, Any], same: bool) -> Drift:
    known = new or old
    values, errors = ([_float(row.get(name)) for row in (old, new)] for name in ("value", "error"))
    scale = errors[1] if same else math.hypot(*errors)
    change = values[1] - values[0]
    return Drift(
        id=str(known["id"]),
        title=str(known.get("title", "")),
        unit=str(known.get("unit", "")),
        old=values[0],
        new=values[1],
        before=str(old.get("verdict", "not run")),
        after=str(new.get("verdict", "not run")),
        sigmas=change / scale if scale > 0 else math.nan,
    )


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
