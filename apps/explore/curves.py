"""The explorer's curves of a voxel or region."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from bokeh.models import ColumnDataSource, DataRange1d, Range1d, Span
from bokeh.plotting import figure

#: colours that stay apart for colour-blind readers (Okabe & Ito, Color Universal Design, 2008)
FOUND, CHANGE, TRUE, FULL, GAIN, REST = "#0072b2", "#00795a", "#222222", "#b9b9b9", "#cc79a7", "#d55e00"
WIDTH = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveBoard:
    """Plots and what they show."""

    plots: Mapping[str, figure]
    sources: Mapping[str, ColumnDataSource]
    mark: Span


def curve_board() -> CurveBoard:
    """Empty plots."""
    sources = {name: ColumnDataSource(name=f"{name}_curves") for name in ("r", "q", "f")}
    for name, columns in (("r", R_COLUMNS), ("q", Q_COLUMNS), ("f", F_COLUMNS)):
        sources[name].data = {column: np.zeros(2) for column in columns}
    mark = Span(dimension="height", line_color=CHANGE, line_dash="dotdash", line_width=1.5)
    shared = Range1d(0, 8)
    plots = {
        "gr": _gr(sources["r"], shared, mark),
        "dgr": _dgr(sources["r"], shared),
        "iq": _iq(sources["q"]),
        "fq": _fq(sources["f"]),
        "why": _why(sources["r"], shared),
    }
    return CurveBoard(plots=plots, sources=sources, mark=mark)


R_COLUMNS = (
    *("r", "gr", "gr_low", "gr_high", "gr_true", "gr_full"),
    *("dgr", "dgr_low", "dgr_high", "dgr_true", "truncation", "gain", "rest", "noise_low", "noise_high"),
)
Q_COLUMNS = ("q", "iq", "iq_low", "iq_high", "iq_true")
F_COLUMNS = ("q", "fq", "fq_low", "fq_high", "fq_true")


def fill(board: CurveBoard, curves: xr.Dataset) -> None:
    """Show a record of :func:`tsct.apps.explore.region.region`."""

    def column(name: str) -> Any:
        known = curves.get(name)
        return known.values if known is not None else np.full(curves.sizes[_DIMS[name.split("_")[0]]], np.nan)

    def band(name: str) -> dict[str, Any]:
        values, errors = column(name), column(f"{name}_errors")
        return {name: values, f"{name}_low": values - errors, f"{name}_high": values + errors}

    noise = column("gr_errors")
    board.sources["r"].data = {
        "r": curves.r.values,
        **band("gr"),
        **band("dgr"),
        **{name: column(name) for name in ("gr_true", "gr_full", "dgr_true")},
        "truncation": column("gr_true") - column("gr_full"),
        "gain": column("gr_gain"),
        "rest": column("gr") - column("gr_true") - column("gr_gain"),
        "noise_low": -2 * noise,
        "noise_high": 2 * noise,
    }
    board.sources["q"].data = {"q": curves.q.values, **band("iq"), "iq_true": column("iq_true")}
    board.sources["f"].data = {"q": curves.q_used.values, **band("fq"), "fq_true": column("fq_true")}


_DIMS = {"gr": "r", "dgr": "r", "iq": "q", "fq": "q_used"}


def _plot(title: str, x: str, y: str, height: int, **more: Any) -> figure:
    plot = figure(
        title=title,
        x_axis_label=x,
        y_axis_label=y,
        width=WIDTH,
        height=height,
        tools="pan,box_zoom,wheel_zoom,reset,save",
        active_drag="box_zoom",
        **more,
    )
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.axis_label_text_font_size = plot.axis.major_label_text_font_size = "12px"
    plot.grid.grid_line_color = "#ececec"
    plot.outline_line_color = None
    return plot


def _measured(plot: figure, source: ColumnDataSource, x: str, name: str, colour: str) -> None:
    band, dashed = {"alpha": 0.3, "legend_label": "± 1 σ of counting"}, {"width": 1.5, "line_dash": "dashed"}
    plot.varea(x, f"{name}_low", f"{name}_high", source=source, color=colour, **band)
    plot.line(x, name, source=source, color=colour, width=2, legend_label="found")
    plot.line(x, f"{name}_true", source=source, color=TRUE, legend_label="put in, same Qmax", **dashed)


def _gr(source: ColumnDataSource, shared: Range1d, mark: Span) -> figure:
    plot = _plot("G(r)", "r (Å)", "G (Å⁻²)", 290, x_range=shared)
    plot.varea("r", 0, "gr_full", source=source, color=FULL, alpha=0.75, legend_label="put in, no end in Q")
    _measured(plot, source, "r", "gr", FOUND)
    plot.add_layout(mark)
    return _legend(plot)


def _dgr(source: ColumnDataSource, shared: Range1d) -> figure:
    plot = _plot("dPDF: G(r) minus that of the first state", "r (Å)", "ΔG (Å⁻²)", 230, x_range=shared)
    plot.y_range = DataRange1d(min_interval=1.0)
    _measured(plot, source, "r", "dgr", CHANGE)
    return _legend(plot)


def _iq(source: ColumnDataSource) -> figure:
    plot = _plot("I(Q)", "Q (Å⁻¹)", "e.u. per atom", 260, y_axis_type="log")
    _measured(plot, source, "q", "iq", FOUND)
    return _legend(plot)


def _fq(source: ColumnDataSource) -> figure:
    plot = _plot("F(Q)", "Q (Å⁻¹)", "F (Å⁻¹)", 260)
    _measured(plot, source, "q", "fq", FOUND)
    return _legend(plot)


def _why(source: ColumnDataSource, shared: Range1d) -> figure:
    plot = _plot("Found minus put in, taken apart", "r (Å)", "part of G (Å⁻²)", 300, x_range=shared)
    noise, gain = {"alpha": 0.22, "legend_label": "± 2 σ of counting"}, "gain pattern of the channels"
    plot.varea("r", 0, "truncation", source=source, color=FULL, alpha=0.75, legend_label="truncation at Qmax")
    plot.varea("r", "noise_low", "noise_high", source=source, color=FOUND, **noise)
    plot.line("r", "gain", source=source, color=GAIN, width=1.5, legend_label=gain)
    plot.line("r", "rest", source=source, color=REST, width=2, legend_label="what is left")
    return _legend(plot)


def _legend(plot: figure) -> figure:
    legend = plot.legend[0]
    legend.location, legend.label_text_font_size = "top_right", "11px"
    legend.background_fill_alpha, legend.border_line_color = 0.8, None
    legend.padding = legend.spacing = 1
    legend.glyph_height = legend.label_height = 14
    return plot
