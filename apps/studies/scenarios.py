"""Run named scenarios and say in one table what each of them shows."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from tsct.apps.run import pipeline as job
from tsct.apps.run.experiment import load
from tsct.apps.run.scenario_list import BASE, Scenario, chosen
from tsct.apps.run.workers import Workers, mapped
from tsct.records.io import write_text
from tsct.records.paths import must_be_free
from tsct.validation import CHECKS, current_id
from tsct.validation.evidence import Check
from tsct.validation.report import SIGNS
from tsct.validation.statistics import prose, window, with_unit

#: what is kept of each scenario besides truth, results and report
LEAN = ("output.scans=false", "output.volumes=false")
#: seed of the preset, with which expectations were stated
PRESET_SEED = 1
#: verdicts that a scenario may end in, the worst first
ORDER = ("fail", "inconclusive", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scenario with its scores.

    Attributes
    ----------
    scenario : Scenario
    checks : mapping of str to mapping
        The rows of its ``scores.json`` by the id of the check.
    verdict : str
    worse : tuple of str or None
        Checks that pass in the base of the scenario and not here; None where the base was not run.
    stated : bool
        Whether the scenario was run as it was when its expectation was stated: ``--quick``, the preset's seed.
    """

    scenario: Scenario
    checks: Mapping[str, Mapping[str, Any]]
    verdict: str
    worse: tuple[str, ...] | None
    stated: bool = True

    def count(self, verdict: str) -> int:
        """How many checks of the chain ended in a verdict."""
        return sum(row["verdict"] == verdict for row in self._chain())

    def _chain(self) -> list[Mapping[str, Any]]:
        return [row for row in self.checks.values() if row.get("about", "chain") == "chain"]

    @property
    def matters(self) -> list[Mapping[str, Any]]:
        """The checks that the scenario is there for."""
        names = map(current_id, self.scenario.matters)
        return [self.checks[name] for name in names if name in self.checks]

    @property
    def unexpected(self) -> tuple[str, ...]:
        """Checks of the chain that do not pass and should, or pass or were not run and should not pass."""
        missed = {row["id"] for row in self._chain() if row["verdict"] in ("fail", "inconclusive")}
        return tuple(sorted(missed ^ set(map(current_id, self.scenario.fails))))

    @property
    def expectation(self) -> str:
        """Whether what must come out did, in words; nothing where it was not stated for this run."""
        if not self.stated:
            return ""
        return "not met: " + ", ".join(self.unexpected) if self.unexpected else "met"


def run_scenarios(
    name: str,
    folder: Path,
    *,
    quick: bool,
    overrides: Iterable[str] = (),
    seed: int | None = None,
    workers: Workers,
    overwrite: bool,
    track: job.Track,
) -> list[Row]:
    """Run one scenario, several (``a,b``) or ``all``, and write ``scenarios.json`` and ``scenarios.html``.

    Every scenario gets a folder of its own, laid out as that of a run but without scans and volumes.

    Parameters
    ----------
    name : str
        See :func:`tsct.apps.run.scenario_list.chosen`.
    folder : Path
        Receives the table and a folder for each scenario.
    quick : bool
        Only the middle slice and six states.
    overrides, seed, workers, overwrite, track
        As for a run; several scenarios share the workers, a single one spreads its tiles over them.

    Raises
    ------
    UsageError
        For an unknown scenario, or a folder that holds results already.
    """
    wanted = chosen(name)
    _refuse_mixing(wanted, folder, overwrite)
    options = {
        "folder": folder.absolute(),
        "quick": quick,
        "overrides": (*LEAN, *overrides),
        "seed": seed,
        "overwrite": overwrite,
    }
    names = {scenario.name: scenario.name for scenario in wanted}
    if len(names) == 1:
        documents = {name: _one(options, name, workers=workers, track=track) for name in names}
    else:
        documents = dict(track(mapped(_one, names, options, workers), "scenarios", len(names)))
    rows = table(wanted, documents, stated=quick and not overrides and seed in (None, PRESET_SEED))
    write_text(folder / "scenarios.json", json.dumps(document(rows), indent=1, allow_nan=False))
    write_text(folder / "scenarios.html", page(rows))
    return rows


