"""Run every check that applies and reach a verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError
from tsct.validation.checks import bond_shift as check_shift
from tsct.validation.checks import clipped_piston as check_wedge
from tsct.validation.checks import difference_lobes as check_dpdf_lobes
from tsct.validation.checks import difference_pdf as check_difference
from tsct.validation.checks import error_bars as check_errors
from tsct.validation.checks import false_alarms as check_null
from tsct.validation.checks import image_quality as check_image
from tsct.validation.checks import inverse_crime as check_crime
from tsct.validation.checks import long_range_order as check_order
from tsct.validation.checks import noise_closed_form as check_noise
from tsct.validation.checks import noise_free_readings as check_noise_free
from tsct.validation.checks import onsets as check_onsets
from tsct.validation.checks import pdf_peaks as check_peaks
from tsct.validation.checks import phase_maps as check_maps
from tsct.validation.checks import region as check_roi
from tsct.validation.checks import resolution_star as check_star
from tsct.validation.checks import termination_ghost as check_ghost
from tsct.validation.checks import voxel_signal as check_voxel
from tsct.validation.checks.measured_power import powered
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError
from tsct.validation.evidence.intensity_truth import with_intensity
from tsct.validation.evidence.recovered import complete_recovered
from tsct.validation.evidence.same_measurement import check_same_run

Verdict = Literal["pass", "fail", "inconclusive", "not run"]

_ALL = (
    *check_peaks.CHECKS,
    *check_ghost.CHECKS,
    *check_voxel.CHECKS,
    *check_order.CHECKS,
    *check_dpdf_lobes.CHECKS,
    *check_onsets.CHECKS,
    *check_shift.CHECKS,
    *check_wedge.CHECKS,
    *check_crime.CHECKS,
    *check_maps.CHECKS,
    *check_image.CHECKS,
    *check_star.CHECKS,
    *check_roi.CHECKS,
    *check_difference.CHECKS,
    *check_noise_free.CHECKS,
    *check_noise.CHECKS,
    *check_errors.CHECKS,
    *check_null.CHECKS,
)
#: all checks, in the order of the report
CHECKS: tuple[Check, ...] = tuple(map(powered, _ALL))
#: checks of what the data say about themselves, not of the data
PRECONDITIONS = tuple(check.id for check in check_crime.CHECKS)
#: the gate: checks of any chain against the truth, no window of which depends on what one paper found
GATE: tuple[Check, ...] = tuple(check for check in CHECKS if check.about == "chain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A check with what it measured."""

    check: Check
    measurement: Measurement
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """All outcomes of one validation."""

    outcomes: tuple[Outcome, ...]

    @property
    def verdict(self) -> Literal["pass", "fail", "inconclusive"]:
        """``fail`` if one check fails, ``inconclusive`` if one cannot be decided or none ran, else ``pass``.

        A precondition that holds says nothing about the data, so it takes another check to pass.
        """
        verdicts = {outcome.verdict for outcome in self.outcomes}
        compared = {outcome.verdict for outcome in self.outcomes if outcome.check.id not in PRECONDITIONS}
        if "fail" in verdicts:
            return "fail"
        return "inconclusive" if "inconclusive" in verdicts or "pass" not in compared else "pass"

    def document(self) -> dict[str, Any]:
        """What ``scores.json`` says."""
        return {"verdict": self.verdict, "checks": [_row(outcome) for outcome in self.outcomes]}


def _row(outcome: Outcome) -> dict[str, Any]:
    check, measured = outcome.check, outcome.measurement
    return {
        "id": check.id,
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
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def score(
    truth: xr.Dataset,
    found: xr.Dataset | Mapping[str, Any],
    phases: xr.Dataset | None = None,
    checks: Sequence[Check] = CHECKS,
) -> Scores:
    """Compare what was recovered with the truth.

    Parameters
    ----------
    truth : xarray.Dataset
        See :func:`tsct.simulate.truth.truth`.
    found : xarray.Dataset or mapping
        See :func:`tsct.analyze.collect`; or whatever part of the layout a chain returned, see
        :func:`tsct.validation.evidence.recovered.complete_recovered`.
    phases : xarray.Dataset, optional
        Scattering of every phase.
    checks : sequence of Check
        Which checks; all of them if omitted.

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
    if not isinstance(found, xr.Dataset) or found.data_vars:
        found = complete_recovered(found, truth)
    states = _states(truth, found)
    check_same_run(found, truth)
    if "intensity" in found:
        truth = with_intensity(truth, found, phases)
    truth = truth if states is None else truth.isel(state=states)
    evidence = Evidence(truth=truth, found=found, phases=phases)
    return Scores(outcomes=tuple(_outcome(check, evidence) for check in checks))


def _states(truth: xr.Dataset, found: xr.Dataset) -> NDArray[np.integer] | None:
    """Numbers of the recovered states if they are not all of the truth's, where the recovered data number them."""
    if "state" not in found.coords or "state" not in truth.dims:
        return None
    states = found["state"].values
    if np.array_equal(states, np.arange(truth.sizes["state"])):
        return None
    if not np.all(np.isin(states, np.arange(truth.sizes["state"]))):
        raise InputError(
            f"the recovered data hold state {states.max()} but the truth ends at {truth.sizes['state'] - 1}"
        )
    return np.asarray(states)


def _outcome(check: Check, evidence: Evidence) -> Outcome:
    try:
        # what is not a number ends as inconclusive, and needs no warning on the way
        with np.errstate(invalid="ignore", divide="ignore"):
            measured = check.measure(evidence)
    except NotRunError as why:
        return Outcome(check=check, measurement=Measurement(value=math.nan, n=0, note=str(why)), verdict="not run")
    if not math.isfinite(measured.value) or measured.n == 0:
        return Outcome(check=check, measurement=measured, verdict="inconclusive")
    verdict: Verdict = "pass" if check.low <= measured.value <= check.high else "fail"
    return Outcome(check=check, measurement=measured, verdict=verdict)
