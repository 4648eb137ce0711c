"""False alarms when nothing happens (A13)."""

import numpy as np

from .check import Check, Evidence, Measurement, NotRunError, need


def _only_null(evidence: Evidence) -> None:
    if evidence.lithiated:
        raise NotRunError("something happens in this scenario; run scenario 'null'")


def _false_alarms(evidence: Evidence) -> Measurement:
    need(evidence, "fit", "fit_errors")
    _only_null(evidence)
    z = evidence.found["fit"].values[1:] / evidence.found["fit_errors"].values[1:]
    return Measurement(value=float(100 * np.mean(np.abs(z) > 3)), n=z.size, note=f"rms z {np.sqrt(np.mean(z**2)):.2f}")


def _claimed(evidence: Evidence) -> Measurement:
    need(evidence, "onset_v")
    _only_null(evidence)
    return Measurement(value=float(np.isfinite(evidence.found.onset_v.values).sum()), n=3)


CHECKS = (
    Check(
        id="A13",
        title="false alarms of the template fit",
        reason="A chain that sees lithiation where there is none cannot be trusted where there is some.",
        source="|z| > 3 happens by chance in 0.27 % of tests",
        low=0.0,
        high=1.0,
        unit="%",
        measure=_false_alarms,
    ),
    Check(
        id="A13b",
        title="onsets claimed",
        reason="No event, no onset.",
        source="by definition of the scenario",
        low=0.0,
        high=0.0,
        unit="1",
        measure=_claimed,
    ),
)
