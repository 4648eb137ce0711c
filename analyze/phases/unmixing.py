"""How much of each phase a voxel holds: non-negative fits of many patterns at once, or of unknown phases by NMF."""

import warnings
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, TsctWarning, UsageError

#: subsets of the phases are tried one after the other, 2 to the power of their number
MOST_PHASES = 10
#: a gradient this small, over the length of the template times the length of the pattern, is rounding
ROUNDING = 1e-9
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhaseFit:
    """Amounts of phases in patterns.

    Attributes
    ----------
    amounts, errors : ndarray, shape (..., phase)
        Amplitudes of the templates and their standard errors. Amounts are what the pattern holds: nothing makes them
        add up to one. Errors are those of a fit without bounds, also where a phase is held at zero.
    explained : ndarray, shape (...)
        Share of the weighted sum of squares that the templates explain; what is missing is another phase or noise.
    """

    amounts: Array
    errors: Array
    explained: Array


def fit_phases(patterns: NDArray[Any], templates: NDArray[Any], covariance: NDArray[Any] | None = None) -> PhaseFit:
    """Fit every pattern with templates of known phases, none negative.

    Least squares with bounds, exactly and for all patterns at once: for one set of phases after the other, from all to
    none, the patterns that fulfil the conditions of Kuhn and Tucker with just this set are done. Works for I(Q) and for
    G(r), whose points are correlated: then the covariance must be given.

    Parameters
    ----------
    patterns : ndarray, shape (..., point)
        I(Q) or G(r) of voxels.
    templates : ndarray, shape (phase, point)
        The same of the pure phases; backgrounds count as phases.
    covariance : ndarray, shape (point,) or (point, point), optional
        Of one pattern: variances of independent points, or the whole matrix. Equal and independent if omitted, with
        errors in units of the standard deviation of a point.

    Raises
    ------
    InputError
        If shapes do not match, values are not finite, or templates are not independent of each other.
    """
    flat, basis = _whiten(patterns, templates, covariance)
    gram, products = basis @ basis.T, flat @ basis.T
    size = np.sqrt(np.diag(gram))
    if np.linalg.cond(gram / np.outer(size, size)) > 1e12:
        raise InputError("fit_phases: the templates are not independent of each other; leave one out")
    amounts = np.zeros_like(products)
    errors = np.tile(np.sqrt(np.diag(np.linalg.inv(gram))), (len(flat), 1))
    open_, least = np.ones(len(flat), dtype=bool), ROUNDING * np.linalg.norm(flat, axis=1)[:, None] * size
    for chosen in _subsets(len(gram)):
        if not open_.any():
            break
        inverse = np.linalg.inv(gram[np.ix_(chosen, chosen)])
        solution = np.zeros((np.count_nonzero(open_), len(gram)))
        solution[:, chosen] = products[open_][:, chosen] @ inverse
        gradient = products[open_] - solution @ gram
        gradient[:, chosen] = 0.0
        optimal = np.all(solution >= 0, axis=1) & np.all(gradient <= least[open_], axis=1)
        rows = np.flatnonzero(open_)[optimal]
        amounts[rows] = solution[optimal]
        open_[rows] = False
    total = np.einsum("vp,vp->v", flat, flat)
    explained = np.divide(np.einsum("vp,vp->v", amounts, products), total, out=np.zeros_like(total), where=total > 0)
    shape = patterns.shape[:-1]
    return PhaseFit(
        amounts=amounts.reshape(*shape, -1),
        errors=errors.reshape(*shape, -1),
        explained=explained.reshape(shape),
    )


def amount_response(templates: NDArray[Any], covariance: NDArray[Any] | None = None) -> Array:
    """Derivatives of the fitted amounts by the pattern, shape (phase, point), where no bound acts.

    Parameters
    ----------
    templates, covariance
        As in :func:`fit_phases`; leave out templates whose amounts are held at zero.
    """
    whiten, basis = _whiten(np.eye(np.shape(templates)[-1]), templates, covariance)
    return np.asarray(np.linalg.solve(basis @ basis.T, basis @ whiten.T))


