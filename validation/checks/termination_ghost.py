"""The truncation ghost near 1 angstrom, where no atoms are."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf import PdfOperator, between, extremum, pdf_operator
from tsct.analyze.recipe import PdfRecipe, Window
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, Reading, attribute, need
from tsct.validation.evidence.noise_free import noise_free_pdf
from tsct.validation.statistics.curve_measures import ghost
from tsct.validation.statistics.propagation import largest_difference_error, pdf_covariance, position_error

#: where the ghost of a transform that ends at 20 1/angstrom is looked for, and where it may move to between 18 and 22
AT_20, AROUND_20 = (0.94, 1.06), (0.85, 1.15)
#: ends of the transform between which the ghost is followed, 1/angstrom
ENDS = (18.0, 19.0, 20.0, 21.0, 22.0)


def other_operator(evidence: Evidence, q_max: float, window: Window = "none") -> PdfOperator:
    """The transform of the recovered data with another Qmax or window, r up to 6 A."""
    need(evidence, "roi_iq", "compton_weight")
    recovered = evidence.recovered
    q = recovered.q.values
    if q_max > q[-1] + 1e-6:
        raise NotRunError(f"the data end at {q[-1]:.1f} 1/A")
    composition, q_min = attribute(evidence, "composition"), attribute(evidence, "q_min")
    recipe = PdfRecipe(composition=composition, q_min=q_min, mode=recovered.attrs.get("mode", "absolute"))
    recipe = replace(recipe, q_max=q_max, window=window, r_max=6.0, r_step=0.01)
    return pdf_operator(q, recipe, compton=recovered.compton_weight.values)


def reference_pdf(evidence: Evidence, q_max: float, window: Window = "none") -> tuple[NDArray, NDArray]:
    """The reference pattern as it was recovered, transformed with another Qmax or window."""
    operator = other_operator(evidence, q_max, window)
    pattern = evidence.recovered.roi_iq.values[0]
    return operator.r, operator.apply(pattern) / operator.density(pattern)


def _position(evidence: Evidence) -> Measurement:
    curve, covariance = reference_pdf(evidence, 20.0), pdf_covariance(evidence, other_operator(evidence, 20.0))
    position, prominence = ghost(*curve, AROUND_20)
    error = position_error(*curve, covariance, position)
    return Measurement(value=position, note=f"prominence {prominence:.2f} 1/A2", error=error)


def _prominence(evidence: Evidence, q_max: float, window: Window = "none") -> Measurement:
    """How prominent the maximum is at 1.00 ± 0.06 A; zero without one there."""
    (r, gr), operator = reference_pdf(evidence, q_max, window), other_operator(evidence, q_max, window)
    near = between(r, (AT_20[0] - 0.1, AT_20[1] + 0.1))
    error = largest_difference_error(pdf_covariance(evidence, operator)[np.ix_(near, near)])
    return Measurement(value=ghost(r, gr, AT_20)[1], error=error)


#: gives r and G(r) of the reference state for another end of the transform: as recovered, or as in the truth
Curve = Callable[[float], tuple[NDArray, NDArray]]


def _from_rule(curve: Curve) -> tuple[float, list[float]]:
    """Largest deviation of the ghost from 1.42 A - 7.7/Qmax over Qmax 18 to 22, and its positions."""
    positions = [ghost(*curve(q_max), AROUND_20)[0] for q_max in ENDS]
    rule = [1.42 - 7.725 / q_max for q_max in ENDS]
    return float(np.max(np.abs(np.subtract(positions, rule)))), positions


def _rule_deviation(evidence: Evidence) -> Measurement:
    value, positions = _from_rule(lambda q_max: reference_pdf(evidence, q_max))
    return Measurement(value=value, n=len(ENDS), note=", ".join(f"{p:.3f}" for p in positions))


def _bond_movement(curve: Curve) -> float:
    """Largest move of the C-C and Si-Si maxima from their place at Qmax 20, over Qmax 18 to 22."""
    rows = []
    for q_max in (20.0, 18.0, 22.0):
        r, gr = curve(q_max)
        rows.append([extremum(r, gr, 1.25, 1.6, 1.0)[0], extremum(r, gr, 2.2, 2.6, 1.0)[0]])
    return float(np.max(np.abs(np.array(rows[1:]) - rows[0])))


def _prominence_of_truth(evidence: Evidence, q_max: float, window: Window = "none") -> float:
    return ghost(*noise_free_pdf(evidence, q_max, window), AT_20)[1]


_SOURCE = "side lobes of the truncated transform: +12.8 % at 7.725/Qmax from a peak"
CHECKS = (
    Check(
        id="ghost.position",
        alias="A5",
        figure="pdf",
        paper=Reading(quantity="truncation ghost", value="1.0 Å", remark="It moves with Qmax, bonds do not."),
        title="ghost at 1 A, position at Qmax 20",
        reason="A peak where no atoms are, made by ending the transform at Qmax: the paper shows it.",
        source="Wragg et al. 2023; " + _SOURCE,
        low=0.94,
        high=1.06,
        unit="angstrom",
        about="paper",
        measure=_position,
        noise_free=lambda e: ghost(*noise_free_pdf(e, 20.0), AROUND_20)[0],
        power="a ghost moved by 0.12 A",
    ),
    Check(
        id="ghost.prominence",
        alias="A5b",
        figure="pdf",
        title="ghost at 1 A, prominence at Qmax 20",
        reason="It is large enough to be taken for a bond.",
        source="computed for equal masses of Si and C: 0.8 1/A2",
        low=0.3,
        high=np.inf,
        unit="1/angstrom^2",
        about="paper",
        measure=lambda e: _prominence(e, 20.0),
        noise_free=lambda e: _prominence_of_truth(e, 20.0),
        power="a ghost half as high",
    ),
    Check(
        id="ghost.rule-deviation",
        alias="A5c",
        figure="pdf",
        beside="ghost.movement",
        title="ghost moves with Qmax",
        reason="A ghost follows 1.42 A - 7.7/Qmax, a bond does not: the test that tells them apart.",
        source=_SOURCE,
        low=0.0,
        high=0.02,
        unit="angstrom",
        about="paper",
        measure=_rule_deviation,
        noise_free=lambda e: _from_rule(lambda q_max: noise_free_pdf(e, q_max))[0],
        power="a move by 0.04 A more than the rule",
    ),
    Check(
        id="pdf.peak-movement",
        alias="A5d",
        figure="pdf",
        title="bonds stay with Qmax",
        reason="The C-C and Si-Si maxima keep their place between Qmax 18 and 22.",
        source="a quarter of the 0.08 A by which a ghost moves between Qmax 18 and 22",
        low=0.0,
        high=0.02,
        unit="angstrom",
        about="paper",
        measure=lambda e: Measurement(value=_bond_movement(lambda q_max: reference_pdf(e, q_max)), n=4),
        noise_free=lambda e: _bond_movement(lambda q_max: noise_free_pdf(e, q_max)),
        power="a bond that moves by 0.03 A",
    ),
    Check(
        id="ghost.prominence[lorch]",
        alias="A5e",
        figure="pdf",
        title="ghost vanishes with a Lorch window",
        reason="Damping the end of the transform removes the ghost, and a broadening of the bonds is the price.",
        source="half of what counts as a ghost (ghost.prominence)",
        low=0.0,
        high=0.15,
        unit="1/angstrom^2",
        about="paper",
        measure=lambda e: _prominence(e, 20.0, "lorch"),
        noise_free=lambda e: _prominence_of_truth(e, 20.0, "lorch"),
        power="a peak of 0.3 1/A2",
    ),
    Check(
        id="ghost.prominence[qmax-30]",
        alias="A5f",
        figure="pdf",
        beside="ghost.excess[qmax-30]",
        title="ghost vanishes at Qmax 30",
        reason="So does measuring further out: the side lobe moves towards its peak, to 1.16 A.",
        source="half of what counts as a ghost (ghost.prominence)",
        low=0.0,
        high=0.15,
        unit="1/angstrom^2",
        about="paper",
        measure=lambda e: _prominence(e, 30.0),
        noise_free=lambda e: _prominence_of_truth(e, 30.0),
        power="a peak of 0.3 1/A2 beyond its noise",
    ),
)
