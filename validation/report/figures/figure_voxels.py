"""PDFs of a few single voxels with their errors, beside that of the region."""

import xarray as xr
from matplotlib.figure import Figure

from .figure_pdf import R_RANGE, R_SCALE
from .figure_style import FAINT, FOUND, NAIVE, R_LABEL, SECOND, around, legend, sheet, tidy


def voxels(found: xr.Dataset) -> Figure:
    """Density times G(r) of the voxels that the analysis took as examples, in the first state.

    Parameters
    ----------
    found : xarray.Dataset
        With ``example_hr`` and its errors (example, r), and ``roi_gr`` with the ``reference_density``.
    """
    r = found.r.values
    region = found.attrs["reference_density"] * found.roi_gr.values[0]
    figure = sheet(3.8)
    panels = figure.subplots(1, found.sizes["example"], sharey=True, squeeze=False)[0]
    seen = (r > R_SCALE) & (r < R_RANGE[1])
    for axes, example, colour in zip(panels, range(found.sizes["example"]), (FOUND, NAIVE, SECOND), strict=False):
        one = found.isel(example=example)
        value, error = one.example_hr.values, one.example_hr_errors.values
        axes.fill_between(r, value - error, value + error, color=colour, alpha=0.3, linewidth=0)
        axes.plot(r, value, color=colour, linewidth=1.1, label="voxel ± σ")
        axes.plot(r, region, color=FAINT, linewidth=1.0, label="region")
        where = f"x {float(one.example_x):.2f}, y {float(one.example_y):.2f} mm"
        tidy(
            axes,
            R_LABEL,
            "density × G(r) (Å⁻⁵)" if example == 0 else "",
            f"{'abc'[example]}  {one.example.item()}\n{where}",
        )
        axes.set_xlim(R_RANGE[0], min(R_RANGE[1], r[-1]))
    low, high = around(found.example_hr.values[:, seen])
    panels[0].set_ylim(low, high)
    legend(panels[0], "upper right", headroom=0.2)
    return figure
