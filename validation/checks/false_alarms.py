"""False alarms when nothing happens (A13)."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need
from tsct.validation.statistics.windows import CHANCE

#: a deviation of more standard errors than this is an alarm
ALARM = 3.0
#: directions in which the fitted parameters hardly scatter know nothing: share of the largest variance
LEAST = 1e-6


def _only_null(evidence: Evidence) -> None:
    if evidence.lithiated:
        raise NotRunError("something happens in this scenario; run scenario 'null'")


def _false_alarms(evidence: Evidence) -> Measurement:
    need(evidence, "fit", "fit_errors")
    _only_null(evidence)
    z = (evidence.found["fit"].values[1:] / evidence.found["fit_errors"].values[1:]).ravel()
    if not np.all(np.isfinite(z)):
        return Measurement(value=float("nan"), n=z.size)
    rate = 2 * norm.sf(ALARM / max(proven_scale(z, correlations(evidence.found)), 1e-9))
    note = f"{int(np.sum(np.abs(z) > ALARM))} of {z.size}, rms z {np.sqrt(np.mean(z**2)):.2f}"
    return Measurement(value=float(100 * rate), n=z.size, note=note)


def correlations(found: xr.Dataset) -> NDArray[np.float64] | None:
    """Correlations of all fitted parameters of all differences, (n, n), states outside; None if they are not stated."""
    if "fit_covariance_single" not in found or "difference_weights" not in found:
        return None
    weights, own = found["difference_weights"].values[1:], found["fit_covariance_single"].values
    joint = np.einsum("as,sij,bs->aibj", weights, own, weights, optimize=True)
    joint = joint.reshape(len(weights) * own.shape[1], -1)
    size = np.sqrt(np.diag(joint))
    return np.asarray(joint / np.outer(size, size))


def proven_scale(z: NDArray[np.float64], correlation: NDArray[np.float64] | None) -> float:
    """Factor by which the scatter of deviations is larger than their errors, and not by chance (`CHANCE`).

    By the sum of squares in the directions in which they are independent; by the largest alone, which holds for
    deviations that depend on each other in any way, where their correlations are not known.
    """
    if correlation is None:
        return float(np.max(np.abs(z)) / norm.isf(CHANCE / (2 * z.size)))
    values, vectors = np.linalg.eigh(correlation)
    known = values > LEAST * values[-1]
    independent = (z @ vectors[:, known]) ** 2 / values[known]
    return float(np.sqrt(independent.sum() / chi2.isf(CHANCE, independent.size)))


def _claimed(evidence: Evidence) -> Measurement:
    need(evidence, "onset_v")
    _only_null(evidence)
    return Measurement(value=float(np.isfinite(evidence.found.onset_v.values).sum()), n=3)


CHECKS = (
    Check(
        id="A13",
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
