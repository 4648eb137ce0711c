"""The planner with live sliders: one forecast, scaled by exposure, size of the region and end of the transform."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, Span
from bokeh.plotting import figure

from tsct.validation.forecast import SIGNIFICANT, Forecast

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#00795a", "#777777"
STYLE = """
:host { font-family: system-ui, "Segoe UI", "Noto Sans", Roboto, sans-serif; font-size: 14px; }
table { border-collapse: collapse; } th, td { text-align: left; padding: 4px 14px 4px 0; }
td { font-variant-numeric: tabular-nums; } tr { border-bottom: 1px solid #e4e4e4; }
p { margin: 6px 0; } .yes { color: #00795a; font-weight: 600; } .no { color: #c04a00; font-weight: 600; }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a changed experiment would see.

    Attributes
    ----------
    hours, dose_kgy : float
        Of all tomograms, and of one.
    voxel, region : float
        Error of a Si-Si shift, angstrom: counting and drift of the gains together.
    noise, ghost : float
        Error of G of one voxel at the Si-Si peak, and prominence of the ghost near 1 angstrom; 1/angstrom^2.
    """

    hours: float
    dose_kgy: float
    voxel: float
    region: float
    noise: float
    ghost: float


def answer(plan: Forecast, *, light: float, radius: float, q_max: float, base_q_max: float) -> Answer:
    """Scale a forecast.

    Errors of counting fall with the root of the exposure, the drift of the gains stays. Error and radius are
    interpolated in their logarithms between the forecast regions, Qmax between the forecast ends; the error of a shift
    takes from Qmax the factor that a voxel has.

    Parameters
    ----------
    plan : Forecast
        Of the experiment as it stands.
    light : float
        Exposure over the planned one.
    radius : float
        Of the region, voxels.
    q_max, base_q_max : float
        End of the transform wanted, and that of the forecast, 1/angstrom.
    """
    ends = plan.q_max.q_max.values

    def at_end(name: str, q: float) -> float:
        return float(np.interp(q, ends, plan.q_max[name].values))

    further = at_end("shift", q_max) / at_end("shift", base_q_max)
    drift = plan.sigma.change_drift.sel(parameter="shift")
    sizes, errors = plan.radius.radius.values, plan.radius.change.sel(parameter="shift").values
    counting = float(np.exp(np.interp(np.log(radius), np.log(sizes), np.log(errors))))
    voxel = float(plan.sigma.change.sel(region="voxel", parameter="shift"))
    return Answer(
        hours=plan.costs.hours * light,
        dose_kgy=plan.costs.dose_gray * light / 1e3,
        voxel=float(np.hypot(voxel * further / np.sqrt(light), drift.sel(region="voxel"))),
        region=float(np.hypot(counting * further / np.sqrt(light), drift.sel(region="roi"))),
        noise=at_end("voxel_gr", q_max) / np.sqrt(light),
        ghost=at_end("ghost", q_max),
    )


def plan_panel(experiment: Any, forecast: Callable[[], Forecast]) -> pn.Column:
    """A button that makes the forecast, and the sliders that act on it.

    Parameters
    ----------
    experiment : tsct.apps.run.experiment.Experiment
        What is planned.
    forecast : callable
        Makes its forecast; takes half a minute and runs beside the page.
    """
    start = pn.widgets.Button(name="Forecast this experiment (half a minute)", button_type="primary", width=320)
    says = pn.pane.HTML(
        f"<p>What would <b>{escape(experiment.settings.name)}</b> see with more light, a larger region or another end "
        "of the transform? The forecast sends expected counts through the analysis; the sliders then scale it.</p>",
        stylesheets=[STYLE],
    )
    column = pn.Column(says, start)

    async def run(_: Any) -> None:
        start.disabled, start.name = True, "forecasting …"
        made = await asyncio.to_thread(forecast)
        column.objects = [says, _live(made, experiment.recipe)]

    start.on_click(run)
    return column


def _live(plan: Forecast, recipe: Any) -> pn.Row:
    ends = plan.q_max.q_max.values
    base = float(np.clip(recipe.pdf.q_max, ends[0], ends[-1]))
    light = pn.widgets.FloatSlider(name="exposure, log₂ of the planned", start=-5, end=5, step=0.5, value=0, width=330)
    radius = pn.widgets.FloatSlider(
        name="radius of the region (voxels)",
        start=float(plan.radius.radius[0]),
        end=float(plan.radius.radius[-1]),
        step=0.5,
        value=float(np.clip(recipe.roi.radius_voxels, plan.radius.radius[0], plan.radius.radius[-1])),
        width=330,
    )
    q_max = pn.widgets.FloatSlider(
        name="Qmax (Å⁻¹)", start=float(ends[0]), end=float(ends[-1]), step=0.5, value=base, width=330
    )
    wanted = pn.widgets.FloatSlider(
        name="shift that must be seen (mÅ)", start=0.5, end=30, step=0.5, value=10, width=330
    )
    table = pn.pane.HTML("", stylesheets=[STYLE], width=430)
    source, here = ColumnDataSource({"radius": [], "error": []}), ColumnDataSource({"radius": [], "error": []})
    marks = Span(dimension="width", line_color=GREY, line_dash="dashed"), Span(dimension="height", line_color=GREY)
    plots = _by_radius(source, here, marks[0]), _by_end(plan, marks[1])

    def ask(size: float) -> Answer:
        return answer(plan, light=2.0**light.value, radius=size, q_max=q_max.value, base_q_max=base)

    def update(*_: Any) -> None:
        sizes = plan.radius.radius.values
        source.data = {"radius": sizes, "error": [1e3 * ask(size).region for size in sizes]}
        found = ask(radius.value)
        here.data = {"radius": [radius.value], "error": [1e3 * found.region]}
        marks[0].location, marks[1].location = wanted.value / SIGNIFICANT, q_max.value
        table.object = _table(found, wanted.value / 1e3)

    for slider in (light, radius, q_max, wanted):
        slider.param.watch(update, "value")
    update()
    return pn.Row(pn.Column(light, radius, q_max, wanted, table), pn.Column(*map(pn.pane.Bokeh, plots)))


def _table(found: Answer, wanted: float) -> str:
    def seen(error: float) -> str:
        ratio = wanted / error
        word = "<span class='yes'>✓ seen</span>" if ratio >= SIGNIFICANT else "<span class='no'>✗ not seen</span>"
        return f"{1e3 * error:.2f} mÅ, {ratio:.1f} σ {word}"

    rows = (
        ("beam time", f"{found.hours:.2f} h"),
        ("dose in one tomogram", f"{found.dose_kgy:.1f} kGy"),
        ("error of a Si–Si shift, one voxel", seen(found.voxel)),
        ("error of a Si–Si shift, region", seen(found.region)),
        ("error of G at Si–Si, one voxel", f"{found.noise:.3f} Å⁻²"),
        ("ghost near 1 Å", f"{found.ghost:.2f} Å⁻²"),
    )
    return "<table>" + "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in rows) + "</table>"


def _plot(title: str, x: str, y: str, **more: Any) -> figure:
    plot = figure(title=title, x_axis_label=x, y_axis_label=y, width=640, height=300, tools="save", **more)
    plot.toolbar.logo = None
    plot.axis.axis_label_text_font_style = "normal"
    return plot


def _by_radius(source: ColumnDataSource, here: ColumnDataSource, wanted: Span) -> figure:
    plot = _plot(
        "Error of a shift; dashed: three standard deviations make what must be seen",
        *("radius of the region (voxels)", "error (mÅ)"),
        x_axis_type="log",
        y_axis_type="log",
    )
    plot.line("radius", "error", source=source, color=BLUE, width=2)
    plot.scatter("radius", "error", source=here, color=ORANGE, size=11)
    plot.add_layout(wanted)
    return plot


def _by_end(plan: Forecast, here: Span) -> figure:
    plot = _plot("The end of the transform: noise against ghosts, as planned", "Qmax (Å⁻¹)", "Å⁻²", y_axis_type="log")
    ends = plan.q_max.q_max.values
    plot.line(ends, plan.q_max.voxel_gr.values, color=ORANGE, width=2, legend_label="noise of G, one voxel")
    ghost = np.maximum(plan.q_max.ghost.values, 1e-3)
    plot.line(ends, ghost, color=GREEN, width=2, line_dash="dashed", legend_label="ghost near 1 Å")
    plot.add_layout(here)
    plot.legend.location = "top_left"
    return plot
