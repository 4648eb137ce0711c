"""Bond-length changes: the template fit against the naive reading (A10)."""

import numpy as np
from numpy.typing import NDArray

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need

#: states with a smaller true shift than this (angstrom) are left out of the slope of the naive lobe
LEAST_SHIFT = 0.004


def _true_shift(evidence: Evidence) -> NDArray[np.float64]:
    if not evidence.lithiated:
        raise NotRunError("nothing is lithiated in this scenario")
    distance = evidence.truth.silicon_distance.values
    return distance - distance[0]


def _fitted(evidence: Evidence) -> Measurement:
    """Slope of fitted against true shift, through the origin, weighted by the errors."""
    need(evidence, "fit", "fit_errors")
    true = _true_shift(evidence)[1:]
    found = evidence.found["fit"].sel(parameter="shift").values[1:]
    weight = evidence.found["fit_errors"].sel(parameter="shift").values[1:] ** -2.0
    slope = float(np.sum(weight * true * found) / np.sum(weight * true**2))
    error = float(np.sum(weight * true**2) ** -0.5)
    return Measurement(value=slope, n=true.size, note=f"± {error:.4f} (statistical)", error=error)


def _naive(evidence: Evidence) -> Measurement:
    """Slope of the middle between the lobes against the true shift."""
    need(evidence, "lobe_low", "lobe_high")
    value, n = lobe_slope(evidence, evidence.found.lobe_low.values, evidence.found.lobe_high.values)
    return Measurement(value=value, n=n)


def lobe_slope(evidence: Evidence, low: NDArray, high: NDArray) -> tuple[float, int]:
    """Slope of the middle between two lobes on the true shift, and the number of states in it."""
    true, middle = _true_shift(evidence), (low + high) / 2
    use = (true >= LEAST_SHIFT) & np.isfinite(middle)
    if np.count_nonzero(use) < 2:
        raise NotRunError("fewer than two states have lobes and a shift")
    return float(np.polyfit(true[use], middle[use], 1)[0]), int(use.sum())


CHECKS = (
    Check(
        id="A10",
        beside="A10c",
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
        id="A10b",
        beside="A10d",
        title="naive lobe position against the true shift",
        reason="Reading bond lengths off the lobes of a dPDF shows half of the change: a documented bias.",
        source="extrema of a derivative lie at r0 + shift/2 ± width",
        low=0.4,
        high=0.6,
        unit="1",
        about="paper",
        measure=_naive,
        power="lobes that move with the bond, slope 1",
    ),
)
