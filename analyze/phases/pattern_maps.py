"""Maps of given phases and of unknown components, from the patterns of all voxels."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.recipe.maps import PHASE_UNITS, PhasePattern
from tsct.analyze.recipe.recipe import Recipe
from tsct.analyze.tomography.voxel_images import VoxelImages

from .strain import AT_LIMIT, SMALL, fit_strains, strained
from .unmixing import (
    PhaseFit,
    amount_response,
    find_phases,
    find_stretched_phases,
    fit_amounts,
    fit_phases,
    misfit_errors,
    whitening,
)

#: components are looked for in so many bins of Q at most, so that all tiles fit into memory together
COMPONENT_BINS = 128
#: and where they may be strained, for peaks move by less than such a bin
STRAINED_BINS = 512
#: what templates and sample disagree about hangs together over such a stretch, 1/angstrom in Q or angstrom in r
MISFIT_BLOCK = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhaseTemplates:
    """The phases of a recipe as templates of a fit, in Q or in r.

    Attributes
    ----------
    operator : PdfOperator
        Says which part of Q enters, and makes G(r) of patterns and phases where the fit is in r.
    phases : tuple of PhasePattern
    chosen : ndarray of bool, shape (r,), optional
        Distances that are fitted; None: the fit is in Q.
    compton : ndarray, shape (q,), optional
        Weight of Compton scattering in the data; one if omitted.
    variance : ndarray, shape (q,)
        Of a typical voxel, which weighs the fit.
    strains : ndarray, shape (phase,)
        Relative changes of the lengths of the phases.
    """

    operator: PdfOperator
    phases: tuple[PhasePattern, ...]
    chosen: NDArray[np.bool_] | None
    compton: NDArray[Any] | None
    variance: NDArray[Any]
    strains: NDArray[np.float64]

    @property
    def patterns(self) -> NDArray[np.float64]:
        """Shape (phase, q)."""
        pairs = zip(self.phases, self.strains.tolist(), strict=True)
        return np.stack([_on_grid(phase, self.operator.q, self.compton, strain) for phase, strain in pairs])

    @property
    def templates(self) -> NDArray[np.float64]:
        """Shape (phase, point)."""
        return self.points(self.patterns)

    @property
    def noise(self) -> NDArray[np.float64]:
        """Covariance of a pattern, shape (point,) or (point, point)."""
        if self.chosen is None:
            return np.asarray(self.variance[self.operator.used])
        return self.operator.covariance(self.variance)[np.ix_(self.chosen, self.chosen)]

    def points(self, patterns: NDArray[Any]) -> NDArray[Any]:
        """What is fitted of patterns, shape (..., q)."""
        used = self.operator.used
        return patterns[..., used] if self.chosen is None else self.operator.apply(patterns)[..., self.chosen]

    def fit(self, patterns: NDArray[Any]) -> PhaseFit:
        """Amounts in patterns, shape (..., q), linear in them: no bound cuts off what noise makes of no phase."""
        return fit_phases(self.points(patterns), self.templates, self.noise, bounded=False)

    def fit_voxels(self, images: VoxelImages) -> PhaseFit:
        """The same of all voxels, shape (y, x): in Q by sums over channels, in r by its independent directions."""
        none, templates, noise = np.zeros((0, len(self.operator.q))), self.templates, self.noise
        if self.chosen is None:
            products, _ = images.functionals(self._along_q(templates / noise), none)
            squares = images.squares(self._along_q(1 / noise))
            return fit_amounts(products, squares, (templates / noise) @ templates.T, bounded=False)
        whiten = whitening(noise)
        basis = templates @ whiten
        points, _ = images.functionals(self._along_q(whiten.T @ self.operator.matrix[self.chosen]), none)
        # row by row, because single precision is not enough for sums over points and all in double would not fit
        products = np.stack([row.astype(np.float64) @ basis.T for row in points])
        squares = np.stack([np.square(row, dtype=np.float64).sum(axis=-1) for row in points])
        return fit_amounts(products, squares, basis @ basis.T, bounded=False)

    def errors_of_voxels(self, images: VoxelImages) -> NDArray[np.float64]:
        """Standard errors of the amounts of every voxel by its own noise, shape (y, x, phase)."""
        _, variance = images.functionals(np.zeros((0, len(self.operator.q))), self.free_response**2)
        return np.sqrt(variance)

    def _along_q(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Weights of the channels that enter, shape (..., used), as weights of all, shape (..., q)."""
        weights = np.zeros((*values.shape[:-1], len(self.operator.q)))
        weights[..., self.operator.used] = values
        return weights

    def explain(self, pattern: NDArray[Any]) -> NDArray[np.float64]:
        """What the phases make of a pattern, shape (q,), also where it is not fitted."""
        return np.asarray(self.fit(pattern).amounts @ self.patterns)

    def strained_to(self, pattern: NDArray[Any]) -> "PhaseTemplates":
        """The same with those strains that explain a pattern, shape (q,), best."""
        q = self.operator.q[self.operator.used]
        limits = [phase.strain_limit for phase in self.phases]

        def explained(strains: NDArray[np.float64]) -> float:
            trial = replace(self, strains=strains)
            # less than nothing of a phase whose peaks lie elsewhere would explain some, too
            return float(fit_phases(trial.points(pattern), trial.templates, trial.noise).explained)

        return replace(self, strains=fit_strains(explained, limits, float(q[-1] - q[-2]) / float(q[-1])))

    def response(self, pattern: NDArray[Any]) -> "PhaseResponse":
        """How amounts in a pattern, shape (q,), move with it, and how far templates that do not match mislead them."""
        amounts, templates, noise = self.fit(pattern).amounts, self.templates, self.noise
        limits = np.array([phase.strain_limit for phase in self.phases])
        # of what is not there no strain can be told
        moving = np.flatnonzero((amounts > 0) & (np.abs(self.strains) < (1 - AT_LIMIT) * limits))
        rows = amount_response(np.concatenate([templates, self._slopes()[moving]]), noise)
        grid = self.operator.q if self.chosen is None else self.operator.r
        block = max(round(MISFIT_BLOCK / (grid[1] - grid[0])), 1)
        errors = misfit_errors(rows, self.points(pattern) - amounts @ templates, block)
        by_point, misfit = rows[: len(amounts)], _over(errors[: len(amounts)], np.abs(amounts))
        strain_errors = np.where(limits > 0, np.nan, 0.0)
        strain_errors[moving] = errors[len(amounts) :] / amounts[moving]
        return PhaseResponse(by_pattern=self._by_pattern(by_point), misfit=misfit, strain_errors=strain_errors)

    @property
    def free_response(self) -> NDArray[np.float64]:
        """Derivatives of the amounts by the pattern, shape (phase, q), while the strains stay."""
        return self._by_pattern(amount_response(self.templates, self.noise))

    def _by_pattern(self, by_point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives by the pattern, shape (phase, q), from those by what is fitted of it."""
        response = np.zeros((len(by_point), len(self.operator.q)))
        in_r = self.chosen is not None
        response[:, self.operator.used] = by_point @ self.operator.matrix[self.chosen] if in_r else by_point
        return response

    def _slopes(self) -> NDArray[np.float64]:
        """Derivatives of the templates by the strain of each."""
        higher, lower = (replace(self, strains=self.strains + step).templates for step in (SMALL, -SMALL))
        return (higher - lower) / (2 * SMALL)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhaseResponse:
    """What errors of the amounts in a region follow from.

    Attributes
    ----------
    by_pattern : ndarray, shape (phase, q)
        Derivatives of the amounts by the pattern.
    misfit : ndarray, shape (phase,)
        Relative standard errors by :func:`~tsct.analyze.phases.unmixing.misfit_errors`; NaN for an amount of zero.
    strain_errors : ndarray, shape (phase,)
        Of the strains, likewise; zero where none is fitted, NaN at its limit and of a phase that is not there.
    """

    by_pattern: NDArray[np.float64]
    misfit: NDArray[np.float64]
    strain_errors: NDArray[np.float64]


def _over(errors: NDArray[Any], amounts: NDArray[Any]) -> NDArray[np.float64]:
    """Errors relative to amounts; NaN where there is none."""
    return np.divide(errors, amounts, out=np.full(len(amounts), np.nan), where=amounts > 0)


def phase_templates(
    operator: PdfOperator,
    recipe: Recipe,
    pattern: NDArray[Any],
    variance: NDArray[Any],
    compton: NDArray[Any] | None = None,
) -> PhaseTemplates:
    """Templates of the recipe's phases, strained to a region where the recipe allows it.

    Parameters
    ----------
    operator : PdfOperator
        Of the data.
    recipe : Recipe
        With phases.
    pattern : ndarray, shape (q,)
        Of the region.
    variance : ndarray, shape (q,)
        Typical variance of a voxel, which weighs the fit.
    compton : ndarray, shape (q,), optional
        Weight of Compton scattering in the data; one if omitted.
    """
    templates = PhaseTemplates(
        operator=operator,
        phases=recipe.phases,
        chosen=operator.r > recipe.pdf.polynomial_range if recipe.phases_in == "gr" else None,
        compton=compton,
        variance=variance,
        strains=np.zeros(len(recipe.phases)),
    )
    return templates.strained_to(pattern) if any(phase.strain_limit for phase in recipe.phases) else templates


def _on_grid(phase: PhasePattern, q: NDArray[Any], compton: NDArray[Any] | None, strain: float) -> NDArray[np.float64]:
    own, intensity = np.array(phase.q), np.array(phase.intensity)
    if phase.strain_limit:
        changed = intensity + strain * np.array(phase.strain_change) if phase.strain_change else intensity
        intensity = strained(own, changed, strain)
    pattern = np.interp(q, own, intensity)
    if phase.compton:
        pattern += (1.0 if compton is None else compton) * np.interp(q, own, phase.compton)
    return np.asarray(pattern)


def phase_maps(fit: PhaseFit, errors: NDArray[Any], templates: PhaseTemplates) -> xr.Dataset:
    """Amounts of phases in every voxel, linear in its pattern and so below zero at times, and what they explain.

    Parameters
    ----------
    fit : PhaseFit
        Of all voxels, shape (y, x): :meth:`PhaseTemplates.fit_voxels`.
    noise : ndarray, shape (y, x)
        A voxel's errors follow from its own noise: :meth:`PhaseTemplates.errors_of_voxels`.
    templates : PhaseTemplates
        Of the fit.

    Returns
    -------
    xarray.Dataset
        ``phase_NAME`` (y, x) with ``_errors``, in units of the phase's pattern, and ``phases_explained``.
    """
    record = xr.Dataset()
    for k, phase in enumerate(templates.phases):
        amount = {"units": PHASE_UNITS, "long_name": f"amount of {phase.name}, in units of its pattern"}
        record[f"phase_{phase.name}"] = (("y", "x"), fit.amounts[..., k].astype(np.float32), amount)
        own = errors[..., k].astype(np.float32)
        record[f"phase_{phase.name}_errors"] = (("y", "x"), own, {"units": PHASE_UNITS})
    record["phases_explained"] = (("y", "x"), fit.explained.astype(np.float32), {"units": "1"})
    return record


def binned_patterns(images: VoxelImages, operator: PdfOperator, bins: int = COMPONENT_BINS) -> xr.Dataset:
    """Patterns of voxels in the fewer bins in which components are looked for: ``binned_iq`` (y, x, q_binned)."""
    q = operator.q[operator.used]
    starts = np.arange(0, len(q), -(-len(q) // bins))
    number = np.diff(starts, append=len(q))
    weights = np.zeros((len(starts), len(operator.q)))
    weights[:, operator.used] = np.repeat(np.eye(len(starts)) / number, number, axis=1)
    patterns, _ = images.functionals(weights, np.zeros((0, len(operator.q))))
    return xr.Dataset(
        {"binned_iq": (("y", "x", "q_binned"), patterns, {"units": "electron units/angstrom^3"})},
        coords={"q_binned": ("q_binned", np.add.reduceat(q, starts) / number, {"units": "1/angstrom"})},
    )


def component_maps(patterns: xr.DataArray, number: int, *, strained: bool = False) -> xr.Dataset:
    """Unknown phases of all tiles together, so that a component is the same in every state and slice.

    Parameters
    ----------
    patterns : xarray.DataArray
        Dims (state, slice, y, x, q_binned).
    number : int
        Of components.
    strained : bool
        Whether the lengths of a component may change from tile to tile.

    Returns
    -------
    xarray.Dataset
        ``component_1`` ... (state, slice, y, x) and ``component_spectra`` (component, q_binned), each with mean one;
        with `strained` also ``component_strain`` (state, slice, component) against the first tile, whose spectra they
        are. A factorisation has no errors; ``components_left`` is the share of the norm that it leaves.
    """
    record = xr.Dataset(coords={"component": ("component", np.arange(1, number + 1)), "q_binned": patterns.q_binned})
    if strained:
        shape = patterns.shape
        found = find_stretched_phases(
            patterns.values.reshape(shape[0] * shape[1], -1, shape[-1]), patterns.q_binned.values, number
        )
        amounts, spectra, residual = found.amounts.reshape(*shape[:-1], number), found.spectra, found.unexplained
        strains = found.strains.reshape(*shape[:2], number)
        record["component_strain"] = (("state", "slice", "component"), strains, {"units": "1"})
    else:
        amounts, spectra, residual = find_phases(patterns.values, number)
    for k in range(number):
        units = {"units": "electron units/angstrom^3", "long_name": f"component {k + 1}"}
        record[f"component_{k + 1}"] = (patterns.dims[:-1], amounts[..., k].astype(np.float32), units)
    record["component_spectra"] = (("component", "q_binned"), spectra, {"units": "1"})
    return record.assign_attrs(components_left=residual)
