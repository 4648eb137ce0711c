"""The checks that every dataset passes once, at the door of a room."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from .errors import InputError

#: what a scan must hold: variable -> (dims, units)
SCAN: Mapping[str, tuple[tuple[str, ...], str]] = {
    "intensity": (("angle", "translation", "q"), "counts"),
    "monitor": (("angle", "translation"), "photons"),
    "transmission": (("angle", "translation"), "1"),
    "solid_angle": (("q",), "sr"),
    "polarization": (("q",), "1"),
}


def check(record: xr.Dataset, wanted: Mapping[str, tuple[tuple[str, ...], str]], source: str) -> None:
    """Refuse a dataset that lacks a variable, a dimension or a unit.

    Dims named in `wanted` must be the last ones of the variable; leading dims (state, slice) are free.

    Raises
    ------
    InputError
        Naming what was expected and what was found.
    """
    for name, (dims, units) in wanted.items():
        if name not in record:
            raise InputError(f"{source}: no variable '{name}'; it needs {name}({', '.join(dims)}) in {units}")
        array = record[name]
        if array.dims[-len(dims) :] != dims:
            raise InputError(f"{source}: '{name}' has dims {array.dims}, expected (..., {', '.join(dims)})")
        if array.attrs.get("units") != units:
            raise InputError(f"{source}: '{name}' has units {array.attrs.get('units')!r}, expected '{units}'")


def check_uniform(values: np.ndarray, what: str) -> float:
    """Return the step of a uniform, increasing grid, or raise :class:`InputError`."""
    steps = np.diff(values)
    if len(values) < 2 or not np.all(np.isfinite(values)) or np.any(steps <= 0):
        raise InputError(f"{what} must hold at least two finite, strictly increasing values")
    step = float(steps.mean())
    if np.max(np.abs(steps - step)) > 1e-3 * step:
        raise InputError(f"{what} is not uniform (steps {steps.min():.6g} to {steps.max():.6g}); resample it first")
    return step
