"""The figures of the report: the paper's figures made again, with the truth beside them."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tsct.analyze.difference import DIFFERENCE_RANGE
from tsct.analyze.peaks import extremum

from .check_ghost import ghost
from .check_onsets import EVENTS

#: colours that stay apart for colour-blind readers (Okabe & Ito, Color Universal Design, 2008)
TRUTH, FOUND, NAIVE, SECOND, THIRD = "#3c3c3c", "#0072b2", "#d55e00", "#009e73", "#cc79a7"
#: width of every figure in inches
WIDTH = 11.0
#: bonds that are labelled in G(r): name, window in angstrom
BONDS = (("C–C", 1.25, 1.60), ("Si–Si", 2.2, 2.6), ("2nd shell", 3.6, 4.0), ("graphene", 4.05, 4.45))
#: range of distances that is drawn of G(r) and of the dPDF, angstrom
PDF_RANGE, FILM_RANGE = (0.0, 8.0), (1.0, 5.5)
R_LABEL, Q_LABEL, V_LABEL = "r (Å)", "Q (1/Å)", "potential (V vs Li/Li⁺)"


def tidy(axes: Axes, x: str, y: str, title: str = "") -> None:
    """Label an axes and take away the lines that say nothing."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)


def legend(axes: Axes, **options: object) -> None:
    """A legend that hides as little as possible."""
    axes.legend(**{"fontsize": 8.5, "framealpha": 0.85, "edgecolor": "none", "borderpad": 0.2} | options)  # type: ignore[arg-type]


def pattern_and_pdf(found: xr.Dataset, true: xr.Dataset | None) -> Figure:
    """I(Q) and G(r) of the region of interest in the reference state, each over its residual.

    Parameters
    ----------
    found : xarray.Dataset
        With ``roi_iq``, ``roi_gr`` and their errors.
    true : xarray.Dataset or None
        See :func:`tsct.validation.roi_truth.roi_truth`.
    """
    figure = Figure(figsize=(WIDTH, 5.6), layout="constrained")
    (pattern, pdf), (pattern_rest, pdf_rest) = figure.subplots(2, 2, sharex="col", height_ratios=(3, 1))
    _pattern(pattern, found, true)
    _pdf(pdf, found, true)
    _pattern_residual(pattern_rest, found, true)
    _pdf_residual(pdf_rest, found, true)
    return figure


