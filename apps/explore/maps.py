"""The explorer's maps: what was put in, what was found, their difference and the error bars, linked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from bokeh.events import SelectionGeometry, Tap
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    LassoSelectTool,
    LinearColorMapper,
    PanTool,
    Range1d,
    Rect,
    ResetTool,
    SaveTool,
    WheelZoomTool,
)
from bokeh.palettes import Cividis256, Viridis256
from bokeh.plotting import figure
from matplotlib import colormaps
from matplotlib.colors import to_hex
from numpy.typing import NDArray

from tsct.analyze.recipe import Roi
from tsct.records.errors import InputError
from tsct.validation.evidence import phase_map, phase_names

from .run import Run

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: blue for less, orange for more: apart for all kinds of colour blindness
DIVERGING = [to_hex(colormaps["PuOr_r"](i / 255)) for i in range(256)]
SELECTED = "#d55e00"
#: cubic angstroms in a cubic nanometre: maps then need no powers of ten
PER_NM3 = 1000.0
BONDS = "The fit knows silicon by its four bonds: where lithium breaks or stretches them it finds less than was put in."

#: how the maps of the cell are called, and what to know of them in later states
FITTED = {"silicon": ("silicon atoms, fitted", BONDS), "carbon": ("sp² carbon atoms, fitted", "")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """One quantity of one tile; what is not known is None."""

    found: Array
    error: Array | None
    true: Array | None
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """Something that can be mapped.

    Parameters
    ----------
    title : str
        In the menu.
    axis : str
        ``r`` or ``q`` if it needs a channel, else empty.
    layers : callable
        Takes run, state, slice and channel index.
    later : str
        What to know of all but the first state.
    """

    title: str
    axis: str
    layers: Callable[[Run, int, int, int], Layers]
    later: str = ""


def quantities(run: Run) -> list[Quantity]:
    """What this run can show."""
    fits = [_amount_of(name, run) for name in phase_names(run.found)]
    if not run.has_volumes or run.operator is None:
        return fits
    return [
        *fits,
        Quantity(title="G at a distance r", axis="r", layers=_pdf),
        Quantity(title="ΔG at r, against the first state", axis="r", layers=_change),
        Quantity(title="I at a momentum transfer Q", axis="q", layers=_pattern),
    ]


def _amount_of(name: str, run: Run) -> Quantity:
    """The map of a phase; the cell's silicon and carbon have words of their own."""
    title, later = FITTED[name] if name in run.found else (f"{name}, atoms", "")
    return Quantity(title=title, axis="", layers=_fitted(name), later=later)


def _fitted(name: str) -> Callable[[Run, int, int, int], Layers]:
    def layers(run: Run, state: int, slice_number: int, _channel: int) -> Layers:
        at = {"state": state, "slice": slice_number}
        values, errors = (phase_map(run.found, name, what) for what in ("", "errors"))
        assert values is not None, "phase_names lists phases that have a map"
        # atoms of silicon and carbon stay where they are while lithium comes in
        known = phase_map(run.truth, name) if run.truth is not None else None
        if known is not None and "state" in known.dims:
            known = known.isel(state=state)
        return Layers(
            found=values.sel(at).values.astype(float) * PER_NM3,
            error=None if errors is None else errors.sel(at).values.astype(float) * PER_NM3,
            true=None if known is None else known.sel(slice=slice_number).values * PER_NM3,
            unit="atoms/nm³",
        )

    return layers


def _pdf(run: Run, state: int, slice_number: int, channel: int) -> Layers:
    assert run.operator is not None
    weights = np.zeros(len(run.operator.q))
    weights[run.operator.used] = run.operator.matrix[channel]
    return Layers(
        found=run.layer("hr", state, slice_number, channel) / run.reference_density,
        error=run.layer("hr_errors", state, slice_number, channel) / run.reference_density,
        true=_true(run, state, slice_number, weights),
        unit="Å⁻²",
    )


def _change(run: Run, state: int, slice_number: int, channel: int) -> Layers:
    now, first = (_pdf(run, k, slice_number, channel) for k in (state, run.states[0]))
    assert now.error is not None and first.error is not None
    error = np.zeros_like(now.error) if state == run.states[0] else np.hypot(now.error, first.error)
    true = now.true - first.true if now.true is not None and first.true is not None else None
    return Layers(found=now.found - first.found, error=error, true=true, unit="Å⁻²")


def _pattern(run: Run, state: int, slice_number: int, channel: int) -> Layers:
    assert run.operator is not None
    found = run.layer("iq", state, slice_number, channel) / run.reference_density
    typical = float(run.found.voxel_iq_errors.sel(state=state, slice=slice_number)[channel]) / run.reference_density
    return Layers(
        found=found,
        error=np.full_like(found, typical),
        true=_true(run, state, slice_number, np.eye(len(run.operator.q))[channel]),
        unit="e.u./atom",
    )


def _true(run: Run, state: int, slice_number: int, weights: Array) -> Array | None:
    """A linear functional of the true pattern of every voxel, over the reference density."""
    if not run.has_truth:
        return None
    k = run.states.index(state)
    return np.tensordot(run.patterns[k] @ weights, run.true_densities(slice_number)[k], 1) / run.reference_density


# ---------------------------------------------------------------------------------------------------------------------
# drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class MapBoard:
    """Four linked maps and the voxels that are chosen in them."""

    figures: Mapping[str, figure]
    images: Mapping[str, ColumnDataSource]
    mappers: Mapping[str, LinearColorMapper]
    chosen: ColumnDataSource


TITLES = {"true": "put in", "found": "found", "difference": "found − put in", "error": "error bar (1 σ)"}


