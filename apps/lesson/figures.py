"""The lesson's plots and sliders as Bokeh models; the page's script fills and reads them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from bokeh.models import (
    BasicTicker,
    ColorBar,
    ColumnDataSource,
    DataRange1d,
    FixedTicker,
    InlineStyleSheet,
    LabelSet,
    LinearColorMapper,
    Model,
    RadioButtonGroup,
    Slider,
    Span,
)
from bokeh.palettes import Cividis256
from bokeh.plotting import figure

from .model import EXTENT_MM, MOST_LITHIUM, Library, Settings, curves, slice_maps

#: colours that stay apart for colour-blind readers (Okabe & Ito, Color Universal Design, 2008)
BLACK, ORANGE, BLUE, GREEN, RED, GREY = "#222222", "#b07500", "#0072b2", "#00795a", "#c04a00", "#b9b9b9"
#: distance that the maps show first, angstrom
MAP_R = 2.38
WINDOWS = ("none", "Lorch", "revised Lorch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything on the page that Bokeh draws.

    Attributes
    ----------
    widgets : mapping of str to Model
        Sliders and button groups by the setting they hold.
    plots : mapping of str to Model
        By the place on the page that they fill.
    sources : mapping of str to ColumnDataSource
        What the script fills.
    marks : mapping of str to Model
        What the script moves.
    """

    widgets: Mapping[str, Model]
    plots: Mapping[str, Model]
    sources: Mapping[str, ColumnDataSource]
    marks: Mapping[str, Model]

    @property
    def defaults(self) -> dict[str, float]:
        """Where the widgets start."""
        return {name: w.value if hasattr(w, "value") else w.active for name, w in self.widgets.items()}


def board(library: Library) -> Board:
    """All models, showing the settings that the page starts with."""
    sources = {name: ColumnDataSource(data, name=f"{name}_source") for name, data in _start(library).items()}
    marks: dict[str, Model] = {
        "q_end": Span(dimension="height", line_color=RED, line_dash="dashed", line_width=1.5),
        "map_r": Span(dimension="height", line_color=GREEN, line_dash="dotdash", line_width=1.5),
        "bond_before": Span(dimension="height", line_color=BLACK, line_dash="dotted", line_width=1.5),
        "bond_after": Span(dimension="height", line_color=BLUE, line_dash="dotted", line_width=2),
        "colours_true": LinearColorMapper(palette=Cividis256, low=0, high=1),
        "colours_found": LinearColorMapper(palette=Cividis256, low=0, high=1),
    }
    plots = {
        "plot-pattern": _pattern(sources, marks),
        "plot-reduced": _reduced(sources),
        "plot-pdf": _pdf(sources, marks),
        "plot-change": _change(sources, marks),
        "plot-map-true": _map("true: without noise, without an end in Q", sources["map_true"], marks["colours_true"]),
        "plot-map-found": _map("found: from the photons of the scan", sources["map_found"], marks["colours_found"]),
    }
    return Board(widgets=widgets(), plots=plots, sources=sources, marks=marks)


def _start(library: Library) -> dict[str, dict[str, Any]]:
    drawn, base = curves(library, Settings()), Settings()
    q, r = library.q, library.r
    used = (q >= base.q_min - 1e-6) & (q <= base.q_max + 1e-6)
    maps = slice_maps(library, base, MAP_R)

    def band(name: str) -> dict[str, Any]:
        y, sigma = drawn[name], drawn[f"{name}_sigma"]
        return {"r": r, name: y, "true": drawn[f"{name}_true"], "low": y - sigma, "high": y + sigma}

    return {
        "pattern": {"q": q, "iq": drawn["iq"], "free": drawn["free"]},
        "reduced": {"q": q[used], "fq": drawn["fq"]},
        "pdf": band("gr"),
        "change": band("dgr"),
        "ghosts": {"r": [], "y": [], "label": []},
        "lobes": {"r": [], "y": [], "label": []},
        "map_found": {"image": [maps["found"]]},
        "map_true": {"image": [maps["true"]]},
    }


def widgets() -> dict[str, Model]:
    """Sliders and button groups by the setting they hold."""
    base = Settings()
    return {
        "q_max": _slider("q_max", "Qmax (Å⁻¹)", 12, 36, 0.2, base.q_max),
        "q_min": _slider("q_min", "Qmin (Å⁻¹)", 0.6, 3, 0.1, base.q_min),
        "window": _choice("window", WINDOWS),
        "r_poly": _slider("r_poly", "r_poly of the polynomial (Å)", 0, 1.6, 0.05, base.r_poly, "0.00"),
        "photons": _slider("photons", "log₁₀ of photons in a frame", 9.6, 13, 0.1, float(np.log10(base.photons))),
        "draw": _slider("draw", "noise: which throw of the dice", 1, 6, 1, base.draw + 1, "0"),
        "silicon_share": _slider(
            "silicon_share", "silicon in the solids (mass %)", 0, 100, 5, 100 * base.silicon_share, "0"
        ),
        "lithium": _slider("lithium", "lithiation (Li per Si)", 0, MOST_LITHIUM, 0.01, base.lithium, "0.00"),
        "parallax_mm": _slider("parallax_mm", "parallax: off the axis (mm)", -2.6, 2.6, 0.1, base.parallax_mm),
        "map_r": _slider("map_r", "map at the distance r (Å)", 0.5, 7.5, 0.02, MAP_R, "0.00"),
        "map_kind": _choice("map_kind", ("G(r)", "G(r) minus pristine")),
    }


