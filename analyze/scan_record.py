"""From the tiles of a scan to one result: each without its volumes, all maps together, and the series of a slice."""

from collections.abc import Sequence
from typing import Any

import xarray as xr

from tsct.analyze.phases.pattern_maps import component_maps
from tsct.analyze.phases.series import fit_series
from tsct.analyze.recipe import Recipe
from tsct.records.provenance import source_hash
from tsct.records.schema import STATE_AXIS
from tsct.records.tiles import stack_tiles

from .region import middle_slice, region_attrs

#: said where there is nothing to map
NO_PHASES = "no phase maps were asked for: name phases in [[analysis.phase]], or analysis.components to look for some"


def lean(tile: xr.Dataset) -> xr.Dataset:
    """A tile without its volumes: maps, ROI pattern and typical errors, small enough to keep all tiles in memory."""
    return tile.drop_vars(["iq", "iq_errors", "hr", "hr_errors", "r"], errors="ignore")


def collect(tiles: Sequence[xr.Dataset], recipe: Recipe) -> xr.Dataset:
    """Join the tiles of a scan and follow the region of interest of the middle slice.

    Parameters
    ----------
    tiles : sequence of xarray.Dataset
        Results of :func:`~tsct.analyze.chain.analyze_tile`, one for every state and slice.
    recipe : Recipe
        All choices, as they were before :func:`~tsct.analyze.chain.with_region`.

    Returns
    -------
    xarray.Dataset
        Maps with dims (state, slice, y, x) and the curves, fits and onsets of
        :func:`~tsct.analyze.phases.series.fit_series`.
    """
    tiles = [lean(tile) for tile in tiles]
    middle = middle_slice(int(tile["slice"]) for tile in tiles)
    states = sorted((tile for tile in tiles if tile["slice"] == middle), key=lambda tile: int(tile["state"]))
    series = fit_series(states, recipe)
    axis = states[0].attrs.get("state_axis", STATE_AXIS)
    repeated = {"roi_iq", "roi_iq_variance", "roi_iq_explained", "compton_weight", "roi", axis} - {"state"}
    repeated |= _of_one_tile(states[0])
    maps = stack_tiles([tile.drop_vars(repeated, errors="ignore") for tile in tiles]).assign_attrs(roi_slice=middle)
    if recipe.components:
        components = component_maps(maps.binned_iq, recipe.components, strained=recipe.components_strained)
        maps = maps.drop_vars("binned_iq").merge(components, combine_attrs="no_conflicts")
    maps["roi"] = states[0].roi.reset_coords(drop=True)
    single = states[0][sorted(_of_one_tile(states[0]))]
    maps = maps.merge(single.drop_vars([name for name in single.coords if name not in single.dims]))
    maps.attrs |= _provenance(recipe) | region_attrs(recipe)
    if not recipe.asks_for_phases:
        maps.attrs["phase_maps"] = NO_PHASES
    return series.merge(maps, combine_attrs="no_conflicts", compat="no_conflicts")


def _of_one_tile(tile: xr.Dataset) -> set[str]:
    """What is kept of the reference tile alone: its rays, as views differ from tile to tile, and its examples."""
    return {str(name) for name in tile.variables if {"angle", "translation", "example"} & {*tile[name].dims}}


def _provenance(recipe: Recipe) -> dict[str, Any]:
    """Model of the scan that this analysis inverts, under the names that the truth gives to what made the data."""
    backend = "" if recipe.backend == "tsct" else f" of {recipe.backend}"
    return {
        "forward_operator": f"{recipe.method}{backend}, linear interpolation between rays, one pixel per voxel",
        "forward_operator_hash": source_hash("tsct.analyze.tomography.projector", "tsct.analyze.tomography.fbp"),
        "forward_tables": "xraylib (absorption), Hartree-Fock atoms (H to Ar), International Tables C (K to Cf)",
        "compton_tables": "xraylib incoherent scattering",
        "supersampling": 1,
    }
