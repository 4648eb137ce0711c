"""The explorer's page: maps on the left, the chosen voxel or region on the right, checks behind a tab."""

from dataclasses import replace
from functools import cached_property
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
import panel as pn
import xarray as xr

from tsct.apps.run.experiment import load
from tsct.records.errors import TsctError, UsageError
from tsct.validation import forecast
from tsct.validation.evidence import state_axis

from . import checks as explore_checks
from . import curves as explore_curves
from . import export as explore_export
from . import maps as explore_maps
from .plan import plan_panel
from .region import Fitted, Place, changes, peaks, reference_of, region, why
from .run import Run

STYLE = """
:host, body { font-family: system-ui, "Segoe UI", "Noto Sans", Roboto, sans-serif; color: #1c1c1c; }
h1 { font-size: 19px; margin: 2px 0; } h1 small { font-weight: normal; color: #5a5a5a; font-size: 14px; }
h2 { font-size: 16px; margin: 4px 0; }
p { margin: 4px 0; font-size: 14px; line-height: 1.4; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 3px 12px 3px 0; vertical-align: top; }
th { font-weight: 600; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tr { border-bottom: 1px solid #e4e4e4; }
.bar { display: inline-block; height: 12px; background: #0072b2; vertical-align: middle; margin-right: 6px; }
.say { background: #eef5fa; border-left: 4px solid #0072b2; padding: 6px 10px; }
figure { margin: 10px 0; } figure img { max-width: 100%; } figcaption { font-size: 13px; color: #444; }
"""


HINT = "Click a voxel, draw around several, or type its place; all maps zoom together."
#: which of the tabs beside the maps holds the fitted peaks
PEAKS_TAB = 2