def _pattern(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    q, density = found.q.values, found.attrs["reference_density"]
    value, error = (density * found[name].values[0] for name in ("roi_iq", "roi_iq_errors"))
    axes.fill_between(q, value - error, value + error, color=FOUND, alpha=0.3, linewidth=0)
    axes.plot(q, value, color=FOUND, linewidth=1.3, label="recovered ± σ")
    if true is not None:
        axes.plot(q, true.iq.values, color=TRUTH, linewidth=1.0, linestyle=(0, (4, 2)), label="truth")
    axes.axvspan(found.attrs["q_max"], max(q[-1], found.attrs["q_max"]), color="#f3f3f3", zorder=0)
    axes.annotate("not used for G(r)", (found.attrs["q_max"], 0.97), (6, 0), ("data", "axes fraction"), "offset points")
    axes.texts[-1].set(fontsize=8.5, color="#666666", va="top")
    tidy(axes, "", "I(Q) (electron units/Å³)", "a  total scattering of the region")
    legend(axes, loc="upper center")
    axes.set_xlim(0, q[-1])
    axes.set_ylim(bottom=0)


def _pattern_residual(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    q, value = found.q.values, found.roi_iq.values[0]
    error = 100 * found.roi_iq_errors.values[0] / value
    axes.fill_between(q, -error, error, color=FOUND, alpha=0.25, linewidth=0, label="± σ")
    if true is not None:
        rest = 100 * (found.attrs["reference_density"] * value / true.iq.values - 1)
        axes.plot(q, rest, color=TRUTH, linewidth=0.6, label="recovered − truth")
        axes.set_ylim(*_around(rest))
    tidy(axes, Q_LABEL, "difference (%)")
    legend(axes, ncols=2, loc="upper right")


def _around(values: NDArray) -> tuple[float, float]:
    """Limits that hold all but the wildest half per cent of the values, zero, and room for a legend."""
    low, high = np.percentile(values, [0.25, 99.75])
    low, high = min(low, 0.0), max(high, 0.0)
    room = 0.15 * (high - low)
    return float(low - room), float(high + 3 * room)


def _pdf(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    r, gr, error = found.r.values, found.roi_gr.values[0], found.roi_gr_errors.values[0]
    if true is not None:
        axes.fill_between(r, 0, true.gr_untruncated.values, color="#dddddd", linewidth=0, label="truth, not truncated")
        axes.plot(r, true.gr.values, color=TRUTH, linewidth=1.0, linestyle=(0, (4, 2)), label="truth, truncated alike")
    axes.fill_between(r, gr - error, gr + error, color=FOUND, alpha=0.3, linewidth=0)
    axes.plot(r, gr, color=FOUND, linewidth=1.3, label="recovered ± σ")
    for name, low, high in BONDS:
        position, height = extremum(r, gr, low, high, 1.0)
        _mark(axes, f"{name}\n{position:.2f}", position, height, FOUND)
    position, _ = ghost(r, gr, (0.85, 1.15))
    _mark(axes, f"ghost\n{position:.2f}", position, float(np.interp(position, r, gr)), NAIVE)
    tidy(axes, "", "G(r) (1/Å²)", f"b  pair distribution function, Qmax {found.attrs['q_max']:g} 1/Å")
    legend(axes, loc="upper right")
    axes.set_xlim(PDF_RANGE[0], min(PDF_RANGE[1], r[-1]))
    inside = (r > 0.5) & (r < PDF_RANGE[1])
    axes.set_ylim(1.25 * gr[inside].min(), 1.25 * gr[inside].max())


def _mark(axes: Axes, text: str, position: float, height: float, colour: str) -> None:
    """Name a peak above its top, if there is one."""
    if np.isfinite(position) and np.isfinite(height):
        place = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "va": "bottom"}
        axes.annotate(text, (position, height), color=colour, fontsize=8.5, linespacing=0.95, **place)  # type: ignore[arg-type]


def _pdf_residual(axes: Axes, found: xr.Dataset, true: xr.Dataset | None) -> None:
    r, error = found.r.values, found.roi_gr_errors.values[0]
    axes.fill_between(r, -error, error, color=FOUND, alpha=0.25, linewidth=0, label="± σ")
    if true is not None:
        rest = found.roi_gr.values[0] - true.gr.values
        axes.plot(r, rest, color=TRUTH, linewidth=0.9, label="recovered − truncated truth")
        axes.set_ylim(*_around(rest))
    tidy(axes, R_LABEL, "difference (1/Å²)")
    legend(axes, ncols=2, loc="upper right")


def maps(found: xr.Dataset, truth: xr.Dataset, name: str) -> Figure:
    """Truth, recovered, difference and error of one map in the reference state, one row per slice, the top one first.

    Parameters
    ----------
    found, truth : xarray.Dataset
        Both with the variable `name`, dims (slice, y, x) after the state is chosen.
    name : {"silicon", "carbon"}
        Which map.
    """
    recovered = found.isel(state=0)[[name, f"{name}_errors"]].transpose("slice", "y", "x")
    slices = recovered["slice"].values
    true = truth[name].sel(slice=slices).transpose("slice", "y", "x").values
    figure = Figure(figsize=(WIDTH, 0.75 + 2.45 * len(slices)), layout="constrained")
    grid = figure.subplots(len(slices), 4, sharex=True, sharey=True, squeeze=False)
    value, error = 1e3 * recovered[name].values, 1e3 * recovered[f"{name}_errors"].values
    columns = (1e3 * true, value, value - 1e3 * true, error)
    for column, (data, title) in enumerate(
        zip(columns, ("truth", "recovered", "recovered − truth", "error σ"), strict=True)
    ):
        colours = _map_colours(name, column, columns)
        for row, (axes, image) in enumerate(zip(grid[::-1, column], data, strict=True)):
            drawn = axes.pcolormesh(found.x, found.y, image, rasterized=True, **colours)  # type: ignore[arg-type]
            _map_axes(axes, found, truth, on_roi=slices[row] == found.attrs.get("roi_slice"))
        grid[0, column].set_title(title, fontsize=10.5, fontweight="bold")
        bar = figure.colorbar(drawn, ax=grid[:, column], location="bottom", shrink=0.9, aspect=25)
        bar.set_label(f"{name} (10⁻³ atoms/Å³)", fontsize=9)
        bar.locator = MaxNLocator(5)
        grid[-1, column].set_xlabel("x (mm)")
    for axes, label in zip(grid[::-1, 0], slice_labels(found), strict=True):
        axes.set_ylabel(f"{label}\ny (mm)")
    return figure


def _map_colours(name: str, column: int, columns: Sequence[NDArray]) -> dict[str, object]:
    """Colour map and limits: the same for truth and recovered, symmetric for the difference."""
    if column < 2:
        return {"cmap": "viridis" if name == "silicon" else "cividis", "vmin": 0.0, "vmax": np.max(columns[0]) * 1.05}
    if column == 2:
        limit = float(np.percentile(np.abs(columns[2]), 99.5))
        return {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    return {"cmap": "magma", "vmin": 0.0, "vmax": float(np.max(columns[3]))}


def _map_axes(axes: Axes, found: xr.Dataset, truth: xr.Dataset, *, on_roi: bool) -> None:
    axes.set_aspect("equal")
    axes.tick_params(labelsize=8)
    radius = truth.attrs.get("electrode_radius_mm")
    if radius is not None:
        axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor="#888888", linewidth=0.7))
    if on_roi and "roi" in found:
        inside = found.roi.values.astype(float)
        axes.contour(found.x, found.y, inside, levels=[0.5], colors=[NAIVE], linewidths=1.2)


def slice_labels(found: xr.Dataset) -> list[str]:
    """One line for every slice, bottom first."""
    slices = found["slice"].values
    if "z_mm" not in found.coords:
        return [f"slice {j}" for j in slices]
    z_mm = np.broadcast_to(found.z_mm.values, len(slices))
    return [f"slice {j}, z = {1e3 * z:.0f} µm" for j, z in zip(slices, z_mm, strict=True)]


def film(found: xr.Dataset, truth: xr.Dataset) -> Figure:
    """The difference PDF of every state as an image, beside some of its curves with their fits.

    Parameters
    ----------
    found : xarray.Dataset
        With ``roi_dgr``, its errors, and ``dgr_model``, dims (state, r); at least two states.
    truth : xarray.Dataset
        For the events that were put in.
    """
    figure = Figure(figsize=(WIDTH, 5.2), layout="constrained")
    image, curves = figure.subplots(1, 2, width_ratios=(1.1, 1))
    _film_image(figure, image, found, truth)
    _film_curves(curves, found)
    return figure


def _film_image(figure: Figure, axes: Axes, found: xr.Dataset, truth: xr.Dataset) -> None:
    r, v = found.r.values, found.potential_v.values
    inside = (r >= FILM_RANGE[0]) & (r <= FILM_RANGE[1])
    limit = np.abs(found.roi_dgr.values[:, inside & (r > 2)]).max()
    drawn = axes.pcolormesh(
        *(r[inside], _edges(v), found.roi_dgr.values[:, inside][:, :-1]),
        **{"cmap": "RdBu_r", "vmin": -limit, "vmax": limit, "rasterized": True, "shading": "flat"},
    )
    bar = figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.8, aspect=35)
    bar.set_label("G(r) − G of the first state (1/Å²)")
    for event in events(truth):
        axes.axhline(event, color=TRUTH, linewidth=0.9, linestyle=(0, (4, 2)))
        axes.annotate(f"{event:g} V", (FILM_RANGE[1], event), (-3, 2), textcoords="offset points", ha="right")
        axes.texts[-1].set(fontsize=8.5, color=TRUTH)
    tidy(axes, R_LABEL, V_LABEL, "a  difference PDF along the discharge")
    axes.grid(visible=False)
    axes.set_ylim(max(_edges(v)), min(_edges(v)))


