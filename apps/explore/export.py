"""What the explorer shows, as files for other programs."""

import tempfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tsct.analyze import write_gr
from tsct.analyze.recipe import stated_recipe
from tsct.validation.report import DASHES, FAINT, FOUND, R_LABEL, TRUTH, legend, sheet, tidy

from .maps import TITLES, Layers


def as_gr(curves: xr.Dataset, attrs: Mapping[Any, Any]) -> BytesIO:
    """G(r) with its errors in the form that fitting programs read."""
    recipe, facts = stated_recipe(attrs), dict[str, str | float]()
    if recipe is not None:
        facts["composition"] = " ".join(f"{symbol}{share:.4g}" for symbol, share in recipe.composition.items())
        facts |= {"qmin": recipe.q_min, "qmax": recipe.q_max}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curve.gr"
        # a point without error cannot be weighted
        errors = np.maximum(curves.gr_errors.values, 1e-12)
        write_gr(path, curves.r.values, curves.gr.values, errors, facts)
        return BytesIO(path.read_bytes())


def as_csv(curves: xr.Dataset) -> BytesIO:
    """All curves, one block of columns for each axis."""
    lines = ["# " + ", ".join(f"{name} = {value:.6g}" for name, value in curves.attrs.items())]
    for dim in ("r", "q", "q_used"):
        names = [str(name) for name, values in curves.data_vars.items() if values.dims == (dim,)]
        table = np.column_stack([curves[dim].values, *(curves[name].values for name in names)])
        lines.append(",".join([dim, *names]))
        lines += [",".join(f"{value:.9g}" for value in row) for row in table.tolist()]
        lines.append("")
    return BytesIO("\n".join(lines).encode())


def as_png(layers: Layers, extent_mm: float, curves: xr.Dataset | None, title: str) -> BytesIO:
    """Maps and curves as one picture."""
    figure = sheet(8.0 if curves is not None else 3.4)
    figure.suptitle(title, x=0.01, ha="left")
    grid = figure.add_gridspec(3 if curves is not None else 1, 4)
    known = {"true": layers.true, "found": layers.found, "error": layers.error}
    known["difference"] = None if layers.true is None else layers.found - layers.true
    half = extent_mm / 2
    for k, name in enumerate(TITLES):
        axes, values = figure.add_subplot(grid[0, k]), known[name]
        tidy(axes, "x (mm)", "y (mm)" if k == 0 else "", TITLES[name])
        if values is not None:
            colours = {"true": "viridis", "found": "viridis", "difference": "PuOr_r", "error": "cividis"}[name]
            drawn = axes.imshow(values, origin="lower", extent=(-half, half, -half, half), cmap=colours)
            figure.colorbar(drawn, ax=axes, shrink=0.8, label=layers.unit if k == len(TITLES) - 1 else "")
    for row, name, unit in ((1, "gr", "G (Å⁻²)"), (2, "dgr", "ΔG (Å⁻²)")):
        if curves is None:
            continue
        axes, r = figure.add_subplot(grid[row, :]), curves.r.values
        values, errors = curves[name].values, curves[f"{name}_errors"].values
        if name == "gr" and "gr_full" in curves:
            axes.fill_between(r, curves.gr_full, color=FAINT, alpha=0.5, label="put in, no end in Q")
        axes.fill_between(r, values - errors, values + errors, color=FOUND, alpha=0.3)
        axes.plot(r, values, color=FOUND, label="found ± 1 σ of counting")
        if f"{name}_true" in curves:
            axes.plot(r, curves[f"{name}_true"], color=TRUTH, linestyle=DASHES, label="put in, same Qmax")
        axes.set_xlim(0, 8)
        tidy(axes, R_LABEL, unit)
        legend(axes, "upper right")
    made = BytesIO()
    figure.savefig(made, format="png", dpi=140)
    made.seek(0)
    return made
