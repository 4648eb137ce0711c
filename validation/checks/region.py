"""The region of interest: the same place, the same pattern, the same PDF as in the truth."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.stats import norm

from tsct.validation.evidence.absorption import left_by_absorption
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need, sure
from tsct.validation.evidence.map_view import map_view
from tsct.validation.evidence.noise_free import self_scattering
from tsct.validation.evidence.phase_amounts import has_named_phases
from tsct.validation.evidence.region_states import roi_patterns, stated_operator
from tsct.validation.evidence.region_truth import roi_truth
from tsct.validation.statistics.curve_measures import stretch, weighted_residual
from tsct.validation.statistics.image_measures import overlap
from tsct.validation.statistics.propagation import gr_covariance, residual_error

#: range of r in which PDFs are compared, angstrom: from below the C-C bond to where amorphous order has faded
R_RANGE = (1.1, 6.0)
#: half the widths of the windows, of which what absorption may leave must be a part for anything to be told
LEVEL, SHAPE, RW, OVER_TRUNCATION, STRETCH = 1.0, 0.5, 5.0, 0.1, 0.03
LEAVE = "absorption may leave"
#: standard deviation in Q by which patterns with Bragg peaks are smoothed before they are divided, 1/angstrom
SMOOTH_Q = 0.25


def _outline(evidence: Evidence) -> Measurement:
    """Dice overlap of the voxels that hold more than half the electrode's mean silicon."""
    v = map_view(evidence, "silicon")
    if not np.all(np.isfinite(v.recovered)):
        return Measurement(value=float("nan"))
    level = 0.5 * np.array([v.recovered[v.inside].mean(), v.true[v.inside].mean()])
    recovered, true = v.recovered > level[0], v.true > level[1]
    # each voxel that noise moves across the level changes the overlap by one part of both outlines
    errors = np.full(v.recovered.shape, np.nan) if v.errors is None else v.errors
    beyond = norm.cdf((v.recovered - level[0]) / errors)
    error = float(np.sqrt(np.sum(beyond * (1 - beyond))) / int(recovered.sum() + true.sum()))
    return Measurement(value=overlap(recovered, true), n=int(true.sum()), error=error)


def _ratio(evidence: Evidence) -> NDArray[np.float64]:
    """Recovered over true pattern of the region in the reference state, where it is transformed; on any scale.

    Of other samples than the cell, whose patterns may have Bragg peaks and next to nothing between them, it is one plus
    the difference over the scattering of free atoms, both patterns smoothed: a ruler that is off by 0.03 %, which has a
    check of its own, changes the ratio at the flank of a peak by tens of per cent.
    """
    need(evidence, "roi_iq")
    true = roi_patterns(evidence.truth, evidence.recovered, evidence.phases)[0]
    q, recovered = evidence.recovered.q.values, evidence.recovered.roi_iq.values[0]
    low, high = (evidence.recovered.attrs.get(name, end) for name, end in (("q_min", q[0]), ("q_max", q[-1])))
    half = (q[1] - q[0]) / 2
    used = (q >= low - half) & (q <= high + half)
    if not has_named_phases(evidence.truth):
        return (recovered / true)[used]
    scale = float(recovered[used].mean() / true[used].mean())
    smooth = gaussian_filter1d(recovered / scale - true, SMOOTH_Q / (q[1] - q[0]))
    return scale * (1 + smooth / self_scattering(evidence))[used]


def _left_of_ratio(evidence: Evidence) -> NDArray[np.float64]:
    """By how much that changes the ratio of :func:`_ratio`; zero where it is not stated."""
    left = left_by_absorption(evidence)
    if left is None:
        return np.zeros(1)
    q = evidence.recovered.q.values
    low, high = (evidence.recovered.attrs.get(name, end) for name, end in (("q_min", q[0]), ("q_max", q[-1])))
    used = (q >= low) & (q <= high)
    density = evidence.recovered.attrs["reference_density"]
    return np.asarray((density * gaussian_filter1d(left, SMOOTH_Q / (q[1] - q[0])) / self_scattering(evidence))[used])


def _level(evidence: Evidence) -> Measurement:
    density = evidence.recovered.attrs.get("reference_density")
    if density is None:
        raise NotRunError("the recovered data do not state 'reference_density', the scale of roi_iq")
    sure(100 * abs(float(_left_of_ratio(evidence).mean())), LEVEL, "%", LEAVE)
    ratio = density * _ratio(evidence)
    return Measurement(
        value=float(100 * (ratio.mean() - 1)), n=ratio.size, error=float(100 * ratio.std() / np.sqrt(ratio.size))
    )


def _shape(evidence: Evidence) -> Measurement:
    sure(100 * float(_left_of_ratio(evidence).std()), SHAPE, "%", LEAVE)
    ratio = _ratio(evidence)
    value = float(100 * ratio.std() / ratio.mean())
    return Measurement(value=value, n=ratio.size, error=value / np.sqrt(2 * ratio.size))


def _curves(evidence: Evidence) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """r, recovered and true G(r) of the reference state, the truth transformed as the data say, and the covariance."""
    need(evidence, "roi_gr")
    true = roi_patterns(evidence.truth, evidence.recovered, evidence.phases)[0]
    operator = stated_operator(evidence.recovered)
    r, recovered = evidence.curve("roi_gr")
    use = (r >= R_RANGE[0]) & (r <= R_RANGE[1])
    covariance = gr_covariance(evidence)[np.ix_(use, use)]
    return r[use], recovered[use], (operator.apply(true) / operator.density(true))[use], covariance


