"""Every check in words: the page that docs/checks.md is made of."""

import re
from collections.abc import Sequence

from tsct.validation.checks.named_phases import phase_checks
from tsct.validation.evidence.check import Check
from tsct.validation.score import CHECKS
from tsct.validation.statistics.numbers import prose, window

ABOUT = {
    "chain": "Holds any chain to the truth; part of the gate.",
    "paper": "Asks whether sample, scan and chain together show what was published; no verdict on the chain.",
}
#: how the power of a check is known
POWER = {True: "measured", False: "estimated"}
_HEAD = """# Checks

Each check is one number, the window in which it must fall, and a reason. A value that is not a number is
*inconclusive*, a check that does not apply is *not run*; neither passes. Its id says what is measured, and of what:
`map.bias[silicon]`, `ghost.position`, `onset[2]`. Ids of earlier versions (*was*) are understood for one release.

A run answers two questions, and they are kept apart. *Is what was recovered true?* The checks about the `chain` hold
what was recovered to what was put in; they alone decide verdict, colour and exit code. *Does the twin show what the
paper states?* The checks about the `paper` ask that of sample, scan and chain together, and only for the paper's own
sample: each reading is reproduced or not, and why. Where a perfect measurement of the same sample would miss a paper's
window too, that window decides nothing; it is listed as such, and another check holds the same reading to the
noise-free truth. What a perfect measurement reads comes from the true F(Q) by a transform that shares nothing with the
analysis (`tsct.validation.evidence.noise_free`). Windows are never widened to pass.

*Power* names a defect that is found with probability 0.999: *measured* with the planted defects of
[the gate](gate.md#the-gate-tested), or *estimated* as the width of the window plus three times the scatter that the
twin's values have in it. Windows in standard errors are derived: a run of the gate shall refuse a good chain with a
chance of at most 1e-3, which up to 50 checks share equally. All others are tolerances, far wider than the scatter of a
good chain; where nothing but a choice stands behind one, it says so.

This page is made from the checks themselves (`python examples/write_checks_page.py`).
"""

_NAMED = """# Checks of the phases of any sample

A sample of named phases has the checks below for every phase NAME that truth and recovered data both hold, and those of
a map for `intensity` too, within 1 % of the value instead of 5 %. They take the place of all that read the silicon and
the carbon of the cell. Where the stated errors alone could miss a window, the check is *not run* and says so; so it is
where the truth shows no pattern, or no voxel is away from edges, which every method blurs.
"""


def anchor(name: str) -> str:
    """Name of a place on a page for the id of a check: ``map-bias-silicon`` for ``map.bias[silicon]``."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def checks_page(checks: Sequence[Check] = CHECKS) -> str:
    """All checks as Markdown: a table to find one, then a paragraph for each."""
    table = "\n".join(["| id | check | window | about | was |", "|---|---|---|---|---|", *map(_row, checks)])
    own = phase_checks(("NAME",))
    named = "\n".join([_NAMED, *(explanation(check) for check in own if "[NAME]" in check.id)])
    return "\n".join([_HEAD, table, "", *(explanation(check) for check in checks), named])


def _row(check: Check) -> str:
    link = f"[`{check.id}`](#{anchor(check.id)})"
    allowed = window(check.low, check.high, check.unit)
    return (
        "| " + " | ".join(_cell(text) for text in (link, prose(check.title), allowed, check.about, check.alias)) + " |"
    )


def _cell(text: str) -> str:
    """Text of a cell of a Markdown table, in which a bar would begin the next one."""
    return text.replace("|", "\\|")


def explanation(check: Check) -> str:
    """One check as a Markdown section."""
    lines = [
        f'<a id="{anchor(check.id)}"></a>',
        f"## `{check.id}`: {prose(check.title)}",
        "",
        prose(check.reason),
        "",
        f"- window: {window(check.low, check.high, check.unit)} – {prose(check.source)}",
        f"- power ({POWER[check.power_measured]}): {prose(check.power)}",
        f"- {ABOUT[check.about]}",
    ]
    if check.scenario:
        lines.append(f"- applies to scenario `{check.scenario}` alone")
    if check.noise_free:
        lines.append("- decides nothing where a perfect measurement of the same sample misses the window too")
    if check.beside:
        lines.append(f"- the same reading against the noise-free truth: [`{check.beside}`](#{anchor(check.beside)})")
    return "\n".join([*lines, ""])
