"""Amounts of the phases in the region of interest along the states."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from tsct.validation.evidence.axis_of_states import state_axis
from tsct.validation.evidence.phase_amounts import phase_map, phase_names

from .figure_style import DASHES, legend, sheet, tidy


def amounts(found: xr.Dataset, truth: xr.Dataset | None) -> Figure:
    """Mean amount of every phase in the region over the axis of the states, one panel a phase.

    Parameters
    ----------
    found : xarray.Dataset
        With amounts of named phases, and with ``roi``.
    truth : xarray.Dataset or None
        Whose amounts are drawn dashed.
    """
    names = phase_names(found)
    figure = sheet(3.9)
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    axis, middle = state_axis(found, truth), int(found.attrs["roi_slice"])
    inside = found.roi.values.astype(bool)
    for letter, axes, name in zip("abcdefghijklmnopqrstuvwxyz", panels, names, strict=False):
        value, error = _region(found, name, middle, inside)
        axes.errorbar(axis.values, 1e3 * value, 1e3 * error, fmt="o", markersize=4.5, lw=1, label="recovered")
        true = phase_map(truth, name) if truth is not None else None
        if true is not None:
            rows = true.sel(slice=middle).transpose(..., "y", "x").values[..., inside].mean(axis=-1)
            axes.plot(axis.values, 1e3 * np.broadcast_to(rows, value.shape), "k", linestyle=DASHES, label="truth")
        tidy(axes, axis.label, "10⁻³ atoms Å⁻³", f"{letter}  {name}")
        legend(axes, "upper right", headroom=0.3)
    return figure


def _region(found: xr.Dataset, name: str, middle: int, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the region and its error with that which all voxels share, shape (state,)."""

    def tile(what: str) -> np.ndarray | None:
        part = phase_map(found, name, what)
        return None if part is None else part.sel(slice=middle).transpose("state", ...).values.astype(np.float64)

    values, errors, level = tile(""), tile("errors"), tile("level_errors")
    assert values is not None, "phase_names lists phases that have a map"
    mean = values[:, inside].mean(axis=1)
    own = np.zeros_like(mean) if errors is None else np.sqrt(np.sum(errors[:, inside] ** 2, axis=1)) / inside.sum()
    return mean, np.hypot(own, 0.0 if level is None else level * mean)
