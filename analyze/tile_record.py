"""What one tile yields, as a dataset with units: patterns, PDFs and maps of its voxels, and its region."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.phases.phase_maps import MapOperator
from tsct.analyze.prepare.normalisation_error import SHARED_ERRORS
from tsct.analyze.prepare.prepare import Sinogram
from tsct.analyze.recipe import Recipe
from tsct.analyze.recipe.maps import PHASE_UNITS
from tsct.analyze.tomography.channel_scatter import pair_scatter_over_errors, scatter_over_errors
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.ray_errors import ray_errors
from tsct.analyze.tomography.voxel_images import VoxelImages

from .absorption_errors import AbsorptionErrors

POWER = {"units": "electron units/angstrom^3"}
DENSITY = {"units": "1/angstrom^5"}
#: noise is judged by so many voxels of the region, evenly chosen: with hundreds of channels each they are enough
NOISE_VOXELS = 1024


def tile_record(
    variables: dict[str, Any], sinogram: Sinogram, geometry: ParallelGeometry, operator: PdfOperator, recipe: Recipe
) -> xr.Dataset:
    """Variables of a tile with their coordinates, and with what was measured and done as attributes."""
    coords, attrs = _coords(sinogram, geometry, operator), _attrs(sinogram, geometry, recipe)
    return xr.Dataset(variables).assign_coords(coords).assign_attrs(attrs)


def volume_variables(images: VoxelImages, pdfs: NDArray[np.float32] | None, operator: PdfOperator) -> dict[str, Any]:
    """Patterns and PDFs, shape (y, x, r), of all voxels with their errors, which know no order of linear steps.

    PDFs are those of the patterns where none are given.
    """
    image, density = ("y", "x"), DENSITY | {"long_name": "density times G(r)"}
    values, variance = images.volumes()
    of_pdfs = operator.variance(variance)
    return {
        "iq": ((*image, "q"), values, POWER),
        # no other array of this size
        "iq_errors": ((*image, "q"), np.sqrt(variance, out=variance), POWER),
        "hr": ((*image, "r"), operator.apply(values) if pdfs is None else pdfs, density),
        "hr_errors": ((*image, "r"), np.sqrt(of_pdfs, out=of_pdfs), DENSITY),
    }


def image_variables(images: VoxelImages, maps: Sequence[MapOperator], operator: PdfOperator) -> dict[str, Any]:
    """Maps that are sums over the channels of every voxel, their mean, and which voxels can be trusted."""
    weights = np.concatenate([each.weights for each in maps])
    mean = np.full((1, len(operator.q)), 1 / len(operator.q))
    values, variance = images.functionals(np.concatenate([weights, mean]), weights**2)
    variables, first, image = dict[str, Any](), 0, ("y", "x")
    for each in maps:
        part = slice(first, first + len(each.names))
        variables |= each.variables(values[..., part], variance[..., part])
        first = part.stop
    return variables | {
        "total_intensity": (image, values[..., -1], POWER | {"long_name": "mean of all channels"}),
        "trusted": (image, images.trusted.astype(np.int8), {"units": "1", "long_name": "not moved by truncation"}),
    }


def voxel_variables(images: VoxelImages, tile: xr.Dataset, operator: PdfOperator, phases: int) -> dict[str, Any]:
    """What single voxels of the region are like: their errors, how noise compares with them, and PDFs of a few.

    Parameters
    ----------
    images : VoxelImages
        Of the tile.
    tile : xarray.Dataset
        With ``roi``, ``total_intensity`` and ``roi_iq_variance``.
    operator : PdfOperator
        From scattering power to density-weighted G(r).
    phases : int
        So many phases are known to be in the region.
    """
    rows, columns = np.nonzero(tile.roi.values)
    some = np.linspace(0, len(rows) - 1, min(len(rows), NOISE_VOXELS)).round().astype(int)
    values, variance = images.patterns(rows[some], columns[some])
    errors = np.sqrt(variance)
    ratio, number = scatter_over_errors(values, errors, phases)
    pairs = pair_scatter_over_errors(values, errors, phases)
    of_pdfs = operator.variance(images.typical_variance)
    return {
        "voxel_iq_errors": ("q", np.sqrt(images.typical_variance), POWER),
        "voxel_hr_errors": ("r", np.sqrt(of_pdfs), DENSITY),
        "noise_ratio": ((), ratio, {"units": "1", "long_name": "scatter between channels over counting noise"}),
        "noise_number": ((), number, {"units": "1"}),
        "noise_ratio_joined": ((), pairs, {"units": "1", "long_name": "scatter of joined channels over noise"}),
        "roi_counting_errors": ("q", np.sqrt(tile.roi_iq_variance.values), POWER),
        **_example_variables(images, tile, operator),
    }


def _example_variables(images: VoxelImages, tile: xr.Dataset, operator: PdfOperator) -> dict[str, Any]:
    """PDFs of single voxels of the region with their errors: that at its centre, the brightest and the faintest."""
    rows, columns = np.nonzero(tile.roi.values)
    brightness = tile.total_intensity.values[rows, columns]
    off_centre = np.hypot(rows - rows.mean(), columns - columns.mean())
    chosen = [int(np.argmin(off_centre)), int(np.argmax(brightness)), int(np.argmin(brightness))]
    values, variance = images.patterns(rows[chosen], columns[chosen])
    names = ["centre of the region", "brightest of the region", "faintest of the region"]
    return {
        "example": ("example", names),
        "example_y": ("example", tile.y.values[rows[chosen]], {"units": "mm"}),
        "example_x": ("example", tile.x.values[columns[chosen]], {"units": "mm"}),
        "example_hr": (("example", "r"), operator.apply(values), DENSITY | {"long_name": "density times G(r)"}),
        "example_hr_errors": (("example", "r"), np.sqrt(operator.variance(variance)), DENSITY),
    }


def region_variables(
    images: VoxelImages, inside: NDArray[np.bool_], sinogram: Sinogram, geometry: ParallelGeometry, recipe: Recipe
) -> dict[str, Any]:
    """Pattern of the region with its Poisson variance, and what its errors follow from.

    ``ray_errors`` are those of rays by their distance from the centre of the region; for other regions than circles,
    from the centre that a circle would have.
    """
    variances = (variance for _, variance in sinogram.rays.views())
    rays = ray_errors(variances, geometry, (recipe.roi.x_voxels, recipe.roi.y_voxels))
    return {
        "roi_iq": ("q", images.region, {"units": "electron units/angstrom^3"}),
        "roi_iq_variance": ("q", images.region_variance, {"units": "squared"}),
        "ray_errors": (("offset", "q"), rays, {"units": "mm electron units/angstrom^3"}),
        "compton_weight": ("q", sinogram.channels.compton_weight, {"units": "1"}),
        "roi": (("y", "x"), inside.astype(np.int8), {"units": "1"}),
    }


def explained_variables(explained: NDArray[np.float64] | None) -> dict[str, Any]:
    """What given phases make of the region's pattern, if there are any."""
    if explained is None:
        return {}
    words = "what the given phases explain of the region's pattern"
    return {"roi_iq_explained": ("q", explained, {"units": "electron units/angstrom^3", "long_name": words})}


