"""Amounts of named phases for other programs: image stacks of their maps, and a table of what the region holds."""

import csv
from collections.abc import Callable, Iterator
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tsct.records.errors import InputError, UsageError
from tsct.records.io import read_record, replacing, write_text
from tsct.records.schema import STATE_AXIS

#: names of the files, and what writes them into a folder
Files = tuple[list[str], Callable[[Path], None]]
COLUMNS = ("slice", "z_mm", "phase", "amount_per_a3", "counting_error_per_a3", "level_error_relative")


def _recovered(file: Path) -> xr.Dataset:
    found = read_record(file, "recovered")
    if "phase_amount" not in found:
        raise InputError(f"{file}: holds no amounts of phases; name phases in [[analysis.phase]]")
    return found


def stacks(file: Path) -> Files:
    """One TIFF stack of each phase and one of its errors, axes (state, slice, y, x), as ImageJ and Fiji open them.

    32-bit numbers in atoms per cubic angstrom, rows from the top as pictures are drawn; voxels in millimetres.
    """
    try:
        tifffile = import_module("tifffile")
    except ImportError:
        raise UsageError("writing TIFF needs tifffile: pip install 'tsct[volumes]'") from None
    found = _recovered(file)
    kinds = {"": "phase_amount", "_errors": "phase_amount_errors"}
    names = {
        f"amount_{phase}{ending}.tif": (phase, variable)
        for phase in found.phase.values
        for ending, variable in kinds.items()
        if variable in found
    }

    def write(folder: Path) -> None:
        for name, (phase, variable) in names.items():
            values = found[variable].sel(phase=phase).transpose("state", "slice", "y", "x").values
            with replacing(folder / name) as temporary:
                tifffile.imwrite(temporary, values[..., ::-1, :].astype(np.float32), **_scale(found))

    return list(names), write


def _scale(found: xr.Dataset) -> dict[str, Any]:
    """Size of voxels and order of axes, as ImageJ writes them."""
    voxel = float(found.x[1] - found.x[0])
    metadata: dict[str, Any] = {"axes": "TZYX", "unit": "mm"}
    heights = np.atleast_1d(found.z_mm.values) if "z_mm" in found.coords else np.zeros(1)
    if len(heights) > 1:
        metadata["spacing"] = float(heights[1] - heights[0])
    return {"imagej": True, "resolution": (1 / voxel, 1 / voxel), "metadata": metadata}


def table(file: Path) -> Files:
    """Mean amount of every phase in the region, in every state and slice, with its errors, as comma-separated text."""
    found = _recovered(file)

    def write(folder: Path) -> None:
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("state", found.attrs.get("state_axis", STATE_AXIS), *COLUMNS))
        writer.writerows(_rows(found))
        write_text(folder / "amounts.csv", text.getvalue())

    return ["amounts.csv"], write


def _rows(found: xr.Dataset) -> Iterator[tuple[Any, ...]]:
    axis = found.attrs.get("state_axis", STATE_AXIS)
    inside = found.roi.values.astype(bool)
    heights: Any = np.atleast_1d(found.z_mm.values) if "z_mm" in found.coords else [None]
    for state in range(found.sizes["state"]):
        at = f"{float(found[axis].values[state]):g}" if axis in found else ""
        for k, z in zip(range(found.sizes["slice"]), np.broadcast_to(heights, found.sizes["slice"]), strict=True):
            tile = found.isel(state=state, slice=k)
            for phase in found.phase.values:
                own = tile.sel(phase=phase)
                # neighbours are anti-correlated by the filter: the mean is at least as sure as this
                counting = np.sqrt(np.sum(own.phase_amount_errors.values[inside] ** 2)) / inside.sum()
                level = float(own.get("phase_amount_level_errors", np.nan))
                amount = float(own.phase_amount.values[inside].mean())
                yield (state, at, k, f"{z:g}", phase, f"{amount:.6g}", f"{counting:.3g}", f"{level:.3g}")