def misfit_errors(response: NDArray[Any], residual: NDArray[Any], block: int) -> Array:
    """Standard errors of amounts from what the fit leaves, shape (phase,), whatever makes it.

    Templates that are not quite those of the sample leave residuals that hang together over many points and are not
    noise. Residuals of blocks of points count as independent of each other, those within a block do not: the sandwich
    estimator with clusters (Liang & Zeger, Biometrika 73, 13 (1986)). It holds the noise too.

    Parameters
    ----------
    response : ndarray, shape (phase, point)
        See :func:`amount_response`.
    residual : ndarray, shape (point,)
        Pattern minus fit.
    block : int
        Points of a block.
    """
    starts = np.arange(0, len(residual), block)
    moves = np.add.reduceat(response * residual, starts, axis=1)
    free = max(len(starts) - len(response), 1)
    return np.asarray(np.sqrt(np.sum(moves**2, axis=1) * len(starts) / free))


def _whiten(patterns: NDArray[Any], templates: NDArray[Any], covariance: NDArray[Any] | None) -> tuple[Array, Array]:
    """Patterns and templates whose points are independent with variance one."""
    flat, basis = (np.asarray(a, dtype=np.float64).reshape(-1, np.shape(a)[-1]) for a in (patterns, templates))
    points = flat.shape[1]
    if basis.shape[1] != points or not 1 <= len(basis) <= min(points, MOST_PHASES):
        raise InputError(
            f"fit_phases: templates of shape {basis.shape} for patterns of {points} points; "
            f"from 1 to {MOST_PHASES} templates on the same points are possible"
        )
    if not (np.isfinite(flat).all() and np.isfinite(basis).all()):
        raise InputError("fit_phases: patterns or templates hold values that are not finite; mask them first")
    if covariance is None:
        return flat, basis
    noise = np.asarray(covariance, dtype=np.float64)
    if noise.shape == (points,) and noise.min() > 0:
        return flat / np.sqrt(noise), basis / np.sqrt(noise)
    if noise.shape != (points, points):
        raise InputError(
            f"fit_phases: covariance of shape {noise.shape} is neither ({points},) nor ({points}, {points})"
        )
    # points of G(r) outnumber what Q knows: directions without noise are left out instead of being trusted
    values, vectors = np.linalg.eigh(noise)
    noisy = values > 1e-10 * values[-1]
    whiten = vectors[:, noisy] / np.sqrt(values[noisy])
    return flat @ whiten, basis @ whiten


def _subsets(count: int) -> list[list[int]]:
    return [list(chosen) for size in range(count, -1, -1) for chosen in combinations(range(count), size)]


def find_phases(
    patterns: NDArray[Any], number: int, *, seed: int = 0, iterations: int = 500
) -> tuple[Array, Array, float]:
    """Unknown phases of non-negative patterns, by factorising them into amounts times spectra, neither negative.

    scikit-learn's NMF (coordinate descent, deterministic start). The factors are not unique where no voxel holds a
    phase alone: spectra then come out mixed. Negative values, which noise makes, count as zero.

    Parameters
    ----------
    patterns : ndarray, shape (..., point)
        I(Q) of voxels.
    number : int
        Of phases.
    seed : int, optional
        Of the randomised singular values that the start is made of.
    iterations : int, optional
        At most so many.

    Returns
    -------
    amounts : ndarray, shape (..., phase)
        In the unit of the patterns.
    spectra : ndarray, shape (phase, point)
        With mean one each.
    unexplained : float
        Share of the norm of the patterns that is not explained.

    Raises
    ------
    UsageError
        If scikit-learn is not installed or the number of phases is impossible.

    Warns
    -----
    TsctWarning
        If the factors still change after the last iteration.
    """
    try:
        from sklearn.decomposition import NMF
        from sklearn.exceptions import ConvergenceWarning
    except ImportError as error:
        raise UsageError(f"find_phases: needs scikit-learn ({error}); get it by `pip install scikit-learn`") from error
    flat = np.maximum(np.asarray(patterns, dtype=np.float64).reshape(-1, np.shape(patterns)[-1]), 0.0)
    if not 1 <= number <= min(flat.shape):
        raise UsageError(f"find_phases: number = {number}; from 1 to {min(flat.shape)} are possible")
    model = NMF(number, init="nndsvda", max_iter=iterations, tol=1e-6, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        amounts = model.fit_transform(flat)
    if model.n_iter_ >= iterations:
        warnings.warn(
            f"find_phases: the factors still change after {iterations} iterations; fewer phases may describe the data",
            TsctWarning,
            stacklevel=2,
        )
    mean = model.components_.mean(axis=1)
    spectra = model.components_ / np.where(mean > 0, mean, 1.0)[:, None]
    unexplained = float(np.linalg.norm(flat - amounts @ model.components_) / np.linalg.norm(flat))
    return (amounts * mean).reshape(*np.shape(patterns)[:-1], number), spectra, unexplained
