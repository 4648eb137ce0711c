"""The scale of an absolute PDF: from a density, which G(r) shows where no atoms are, and a constant in the data.

Below the first bond g(r) = 0, hence G(r) = -4 pi rho0 r. The number of atoms behind a pattern is what makes it so.
A constant of the pattern (fluorescence, counts of the electronics) is told from scattering where structure is faint, in
the upper half of the data, by its shape.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.recipe.pdf_recipe import PdfRecipe
from tsct.records.errors import InputError

from .density import Density
from .peaks import extremum
from .transform import PdfOperator, fourier_matrix, window
from .xray_tables import mean_compton, mean_f2

Array = NDArray[np.float64]

#: the level is read between these shares of the first distance
LEVEL_FROM, LEVEL_TO = 0.42, 0.8
#: the polynomial takes the level of G with it if it reaches further, angstrom: at 1.0 half of it on measured powders
FURTHEST_POLYNOMIAL = 0.7
#: shortest distance that is taken for a bond, and the share of the highest peak that it has at least
SHORTEST, LEAST_PEAK = 0.6, 0.2


@dataclass(frozen=True, slots=True)
class Level:
    """Scale of one pattern.

    Attributes
    ----------
    atoms : float
        Number of atoms, in the unit of intensity over electrons squared.
    error : float
        Its relative standard deviation, as far as density and scatter of the level tell it; NaN where no density holds
        the level.
    constant : float
        What is no scattering of the sample, in the unit of the intensity.
    limits : (float, float) or None
        Distances between which the level was read, angstrom.
    """

    atoms: float
    error: float
    constant: float
    limits: tuple[float, float] | None = None

    @property
    def held(self) -> bool:
        """Whether a density gives the scale."""
        return self.limits is not None

    @property
    def first_distance(self) -> float:
        """Beyond the level, angstrom; NaN where no density holds it."""
        return float("nan") if self.limits is None else self.limits[1] / LEVEL_TO


def absolute_level(
    operator: PdfOperator,
    recipe: PdfRecipe,
    intensity: Array,
    compton: Array | None,
    density: Density | None,
    constant: float | Literal["fit"],
) -> Level:
    """Scale of a pattern: by the density in absolute mode, else by the mean of its upper half.

    Raises
    ------
    InputError
        If a constant is to be taken in ad hoc mode, or if the polynomial of absolute mode reaches further than
        :data:`FURTHEST_POLYNOMIAL`, where it takes the level that the density is to hold.
    """
    if recipe.mode == "adhoc":
        if constant != 0.0:
            raise InputError("a constant is for absolute mode; the polynomial of ad hoc mode takes it")
        return Level(float(operator.density(intensity)), float("nan"), 0.0)
    taken = fit_constant(operator, recipe, intensity, compton) if constant == "fit" else float(constant)
    rest = intensity - taken
    if density is None:
        return Level(float(operator.density(rest)), float("nan"), taken)
    if recipe.polynomial_range > FURTHEST_POLYNOMIAL:
        raise InputError(
            f"r_poly is {recipe.polynomial_range:g}; absolute mode with a density allows at most "
            f"{FURTHEST_POLYNOMIAL:g} angstrom, because the polynomial would take the level that the density is to hold"
        )
    return replace(hold_level(operator, recipe, rest, density), constant=taken)


def fit_constant(operator: PdfOperator, recipe: PdfRecipe, intensity: Array, compton: Array | None) -> float:
    """Constant beside the scattering of free atoms, in the upper half of the data, by least squares; not below zero."""
    q = operator.q[operator.used]
    high = q >= q[-1] / 2
    weight = 1.0 if compton is None else compton[operator.used]
    free = (mean_f2(recipe.composition, q) + weight * mean_compton(recipe.composition, q))[high]
    # relative deviations count: the oscillations of structure are a share of the scattering
    rows = np.stack([free, np.ones_like(free)], axis=1) / free[:, None]
    found = np.linalg.lstsq(rows, intensity[operator.used][high] / free, rcond=None)[0]
    return max(float(found[1]), 0.0)


def unmeasured_part(r: Array, q_min: float) -> Array:
    """G(r) of F(Q) = -Q below the first Q, shape (r,): there no structure scatters, S(Q) = 0."""
    x = r * q_min
    return -2 / np.pi * (np.sin(x) - x * np.cos(x)) / r**2


def hold_level(operator: PdfOperator, recipe: PdfRecipe, intensity: Array, density: Density) -> Level:
    """The number of atoms with which G(r) is -4 pi rho0 r below the first distance.

    Read from the Lorch-windowed transform, whose ripples are weak, by least squares through zero; the part of F(Q)
    below the data is that of S = 0. The error holds that of the density and the scatter of the level about its line.

    Parameters
    ----------
    operator : PdfOperator
        Of an absolute recipe.
    recipe : PdfRecipe
        What it was made with.
    intensity : ndarray, shape (q,)
        Pattern without constant.
    density : Density
        Of the sample.

    Raises
    ------
    InputError
        If the first distance leaves no range for the level, or the level contradicts the density in sign.
    """
    q, r = operator.q[operator.transformed], np.arange(0.02, min(recipe.r_max, 6.0), 0.02)
    transform = fourier_matrix(q, r, window(q, recipe.q_max, "lorch"))
    scale = float(operator.density(intensity))
    free = transform @ operator.free_fq
    pattern = transform @ operator.fq(intensity) + scale * free
    first = _first_distance(r, pattern / scale - free, max(recipe.polynomial_range, SHORTEST))
    limits = (LEVEL_FROM * first, LEVEL_TO * first)
    inside = (r >= limits[0]) & (r <= limits[1])
    if np.count_nonzero(inside) < 5:
        raise InputError(
            f"the first distance, {first:.2f} angstrom, leaves no range where G(r) must be -4 pi rho0 r; "
            "leave the density out, or lower r_poly"
        )
    line = -4 * np.pi * density.atoms_per_a3 * r[inside]
    target = line + free[inside] - unmeasured_part(r[inside], float(q[0]))
    level, weight = pattern[inside], r[inside]
    # pattern / atoms = target, both weighted by the line, of which the ratio of the two is an average
    per_atom = float((weight @ target) / (weight @ level))
    if not per_atom > 0:
        raise InputError("G(r) does not fall below the first distance; check background, composition and density")
    scatter = float(np.std(per_atom * level - target) / np.sqrt(np.mean(target**2)))
    independent = max(1.0, (limits[1] - limits[0]) * recipe.q_max / np.pi)
    of_density = density.error / density.atoms_per_a3 * float((weight @ line) / (weight @ target))
    return Level(1 / per_atom, float(np.hypot(of_density, scatter / np.sqrt(independent))), 0.0, limits)


def _first_distance(r: Array, gr: Array, shortest: float) -> float:
    """Of the first high peak; the highest one if none is found before."""
    from scipy.signal import find_peaks  # slow to load, and most analyses do without

    beyond = r > shortest
    tops = find_peaks(np.where(beyond, gr, 0.0), prominence=LEAST_PEAK * float(gr[beyond].max()))[0]
    top = r[tops[0]] if len(tops) else r[beyond][np.argmax(gr[beyond])]
    return float(extremum(r, gr, top - 0.011, top + 0.011, 1.0)[0]) if len(tops) else float(top)