def _refuse_mixing(wanted: Sequence[Scenario], folder: Path, overwrite: bool) -> None:
    must_be_free(folder, ("scenarios.json", "scenarios.html"), overwrite=True)
    for scenario in wanted:
        must_be_free(folder / scenario.name, ("scores.json",), overwrite=overwrite, why=f"scenario '{scenario.name}'")


def _silent(items: Iterable[Any], title: str, total: int) -> Iterable[Any]:
    return items


def _one(options: Mapping[str, Any], name: str, *, workers: Workers = 1, track: job.Track = _silent) -> dict[str, Any]:
    """Run one scenario into its folder; what its ``scores.json`` says."""
    made = load(name, overrides=options["overrides"], seed=options["seed"], quick=options["quick"])
    checks = applicable(chosen(name)[0])
    folder, overwrite = options["folder"] / name, options["overwrite"]
    return job.run(made, folder, workers=workers, overwrite=overwrite, track=track, checks=checks).document()


def applicable(scenario: Scenario) -> tuple[Check, ...]:
    """Checks of a scenario: those against the truth, and those it is there for; all of them for the paper's own.

    What the paper read off its own curves is no measure for another experiment.
    """
    if scenario.name == BASE:
        return CHECKS
    matters = set(map(current_id, scenario.matters))
    return tuple(check for check in CHECKS if check.about == "chain" or check.id in matters)


def table(wanted: Sequence[Scenario], documents: Mapping[str, Mapping[str, Any]], *, stated: bool = True) -> list[Row]:
    """Rows in the order of `wanted`, each compared with its base where that was run too."""
    checks = {name: {row["id"]: row for row in document["checks"]} for name, document in documents.items()}
    return [
        Row(
            scenario=scenario,
            checks=checks[scenario.name],
            verdict=documents[scenario.name]["verdict"],
            worse=_worse(checks[scenario.name], checks.get(scenario.base)),
            stated=stated,
        )
        for scenario in wanted
    ]


def _worse(
    own: Mapping[str, Mapping[str, Any]], base: Mapping[str, Mapping[str, Any]] | None
) -> tuple[str, ...] | None:
    if base is None or base is own:
        return None
    passed = {name for name, row in base.items() if row["verdict"] == "pass"}
    return tuple(name for name, row in own.items() if name in passed and row["verdict"] in ("fail", "inconclusive"))


def worst(rows: Sequence[Row]) -> str:
    """The worst verdict of all scenarios."""
    return min((row.verdict for row in rows), key=ORDER.index)


def unmet(rows: Sequence[Row]) -> list[Row]:
    """Scenarios in which something else came out than must."""
    return [row for row in rows if row.stated and row.unexpected]


def exit_code(rows: Sequence[Row]) -> int:
    """0 if all expectations that were stated for this run are met, 1 if not; else that of the worst verdict."""
    if rows and rows[0].stated:
        return int(bool(unmet(rows)))
    return {"pass": 0, "fail": 1, "inconclusive": 4}[worst(rows)]


def document(rows: Sequence[Row]) -> dict[str, Any]:
    """What ``scenarios.json`` says."""
    return {
        "tsct": version("tsct"),
        "verdict": worst(rows),
        "scenarios": [
            {
                "name": row.scenario.name,
                "title": row.scenario.title,
                "question": row.scenario.question,
                "verdict": row.verdict,
                "fails": list(row.scenario.fails),
                "expectation": row.expectation,
                "base": row.scenario.base,
                "worse_than_base": row.worse,
                "matters": list(row.scenario.matters),
                "checks": list(row.checks.values()),
            }
            for row in rows
        ],
    }


def page(rows: Sequence[Row]) -> str:
    """The table as one self-contained HTML page."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"prose": prose}
    template = files("tsct.apps.studies").joinpath("scenarios.html.jinja").read_text(encoding="utf-8")
    columns = [check for check in CHECKS if any(check.id in row.checks for row in rows)]
    return environment.from_string(template).render(
        rows=rows,
        columns=columns,
        signs=SIGNS,
        verdict=worst(rows),
        value_in_window=value_in_window,
        version=version("tsct"),
    )


def value_in_window(check: Mapping[str, Any]) -> str:
    """A value beside its window in words."""
    low, high, value = (float("nan") if check[key] is None else check[key] for key in ("low", "high", "value"))
    low, high = (float("-inf") if low != low else low), (float("inf") if high != high else high)
    return f"{with_unit(value, check['unit'])} ({window(low, high, check['unit'])})"
