"""Which tile decides a region of interest that depends on a map, and which voxels it is then."""

from collections.abc import Iterable
from dataclasses import replace

import xarray as xr

from tsct.analyze.recipe import Recipe


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


def region_attrs(recipe: Recipe) -> dict[str, str]:
    """By which level of which map a region was decided; nothing for other regions."""
    if not recipe.roi.map:
        return {}
    units = recipe.map_units[recipe.roi.map]
    return {"roi_threshold": f"{recipe.roi.map} above {recipe.roi.above:g} {units} in the first state"}
