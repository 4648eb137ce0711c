"""Scores as JUnit XML, which every CI service shows."""

import re
from xml.etree import ElementTree

from tsct.validation.statistics.numbers import number, window, with_unit

from .score import Outcome, Scores

#: what XML 1.0 cannot hold
_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(scores: Scores, *, suite: str = "tsct", seconds: float = 0.0) -> str:
    """One test case a check.

    A failed check of the chain is a *failure*, one that cannot be decided an *error*, one that does not apply is
    *skipped*, and so is a reading of the paper that is not reproduced, for it is no verdict on the chain; nothing
    counts as passed that did not run. Without a single check that ran, the suite holds an error of its own.

    Parameters
    ----------
    scores : Scores
        What to report.
    suite : str
        Name of the suite, such as that of the experiment.
    seconds : float
        Time that scoring took.
    """
    tags = [_tag(outcome) for outcome in scores.outcomes]
    nothing = not any(outcome.ran for outcome in scores.chain)
    root = ElementTree.Element(
        "testsuite",
        name=_clean(suite),
        tests=str(len(scores.outcomes) + nothing),
        failures=str(tags.count("failure")),
        errors=str(tags.count("error") + nothing),
        skipped=str(tags.count("skipped")),
        time=f"{seconds:.3f}",
    )
    for outcome in scores.outcomes:
        _case(root, outcome)
    if nothing:
        case = ElementTree.SubElement(root, "testcase", classname="tsct", name="something could be compared")
        ElementTree.SubElement(case, "error", message="no check applies to what was recovered")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(root: ElementTree.Element, outcome: Outcome) -> None:
    check, measured = outcome.check, outcome.measurement
    case = ElementTree.SubElement(
        root, "testcase", classname=f"tsct.{check.about}", name=_clean(f"{check.id} {check.title}")
    )
    if not (tag := _tag(outcome)):
        return
    child = ElementTree.SubElement(case, tag, message=_clean(value_line(outcome)))
    child.text = _clean(f"{check.reason}\nWindow from: {check.source}\nN: {number(measured.n)}")


def _tag(outcome: Outcome) -> str:
    """What the case of an outcome holds; nothing for one that passed."""
    if outcome.verdict == "pass":
        return ""
    tags = {"fail": "failure", "inconclusive": "error", "not run": "skipped"}
    return tags[outcome.verdict] if outcome.check.about == "chain" else "skipped"


def value_line(outcome: Outcome) -> str:
    """Value, window and remark of an outcome in one line."""
    check, measured = outcome.check, outcome.measurement
    if outcome.verdict == "not run":
        return measured.note
    line = f"{with_unit(measured.value, check.unit)}, allowed {window(check.low, check.high, check.unit)}"
    return f"{line} ({measured.note})" if measured.note else line


def _clean(text: str) -> str:
    return _CONTROL.sub("�", text)
