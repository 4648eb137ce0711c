"""Positions of the PDF peaks of the reference state."""

import numpy as np

from tsct.analyze.pdf import extremum, pdf_operator
from tsct.analyze.recipe import PdfRecipe
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, Reading, attribute, need
from tsct.validation.evidence.noise_free import noise_free_pdf
from tsct.validation.statistics.propagation import gr_covariance, position_error

#: where each peak is looked for, angstrom
CARBON, SILICON, SECOND_SHELL, GRAPHENE = (1.25, 1.60), (2.2, 2.6), (3.6, 4.0), (4.05, 4.45)


def _peak_of_truth(evidence: Evidence, limits: tuple[float, float]) -> float:
    return extremum(*noise_free_pdf(evidence), *limits, 1.0)[0]


def peak(evidence: Evidence, limits: tuple[float, float]) -> Measurement:
    """Position of the highest maximum of the recovered reference G(r) between two distances."""
    need(evidence, "roi_gr")
    position, height = extremum(*evidence.curve("roi_gr"), *limits, 1.0)
    note = f"height {height:.2f} 1/A2" if np.isfinite(height) else "no maximum there"
    error = position_error(*evidence.curve("roi_gr"), gr_covariance(evidence), position)
    return Measurement(value=position, note=note, error=error)


def pure_silicon(evidence: Evidence) -> Measurement:
    """First peak of the pristine silicon structure alone, transformed as the data are."""
    if evidence.phases is None:
        raise NotRunError("the truth holds no phases")
    need(evidence, "roi_gr")
    q = evidence.phases.q.values
    recipe = PdfRecipe(composition={"Si": 1.0}, q_min=0.8, q_max=attribute(evidence, "q_max"), r_max=4.0, r_step=0.01)
    pattern = (evidence.phases.coherent + evidence.phases.compton).values[0]
    position, _ = extremum(recipe.r, pdf_operator(q, recipe).apply(pattern), 2.2, 2.6, 1.0)
    return Measurement(value=position, note=str(evidence.phases.structure_name.values[0]))


CHECKS = (
    Check(
        id="pdf.peak[si-si]",
        alias="A1",
        figure="pdf",
        paper=Reading(
            quantity="Si–Si peak",
            value="2.40 Å",
            remark="Carbon pairs at 2.46 Å lie under it and pull it up: pure amorphous silicon has 2.35 Å.",
        ),
        title="first Si-Si peak of the mixture",
        reason="Carbon at 2.46 A pulls the combined peak up from the 2.35 A of pure silicon: not a stretched bond.",
        source="Wragg et al. 2023 read 2.40 A; computed for equal masses of Si and C with Qmax 20",
        low=2.37,
        high=2.41,
        unit="angstrom",
        about="paper",
        measure=lambda e: peak(e, SILICON),
        noise_free=lambda e: _peak_of_truth(e, SILICON),
        power="a peak moved by 0.04 A",
    ),
    Check(
        id="structure.bond[si-si]",
        alias="A2",
        figure="pdf",
        title="first Si-Si peak of the silicon alone",
        reason="The structure that was put in must have the bond length of amorphous silicon.",
        source="Laaziri et al., PRB 60, 13520 (1999)",
        low=2.34,
        high=2.37,
        unit="angstrom",
        about="paper",
        measure=pure_silicon,
        power="a bond wrong by 0.03 A",
    ),
    Check(
        id="pdf.peak[c-c]",
        alias="A3",
        figure="pdf",
        paper=Reading(quantity="C–C peak", value="1.45 Å", remark="Graphene has 1.42 Å."),
        title="C-C peak",
        reason="The bond of sp2 carbon maps the carbon black and the piston.",
        source="Wragg et al. 2023 read 1.45 A; graphene has 1.42 A",
        low=1.40,
        high=1.46,
        unit="angstrom",
        about="paper",
        measure=lambda e: peak(e, CARBON),
        noise_free=lambda e: _peak_of_truth(e, CARBON),
        power="a peak moved by 0.06 A",
    ),
    Check(
        id="pdf.peak[second-shell]",
        alias="A4",
        figure="pdf",
        paper=Reading(quantity="second Si shell", value="3.80 Å"),
        title="second shell",
        reason="Si-Si second neighbours at 3.8 A carry the third event of the discharge.",
        source="Wragg et al. 2023 read 3.80 A; Laaziri et al. 1999 have 3.79 A",
        low=3.74,
        high=3.86,
        unit="angstrom",
        about="paper",
        measure=lambda e: peak(e, SECOND_SHELL),
        noise_free=lambda e: _peak_of_truth(e, SECOND_SHELL),
        power="a peak moved by 0.12 A",
    ),
    Check(
        id="pdf.peak[graphene]",
        alias="A4b",
        figure="pdf",
        paper=Reading(
            quantity="peak read as third Si shell",
            value="4.20 Å",
            remark="Not supported: pure amorphous silicon has no maximum there (its third shell is broad, at 5.8 Å); "
            "graphene pairs at 4.26 Å make it.",
        ),
        title="maximum near 4.2 A",
        reason="Graphene pairs at 4.26 A, not a third silicon shell, make the peak that was read at 4.20 A.",
        source="Wragg et al. 2023 read 4.20 A; absent from pure a-Si (Laaziri et al. 1999)",
        low=4.15,
        high=4.30,
        unit="angstrom",
        about="paper",
        measure=lambda e: peak(e, GRAPHENE),
        noise_free=lambda e: _peak_of_truth(e, GRAPHENE),
        power="a peak moved by 0.15 A, or none",
    ),
)