def absorption_variables(absorption: AbsorptionErrors | None, inside: NDArray[np.bool_]) -> dict[str, Any]:
    """What absorption and double scattering may have left in the region's pattern, if that is known."""
    if absorption is None:
        return {}
    words = "what absorption and double scattering may have left in the region's pattern"
    return {"roi_absorption_errors": ("q", absorption.of_pattern(inside), POWER | {"long_name": words})}


def ray_variables(sinogram: Sinogram) -> dict[str, Any]:
    """The corrected sinogram, its channels averaged, and which share of the channels of each ray was filled."""
    rays = ("angle", "translation")
    mean = (sinogram.total / len(sinogram.channels.q)).astype(np.float32)
    return {
        "sinogram": (rays, mean, {"units": "mm electron units/angstrom^3", "long_name": "mean of all channels"}),
        "repaired_share": (rays, sinogram.repaired, {"units": "1", "long_name": "channels that were filled"}),
    }


def axis_variables(geometry: ParallelGeometry, error_mm: float) -> dict[str, Any]:
    """The rotation axis with its standard error."""
    return {
        "axis_mm": ((), geometry.axis_mm, {"units": "mm"}),
        "axis_mm_errors": ((), error_mm, {"units": "mm"}),
    }


def shared_error_variables(errors: NDArray[np.float64]) -> dict[str, Any]:
    """Errors of :data:`SHARED_ERRORS`, or of as many of them as there are, each a number."""
    known = list(SHARED_ERRORS.items())[: len(errors)]
    return {
        name: ((), error, {"units": "1", "long_name": f"of {words} in the region, relative"})
        for (name, words), error in zip(known, errors, strict=True)
    }


