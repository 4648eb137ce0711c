"""The difference PDF along the discharge, as an image and as curves with their fits."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tsct.analyze.pdf import between
from tsct.analyze.phases import DIFFERENCE_RANGE
from tsct.validation.evidence.axis_of_states import POTENTIAL, StateAxis, state_axis

from .figure_style import (
    DASHES,
    FAINT,
    FOUND,
    R_LABEL,
    SMALL,
    TRUTH,
    cell_edges,
    events,
    largest,
    sheet,
    tidy,
)

#: distances that are drawn, and those that set the scale: truncation noise below is no signal, angstrom
R_RANGE, R_SCALE = (1.0, 5.5), (2.0, 5.5)
#: where Wragg et al. 2023 read the peaks of the dPDF, angstrom
PAPER_PEAKS = (2.25, 2.5, 2.8, 3.8)
#: curves that are drawn at most
CURVES = 6
D_LABEL = "G(r) − G of the first state (Å⁻²)"


def film(found: xr.Dataset, truth: xr.Dataset | None) -> Figure:
    """The difference PDF of every state as an image, beside some of its curves with their fits.

    Parameters
    ----------
    found : xarray.Dataset
        With ``roi_dgr`` and its errors, and ``dgr_model`` if it was fitted, dims (state, r); at least two states.
    truth : xarray.Dataset or None
        For the events that were put in.
    """
    figure, axis = sheet(4.9), state_axis(found, truth)
    image, curves = figure.subplots(1, 2, width_ratios=(1.2, 1))
    bar = figure.colorbar(draw_film(image, found, truth), ax=image, location="right", aspect=35)
    bar.set_label(D_LABEL, fontsize=9)
    course = "along the discharge" if axis.name == POTENTIAL else "along the states"
    tidy(image, R_LABEL, axis.label, f"a  difference PDF {course}")
    image.grid(visible=False)
    _curves(curves, found, axis)
    return figure


def draw_film(axes: Axes, found: xr.Dataset, truth: xr.Dataset | None) -> QuadMesh:
    """The image, the first state at the bottom, with the true events as dashed lines."""
    r, v = found.r.values, state_axis(found, truth).values
    inside = between(r, R_RANGE)
    limit = largest(found.roi_dgr.values[:, between(r, R_SCALE)])
    half = (r[1] - r[0]) / 2
    edges = np.append(r[inside] - half, r[inside][-1] + half)
    values = found.roi_dgr.values[:, inside]
    drawn = axes.pcolormesh(edges, cell_edges(v), values, cmap="RdBu_r", vmin=-limit, vmax=limit, rasterized=True)
    axes.set_xlim(*R_RANGE)
    axes.set_ylim(v[0], v[-1])
    for event in events(truth):
        if min(v) < event < max(v):
            _event(axes, event)
    return drawn


def _event(axes: Axes, potential_v: float) -> None:
    axes.axhline(potential_v, color=TRUTH, linewidth=0.9, linestyle=DASHES)
    place = (R_RANGE[1], potential_v)
    axes.annotate(
        f"{potential_v:g} V",
        place,
        (-3, -2),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=SMALL,
        color=TRUTH,
    )


def _curves(axes: Axes, found: xr.Dataset, axis: StateAxis) -> None:
    r, states = found.r.values, found.sizes["state"]
    chosen = np.unique(np.linspace(1, states - 1, min(CURVES, states - 1)).round().astype(int))
    step = max(0.75 * largest(found.roi_dgr.values[:, between(r, R_SCALE)]), 5 * float(np.median(found.roi_dgr_errors)))
    for row, state in enumerate(chosen):
        _curve(axes, found, int(state), step * row, named=row == 0)
        axes.text(
            1.01, step * row, axis.text(int(state)), transform=axes.get_yaxis_transform(), fontsize=SMALL, va="center"
        )
    for position in PAPER_PEAKS if "silicon" in found else ():
        axes.axvline(position, color=FAINT, linewidth=0.8, linestyle=":", zorder=1)
    tidy(axes, R_LABEL, "", "b  some of its curves, shifted")
    axes.set_xlim(*R_RANGE)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.09 * (high - low), high)
    axes.set_yticks([])
    _scale_bar(axes, step)
    axes.legend(loc="lower right", ncols=3, fontsize=SMALL, framealpha=0.85, edgecolor="none", borderpad=0.2)


def _curve(axes: Axes, found: xr.Dataset, state: int, base: float, *, named: bool) -> None:
    r = found.r.values
    inside, fitted = between(r, R_RANGE), between(r, DIFFERENCE_RANGE)
    curve, error = base + found.roi_dgr.values[state], found.roi_dgr_errors.values[state]
    axes.axhline(base, color="#cccccc", linewidth=0.6)
    axes.fill_between(r[inside], (curve - error)[inside], (curve + error)[inside], alpha=0.3, color=FOUND, linewidth=0)
    axes.plot(r[inside], curve[inside], color=FOUND, linewidth=1.2, label="recovered ± σ" if named else None)
    if "dgr_model" in found:
        model: NDArray = base + found.dgr_model.values[state][fitted]
        axes.plot(
            r[fitted], model, color="black", linewidth=1.0, linestyle=":", label="template fit" if named else None
        )


def _scale_bar(axes: Axes, step: float) -> None:
    """What one round number is in the direction in which the curves are shifted."""
    length = 10 ** np.floor(np.log10(step))
    length *= max(factor for factor in (1, 2, 5) if factor * length <= step)
    axes.plot([1.1, 1.1], [0.15 * step, 0.15 * step + length], color="black", linewidth=2, solid_capstyle="butt")
    axes.text(1.15, 0.15 * step + length / 2, f"{length:g} Å⁻²", fontsize=SMALL, va="center")
