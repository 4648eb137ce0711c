"""The shape of the difference PDF at the end of the discharge (A8)."""

import numpy as np

from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need
from tsct.validation.statistics.propagation import dgr_covariance, position_error


def _lobe(evidence: Evidence, name: str) -> Measurement:
    need(evidence, name, f"{name}_height")
    if not evidence.lithiated:
        raise NotRunError("nothing is lithiated in this scenario")
    position, height = (float(evidence.found[key].values[-1]) for key in (name, f"{name}_height"))
    known = "roi_dgr" in evidence.found
    error = position_error(*evidence.curve("roi_dgr", -1), dgr_covariance(evidence), position) if known else np.nan
    return Measurement(value=position, note=f"height {height:.3f} 1/A2", error=error)


def _mean_difference(evidence: Evidence, low: float, high: float) -> Measurement:
    """Mean of the last difference PDF between two distances, in units of its error."""
    need(evidence, "roi_dgr", "roi_dgr_errors")
    if not evidence.lithiated:
        raise NotRunError("nothing is lithiated in this scenario")
    r, difference = evidence.curve("roi_dgr", -1)
    inside = (r >= low) & (r <= high)
    # the points of one peak are fully correlated at worst, so the error of their mean is at most their mean error
    error = evidence.found.roi_dgr_errors.values[-1][inside].mean()
    note = f"mean {difference[inside].mean():+.3f} 1/A2"
    return Measurement(value=float(difference[inside].mean() / error), note=note, error=1.0)


_DERIVATIVE = "a shifted peak differs from itself by its derivative, whose lobes lie one width to either side"
CHECKS = (
    Check(
        id="A8",
        title="dPDF: loss below the Si-Si peak",
        reason=f"Where the loss lies says how wide the peak is, not how long the bond: {_DERIVATIVE}.",
        source="Wragg et al. 2023 read 2.25 A",
        low=2.22,
        high=2.32,
        unit="angstrom",
        about="paper",
        measure=lambda e: _lobe(e, "lobe_low"),
        power="a lobe moved by 0.10 A",
    ),
    Check(
        id="A8b",
        title="dPDF: gain above the Si-Si peak",
        reason="The gain at 2.5 A is no bond of 2.5 A, for the same reason.",
        source="Wragg et al. 2023 read 2.5 A",
        low=2.46,
        high=2.56,
        unit="angstrom",
        about="paper",
        measure=lambda e: _lobe(e, "lobe_high"),
        power="a lobe moved by 0.10 A",
    ),
    Check(
        id="A8c",
        title="dPDF: gain at the Si-Li distance",
        reason="Lithium next to silicon adds intensity at 2.8 A; truncation ripples fall there too.",
        source="Wragg et al. 2023: steep rise at 2.8 A; at least three times its error",
        low=3.0,
        high=np.inf,
        unit="sigma",
        about="paper",
        measure=lambda e: _mean_difference(e, 2.7, 2.9),
        power="a tenth of the Si-Li signal of the twin",
    ),
    Check(
        id="A8d",
        title="dPDF: loss at the second shell",
        reason="Below 0.21 V the second shell loses order.",
        source="Wragg et al. 2023: decrease at 3.8 A; at least three times its error",
        low=-np.inf,
        high=-3.0,
        unit="sigma",
        about="paper",
        measure=lambda e: _mean_difference(e, 3.5, 3.9),
        power="a tenth of the loss of the twin",
    ),
)
