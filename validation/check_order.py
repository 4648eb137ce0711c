"""No order at long distance: amorphous, not crystalline (A7)."""

import numpy as np
from numpy.typing import NDArray

from .check import Check, Evidence, Measurement, NotRunError, need


def far_over_near(r: NDArray, gr: NDArray) -> float:
    """Largest |G| from 7 to 12 A over G(2.4)."""
    far = (r >= 7.0) & (r <= 12.0)
    if not far.any():
        raise NotRunError("G(r) ends before 7 A")
    return float(np.max(np.abs(gr[far])) / gr[np.argmin(np.abs(r - 2.4))])


def _long_range(evidence: Evidence) -> Measurement:
    need(evidence, "roi_gr")
    r, gr = evidence.curve("roi_gr")
    return Measurement(value=far_over_near(r, gr), n=int(np.sum((r >= 7.0) & (r <= 12.0))))


CHECKS = (
    Check(
        id="A7",
        beside="A7b",
        title="largest |G| from 7 to 12 A over G(2.4)",
        reason="Crystalline silicon would show peaks here, and so would a reconstruction artefact.",
        source="Wragg et al. 2023: no visible peak above 6 A",
        low=0.0,
        high=0.10,
        unit="1",
        about="paper",
        measure=_long_range,
        power="a crystalline share of 5 %",
    ),
)
