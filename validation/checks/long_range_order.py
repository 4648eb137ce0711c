"""No order at long distance: amorphous, not crystalline."""

import numpy as np

from tsct.analyze.pdf import between
from tsct.validation.evidence.check import Check, Evidence, Measurement, Reading, need
from tsct.validation.evidence.noise_free import noise_free_pdf
from tsct.validation.statistics.curve_measures import FAR, far_over_near


def _long_range(evidence: Evidence) -> Measurement:
    need(evidence, "roi_gr")
    r, gr = evidence.curve("roi_gr")
    far = between(r, FAR)
    errors = (
        evidence.recovered.roi_gr_errors.values[0] if "roi_gr_errors" in evidence.recovered else np.full(len(r), np.nan)
    )
    error = float(np.sqrt(np.mean(errors[far] ** 2)) / np.interp(2.4, r, gr)) if far.any() else np.nan
    return Measurement(value=far_over_near(r, gr), n=int(far.sum()), error=error)


CHECKS = (
    Check(
        id="pdf.far-over-near",
        alias="A7",
        figure="pdf",
        paper=Reading(
            quantity="order at long distance",
            value="no visible peak above 6 Å",
            remark="Largest |G| between 7 and 12 Å over the Si–Si peak.",
        ),
        beside="pdf.far-excess",
        title="largest |G| from 7 to 12 A over G(2.4)",
        reason="Crystalline silicon would show peaks here, and so would a reconstruction artefact.",
        source="Wragg et al. 2023: no visible peak above 6 A",
        low=0.0,
        high=0.10,
        unit="1",
        about="paper",
        measure=_long_range,
        noise_free=lambda e: far_over_near(*noise_free_pdf(e)),
        power="a crystalline share of 5 %",
    ),
)
