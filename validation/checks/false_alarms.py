"""False alarms when nothing happens."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import norm

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need
from tsct.validation.statistics.noise_measures import proven_scale

#: a deviation of more standard errors than this is an alarm
ALARM = 3.0


def _only_null(evidence: Evidence) -> None:
    if evidence.lithiated:
        raise NotRunError("something happens in this scenario; run scenario 'null'")


def _false_alarms(evidence: Evidence) -> Measurement:
    need(evidence, "fit", "fit_errors")
    _only_null(evidence)
    z = (evidence.recovered["fit"].values[1:] / evidence.recovered["fit_errors"].values[1:]).ravel()
    if not np.all(np.isfinite(z)):
        return Measurement(value=float("nan"), n=z.size)
    rate = 2 * norm.sf(ALARM / max(proven_scale(z, correlations(evidence.recovered)), 1e-9))
    note = f"{int(np.sum(np.abs(z) > ALARM))} of {z.size}, rms z {np.sqrt(np.mean(z**2)):.2f}"
    return Measurement(value=float(100 * rate), n=z.size, note=note)


def correlations(recovered: xr.Dataset) -> NDArray[np.float64] | None:
    """Correlations of all fitted parameters of all differences, (n, n), states outside; None if they are not stated."""
    if "fit_covariance_single" not in recovered or "difference_weights" not in recovered:
        return None
    weights, own = recovered["difference_weights"].values[1:], recovered["fit_covariance_single"].values
    joint = np.einsum("as,sij,bs->aibj", weights, own, weights, optimize=True)
    joint = joint.reshape(len(weights) * own.shape[1], -1)
    size = np.sqrt(np.diag(joint))
    return np.asarray(joint / np.outer(size, size))


def _onsets(evidence: Evidence) -> Measurement:
    need(evidence, "onset_v")
    _only_null(evidence)
    return Measurement(value=float(np.isfinite(evidence.recovered.onset_v.values).sum()), n=3)


CHECKS = (
    Check(
        id="null.false-alarms",
        alias="A13",
        figure="trends",
        scenario="null",
        title="false alarms of the template fit: rate that is proven",
        reason="A chain that sees lithiation where there is none cannot be trusted where there is some.",
        source="1 %; |z| > 3 happens by chance in 0.27 %, and in 1 % where error bars are too small by 1.16; least "
        "factor that the sum of squares of all deviations proves with confidence 0.99998, with the correlations of "
        "parameters and states that the chain states; that the largest deviation proves, if it states none",
        power="error bars too small by a factor of 2.1 (six states) or 1.6 (23 states)",
        low=0.0,
        high=1.0,
        unit="%",
        measure=_false_alarms,
    ),
    Check(
        id="null.onsets",
        alias="A13b",
        figure="trends",
        scenario="null",
        title="onsets claimed",
        reason="No event, no onset.",
        source="by definition of the scenario",
        power="a chain that claims onsets in noise",
        low=0.0,
        high=0.0,
        unit="1",
        measure=_onsets,
    ),
)
