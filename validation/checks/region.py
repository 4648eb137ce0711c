"""The region of interest: the same place, the same pattern, the same PDF as in the truth (A15, A16)."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need
from tsct.validation.evidence.region_states import roi_patterns, stated_operator
from tsct.validation.evidence.region_truth import roi_truth
from tsct.validation.statistics.propagation import gr_covariance, residual_error

from .image_quality import view

#: range of r in which PDFs are compared, angstrom: from below the C-C bond to where amorphous order has faded
R_RANGE = (1.1, 6.0)


def _outline(evidence: Evidence) -> Measurement:
    """Dice overlap of the voxels that hold more than half the electrode's mean silicon."""
    v = view(evidence, "silicon")
    if not np.all(np.isfinite(v.found)):
        return Measurement(value=float("nan"))
    level = 0.5 * np.array([v.found[v.inside].mean(), v.true[v.inside].mean()])
    found, true = v.found > level[0], v.true > level[1]
    both = int(found.sum() + true.sum())
    # each voxel that noise moves across the level changes the overlap by one part of both outlines
    errors = np.full(v.found.shape, np.nan) if v.errors is None else v.errors
    beyond = norm.cdf((v.found - level[0]) / errors)
    error = float(np.sqrt(np.sum(beyond * (1 - beyond))) / both)
    return Measurement(value=float(2 * np.sum(found & true) / both), n=int(true.sum()), error=error)


def _ratio(evidence: Evidence) -> NDArray[np.float64]:
    """Recovered over true pattern of the region in the reference state, where it is transformed; on any scale."""
    need(evidence, "roi_iq")
    true = roi_patterns(evidence.truth, evidence.found, evidence.phases)[0]
    q = evidence.found.q.values
    low, high = (evidence.found.attrs.get(name, end) for name, end in (("q_min", q[0]), ("q_max", q[-1])))
    half = (q[1] - q[0]) / 2
    return (evidence.found.roi_iq.values[0] / true)[(q >= low - half) & (q <= high + half)]


def _level(evidence: Evidence) -> Measurement:
    density = evidence.found.attrs.get("reference_density")
    if density is None:
        raise NotRunError("the recovered data do not state 'reference_density', the scale of roi_iq")
    ratio = density * _ratio(evidence)
    return Measurement(
        value=float(100 * (ratio.mean() - 1)), n=ratio.size, error=float(100 * ratio.std() / np.sqrt(ratio.size))
    )


def _shape(evidence: Evidence) -> Measurement:
    ratio = _ratio(evidence)
    value = float(100 * ratio.std() / ratio.mean())
    return Measurement(value=value, n=ratio.size, error=value / np.sqrt(2 * ratio.size))


def _curves(evidence: Evidence) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """r, recovered and true G(r) of the reference state, the truth transformed as the data say, and the covariance."""
    need(evidence, "roi_gr")
    true = roi_patterns(evidence.truth, evidence.found, evidence.phases)[0]
    operator = stated_operator(evidence.found)
    r, found = evidence.curve("roi_gr")
    use = (r >= R_RANGE[0]) & (r <= R_RANGE[1])
    covariance = gr_covariance(evidence)[np.ix_(use, use)]
    return r[use], found[use], (operator.apply(true) / operator.density(true))[use], covariance


def weighted_residual(found: NDArray, true: NDArray) -> float:
    """R_w with equal weights, sqrt(sum (found - true)^2 / sum true^2)."""
    return float(np.sqrt(np.sum((found - true) ** 2) / np.sum(true**2)))


def _residual(evidence: Evidence) -> Measurement:
    r, found, true, covariance = _curves(evidence)
    error = 100 * residual_error(found - true, float(true @ true), covariance)
    return Measurement(value=100 * weighted_residual(found, true), n=len(r), error=error)


def _untruncated(evidence: Evidence) -> Measurement:
    """R_w against the PDF without truncation, over that of the truth when it is truncated as the data are."""
    r, found, true, covariance = _curves(evidence)
    region = roi_truth(evidence.truth, evidence.found, evidence.phases)
    if region is None:
        raise NotRunError("the truth holds no untruncated PDF")
    whole = np.interp(r, evidence.found.r.values, region.gr_untruncated.values)
    least = weighted_residual(true, whole)
    value = weighted_residual(found, whole)
    note = f"R_w {100 * value:.1f} %, of which truncation {100 * least:.1f} %"
    error = residual_error(found - whole, float(whole @ whole), covariance) / least
    return Measurement(value=value / least, n=len(r), note=note, error=error)


def _scale(evidence: Evidence) -> Measurement:
    """Stretch of the recovered r axis, in per cent, with the height left free: one Gauss-Newton step from none."""
    r, found, true, covariance = _curves(evidence)
    response = np.linalg.pinv(np.stack([true, r * np.gradient(true, r)], axis=1))
    height, stretch = response @ found
    error = float(100 * np.sqrt(response[1] @ covariance @ response[1]) / height)
    return Measurement(value=float(-100 * stretch / height), n=len(r), note=f"height {height:.4f}", error=error)


CHECKS = (
    Check(
        id="A15",
        title="outline of the electrode: overlap with the truth",
        reason="A region of interest is only as good as the place it is cut from.",
        source="Dice overlap; an electrode 40 voxels wide that is off by half a voxel has 0.984",
        low=0.985,
        high=1.0,
        unit="1",
        measure=_outline,
    ),
    Check(
        id="A16a",
        title="I(Q) of the region: level",
        reason="Absolute units all the way: absorption, flux and solid angle were divided out.",
        source="1 %: what monitor and transmission are known to at a beamline; the reference chain leaves 0.02 %",
        low=-1.0,
        high=1.0,
        unit="%",
        measure=_level,
    ),
    Check(
        id="A16b",
        title="I(Q) of the region: shape",
        reason="Polarisation, absorption along the way out and Compton scattering change the pattern smoothly.",
        source="half a per cent of scatter about the mean ratio; the reference chain leaves 0.02 %",
        low=0.0,
        high=0.5,
        unit="%",
        measure=_shape,
    ),
    Check(
        id="A16c",
        title="G(r) of the region: R_w against the truth, truncated alike",
        reason="All that is left here was done by scan and chain, not by the end of the data.",
        source="5 %: what two PDF programs differ by on one pattern; the reference chain leaves 0.2 %",
        low=0.0,
        high=5.0,
        unit="%",
        measure=_residual,
    ),
    Check(
        id="A16d",
        title="G(r) of the region: R_w against the untruncated truth, over the share of truncation",
        reason="How far the PDF is from the atoms themselves; one if truncation is all that stands between.",
        source="by definition; 10 %",
        low=0.9,
        high=1.1,
        unit="1",
        measure=_untruncated,
    ),
    Check(
        id="A16e",
        title="G(r) of the region: stretch of the r axis",
        reason="Wavelength and detector distance set the ruler of every bond length.",
        source="0.03 %: 0.7 mA at the Si-Si bond, a third of a usual calibration error",
        low=-0.03,
        high=0.03,
        unit="%",
        measure=_scale,
    ),
)
