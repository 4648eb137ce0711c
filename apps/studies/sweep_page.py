"""The page of a sweep: every score against every factor."""

import base64
import io
import math
from importlib.resources import files
from pathlib import Path

import numpy as np
import xarray as xr
from jinja2 import Environment, StrictUndefined

from tsct.records.io import write_text
from tsct.validation import CHECKS
from tsct.validation.evidence import Check

from .sweep import correlation

COLOURS = {"pass": "#009E73", "fail": "#D55E00", "inconclusive": "#777777", "not run": "#777777"}


def write_page(table: xr.Dataset, folder: Path) -> Path:
    """Write ``sweep.html``, one file that needs nothing else."""
    checks = {check.id: check for check in CHECKS}
    shown = [name for name in table.check.values.tolist() if np.isfinite(table.value.sel(check=name)).any()]
    rows = [(checks[name], picture(table, checks[name]), _influences(table, name)) for name in shown]
    source = files("tsct.apps.studies").joinpath("sweep.html.jinja").read_text(encoding="utf-8")
    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(source)
    refused = [(str(p), str(e)) for p, e in zip(table.point.values, table.error.values, strict=True) if e]
    write_text(folder / "sweep.html", template.render(table=table, rows=rows, refused=refused))
    return folder / "sweep.html"


def _influences(table: xr.Dataset, name: str) -> list[tuple[str, float]]:
    """Factors with their rank correlation with a score, the strongest first."""
    value = table.value.sel(check=name).values
    found = [(factor, correlation(table[factor].values, value)) for factor in table.attrs["factors"]]
    return sorted(((f, c) for f, c in found if math.isfinite(c)), key=lambda pair: -abs(pair[1]))


def picture(table: xr.Dataset, check: Check) -> str:
    """One score against every factor, its window shaded, as a base64 PNG."""
    from matplotlib.figure import Figure

    factors = table.attrs["factors"]
    figure = Figure(figsize=(3.0 * len(factors), 2.1), dpi=80)
    value = table.value.sel(check=check.id).values
    colours = [COLOURS[verdict] for verdict in table.check_verdict.sel(check=check.id).values]
    for k, factor in enumerate(factors):
        axes = figure.add_subplot(1, len(factors), k + 1)
        across = table[factor].values
        axes.scatter(across, value, c=colours, s=14)
        _limits(axes, check)
        if across.dtype.kind in "if" and across.min() > 0 and across.max() > 20 * across.min():
            axes.set_xscale("log")
        axes.set_xlabel(factor, fontsize=7)
        axes.tick_params(labelsize=7)
    figure.tight_layout()
    held = io.BytesIO()
    figure.savefig(held, format="png")
    return base64.b64encode(held.getvalue()).decode()


def _limits(axes, check: Check) -> None:
    """Shade the window as far as values reach: an open end must not stretch the axis."""
    low, high = axes.get_ylim()
    axes.axhspan(max(check.low, low), min(check.high, high), color="#009E73", alpha=0.12, lw=0)
    axes.set_ylim(low, high)
