"""The shape of the difference PDF at the end of the discharge."""

import numpy as np

from tsct.analyze.pdf import between
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, Reading, need
from tsct.validation.evidence.noise_free import noise_free_differences
from tsct.validation.statistics.propagation import dgr_covariance, position_error

from .bond_shift import lobe_positions

#: where the Si-Li bond and the second shell of silicon are, angstrom
SILICON_LITHIUM, SECOND_SHELL = (2.7, 2.9), (3.5, 3.9)


def _lobe(evidence: Evidence, name: str) -> Measurement:
    need(evidence, name, f"{name}_height")
    if not evidence.lithiated:
        raise NotRunError("nothing is lithiated in this scenario")
    position, height = (float(evidence.recovered[key].values[-1]) for key in (name, f"{name}_height"))
    known = "roi_dgr" in evidence.recovered
    error = position_error(*evidence.curve("roi_dgr", -1), dgr_covariance(evidence), position) if known else np.nan
    return Measurement(value=position, note=f"height {height:.3f} 1/A2", error=error)


def _lobe_of_truth(evidence: Evidence, name: str) -> float:
    r, curves = noise_free_differences(evidence)
    return float(lobe_positions(r, curves[-1:], name)[0])


def _mean_difference(evidence: Evidence, limits: tuple[float, float]) -> Measurement:
    """Mean of the last difference PDF between two distances, in units of its error."""
    need(evidence, "roi_dgr", "roi_dgr_errors")
    if not evidence.lithiated:
        raise NotRunError("nothing is lithiated in this scenario")
    r, difference = evidence.curve("roi_dgr", -1)
    inside = between(r, limits)
    note = f"mean {difference[inside].mean():+.3f} 1/A2"
    return Measurement(value=float(difference[inside].mean() / _mean_error(evidence, limits)), note=note, error=1.0)


def _mean_difference_of_truth(evidence: Evidence, limits: tuple[float, float]) -> float:
    """Likewise of the noise-free difference, in units of the error that the recovered one states."""
    need(evidence, "roi_dgr_errors")
    r, curves = noise_free_differences(evidence)
    return float(curves[-1][between(r, limits)].mean() / _mean_error(evidence, limits))


def _mean_error(evidence: Evidence, limits: tuple[float, float]) -> float:
    # the points of one peak are fully correlated at worst, so the error of their mean is at most their mean error
    r, errors = evidence.curve("roi_dgr_errors", -1)
    return float(errors[between(r, limits)].mean())


_DERIVATIVE = "a shifted peak differs from itself by its derivative, whose lobes lie one width to either side"
CHECKS = (
    Check(
        id="difference.loss-position[si-si]",
        alias="A8",
        figure="film",
        paper=Reading(
            quantity="loss in the dPDF",
            value="2.25 Å",
            remark="Not supported as a bond length: lobes of a moving peak lie one peak width to either side of the "
            "bond.",
        ),
        title="dPDF: loss below the Si-Si peak",
        reason=f"Where the loss lies says how wide the peak is, not how long the bond: {_DERIVATIVE}.",
        source="Wragg et al. 2023 read 2.25 A",
        low=2.22,
        high=2.32,
        unit="angstrom",
        about="paper",
        measure=lambda e: _lobe(e, "lobe_low"),
        noise_free=lambda e: _lobe_of_truth(e, "lobe_low"),
        power="a lobe moved by 0.10 A",
    ),
    Check(
        id="difference.gain-position[si-si]",
        alias="A8b",
        figure="film",
        paper=Reading(quantity="gain in the dPDF", value="2.5 Å", remark="Likewise."),
        title="dPDF: gain above the Si-Si peak",
        reason="The gain at 2.5 A is no bond of 2.5 A, for the same reason.",
        source="Wragg et al. 2023 read 2.5 A",
        low=2.46,
        high=2.56,
        unit="angstrom",
        about="paper",
        measure=lambda e: _lobe(e, "lobe_high"),
        noise_free=lambda e: _lobe_of_truth(e, "lobe_high"),
        power="a lobe moved by 0.10 A",
    ),
    Check(
        id="difference.gain[si-li]",
        alias="A8c",
        figure="film",
        paper=Reading(
            quantity="Si–Li",
            value="peak at 2.8 Å rises steeply below 0.28 V",
            remark="Mean dPDF from 2.7 to 2.9 Å at the end, in units of its error.",
        ),
        title="dPDF: gain at the Si-Li distance",
        reason="Lithium next to silicon adds intensity at 2.8 A; truncation ripples fall there too.",
        source="Wragg et al. 2023: steep rise at 2.8 A; at least three times its error",
        low=3.0,
        high=np.inf,
        unit="sigma",
        about="paper",
        measure=lambda e: _mean_difference(e, SILICON_LITHIUM),
        noise_free=lambda e: _mean_difference_of_truth(e, SILICON_LITHIUM),
        power="a tenth of the Si-Li signal of the twin",
    ),
    Check(
        id="difference.loss[second-shell]",
        alias="A8d",
        figure="film",
        paper=Reading(
            quantity="second shell along the discharge",
            value="decreases below 0.21 V",
            remark="Mean dPDF from 3.5 to 3.9 Å at the end, in units of its error.",
        ),
        title="dPDF: loss at the second shell",
        reason="Below 0.21 V the second shell loses order.",
        source="Wragg et al. 2023: decrease at 3.8 A; at least three times its error",
        low=-np.inf,
        high=-3.0,
        unit="sigma",
        about="paper",
        measure=lambda e: _mean_difference(e, SECOND_SHELL),
        noise_free=lambda e: _mean_difference_of_truth(e, SECOND_SHELL),
        power="a tenth of the loss of the twin",
    ),
)
