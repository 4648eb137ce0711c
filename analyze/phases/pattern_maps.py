"""Maps of given phases and of unknown components, from the patterns of all voxels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.recipe.maps import PHASE_UNITS, PhasePattern
from tsct.analyze.recipe.recipe import Recipe

from .unmixing import PhaseFit, amount_response, find_phases, fit_phases, misfit_errors

#: components are looked for in so many bins of Q at most, so that all tiles fit into memory together
COMPONENT_BINS = 128
#: what templates and sample disagree about hangs together over such a stretch, 1/angstrom in Q or angstrom in r
MISFIT_BLOCK = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhaseTemplates:
    """The phases of a recipe as templates of a fit, in Q or in r.

    Attributes
    ----------
    operator : PdfOperator
        Says which part of Q enters, and makes G(r) of patterns and phases where the fit is in r.
    names : tuple of str
    chosen : ndarray of bool, shape (r,), optional
        Distances that are fitted; None: the fit is in Q.
    templates : ndarray, shape (phase, point)
    noise : ndarray, shape (point,) or (point, point)
        Covariance of a pattern.
    """

    operator: PdfOperator
    names: tuple[str, ...]
    chosen: NDArray[np.bool_] | None
    templates: NDArray[np.float64]
    noise: NDArray[np.float64]

    def points(self, patterns: NDArray[Any]) -> NDArray[Any]:
        """What is fitted of patterns, shape (..., q)."""
        return _points(patterns, self.operator, self.chosen)

    def fit(self, patterns: NDArray[Any]) -> PhaseFit:
        """Amounts in patterns, shape (..., q), none below zero."""
        return fit_phases(self.points(patterns), self.templates, self.noise)

    def response(self, pattern: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How the amounts in a pattern, shape (q,), move with it, and how far the templates may mislead them.

        Returns
        -------
        response : ndarray, shape (phase, q)
            Derivatives; zero for a phase that is held at zero.
        misfit : ndarray, shape (phase,)
            Relative standard errors by :func:`~tsct.analyze.phases.unmixing.misfit_errors`; NaN for a phase held at
            zero.
        """
        amounts = self.fit(pattern).amounts
        held, grid = amounts > 0, self.operator.q if self.chosen is None else self.operator.r
        by_point = np.zeros_like(self.templates)
        misfit = np.full(len(amounts), np.nan)
        if held.any():
            by_point[held] = amount_response(self.templates[held], self.noise)
            block = max(round(MISFIT_BLOCK / (grid[1] - grid[0])), 1)
            residual = self.points(pattern) - amounts @ self.templates
            misfit[held] = misfit_errors(by_point[held], residual, block) / amounts[held]
        response = np.zeros((len(amounts), len(self.operator.q)))
        in_r = self.chosen is not None
        response[:, self.operator.used] = by_point @ self.operator.matrix[self.chosen] if in_r else by_point
        return response, misfit


def phase_templates(
    operator: PdfOperator, recipe: Recipe, variance: NDArray[Any], compton: NDArray[Any] | None = None
) -> PhaseTemplates:
    """Templates of the recipe's phases.

    Parameters
    ----------
    operator : PdfOperator
        Of the data.
    recipe : Recipe
        With phases.
    variance : ndarray, shape (q,)
        Typical variance of a voxel, which weighs the fit.
    compton : ndarray, shape (q,), optional
        Weight of Compton scattering in the data; one if omitted.
    """
    curves = np.stack([_on_grid(phase, operator.q, compton) for phase in recipe.phases])
    chosen, noise = None, variance[operator.used]
    if recipe.phases_in == "gr":
        chosen = operator.r > recipe.pdf.polynomial_range
        noise = operator.covariance(variance)[np.ix_(chosen, chosen)]
    return PhaseTemplates(
        operator=operator,
        names=tuple(phase.name for phase in recipe.phases),
        chosen=chosen,
        templates=_points(curves, operator, chosen),
        noise=noise,
    )


def _points(curves: NDArray[Any], operator: PdfOperator, chosen: NDArray[np.bool_] | None) -> NDArray[Any]:
    return curves[..., operator.used] if chosen is None else operator.apply(curves)[..., chosen]


def _on_grid(phase: PhasePattern, q: NDArray[Any], compton: NDArray[Any] | None) -> NDArray[np.float64]:
    pattern = np.interp(q, phase.q, phase.intensity)
    if phase.compton:
        pattern += (1.0 if compton is None else compton) * np.interp(q, phase.q, phase.compton)
    return pattern


def pattern_record(
    iq: NDArray[Any],
    variance: NDArray[Any],
    operator: PdfOperator,
    recipe: Recipe,
    region: NDArray[Any],
    compton: NDArray[Any] | None = None,
) -> xr.Dataset:
    """:func:`phase_maps` if the recipe names phases, and :func:`binned_patterns` if it looks for components."""
    record = xr.Dataset()
    if recipe.phases:
        record = record.merge(phase_maps(iq, variance, operator, recipe, region, compton))
    if recipe.components:
        record = record.merge(binned_patterns(iq, operator))
    return record


def phase_maps(
    iq: NDArray[Any],
    variance: NDArray[Any],
    operator: PdfOperator,
    recipe: Recipe,
    region: NDArray[Any],
    compton: NDArray[Any] | None = None,
) -> xr.Dataset:
    """Amounts of the recipe's phases in every voxel, fitted with none below zero, and what they explain.

    Parameters
    ----------
    iq, variance : ndarray, shape (y, x, q)
        Scattering power of the voxels in electron units per cubic angstrom.
    operator, recipe, compton
        As in :func:`phase_templates`.
    region : ndarray of bool, shape (y, x)
        Whose mean variance weighs the fit. A voxel's errors follow from its own noise.

    Returns
    -------
    xarray.Dataset
        ``phase_NAME`` (y, x) with ``_errors``, in units of the phase's pattern, and ``phases_explained``.
    """
    mean = variance[region].mean(axis=0, dtype=np.float64)
    fit = phase_templates(operator, recipe, mean, compton).fit(iq)
    noisier = np.sqrt(np.mean(variance[..., operator.used] / mean[operator.used], axis=-1))
    record = xr.Dataset()
    for k, phase in enumerate(recipe.phases):
        amount = {"units": PHASE_UNITS, "long_name": f"amount of {phase.name}, in units of its pattern"}
        record[f"phase_{phase.name}"] = (("y", "x"), fit.amounts[..., k].astype(np.float32), amount)
        errors = (fit.errors[..., k] * noisier).astype(np.float32)
        record[f"phase_{phase.name}_errors"] = (("y", "x"), errors, {"units": PHASE_UNITS})
    record["phases_explained"] = (("y", "x"), fit.explained.astype(np.float32), {"units": "1"})
    return record


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
    amounts, spectra, residual = find_phases(patterns.values, number)
    record = xr.Dataset(coords={"component": ("component", np.arange(1, number + 1)), "q_binned": patterns.q_binned})
    for k in range(number):
        units = {"units": "electron units/angstrom^3", "long_name": f"component {k + 1}"}
        record[f"component_{k + 1}"] = (patterns.dims[:-1], amounts[..., k].astype(np.float32), units)
    record["component_spectra"] = (("component", "q_binned"), spectra, {"units": "1"})
    return record.assign_attrs(components_left=residual)
