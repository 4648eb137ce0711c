"""The paper's readings again, held to what a perfect measurement of this sample would show (A5g, A5h, A7b, A10c, A10d).

Windows taken from a paper can be missed by a perfect chain, because the sample is another or the rule of thumb leaves
something out. These checks ask the other question: is the reading that of the noise-free truth, transformed alike?
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf import PdfOperator, between, extremum
from tsct.analyze.phases import LOBES, PARAMETERS, SILICON_LITHIUM, fit_difference, fit_reference
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need, stated
from tsct.validation.evidence.region_states import roi_patterns, stated_operator
from tsct.validation.statistics.image_measures import slope
from tsct.validation.statistics.propagation import largest_difference_error, pdf_covariance, position_error
from tsct.validation.statistics.windows import sigmas, told

from .bond_shift import lobe_slope
from .long_range_order import far_over_near
from .termination_ghost import AROUND_20, AT_20, ghost, other_operator, reference_pdf

#: ends of the transform between which the ghost is followed, 1/angstrom
ENDS = (18.0, 19.0, 20.0, 21.0, 22.0)
#: maxima that fit between 0.94 and 1.06 A at 30 1/A: ripples are 2 pi / Qmax = 0.21 A apart, and each has two sides
SIDES = 2
#: points of G(r) from 7 to 12 A in steps of 0.02 A
FAR_POINTS = 250


def _patterns(evidence: Evidence) -> NDArray[np.float64]:
    return roi_patterns(evidence.truth, evidence.found, evidence.phases)


def _true_pdf(evidence: Evidence, q_max: float) -> tuple[NDArray, NDArray]:
    """The true reference pattern, transformed to another Qmax."""
    operator, pattern = other_operator(evidence, q_max), _patterns(evidence)[0]
    return operator.r, operator.apply(pattern) / operator.density(pattern)


def _ghost_moves(evidence: Evidence) -> Measurement:
    """Largest distance of the ghost from that of the truth over Qmax 18 to 22, over the error of its position."""
    need(evidence, "roi_iq_errors")
    found, true = (
        np.array([ghost(*pdf(evidence, end), AROUND_20)[0] for end in ENDS]) for pdf in (reference_pdf, _true_pdf)
    )
    errors = np.array([_position_error(evidence, end, at) for end, at in zip(ENDS, found, strict=True)])
    shown = ", ".join(f"{f:.3f} ({t:.3f})" for f, t in zip(found, true, strict=True))
    return Measurement(
        value=float(np.max(np.abs(found - true) / errors)), n=len(ENDS), note=f"found (truth): {shown} A", error=1.0
    )


def _position_error(evidence: Evidence, q_max: float, at: float) -> float:
    """Standard error of the position of a maximum of the reference's PDF."""
    covariance = pdf_covariance(evidence, other_operator(evidence, q_max))
    return position_error(*reference_pdf(evidence, q_max), covariance, at)


def _ghost_left(evidence: Evidence) -> Measurement:
    """Prominence near 1 A at Qmax 30 beyond that of the truth, over the error of a difference of two points of G.

    Points half a ripple apart are anti-correlated, so their difference is less sure than that of independent ones. A
    prominence is the difference of a maximum and the higher one of the minima beside it, whichever these are.
    """
    need(evidence, "roi_iq_errors")
    found, true = (ghost(*pdf(evidence, 30.0), AT_20)[1] for pdf in (reference_pdf, _true_pdf))
    operator = other_operator(evidence, 30.0)
    # from the minimum before to the minimum behind it
    near = between(operator.r, (AT_20[0] - 0.1, AT_20[1] + 0.1))
    error = largest_difference_error(pdf_covariance(evidence, operator)[np.ix_(near, near)])
    note = f"found {found:.2f}, truth {true:.2f} 1/A2"
    return Measurement(value=float((found - true) / error), note=note, error=1.0)


def _far(evidence: Evidence) -> Measurement:
    """Largest |G| from 7 to 12 A over G(2.4), beyond that of the truth, over the error of G there.

    Two largest values differ by no more than the largest of the differences, that of all points of the curve.
    """
    need(evidence, "roi_gr", "roi_gr_errors")
    operator, pattern = stated_operator(evidence.found), _patterns(evidence)[0]
    true, found = far_over_near(operator.r, operator.apply(pattern)), far_over_near(*evidence.curve("roi_gr"))
    r, errors = evidence.curve("roi_gr_errors")
    error = np.sqrt(np.mean(errors[(r >= 7.0) & (r <= 12.0)] ** 2)) / np.interp(2.4, *evidence.curve("roi_gr"))
    return Measurement(value=float((found - true) / error), note=f"found {found:.3f}, truth {true:.3f}", error=1.0)


