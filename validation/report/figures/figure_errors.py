"""Error bars: how large they are, and whether the truth lies within them."""

from itertools import cycle

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from tsct.validation.evidence.phase_amounts import common_phases, phase_map

from .figure_style import FAINT, FOUND, NAIVE, Q_LABEL, R_LABEL, SECOND, TRUTH, decimal, legend, sheet, tidy

#: deviations in units of sigma that the histograms hold; larger ones go into the last bins
PULLS = (-15.0, 15.0)
#: distances below this (angstrom) hold nothing but the transform's own zero
R_LEAST = 0.7


def errors(found: xr.Dataset, truth: xr.Dataset | None) -> Figure:
    """Propagated errors of I(Q) and of G(r), and the deviations of the maps from the truth in units of their errors.

    Parameters
    ----------
    found : xarray.Dataset
        Errors of typical voxels and of the region of interest; those that are missing are not drawn.
    truth : xarray.Dataset or None
        With the maps; without it the last panel is left out.
    """
    figure = sheet(4.4)
    maps = truth is not None and bool(common_phases(truth, found))
    panels = figure.subplots(1, 3 if maps else 2)
    _pattern_errors(panels[0], found)
    _pdf_errors(panels[1], found)
    if truth is not None and maps:
        _pulls(panels[2], found, truth)
    return figure


def _middle(found: xr.Dataset, name: str) -> NDArray:
    """A per-tile quantity of the reference state in the slice of the region of interest."""
    return found[name].isel(state=0).sel(slice=int(found.attrs["roi_slice"])).values


def _pattern_errors(axes: Axes, found: xr.Dataset) -> None:
    q, value = found.q.values, found.attrs["reference_density"] * found.roi_iq.values[0] / 100
    if "voxel_iq_errors" in found:
        voxel, number = _middle(found, "voxel_iq_errors") / value, int(found.roi.values.sum())
        axes.plot(q, voxel, color=SECOND, linewidth=1.2, label="one voxel")
        white = f"one voxel / √{number} (white noise)"
        axes.plot(q, voxel / np.sqrt(number), color=SECOND, linewidth=1.0, linestyle=":", label=white)
    region = found.attrs["reference_density"] * found.roi_iq_errors.values[0] / value
    axes.plot(q, region, color=NAIVE, linewidth=1.2, label="region, with gain pattern")
    if "roi_counting_errors" in found:
        counting = _middle(found, "roi_counting_errors") / value
        axes.plot(q, counting, color=FOUND, linewidth=1.2, label="region, counting alone")
    _logarithmic(axes)
    tidy(axes, Q_LABEL, "error of I(Q) (%)", "a  total scattering")
    legend(axes, "upper right", headroom=0.35)


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(decimal)
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _pdf_errors(axes: Axes, found: xr.Dataset) -> None:
    r = found.r.values
    inside = r > R_LEAST
    if "voxel_hr_errors" in found:
        voxel = _middle(found, "voxel_hr_errors") / found.attrs["reference_density"]
        axes.plot(r[inside], voxel[inside], color=SECOND, linewidth=1.2, label="one voxel, G(r)")
    axes.plot(r[inside], found.roi_gr_errors.values[0][inside], color=NAIVE, linewidth=1.2, label="region, G(r)")
    if found.sizes["state"] > 1:
        last = found.roi_dgr_errors.values[-1][inside]
        axes.plot(r[inside], last, color=FOUND, linewidth=1.2, label="region, dPDF of the last state")
    _logarithmic(axes)
    tidy(axes, R_LABEL, "error (Å⁻²)", "b  pair distribution function")
    legend(axes, "upper right", headroom=0.3)


def _pulls(axes: Axes, found: xr.Dataset, truth: xr.Dataset) -> None:
    """Histograms of (recovered - truth) / error over the region of interest."""
    inside, middle = found.roi.values.astype(bool), int(found.attrs["roi_slice"])
    edges = np.linspace(*PULLS, 61)
    for name, colour in zip(common_phases(truth, found), cycle((FOUND, TRUTH, SECOND, NAIVE)), strict=False):
        error = phase_map(found, name, "errors")
        if error is None:
            continue
        pair = (phase_map(found, name), error)
        value, sigma = (part.isel(state=0).sel(slice=middle).values for part in pair if part is not None)
        known = phase_map(truth, name)
        assert known is not None, "common_phases are in the truth"
        true = (known.isel(state=0) if "state" in known.dims else known).sel(slice=middle).values
        pull = ((value - true) / sigma)[inside]
        label = f"{name}: mean {pull.mean():+.1f}, spread {pull.std():.1f}".replace("-", "−")
        number, _ = np.histogram(np.clip(pull, *PULLS), edges)
        axes.stairs(number / (pull.size * (edges[1] - edges[0])), edges, color=colour, linewidth=1.3, label=label)
    normal = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
    axes.plot(edges, normal, color=FAINT, linewidth=1.0, label="counting noise alone: mean 0, spread 1")
    axes.set_ylim(bottom=0)
    tidy(axes, "(recovered − truth) / σ", "share of voxels per unit", "c  voxels of the maps")
    legend(axes, "upper right", headroom=0.35)
