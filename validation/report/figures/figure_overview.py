"""One wide picture of the whole path: from the phantom to maps, PDF and difference PDFs."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tsct.validation.evidence.axis_of_states import state_axis

from .figure_difference import D_LABEL, draw_film
from .figure_maps import colour_bar, draw_map, map_colours, outlines, recovered_map, true_map
from .figure_pdf import draw_pdf
from .figure_style import R_LABEL, TITLE, sheet, tidy


def overview(found: xr.Dataset, truth: xr.Dataset, true: xr.Dataset | None, name: str = "silicon") -> Figure:
    """True and recovered map of a phase in the followed slice, G(r) of the region, and the difference PDF.

    Parameters
    ----------
    found : xarray.Dataset
        See :func:`tsct.analyze.collect`; at least two states.
    truth : xarray.Dataset
        With the map of the phase.
    true : xarray.Dataset or None
        See :func:`tsct.validation.evidence.region_truth.roi_truth`.
    name : str
        Of the phase.
    """
    figure = sheet(3.5, 14.0)
    phantom, recovered, pdf, film = figure.subplots(1, 4, width_ratios=(1, 1, 1.45, 1.35))
    _maps(figure, (phantom, recovered), found, truth, name)
    draw_pdf(pdf, found, true)
    tidy(pdf, R_LABEL, "G(r) (Å⁻²)", "PDF of the region, truth behind it")
    drawn = draw_film(film, found, truth)
    title = "what changes on lithiation" if name == "silicon" else "what changes"
    tidy(film, R_LABEL, state_axis(found, truth).label, title)
    film.grid(visible=False)
    figure.colorbar(drawn, ax=film, location="right", aspect=30, label=D_LABEL)
    return figure


def _maps(figure: Figure, panels: tuple[Axes, Axes], found: xr.Dataset, truth: xr.Dataset, name: str) -> None:
    row = list(found["slice"].values).index(found.attrs["roi_slice"])
    true, value = true_map(found, truth, name)[row], recovered_map(found, name)[row]
    colours = map_colours(name, true)
    for axes, image, title in zip(panels, (true, value), (f"{name}, truth", f"{name}, recovered"), strict=True):
        drawn = draw_map(axes, found, image, colours)
        outlines(axes, found, truth, on_roi=True)
        axes.set_title(title, loc="left", fontsize=TITLE, fontweight="bold")
        axes.set_xlabel("x (mm)")
    panels[0].set_ylabel("y (mm)")
    panels[1].sharey(panels[0])
    panels[1].tick_params(labelleft=False)
    colour_bar(figure, drawn, list(panels), "10⁻³ atoms Å⁻³", location="right")