def _edges(centres: NDArray) -> NDArray[np.float64]:
    """Edges of cells around `centres`."""
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def events(truth: xr.Dataset) -> tuple[float, ...]:
    """Potentials in V at which something starts in the truth; none where the scenario has no sharp events."""
    return EVENTS.get(truth.attrs.get("scenario", ""), ())


def _film_curves(axes: Axes, found: xr.Dataset, shown: int = 5) -> None:
    r, inside = found.r.values, (found.r.values >= FILM_RANGE[0]) & (found.r.values <= FILM_RANGE[1])
    fitted = (r >= DIFFERENCE_RANGE[0]) & (r <= DIFFERENCE_RANGE[1])
    states = found.sizes["state"]
    chosen = np.unique(np.linspace(1, states - 1, min(shown, states - 1)).round().astype(int))
    step = 0.75 * np.abs(found.roi_dgr.values[-1][inside & (r > 2)]).max()
    for row, state in enumerate(chosen):
        curve, error = found.roi_dgr.values[state], found.roi_dgr_errors.values[state]
        base = -step * row
        axes.axhline(base, color="#cccccc", linewidth=0.6)
        axes.fill_between(
            r[inside], (curve - error)[inside] + base, (curve + error)[inside] + base, alpha=0.3, color=FOUND
        )
        axes.plot(r[inside], curve[inside] + base, color=FOUND, linewidth=1.2, label="recovered ± σ")
        if "dgr_model" in found:
            model = found.dgr_model.values[state]
            axes.plot(
                r[fitted], model[fitted] + base, color="black", linewidth=1.0, linestyle=":", label="template fit"
            )
        axes.text(FILM_RANGE[1], base, f"{found.potential_v.values[state]:g} V ", fontsize=9, ha="right", va="bottom")
    tidy(axes, R_LABEL, "G(r) − G of the first state (1/Å²), shifted", "b  selected curves")
    handles, labels = axes.get_legend_handles_labels()
    legend(axes, handles=handles[:2], labels=labels[:2], loc="upper right")
    axes.set_xlim(*FILM_RANGE)


