"""One measured pattern to S(Q), F(Q) and G(r), with the scale that mode and density give it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.recipe.pdf_recipe import PdfRecipe
from tsct.records.errors import InputError

from .absolute_level import absolute_level, unmeasured_part
from .bin_correlation import SharedPixels, correlated_variance
from .density import Density
from .transform import PdfOperator, pdf_operator
from .xray_tables import compton_weight, mean_f, mean_f2

Array = NDArray[np.float64]


def pdf(
    q: Array,
    intensity: Array,
    recipe: PdfRecipe,
    *,
    sigma: Array | None = None,
    energy_kev: float | None = None,
    pixels: SharedPixels | None = None,
    density: Density | None = None,
    constant: float | Literal["fit"] = 0.0,
    background_error: Array | None = None,
) -> xr.Dataset:
    """S(Q), F(Q) and G(r) of one measured pattern on any scale.

    Parameters
    ----------
    q, intensity : ndarray, shape (q,)
        Pattern per unit solid angle, background subtracted, corrected for polarisation; 1/angstrom.
    recipe : PdfRecipe
        Composition, range, window and mode.
    sigma : ndarray, shape (q,), optional
        Standard deviation of the intensity.
    energy_kev : float, optional
        Corrects the Compton scattering for recoil.
    pixels : SharedPixels
        How neighbouring points share pixels; by default they are independent.
    density : Density, optional
        Of the sample. In absolute mode G(r) is then held to -4 pi rho0 r below the first distance, F(Q) = -Q is taken
        below the data, and the errors hold that of the scale.
    constant : float or "fit"
        What is subtracted as no scattering of the sample (fluorescence, counts of the electronics), in the unit of the
        intensity; absolute mode only, since the polynomial of ad hoc mode takes it.
    background_error : ndarray, shape (q,), optional
        By how much the subtracted background is off as a whole at one standard deviation of its scale; needs `sigma`.

    Returns
    -------
    xarray.Dataset
        ``sq`` and ``fq`` on q, ``gr`` on r; each with its standard deviation in ``..._errors`` if sigma is given. The
        attribute ``scale_held`` is 1 if a density holds the level and else 0; then ``scale_error`` is the relative
        standard deviation of the scale, which the errors hold, and ``first_distance`` that of the first bond in
        angstrom. ``constant`` is what was subtracted.

    Raises
    ------
    InputError
        If the pattern is not finite, not uniform, too short for the recipe, or not positive at high Q, or if the
        polynomial reaches so far that it takes the level that a density is to hold.
    """
    if not np.all(np.isfinite(intensity)):
        raise InputError(f"pattern: {int(np.sum(~np.isfinite(intensity)))} intensities are not finite")
    weight = None if energy_kev is None else compton_weight(q, energy_kev)
    operator = pdf_operator(q, recipe, compton=weight)
    level = absolute_level(operator, recipe, intensity, weight, density, constant)
    if not level.atoms > 0:
        raise InputError("pattern: the mean intensity at high Q is not positive; is a background over-subtracted?")
    scattered = _transformed(operator, intensity - level.constant, level.atoms)
    subtracted = _spread_scale(operator, recipe, intensity) / level.atoms if recipe.mode == "adhoc" else 1.0
    fq, gr = scattered.fq - subtracted * operator.free_fq, scattered.gr - subtracted * operator.free_gr
    part = q[operator.transformed]
    if level.held:
        gr = gr + unmeasured_part(operator.r, float(part[0])) * np.exp(0.5 * (operator.r * recipe.q_damp) ** 2)
    data = _curves(operator, fq, gr)
    data.attrs.update(scale_held=int(level.held), constant=level.constant)
    if level.held:
        data.attrs.update(scale_error=level.error, first_distance=level.first_distance)
    if sigma is not None:
        common = [] if background_error is None else [_transformed(operator, background_error, level.atoms)]
        common += [scattered.times(level.error)] if level.held else []
        _add_errors(data, operator, sigma / level.atoms, pixels or SharedPixels(), common)
    return data


@dataclass(frozen=True, slots=True)
class _Pair:
    """F(Q) and G(r) of one thing."""

    fq: Array
    gr: Array

    def times(self, factor: float) -> "_Pair":
        return _Pair(factor * self.fq, factor * self.gr)


def _transformed(operator: PdfOperator, intensity: Array, atoms: float) -> _Pair:
    """F and G of a pattern for a number of atoms, nothing subtracted but the polynomial."""
    explained = float(operator.density(intensity))
    fq = operator.fq(intensity) + explained * operator.free_fq
    gr = operator.apply(intensity) + explained * operator.free_gr
    return _Pair(fq / atoms, gr / atoms)


def _curves(operator: PdfOperator, fq: Array, gr: Array) -> xr.Dataset:
    part = operator.q[operator.transformed]
    return xr.Dataset(
        {
            "gr": ("r", gr, {"units": "1/angstrom^2", "long_name": "G(r)"}),
            "fq": ("q", fq, {"units": "1/angstrom", "long_name": "F(Q)"}),
            "sq": ("q", 1 + fq / part, {"units": "1", "long_name": "S(Q)"}),
        },
        coords={
            "r": ("r", operator.r, {"units": "angstrom"}),
            "q": ("q", part, {"units": "1/angstrom", "long_name": "Q"}),
        },
    )


def _add_errors(
    data: xr.Dataset, operator: PdfOperator, sigma: Array, pixels: SharedPixels, common: Sequence[_Pair]
) -> None:
    """Standard deviations: noise of the channels, and what moves a whole curve at one standard deviation each."""
    used = sigma[operator.used]
    of_fq = correlated_variance(operator.reduced, used, pixels) + sum(pair.fq**2 for pair in common)
    of_gr = correlated_variance(operator.matrix, used, pixels) + sum(pair.gr**2 for pair in common)
    data["fq_errors"] = ("q", np.sqrt(of_fq), {"units": "1/angstrom"})
    data["sq_errors"] = ("q", np.sqrt(of_fq) / data.q.values, {"units": "1"})
    data["gr_errors"] = ("r", np.sqrt(of_gr), {"units": "1/angstrom^2"})


def _spread_scale(operator: PdfOperator, recipe: PdfRecipe, intensity: Array) -> float:
    """Atoms behind a pattern as PDFgetX3 takes them to subtract <f^2> - <f>^2.

    1/a of the least-squares fit of a J / <f>^2 to <f^2> / <f>^2, found from PDFgetX3's own G(r): the spread stands in
    them on this scale to 1 %. It knows no Compton scattering and no background, which the polynomial then explains.
    """
    part = operator.q[operator.used]
    f_squared = mean_f(recipe.composition, part) ** 2
    measured, free = intensity[operator.used] / f_squared, mean_f2(recipe.composition, part) / f_squared
    return float(measured @ measured / (measured @ free))
