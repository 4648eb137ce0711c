"""The door for what any chain recovered: whatever part of the layout it holds, checked, ordered and completed.

The layout is that of ``docs/gate.md``. Nothing is required but one known quantity; what is missing stays missing, and
the checks that would need it are not run.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze import pair_scatter_over_errors, scatter_over_errors
from tsct.analyze.pdf import parse_composition
from tsct.analyze.recipe import Roi, stated_recipe
from tsct.records.errors import InputError, nearest
from tsct.records.schema import AXES, COMPARED, NAMES, POWER, RECOVERED
from tsct.records.units import unit_factor

_IMAGE = ("y", "x")
_FIELDS = RECOVERED.fields
#: what holds for a region, that of the default recipe where there is no ``roi``
_OF_A_REGION = {"iq", "roi_iq", "roi_gr", "roi_dgr"}
_NUMBERED = ("state", "slice")


def complete_recovered(result: xr.Dataset | Mapping[str, Any], truth: xr.Dataset) -> xr.Dataset:
    """What a chain returned, as checks expect it.

    Parameters
    ----------
    result : xarray.Dataset or mapping
        A dataset with some of the variables of :data:`tsct.records.schema.COMPARED`; or a mapping from their names to
        arrays with dims in that order, in which everything that is no array becomes an attribute.
    truth : xarray.Dataset
        See :func:`tsct.simulate.truth.truth`; gives the grid of the maps where the result has none.

    Returns
    -------
    xarray.Dataset
        With dims state and slice, and with what follows from ``iq``: ``roi_iq`` and the scatter of the voxels.

    Raises
    ------
    InputError
        If no variable is known, or one has other dims, another grid or another unit.
    """
    if not isinstance(result, xr.Dataset | Mapping):
        raise InputError(
            f"recovered: the chain returned {type(result).__name__}; give a dataset or a dictionary of arrays"
        )
    found = result.copy() if isinstance(result, xr.Dataset) else _dataset(result)
    if not set(COMPARED) & set(found):
        names = list(map(str, found))
        close = "".join(nearest(name, COMPARED) for name in names[:1])
        raise InputError(
            f"recovered: nothing to compare among {', '.join(names) or 'no variables'}{close}; known are "
            f"{', '.join(COMPARED)}"
        )
    if NAMES in found.dims and NAMES not in found.coords:
        raise InputError(
            f"recovered: amounts of {found.sizes[NAMES]} phases without names; give them as the coordinate '{NAMES}'"
        )
    found = _with_tiles(found, truth)
    found = found.assign({name: _arranged(found[name], name) for name in COMPARED if name in found})
    axes = {name: _converted(found[name], name, _units(name)) for name in AXES if name in found.coords}
    found = found.assign_coords(axes)
    return _from_volume(_told_by_the_scan(_on_the_grid(found, truth), truth))


def _dataset(result: Mapping[str, Any]) -> xr.Dataset:
    """Numbers and texts are what the chain states, everything else is data."""
    stated = {name for name, value in result.items() if isinstance(value, Mapping) or not np.ndim(value)} - {*_NUMBERED}
    arrays = {name: value for name, value in result.items() if name not in stated}
    return from_arrays(arrays, {name: result[name] for name in stated})


def from_arrays(
    arrays: Mapping[str, Any], attrs: Mapping[str, Any], units: Mapping[str, str] | None = None
) -> xr.Dataset:
    """A dataset from arrays with the names and the order of dims of the layout; leading dims may be missing.

    Raises
    ------
    InputError
        For an unknown name, too many axes, or lengths that contradict each other.
    """
    variables: dict[str, tuple] = {}
    for name, value in arrays.items():
        array, dims = np.atleast_1d(np.asarray(value)), _dims(name)
        if array.ndim > len(dims):
            raise InputError(f"recovered: '{name}' has {array.ndim} axes, expected ({', '.join(dims)})")
        told = (units or {}).get(name)
        variables[name] = (dims[len(dims) - array.ndim :], array, {} if told is None else {"units": told})
    try:
        return xr.Dataset(variables, attrs=dict(attrs))
    except ValueError as error:
        raise InputError(f"recovered: the arrays contradict each other ({error})") from None


def _dims(name: str) -> tuple[str, ...]:
    if name in AXES or name in _NUMBERED or name == NAMES:
        return (name,)
    if name not in COMPARED:
        raise InputError(f"recovered: unknown array '{name}'{nearest(name, COMPARED)}; known are {', '.join(COMPARED)}")
    return _FIELDS[name].dims


def _with_tiles(found: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    """Dims state and slice of size one where they are missing, and numbers along them where these are."""
    needed = {dim for name in COMPARED if name in found for dim in _FIELDS[name].dims} & {"state", "slice"}
    for dim in sorted(needed - set(found.dims)):
        at = _middle(truth) if dim == "slice" else 0
        alone = found[dim].item() if dim in found.coords else at
        of_the_dim = [name for name in found if name in COMPARED and dim in _FIELDS[str(name)].dims]
        found = found.drop_vars(dim, errors="ignore")
        found = found.assign({name: found[name].expand_dims({dim: [alone]}) for name in of_the_dim})
    for dim in needed & set(found.dims) - set(found.coords):
        found = found.assign_coords({dim: np.arange(found.sizes[dim])})
    return found


def _middle(truth: xr.Dataset) -> int:
    slices = truth["slice"].values if "slice" in truth.coords else [0]
    return int(slices[len(slices) // 2])


def _arranged(array: xr.DataArray, name: str) -> xr.DataArray:
    dims, units = _FIELDS[name].dims, _units(name)
    if set(array.dims) != set(dims):
        raise InputError(f"recovered: '{name}' has dims {array.dims}, expected ({', '.join(dims)})")
    array = array.transpose(*dims)
    given = array.attrs.get("units", units)
    if given in _FIELDS[name].other_units:
        return array
    return _converted(array, name, units)


def _units(name: str) -> str:
    return _FIELDS[name].units or "1"


def _converted(array: xr.DataArray, name: str, units: str) -> xr.DataArray:
    given = array.attrs.get("units", units)
    factor = unit_factor(given, units)
    if factor is None:
        raise InputError(f"recovered: '{name}' is in '{given}', which cannot be turned into '{units}'")
    return (array if factor == 1.0 else array * factor).assign_attrs(array.attrs, units=units)


def _on_the_grid(found: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    """The same voxels as the truth's, or none at all."""
    for dim in _IMAGE:
        if dim not in found.dims or dim not in truth.coords:
            continue
        own = truth[dim].values
        if found.sizes[dim] != len(own):
            raise InputError(
                f"recovered: {found.sizes[dim]} voxels along {dim}, the truth has {len(own)} of "
                f"{own[1] - own[0]:.4g} mm; deliver maps with one voxel a translation"
            )
        if dim not in found.coords:
            found = found.assign_coords({dim: own})
        elif not np.allclose(found[dim].values, own, atol=0.02 * abs(own[1] - own[0])):
            raise InputError(
                f"recovered: {dim} runs from {found[dim].values[0]:.4g} to {found[dim].values[-1]:.4g}, the truth from "
                f"{own[0]:.4g} to {own[-1]:.4g} mm, increasing; flip or shift the maps or correct the axis"
            )
    return found


