"""I(Q) and G(r) of the region of interest in the reference state, with the truth."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tsct.analyze.pdf import extremum
from tsct.validation.statistics.curve_measures import ghost

from .figure_style import DASHES, FOUND, NAIVE, Q_LABEL, R_LABEL, SMALL, TRUTH, around, legend, sheet, tidy

#: bonds that are named in G(r): name, window in angstrom, where the name goes from the top of the peak in points
BONDS = (
    ("C–C", (1.25, 1.60), (0, 4)),
    ("Si–Si", (2.2, 2.6), (0, 4)),
    ("2nd shell", (3.6, 4.0), (-6, 4)),
    ("graphene", (4.05, 4.45), (20, 5)),
)
#: so many peaks of a sample other than the anode carry their distance
NAMED_PEAKS = 5
#: range of distances that is drawn, and what of it sets the height, angstrom
R_RANGE, R_SCALE = (0.0, 8.0), 0.5
#: a ghost less prominent than this (1/angstrom^2) is no peak that a reader would see (check ghost.prominence[lorch])
VISIBLE_GHOST = 0.15


def pattern_and_pdf(found: xr.Dataset, true: xr.Dataset | None) -> Figure:
    """I(Q) and G(r) of the region of interest in the reference state, each over its residual.

    Parameters
    ----------
    found : xarray.Dataset
        With ``roi_iq``, ``roi_gr`` and their errors.
    true : xarray.Dataset or None
        See :func:`tsct.validation.evidence.region_truth.roi_truth`; without it no truth and no residual are drawn.
    """
    figure = sheet(5.8)
    (pattern, pdf), (pattern_rest, pdf_rest) = figure.subplots(2, 2, sharex="col", height_ratios=(3, 1))
    _pattern(pattern, found, true)
    draw_pdf(pdf, found, true)
    tidy(pdf, "", "G(r) (Å⁻²)", f"b  pair distribution function, Qmax {found.attrs['q_max']:g} Å⁻¹")
    _pattern_residual(pattern_rest, found, true)
    _pdf_residual(pdf_rest, found, true)
    return figure


def _pattern(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    _pattern_curves(axes, found, true)
    q, q_max = found.q.values, found.attrs["q_max"]
    tidy(axes, "", "I(Q) (electron units Å⁻³)", "a  total scattering of the region")
    axes.set_xlim(0, q[-1])
    axes.set_ylim(bottom=0)
    legend(axes, "upper right")
    if q_max < q[-1]:
        axes.axvspan(q_max, q[-1], color="#f3f3f3", zorder=0)
        axes.text(
            q_max, 0.02, " not used for G(r)", transform=axes.get_xaxis_transform(), fontsize=SMALL, color="#666666"
        )
    _pattern_detail(axes, found, true)


def _pattern_curves(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    q, density = found.q.values, found.attrs["reference_density"]
    value, error = (density * found[name].values[0] for name in ("roi_iq", "roi_iq_errors"))
    axes.fill_between(q, value - error, value + error, color=FOUND, alpha=0.3, linewidth=0)
    axes.plot(q, value, color=FOUND, linewidth=1.3, label="recovered ± σ")
    if true is not None:
        axes.plot(q, true.iq.values, color=TRUTH, linewidth=1.0, linestyle=DASHES, label="truth")


def _pattern_detail(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    """The weak oscillations at high Q, which carry the sharp bonds, enlarged in the empty corner."""
    q = found.q.values
    low, high = 0.25 * q[-1], min(0.85 * q[-1], 1.3 * found.attrs["q_max"])
    inside = (q >= low) & (q <= high)
    detail = axes.inset_axes((0.42, 0.33, 0.56, 0.42))
    _pattern_curves(detail, found, true)
    tidy(detail, "", "")
    detail.tick_params(labelsize=SMALL)
    detail.set_xlim(low, high)
    shown = [found.attrs["reference_density"] * found.roi_iq.values[0], *([] if true is None else [true.iq.values])]
    detail.set_ylim(*_span(np.stack(shown)[:, inside]))


def _span(values: NDArray) -> tuple[float, float]:
    """Limits that just hold the finite values."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (-1.0, 1.0)
    room = 0.08 * (high - low) or 1.0
    return low - room, high + room


