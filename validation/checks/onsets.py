"""Onset potentials from the hinge fit on signed amplitudes."""

import numpy as np

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, Reading, need

#: the three events of the truth, V
EVENTS = {"small": (0.48, 0.28, 0.21), "medium": (0.48, 0.28, 0.21)}


def _event(evidence: Evidence, which: int) -> float:
    """The potential that was put in."""
    scenario = str(evidence.truth.attrs.get("scenario"))
    if scenario not in EVENTS:
        raise NotRunError("this scenario has no three events")
    return EVENTS[scenario][which]


def _onset(evidence: Evidence, which: int) -> Measurement:
    need(evidence, "onset_v")
    _event(evidence, which)
    onset, errors = (evidence.recovered[name].values for name in ("onset_v", "onset_v_errors"))
    reasons = evidence.recovered.onset_v.attrs.get("reasons", ("",) * len(onset))
    if not np.isfinite(onset).all():
        # some may be known, but not which of the three events they are
        return Measurement(value=np.nan, note=reasons[-1] or "not all three onsets are found")
    known = np.isfinite(errors[which])
    note = f"± {errors[which]:.4f} V" if known else reasons[which] or "the series does not determine its error"
    return Measurement(value=float(onset[which]), note=note, error=float(errors[which]))


def _check(which: int, title: str, reason: str, width: float) -> Check:
    centre = EVENTS["small"][which]
    return Check(
        id=f"onset[{which + 1}]",
        alias="A9" + "abc"[which],
        figure="trends",
        paper=Reading(quantity=title, value=f"{centre:g} V"),
        title=title,
        reason=reason,
        source="Wragg et al. 2023; width from the spacing of the potentials",
        low=centre - width,
        high=centre + width,
        unit="V",
        power=f"an onset read {2e3 * width:.0f} mV wrong, plus three of its errors",
        about="paper",
        measure=lambda e: _onset(e, which),
        noise_free=lambda e: _event(e, which),
    )


CHECKS = (
    _check(0, "first onset", "Lithium enters: every signed amplitude starts to grow.", 0.02),
    _check(1, "second onset", "The Si-Li amplitude rises steeply.", 0.01),
    _check(2, "third onset", "The second shell starts to lose order.", 0.01),
)
