"""Putting tiles together: one dataset with dims (state, slice, ...) from one dataset per (state, slice)."""

from collections.abc import Iterable
from itertools import groupby

import xarray as xr


def stack_tiles(tiles: Iterable[xr.Dataset]) -> xr.Dataset:
    """Stack tiles that carry scalar coordinates ``state`` and ``slice``.

    Parameters
    ----------
    tiles : iterable of xarray.Dataset
        Every combination of the states and slices that occur, in any order, on the same grids.

    Returns
    -------
    xarray.Dataset
        Every variable with leading dims (state, slice), both ascending; attributes of the first tile.
    """
    ordered = sorted(tiles, key=lambda tile: (int(tile["state"]), int(tile["slice"])))
    rows = [_joined(list(row), "slice") for _, row in groupby(ordered, key=lambda tile: int(tile["state"]))]
    return _joined(rows, "state").transpose("state", "slice", ...)


def _joined(parts: list[xr.Dataset], dim: str) -> xr.Dataset:
    return xr.concat(
        parts, dim, data_vars="all", coords="different", compat="equals", join="exact", combine_attrs="override"
    )
