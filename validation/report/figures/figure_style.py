"""What all figures share: colours, sizes, and how axes are labelled."""

from collections.abc import Iterable
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tsct.validation.checks.onsets import EVENTS

#: colours that stay apart for colour-blind readers (Okabe & Ito, Color Universal Design, 2008)
TRUTH, FOUND, NAIVE, SECOND, THIRD, FAINT = "#3c3c3c", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#999999"
#: pattern of every line that shows the truth
DASHES = (0, (4, 2))
#: width of a figure in inches
WIDTH = 11.0
#: sizes of type in points
SMALL, TITLE = 8.5, 10.5
R_LABEL, Q_LABEL, V_LABEL = "r (Å)", "Q (Å⁻¹)", "potential (V vs Li/Li⁺)"


def sheet(height: float, width: float = WIDTH) -> Figure:
    """An empty figure whose parts make room for each other."""
    return Figure(figsize=(width, height), layout="constrained")


def tidy(axes: Axes, x: str, y: str, title: str = "") -> None:
    """Label an axes and take away the lines that say nothing."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, loc="left", fontsize=TITLE, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)


def legend(axes: Axes, loc: Literal["upper left", "upper right"], *, columns: int = 1, headroom: float = 0.0) -> None:
    """A legend that hides as little as possible; `headroom` adds that share of the height above the curves for it."""
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        axes.set_ylim(low, high * (high / low) ** headroom)
    else:
        axes.set_ylim(low, high + headroom * (high - low))
    drawn = axes.legend(loc=loc, ncols=columns, fontsize=SMALL, framealpha=0.85, edgecolor="none", borderpad=0.2)
    drawn.set_zorder(5)


def around(values: NDArray) -> tuple[float, float]:
    """Limits that hold all but the wildest half per cent of the values, and zero, with some room."""
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, [0.25, 99.75]) if finite.size else (-1.0, 1.0)
    low, high = min(low, 0.0), max(high, 0.0)
    room = 0.15 * (high - low) or 1.0
    return float(low - room), float(high + room)


def largest(values: NDArray) -> float:
    """Largest finite magnitude, for symmetric colour scales; one where there is none."""
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0)) or 1.0


def decimal(value: float, _position: object = None) -> str:
    """A tick of a logarithmic axis in plain digits: 0.01, 0.1, 1."""
    return f"{value:g}"


def cell_edges(centres: NDArray) -> NDArray[np.float64]:
    """Edges of cells around `centres`; the first and the last cell end at their centres."""
    return np.concatenate([centres[:1], (centres[1:] + centres[:-1]) / 2, centres[-1:]])


def events(truth: xr.Dataset | None) -> tuple[float, ...]:
    """Potentials in V at which something starts in the truth; none where the scenario has no sharp events."""
    return EVENTS.get(truth.attrs.get("scenario", ""), ()) if truth is not None else ()


def mark_events(axes: Axes, potentials_v: Iterable[float]) -> None:
    """Dashed vertical lines at the events of the truth."""
    for event in potentials_v:
        axes.axvline(event, color=FAINT, linewidth=0.9, linestyle=DASHES, zorder=1)
