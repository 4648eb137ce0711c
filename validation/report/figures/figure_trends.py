"""What the fits of the difference PDFs say along the discharge: amplitudes, positions, and the shift of the bond."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .figure_style import (
    DASHES,
    FAINT,
    FOUND,
    NAIVE,
    SECOND,
    THIRD,
    TRUTH,
    V_LABEL,
    events,
    legend,
    mark_events,
    sheet,
    tidy,
)

#: signed amplitudes: label, fitted parameter, variable of the truth, sign of the latter, colour, marker
AMPLITUDES = (
    ("2.4–2.5 Å, Si–Si moves", "shift", "silicon_distance", 1, FOUND, "o"),
    ("2.8 Å, Si–Li", "silicon_lithium", "lithium_neighbours", 1, SECOND, "s"),
    ("3.8 Å, second shell", "second_shell", "second_shell_loss", -1, THIRD, "^"),
)


def trends(found: xr.Dataset, truth: xr.Dataset | None) -> Figure:
    """Amplitudes and positions of the dPDF peaks along the discharge, and the fitted against the true shift.

    Parameters
    ----------
    found : xarray.Dataset
        With ``fit`` and ``fit_errors`` (state, parameter) and, if they were looked for, the lobes (state).
    truth : xarray.Dataset or None
        With ``silicon_distance``, ``lithium_neighbours`` and ``second_shell_loss`` (state); without it, or where the
        bond does not move, the last panel is left out.
    """
    figure = sheet(4.7)
    moves = truth is not None and bool(np.ptp(truth.silicon_distance.values) > 0)
    panels = figure.subplots(1, 3 if moves else 2)
    _amplitudes(panels[0], found, truth)
    _positions(panels[1], found, truth)
    if truth is not None and moves:
        _shift(panels[2], found, truth)
    return figure


def parameter(found: xr.Dataset, name: str) -> tuple[NDArray, NDArray]:
    """A fitted parameter and its error, shape (state,)."""
    return found["fit"].sel(parameter=name).values, found["fit_errors"].sel(parameter=name).values


def _amplitudes(axes: Axes, found: xr.Dataset, truth: xr.Dataset | None) -> None:
    """Signed amplitudes over the true one at the end, or over their errors where there is none."""
    v = found.potential_v.values
    happens = truth is not None and bool(np.any(truth.lithium_per_silicon > 0))
    for label, name, true_name, sign, colour, marker in AMPLITUDES:
        value, error = parameter(found, name)
        scale = np.where(error > 0, error, 1.0)
        if truth is not None and happens:
            true = sign * (truth[true_name].values - truth[true_name].values[0])
            scale = np.abs(true[-1]) or scale
            axes.plot(v, true / scale, color=colour, linewidth=1.0, linestyle=DASHES)
        axes.errorbar(v, value / scale, error / scale, color=colour, fmt=marker, markersize=4.5, label=label, lw=1)
    mark_events(axes, events(truth))
    tidy(axes, V_LABEL, f"amplitude, {'true end value = 1' if happens else 'in units of its error'}", "a  amplitudes")
    axes.invert_xaxis()
    axes.margins(y=0.12)
    _onsets(axes, found)
    legend(axes, "upper left", headroom=0.3)


def _onsets(axes: Axes, found: xr.Dataset) -> None:
    """Recovered onsets as marks with error bars at the lower edge."""
    if "onset_v" not in found or not np.isfinite(found.onset_v.values).any():
        return
    onset, error = found.onset_v.values, found.onset_v_errors.values
    low = np.full(len(onset), 0.03)
    axes.errorbar(
        onset,
        low,
        xerr=error,
        fmt="^",
        color=NAIVE,
        markersize=6,
        transform=axes.get_xaxis_transform(),
        label="onset, recovered",
    )


def _positions(axes: Axes, found: xr.Dataset, truth: xr.Dataset | None) -> None:
    v, start = found.potential_v.values, found.attrs["reference_distance"]
    shift, error = parameter(found, "shift")
    if "lobe_high" in found and np.isfinite(found.lobe_high).any():
        axes.plot(v, found.lobe_high.values, "D", color=NAIVE, markersize=4, label="positive lobe of the dPDF")
    axes.errorbar(v, start + shift, error, fmt="o", color=FOUND, markersize=4.5, lw=1, label="template fit")
    if truth is not None:
        distance = truth.silicon_distance.values
        axes.plot(v, distance, color=TRUTH, linewidth=1.2, linestyle=DASHES, label="true Si–Si distance")
    mark_events(axes, events(truth))
    tidy(axes, V_LABEL, "distance (Å)", "b  where is the Si–Si bond?")
    axes.invert_xaxis()
    legend(axes, "upper left", headroom=0.25)


def _shift(axes: Axes, found: xr.Dataset, truth: xr.Dataset) -> None:
    true = 1e3 * (truth.silicon_distance.values - truth.silicon_distance.values[0])
    shift, error = (1e3 * values for values in parameter(found, "shift"))
    ends = np.array([0.0, max(true.max(), np.abs(shift).max(), 1.0)])
    axes.plot(ends, ends, color=TRUTH, linewidth=1.0, linestyle=DASHES, label="slope 1")
    axes.plot(ends, ends / 2, color=FAINT, linewidth=1.0, linestyle=":", label="slope ½")
    axes.errorbar(true, shift, error, fmt="o", color=FOUND, markersize=4.5, lw=1, label="template fit")
    if {"lobe_low", "lobe_high"} <= set(found) and np.isfinite(found.lobe_high + found.lobe_low).any():
        middle = (found.lobe_low.values + found.lobe_high.values) / 2 - found.attrs["reference_distance"]
        axes.plot(true, 1e3 * middle, "D", color=NAIVE, markersize=4, label="middle of the lobes")
    tidy(axes, "true shift of Si–Si (10⁻³ Å)", "recovered shift (10⁻³ Å)", "c  shift, recovered against true")
    legend(axes, "upper left", headroom=0.25)