def _slider(name: str, title: str, start: float, end: float, step: float, value: float, form: str = "0.0") -> Slider:
    return Slider(
        name=name,
        title=title,
        start=start,
        end=end,
        step=step,
        value=value,
        format=form,
        sizing_mode="stretch_width",
        bar_color=BLUE,
        margin=(0, 12, 0, 6),
        stylesheets=[InlineStyleSheet(css=".bk-slider-title { font-size: 14px; white-space: nowrap; }")],
    )


def _choice(name: str, labels: tuple[str, ...]) -> RadioButtonGroup:
    return RadioButtonGroup(name=name, labels=list(labels), active=0, sizing_mode="stretch_width")


def _plot(title: str, x: str, y: str, height: int, **more: Any) -> figure:
    plot = figure(
        title=title,
        x_axis_label=x,
        y_axis_label=y,
        height=height,
        sizing_mode="stretch_width",
        tools="pan,box_zoom,wheel_zoom,reset,save",
        active_drag=None,
        toolbar_location="right",
        **more,
    )
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.title.text_font_size = "13px"
    for axis in plot.axis:
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "12px"
    plot.grid.grid_line_color = "#ececec"
    plot.outline_line_color = None
    return plot


def _pattern(sources: Mapping[str, ColumnDataSource], marks: Mapping[str, Model]) -> figure:
    plot = _plot(
        "I(Q), one voxel", "Q (Å⁻¹)", "e.u. per Si, C atom", 168, y_axis_type="log", x_range=(0, 36.5), y_range=(4, 220)
    )
    plot.yaxis.ticker = FixedTicker(ticks=[5, 10, 20, 50, 100, 200], minor_ticks=[])
    plot.ygrid.ticker = plot.yaxis.ticker
    plot.line(
        "q", "free", source=sources["pattern"], color=ORANGE, line_dash="dashed", width=1.5, legend_label="free atoms"
    )
    plot.line("q", "iq", source=sources["pattern"], color=BLACK, width=1.2, legend_label="measured")
    plot.add_layout(marks["q_end"])
    return _legend(plot)


def _reduced(sources: Mapping[str, ColumnDataSource]) -> figure:
    plot = _plot("F(Q), what is transformed", "Q (Å⁻¹)", "F (Å⁻¹)", 168, x_range=(0, 36.5))
    plot.line("q", "fq", source=sources["reduced"], color=BLUE, width=1.2)
    return plot


def _pdf(sources: Mapping[str, ColumnDataSource], marks: Mapping[str, Model]) -> figure:
    plot = _plot("G(r), one voxel", "r (Å)", "G (Å⁻²)", 268, x_range=(0, 7))
    source = sources["pdf"]
    plot.varea("r", 0, "true", source=source, color=GREY, alpha=0.75, legend_label="truth, no end in Q")
    plot.varea("r", "low", "high", source=source, color=BLUE, alpha=0.3, legend_label="± one standard deviation")
    plot.line("r", "gr", source=source, color=BLUE, width=2, legend_label="found")
    plot.scatter("r", "y", source=sources["ghosts"], marker="inverted_triangle", size=9, color=RED)
    _labels(plot, sources["ghosts"], RED)
    plot.add_layout(marks["map_r"])
    return _legend(plot)


def _change(sources: Mapping[str, ColumnDataSource], marks: Mapping[str, Model]) -> figure:
    plot = _plot("dPDF: G(r) minus the pristine state", "r (Å)", "ΔG (Å⁻²)", 200, x_range=(0, 7))
    plot.y_range = DataRange1d(min_interval=1.0, range_padding=0.25)
    source = sources["change"]
    plot.varea("r", 0, "true", source=source, color=GREY, alpha=0.75, legend_label="truth, no end in Q")
    plot.varea("r", "low", "high", source=source, color=GREEN, alpha=0.3, legend_label="± one standard deviation")
    plot.line("r", "dgr", source=source, color=GREEN, width=2, legend_label="found")
    plot.scatter("r", "y", source=sources["lobes"], size=7, color=RED)
    _labels(plot, sources["lobes"], RED)
    plot.add_layout(marks["bond_before"])
    plot.add_layout(marks["bond_after"])
    return _legend(plot)


def _labels(plot: figure, source: ColumnDataSource, colour: str) -> None:
    plot.add_layout(
        LabelSet(
            x="r",
            y="y",
            text="label",
            source=source,
            text_align="center",
            y_offset=8,
            text_color=colour,
            text_font_size="12px",
            text_font_style="bold",
            background_fill_color="white",
            background_fill_alpha=0.7,
        )
    )


def _legend(plot: figure) -> figure:
    legend = plot.legend[0]
    legend.location, legend.label_text_font_size = "top_right", "11px"
    legend.background_fill_alpha, legend.border_line_color = 0.8, None
    legend.padding = legend.spacing = 1
    legend.glyph_height = legend.label_height = 14
    return plot


def _map(title: str, source: ColumnDataSource, colours: LinearColorMapper) -> figure:
    half = EXTENT_MM / 2
    plot = _plot(title, "x (mm)", "y (mm)", 260, x_range=(-half, half), y_range=(-half, half))
    plot.sizing_mode, plot.frame_width, plot.frame_height = None, 178, 178
    plot.image("image", x=-half, y=-half, dw=EXTENT_MM, dh=EXTENT_MM, source=source, color_mapper=colours)
    plot.grid.visible = False
    label = {"title": "Å⁻²", "title_text_font_style": "normal", "ticker": BasicTicker(desired_num_ticks=5)}
    plot.add_layout(ColorBar(color_mapper=colours, width=10, padding=4, **label), "right")
    return plot
