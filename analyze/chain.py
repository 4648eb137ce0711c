"""The chain: from one tile of counts to maps and PDFs, and from all tiles of a slice to difference PDFs and onsets."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.transform import PdfOperator, pdf_operator
from tsct.analyze.pdf.xray_tables import parse_composition
from tsct.analyze.phases.pattern_maps import binned_patterns, component_maps, phase_maps
from tsct.analyze.phases.phase_maps import MapOperator, map_operator, map_response
from tsct.analyze.phases.reference_fit import fit_reference
from tsct.analyze.phases.series import fit_series, gain_noise
from tsct.analyze.prepare.channel_correlation import joined_scatter
from tsct.analyze.prepare.corrections import channel_compton
from tsct.analyze.prepare.normalisation_error import frame_noise, level_errors
from tsct.analyze.prepare.prepare import prepared
from tsct.analyze.prepare.repair import repaired
from tsct.analyze.prepare.self_absorption import absorption
from tsct.analyze.recipe.methods import Settings
from tsct.analyze.recipe.pdf_recipe import PdfRecipe
from tsct.analyze.recipe.recipe import MAP_UNITS, Recipe
from tsct.analyze.recipe.region import Roi
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.reconstruct import reconstructor
from tsct.analyze.tomography.rotation_axis import find_axis
from tsct.records.errors import InputError, UsageError
from tsct.records.provenance import source_hash
from tsct.records.tiles import stack_tiles

from .volume import Images, make_images

#: what all voxels share an error of: variable -> words
LEVELS = {
    "level_errors": "the number density",
    "silicon_level_errors": "silicon, as its map has it,",
    "carbon_level_errors": "carbon, as its map has it,",
}


def chain(scan: xr.Dataset, recipe: Recipe | None = None) -> xr.Dataset:
    """Analyse a scan of several tiles.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (state, slice, angle, translation, q); a missing leading dim counts as one state or slice.
    recipe : Recipe, optional
        All choices; the defaults with the scan's own ``sample_composition`` if omitted.

    Returns
    -------
    xarray.Dataset
        Maps of every tile and the series of the middle slice; see :func:`collect`.

    Raises
    ------
    InputError
        If the scan lacks a quantity, or names no composition where no recipe is given.
    """
    recipe = recipe or default_recipe(scan)
    scan = scan.expand_dims([dim for dim in ("state", "slice") if dim not in scan.dims])
    where = list(product(range(scan.sizes["state"]), range(scan.sizes["slice"])))
    state, middle = reference_tile(where)
    settled = with_region(recipe, scan.isel(state=state, slice=middle)) if recipe.roi.map else recipe
    return collect([lean(analyze_tile(scan.isel(state=i, slice=j), settled)) for i, j in where], recipe)


def reference_tile(places: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The (state, slice) of a scan that a region is decided from: the first state of the middle slice."""
    places = list(places)
    middle = _middle(slice_ for _, slice_ in places)
    return min(state for state, slice_ in places if slice_ == middle), middle


