"""The chain: from one tile of counts to maps and PDFs, and from all tiles of a slice to difference PDFs and onsets."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tsct.records.tiles import stack_tiles

from .axis import find_axis
from .corrections import line_integrals, sensor
from .fbp import fbp, fbp_variance, fbp_weights
from .geometry import ParallelGeometry
from .hinges import Hinges, fit_hinges
from .maps import MAP_UNITS, map_operator
from .pdf import PdfOperator, pdf_operator
from .recipe import Recipe, Roi
from .series import PARAMETER_UNITS, PARAMETERS, Reference, extremum, fit_difference, fit_reference
from .tables import compton_weight

#: signals that the hinge model follows, and which of the three hinges may bend each
HINGED = {"silicon_lithium": (True, True, True), "second_shell": (False, False, True)}
#: an onset is claimed only if a series without events would look like this with a smaller chance
ONSET_CHANCE = 1e-4
#: channels over which the scatter between neighbouring Q bins is averaged
NOISE_CHANNELS = 101
#: windows in angstrom for the lobes of the first difference peak: loss at short, gain at long distance
LOBES = {"lobe_low": (2.05, 2.40, -1.0), "lobe_high": (2.36, 2.65, 1.0)}


def chain(scan: xr.Dataset, recipe: Recipe) -> xr.Dataset:
    """Analyse a scan of several tiles.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (state, slice, angle, translation, q); a missing leading dim counts as one state or slice.
    recipe : Recipe
        All choices.

    Returns
    -------
    xarray.Dataset
        Maps of every tile and the series of the middle slice; see :func:`collect`.
    """
    scan = scan.expand_dims([dim for dim in ("state", "slice") if dim not in scan.dims])
    where = product(range(scan.sizes["state"]), range(scan.sizes["slice"]))
    return collect([lean(analyze_tile(scan.isel(state=i, slice=j), recipe)) for i, j in where], recipe)


def _ray_errors(variance: NDArray, geometry: ParallelGeometry, roi: Roi) -> NDArray[np.float64]:
    """Root-mean-square error of the rays that cross the region of interest, shape (q,)."""
    angle = np.radians(geometry.angles_deg)[:, None]
    centre = geometry.voxel_mm * (roi.x_voxels * np.cos(angle) + roi.y_voxels * np.sin(angle))
    distance = np.abs(np.asarray(geometry.translations_mm) - geometry.axis_mm - centre)
    return np.sqrt(variance[distance <= roi.radius_voxels * geometry.voxel_mm].mean(axis=0, dtype=np.float64))


def lean(tile: xr.Dataset) -> xr.Dataset:
    """A tile without its volumes: maps, ROI pattern and typical errors, small enough to keep all tiles in memory."""
    inside = tile.roi.values.astype(bool)
    small = tile.drop_vars(["iq", "iq_errors", "hr", "hr_errors", "r"])
    for name in ("iq_errors", "hr_errors"):
        rms = np.sqrt(np.mean(tile[name].values[inside].astype(np.float64) ** 2, axis=0))
        small[f"voxel_{name}"] = (tile[name].dims[-1:], rms, tile[name].attrs)
    ratio, number = scatter_over_errors(tile.iq.values[inside], tile.iq_errors.values[inside])
    small["noise_ratio"] = ((), ratio, {"units": "1", "long_name": "scatter between channels over counting noise"})
    small["noise_number"] = ((), number, {"units": "1"})
    small["roi_counting_errors"] = np.sqrt(tile.roi_iq_variance).assign_attrs(tile.roi_iq.attrs)
    return small


def scatter_over_errors(patterns: NDArray, errors: NDArray) -> tuple[float, int]:
    """Mean squared second difference over its variance, and the number of independent differences.

    The mean pattern, scaled to each voxel, is taken away first: with it goes the gain pattern that all voxels share and
    that counting statistics cannot know.

    Parameters
    ----------
    patterns, errors : ndarray, shape (voxel, q)
        Patterns that are smooth on the scale of a channel, and their standard deviations.
    """
    mean = patterns.mean(axis=0)
    patterns = patterns - np.outer(patterns @ mean / (mean @ mean), mean)
    second = patterns[:, :-2] - 2 * patterns[:, 1:-1] + patterns[:, 2:]
    variance = errors[:, :-2] ** 2 + 4 * errors[:, 1:-1] ** 2 + errors[:, 2:] ** 2
    return float(np.mean(second**2 / variance, dtype=np.float64)), second.size // 3


def collect(tiles: Sequence[xr.Dataset], recipe: Recipe) -> xr.Dataset:
    """Join the tiles of a scan and follow the region of interest of the middle slice.

    Parameters
    ----------
    tiles : sequence of xarray.Dataset
        Results of :func:`lean`, one for every state and slice.
    recipe : Recipe
        All choices.

    Returns
    -------
    xarray.Dataset
        Maps with dims (state, slice, y, x) and the curves, fits and onsets of :func:`analyze_series`.
    """
    slices = sorted({int(tile["slice"]) for tile in tiles})
    middle = slices[len(slices) // 2]
    follow = sorted((tile for tile in tiles if tile["slice"] == middle), key=lambda tile: int(tile["state"]))
    series = analyze_series(follow, recipe)
    repeated = ["roi_iq", "roi_iq_variance", "compton_weight", "roi", "potential_v"]
    maps = stack_tiles([tile.drop_vars(repeated) for tile in tiles]).assign_attrs(roi_slice=middle)
    maps["roi"] = follow[0].roi.reset_coords(drop=True)
    return series.merge(maps, combine_attrs="no_conflicts", compat="no_conflicts")


def analyze_tile(scan: xr.Dataset, recipe: Recipe, *, threads: int = 1) -> xr.Dataset:
    """Analyse one (state, slice).

    Every voxel and every channel at once; each result is a linear functional of the counts, and so is its variance of
    their variance.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (angle, translation, q).
    recipe : Recipe
        All choices.

    Returns
    -------
    xarray.Dataset
        ``iq`` (y, x, q) in electron units per cubic angstrom; ``hr`` (y, x, r), the density times G(r); maps (y, x)
        each with ``_errors``; ``roi_iq`` (q) with its Poisson variance.
    """
    lines, variance = line_integrals(scan, air_rays=recipe.air_rays)
    translations, angles = scan.translation.values, scan.angle.values
    axis_mm, axis_error_mm = find_axis(lines.sum(axis=-1), translations, angles, variance=variance.sum(axis=-1))
    geometry = ParallelGeometry.from_arrays(translations, angles, axis_mm)
    iq = fbp(lines, geometry, recipe.filter, threads=threads)
    iq_variance = fbp_variance(variance, geometry, recipe.filter, threads=threads)
    compton = compton_weight(scan.q.values, scan.attrs["energy_kev"], scan.polarization.values, sensor(scan))
    operator = pdf_operator(scan.q.values, recipe.pdf, compton=compton)
    roi = recipe.roi.mask(geometry.n)
    roi_iq = iq[roi].mean(axis=0, dtype=np.float64)
    reference = fit_reference(operator, operator.apply(roi_iq))
    maps = map_operator(operator, reference, iq_variance[roi].mean(axis=0, dtype=np.float64))
    weights = fbp_weights(roi, geometry, recipe.filter)
    image, grid = ("y", "x"), geometry.voxel_centres_mm
    map_values = iq @ maps.weights.T.astype(np.float32)
    map_errors = np.sqrt(iq_variance @ (maps.weights.T**2).astype(np.float32))
    found = xr.Dataset(
        {
            "iq": ((*image, "q"), iq, {"units": "electron units/angstrom^3"}),
            "iq_errors": ((*image, "q"), np.sqrt(iq_variance), {"units": "electron units/angstrom^3"}),
            "hr": ((*image, "r"), operator.apply(iq), {"units": "1/angstrom^5", "long_name": "density times G(r)"}),
            "hr_errors": ((*image, "r"), np.sqrt(operator.variance(iq_variance)), {"units": "1/angstrom^5"}),
            "roi_iq": ("q", roi_iq, {"units": "electron units/angstrom^3"}),
            "roi_iq_variance": ("q", np.einsum("at,atq->q", weights**2, variance), {"units": "squared"}),
            "ray_errors": ("q", _ray_errors(variance, geometry, recipe.roi), {"units": "mm electron units/angstrom^3"}),
            "compton_weight": ("q", compton, {"units": "1"}),
            "roi": (image, roi.astype(np.int8), {"units": "1"}),
            "axis_mm": ((), axis_mm, {"units": "mm"}),
            "axis_mm_errors": ((), axis_error_mm, {"units": "mm"}),
        },
        coords={
            "y": ("y", grid, {"units": "mm"}),
            "x": ("x", grid, {"units": "mm"}),
            "q": scan.q,
            "r": ("r", operator.r, {"units": "angstrom"}),
            **{name: scan[name] for name in ("state", "slice", "potential_v", "z_mm") if name in scan.coords},
        },
        attrs={"energy_kev": scan.attrs["energy_kev"], "voxel_mm": geometry.voxel_mm, "views": len(angles)},
    )
    for k, name in enumerate(maps.names):
        units = MAP_UNITS[name]
        found[name] = (image, map_values[..., k], {"units": units})
        found[f"{name}_errors"] = (image, map_errors[..., k], {"units": units})
    return found


def analyze_series(tiles: Sequence[xr.Dataset], recipe: Recipe) -> xr.Dataset:
    """Follow the region of interest of one slice through the states.

    Parameters
    ----------
    tiles : sequence of xarray.Dataset
        Results of :func:`analyze_tile`; the first is the reference.
    recipe : Recipe
        All choices.

    Returns
    -------
    xarray.Dataset
        ROI I(Q), F(Q), G(r) and dPDF of every state with errors, fitted parameters with errors, lobes, onsets.
    """
    q = tiles[0].q.values
    operator = pdf_operator(q, recipe.pdf, compton=tiles[0].compton_weight.values)
    intensity = np.stack([tile.roi_iq.values for tile in tiles])
    poisson = np.stack([tile.roi_iq_variance.values for tile in tiles])
    density = float(operator.density(intensity[0]))
    absolute = poisson + channel_noise(intensity, poisson)
    changing = poisson + drift_noise(intensity, poisson)
    record = _curves(operator, density, tiles, intensity, absolute, changing)
    reference = fit_reference(operator, operator.apply(intensity[0]))
    record["gr_model"] = ("r", reference.model / density, {"units": "1/angstrom^2"})
    record["compton_weight"] = tiles[0].compton_weight.reset_coords(drop=True)
    record.attrs |= _reference_attrs(reference, density)
    choices = ("q_min", "q_max", "mode", "window")
    record.attrs |= {name: getattr(recipe.pdf, name) for name in choices}
    record.attrs["composition"] = dict(recipe.pdf.composition)
    if len(tiles) > 1:
        record = record.merge(_changes(operator, reference, intensity, changing, density), combine_attrs="override")
        record = record.merge(_onsets(record), combine_attrs="override")
    return record


def channel_noise(intensity: NDArray, poisson: NDArray) -> NDArray[np.float64]:
    """Variance of each channel beyond counting, shape (q,), from the scatter between neighbouring Q bins.

    A total-scattering pattern is smooth on the scale of a bin, so second differences hold noise alone:
    ``(J[i-1] - 2 J[i] + J[i+1])^2 / 6`` has the channel variance as its mean. What exceeds the counting noise is a gain
    pattern.
    """
    second = np.diff(intensity, 2, axis=-1) ** 2 / 6
    padded = np.pad(second.mean(axis=0), 1, mode="edge")
    return np.maximum(uniform_filter1d(padded - poisson.mean(axis=0), NOISE_CHANNELS, mode="nearest"), 0.0)


def drift_noise(intensity: NDArray, poisson: NDArray) -> NDArray[np.float64]:
    """Variance per state beyond counting that differences do not cancel, shape (q,)."""
    if len(intensity) < 2:
        return np.zeros(intensity.shape[-1])
    changes = np.diff(intensity, axis=0)
    both = poisson[1:] + poisson[:-1]
    return channel_noise(changes, both) / 2


def _curves(
    operator: PdfOperator,
    density: float,
    tiles: Sequence[xr.Dataset],
    intensity: NDArray,
    absolute: NDArray,
    changing: NDArray,
) -> xr.Dataset:
    gr = operator.apply(intensity) / density
    fq = operator.fq(intensity) / density
    gr_errors = np.sqrt(operator.variance(absolute)) / density
    dgr_errors = np.sqrt(operator.variance(changing + changing[:1])) / density
    dgr_errors[0] = 0.0
    series = ("state",)
    return xr.Dataset(
        {
            "roi_gr": ((*series, "r"), gr, {"units": "1/angstrom^2", "long_name": "G(r)"}),
            "roi_gr_errors": ((*series, "r"), gr_errors, {"units": "1/angstrom^2"}),
            "roi_dgr": ((*series, "r"), gr - gr[0], {"units": "1/angstrom^2", "long_name": "G_n(r) - G_1(r)"}),
            "roi_dgr_errors": ((*series, "r"), dgr_errors, {"units": "1/angstrom^2"}),
            "roi_fq": ((*series, "q_used"), fq, {"units": "1/angstrom", "long_name": "F(Q)"}),
            "roi_iq": ((*series, "q"), intensity / density, {"units": "electron units/atom", "long_name": "I(Q)"}),
            "roi_iq_errors": ((*series, "q"), np.sqrt(absolute) / density, {"units": "electron units/atom"}),
        },
        coords={
            "state": ("state", [int(tile["state"]) for tile in tiles]),
            "potential_v": ("state", [float(tile.potential_v) for tile in tiles], {"units": "V"}),
            "q": ("q", operator.q, {"units": "1/angstrom"}),
            "q_used": ("q_used", operator.q[operator.used], {"units": "1/angstrom"}),
            "r": ("r", operator.r, {"units": "angstrom"}),
        },
    )


def _reference_attrs(reference: Reference, density: float) -> dict[str, float]:
    return {
        "reference_density": density,
        "reference_distance": reference.first.distance,
        "reference_sigma": reference.first.sigma,
        "reference_silicon": float(reference.amplitudes[0]),
        "reference_carbon": float(reference.amplitudes[2]),
    }


def _changes(
    operator: PdfOperator, reference: Reference, intensity: NDArray, variance: NDArray, density: float
) -> xr.Dataset:
    """Fitted parameters of every difference; ``covariance_single`` is that of one state, without the reference's."""
    fits = [fit_difference(operator, reference, change) for change in operator.apply(intensity - intensity[0])]
    values = np.stack([fit.parameters for fit in fits])
    own = np.stack([fit.covariance(operator.covariance(row)) for fit, row in zip(fits, variance, strict=True)])
    shared = np.stack([fit.covariance(operator.covariance(variance[0])) for fit in fits])
    errors = np.sqrt(np.diagonal(own + shared, axis1=1, axis2=2))
    values[0], errors[0] = 0.0, 0.0
    curves = operator.apply(intensity - intensity[0]) / density
    record = xr.Dataset(coords={"parameter": ("parameter", list(PARAMETERS))})
    record["fit"] = (("state", "parameter"), values, {"units": "mixed", "parameter_units": list(PARAMETER_UNITS)})
    record["fit_errors"] = (("state", "parameter"), errors, {"units": "mixed"})
    record["fit_covariance_single"] = (("state", "parameter", "parameter_2"), own, {"units": "mixed"})
    record["dgr_model"] = (("state", "r"), np.stack([fit.model for fit in fits]) / density, {"units": "1/angstrom^2"})
    for name, (low, high, sign) in LOBES.items():
        found = np.array([extremum(operator.r, curve, low, high, sign) for curve in curves])
        found[0] = np.nan
        record[name] = ("state", found[:, 0], {"units": "angstrom"})
        record[f"{name}_height"] = ("state", found[:, 1], {"units": "1/angstrom^2"})
    return record


