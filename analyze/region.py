"""Which tile decides a region of interest that depends on a map, and which voxels it is then."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, distance_transform_edt, label

from tsct.analyze.prepare.prepare import Sinogram
from tsct.analyze.recipe import Recipe
from tsct.analyze.tomography.fbp import fbp
from tsct.analyze.tomography.rotation_axis import find_geometry
from tsct.records.errors import InputError

#: share of the bright end of an image from which a voxel belongs to the object
OBJECT_LEVEL = 0.25
#: so far from the edge of the object, as a share of its greatest depth, lie the voxels that are taken
WELL_INSIDE = 0.4


def middle_slice(slices: Iterable[int]) -> int:
    """The slice whose region is followed."""
    ordered = sorted({*slices})
    return ordered[len(ordered) // 2]


def reference_tile(tiles: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The (state, slice) of a scan that a region is decided from: the first state of the middle slice."""
    tiles = list(tiles)
    middle = middle_slice(slice_ for _, slice_ in tiles)
    return min(state for state, slice_ in tiles if slice_ == middle), middle


def outline_recipe(recipe: Recipe) -> Recipe:
    """The same with all of the circle or polygon as its region, whatever a map says."""
    return replace(recipe, roi=recipe.roi.outline)


def decide_region(recipe: Recipe, tile: xr.Dataset) -> Recipe:
    """The recipe with its region as a set of voxels, those where the map of a tile exceeds the level.

    Parameters
    ----------
    recipe : Recipe
        All choices, with a region that depends on a map.
    tile : xarray.Dataset
        Result of the reference tile with :func:`outline_recipe`.

    Raises
    ------
    InputError
        If no voxel exceeds the level.
    """
    roi = recipe.roi
    return replace(recipe, roi=roi.decided(tile[roi.map].values, recipe.map_units[roi.map]))


def inside_object(sinogram: Sinogram) -> NDArray[np.bool_]:
    """Voxels well inside the object, shape (y, x).

    The object is the largest body of voxels whose total intensity exceeds a quarter of the bright end of the image (its
    98th percentile), holes filled; of a disc, the inner 0.6 of the radius are taken.

    Parameters
    ----------
    sinogram : Sinogram
        Of the reference tile.

    Raises
    ------
    InputError
        If there is no object.
    """
    totals = sinogram.total, sinogram.total_variance
    geometry, _ = find_geometry(*totals, sinogram.translations_mm, sinogram.angles_deg)
    image = fbp(sinogram.total[..., None] / len(sinogram.channels.q), geometry)[..., 0]
    bodies, number = label(image > OBJECT_LEVEL * max(float(np.percentile(image, 98)), 0.0))
    if not number:
        raise InputError("analysis.roi: nothing in the image is brighter than air; give the region as a circle")
    largest = 1 + int(np.argmax(np.bincount(bodies.ravel())[1:]))
    # a voxel is half a voxel deep; outside of the image there is nothing
    depth = distance_transform_edt(np.pad(binary_fill_holes(bodies == largest), 1))[1:-1, 1:-1] - 0.5
    return np.asarray(depth >= WELL_INSIDE * depth.max())


def region_attrs(recipe: Recipe) -> dict[str, str]:
    """By which level of which map a region was decided, or that the object did; nothing for other regions."""
    if recipe.roi.from_object:
        return {"roi_threshold": "well inside the object"}
    if not recipe.roi.map:
        return {}
    units = recipe.map_units[recipe.roi.map]
    return {"roi_threshold": f"{recipe.roi.map} above {recipe.roi.above:g} {units} in the first state"}
