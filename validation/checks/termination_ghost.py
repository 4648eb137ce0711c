"""The truncation ghost near 1 angstrom, where no atoms are (A5)."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from tsct.analyze.pdf import PdfOperator, between, extremum, pdf_operator
from tsct.analyze.recipe import PdfRecipe, Window
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need, stated
from tsct.validation.statistics.propagation import largest_difference_error, pdf_covariance, position_error

#: where the ghost of a transform that ends at 20 1/angstrom is looked for, and where it may move to between 18 and 22
AT_20, AROUND_20 = (0.94, 1.06), (0.85, 1.15)


def ghost(r: NDArray, gr: NDArray, limits: tuple[float, float]) -> tuple[float, float]:
    """Position and prominence of the most prominent maximum between two distances.

    NaN and 0 where there is none, NaN and NaN where the curve is not finite.
    """
    if not np.all(np.isfinite(gr)):
        return float("nan"), float("nan")
    near = (r > 0.5) & (r < 2.2)
    tops, found = find_peaks(gr[near], prominence=0.0)
    positions = r[near][tops]
    inside = (positions >= limits[0]) & (positions <= limits[1])
    if not inside.any():
        return float("nan"), 0.0
    best = np.argmax(np.where(inside, found["prominences"], -1.0))
    step = r[1] - r[0]
    position, _ = extremum(r, gr, positions[best] - 1.5 * step, positions[best] + 1.5 * step, 1.0)
    return position, float(found["prominences"][best])


def other_operator(evidence: Evidence, q_max: float, window: Window = "none") -> PdfOperator:
    """The transform of the recovered data with another Qmax or window, r up to 6 A."""
    need(evidence, "roi_iq", "compton_weight")
    found = evidence.found
    q = found.q.values
    if q_max > q[-1] + 1e-6:
        raise NotRunError(f"the data end at {q[-1]:.1f} 1/A")
    composition, q_min = stated(evidence, "composition"), stated(evidence, "q_min")
    recipe = PdfRecipe(composition=composition, q_min=q_min, mode=found.attrs.get("mode", "absolute"))
    recipe = replace(recipe, q_max=q_max, window=window, r_max=6.0, r_step=0.01)
    return pdf_operator(q, recipe, compton=found.compton_weight.values)


def reference_pdf(evidence: Evidence, q_max: float, window: Window = "none") -> tuple[NDArray, NDArray]:
    """The reference pattern as it was recovered, transformed with another Qmax or window."""
    operator = other_operator(evidence, q_max, window)
    pattern = evidence.found.roi_iq.values[0]
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


def _moves(evidence: Evidence) -> Measurement:
    """Largest deviation of the ghost from 1.42 A - 7.7/Qmax over Qmax 18 to 22."""
    limits = (18.0, 19.0, 20.0, 21.0, 22.0)
    positions = [ghost(*reference_pdf(evidence, q_max), AROUND_20)[0] for q_max in limits]
    expected = [1.42 - 7.725 / q_max for q_max in limits]
    shown = ", ".join(f"{p:.3f}" for p in positions)
    return Measurement(value=float(np.max(np.abs(np.subtract(positions, expected)))), n=len(limits), note=shown)


def _bonds_stay(evidence: Evidence) -> Measurement:
    """Largest move of the C-C and Si-Si maxima from their place at Qmax 20, over Qmax 18 to 22."""
    rows = []
    for q_max in (20.0, 18.0, 22.0):
        r, gr = reference_pdf(evidence, q_max)
        rows.append([extremum(r, gr, 1.25, 1.6, 1.0)[0], extremum(r, gr, 2.2, 2.6, 1.0)[0]])
    return Measurement(value=float(np.max(np.abs(np.array(rows[1:]) - rows[0]))), n=4)


_SOURCE = "side lobes of the truncated transform: +12.8 % at 7.725/Qmax from a peak"
CHECKS = (
    Check(
        id="A5",
        title="ghost at 1 A, position at Qmax 20",
        reason="A peak where no atoms are, made by ending the transform at Qmax: the paper shows it.",
        source="Wragg et al. 2023; " + _SOURCE,
        low=0.94,
        high=1.06,
        unit="angstrom",
        about="paper",
        measure=_position,
        power="a ghost moved by 0.12 A",
    ),
    Check(
        id="A5b",
        title="ghost at 1 A, prominence at Qmax 20",
        reason="It is large enough to be taken for a bond.",
        source="computed for equal masses of Si and C: 0.8 1/A2",
        low=0.3,
        high=np.inf,
        unit="1/angstrom^2",
        about="paper",
        measure=lambda e: _prominence(e, 20.0),
        power="a ghost half as high",
    ),
    Check(
        id="A5c",
        beside="A5g",
        title="ghost moves with Qmax",
        reason="A ghost follows 1.42 A - 7.7/Qmax, a bond does not: the test that tells them apart.",
        source=_SOURCE,
        low=0.0,
        high=0.02,
        unit="angstrom",
        about="paper",
        measure=_moves,
        power="a move by 0.04 A more than the rule",
    ),
    Check(
        id="A5d",
        title="bonds stay with Qmax",
        reason="The C-C and Si-Si maxima keep their place between Qmax 18 and 22.",
        source="a quarter of the 0.08 A by which a ghost moves between Qmax 18 and 22",
        low=0.0,
        high=0.02,
        unit="angstrom",
        about="paper",
        measure=_bonds_stay,
        power="a bond that moves by 0.03 A",
    ),
    Check(
        id="A5e",
        title="ghost vanishes with a Lorch window",
        reason="Damping the end of the transform removes the ghost, and a broadening of the bonds is the price.",
        source="half of what counts as a ghost (A5b)",
        low=0.0,
        high=0.15,
        unit="1/angstrom^2",
        about="paper",
        measure=lambda e: _prominence(e, 20.0, "lorch"),
        power="a peak of 0.3 1/A2",
    ),
    Check(
        id="A5f",
        beside="A5h",
        title="ghost vanishes at Qmax 30",
        reason="So does measuring further out: the side lobe moves towards its peak, to 1.16 A.",
        source="half of what counts as a ghost (A5b)",
        low=0.0,
        high=0.15,
        unit="1/angstrom^2",
        about="paper",
        measure=lambda e: _prominence(e, 30.0),
        power="a peak of 0.3 1/A2 beyond its noise",
    ),
)
