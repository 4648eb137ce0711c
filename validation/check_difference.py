"""The difference PDF against the true one, for any chain that delivers a curve (A17)."""

import numpy as np

from tsct.analyze.difference import DIFFERENCE_RANGE
from tsct.analyze.peaks import between

from .check import Check, Evidence, Measurement, NotRunError, need
from .image_quality import slope
from .roi_states import roi_patterns, stated_operator


def _fit(evidence: Evidence) -> tuple[float, float, int]:
    """Slope of the last recovered on the last true difference, share of it that is left, and points."""
    need(evidence, "roi_dgr")
    if not evidence.lithiated:
        raise NotRunError("nothing is lithiated in this scenario")
    operator = stated_operator(evidence.found)
    patterns = roi_patterns(evidence.truth, evidence.found, evidence.phases)
    true = operator.apply(patterns[-1] - patterns[0]) / operator.density(patterns[0])
    r, found = evidence.curve("roi_dgr", -1)
    use = between(r, DIFFERENCE_RANGE)
    height = slope(found[use], true[use])
    left = np.sqrt(np.mean((found - height * true)[use] ** 2) / np.mean(true[use] ** 2))
    return height, float(left), int(use.sum())


def _slope(evidence: Evidence) -> Measurement:
    height, left, n = _fit(evidence)
    return Measurement(value=height, n=n, note=f"{100 * left:.1f} % left over")


def _left(evidence: Evidence) -> Measurement:
    _, left, n = _fit(evidence)
    return Measurement(value=100 * left, n=n)


CHECKS = (
    Check(
        id="A17",
        title="dPDF of the last state: height against the true one",
        reason="A change that is shown too small or too large is read as another amount of lithium.",
        source="fit of the true difference, transformed alike, over 1.9 to 4.6 A; 5 % as for bond lengths",
        low=0.95,
        high=1.05,
        unit="1",
        measure=_slope,
        power="a height wrong by 10 %",
    ),
    Check(
        id="A17b",
        title="dPDF of the last state: what the true one does not explain",
        reason="Drifts and artefacts add shapes that no lithium makes.",
        source="10 % of the difference; counting noise leaves 1 %",
        low=0.0,
        high=10.0,
        unit="%",
        measure=_left,
        power="an artefact of a tenth of the difference",
    ),
)