def with_amounts(
    tile: xr.Dataset,
    recipe: Recipe,
    level_errors: Mapping[str, float],
    strains: Mapping[str, tuple[float, float]],
    absorption: AbsorptionErrors | None = None,
) -> xr.Dataset:
    """The tile with all phases in one variable: ``phase_amount`` (phase, y, x) and its errors.

    Parameters
    ----------
    tile : xarray.Dataset
        With the maps of single phases.
    recipe : Recipe
        Names the phases.
    level_errors : mapping of str to float
        Relative errors that all voxels share, of the given phases; those of the anode are variables of the tile.
    strains : mapping of str to (float, float)
        Of the given phases, with their errors; ``phase_strain`` has them where the recipe lets any be fitted.
    absorption : AbsorptionErrors, optional
        Of the given phases; those of the anode have none.
    """
    if not recipe.phase_names:
        return tile
    given = {phase.name for phase in recipe.phases}
    maps = {name: f"phase_{name}" if name in given else name for name in recipe.phase_names}
    levels = [level_errors[name] if name in given else float(tile[f"{name}_level_errors"]) for name in maps]
    amounts, errors = (np.stack([tile[f"{name}{end}"].values for name in maps.values()]) for end in ("", "_errors"))
    dims, words = ("phase", "y", "x"), "relative, of the amount in the region, shared by all voxels"
    tile = tile.assign(
        phase_amount=(dims, amounts, {"units": PHASE_UNITS, "long_name": "amount of each phase"}),
        phase_amount_errors=(dims, errors, {"units": PHASE_UNITS}),
        phase_amount_level_errors=("phase", levels, {"units": "1", "long_name": words}),
    ).assign_coords(phase=("phase", list(maps)))
    if absorption is not None:
        left = dict(zip((phase.name for phase in recipe.phases), absorption.of_voxels(), strict=True))
        maps_left = np.stack([left.get(name, np.zeros(amounts.shape[1:], np.float32)) for name in maps])
        words = "what absorption and double scattering may have left in the amount of each phase"
        tile["phase_amount_absorption_errors"] = (dims, maps_left, {"units": PHASE_UNITS, "long_name": words})
    if any(phase.strain_limit for phase in recipe.phases):
        values, doubts = zip(*(strains.get(name, (np.nan, np.nan)) for name in maps), strict=True)
        words = "relative change of the lengths in the region"
        tile["phase_strain"] = ("phase", list(values), {"units": "1", "long_name": words})
        tile["phase_strain_errors"] = ("phase", list(doubts), {"units": "1"})
    return tile


def _coords(sinogram: Sinogram, geometry: ParallelGeometry, operator: PdfOperator) -> dict[str, Any]:
    """Grids of the volumes, and where the tile belongs."""
    grid = geometry.voxel_centres_mm
    return {
        "angle": ("angle", sinogram.angles_deg, {"units": "deg"}),
        "translation": ("translation", sinogram.translations_mm, {"units": "mm"}),
        "y": ("y", grid, {"units": "mm"}),
        "x": ("x", grid, {"units": "mm"}),
        "r": ("r", operator.r, {"units": "angstrom"}),
        **sinogram.labels.coords,
    }


def _attrs(sinogram: Sinogram, geometry: ParallelGeometry, recipe: Recipe) -> dict[str, Any]:
    """What was measured, how it was reconstructed, and what was repaired and corrected before."""
    return {
        "energy_kev": sinogram.channels.energy_kev,
        "voxel_mm": geometry.voxel_mm,
        "views": len(geometry.angles_deg),
        "method": recipe.method,
        "backend": recipe.backend,
        "pdf_of": recipe.pdf_of,
        "absorption": "per voxel" if recipe.absorption_per_voxel else "per ray",
        "filter": recipe.filter if recipe.method == "fbp" else f"none ({recipe.method})",
        **sinogram.labels.attrs,
        **({"shared_phases": shared} if (shared := _shared_phases(recipe)) else {}),
        **({"roi_radius_voxels": recipe.roi.radius_voxels} if recipe.roi.is_circle else {}),
        **sinogram.corrections,
    }


def _shared_phases(recipe: Recipe) -> str:
    """Phases whose patterns are those of the structures that the data were simulated with."""
    return ", ".join(phase.name for phase in recipe.phases if phase.shared_with_simulation)
