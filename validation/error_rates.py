"""The gate's own error rates: planted defects that it sees, and good chains that it refuses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import beta

from .gate import small_case
from .plain_chain import plain_chain
from .planted import DEFECTS
from .score import GATE, Scores, score

#: of the limits on a rate
CONFIDENCE = 0.95


def judged_seed(seed: int, *, damaged: bool = True) -> dict[str, Any]:
    """What the gate says of the good chain and, if wanted, of every damaged one on one sample and one draw of noise.

    Returns
    -------
    dict
        ``seed``; ``clean``, the checks that did not pass; ``values`` of all checks of the good chain; ``defects``, for
        each the checks that did not pass.
    """
    case = small_case(seed)
    good = plain_chain(case.scan)
    scores = score(case.truth, good, case.phases, GATE)
    chains = {defect.name: defect.chain(case.scan, seed=seed, clean=good) for defect in DEFECTS} if damaged else {}
    return {
        "seed": seed,
        "clean": wrong(scores),
        "values": {o.check.id: o.measurement.value for o in scores.outcomes if o.verdict != "not run"},
        "defects": {name: wrong(score(case.truth, found, case.phases, GATE)) for name, found in chains.items()},
    }


def wrong(scores: Scores) -> list[str]:
    """Ids of the checks that ran and did not pass."""
    return [outcome.check.id for outcome in scores.outcomes if outcome.verdict in ("fail", "inconclusive")]


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
    windows = {check.id: (check.low, check.high) for check in GATE}
    distances = {}
    for name in rows[0]["values"]:
        values = np.array([row["values"][name] for row in rows])
        ends = [abs(values.mean() - end) for end in windows[name] if np.isfinite(end) and not _bound(name, end)]
        distances[name] = float(min(ends) / values.std(ddof=1)) if ends and values.std() > 0 else np.inf
    name = min(distances, key=lambda key: distances[key])
    return name, distances[name]


def _bound(name: str, end: float) -> bool:
    """Whether a value cannot lie beyond an end of its window: an error below zero, a correlation above one."""
    check = next(check for check in GATE if check.id == name)
    return (end == 0.0 and check.low == 0.0) or (end in (0.5, 1.0) and end == check.high and name[-1] in "1568")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Detection and false alarms as a table in Markdown."""
    with_defects = [row for row in rows if row["defects"]]
    lines = ["| planted defect | size | seen | at least (95 %) | checks that see it |", "|---|---|---|---|---|"]
    for defect in DEFECTS:
        seen = [row["defects"][defect.name] for row in with_defects if defect.name in row["defects"]]
        hits = sum(bool(names) for names in seen)
        often = Counter(name for names in seen for name in names)
        who = ", ".join(name for name, count in often.most_common() if count >= 0.95 * len(seen)) or "–"
        note = "" if defect.required else " (not promised)"
        least = limits(hits, len(seen))[0]
        lines.append(f"| {defect.name}{note} | {defect.size} | {hits} of {len(seen)} | {least:.2f} | {who} |")
    alarms = sum(bool(row["clean"]) for row in rows)
    lines.append(f"| none: a good chain | – | {alarms} of {len(rows)} | below {limits(alarms, len(rows))[1]:.4f} | – |")
    if len(rows) > 2:
        name, distance = closest(rows)
        lines.append(f"\nNearest window of the good chain: {name}, {distance:.1f} standard deviations away.")
    return "\n".join(lines)
