"""The explorer's checks: a list of verdicts, and the evidence for the one that is chosen."""

import base64
import math
from collections.abc import Mapping
from html import escape
from typing import Any

from tsct.validation import CHECKS, chain_checks
from tsct.validation.report import ANSWERS, SIGNS, Sources, plates
from tsct.validation.statistics import prose, window, with_unit

from .run import Run

#: larger pictures are not ours
MAX_PICTURE_BYTES = 2**23


def labels(run: Run) -> dict[str, int]:
    """One line for each check with the index of its row: those of the chain first, of these the failed ones."""
    order = [str(verdict) for verdict in SIGNS]
    rows = sorted(enumerate(run.checks), key=lambda pair: (_about_paper(pair[1]), _rank(order, pair[1])))
    return {f"{_sign(row)} {row['id']}  {prose(str(row['title']))}": k for k, row in rows}


def headline(run: Run) -> str:
    """How many checks of the chain pass, of those that ran; nothing where none are known."""
    verdicts = [row["verdict"] for row in run.checks if not _about_paper(row) and row["verdict"] != "not run"]
    return f"Recovered as put in: {verdicts.count('pass')} of {len(verdicts)} checks" if run.checks else ""


def _about_paper(row: Mapping[str, Any]) -> bool:
    return row.get("about") == "paper"


def _sign(row: Mapping[str, Any]) -> str:
    """The sign of a verdict; a reading of the paper that is not reproduced is no failure."""
    if _about_paper(row) and row["verdict"] != "not run":
        return "=" if row["verdict"] == "pass" else "≠"
    return SIGNS.get(row["verdict"], "?")


def _rank(order: list[str], row: Mapping[str, Any]) -> int:
    return order.index(row["verdict"]) if row["verdict"] in order else len(order)


def evidence(run: Run, index: int) -> str:
    """Everything that is known about one check, as HTML; whatever comes from files is escaped."""
    row = run.checks[index]
    of_sample = chain_checks(run.truth, run.found) if run.truth is not None else ()
    known = next((check for check in (*of_sample, *CHECKS) if check.id == row["id"]), None)
    unit = str(row.get("unit", ""))
    ends = (("low", -math.inf), ("high", math.inf))
    low, high = (open_end if row.get(name) is None else float(row[name]) for name, open_end in ends)
    value = "not measured" if row.get("value") is None else with_unit(row["value"], unit)
    lines = [
        _answer(row),
        ("measured", value),
        ("window", window(low, high, unit)),
        ("from", f"{row.get('n', 0)} numbers"),
        ("note", prose(str(row.get("note", "")))),
        ("because", prose(str(row.get("because", "")))),
    ]
    if known is not None:
        lines += [("why it matters", prose(known.reason)), ("source of the window", prose(known.source))]
    table = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(text))}</td></tr>" for name, text in lines if text)
    head = f"<h2>{escape(str(row['id']))}: {escape(prose(str(row['title'])))}</h2>"
    return f"{head}<table class='facts'>{table}</table>{_picture(run, known.figure if known else '')}"


def _answer(row: Mapping[str, Any]) -> tuple[str, str]:
    """The verdict on the chain, or whether the paper's reading is reproduced."""
    verdict = str(row["verdict"])
    if _about_paper(row):
        return "the paper's reading", ANSWERS.get(verdict, verdict)
    return "verdict", f"{_sign(row)} {verdict}"


def _picture(run: Run, figure: str) -> str:
    """The figure that shows what a check measures, if it is drawn in the folder of the run."""
    if not figure or run.folder is None:
        return ""
    drawn = plates(Sources(recovered=run.found, truth=run.truth))
    plate = next((plate for plate in drawn if plate.name == figure), None)
    if plate is None:
        return ""
    path = run.folder / "figures" / f"{plate.name}.png"
    if not path.is_file() or path.stat().st_size > MAX_PICTURE_BYTES:
        return ""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    caption = f"<figcaption>{escape(plate.caption)}</figcaption>"
    return f"<figure><img alt='{escape(plate.title)}' src='data:image/png;base64,{data}'>{caption}</figure>"
