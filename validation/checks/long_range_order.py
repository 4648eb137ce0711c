"""No order at long distance: amorphous, not crystalline (A7)."""

import numpy as np
from numpy.typing import NDArray

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need


def far_over_near(r: NDArray, gr: NDArray) -> float:
    """Largest |G| from 7 to 12 A over G(2.4)."""
    far = (r >= 7.0) & (r <= 12.0)
    if not far.any():
        raise NotRunError("G(r) ends before 7 A")
    return float(np.max(np.abs(gr[far])) / gr[np.argmin(np.abs(r - 2.4))])


def _long_range(evidence: Evidence) -> Measurement:
    need(evidence, "roi_gr")
    r, gr = evidence.curve("roi_gr")
    far = (r >= 7.0) & (r <= 12.0)
    errors = evidence.found.roi_gr_errors.values[0] if "roi_gr_errors" in evidence.found else np.full(len(r), np.nan)
    error = float(np.sqrt(np.mean(errors[far] ** 2)) / np.interp(2.4, r, gr)) if far.any() else np.nan
    return Measurement(value=far_over_near(r, gr), n=int(far.sum()), error=error)


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