def trends(found: xr.Dataset, truth: xr.Dataset) -> Figure:
    """Amplitudes and positions of the dPDF peaks along the discharge, and the fitted against the true shift.

    Parameters
    ----------
    found : xarray.Dataset
        With ``fit`` and ``fit_errors`` (state, parameter) and the lobes (state).
    truth : xarray.Dataset
        With ``silicon_distance``, ``lithium_neighbours`` and ``second_shell_loss`` (state).
    """
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    amplitudes, positions, shift = figure.subplots(1, 3, width_ratios=(1.15, 1.15, 1))
    _amplitudes(amplitudes, found, truth)
    _positions(positions, found, truth)
    _shift(shift, found, truth)
    return figure


def parameter(found: xr.Dataset, name: str) -> tuple[NDArray, NDArray]:
    """A fitted parameter and its error, shape (state,)."""
    return found["fit"].sel(parameter=name).values, found["fit_errors"].sel(parameter=name).values


def _amplitudes(axes: Axes, found: xr.Dataset, truth: xr.Dataset) -> None:
    """Signed amplitudes over the true one at the end, or over their errors if nothing happens in truth."""
    rows = (
        ("2.4–2.5 Å, Si–Si moves", "shift", truth.silicon_distance - truth.silicon_distance[0], FOUND, "o"),
        ("2.8 Å, Si–Li", "silicon_lithium", truth.lithium_neighbours, SECOND, "s"),
        ("3.8 Å, second shell", "second_shell", -truth.second_shell_loss, THIRD, "^"),
    )
    v = found.potential_v.values
    happens = bool(np.any(truth.lithium_per_silicon > 0))
    for label, name, true, colour, marker in rows:
        value, error = parameter(found, name)
        scale = np.abs(true.values[-1]) if happens and true.values[-1] else np.where(error > 0, error, 1.0)
        if happens:
            axes.plot(v, true.values / scale, color=colour, linewidth=1.0, linestyle=(0, (4, 2)))
        axes.errorbar(v, value / scale, error / scale, color=colour, fmt=marker, markersize=4.5, label=label, lw=1)
    _mark_events(axes, found, truth)
    unit = "relative to the true end value" if happens else "in units of its error"
    tidy(axes, V_LABEL, f"amplitude, {unit}", "a  amplitudes")
    legend(axes, loc="center left" if happens else "best")
    axes.invert_xaxis()


