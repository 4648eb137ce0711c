"""The difference PDF against the true one, for any chain that delivers a curve."""

import numpy as np

from tsct.analyze.pdf import between
from tsct.analyze.phases import DIFFERENCE_RANGE
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need
from tsct.validation.evidence.region_states import roi_patterns, stated_operator
from tsct.validation.statistics.image_measures import slope
from tsct.validation.statistics.propagation import dgr_covariance, residual_error


def _fit(evidence: Evidence) -> tuple[Measurement, Measurement]:
    """Slope of the last recovered on the last true difference, and share of it that remains, in per cent."""
    need(evidence, "roi_dgr")
    if not evidence.changes:
        raise NotRunError("nothing changes in this scenario")
    operator = stated_operator(evidence.recovered)
    patterns = roi_patterns(evidence.truth, evidence.recovered, evidence.phases)
    true = operator.apply(patterns[-1] - patterns[0]) / operator.density(patterns[0])
    r, recovered = evidence.curve("roi_dgr", -1)
    use = between(r, DIFFERENCE_RANGE)
    height = slope(recovered[use], true[use])
    true, rest, n = true[use], (recovered - height * true)[use], int(use.sum())
    power, covariance = float(true @ true), dgr_covariance(evidence)[np.ix_(use, use)]
    share, error = 100 * float(np.sqrt(rest @ rest / power)), float(np.sqrt(true @ covariance @ true)) / power
    return (
        Measurement(value=height, n=n, note=f"{share:.1f} % left over", error=error),
        Measurement(value=share, n=n, error=100 * residual_error(rest, power, covariance)),
    )


CHECKS = (
    Check(
        id="difference.height",
        alias="A17",
        figure="film",
        power="a height wrong by 5.4 %",
        power_measured=True,
        title="dPDF of the last state: height against the true one",
        reason="A change that is shown too small or too large is read as another amount of lithium.",
        source="fit of the true difference, transformed alike, over 1.9 to 4.6 A; 5 % as for bond lengths",
        low=0.95,
        high=1.05,
        unit="1",
        measure=lambda e: _fit(e)[0],
    ),
    Check(
        id="difference.residual",
        alias="A17b",
        figure="film",
        power="a transform that ends at 20 instead of the stated 25 1/angstrom",
        power_measured=True,
        title="dPDF of the last state: what the true one does not explain",
        reason="Drifts and artefacts add shapes that no lithium makes.",
        source="10 % of the difference; counting noise leaves 1 %",
        low=0.0,
        high=10.0,
        unit="%",
        measure=lambda e: _fit(e)[1],
    ),
)