class Explorer:
    """One visit: what is shown, and what follows a click."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.maps, self.curves = explore_maps.map_board(run), explore_curves.curve_board()
        self.quantities = {quantity.title: quantity for quantity in explore_maps.quantities(run)}
        self.shown: explore_maps.Layers | None = None
        self.data: xr.Dataset | None = None
        self.x, self.y = run.found.x.values, run.found.y.values
        self.mask = np.zeros((len(self.y), len(self.x)), bool)
        self.telling = False
        self._widgets()
        self.says, self.hint = _html(""), _html("", width=330)
        self.why_says, self.peak_table = _html(""), _html("")
        self.tabs = pn.Tabs()
        self.tabs.param.watch(lambda _: self.draw_peaks(), "active")
        self._watch()
        self.draw_maps()
        self._start()

    def _widgets(self) -> None:
        run = self.run
        self.quantity = pn.widgets.Select(name="map", options=list(self.quantities), width=230)
        r = run.found.r.values if "r" in run.found.coords else np.array([0.0, 1.0])
        q = run.found.q.values if "q" in run.found.coords else np.array([0.0, 1.0])
        self.at_r = pn.widgets.FloatSlider(
            name="r (Å)", start=float(r[0]), end=float(r[-1]), step=float(r[1] - r[0]), value=2.38, width=300
        )
        self.at_q = pn.widgets.FloatSlider(
            name="Q (Å⁻¹)", start=float(q[0]), end=float(q[-1]), step=float(q[1] - q[0]), value=2.0, width=300
        )
        axis = state_axis(run.found, run.truth)
        digits = ".3f" if axis.unit == "V" else "g"
        names = [axis.text(i, digits) for i in range(len(run.states))]
        last = len(names) - 1
        self.state = pn.widgets.IntSlider(name="state", start=0, end=max(last, 1), value=last, width=230)
        self.state.disabled = len(names) == 1
        self.state_names = names
        self.play = pn.widgets.Toggle(name="▶ play", width=70)
        slices = {f"slice {k}": k for k in run.slices}
        self.slice = pn.widgets.RadioButtonGroup(name="slice", options=slices, value=run.slices[len(run.slices) // 2])
        self.whole = pn.widgets.Button(name="region of the run", width=140)
        self.at_x, self.at_y = (
            pn.widgets.FloatInput(
                name=f"{name} (mm)", step=axis[1] - axis[0], start=axis[0], end=axis[-1], format="0.000", width=90
            )
            for name, axis in (("x", self.x), ("y", self.y))
        )
        self.downloads = [
            pn.widgets.FileDownload(callback=callback, filename=name, label=label, width=width, button_type="default")
            for callback, name, label, width in (
                (self._png, "explore.png", "PNG", 90),
                (self._csv, "explore.csv", "CSV", 90),
                (self._gr, "explore.gr", ".gr", 90),
            )
        ]

    def _watch(self) -> None:
        for widget in (self.quantity, self.at_r, self.at_q, self.state, self.slice):
            widget.param.watch(lambda _: self.draw_maps(), "value")
        for widget in (self.state, self.slice):
            widget.param.watch(lambda _: self.draw_region(), "value")
        self.play.param.watch(self._play, "value")
        self.whole.on_click(lambda _: self._choose(self.run.found.roi.values.astype(bool)))
        for widget in (self.at_x, self.at_y):
            widget.param.watch(lambda _: self._typed(), "value")
        explore_maps.on_choice(self.maps, self.x, self.y, self._choose)

    @cached_property
    def reference(self) -> Any:
        """What silicon looks like in this run; fitted when it is first asked for."""
        return reference_of(self.run)

    @property
    def place(self) -> Place:
        """What is looked at."""
        return Place(state=self.run.states[self.state.value], slice_number=self.slice.value, mask=self.mask)

    # -----------------------------------------------------------------------------------------------------------------
    # what follows a change

    def draw_maps(self) -> None:
        """Show the chosen quantity of the chosen tile."""
        quantity = self.quantities[self.quantity.value]
        self.at_r.visible, self.at_q.visible = quantity.axis == "r", quantity.axis == "q"
        self.hint.object = f"<p>{HINT} {quantity.later if self.state.value > 0 else ''}</p>"
        self.state.name = f"state {self.run.states[self.state.value]}, {self.state_names[self.state.value]}"
        channel = 0
        if quantity.axis:
            grid, wanted = (self.run.found[quantity.axis].values, self.at_r if quantity.axis == "r" else self.at_q)
            channel = int(np.argmin(np.abs(grid - wanted.value)))
        self.curves.mark.location = self.at_r.value if quantity.axis == "r" else None
        try:
            self.shown = quantity.layers(self.run, self.place.state, self.place.slice_number, channel)
        except TsctError as error:
            self.says.object = _problem(error)
            return
        explore_maps.show(self.maps, self.shown, self._electrode())

    def _electrode(self) -> np.ndarray:
        """Where colours should tell something apart."""
        known = self.run.truth.attrs if self.run.truth is not None else {}
        distance = np.hypot(self.x, self.y[:, None])
        inside = distance <= float(known.get("electrode_radius_mm", known.get("sample_radius_mm", np.inf)))
        return inside if inside.any() else np.ones_like(inside)

    def _start(self) -> None:
        if "roi" in self.run.found and self.run.found.roi.values.any():
            rows, columns = np.nonzero(self.run.found.roi.values)
            start = int(np.round(rows.mean())), int(np.round(columns.mean()))
        else:
            start = self.mask.shape[0] // 2, self.mask.shape[1] // 2
        first = np.zeros_like(self.mask)
        first[start] = True
        self._choose(first)

    def _choose(self, mask: np.ndarray) -> None:
        self.mask = mask
        explore_maps.mark(self.maps, self.x, self.y, mask)
        self.telling = True
        self.at_x.value, self.at_y.value = self._centre()
        self.telling = False
        self.draw_region()

    def _typed(self) -> None:
        """A voxel that is chosen by the keyboard."""
        if not self.telling and None not in (self.at_x.value, self.at_y.value):
            near = (np.abs(axis - widget.value) for axis, widget in ((self.y, self.at_y), (self.x, self.at_x)))
            mask = np.zeros_like(self.mask)
            mask[tuple(int(np.argmin(distance)) for distance in near)] = True
            self._choose(mask)

    def _centre(self) -> tuple[float, float]:
        rows, columns = np.nonzero(self.mask)
        return float(self.x[columns].mean()), float(self.y[rows].mean())

    def draw_region(self) -> None:
        """Show the curves of the chosen voxel or region."""
        if not self.mask.any():
            return
        if not self.run.has_volumes or self.run.operator is None:
            self.says.object = (
                "<p>Patterns of single voxels were not kept (output.volumes, or tsct analyze --volumes).</p>"
            )
            return
        try:
            self.data = region(self.run, self.place)
        except TsctError as error:
            self.says.object = _problem(error)
            return
        explore_curves.fill(self.curves, self.data)
        self.says.object = self._headline(self.data)
        self.why_says.object = self._why(self.data)
        self.draw_peaks()

    def draw_peaks(self) -> None:
        """Fit the peaks, if they are looked at."""
        if self.data is not None and self.tabs.active == PEAKS_TAB:
            self.peak_table.object = self._peaks(self.data)

    def _play(self, event: Any) -> None:
        if event.new:
            self._playing = pn.state.add_periodic_callback(self._next, period=700)
        elif hasattr(self, "_playing"):
            self._playing.stop()
        self.play.name = "■ stop" if event.new else "▶ play"

    def _next(self) -> None:
        self.state.value = (self.state.value + 1) % len(self.run.states)

    # -----------------------------------------------------------------------------------------------------------------
    # words

    def _headline(self, data: xr.Dataset) -> str:
        x, y = self._centre()
        count = data.attrs["voxels"]
        what = "Voxel" if count == 1 else f"Region of {count} voxels around"
        where = f"x = {_fixed(x, 2)} mm, y = {_fixed(y, 2)} mm"
        density = f"{data.attrs['density']:.4f}"
        true = f" ({data.attrs['density_true']:.4f} put in)" if data.attrs.get("density_true", 0) > 0 else ""
        return f"<h2>{what} {where}, {escape(self.state.name)}</h2><p>density found {density} atoms/Å³{true}</p>"

    def _why(self, data: xr.Dataset) -> str:
        if "gr_full" not in data:
            return "<p>The truth of this place is not known.</p>"
        parts = why(data)
        rows = (
            ("found − put in, in all", parts.total),
            ("truncation at Qmax", parts.truncation),
            ("counting noise (error bars)", parts.noise),
            ("gain pattern of the channels", parts.gain),
            ("left beyond noise", parts.beyond),
        )
        widest = max(value for _, value in rows) or 1.0
        table = "".join(
            f"<tr><th>{name}</th><td class='n'>{value:.3f}</td>"
            f"<td><span class='bar' style='width:{200 * value / widest:.0f}px'></span></td></tr>"
            for name, value in rows
        )
        head = "<tr><th>between 1 and 6 Å</th><th class='n'>rms (Å⁻²)</th><th></th></tr>"
        return f"<p class='say'>{escape(parts.sentence)}</p><table>{head}{table}</table>"

    def _peaks(self, data: xr.Dataset) -> str:
        lines = peaks(data)
        if self.state.value > 0 and self.reference is not None and "silicon" in self.run.found:
            fitted = changes(self.run, self.place, self.reference)
            lines += [replace(one, name=f"change: {one.name}") for one in fitted]
        rows = "".join(_row(one) for one in lines)
        head = "<tr><th>quantity</th><th class='n'>found</th><th class='n'>± 1 σ</th><th class='n'>put in</th></tr>"
        note = (
            "Positions and heights are those of the maxima, beside the equally truncated truth. Changes are a template "
            "fit of the difference from the first state; what was put in is the mean over the sample."
        )
        return f"<table>{head}{rows}</table><p>{note}</p>"

    # -----------------------------------------------------------------------------------------------------------------
    # files and layout

    def _png(self) -> BytesIO:
        assert self.shown is not None
        title = f"{self.run.name}, {self.state.name}, slice {self.slice.value}: {self.quantity.value}"
        extent = float(self.x[1] - self.x[0]) * len(self.x)
        return explore_export.as_png(self.shown, extent, self.data, title)

    def _csv(self) -> BytesIO:
        return explore_export.as_csv(self.data) if self.data is not None else BytesIO(b"nothing is chosen\n")

    def _gr(self) -> BytesIO:
        if self.data is None:
            return BytesIO(b"nothing is chosen\n")
        return explore_export.as_gr(self.data, self.run.found.attrs)

    def page(self) -> pn.Column:
        """The whole page."""
        tabs = [("Maps and voxels", self._main())]
        if self.run.checks:
            tabs.append((f"Checks ({len(self.run.checks)})", self._checks()))
        if self.run.folder is not None and (self.run.folder / "experiment.toml").is_file():
            tabs.append(("Plan the next one", planned(str(self.run.folder / "experiment.toml"))))
        return pn.Column(_html(self._title()), pn.Tabs(*tabs), margin=(4, 12))

    def _title(self) -> str:
        headline = explore_checks.headline(self.run)
        return f"<h1>{escape(self.run.name or 'recovered data')} <small>{headline}</small></h1>"

    def _main(self) -> pn.Row:
        one, two, three, four = (pn.pane.Bokeh(plot, margin=0) for plot in self.maps.figures.values())
        several = len(self.run.slices) > 1
        left = pn.Column(
            pn.Row(self.quantity, self.at_r, self.at_q),
            pn.Row(self.state, self.play, self.slice if several else self.whole),
            pn.Row(one, two),
            pn.Row(three, four),
            pn.Row(self.at_x, self.at_y, *([pn.Column(self.whole, align="end")] if several else [])),
            width=590,
        )
        plots = {name: pn.pane.Bokeh(plot) for name, plot in self.curves.plots.items()}
        self.tabs.extend(
            [
                ("G(r) and dPDF", pn.Column(plots["gr"], plots["dgr"])),
                ("Why does it differ?", pn.Column(self.why_says, plots["why"])),
                ("Peaks", self.peak_table),
                ("I(Q) and F(Q)", pn.Column(plots["iq"], plots["fq"])),
            ]
        )
        return pn.Row(left, pn.Column(self.says, self.tabs, pn.Row(*self.downloads, self.hint), width=660))

    def _checks(self) -> pn.Row:
        options = explore_checks.labels(self.run)
        listed = pn.widgets.Select(name="check", options=options, size=26, width=430)
        shown = _html(explore_checks.evidence(self.run, listed.value), width=740)

        def choose(event: Any) -> None:
            shown.object = explore_checks.evidence(self.run, event.new)

        listed.param.watch(choose, "value")
        return pn.Row(listed, shown)


def planned(source: str) -> pn.Column:
    """The planner's page for a preset or an experiment file."""
    try:
        experiment = load(source)
        if experiment.cell is None:
            raise UsageError(
                f"{source}: the planner with sliders knows the cell of wragg2023; for others: tsct plan {source}"
            )
        what = (experiment.cell, experiment.beamline, experiment.recipe)
    except TsctError as error:
        return pn.Column(_html(_problem(error)))
    return plan_panel(experiment, lambda: forecast(*what))


def _html(text: str, **more: Any) -> pn.pane.HTML:
    return pn.pane.HTML(text, stylesheets=[STYLE], margin=(2, 8), **more)


def _problem(error: TsctError) -> str:
    # names of files are of no use to a browser
    return f"<p class='say'>This could not be read: {escape(str(error).rpartition('/')[2])}</p>"


def _fixed(value: float, digits: int) -> str:
    return "–" if not np.isfinite(value) else f"{value:.{digits}f}".replace("-", "−")


def _row(one: Fitted) -> str:
    cells = (_fixed(value, 3) for value in (one.found, one.error, one.true))
    unit = f" ({one.unit})" if one.unit else ""
    return f"<tr><th>{escape(one.name + unit)}</th>" + "".join(f"<td class='n'>{cell}</td>" for cell in cells) + "</tr>"
