"""Maps of given phases and of unknown components, from the patterns of all voxels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.recipe.recipe import PHASE_UNITS, PhasePattern, Recipe

from .unmixing import find_phases, fit_phases

#: components are looked for in so many bins of Q at most, so that all tiles fit into memory together
COMPONENT_BINS = 128


def phase_maps(
    iq: NDArray[Any], variance: NDArray[Any], operator: PdfOperator, recipe: Recipe, region: NDArray[Any]
) -> xr.Dataset:
    """Amounts of the recipe's phases in every voxel, fitted with none below zero, and what they explain.

    Parameters
    ----------
    iq, variance : ndarray, shape (y, x, q)
        J(Q) of the voxels in electron units per cubic angstrom.
    operator : PdfOperator
        Says which part of Q enters, and makes G(r) of patterns and phases where the fit is in r.
    recipe : Recipe
        With phases.
    region : ndarray of bool, shape (y, x)
        Whose mean variance weighs the fit. A voxel's errors follow from its own level of noise.

    Returns
    -------
    xarray.Dataset
        ``phase_NAME`` (y, x) with ``_errors``, in units of the phase's pattern, and ``phases_explained``.
    """
    mean = variance[region].mean(axis=0, dtype=np.float64)
    patterns, templates, noise = iq, _on_grid(recipe.phases, operator.q), mean
    if recipe.phases_in == "gr":
        real = operator.r > recipe.pdf.polynomial_range
        patterns, templates = (operator.apply(curves)[..., real] for curves in (patterns, templates))
        noise = operator.covariance(mean)[np.ix_(real, real)]
    else:
        patterns, templates, noise = (curves[..., operator.used] for curves in (patterns, templates, mean))
    fit = fit_phases(patterns, templates, noise)
    level = np.sqrt(np.mean(variance[..., operator.used] / mean[operator.used], axis=-1))
    found = xr.Dataset()
    for k, phase in enumerate(recipe.phases):
        amount = {"units": PHASE_UNITS, "long_name": f"amount of {phase.name}, in units of its pattern"}
        found[f"phase_{phase.name}"] = (("y", "x"), fit.amounts[..., k].astype(np.float32), amount)
        errors = (fit.errors[..., k] * level).astype(np.float32)
        found[f"phase_{phase.name}_errors"] = (("y", "x"), errors, {"units": PHASE_UNITS})
    found["phases_explained"] = (("y", "x"), fit.explained.astype(np.float32), {"units": "1"})
    return found


def _on_grid(phases: Sequence[PhasePattern], q: NDArray[Any]) -> NDArray[np.float64]:
    return np.stack([np.interp(q, phase.q, phase.intensity) for phase in phases])


def binned_patterns(iq: NDArray[Any], operator: PdfOperator) -> xr.Dataset:
    """Patterns of voxels in the fewer bins in which components are looked for: ``binned_iq`` (y, x, q_binned)."""
    used, q = iq[..., operator.used], operator.q[operator.used]
    starts = np.arange(0, len(q), -(-len(q) // COMPONENT_BINS))
    number = np.diff(starts, append=len(q))
    return xr.Dataset(
        {
            "binned_iq": (
                ("y", "x", "q_binned"),
                (np.add.reduceat(used, starts, axis=-1) / number).astype(np.float32),
                {"units": "electron units/angstrom^3"},
            )
        },
        coords={"q_binned": ("q_binned", np.add.reduceat(q, starts) / number, {"units": "1/angstrom"})},
    )


def component_maps(patterns: xr.DataArray, number: int) -> xr.Dataset:
    """Unknown phases of all tiles together, so that a component is the same in every state and slice.

    Parameters
    ----------
    patterns : xarray.DataArray
        Dims (state, slice, y, x, q_binned).
    number : int
        Of components.

    Returns
    -------
    xarray.Dataset
        ``component_1`` ... (state, slice, y, x) and ``component_spectra`` (component, q_binned), each with mean one.
        A factorisation has no errors; ``components_left`` is the share of the norm that it leaves.
    """
    amounts, spectra, left = find_phases(patterns.values, number)
    found = xr.Dataset(coords={"component": ("component", np.arange(1, number + 1)), "q_binned": patterns.q_binned})
    for k in range(number):
        units = {"units": "electron units/angstrom^3", "long_name": f"component {k + 1}"}
        found[f"component_{k + 1}"] = (patterns.dims[:-1], amounts[..., k].astype(np.float32), units)
    found["component_spectra"] = (("component", "q_binned"), spectra, {"units": "1"})
    return found.assign_attrs(components_left=left)
