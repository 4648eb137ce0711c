"""Maps of phases and of all scattering: truth, recovered, difference, error."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tsct.records.schema import DENSITY, POWER
from tsct.validation.evidence.map_view import RIM_VOXELS
from tsct.validation.evidence.phase_amounts import phase_map

from .figure_style import NAIVE, SMALL, TITLE, largest, sheet

COLOURS = {"silicon": "viridis", "carbon": "cividis", "intensity": "gray"}
#: unit of the record -> as it is drawn, and the factor to it
UNITS = {
    POWER: ("electron units Å⁻³", 1.0),
    DENSITY: ("10⁻³ atoms Å⁻³", 1e3),
    "1/angstrom^4": ("Å⁻⁴", 1.0),
    "1/angstrom^5": ("Å⁻⁵", 1.0),
}
#: lines around the region are drawn on voxel edges, not between voxel centres: pixels per voxel of the outline
_FINE = 8


def maps(found: xr.Dataset, truth: xr.Dataset | None, name: str) -> Figure:
    """One map in the reference state, one row per slice, the top one first.

    Parameters
    ----------
    found : xarray.Dataset
        With the map and its errors, dims (state, slice, y, x).
    truth : xarray.Dataset or None
        With the same map, dims (slice, y, x); without it only what was recovered is drawn.
    name : str
        Of a phase, or ``intensity``.
    """
    columns = _columns(found, truth, name)
    slices = found["slice"].values
    figure = sheet(0.85 + 2.5 * len(slices), 2.75 * len(columns))
    grid = figure.subplots(len(slices), len(columns), sharex=True, sharey=True, squeeze=False)
    for k, (title, (data, colours)) in enumerate(columns.items()):
        for row, image in enumerate(data):
            axes = grid[len(slices) - 1 - row, k]
            drawn = draw_map(axes, found, image, colours)
            outlines(axes, found, truth, on_roi=slices[row] == found.attrs.get("roi_slice"))
        grid[0, k].set_title(title, fontsize=TITLE, fontweight="bold")
        grid[-1, k].set_xlabel("x (mm)")
        colour_bar(figure, drawn, list(grid[:, k]), f"{name} ({_unit(found, name)[0]})")
    for axes, label in zip(grid[::-1, 0], slice_labels(found), strict=True):
        axes.set_ylabel(f"{label}\ny (mm)")
    return figure


def _columns(found: xr.Dataset, truth: xr.Dataset | None, name: str) -> dict[str, tuple[NDArray, dict[str, Any]]]:
    """Title, values as drawn (slice, y, x) and colours of every column."""
    value, error = (recovered_map(found, name, what) for what in ("", "errors"))
    sigma = {"error σ": (error, {"cmap": "magma", "vmin": 0.0, "vmax": largest(error)})}
    if truth is None:
        return {"recovered": (value, map_colours(name, value))} | sigma
    true = true_map(found, truth, name)
    rest = np.where(inside_electrode(found, truth), value - true, np.nan)
    # the rim's voxels, half wall and half electrode, would otherwise hide everything else
    limit = largest(np.where(inside_electrode(found, truth, RIM_VOXELS), rest, np.nan))
    same = map_colours(name, true)
    difference = {"recovered − truth": (rest, {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit})}
    return {"truth": (true, same), "recovered": (value, same)} | difference | sigma


def inside_electrode(found: xr.Dataset, truth: xr.Dataset, margin: float = 0.0) -> NDArray[np.bool_]:
    """Voxels inside the electrode by at least `margin` voxels, shape (y, x); the wall has carbon of its own."""
    y, x = np.meshgrid(found.y.values, found.x.values, indexing="ij")
    radius = truth.attrs.get("electrode_radius_mm", np.inf)
    return np.hypot(x, y) < radius - margin * (found.x.values[1] - found.x.values[0])


def recovered_map(found: xr.Dataset, name: str, what: str = "") -> NDArray[np.float64]:
    """A recovered map of the reference state in 1e-3 atoms per cubic angstrom or its own unit, shape (slice, y, x)."""
    array = phase_map(found, name, what)
    assert array is not None, "Plate.needs asks for it"
    return _unit(found, name)[1] * array.isel(state=0).transpose("slice", "y", "x").values.astype(np.float64)


def true_map(found: xr.Dataset, truth: xr.Dataset, name: str) -> NDArray[np.float64]:
    """The true map of the slices that were recovered, likewise."""
    array = phase_map(truth, name)
    assert array is not None, "Sources.truth_of asks for it"
    first = array.isel(state=0) if "state" in array.dims else array
    return _unit(found, name)[1] * first.sel(slice=found["slice"].values).transpose("slice", "y", "x").values


def _unit(found: xr.Dataset, name: str) -> tuple[str, float]:
    """Unit in which a recovered map is drawn, and the factor to it; that of amounts where it states none."""
    array = phase_map(found, name)
    stated = DENSITY if array is None else str(array.attrs.get("units", DENSITY))
    return UNITS.get(stated, (stated, 1.0))


def map_colours(name: str, values: NDArray) -> dict[str, Any]:
    """Colour map and limits that truth and recovered share."""
    return {"cmap": COLOURS.get(name, "viridis"), "vmin": 0.0, "vmax": 1.05 * largest(values)}


def draw_map(axes: Axes, found: xr.Dataset, image: NDArray, colours: dict[str, Any]) -> QuadMesh:
    """One slice of a map on its voxels."""
    axes.set_aspect("equal")
    axes.tick_params(labelsize=SMALL)
    axes.set_facecolor("#eeeeee")
    return axes.pcolormesh(found.x.values, found.y.values, image, rasterized=True, **colours)


def colour_bar(figure: Figure, drawn: QuadMesh, beside: list[Axes], label: str, *, location: str = "bottom") -> None:
    """A colour bar beside some axes, with few enough ticks to be read."""
    bar = figure.colorbar(drawn, ax=beside, location=location, shrink=0.9, aspect=25)
    bar.set_label(label, fontsize=9)
    bar.locator = MaxNLocator(4)
    bar.ax.tick_params(labelsize=SMALL)


def outlines(axes: Axes, found: xr.Dataset, truth: xr.Dataset | None, *, on_roi: bool) -> None:
    """The rim of the electrode or of the sample in grey, the region of interest in orange."""
    known = truth.attrs if truth is not None else {}
    radius = known.get("electrode_radius_mm", known.get("sample_radius_mm"))
    if radius is not None:
        axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor="#888888", linewidth=0.7))
    if not (on_roi and "roi" in found):
        return
    inside = np.kron(found.roi.values, np.ones((_FINE, _FINE)))
    x, y = (_fine(found[name].values) for name in ("x", "y"))
    axes.contour(x, y, inside, levels=[0.5], colors=[NAIVE], linewidths=1.2)


def _fine(centres: NDArray) -> NDArray[np.float64]:
    """Centres of the pixels into which voxels are divided."""
    step = centres[1] - centres[0]
    return (centres[:, None] + step * ((np.arange(_FINE) + 0.5) / _FINE - 0.5)).ravel()


def slice_labels(found: xr.Dataset) -> list[str]:
    """One line for every slice, bottom first."""
    slices = found["slice"].values
    if "z_mm" not in found.coords:
        return [f"slice {j}" for j in slices]
    z_mm = np.broadcast_to(found.z_mm.values, len(slices))
    return [f"slice {j}, z = {1e3 * z:.0f} µm" for j, z in zip(slices, z_mm, strict=True)]