def _onsets(record: xr.Dataset) -> xr.Dataset:
    states = record.sizes["state"]
    if states < 5:
        return xr.Dataset()
    active = np.array(list(HINGED.values()))
    found: Hinges = fit_hinges(record.potential_v.values[1:], *_signals(record, HINGED), active)
    coords = {"hinge": ("hinge", [1, 2, 3]), "signal": ("signal", list(HINGED))}
    if found.chance > ONSET_CHANCE:
        nothing = np.full(3, np.nan)
        found = replace(found, potentials_v=nothing, errors_v=nothing)
    return xr.Dataset(
        {
            "onset_v": ("hinge", found.potentials_v, {"units": "V"}),
            "onset_v_errors": ("hinge", found.errors_v, {"units": "V"}),
            "onset_slopes": (("signal", "hinge"), found.slopes, {"units": "1/V"}),
        },
        coords=coords,
    )


def _signals(record: xr.Dataset, names: Iterable[str]) -> tuple[NDArray, NDArray]:
    values, covariances = [], []
    for name in names:
        index = PARAMETERS.index(name)
        values.append(record["fit"].values[1:, index])
        variance = record["fit_covariance_single"].values[:, index, index]
        covariances.append(np.diag(variance[1:]) + variance[0])
    return np.stack(values), np.stack(covariances)
