"""The picture of one measured pattern: I(Q), F(Q) and G(r)."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from tsct.analyze.pdf import PdfPeak
from tsct.validation.report import FAINT, FOUND, NAIVE, Q_LABEL, R_LABEL, SMALL, around, legend, sheet, tidy

from .measured import Measured


def draw(measured: Measured, data: xr.Dataset, peaks: Sequence[PdfPeak], number_density: float | None = None) -> Figure:
    """I(Q) with its background, F(Q), and G(r) with its peaks named and the line of an atom-free distance."""
    figure = sheet(7.0)
    parts = figure.subplot_mosaic([["iq", "fq"], ["gr", "gr"]])
    _draw_pattern(parts["iq"], measured)
    _draw_curve(parts["fq"], data, "q", "fq")
    tidy(parts["fq"], Q_LABEL, "F(Q) (Å⁻¹)", "b  reduced structure function")
    _draw_pdf(parts["gr"], data, peaks, number_density)
    return figure


def _draw_pattern(axes: Axes, measured: Measured) -> None:
    axes.plot(measured.q, measured.intensity, color=FOUND, linewidth=1.0, label="pattern")
    if measured.background is not None:
        axes.plot(measured.q, measured.background, color=NAIVE, linewidth=1.0, label="background, subtracted")
        legend(axes, "upper right")
    tidy(axes, Q_LABEL, "intensity (unit of the file)", "a  pattern")
    axes.set_ylim(*around(measured.intensity))
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))


def _draw_curve(axes: Axes, data: xr.Dataset, x: str, name: str) -> None:
    at, curve = data[x].values, data[name].values
    if f"{name}_errors" in data:
        error = data[f"{name}_errors"].values
        axes.fill_between(at, curve - error, curve + error, color=FOUND, alpha=0.3, linewidth=0, label="± σ")
    axes.axhline(0.0, color=FAINT, linewidth=0.8)
    axes.plot(at, curve, color=FOUND, linewidth=1.2)


def _draw_pdf(axes: Axes, data: xr.Dataset, peaks: Sequence[PdfPeak], number_density: float | None) -> None:
    _draw_curve(axes, data, "r", "gr")
    r = data.r.values
    curve = data.gr.values[r > 0.5]
    low, high = float(curve.min()), float(curve.max())
    if number_density is not None:
        axes.plot(r, -4 * np.pi * number_density * r, color=NAIVE, linewidth=0.9, label="no atoms: −4πρ₀r")
    for peak in peaks:
        axes.annotate(
            f"{peak.r:.2f}",
            (peak.r, peak.height),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=SMALL,
            color=FOUND,
        )
    tidy(axes, R_LABEL, "G(r) (Å⁻²)", "c  pair distribution function")
    axes.set_xlim(0.0, r[-1])
    axes.set_ylim(low - 0.08 * (high - low), high + 0.15 * (high - low))
    if axes.get_legend_handles_labels()[1]:
        legend(axes, "upper right")
