"""Bond-length changes: the template fit against the naive reading."""

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf import extremum
from tsct.analyze.phases import LOBES
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need
from tsct.validation.evidence.noise_free import noise_free_differences
from tsct.validation.statistics.curve_measures import lobe_slope


def true_shift(evidence: Evidence) -> NDArray[np.float64]:
    """Change of the mean Si-Si bond since the first state, angstrom, shape (state,)."""
    if not evidence.lithiated:
        raise NotRunError("nothing is lithiated in this scenario")
    distance = evidence.truth.silicon_distance.values
    return distance - distance[0]


def _fitted(evidence: Evidence) -> Measurement:
    """Slope of fitted against true shift, through the origin, weighted by the errors."""
    need(evidence, "fit", "fit_errors")
    true = true_shift(evidence)[1:]
    fitted = evidence.recovered["fit"].sel(parameter="shift").values[1:]
    weight = evidence.recovered["fit_errors"].sel(parameter="shift").values[1:] ** -2.0
    slope = float(np.sum(weight * true * fitted) / np.sum(weight * true**2))
    error = float(np.sum(weight * true**2) ** -0.5)
    return Measurement(value=slope, n=true.size, note=f"± {error:.4f} (statistical)", error=error)


def _naive(evidence: Evidence) -> Measurement:
    """Slope of the middle between the lobes against the true shift."""
    need(evidence, "lobe_low", "lobe_high")
    recovered = evidence.recovered
    value, n = lobe_slope(true_shift(evidence), recovered.lobe_low.values, recovered.lobe_high.values)
    return Measurement(value=value, n=n)


def _naive_in_truth(evidence: Evidence) -> float:
    r, curves = noise_free_differences(evidence)
    return lobe_slope(true_shift(evidence), *(lobe_positions(r, curves, name) for name in ("lobe_low", "lobe_high")))[0]


def lobe_positions(r: NDArray, curves: NDArray, name: str) -> NDArray[np.float64]:
    """Position of a lobe of difference curves (state, r), angstrom; NaN in a state without a difference."""
    return np.array([extremum(r, curve, *LOBES[name])[0] if np.any(curve) else np.nan for curve in curves])


CHECKS = (
    Check(
        id="shift.slope[fit]",
        alias="A10",
        figure="trends",
        beside="shift.ratio[fit]",
        title="template-fit shift against the true shift",
        reason="The estimator that should be used: its slope is one if bond-length changes can be believed.",
        source="linear estimator, unbiased by design; 5 % for the analyst's handbook templates",
        low=0.95,
        high=1.05,
        unit="1",
        about="paper",
        measure=_fitted,
        power="shifts wrong by 10 %",
    ),
    Check(
        id="shift.slope[lobes]",
        alias="A10b",
        figure="trends",
        beside="shift.excess[lobes]",
        title="naive lobe position against the true shift",
        reason="Reading bond lengths off the lobes of a dPDF shows half of the change: a documented bias.",
        source="extrema of a derivative lie at r0 + shift/2 ± width",
        low=0.4,
        high=0.6,
        unit="1",
        about="paper",
        measure=_naive,
        noise_free=_naive_in_truth,
        power="lobes that move with the bond, slope 1",
    ),
)
