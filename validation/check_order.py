"""No order at long distance: amorphous, not crystalline (A7)."""

import numpy as np

from .check import Check, Evidence, Measurement, NotRunError, need


def _long_range(evidence: Evidence) -> Measurement:
    need(evidence, "roi_gr")
    r, gr = evidence.curve("roi_gr")
    far = gr[(r >= 7.0) & (r <= 12.0)]
    if not far.size:
        raise NotRunError("G(r) ends before 7 A")
    return Measurement(value=float(np.max(np.abs(far)) / gr[np.argmin(np.abs(r - 2.4))]), n=far.size)


CHECKS = (
    Check(
        id="A7",
        title="largest |G| from 7 to 12 A over G(2.4)",
        reason="Crystalline silicon would show peaks here, and so would a reconstruction artefact.",
        source="Wragg et al. 2023: no visible peak above 6 A",
        low=0.0,
        high=0.10,
        unit="1",
        about="paper",
        measure=_long_range,
    ),
)