def map_board(run: Run) -> MapBoard:
    """Empty maps of the run's field."""
    x, y = run.found.x.values, run.found.y.values
    step = float(x[1] - x[0])
    chosen = ColumnDataSource({"x": [], "y": []}, name="chosen")
    mappers = {
        "value": LinearColorMapper(palette=Viridis256),
        "difference": LinearColorMapper(palette=DIVERGING),
        "error": LinearColorMapper(palette=Cividis256),
    }
    ranges = {
        "x_range": Range1d(x[0] - step / 2, x[-1] + step / 2),
        "y_range": Range1d(y[0] - step / 2, y[-1] + step / 2),
    }
    images = {name: ColumnDataSource({"image": [np.zeros((len(y), len(x)))]}) for name in TITLES}
    board = MapBoard(figures={}, images=images, mappers=mappers, chosen=chosen)
    return replace(board, figures={name: _map(name, board, ranges, step) for name in TITLES})


def _map(name: str, board: MapBoard, ranges: Mapping[str, Range1d], step: float) -> figure:
    # nothing is selected in the browser: thousands of cells to hit would have to be drawn at every change
    lasso, zoom = LassoSelectTool(continuous=False, renderers=[]), WheelZoomTool()
    plot = figure(
        title=TITLES[name],
        x_axis_label="x (mm)",
        y_axis_label="y (mm)",
        frame_width=200,
        frame_height=200,
        min_border_left=44,
        min_border_right=52,
        min_border_top=24,
        min_border_bottom=38,
        tools=[lasso, PanTool(), zoom, ResetTool(), SaveTool()],
        toolbar_location="above" if name in ("true", "found") else None,
        name=f"map-{name}",
        **ranges,
    )
    plot.toolbar.logo = None
    plot.toolbar.active_drag, plot.toolbar.active_scroll = lasso, zoom
    mapper = board.mappers[name if name in board.mappers else "value"]
    x, y = ranges["x_range"], ranges["y_range"]
    place = {"x": x.start, "y": y.start, "dw": x.end - x.start, "dh": y.end - y.start}
    plot.image("image", source=board.images[name], color_mapper=mapper, **place)
    cell = {"x": "x", "y": "y", "width": 0.999 * step, "height": 0.999 * step}
    look = {"fill_color": SELECTED, "fill_alpha": 0.15, "line_color": SELECTED, "line_width": 1.5}
    plot.add_glyph(board.chosen, Rect(**cell, **look))
    plot.add_layout(ColorBar(color_mapper=mapper, width=8, padding=2, major_label_text_font_size="10px"), "right")
    plot.title.text_font_size = "12px"
    plot.axis.axis_label_text_font_size = plot.axis.major_label_text_font_size = "10px"
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.axis_label_standoff = 1
    plot.axis.minor_tick_line_color = None
    plot.grid.visible = False
    return plot


def on_choice(board: MapBoard, x: Array, y: Array, choose: Callable[[Mask], None]) -> None:
    """Call with the voxels that are clicked or drawn around in any of the maps.

    Parameters
    ----------
    board : MapBoard
        The maps.
    x, y : ndarray
        Centres of the columns and rows, mm.
    choose : callable
        Takes a mask, shape (y, x), with at least one voxel.
    """
    n, step = len(x), float(x[1] - x[0])

    def clicked(event: Tap) -> None:
        column, row = ((at - axis[0]) / step + 0.5 for at, axis in ((event.x, x), (event.y, y)))
        if 0 <= column < n and 0 <= row < n:
            choose(Roi(voxels=((int(row), int(column)),)).mask(n))

    def surrounded(event: SelectionGeometry) -> None:
        drawn = event.geometry
        corners = [(np.asarray(drawn[name], float) - axis.mean()) / step for name, axis in (("x", x), ("y", y))]
        try:
            choose(Roi(polygon=tuple(zip(*corners, strict=True))).mask(n))
        except InputError:
            return  # a line around nothing

    for plot in board.figures.values():
        plot.on_event(Tap, clicked)
        plot.on_event(SelectionGeometry, surrounded)


def mark(board: MapBoard, x: Array, y: Array, mask: Mask) -> None:
    """Show which voxels are chosen."""
    rows, columns = np.nonzero(mask)
    board.chosen.data = {"x": x[columns], "y": y[rows]}


def show(board: MapBoard, layers: Layers, inside: Mask) -> None:
    """Draw one quantity; colours span what the electrode holds."""
    nothing = np.full_like(layers.found, np.nan)
    difference = nothing if layers.true is None else layers.found - layers.true
    drawn = {
        "true": nothing if layers.true is None else layers.true,
        "found": layers.found,
        "difference": difference,
        "error": nothing if layers.error is None else layers.error,
    }
    for name, values in drawn.items():
        board.images[name].data = {"image": [values]}
        known = np.isfinite(values).any()
        board.figures[name].title.text = f"{TITLES[name]} ({layers.unit})" if known else f"{TITLES[name]}: not known"
    low, high = _limits(drawn["true"][inside], drawn["found"][inside])
    board.mappers["value"].update(low=min(low, 0.0), high=high)
    widest = max(abs(limit) for limit in _limits(difference[inside]))
    board.mappers["difference"].update(low=-widest, high=widest)
    board.mappers["error"].update(low=0.0, high=_limits(drawn["error"][inside])[1])


def _limits(*values: Array) -> tuple[float, float]:
    """Range of all but the wildest values; zero to one where there are none."""
    finite = np.concatenate([v[np.isfinite(v)] for v in values])
    if not finite.size:
        return 0.0, 1.0
    low, high = np.percentile(finite, [0.5, 99.5])
    return float(low), float(high if high > low else low + 1.0)