def _fitted(evidence: Evidence) -> Measurement:
    """Slope of the fitted shifts on those that the same fit finds in the truth, weighted by the errors."""
    need(evidence, "fit", "fit_errors")
    true = _true_shifts(evidence)
    found, errors = (evidence.found[name].sel(parameter="shift").values[1:] for name in ("fit", "fit_errors"))
    value = slope(found / errors, true / errors)
    error = float(np.sum((true / errors) ** 2) ** -0.5)
    return Measurement(value=value, n=true.size, error=error, note=f"± {error:.4f} (statistical)")


def _true_shifts(evidence: Evidence) -> NDArray[np.float64]:
    if not evidence.lithiated:
        raise NotRunError("nothing is lithiated in this scenario")
    operator, patterns = stated_operator(evidence.found), _patterns(evidence)
    oxygen = stated(evidence, "composition").get("O", 0.0) * float(operator.density(patterns[0]))
    reference = fit_reference(operator, operator.apply(patterns[0]), oxygen)
    attrs = evidence.found.attrs
    # the same template as the chain's, or the fits would differ by that
    shell = replace(
        SILICON_LITHIUM,
        distance=attrs.get("lithium_distance", SILICON_LITHIUM.distance),
        sigma=attrs.get("lithium_sigma", SILICON_LITHIUM.sigma),
    )
    changes = operator.apply(patterns[1:] - patterns[0])
    fits = [fit_difference(operator, reference, row, shell).parameters for row in changes]
    return np.array(fits)[:, PARAMETERS.index("shift")]


def _lobes(evidence: Evidence) -> Measurement:
    """Slope of the naive lobe position on the true shift, minus that of the noise-free difference."""
    need(evidence, "lobe_low", "lobe_high")
    operator, patterns = stated_operator(evidence.found), _patterns(evidence)
    curves = operator.apply(patterns - patterns[0])
    low, high = (np.array([_lobe(operator, curve, name) for curve in curves]) for name in ("lobe_low", "lobe_high"))
    found = lobe_slope(evidence, evidence.found.lobe_low.values, evidence.found.lobe_high.values)
    true = lobe_slope(evidence, low, high)
    return Measurement(value=found[0] - true[0], n=found[1], note=f"found {found[0]:.3f}, truth {true[0]:.3f}")


def _lobe(operator: PdfOperator, curve: NDArray, name: str) -> float:
    return extremum(operator.r, curve, *LOBES[name])[0] if np.any(curve) else float("nan")


_ERROR = "the gain pattern of the channels is the largest part of its error"
CHECKS = (
    Check(
        id="A5g",
        title="ghost moves with Qmax as that of the noise-free truth does",
        reason="Ripples of the Si-Si peak and a sloping baseline lie under the ghost, so that it does not follow the "
        "rule of one peak alone. A perfect measurement shows this ghost, and no other.",
        source=f"position in the truth, transformed alike; {told(len(ENDS))}",
        low=0.0,
        high=sigmas(len(ENDS)),
        unit="sigma",
        measure=_ghost_moves,
        power="a ghost off by eight of its standard errors",
    ),
    Check(
        id="A5h",
        title="what is left near 1 A at Qmax 30 is no more than in the noise-free truth",
        reason="Far out, carbon scatters next to nothing and every error of the channels is enlarged: what stands at "
        "1 A then is noise, and its error bar must say so.",
        source=f"prominence in the truth, transformed alike; {told(SIDES)}; {_ERROR}",
        low=-sigmas(SIDES),
        high=sigmas(SIDES),
        unit="sigma",
        measure=_ghost_left,
        power="a peak of eight standard errors",
    ),
    Check(
        id="A7b",
        title="largest |G| from 7 to 12 A no larger than in the noise-free truth",
        reason="Carbon and silicon have shells beyond 7 A. A perfect measurement shows them, and only them.",
        source=f"the truth, transformed alike; {told(FAR_POINTS)}; {_ERROR}",
        low=-sigmas(FAR_POINTS),
        high=sigmas(FAR_POINTS),
        unit="sigma",
        measure=_far,
        power="a ripple of eight standard errors",
    ),
    Check(
        id="A10c",
        title="template-fit shift against that of the same fit in the noise-free truth",
        reason="A fit of one shell to bonds that grow a tail measures the peak, not the mean bond. What scan and chain "
        "did to it is the rest, and that must be nothing.",
        source="the same fit of the true difference; 5 % as for the true shift",
        low=0.95,
        high=1.05,
        unit="1",
        measure=_fitted,
        power="shifts wrong by 5 % plus three statistical errors",
    ),
    Check(
        id="A10d",
        title="naive lobe position as in the noise-free truth",
        reason="Half of the shift holds for a peak that moves as a whole. Lithiated silicon grows a tail of long "
        "bonds, so that its lobes move less: in the truth as well.",
        source="slope of the lobes of the true difference; 0.1 as for the rule of thumb",
        low=-0.1,
        high=0.1,
        unit="1",
        measure=_lobes,
        power="lobes that move by a tenth of the shift too much",
    ),
)