def _told_by_the_scan(found: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    """What follows from the scan alone where the chain does not state it: Q of the channels, weight of Compton."""
    told = "q" in found.coords or "q" not in truth.coords
    if not told and found.sizes.get("q", truth.sizes["q"]) == truth.sizes["q"]:
        found = found.assign_coords(q=truth.q)
    if "compton_weight" not in found and "compton_weight" in truth and "q" in found.coords:
        found["compton_weight"] = ("q", np.interp(found.q.values, truth.q.values, truth.compton_weight.values))
    if "roi_slice" not in found.attrs:
        slices = found["slice"].values if "slice" in found.coords else [_middle(truth)]
        found = found.assign_attrs(roi_slice=int(slices[len(slices) // 2]))
    if "roi" not in found and "x" in truth.coords and _OF_A_REGION & set(found):
        mask = Roi().mask(truth.sizes["x"]).astype(np.int8)
        found = found.assign_coords(y=truth.y, x=truth.x).assign(roi=(_IMAGE, mask, {"units": "1"}))
    return with_stated_transform(found)


def with_stated_transform(found: xr.Dataset) -> xr.Dataset:
    """The transform that the chain states, as one attribute and one by one; the one attribute wins where both are."""
    if isinstance(composition := found.attrs.get("composition"), str):
        found = found.assign_attrs(composition=parse_composition(composition))
    recipe = stated_recipe(found.attrs)
    if recipe is None:
        return found
    return found.assign_attrs(pdf_recipe=recipe.as_attribute(), **recipe.stated)


def _from_volume(found: xr.Dataset) -> xr.Dataset:
    """What follows from the patterns of the voxels: their mean over Q and over the region, and their scatter."""
    if "iq" in found:
        inside = found.roi.values.astype(bool)
        found["intensity"] = found.iq.mean("q", dtype=np.float64, keep_attrs=True)
        if "iq_errors" in found:
            found["intensity_errors"] = np.sqrt((found.iq_errors.astype(np.float64) ** 2).sum("q")) / found.sizes["q"]
        if "roi_iq" not in found:
            patterns = found.iq.sel(slice=found.attrs["roi_slice"]).values[:, inside].mean(axis=1, dtype=np.float64)
            found["roi_iq"] = (("state", "q"), patterns, {"units": found.iq.attrs["units"]})
        if "iq_errors" in found and "noise_ratio" not in found:
            found = found.assign(_scatter(found, inside))
    if "roi_iq" in found and found.roi_iq.attrs["units"] == POWER:
        found = found.assign_attrs(reference_density=1.0)
    return found


def _scatter(found: xr.Dataset, inside: NDArray[np.bool_]) -> dict[str, tuple]:
    """As :func:`tsct.analyze.lean` has it for every tile."""
    values, errors = (found[name].values[:, :, inside].astype(np.float64) for name in ("iq", "iq_errors"))
    tiles = [(values[at], errors[at]) for at in np.ndindex(values.shape[:2])]
    shape, dims = values.shape[:2], ("state", "slice")
    alone = [scatter_over_errors(*tile) for tile in tiles]
    joined = [pair_scatter_over_errors(*tile) for tile in tiles]
    return {
        "noise_ratio": (dims, np.reshape([ratio for ratio, _ in alone], shape)),
        "noise_number": (dims, np.reshape([number for _, number in alone], shape)),
        "noise_ratio_joined": (dims, np.reshape(joined, shape)),
    }
