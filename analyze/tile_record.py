"""What one tile yields, as a dataset with units: patterns, PDFs and maps of its voxels, and its region."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.prepare.normalisation_error import SHARED_ERRORS
from tsct.analyze.prepare.prepare import Sinogram
from tsct.analyze.recipe import Recipe
from tsct.analyze.recipe.maps import PHASE_UNITS
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.ray_errors import ray_errors

from .absorption_errors import AbsorptionErrors
from .volume import Images


def tile_record(
    variables: dict[str, Any], sinogram: Sinogram, geometry: ParallelGeometry, operator: PdfOperator, recipe: Recipe
) -> xr.Dataset:
    """Variables of a tile with their coordinates, and with what was measured and done as attributes."""
    coords, attrs = _coords(sinogram, geometry, operator), _attrs(sinogram, geometry, recipe)
    return xr.Dataset(variables).assign_coords(coords).assign_attrs(attrs)


def volume_variables(images: Images, pdfs: NDArray[Any], operator: PdfOperator) -> dict[str, Any]:
    """Patterns and PDFs, shape (y, x, r), of all voxels with their errors, which know no order of linear steps.

    The errors take the place of ``images.variance``, which would need as much memory as the counts once more.
    """
    image, power = ("y", "x"), {"units": "electron units/angstrom^3"}
    density = {"units": "1/angstrom^5", "long_name": "density times G(r)"}
    of_pdfs = operator.variance(images.variance)
    np.sqrt(of_pdfs, out=of_pdfs)
    errors = np.sqrt(images.variance, out=images.variance)
    return {
        "iq": ((*image, "q"), images.values, power),
        "iq_errors": ((*image, "q"), errors, power),
        "hr": ((*image, "r"), pdfs, density),
        "hr_errors": ((*image, "r"), of_pdfs, {"units": "1/angstrom^5"}),
        "total_intensity": (image, images.values.mean(axis=-1), power | {"long_name": "mean of all channels"}),
        "trusted": (image, images.trusted.astype(np.int8), {"units": "1", "long_name": "not moved by truncation"}),
    }


def region_variables(
    images: Images, inside: NDArray[np.bool_], sinogram: Sinogram, geometry: ParallelGeometry, recipe: Recipe
) -> dict[str, Any]:
    """Pattern of the region with its Poisson variance, and what its errors follow from.

    ``ray_errors`` are those of rays by their distance from the centre of the region; for other regions than circles,
    from the centre that a circle would have.
    """
    rays = ray_errors(sinogram.variance, geometry, (recipe.roi.x_voxels, recipe.roi.y_voxels))
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
    attrs = {"units": "electron units/angstrom^3", "long_name": words}
    return {"roi_absorption_errors": ("q", absorption.of_pattern(inside), attrs)}


def ray_variables(sinogram: Sinogram) -> dict[str, Any]:
    """The corrected sinogram, its channels averaged, and which share of the channels of each ray was filled."""
    rays = ("angle", "translation")
    mean = sinogram.lines.mean(axis=-1, dtype=np.float64).astype(np.float32)
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