def _middle(slices: Iterable[int]) -> int:
    """The slice whose region is followed."""
    ordered = sorted({*slices})
    return ordered[len(ordered) // 2]


def with_region(recipe: Recipe, scan: xr.Dataset, *, threads: int = 1) -> Recipe:
    """Decide which voxels belong to a region of interest that depends on a map.

    The map is that of an analysis whose region is all of the circle or polygon. One scan decides for a whole series: a
    region that followed the map from state to state would choose voxels by their noise, and by the change in question.

    Parameters
    ----------
    recipe : Recipe
        All choices; returned as it is if its region depends on no map.
    scan : xarray.Dataset
        Dims (angle, translation, q); that of the :func:`reference_tile`.

    Returns
    -------
    Recipe
        The same with the region as a set of voxels.

    Raises
    ------
    InputError
        If no voxel exceeds the level.
    """
    roi = recipe.roi
    if not roi.map:
        return recipe
    tile = analyze_tile(scan, replace(recipe, roi=roi.outline), threads=threads)
    return replace(recipe, roi=roi.decided(tile[roi.map].values, recipe.map_units[roi.map]))


def default_recipe(scan: xr.Dataset) -> Recipe:
    """The default choices, with the composition that the scan's attributes state."""
    formula = scan.attrs.get("sample_composition")
    if not formula:
        raise InputError("scan: no attribute 'sample_composition'; add one, such as 'Si0.5 C0.5', or give a recipe")
    return Recipe(pdf=PdfRecipe(composition=parse_composition(formula)))


def _ray_errors(variance: NDArray, geometry: ParallelGeometry, roi: Roi) -> NDArray[np.float32]:
    """Root-mean-square error of the rays by their distance from the centre of the region, shape (offset, q).

    Row k holds the rays between k - 1/2 and k + 1/2 steps away; NaN where there are none. For other regions than
    circles, from the centre that a circle would have.
    """
    angle = np.radians(geometry.angles_deg)[:, None]
    centre = geometry.voxel_mm * (roi.x_voxels * np.cos(angle) + roi.y_voxels * np.sin(angle))
    distance = np.abs(np.asarray(geometry.translations_mm) - geometry.axis_mm - centre) / geometry.voxel_mm
    offset = np.rint(distance).astype(int)
    rows = [variance[offset == k].mean(axis=0) if (offset == k).any() else np.nan for k in range(geometry.n)]
    return np.sqrt(np.stack([np.broadcast_to(row, variance.shape[-1]) for row in rows])).astype(np.float32)


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
    pairs = joined_scatter(tile.iq.values[inside], tile.iq_errors.values[inside])
    small["noise_ratio_joined"] = ((), pairs, {"units": "1", "long_name": "scatter of joined channels over noise"})
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
        All choices, as they were before :func:`with_region`.

    Returns
    -------
    xarray.Dataset
        Maps with dims (state, slice, y, x) and the curves, fits and onsets of :func:`fit_series`.
    """
    middle = _middle(int(tile["slice"]) for tile in tiles)
    follow = sorted((tile for tile in tiles if tile["slice"] == middle), key=lambda tile: int(tile["state"]))
    series = fit_series(follow, recipe)
    repeated = ["roi_iq", "roi_iq_variance", "compton_weight", "roi", "potential_v"]
    maps = stack_tiles([tile.drop_vars(repeated) for tile in tiles]).assign_attrs(roi_slice=middle)
    if recipe.components:
        components = component_maps(maps.binned_iq, recipe.components)
        maps = maps.drop_vars("binned_iq").merge(components, combine_attrs="no_conflicts")
    maps["roi"] = follow[0].roi.reset_coords(drop=True)
    maps.attrs |= _provenance(recipe)
    if recipe.roi.map:
        units = recipe.map_units[recipe.roi.map]
        maps.attrs["roi_threshold"] = f"{recipe.roi.map} above {recipe.roi.above:g} {units} in the first state"
    return series.merge(maps, combine_attrs="no_conflicts", compat="no_conflicts")


def _provenance(recipe: Recipe) -> dict[str, Any]:
    """Model of the scan that this analysis inverts, under the names that the truth gives to what made the data."""
    backend = "" if recipe.backend == "tsct" else f" of {recipe.backend}"
    return {
        "forward_operator": f"{recipe.method}{backend}, linear interpolation between rays, one pixel per voxel",
        "forward_operator_hash": source_hash("tsct.analyze.tomography.projector", "tsct.analyze.tomography.fbp"),
        "forward_tables": "xraylib (form factors, absorption)",
        "compton_tables": "xraylib incoherent scattering",
        "supersampling": 1,
    }


def analyze_tile(scan: xr.Dataset, recipe: Recipe, *, threads: int = 1) -> xr.Dataset:
    """Analyse one (state, slice).

    Every voxel and every channel at once. With a linear method of reconstruction, such as the default, each result is a
    linear functional of the counts, and so is its variance of their variance.

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

    Raises
    ------
    UsageError
        If the region depends on a map and is not decided.
    """
    if recipe.roi.map:
        raise UsageError("analysis.roi.map: decide the region first, recipe = with_region(recipe, reference_scan)")
    lines, variance, told = prepared(scan, recipe)
    translations, angles = scan.translation.values, scan.angle.values
    axis_mm, axis_error_mm = find_axis(lines.sum(axis=-1), translations, angles, variance=variance.sum(axis=-1))
    geometry = ParallelGeometry.from_arrays(translations, angles, axis_mm)
    roi = recipe.roi.mask(geometry.n)
    seen = absorption(repaired(scan)[0], geometry) if recipe.absorption_per_voxel else None
    images = make_images(lines, variance, geometry, recipe, roi, absorption=seen, threads=threads)
    compton = channel_compton(scan)
    operator = pdf_operator(scan.q.values, recipe.pdf, compton=compton)
    region = images.values[roi].mean(axis=0, dtype=np.float64)
    share, typical = recipe.pdf.composition.get("O", 0.0), images.variance[roi].mean(axis=0, dtype=np.float64)
    reference = fit_reference(operator, operator.apply(region), share * float(operator.density(region)))
    responses = level_responses(operator, map_response(operator, reference, typical, region, share))
    gains = gain_noise(region[None], images.region_variance[None], recipe)
    noise = _frame_noise(scan, recipe)
    levels = level_errors(
        *(lines, variance, geometry, roi, responses), gains=gains, noise=noise, axis_error_mm=axis_error_mm
    )
    pdfs = operator.apply(images.values)
    if recipe.pdf_of == "rays":
        settings = Settings(**recipe.settings, threads=threads if recipe.backend == "tsct" else 1)
        pdfs = reconstructor(recipe.method, settings)(operator.apply(lines), geometry)
    found = _volumes(images, pdfs, operator).assign(
        roi_iq=("q", region, {"units": "electron units/angstrom^3"}),
        roi_iq_variance=("q", images.region_variance, {"units": "squared"}),
        ray_errors=(
            ("offset", "q"),
            _ray_errors(variance, geometry, recipe.roi),
            {"units": "mm electron units/angstrom^3"},
        ),
        compton_weight=("q", compton, {"units": "1"}),
        roi=(("y", "x"), roi.astype(np.int8), {"units": "1"}),
        axis_mm=((), axis_mm, {"units": "mm"}),
        axis_mm_errors=((), axis_error_mm, {"units": "mm"}),
        **_levels(levels),
        **_maps(images, map_operator(operator, reference, typical)),
    )
    found = found.assign_coords(_places(scan, geometry, operator)).assign_attrs(_facts(scan, geometry, recipe) | told)
    if recipe.phases:
        found = found.merge(phase_maps(images.values, images.variance, operator, recipe, roi))
    if recipe.components:
        found = found.merge(binned_patterns(images.values, operator))
    return found


def level_responses(operator: PdfOperator, of_maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Derivatives of all :data:`LEVELS` by the pattern of the region, shape (level, q), given those of the maps."""
    density = np.zeros((1, len(operator.q)))
    density[0, operator.used] = operator.density_weights
    return np.concatenate([density, of_maps])


def _levels(errors: NDArray[np.float64]) -> dict[str, Any]:
    pairs = zip(LEVELS.items(), errors, strict=True)
    return {
        name: ((), e, {"units": "1", "long_name": f"of {what} in the region, relative"}) for (name, what), e in pairs
    }


def _frame_noise(scan: xr.Dataset, recipe: Recipe) -> float:
    """Noise of single readings; not known where the transmission was divided out before the file was written."""
    if scan.attrs.get("transmission_applied", False):
        return float("nan")
    return frame_noise(scan.transmission.values, recipe.air_rays)


def _volumes(images: Images, pdfs: NDArray, operator: PdfOperator) -> xr.Dataset:
    """Patterns and PDFs, shape (y, x, r), of all voxels with their errors, which know no order of linear steps."""
    image, power = ("y", "x"), {"units": "electron units/angstrom^3"}
    return xr.Dataset(
        {
            "iq": ((*image, "q"), images.values, power),
            "iq_errors": ((*image, "q"), np.sqrt(images.variance), power),
            "hr": (
                (*image, "r"),
                pdfs,
                {"units": "1/angstrom^5", "long_name": "density times G(r)"},
            ),
            "hr_errors": ((*image, "r"), np.sqrt(operator.variance(images.variance)), {"units": "1/angstrom^5"}),
            "trusted": (image, images.trusted.astype(np.int8), {"units": "1", "long_name": "not moved by truncation"}),
        }
    )


def _maps(images: Images, maps: MapOperator) -> dict[str, Any]:
    """Fitted maps by name, each with its errors."""
    values = images.values @ maps.weights.T.astype(np.float32)
    errors = np.sqrt(images.variance @ (maps.weights.T**2).astype(np.float32))
    found: dict[str, Any] = {}
    for k, name in enumerate(maps.names):
        units = {"units": MAP_UNITS[name]}
        found |= {name: (("y", "x"), values[..., k], units), f"{name}_errors": (("y", "x"), errors[..., k], units)}
    return found


def _places(scan: xr.Dataset, geometry: ParallelGeometry, operator: PdfOperator) -> dict[str, Any]:
    grid = geometry.voxel_centres_mm
    return {
        "y": ("y", grid, {"units": "mm"}),
        "x": ("x", grid, {"units": "mm"}),
        "q": scan.q,
        "r": ("r", operator.r, {"units": "angstrom"}),
        **{name: scan[name] for name in ("state", "slice", "potential_v", "z_mm") if name in scan.coords},
    }


def _facts(scan: xr.Dataset, geometry: ParallelGeometry, recipe: Recipe) -> dict[str, Any]:
    """What was measured and how it was reconstructed."""
    return {
        "energy_kev": scan.attrs["energy_kev"],
        "voxel_mm": geometry.voxel_mm,
        "views": len(geometry.angles_deg),
        "method": recipe.method,
        "backend": recipe.backend,
        "pdf_of": recipe.pdf_of,
        "absorption": "per voxel" if recipe.absorption_per_voxel else "per ray",
        "filter": recipe.filter if recipe.method == "fbp" else f"none ({recipe.method})",
        # by which the truth is known to be that of the same measurement
        **{name: scan.attrs[name] for name in ("entry_identifier",) if name in scan.attrs},
        **({"roi_radius_voxels": recipe.roi.radius_voxels} if recipe.roi.is_circle else {}),
    }
