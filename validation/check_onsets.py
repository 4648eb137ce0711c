"""Onset potentials from the hinge fit on signed amplitudes (A9)."""

import numpy as np

from .check import Check, Evidence, Measurement, NotRunError, need

#: the three events of the truth, V
EVENTS = {"small": (0.48, 0.28, 0.21), "medium": (0.48, 0.28, 0.21)}


def _onset(evidence: Evidence, which: int) -> Measurement:
    need(evidence, "onset_v")
    if evidence.truth.attrs.get("scenario") not in EVENTS:
        raise NotRunError("this scenario has no three events")
    value, error = (float(evidence.found[name].values[which]) for name in ("onset_v", "onset_v_errors"))
    note = f"± {error:.4f} V" if np.isfinite(error) else "the series does not determine its error"
    return Measurement(value=value, note=note, error=error)


def _check(which: int, title: str, reason: str, width: float) -> Check:
    centre = EVENTS["small"][which]
    return Check(
        id="A9" + "abc"[which],
        title=title,
        reason=reason,
        source="Wragg et al. 2023; width from the spacing of the potentials",
        low=centre - width,
        high=centre + width,
        unit="V",
        power=f"an onset read {2e3 * width:.0f} mV wrong, plus three of its errors",
        about="paper",
        measure=lambda e: _onset(e, which),
    )


CHECKS = (
    _check(0, "first onset", "Lithium enters: every signed amplitude starts to grow.", 0.02),
    _check(1, "second onset", "The Si-Li amplitude rises steeply.", 0.01),
    _check(2, "third onset", "The second shell starts to lose order.", 0.01),
)
