"""A scan before any map of it: its sinogram, what was repaired, all scattering, and where to trust it."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .figure_maps import colour_bar, draw_map, map_colours, outlines
from .figure_style import NAIVE, SMALL, largest, sheet, tidy


def measurement(found: xr.Dataset) -> Figure:
    """Sinogram, repaired rays, total intensity and trust mask of the first state in the slice of the region.

    Parameters
    ----------
    found : xarray.Dataset
        With ``sinogram`` and ``repaired_share`` (angle, translation), and maps of ``total_intensity`` and ``trusted``.
    """
    figure = sheet(4.1)
    rays, repaired, image, trust = figure.subplots(1, 4)
    _sinogram(figure, rays, found)
    _repaired(figure, repaired, found)
    _image(
        figure,
        image,
        found,
        "total_intensity",
        "c  all scattering",
        map_colours("intensity", _slice(found, "total_intensity")),
    )
    _image(figure, trust, found, "trusted", "d  not moved by truncation", {"cmap": "gray", "vmin": 0.0, "vmax": 1.0})
    return figure


def _slice(found: xr.Dataset, name: str) -> NDArray:
    """A map of the first state in the slice of the region, shape (y, x)."""
    return found[name].isel(state=0).sel(slice=int(found.attrs["roi_slice"])).values.astype(np.float64)


def _sinogram(figure: Figure, axes: Axes, found: xr.Dataset) -> None:
    values = _rays(found, "sinogram")
    drawn = axes.pcolormesh(*_grid(found), values, cmap="magma", vmin=0.0, vmax=largest(values), rasterized=True)
    colour_bar(figure, drawn, [axes], "mean of all channels (mm e.u. Å⁻³)")
    axis_mm = float(found.axis_mm.isel(state=0).sel(slice=int(found.attrs["roi_slice"])))
    axes.axvline(axis_mm, color=NAIVE, linewidth=1.0)
    _label(axes, "a  sinogram, axis in orange")


def _repaired(figure: Figure, axes: Axes, found: xr.Dataset) -> None:
    values = 100 * _rays(found, "repaired_share")
    drawn = axes.pcolormesh(*_grid(found), values, cmap="viridis", vmin=0.0, vmax=largest(values), rasterized=True)
    colour_bar(figure, drawn, [axes], "channels that were filled (%)")
    _label(axes, "b  what was repaired")


def _rays(found: xr.Dataset, name: str) -> NDArray[np.float64]:
    """Values of all rays, the views in the order of their angles."""
    return found[name].sortby("angle").values.astype(np.float64)


def _grid(found: xr.Dataset) -> tuple[NDArray, NDArray]:
    return found.translation.values, np.sort(found.angle.values)


def _label(axes: Axes, title: str) -> None:
    tidy(axes, "translation (mm)", "angle (deg)", title)
    axes.grid(visible=False)
    axes.tick_params(labelsize=SMALL)


def _image(figure: Figure, axes: Axes, found: xr.Dataset, name: str, title: str, colours: dict) -> None:
    drawn = draw_map(axes, found, _slice(found, name), colours)
    outlines(axes, found, None, on_roi=True)
    colour_bar(figure, drawn, [axes], "electron units Å⁻³" if name == "total_intensity" else "1: to be trusted")
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold")
    axes.set_xlabel("x (mm)")
    axes.set_ylabel("y (mm)")
