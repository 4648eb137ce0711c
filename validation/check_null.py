"""False alarms when nothing happens (A13)."""

import numpy as np
from scipy.stats import beta

from .check import Check, Evidence, Measurement, NotRunError, need
from .windows import CHANCE

#: one run holds few tests: an alarm in 45 is no proof of more than one in a hundred
CONFIDENCE = 1 - CHANCE


def _only_null(evidence: Evidence) -> None:
    if evidence.lithiated:
        raise NotRunError("something happens in this scenario; run scenario 'null'")


def _false_alarms(evidence: Evidence) -> Measurement:
    need(evidence, "fit", "fit_errors")
    _only_null(evidence)
    z = evidence.found["fit"].values[1:] / evidence.found["fit_errors"].values[1:]
    if not np.all(np.isfinite(z)):
        return Measurement(value=float("nan"), n=z.size)
    alarms = int(np.sum(np.abs(z) > 3))
    least = beta.ppf(1 - CONFIDENCE, alarms, z.size - alarms + 1) if alarms else 0.0
    note = f"{alarms} of {z.size}, rms z {np.sqrt(np.mean(z**2)):.2f}"
    return Measurement(value=float(100 * least), n=z.size, note=note)


def _claimed(evidence: Evidence) -> Measurement:
    need(evidence, "onset_v")
    _only_null(evidence)
    return Measurement(value=float(np.isfinite(evidence.found.onset_v.values).sum()), n=3)


CHECKS = (
    Check(
        id="A13",
        title="false alarms of the template fit: rate that is proven",
        reason="A chain that sees lithiation where there is none cannot be trusted where there is some.",
        source="1 %; |z| > 3 happens by chance in 0.27 %; lower limit of the rate with confidence 0.99998 (Clopper & "
        "Pearson, Biometrika 26, 404 (1934)), states sharing one reference",
        power="error bars too small by a factor of 3.0 (six states) or 1.9 (23 states)",
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
        power="a chain that claims onsets in noise",
        low=0.0,
        high=0.0,
        unit="1",
        measure=_claimed,
    ),
)
