"""Standard errors of what is read off the region's curves, as far as recovered data say how sure these are.

Whatever they do not say makes a NaN here, and so a value whose error is unknown.
"""

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf import PdfOperator
from tsct.validation.evidence.check import Evidence, NotRunError
from tsct.validation.evidence.region_states import stated_operator


def pdf_covariance(evidence: Evidence, operator: PdfOperator) -> NDArray[np.float64]:
    """Covariance of G(r) in the reference state through a transform, shape (r, r), from the errors of I(Q)."""
    found = evidence.recovered
    if "roi_iq_errors" not in found or "roi_iq" not in found:
        return np.full((len(operator.r), len(operator.r)), np.nan)
    pattern, errors = found.roi_iq.values[0], found.roi_iq_errors.values[0]
    return operator.covariance(errors**2) / operator.density(pattern) ** 2


def gr_covariance(evidence: Evidence) -> NDArray[np.float64]:
    """Covariance of the recovered G(r) in the reference state, shape (r, r): as stated, or from that of I(Q)."""
    if "roi_gr_covariance" in evidence.recovered:
        return evidence.recovered.roi_gr_covariance.values.astype(np.float64)
    return (
        pdf_covariance(evidence, stated_operator(evidence.recovered, undamped=True))
        if _states(evidence)
        else _unknown(evidence)
    )


def dgr_covariance(evidence: Evidence) -> NDArray[np.float64]:
    """Covariance of the last difference PDF, shape (r, r): the stated errors, correlated as by the transform."""
    found = evidence.recovered
    if not {"roi_dgr_errors", "roi_iq_errors"} <= set(found) or not _states(evidence):
        return _unknown(evidence)
    operator = stated_operator(found, undamped=True)
    shape = operator.covariance((found.roi_iq_errors.values[[0, -1]] ** 2).sum(axis=0))
    scale = found.roi_dgr_errors.values[-1] / np.sqrt(np.diag(shape))
    return shape * np.outer(scale, scale)


def _states(evidence: Evidence) -> bool:
    try:
        stated_operator(evidence.recovered, undamped=True)
    except NotRunError:
        return False
    return True


def _unknown(evidence: Evidence) -> NDArray[np.float64]:
    return np.full((evidence.recovered.sizes["r"],) * 2, np.nan)


def position_error(r: NDArray, curve: NDArray, covariance: NDArray, at: float) -> float:
    """Standard error of the position of an extremum: that of the slope there over the curvature."""
    if not np.isfinite(at):
        return float("nan")
    k, step = int(np.clip(np.argmin(np.abs(r - at)), 1, len(r) - 2)), r[1] - r[0]
    near = slice(k - 1, k + 2)
    slope_of, bend_of = np.array([-1.0, 0.0, 1.0]) / (2 * step), np.array([1.0, -2.0, 1.0]) / step**2
    return float(np.sqrt(slope_of @ covariance[near, near] @ slope_of) / abs(bend_of @ curve[near]))


def largest_difference_error(covariance: NDArray) -> float:
    """Largest standard error of a difference of two points of a curve with this covariance."""
    variance = np.diag(covariance)
    return float(np.sqrt(np.max(variance[:, None] + variance - 2 * covariance)))


def residual_error(difference: NDArray, size: float, covariance: NDArray) -> float:
    """Standard error of ``sqrt(sum difference^2 / size)`` for a difference with normal noise in it.

    Variance of a quadratic form: ``4 d' C d + 2 tr C^2`` with d free of noise. That in the difference as it was found
    adds ``tr C^2`` to d' C d on average, which is taken off again.
    """
    square, noise = float(difference @ difference), 2 * np.sum(covariance**2)
    variance = np.maximum(4 * difference @ covariance @ difference - noise, noise)
    return float(np.sqrt(variance) / (2 * np.sqrt(square * size)))
