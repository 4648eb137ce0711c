"""Run every check that applies and answer two questions: is it true, and does it show what the paper states?"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError, nearest
from tsct.validation.checks import (
    bond_shift,
    clipped_piston,
    difference_lobes,
    difference_pdf,
    error_bars,
    false_alarms,
    image_quality,
    inverse_crime,
    long_range_order,
    named_phases,
    noise_closed_form,
    noise_free_readings,
    onsets,
    pdf_peaks,
    phase_maps,
    region,
    resolution_star,
    termination_ghost,
    voxel_signal,
)
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError
from tsct.validation.evidence.intensity_truth import with_intensity
from tsct.validation.evidence.phase_amounts import common_phases, has_named_phases
from tsct.validation.evidence.recovered import complete_recovered
from tsct.validation.evidence.same_measurement import check_same_run
from tsct.validation.statistics.numbers import with_unit

from .explain import explanations

Verdict = Literal["pass", "fail", "inconclusive", "not run"]
#: of ``scores.json``: 2 since checks are called by what they measure; 1 had ids such as A11s9
SCHEMA = 2

#: all checks, in the order of the report
CHECKS: tuple[Check, ...] = (
    *pdf_peaks.CHECKS,
    *termination_ghost.CHECKS,
    *voxel_signal.CHECKS,
    *long_range_order.CHECKS,
    *difference_lobes.CHECKS,
    *onsets.CHECKS,
    *bond_shift.CHECKS,
    *clipped_piston.CHECKS,
    *inverse_crime.CHECKS,
    *phase_maps.CHECKS,
    *image_quality.CHECKS,
    *resolution_star.CHECKS,
    *region.CHECKS,
    *difference_pdf.CHECKS,
    *noise_free_readings.CHECKS,
    *noise_closed_form.CHECKS,
    *error_bars.CHECKS,
    *false_alarms.CHECKS,
)
#: the gate: checks of any chain against the truth, no window of which depends on what one paper reads
GATE: tuple[Check, ...] = tuple(check for check in CHECKS if check.about == "chain")

#: what is read off the silicon and carbon of the cell, its electrode and its lithiation
_OF_CELL = frozenset(
    (
        *difference_lobes.CHECKS,
        *phase_maps.CHECKS,
        *image_quality.CHECKS,
        *resolution_star.CHECKS,
        *(check for check in region.CHECKS if check.id == "electrode.overlap"),
        *noise_free_readings.CHECKS,
        *false_alarms.CHECKS,
        *(check for check in CHECKS if check.about == "paper"),
    )
)


def chain_checks(truth: xr.Dataset, recovered: xr.Dataset) -> tuple[Check, ...]:
    """The checks that hold a chain to the truth of this sample.

    Of the cell those of :data:`GATE`. Of any other sample those of them that ask for no phase, and checks of every
    phase that truth and recovered data both name; the ids are ``map.bias[NAME]`` and so on.
    """
    if not has_named_phases(truth):
        return GATE
    own = named_phases.phase_checks(common_phases(truth, recovered))
    return (*own, *(check for check in GATE if check not in _OF_CELL))


def current_id(name: str) -> str:
    """The id of a check by its alias of earlier versions; any other name as it is."""
    return next((check.id for check in CHECKS if name and name == check.alias), name)


def check_named(name: str) -> Check:
    """The check with this id, or with this alias of earlier versions; of any phase, such as ``amount[nickel]``.

    Raises
    ------
    InputError
        If there is none.
    """
    of_phase = named_phases.phase_checks(re.findall(r"\[(.+)\]$", name))
    known = {check.id: check for check in (*of_phase, *CHECKS)}
    if current_id(name) not in known:
        raise InputError(f"no check '{name}'{nearest(name, known)}; see docs/checks.md")
    return known[current_id(name)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A check with what it measured, and what a perfect measurement would read (NaN where that is not known)."""

    check: Check
    measurement: Measurement
    verdict: Verdict
    noise_free: float = math.nan

    @property
    def ran(self) -> bool:
        """Whether the check applied."""
        return self.verdict != "not run"

    @property
    def undecidable(self) -> bool:
        """Whether a perfect measurement misses the window too, so that it decides nothing."""
        return math.isfinite(self.noise_free) and not self.check.low <= self.noise_free <= self.check.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """All outcomes of one validation, and the two questions that they answer.

    *Is what was recovered true?* is asked of the chain; it alone decides :attr:`verdict`. *Does the twin show what the
    paper states?* is asked of sample, scan and chain together, and only where the sample is the paper's.

    Attributes
    ----------
    outcomes : tuple of Outcome
        In the order of the checks.
    of_paper : bool
        Whether the sample is the paper's own.
    explanations : tuple of str
        Of a chain that fails: what would make its maps and curves fit, as far as something simple does.
    """

    outcomes: tuple[Outcome, ...]
    of_paper: bool = False
    explanations: tuple[str, ...] = ()

    @property
    def chain(self) -> tuple[Outcome, ...]:
        """Outcomes of the checks of the chain against the truth."""
        return tuple(outcome for outcome in self.outcomes if outcome.check.about == "chain")

    @property
    def paper(self) -> tuple[Outcome, ...]:
        """Outcomes of the checks of the twin against the paper."""
        return tuple(outcome for outcome in self.outcomes if outcome.check.about == "paper")

    @property
    def verdict(self) -> Literal["pass", "fail", "inconclusive"]:
        """Of the chain: ``fail`` if one check fails, ``inconclusive`` if one is undecided or none ran, else ``pass``.

        A precondition that holds says nothing about the data, so it takes another check to pass.
        """
        verdicts = {outcome.verdict for outcome in self.chain}
        compared = {outcome.verdict for outcome in self.chain if not outcome.check.precondition}
        if "fail" in verdicts:
            return "fail"
        return "inconclusive" if "inconclusive" in verdicts or "pass" not in compared else "pass"

    @property
    def lines(self) -> tuple[str, ...]:
        """Both answers in a line each: of the chain, and of the paper where its sample was measured."""
        recovered = f"Recovered as put in: {_share(self.chain)} checks"
        asked = self.of_paper and any(outcome.ran for outcome in self.paper)
        return (recovered, f"Against the paper: {_share(self.paper)}") if asked else (recovered,)

    def because(self, outcome: Outcome) -> str:
        """Why a reading of the paper is or is not reproduced, as far as that is known; see :func:`why`."""
        beside = {o.check.id: o.verdict for o in self.outcomes}.get(outcome.check.beside, "not run")
        return why(outcome, beside) if outcome.check.about == "paper" else ""

    def document(self) -> dict[str, Any]:
        """What ``scores.json`` says."""
        rows = [_row(outcome) | {"because": self.because(outcome)} for outcome in self.outcomes]
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "of_paper": self.of_paper,
            "explanations": list(self.explanations),
            "checks": rows,
        }


