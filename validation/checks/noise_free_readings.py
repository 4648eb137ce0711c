"""The paper's readings again, held to what a perfect measurement of this sample would show.

Windows taken from a paper can be missed by a perfect chain, because the sample is another or the rule of thumb leaves
something out. These checks ask the other question: is the reading that of the noise-free truth, transformed alike?
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf import between
from tsct.analyze.phases import PARAMETERS, SILICON_LITHIUM, fit_difference, fit_reference
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, attribute, need
from tsct.validation.evidence.region_states import roi_patterns, stated_operator
from tsct.validation.statistics.curve_measures import FAR, far_over_near, ghost, lobe_slope
from tsct.validation.statistics.image_measures import slope
from tsct.validation.statistics.propagation import largest_difference_error, pdf_covariance, position_error
from tsct.validation.statistics.windows import sigmas, window_source

from .bond_shift import lobe_positions, true_shift
from .termination_ghost import AROUND_20, AT_20, ENDS, other_operator, reference_pdf

#: maxima that fit between 0.94 and 1.06 A at 30 1/A: ripples are 2 pi / Qmax = 0.21 A apart, and each has two sides
SIDES = 2
#: points of G(r) from 7 to 12 A in steps of 0.02 A
FAR_POINTS = 250


def _patterns(evidence: Evidence) -> NDArray[np.float64]:
    return roi_patterns(evidence.truth, evidence.recovered, evidence.phases)


def _true_pdf(evidence: Evidence, q_max: float) -> tuple[NDArray, NDArray]:
    """The true reference pattern, transformed to another Qmax."""
    operator, pattern = other_operator(evidence, q_max), _patterns(evidence)[0]
    return operator.r, operator.apply(pattern) / operator.density(pattern)


def _ghost_moves(evidence: Evidence) -> Measurement:
    """Largest distance of the ghost from that of the truth over Qmax 18 to 22, over the error of its position."""
    need(evidence, "roi_iq_errors")
    recovered, true = (
        np.array([ghost(*pdf(evidence, end), AROUND_20)[0] for end in ENDS]) for pdf in (reference_pdf, _true_pdf)
    )
    errors = np.array([_position_error(evidence, end, at) for end, at in zip(ENDS, recovered, strict=True)])
    shown = ", ".join(f"{f:.3f} ({t:.3f})" for f, t in zip(recovered, true, strict=True))
    return Measurement(
        value=float(np.max(np.abs(recovered - true) / errors)),
        n=len(ENDS),
        note=f"recovered (truth): {shown} A",
        error=1.0,
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
    recovered, true = (ghost(*pdf(evidence, 30.0), AT_20)[1] for pdf in (reference_pdf, _true_pdf))
    operator = other_operator(evidence, 30.0)
    # from the minimum before to the minimum behind it
    near = between(operator.r, (AT_20[0] - 0.1, AT_20[1] + 0.1))
    error = largest_difference_error(pdf_covariance(evidence, operator)[np.ix_(near, near)])
    note = f"recovered {recovered:.2f}, truth {true:.2f} 1/A2"
    return Measurement(value=float((recovered - true) / error), note=note, error=1.0)


def _far(evidence: Evidence) -> Measurement:
    """Largest |G| from 7 to 12 A over G(2.4), beyond that of the truth, over the error of G there.

    Two largest values differ by no more than the largest of the differences, that of all points of the curve.
    """
    need(evidence, "roi_gr", "roi_gr_errors")
    operator, pattern = stated_operator(evidence.recovered), _patterns(evidence)[0]
    true, recovered = far_over_near(operator.r, operator.apply(pattern)), far_over_near(*evidence.curve("roi_gr"))
    r, errors = evidence.curve("roi_gr_errors")
    error = np.sqrt(np.mean(errors[between(r, FAR)] ** 2)) / np.interp(2.4, *evidence.curve("roi_gr"))
    return Measurement(
        value=float((recovered - true) / error), note=f"recovered {recovered:.3f}, truth {true:.3f}", error=1.0
    )


def _fitted(evidence: Evidence) -> Measurement:
    """Slope of the fitted shifts on those that the same fit finds in the truth, weighted by the errors."""
    need(evidence, "fit", "fit_errors")
    true = _true_shifts(evidence)
    recovered, errors = (evidence.recovered[name].sel(parameter="shift").values[1:] for name in ("fit", "fit_errors"))
    value = slope(recovered / errors, true / errors)
    error = float(np.sum((true / errors) ** 2) ** -0.5)
    return Measurement(value=value, n=true.size, error=error, note=f"± {error:.4f} (statistical)")


def _true_shifts(evidence: Evidence) -> NDArray[np.float64]:
    if not evidence.lithiated:
        raise NotRunError("nothing is lithiated in this scenario")
    operator, patterns = stated_operator(evidence.recovered), _patterns(evidence)
    oxygen = attribute(evidence, "composition").get("O", 0.0) * float(operator.density(patterns[0]))
    reference = fit_reference(operator, operator.apply(patterns[0]), oxygen)
    attrs = evidence.recovered.attrs
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
    operator, patterns = stated_operator(evidence.recovered), _patterns(evidence)
    curves = operator.apply(patterns - patterns[0])
    shift, names = true_shift(evidence), ("lobe_low", "lobe_high")
    value, n = lobe_slope(shift, *(evidence.recovered[name].values for name in names))
    true, _ = lobe_slope(shift, *(lobe_positions(operator.r, curves, name) for name in names))
    return Measurement(value=value - true, n=n, note=f"recovered {value:.3f}, truth {true:.3f}")


_ERROR = "the gain pattern of the channels is the largest part of its error"
CHECKS = (
    Check(
        id="ghost.movement",
        alias="A5g",
        figure="pdf",
        title="ghost moves with Qmax as that of the noise-free truth does",
        reason="Ripples of the Si-Si peak and a sloping baseline lie under the ghost, so that it does not follow the "
        "rule of one peak alone. A perfect measurement shows this ghost, and no other.",
        source=f"position in the truth, transformed alike; {window_source(len(ENDS))}",
        low=0.0,
        high=sigmas(len(ENDS)),
        unit="sigma",
        measure=_ghost_moves,
        power="a ghost off by eight of its standard errors",
    ),
    Check(
        id="ghost.excess[qmax-30]",
        alias="A5h",
        figure="pdf",
        title="what is left near 1 A at Qmax 30 is no more than in the noise-free truth",
        reason="Far out, carbon scatters next to nothing and every error of the channels is enlarged: what stands at "
        "1 A then is noise, and its error bar must say so.",
        source=f"prominence in the truth, transformed alike; {window_source(SIDES)}; {_ERROR}",
        low=-sigmas(SIDES),
        high=sigmas(SIDES),
        unit="sigma",
        measure=_ghost_left,
        power="a peak of eight standard errors",
    ),
    Check(
        id="pdf.far-excess",
        alias="A7b",
        figure="pdf",
        title="largest |G| from 7 to 12 A no larger than in the noise-free truth",
        reason="Carbon and silicon have shells beyond 7 A. A perfect measurement shows them, and only them.",
        source=f"the truth, transformed alike; {window_source(FAR_POINTS)}; {_ERROR}",
        low=-sigmas(FAR_POINTS),
        high=sigmas(FAR_POINTS),
        unit="sigma",
        measure=_far,
        power="a ripple of eight standard errors",
    ),
    Check(
        id="shift.ratio[fit]",
        alias="A10c",
        figure="trends",
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
        id="shift.excess[lobes]",
        alias="A10d",
        figure="trends",
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
