"""The report: one page that opens anywhere, with every figure inside and nothing loaded from elsewhere."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from tsct.records.io import write_text
from tsct.validation.evidence.intensity_truth import with_intensity
from tsct.validation.evidence.region_truth import roi_truth
from tsct.validation.score import Outcome, Scores, Verdict
from tsct.validation.statistics.numbers import prose, window, with_unit

from .check_pages import ABOUT, POWER, anchor
from .figures.plates import Sources, plates
from .page import Picture, picture, rendered
from .provenance import provenance
from .wragg2023_table import CITATION, comparison, readings

#: order in the table of checks, and the sign that says the verdict without colour
SIGNS: Mapping[Verdict, str] = {"fail": "✗", "inconclusive": "?", "pass": "✓", "not run": "–"}
WORDS = {"pass": "Passed", "fail": "Failed", "inconclusive": "Undecided"}


def write_report(
    folder: Path,
    scores: Scores,
    truth: xr.Dataset | None,
    recovered: xr.Dataset,
    phases: xr.Dataset | None,
    manifest: Mapping[str, Any],
) -> None:
    """Write ``report.html`` and ``figures/*.png`` into a folder.

    Parameters
    ----------
    folder : Path
        Holds the run; if ``experiment.toml`` lies in it, the page quotes it.
    scores : Scores
        Outcomes of the checks.
    truth, recovered, phases : xarray.Dataset
        See :class:`tsct.validation.evidence.check.Evidence`; without truth or phases the figures show what they can.
    manifest : mapping
        Versions, times and memory of the run, as in ``run.json``.
    """
    if truth is not None and "intensity" in recovered:
        truth = with_intensity(truth, recovered, phases)
    region = roi_truth(truth, recovered, phases) if truth is not None else None
    sources = Sources(recovered=recovered, truth=truth, region=region)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    overview, *pictures = [picture(plate, sources, folder / "figures") for plate in plates(sources)]
    pictures = [one for one in pictures if one.image or not one.plate.optional]
    settings = folder / "experiment.toml"
    page = render(
        scores,
        sources,
        manifest,
        overview=overview,
        pictures=pictures,
        materials=materials(phases, truth),
        settings=settings.read_text(encoding="utf-8", errors="replace") if settings.is_file() else "",
    )
    write_text(folder / "report.html", page)


def render(
    scores: Scores,
    sources: Sources,
    manifest: Mapping[str, Any],
    *,
    overview: Picture,
    pictures: list[Picture],
    materials: Sequence[Mapping[str, str]] = (),
    settings: str = "",
) -> str:
    """The page as text; everything that is not the template's own is escaped."""
    truth = sources.truth
    return rendered(
        "report.html.jinja",
        experiment=_experiment(truth, manifest),
        verdict=scores.verdict,
        word=WORDS[scores.verdict],
        lines=scores.lines,
        headline=headline(scores),
        explanations=scores.explanations,
        counts=[(verdict, SIGNS[verdict], _count(scores, verdict)) for verdict in SIGNS],
        overview=overview,
        pictures=pictures,
        checks=[_line(outcome) for outcome in ordered(scores.chain)],
        explained=[_line(outcome) for outcome in sorted(scores.outcomes, key=lambda outcome: outcome.check.id)],
        readings=readings(scores),
        comparison=comparison(sources) if scores.of_paper else [],
        materials=materials,
        signs=SIGNS,
        anchor=anchor,
        citation=CITATION,
        provenance=provenance(sources, manifest),
        versions=manifest.get("versions", {}),
        settings=settings,
    )


def materials(phases: xr.Dataset | None, truth: xr.Dataset | None) -> list[dict[str, str]]:
    """The structure behind every phase and its record; nothing where the truth was written without records."""
    if phases is None or "structure_recipe" not in phases:
        return []
    names = [str(name) for name in phases.structure_name.values]
    roles: dict[str, str] = {}
    if truth is not None and "phase_role" in truth.coords:
        pairs = zip(truth.phase_structure.values, truth.phase_role.values, strict=True)
        roles = {str(name): str(role).replace("_", " ") for name, role in pairs}
    texts = ("title", "recipe", "energy_model", "sources", "limits")
    rows = [{key: str(phases[f"structure_{key}"].values[i]) for key in texts} for i in range(len(names))]
    return [
        {"name": name, "phase": roles.get(name, "not in the first state"), **row}
        for name, row in zip(names, rows, strict=True)
    ]


def headline(scores: Scores) -> str:
    """How many checks of the chain passed, failed, could not be decided or were not run, in one sentence."""
    failed, undecided, passed, unused = (_count(scores, verdict) for verdict in SIGNS)
    ran = failed + undecided + passed
    if not ran:
        return "No check applies to this run."
    if passed == ran:
        sentence = f"All {ran} checks passed" if ran > 1 else "The one check passed"
    else:
        parts = ((failed, "failed"), (undecided, "could not be decided"), (passed, "passed"))
        sentence = f"Of {ran} checks, " + ", ".join(f"{count} {verb}" for count, verb in parts if count)
    applies = f"{unused} {'does' if unused == 1 else 'do'} not apply to this run"
    return f"{sentence}; {applies}." if unused else f"{sentence}."


def _count(scores: Scores, verdict: Verdict) -> int:
    return sum(outcome.verdict == verdict for outcome in scores.chain)


def ordered(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Outcomes with the failed ones first, then the undecided, the passed and those not run; otherwise in order."""
    order = list(SIGNS)
    return sorted(outcomes, key=lambda outcome: order.index(outcome.verdict))


def _line(outcome: Outcome) -> dict[str, Any]:
    """One row of the table of checks."""
    check, measured = outcome.check, outcome.measurement
    return {
        "id": check.id,
        "anchor": anchor(check.id),
        "title": prose(check.title),
        "reason": prose(check.reason),
        "source": prose(check.source),
        "power": prose(check.power),
        "basis": POWER[check.power_measured],
        "about": ABOUT[check.about],
        "value": with_unit(measured.value, check.unit),
        "window": window(check.low, check.high, check.unit),
        "n": measured.n,
        "note": prose(measured.note),
        "verdict": outcome.verdict,
    }


def _experiment(truth: xr.Dataset | None, manifest: Mapping[str, Any]) -> str:
    named = manifest.get("experiment") or (truth.attrs.get("experiment") if truth is not None else None)
    return str(named or "unnamed experiment")