def _share(outcomes: Sequence[Outcome]) -> str:
    """How many of those that ran passed."""
    return f"{sum(o.verdict == 'pass' for o in outcomes)} of {sum(o.ran for o in outcomes)}"


def why(outcome: Outcome, beside: Verdict = "not run") -> str:
    """What to make of a window of the paper, beside what a perfect measurement of this sample reads.

    Parameters
    ----------
    outcome : Outcome
        Of a check about the paper.
    beside : str
        Verdict of the check that holds the same reading to the truth.
    """
    if not outcome.ran:
        return ""
    known, missed = math.isfinite(outcome.noise_free), outcome.verdict != "pass"
    perfect = f"a perfect measurement of this sample reads {with_unit(outcome.noise_free, outcome.check.unit)}"
    if outcome.undecidable:
        return f"{perfect}, outside the window too, which so decides nothing" if missed else f"by chance: {perfect}"
    if not missed:
        return ""
    if outcome.verdict == "inconclusive":
        return outcome.measurement.note or "the value is not a number"
    if known:
        return f"{perfect}: scan or chain did this"
    return {
        "pass": "the same reading of the noise-free truth agrees with this one: no fault of the chain is shown",
        "fail": "the noise-free truth reads otherwise: scan or chain did this",
    }.get(beside, "what a perfect measurement would read is not known")


