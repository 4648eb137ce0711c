"""What a scan must be divided by, and how it says that it was."""

import warnings
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError, TsctWarning
from tsct.records.schema import SCAN
from tsct.records.units import unit_factor

from .unmeasured import without_marks

#: what must be divided out, each with the variable that does it and the unit of that variable
DIVIDED = {"monitor": "photons", "transmission": "1", "solid_angle": "sr", "polarization": "1"}
SENSOR = ("sensor_material", "sensor_mm", "sensor_density_g_cm3")
#: the median transmission may be a little above one, by noise; at the edge of the field it is not the lowest
HIGHEST_TRANSMISSION, LOWEST_EDGE = 1.2, 0.5


def check_corrections(data: xr.Dataset, source: str) -> None:
    """Refuse a scan that does not say how every correction stands; all that is missing is named at once."""
    open_ = [name for name in DIVIDED if name not in data and not data.attrs.get(f"{name}_applied", False)]
    if not data.attrs.get("efficiency_applied", False) and not all(name in data.attrs for name in SENSOR):
        open_.append("efficiency")
    if open_:
        raise InputError(
            f"{source}: it is not known whether these were divided out: {', '.join(open_)}. For each, add below "
            f"[attrs] '{open_[0]}_applied = true', or a table such as [{open_[0]}] with what to divide by "
            f"(efficiency: {', '.join(SENSOR)} below [attrs])"
        )


def factor(data: xr.Dataset, scan: xr.Dataset, name: str, source: str) -> xr.DataArray:
    """A factor to divide by, broadcast to its dims; one where it was applied before."""
    dims, units = SCAN.fields[name].dims, DIVIDED[name]
    applied = bool(data.attrs.get(f"{name}_applied", False))
    if applied and name in data and not np.all(data[name].values == 1):
        warnings.warn(
            f"{source}: [{name}] is not used, because {name}_applied is true; if it was not divided out before, write "
            f"{name}_applied = false below [attrs]",
            TsctWarning,
            stacklevel=4,
        )
    if applied or name not in data:
        return xr.DataArray(np.ones([scan.sizes[dim] for dim in dims]), dims=dims, attrs={"units": units})
    values = data[name].variable
    full = {dim: scan.sizes[dim] for dim in dims}
    if not set(values.dims) <= set(dims):
        raise InputError(
            f"{source}: [{name}] has dims ({', '.join(map(str, values.dims))}); it takes ({', '.join(dims)})"
        )
    numbers = without_marks(np.asarray(values.set_dims(full).values), f"{source}: {name}").astype(np.float64)
    if name == "transmission":
        stated = values.attrs.get("units", units)
        size = unit_factor(stated, units)
        if size is None:
            raise InputError(
                f"{source}: the transmission is in '{stated}', and is a pure number; counts become one by normalise = "
                '"max" below [transmission]'
            )
        numbers = numbers * size
        _check_transmission(numbers, source)
    return xr.DataArray(numbers, dims=dims, attrs={"units": units})


def _check_transmission(through: NDArray[Any], source: str) -> None:
    """Refuse a transmission (angle, translation) that is one in another unit, or an absorption."""
    known = np.isfinite(through)
    if not known.any():
        return
    middle = float(np.median(through[known]))
    if middle > HIGHEST_TRANSMISSION:
        raise InputError(
            f"{source}: the transmission is {middle:.4g} in the middle of its values, allowed is 1; is it in percent "
            '(units of [transmission] = "%") or in counts (normalise = "max")?'
        )
    third = through.shape[1] // 3
    edge, inside = np.nanmean(through[:, [0, -1]]), np.nanmean(through[:, third : through.shape[1] - third])
    if third and edge < LOWEST_EDGE * inside:
        raise InputError(
            f"{source}: the transmission is {edge:.3g} at the edges of the field and {inside:.3g} inside; an "
            "absorption, -ln(I/I0), must be turned into exp(-absorption) before"
        )
