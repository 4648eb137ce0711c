"""The gate's own error rates: planted defects that it sees, and good chains that it refuses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import beta

from tsct.validation.gate import small_case
from tsct.validation.score import GATE, Scores, current_id, score

from .plain_chain import plain_chain
from .planted_defects import DEFECTS

#: of the limits on a rate
CONFIDENCE = 0.95
#: values of the checks that ran; nothing where one cannot be decided
Values = Mapping[str, float | None]


def seed_values(seed: int, *, damaged: bool = True) -> dict[str, Any]:
    """What the gate says of the good chain and, if wanted, of every damaged one on one sample and one draw of noise.

    Returns
    -------
    dict
        ``seed``; ``clean``, the values of all checks of the good chain that ran; ``defects``, the same for each
        damaged chain. A value that cannot be decided is nothing. Verdicts are left to :func:`wrong`, so that the same
        measurement serves any windows.
    """
    case = small_case(seed)
    good = plain_chain(case.scan)
    damaged_chains = DEFECTS if damaged else ()
    return {
        "seed": seed,
        "clean": _values(score(case.truth, good, case.phases, GATE)),
        "defects": {
            defect.name: _values(score(case.truth, defect.chain(case.scan, seed=seed, clean=good), case.phases, GATE))
            for defect in damaged_chains
        },
    }


def _values(scores: Scores) -> Values:
    ran = [outcome for outcome in scores.outcomes if outcome.verdict != "not run"]
    return {o.check.id: None if o.verdict == "inconclusive" else o.measurement.value for o in ran}


def wrong(values: Values) -> list[str]:
    """Ids of the checks that do not pass with these values."""
    windows = {check.id: (check.low, check.high) for check in GATE}
    return [name for name, value in values.items() if value is None or not _inside(value, windows[name])]


def _inside(value: float, window: tuple[float, float]) -> bool:
    return window[0] <= value <= window[1]


def limits(hits: int, tries: int) -> tuple[float, float]:
    """Clopper-Pearson limits on a rate, 95 % two-sided, one-sided where nothing or everything was a hit."""
    if not tries:
        return 0.0, 1.0
    tail = (1 - CONFIDENCE) if hits in (0, tries) else (1 - CONFIDENCE) / 2
    low = beta.ppf(tail, hits, tries - hits + 1) if hits else 0.0
    high = beta.ppf(1 - tail, hits + 1, tries - hits) if hits < tries else 1.0
    return float(low), float(high)


def closest(rows: Sequence[Mapping[str, Any]]) -> tuple[str, float]:
    """The check whose window is nearest to the good chain's values, and its distance in standard deviations of them."""
    distances = {}
    for check in (check for check in GATE if check.normal and check.id in rows[0]["clean"]):
        values = np.array([row["clean"][check.id] for row in rows], dtype=float)
        # an end beyond which no value can lie is no limit
        ends = {check.low, check.high} - set(check.possible)
        away = [abs(values.mean() - end) for end in ends if np.isfinite(end)]
        distances[check.id] = float(min(away) / values.std(ddof=1)) if away and values.std() > 0 else np.inf
    name = min(distances, key=lambda key: distances[key])
    return name, distances[name]


def _renamed(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored row with today's ids of checks, whichever it was stored with."""

    def current(values: Values) -> Values:
        return {current_id(name): value for name, value in values.items()}

    defects = {name: current(values) for name, values in row["defects"].items()}
    return {**row, "clean": current(row["clean"]), "defects": defects}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Detection and false alarms as a table in Markdown."""
    rows = [_renamed(row) for row in rows]
    with_defects = [row for row in rows if row["defects"]]
    lines = ["| planted defect | size | seen | at least (95 %) | checks that see it |", "|---|---|---|---|---|"]
    for defect in DEFECTS:
        seen = [wrong(row["defects"][defect.name]) for row in with_defects if defect.name in row["defects"]]
        hits = sum(bool(names) for names in seen)
        often = Counter(name for names in seen for name in names)
        who = ", ".join(f"`{name}`" for name, count in often.most_common() if count >= 0.95 * len(seen)) or "–"
        note = "" if defect.required else " (not promised)"
        least = limits(hits, len(seen))[0]
        lines.append(f"| {defect.name}{note} | {defect.size} | {hits} of {len(seen)} | {least:.2f} | {who} |")
    alarms = sum(bool(wrong(row["clean"])) for row in rows)
    lines.append(f"| none: a good chain | – | {alarms} of {len(rows)} | below {limits(alarms, len(rows))[1]:.4f} | – |")
    if len(rows) > 2:
        name, distance = closest(rows)
        lines.append(f"\nNearest window of the good chain: `{name}`, {distance:.1f} standard deviations away.")
    return "\n".join(lines)