def _row(outcome: Outcome) -> dict[str, Any]:
    check, measured = outcome.check, outcome.measurement
    return {
        "id": check.id,
        "alias": check.alias,
        "title": check.title,
        "value": _number(measured.value),
        "unit": check.unit,
        "low": _number(check.low),
        "high": _number(check.high),
        "n": measured.n,
        "verdict": outcome.verdict,
        "note": measured.note,
        "power": check.power,
        "about": check.about,
        "error": _number(measured.error),
        "noise_free": _number(outcome.noise_free),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def score(
    truth: xr.Dataset,
    recovered: xr.Dataset | Mapping[str, Any],
    phases: xr.Dataset | None = None,
    checks: Sequence[Check] | None = None,
) -> Scores:
    """Compare what was recovered with the truth.

    Parameters
    ----------
    truth : xarray.Dataset
        See :func:`tsct.simulate.truth.truth`.
    recovered : xarray.Dataset or mapping
        See :func:`tsct.analyze.collect`; or whatever part of the layout a chain returned, see
        :func:`tsct.validation.evidence.recovered.complete_recovered`.
    phases : xarray.Dataset, optional
        Scattering of every phase.
    checks : sequence of Check
        Which checks; if omitted :func:`chain_checks`, and where the sample is the paper's those of the paper too.

    Returns
    -------
    Scores
        Of the states that were recovered. A value that is not a number is ``inconclusive``, a check that does not
        apply is ``not run``: neither passes.

    Raises
    ------
    InputError
        If a state was recovered that the truth does not have, or the data say that they are of another measurement.
    """
    if not isinstance(recovered, xr.Dataset) or recovered.data_vars:
        recovered = complete_recovered(recovered, truth)
    states = _states(truth, recovered)
    check_same_run(recovered, truth)
    if "intensity" in recovered:
        truth = with_intensity(truth, recovered, phases)
    truth = truth if states is None else truth.isel(state=states)
    evidence = Evidence(truth=truth, recovered=recovered, phases=phases)
    of_paper = is_of_paper(truth)
    if checks is None:
        checks = CHECKS if of_paper else chain_checks(truth, recovered)
    scores = Scores(outcomes=tuple(_outcome(check, evidence) for check in checks), of_paper=of_paper)
    return replace(scores, explanations=explanations(evidence)) if scores.verdict == "fail" else scores


def is_of_paper(truth: xr.Dataset) -> bool:
    """Whether a truth is of the sample of Wragg et al. (2023), so that their numbers are a measure for it."""
    return truth.attrs.get("phantom") == "wragg2023"


def _states(truth: xr.Dataset, recovered: xr.Dataset) -> NDArray[np.integer] | None:
    """Numbers of the recovered states if they are not all of the truth's, where the recovered data number them."""
    if "state" not in recovered.coords or "state" not in truth.dims:
        return None
    states = recovered["state"].values
    if np.array_equal(states, np.arange(truth.sizes["state"])):
        return None
    if not np.all(np.isin(states, np.arange(truth.sizes["state"]))):
        raise InputError(
            f"the recovered data hold state {states.max()} but the truth ends at {truth.sizes['state'] - 1}"
        )
    return np.asarray(states)


def _outcome(check: Check, evidence: Evidence) -> Outcome:
    if check in _OF_CELL and has_named_phases(evidence.truth):
        why = "it reads the silicon and the carbon of the cell"
        return Outcome(check=check, measurement=Measurement(value=math.nan, n=0, note=why), verdict="not run")
    try:
        # what is not a number ends as inconclusive, and needs no warning on the way
        with np.errstate(invalid="ignore", divide="ignore"):
            measured = check.measure(evidence)
    except NotRunError as why:
        return Outcome(check=check, measurement=Measurement(value=math.nan, n=0, note=str(why)), verdict="not run")
    verdict: Verdict = "pass" if check.low <= measured.value <= check.high else "fail"
    if not math.isfinite(measured.value) or measured.n == 0:
        verdict = "inconclusive"
    return Outcome(check=check, measurement=measured, verdict=verdict, noise_free=_noise_free(check, evidence))


def _noise_free(check: Check, evidence: Evidence) -> float:
    """What a perfect measurement reads; NaN where the records cannot tell."""
    if check.noise_free is None:
        return math.nan
    try:
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(check.noise_free(evidence))
    except NotRunError:
        return math.nan