def _pattern_residual(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    q, value = found.q.values, found.roi_iq.values[0]
    error = 100 * found.roi_iq_errors.values[0] / value
    axes.fill_between(q, -error, error, color=FOUND, alpha=0.35, linewidth=0, label="± σ")
    if true is not None:
        rest = 100 * (found.attrs["reference_density"] * value / true.iq.values - 1)
        axes.plot(q, rest, color=TRUTH, linewidth=0.4, label="recovered − truth")
        axes.set_ylim(*around(rest))
    tidy(axes, Q_LABEL, "difference (%)")
    legend(axes, "upper right", columns=2, headroom=0.35)


def draw_pdf(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    """G(r) with its error, the truth behind it, and names on the bonds and on the ghost."""
    r, gr, error = found.r.values, found.roi_gr.values[0], found.roi_gr_errors.values[0]
    if true is not None:
        axes.fill_between(r, 0, true.gr_untruncated.values, color="#dcdcdc", linewidth=0, label="truth, not truncated")
        axes.plot(r, true.gr.values, color=TRUTH, linewidth=1.0, linestyle=DASHES, label="truth, truncated alike")
    axes.fill_between(r, gr - error, gr + error, color=FOUND, alpha=0.3, linewidth=0)
    axes.plot(r, gr, color=FOUND, linewidth=1.3, label="recovered ± σ")
    _names(axes, found)
    axes.set_xlim(R_RANGE[0], min(R_RANGE[1], r[-1]))
    inside = (r > R_SCALE) & (r < R_RANGE[1])
    low, high = _span(gr[inside])
    axes.set_ylim(low, high + 0.12 * (high - low))
    legend(axes, "upper right")


def _names(axes: Axes, found: xr.Dataset) -> None:
    """Names of the bonds and of the ghost of the anode; of any other sample, where its peaks stand."""
    r, gr = found.r.values, found.roi_gr.values[0]
    if not {"silicon", "carbon"} <= {*found}:
        for position in listed_peaks(found):
            _mark(axes, "", position, float(np.interp(position, r, gr)), (0, 4), FOUND)
        return
    for name, window, offset in BONDS:
        _mark(axes, name, *extremum(r, gr, *window, 1.0), offset, FOUND)
    position = visible_ghost(found)
    _mark(axes, "ghost", position, float(np.interp(position, r, gr)), (-7, 4), NAIVE)


def listed_peaks(found: xr.Dataset) -> list[float]:
    """The first peaks of the region's G(r) in angstrom that the analysis does not take for ripples."""
    if "gr_feature_r" not in found:
        return []
    positions, ripple = found.gr_feature_r.values, found.gr_feature_is_ripple.values.astype(bool)
    return sorted(float(position) for position in positions[~ripple] if np.isfinite(position))[:NAMED_PEAKS]


def visible_ghost(found: xr.Dataset) -> float:
    """Position of the side lobe of the C-C peak at short distance in angstrom; NaN where it cannot be seen."""
    expected = 1.42 - 7.725 / found.attrs["q_max"]
    position, prominence = ghost(found.r.values, found.roi_gr.values[0], (expected - 0.15, expected + 0.15))
    return position if prominence >= VISIBLE_GHOST else float("nan")


def _mark(axes: Axes, name: str, position: float, height: float, offset: tuple[int, int], colour: str) -> None:
    """Name a peak above its top, if there is one."""
    if not (np.isfinite(position) and np.isfinite(height)):
        return
    axes.annotate(
        f"{name}\n{position:.2f}".lstrip(),
        (position, height),
        xytext=offset,
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=colour,
        fontsize=SMALL,
        linespacing=0.95,
    )


def _pdf_residual(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    r, error = found.r.values, found.roi_gr_errors.values[0]
    axes.fill_between(r, -error, error, color=FOUND, alpha=0.35, linewidth=0, label="± σ")
    if true is not None:
        rest = found.roi_gr.values[0] - true.gr.values
        axes.plot(r, rest, color=TRUTH, linewidth=0.9, label="recovered − truncated truth")
        axes.set_ylim(*around(rest[r < R_RANGE[1]]))
    tidy(axes, R_LABEL, "difference (Å⁻²)")
    legend(axes, "upper right", columns=2, headroom=0.35)
