"""Amounts of the phases of any sample, by name, in truth and recovered data alike."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, uniform_filter

from .check import Evidence, NotRunError

#: maps of phases that are variables of their own, as those of the cell are
VARIABLES = ("silicon", "carbon")
#: dims with the names of the phases, of recovered data and of truth
_DIMS = ("phase", "phase_name")
#: a phase is where there is this share of its largest amount
PRESENT = 0.05
#: voxels nearer than this to where a phase ends are half something else, and blur moves them
RIM = 2
#: least number of voxels that are compared
ENOUGH = 25


def phase_names(record: xr.Dataset) -> tuple[str, ...]:
    """Names of the phases whose amounts a truth or recovered data hold."""
    dim = _dim(record)
    named = tuple(map(str, record[dim].values)) if dim else ()
    return (*(name for name in VARIABLES if name in record and name not in named), *named)


def common_phases(truth: xr.Dataset, recovered: xr.Dataset) -> tuple[str, ...]:
    """Names of the phases that both hold, in the order of the truth."""
    held = phase_names(recovered)
    return tuple(name for name in phase_names(truth) if name in held)


def has_named_phases(truth: xr.Dataset) -> bool:
    """Whether a truth is of a sample of named phases, not of the cell with its silicon and carbon."""
    return "phase_amount" in truth


def phase_map(record: xr.Dataset, name: str, what: str = "") -> xr.DataArray | None:
    """One map by its name, or its ``errors``, ``level_errors`` or ``absorption_errors``; None where there is none.

    Parameters
    ----------
    record : xarray.Dataset
        Truth or recovered data.
    name : str
        Of a phase, or of another map that is a variable, such as ``intensity``.
    what : {"", "errors", "level_errors", "absorption_errors"}
        Which quantity of it.
    """
    ending = f"_{what}" if what else ""
    dim = _dim(record)
    if dim and name in record[dim].values:
        amounts = record.get(f"phase_amount{ending}")
        return None if amounts is None else amounts.sel({dim: name}, drop=True)
    found = record.get(f"{name}{ending}")
    return found if found is None or {"y", "x"} <= set(found.dims) or what == "level_errors" else None


def true_amount(evidence: Evidence, name: str) -> NDArray[np.float64]:
    """True map in every recovered state and slice, shape (state, slice, y, x).

    Raises
    ------
    NotRunError
        If the truth does not hold it.
    """
    recovered, true = evidence.recovered, phase_map(evidence.truth, name)
    if true is None:
        raise NotRunError(f"the truth holds no {name}")
    if "slice" in recovered.coords:
        true = true.sel(slice=recovered["slice"].values)
    if "state" not in true.dims:
        true = true.expand_dims(state=recovered.sizes["state"])
    return true.transpose("state", "slice", "y", "x").values.astype(np.float64)


def recovered_amount(evidence: Evidence, name: str, what: str = "") -> NDArray[np.float64]:
    """Recovered map or its errors, shape (state, slice, y, x), or its level errors, shape (state, slice).

    Raises
    ------
    NotRunError
        If there is none.
    """
    found = phase_map(evidence.recovered, name, what)
    if found is None:
        raise NotRunError(f"the recovered data hold no {name}" + (f"_{what}" if what else ""))
    dims = ("state", "slice") if what == "level_errors" else ("state", "slice", "y", "x")
    return found.transpose(*dims).values.astype(np.float64)


def interior(true: NDArray[np.float64], blurred: float = np.inf) -> NDArray[np.bool_]:
    """Voxels of a phase that are away from where it ends, shape (y, x) as the true map.

    Parameters
    ----------
    true : ndarray, shape (y, x)
        The true map.
    blurred : float
        Share of the largest value by which a mean over 3 x 3 voxels may differ from the middle one in it or beside it:
        blur moves what lies at an edge or a grain, and the best of chains blurs.

    Raises
    ------
    NotRunError
        If there are too few.
    """
    if not true.max() > 0:
        raise NotRunError("there is none of it in the truth")
    square = np.ones((3, 3))
    within = binary_erosion(true > PRESENT * true.max(), square, iterations=RIM)
    if np.isfinite(blurred):
        moved = np.abs(true - uniform_filter(true, 3)) > blurred * true.max()
        within &= ~binary_dilation(moved, square, iterations=RIM - 1)
    if within.sum() < ENOUGH:
        raise NotRunError(f"{within.sum()} voxels of it are {RIM} voxels away from edges; {ENOUGH} are needed")
    return within


def _dim(record: xr.Dataset) -> str:
    """The dim with the names, empty where there is none."""
    if "phase_amount" not in record:
        return ""
    return next((dim for dim in _DIMS if dim in record.phase_amount.dims and dim in record.coords), "")
