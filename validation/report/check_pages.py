"""Every check in words: the page that docs/checks.md is made of."""

from collections.abc import Sequence

from tsct.validation.evidence.check import Check
from tsct.validation.score import CHECKS
from tsct.validation.statistics.numbers import prose, window

ABOUT = {
    "chain": "Holds any chain to the truth; part of the gate.",
    "paper": "Holds sample, scan and chain together to what was published; a perfect chain can miss it.",
}
#: how the power of a check is known
POWER = {True: "measured", False: "estimated"}
_HEAD = """# Checks

Each check is one number, the window in which it must fall, and a reason. A value that is not a number is
*inconclusive*, a check that does not apply is *not run*; neither passes. *Power* names a defect that is found with
probability 0.999: *measured* with the planted defects of [the gate](gate.md#the-gate-tested), or *estimated* as the
width of the window plus three times the scatter that the twin's values have in it. Windows in standard errors are
derived: a run of the gate shall refuse a good chain with a chance of at most 1e-3, which up to 50 checks share
equally. All others are tolerances, far wider than the scatter of a good chain; where nothing but a choice stands
behind one, it says so. Windows are never widened to pass: where the sample itself misses the window of a paper, a
second check holds the same reading to the noise-free truth, and the report says so.

This page is made from the checks themselves (`python examples/write_checks_page.py`).
"""


def anchor(check: Check) -> str:
    """Name of the place on the page, such as ``a5c``."""
    return check.id.lower()


def checks_page(checks: Sequence[Check] = CHECKS) -> str:
    """All checks as Markdown: a table to find one, then a paragraph for each."""
    table = "\n".join(["| id | check | window | about |", "|---|---|---|---|", *map(_row, checks)])
    return "\n".join([_HEAD, table, "", *(explanation(check) for check in checks)])


def _row(check: Check) -> str:
    allowed = window(check.low, check.high, check.unit)
    return f"| [{check.id}](#{anchor(check)}) | {prose(check.title)} | {allowed} | {check.about} |"


def explanation(check: Check) -> str:
    """One check as a Markdown section."""
    lines = [
        f'<a id="{anchor(check)}"></a>',
        f"## {check.id}: {prose(check.title)}",
        "",
        prose(check.reason),
        "",
        f"- window: {window(check.low, check.high, check.unit)} – {prose(check.source)}",
        f"- power ({POWER[check.power_measured]}): {prose(check.power)}",
        f"- {ABOUT[check.about]}",
    ]
    if check.beside:
        lines.append(f"- the same reading against the noise-free truth: [{check.beside}](#{check.beside.lower()})")
    return "\n".join([*lines, ""])