def _left_of_curve(evidence: Evidence) -> NDArray[np.float64]:
    """By how much what absorption may have left moves G(r); zero where it is not stated."""
    left = left_by_absorption(evidence)
    if left is None:
        return np.zeros(1)
    operator, r = stated_operator(evidence.recovered), evidence.recovered.r.values
    moved = operator.apply(left) / operator.density(evidence.recovered.roi_iq.values[0])
    return np.asarray(moved[(r >= R_RANGE[0]) & (r <= R_RANGE[1])])


def _residual(evidence: Evidence) -> Measurement:
    r, recovered, true, covariance = _curves(evidence)
    sure(100 * weighted_residual(true + _left_of_curve(evidence), true), RW, "%", LEAVE)
    error = 100 * residual_error(recovered - true, float(true @ true), covariance)
    return Measurement(value=100 * weighted_residual(recovered, true), n=len(r), error=error)


def _untruncated(evidence: Evidence) -> Measurement:
    """R_w against the PDF without truncation, over that of the truth when it is truncated as the data are."""
    r, recovered, true, covariance = _curves(evidence)
    region = roi_truth(evidence.truth, evidence.recovered, evidence.phases)
    if region is None:
        raise NotRunError("the truth holds no untruncated PDF")
    whole = np.interp(r, evidence.recovered.r.values, region.gr_untruncated.values)
    least, left = weighted_residual(true, whole), _left_of_curve(evidence)
    moved = max(abs(weighted_residual(true + sign * left, whole) / least - 1) for sign in (-1, 1))
    sure(moved, OVER_TRUNCATION, "of it", LEAVE)
    value = weighted_residual(recovered, whole)
    note = f"R_w {100 * value:.1f} %, of which truncation {100 * least:.1f} %"
    error = residual_error(recovered - whole, float(whole @ whole), covariance) / least
    return Measurement(value=value / least, n=len(r), note=note, error=error)


def _stretch(evidence: Evidence) -> Measurement:
    """Stretch of the recovered r axis, in per cent."""
    curves = r, _, true, covariance = _curves(evidence)
    sure(abs(stretch(r, true + _left_of_curve(evidence), true, covariance)[0]), STRETCH, "%", LEAVE)
    value, error, height = stretch(*curves)
    return Measurement(value=value, n=len(curves[0]), note=f"height {height:.4f}", error=error)


CHECKS = (
    Check(
        id="electrode.overlap",
        alias="A15",
        figure="map_silicon",
        power="a rotation axis off by 0.5 voxels, or a map smoothed by a Gaussian of one voxel",
        power_measured=True,
        possible=(0.0, 1.0),
        title="outline of the electrode: overlap with the truth",
        reason="A region of interest is only as good as the place it is cut from.",
        source="Dice overlap; an electrode 40 voxels wide that is off by half a voxel has 0.984",
        low=0.985,
        high=1.0,
        unit="1",
        measure=_outline,
    ),
    Check(
        id="iq.level",
        alias="A16a",
        figure="pdf",
        power="a level wrong by 1.01 %",
        power_measured=True,
        title="I(Q) of the region: level",
        reason="Absolute units all the way: absorption, flux and solid angle were divided out.",
        source="1 %: what monitor and transmission are known to at a beamline; the reference chain leaves 0.02 %",
        low=-LEVEL,
        high=LEVEL,
        unit="%",
        measure=_level,
    ),
    Check(
        id="iq.shape",
        alias="A16b",
        figure="pdf",
        power="a seventh of the polarisation left uncorrected",
        power_measured=True,
        possible=(0.0, np.inf),
        title="I(Q) of the region: shape",
        reason="Polarisation, absorption along the way out and Compton scattering change the pattern smoothly.",
        source="half a per cent of scatter about the mean ratio; the reference chain leaves 0.02 %",
        low=0.0,
        high=SHAPE,
        unit="%",
        measure=_shape,
    ),
    Check(
        id="pdf.rw",
        alias="A16c",
        figure="pdf",
        power="a transform that ends at 20 instead of the stated 25 1/angstrom",
        power_measured=True,
        possible=(0.0, np.inf),
        title="G(r) of the region: R_w against the truth, truncated alike",
        reason="All that is left here was done by scan and chain, not by the end of the data.",
        source="5 %: what two PDF programs differ by on one pattern; the reference chain leaves 0.2 %",
        low=0.0,
        high=RW,
        unit="%",
        measure=_residual,
    ),
    Check(
        id="pdf.rw-over-truncation",
        alias="A16d",
        figure="pdf",
        power="photons scattered twice not subtracted",
        power_measured=True,
        title="G(r) of the region: R_w against the untruncated truth, over the share of truncation",
        reason="How far the PDF is from the atoms themselves; one if truncation is all that stands between.",
        source="by definition; 10 %",
        low=1 - OVER_TRUNCATION,
        high=1 + OVER_TRUNCATION,
        unit="1",
        measure=_untruncated,
    ),
    Check(
        id="pdf.r-stretch",
        alias="A16e",
        figure="pdf",
        power="a wavelength or a detector distance wrong by 0.04 %",
        power_measured=True,
        title="G(r) of the region: stretch of the r axis",
        reason="Wavelength and detector distance set the ruler of every bond length.",
        source="0.03 %: 0.7 mA at the Si-Si bond, a third of a usual calibration error",
        low=-STRETCH,
        high=STRETCH,
        unit="%",
        measure=_stretch,
    ),
)
