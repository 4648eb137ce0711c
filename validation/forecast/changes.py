"""Errors of the changes that are fitted between two states, the least that any fit could have, and what they show."""

from dataclasses import replace
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf import PdfOperator, mean_f
from tsct.analyze.phases import (
    PARAMETERS,
    SILICON,
    SILICON_COORDINATION,
    SILICON_LITHIUM,
    Reference,
    shell_derivatives,
    shell_pattern,
)
from tsct.analyze.recipe import Recipe
from tsct.phantoms import Phantom, shells

#: fitted changes that are forecast
CHANGES = ("shift", "number", "broadening", "silicon_lithium")
#: what counts as detected, in standard deviations
SIGNIFICANT = 3.0


def change_errors(covariance: NDArray) -> NDArray[np.float64]:
    """Standard deviations of ``CHANGES`` between two states, each fitted with a covariance (parameter, parameter)."""
    return np.sqrt(2 * np.diag(covariance))[[PARAMETERS.index(name) for name in CHANGES]]


def least_errors(operator: PdfOperator, reference: Reference, recipe: Recipe, variance: NDArray) -> NDArray[np.float64]:
    """The least standard deviations that ``CHANGES`` between two patterns of a variance, shape (q,), can have."""
    return np.sqrt(2 * np.diag(fisher_bound(operator, reference, recipe, variance)))[: len(CHANGES)]


def fisher_bound(operator: PdfOperator, reference: Reference, recipe: Recipe, variance: NDArray) -> NDArray[np.float64]:
    """Cramer-Rao bound on the covariance of the changes in one pattern with independent channels.

    What any unbiased estimator could learn from I(Q) in the range of the transform: changes of the shells against the
    polynomials times <f>^2 that the analysis takes away, F = A^T V^-1 A (Kay, Fundamentals of Statistical Signal
    Processing, 1993, eq. 3.31). The order of the first rows is that of ``CHANGES``.
    """
    part = operator.q[operator.transformed]
    shells = change_patterns(operator, reference)[:, operator.transformed]
    degree = smooth_degree(recipe)
    scaled = 2 * (part - part[0]) / (part[-1] - part[0]) - 1
    smooth = mean_f(recipe.pdf.composition, part) ** 2 * np.polynomial.legendre.legvander(scaled, degree).T
    design = np.concatenate([shells, smooth]) / np.sqrt(variance[operator.transformed])
    size = np.linalg.norm(design, axis=1)
    inverse = np.linalg.inv((design / size[:, None]) @ (design / size[:, None]).T)
    return (inverse / np.outer(size, size))[: len(shells), : len(shells)]


def smooth_degree(recipe: Recipe) -> int:
    """Degree of the polynomial that takes as much away as that of the analysis, or more."""
    return int(np.ceil(recipe.pdf.polynomial_range * recipe.pdf.data_end / np.pi))


def change_patterns(operator: PdfOperator, reference: Reference) -> NDArray[np.float64]:
    """Change of J(Q) per unit of each change of the shells, shape (change, q): those of ``CHANGES`` first."""
    silicon = reference.amplitudes[0] * SILICON[0].number / SILICON_COORDINATION
    pattern, slopes = (partial(f, operator.q, q_broad=operator.q_broad) for f in (shell_pattern, shell_derivatives))
    first = replace(reference.first, number=1.0)
    distance, broadening, skew = (SILICON_COORDINATION * row for row in slopes(first))
    rows = (distance, pattern(first), broadening, pattern(SILICON_LITHIUM), skew)
    second = (pattern(reference.second), *slopes(reference.second)[:2])
    return np.stack([*(silicon * row for row in rows), *(reference.amplitudes[1] * row for row in second)])


def detectable_lithium(phantom: Phantom, sigma: xr.Dataset, region: str) -> float:
    """Li per Si at which shift or Si-Li number exceed three errors, from the first step of the series."""
    first, second = phantom.silicon[0], phantom.silicon[min(1, len(phantom.silicon) - 1)]
    step = second.lithium_per_silicon - first.lithium_per_silicon
    if not step > 0:
        return float("nan")
    (n0, d0, li0), (n1, d1, li1) = shells(first), shells(second)
    slopes = {"shift": (d1 / n1 - d0 / n0) / step, "silicon_lithium": (li1 - li0) / step}
    total = np.hypot(sigma.change, sigma.change_drift).sel(region=region)
    return min(SIGNIFICANT * float(total.sel(parameter=name)) / abs(slope) for name, slope in slopes.items())
