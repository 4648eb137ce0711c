"""The true image of all scattering, the one map that every chain makes on its way."""

import numpy as np
import xarray as xr

from .check import NotRunError
from .region_states import free_scattering, on_channels


def with_intensity(truth: xr.Dataset, found: xr.Dataset, phases: xr.Dataset | None) -> xr.Dataset:
    """The truth with ``intensity``, the scattering power of every voxel averaged over the channels of `found`.

    Reference state, dims (slice, y, x), electron units per cubic angstrom; on the scale of `found` where that has none.
    Unchanged where truth or phases cannot tell.
    """
    if phases is None or "phase_density" not in truth:
        return truth
    try:
        each = free_scattering(on_channels(phases, found), found).mean(axis=1)
    except NotRunError:
        return truth
    power = dict(zip(phases.structure_name.values, each, strict=True))
    weights = xr.DataArray([power[name] for name in truth.phase_structure.values], dims="phase")
    image = (truth.phase_density * weights).sum("phase").transpose("slice", "y", "x")
    if found.intensity.attrs.get("units") == "arbitrary":
        own = found.intensity.isel(state=0)
        there = image.sel(slice=own["slice"]).values
        image = image * float(np.vdot(own.values, there) / np.vdot(there, there))
    return truth.assign(intensity=image)