def _mark_events(axes: Axes, found: xr.Dataset, truth: xr.Dataset) -> None:
    """True events as dashed lines, recovered onsets as marks with error bars at the upper edge."""
    for event in events(truth):
        axes.axvline(event, color="#999999", linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    if "onset_v" not in found or not np.isfinite(found.onset_v.values).any():
        return
    onset, error = found.onset_v.values, found.onset_v_errors.values
    height = np.full(len(onset), 0.985)
    place = axes.get_xaxis_transform()
    axes.errorbar(
        onset, height, xerr=error, fmt="v", color=NAIVE, markersize=6, transform=place, label="onset, recovered"
    )


def _positions(axes: Axes, found: xr.Dataset, truth: xr.Dataset) -> None:
    v, start = found.potential_v.values, found.attrs["reference_distance"]
    shift, error = parameter(found, "shift")
    if "lobe_high" in found and np.isfinite(found.lobe_high).any():
        axes.plot(v, found.lobe_high.values, "D", color=NAIVE, markersize=4, label="positive lobe of the dPDF")
    axes.errorbar(v, start + shift, error, fmt="o", color=FOUND, markersize=4.5, lw=1, label="template fit")
    axes.plot(
        v, truth.silicon_distance.values, color=TRUTH, linewidth=1.2, linestyle=(0, (4, 2)), label="true Si–Si distance"
    )
    for event in events(truth):
        axes.axvline(event, color="#999999", linewidth=0.9, linestyle=(0, (4, 2)), zorder=1)
    tidy(axes, V_LABEL, "distance (Å)", "b  where is the Si–Si bond?")
    legend(axes, loc="best")
    axes.invert_xaxis()


def _shift(axes: Axes, found: xr.Dataset, truth: xr.Dataset) -> None:
    true = 1e3 * (truth.silicon_distance.values - truth.silicon_distance.values[0])
    shift, error = (1e3 * values for values in parameter(found, "shift"))
    ends = np.array([0.0, max(true.max(), np.abs(shift).max(), 1.0)])
    axes.plot(ends, ends, color=TRUTH, linewidth=1.0, linestyle=(0, (4, 2)), label="slope 1")
    axes.plot(ends, ends / 2, color="#999999", linewidth=1.0, linestyle=":", label="slope ½")
    axes.errorbar(true, shift, error, fmt="o", color=FOUND, markersize=4.5, lw=1, label="template fit")
    if {"lobe_low", "lobe_high"} <= set(found) and np.isfinite(found.lobe_high + found.lobe_low).any():
        middle = (found.lobe_low.values + found.lobe_high.values) / 2 - found.attrs["reference_distance"]
        axes.plot(true, 1e3 * middle, "D", color=NAIVE, markersize=4, label="middle of the lobes")
    tidy(axes, "true shift of Si–Si (10⁻³ Å)", "recovered shift (10⁻³ Å)", "c  shift, recovered against true")
    legend(axes, loc="upper left")


def errors(found: xr.Dataset, truth: xr.Dataset) -> Figure:
    """Propagated errors of I(Q) and of G(r), and the deviations of the maps from the truth in units of their errors.

    Parameters
    ----------
    found : xarray.Dataset
        Errors of typical voxels and of the region of interest; those that are missing are not drawn.
    truth : xarray.Dataset
        With the maps.
    """
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    pattern, pdf, pulls = figure.subplots(1, 3)
    _pattern_errors(pattern, found)
    _pdf_errors(pdf, found)
    _pulls(pulls, found, truth)
    return figure


def _middle(found: xr.Dataset, name: str) -> NDArray:
    """A per-tile curve of the reference state in the slice of the region of interest."""
    return found[name].isel(state=0).sel(slice=int(found.attrs["roi_slice"])).values


def _pattern_errors(axes: Axes, found: xr.Dataset) -> None:
    q, density = found.q.values, found.attrs["reference_density"]
    value = density * found.roi_iq.values[0] / 100
    if "voxel_iq_errors" in found:
        voxel, number = _middle(found, "voxel_iq_errors") / value, int(found.roi.values.sum())
        axes.plot(q, voxel, color=SECOND, linewidth=1.2, label="one voxel")
        white = voxel / np.sqrt(number)
        axes.plot(q, white, color=SECOND, linewidth=1.0, linestyle=":", label=f"voxel / √{number} (white noise)")
    axes.plot(
        q,
        density * found.roi_iq_errors.values[0] / value,
        color=NAIVE,
        linewidth=1.2,
        label="region, with gain pattern",
    )
    if "roi_counting_errors" in found:
        axes.plot(
            q, _middle(found, "roi_counting_errors") / value, color=FOUND, linewidth=1.2, label="region, counting alone"
        )
    axes.set_yscale("log")
    tidy(axes, Q_LABEL, "error of I(Q) (%)", "a  total scattering")
    legend(axes)


def _pdf_errors(axes: Axes, found: xr.Dataset) -> None:
    r = found.r.values
    inside = r > 0.5
    if "voxel_hr_errors" in found:
        voxel = _middle(found, "voxel_hr_errors") / found.attrs["reference_density"]
        axes.plot(r[inside], voxel[inside], color=SECOND, linewidth=1.2, label="one voxel, G(r)")
    axes.plot(r[inside], found.roi_gr_errors.values[0][inside], color=NAIVE, linewidth=1.2, label="region, G(r)")
    if found.sizes["state"] > 1:
        last = found.roi_dgr_errors.values[-1][inside]
        axes.plot(r[inside], last, color=FOUND, linewidth=1.2, label="region, dPDF (last state)")
    axes.set_yscale("log")
    tidy(axes, R_LABEL, "error (1/Å²)", "b  pair distribution function")
    legend(axes)


def _pulls(axes: Axes, found: xr.Dataset, truth: xr.Dataset) -> None:
    """Histograms of (recovered - truth) / error over the region of interest."""
    inside, middle = found.roi.values.astype(bool), int(found.attrs["roi_slice"])
    bins = np.linspace(-15, 15, 61)
    for name, colour in (("silicon", FOUND), ("carbon", TRUTH)):
        if name not in found:
            continue
        true = truth[name].sel(slice=middle).values
        pull = ((_middle(found, name) - true) / _middle(found, f"{name}_errors"))[inside]
        label = f"{name}: mean {pull.mean():+.1f}, spread {pull.std():.1f}"
        axes.hist(
            np.clip(pull, bins[0], bins[-1]), bins, density=True, histtype="step", color=colour, lw=1.3, label=label
        )
    axes.plot(
        bins, np.exp(-(bins**2) / 2) / np.sqrt(2 * np.pi), color="#999999", linewidth=1.0, label="counting noise alone"
    )
    tidy(axes, "(recovered − truth) / σ", "share per unit", "c  voxels of the maps")
    legend(axes, loc="upper right")
    axes.set_ylim(0, 1.45 * axes.get_ylim()[1])
