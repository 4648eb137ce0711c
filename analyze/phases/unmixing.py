"""How much of each phase a voxel holds: non-negative fits of many patterns at once, or of unknown phases by NMF."""

import warnings
from collections.abc import Callable
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
#: weight of smooth strains from pattern to pattern; results hardly depend on it between 0.01 and a million
SMOOTHNESS = 100.0
#: the share of a tile's voxels that stands for a component: those that hold relatively most of it
TOP_SHARE = 0.25
#: voxels with less than this share of the mean intensity of the brightest tenth are not part of the sample
FAINT = 0.1
#: weights of the factorisation end at one; starting values are scaled to lie below it by this factor
ROOM = 0.8
#: shortest factorisation before it may stop
FEWEST_ITERATIONS = 5
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


def fit_phases(
    patterns: NDArray[Any],
    templates: NDArray[Any],
    covariance: NDArray[Any] | None = None,
    *,
    bounded: bool = True,
) -> PhaseFit:
    """Fit every pattern with templates of known phases, none negative if `bounded`.

    Least squares with bounds, exactly and for all patterns at once: for one set of phases after the other, from all to
    none, the patterns that fulfil the conditions of Kuhn and Tucker with just this set are done. Works for I(Q) and for
    G(r), whose points are correlated: then the covariance must be given.

    A bound is right for a pattern that is looked at alone. Where many are averaged it is not: noise and streaks below
    zero are cut off, those above stay, and what the one phase has too much of the others lack. Amounts without bounds
    are linear in the patterns, and so are their means.

    Parameters
    ----------
    patterns : ndarray, shape (..., point)
        I(Q) or G(r) of voxels.
    templates : ndarray, shape (phase, point)
        The same of the pure phases; backgrounds count as phases.
    covariance : ndarray, shape (point,) or (point, point), optional
        Of one pattern: variances of independent points, or the whole matrix. Equal and independent if omitted, with
        errors in units of the standard deviation of a point.
    bounded : bool, optional
        Whether amounts are kept at zero or above.

    Raises
    ------
    InputError
        If shapes do not match, values are not finite, or templates are not independent of each other.
    """
    flat, basis = _whiten(patterns, templates, covariance)
    products, squares = flat @ basis.T, np.einsum("vp,vp->v", flat, flat)
    shape = patterns.shape[:-1]
    return fit_amounts(products.reshape(*shape, -1), squares.reshape(shape), basis @ basis.T, bounded=bounded)


def fit_amounts(products: NDArray[Any], squares: NDArray[Any], gram: NDArray[Any], *, bounded: bool = True) -> PhaseFit:
    """The fit of :func:`fit_phases` from all that it needs of the patterns.

    Parameters
    ----------
    products : ndarray, shape (..., phase)
        Of each pattern with each template, points weighted by the inverse of the covariance.
    squares : ndarray, shape (...)
        Of each pattern with itself, likewise.
    gram : ndarray, shape (phase, phase)
        Of each template with each other.
    bounded : bool, optional
        Whether amounts are kept at zero or above.

    Raises
    ------
    InputError
        If the templates are not independent of each other.
    """
    shape, number = squares.shape, len(gram)
    products, total = np.asarray(products, dtype=np.float64).reshape(-1, number), squares.reshape(-1)
    size = np.sqrt(np.diag(gram))
    if np.linalg.cond(gram / np.outer(size, size)) > 1e12:
        raise InputError("fit_phases: the templates are not independent of each other; leave one out")
    errors = np.tile(np.sqrt(np.diag(np.linalg.inv(gram))), (len(products), 1))
    least = ROUNDING * np.sqrt(total)[:, None] * size
    amounts = _bounded(gram, products, least) if bounded else products @ np.linalg.inv(gram)
    explained = np.divide(np.einsum("vp,vp->v", amounts, products), total, out=np.zeros_like(total), where=total > 0)
    return PhaseFit(
        amounts=amounts.reshape(*shape, -1),
        errors=errors.reshape(*shape, -1),
        explained=explained.reshape(shape),
    )


def _bounded(gram: Array, products: Array, least: Array) -> Array:
    """Amounts none of which is negative, shape (pattern, phase); gradients up to `least` are rounding."""
    amounts, open_ = np.zeros_like(products), np.ones(len(products), dtype=bool)
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
    return amounts


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


def whitening(noise: NDArray[Any]) -> Array:
    """Matrix (point, direction) that makes correlated points independent with variance one.

    Points of G(r) outnumber what Q knows: directions without noise are left out instead of being trusted.
    """
    values, vectors = np.linalg.eigh(noise)
    noisy = values > 1e-10 * values[-1]
    return np.asarray(vectors[:, noisy] / np.sqrt(values[noisy]))


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
    whiten = whitening(noise)
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StretchedPhases:
    """Components that may be strained, and their amounts.

    Attributes
    ----------
    amounts : ndarray, shape (tile, voxel, phase)
        In the unit of the patterns.
    spectra : ndarray, shape (phase, point)
        As in the first tile, with mean one each.
    strains : ndarray, shape (tile, phase)
        Relative change of all lengths against the first tile.
    unexplained : float
        Share of the norm of the patterns that is not explained.
    """

    amounts: Array
    spectra: Array
    strains: Array
    unexplained: float


def find_stretched_phases(
    patterns: NDArray[Any], q: NDArray[Any], number: int, *, seed: int = 0, iterations: int = 25
) -> StretchedPhases:
    """Unknown phases, none negative, each with one strain in every tile: stretched factorisation.

    Plain factorisation takes a phase whose peaks move for several phases, or leaves what does not fit. Here every
    component has a length scale of its own in every tile (Gu, Rakita, Lan et al., npj Comput. Mater. 10, 193 (2024),
    by the package diffpy.stretched-nmf).

    Plain factorisation of all voxels finds those that stand for each component; their mean patterns, a few of every
    tile, are factorised with stretches. Amounts of the voxels are then fitted with the components of their own tile.

    Parameters
    ----------
    patterns : ndarray, shape (tile, voxel, point)
        I(Q) of the voxels of every tile, in the order in which strains change.
    q : ndarray, shape (point,)
        Evenly spaced, 1/angstrom.
    number : int
        Of phases.
    seed, iterations : int
        Of the plain factorisation; of the stretched one at most.

    Raises
    ------
    UsageError
        If diffpy.stretched-nmf or scikit-learn is not installed, or the number of phases is impossible.
    """
    optimizer = _optimizer()
    values = np.maximum(np.asarray(patterns, dtype=np.float64), 0.0)
    amounts, spectra, _ = find_phases(values, number, seed=seed)
    signals, weights = _representatives(values, amounts)
    # stretching is about Q = 0, where the grid of the package begins
    missing = round(float(q[0] / (q[1] - q[0])))
    source, start = (np.pad(rows, ((0, 0), (missing, 0)), mode="edge") for rows in (signals, spectra))
    scale, most = source.max(), weights.max(axis=0) / ROOM
    model = optimizer(
        n_components=number,
        max_iter=iterations,
        min_iter=min(FEWEST_ITERATIONS, iterations),
        rho=SMOOTHNESS,
        random_state=seed,
    )
    # the package takes roots of both signs and keeps the real one, and calls its solver by an old name of an option
    with np.errstate(invalid="ignore", divide="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(
            source.T / scale,
            init_weights=(weights / most).T,
            init_components=(start * most[:, None] / scale).T,
            init_stretch=np.ones_like(weights.T),
        )
    stretches = _of_tiles(model.stretch_, model.weights_, len(values))
    return _amounts(values, _shifted(model.components_.T[:, missing:], q, stretches), stretches)


def _optimizer() -> Callable[..., Any]:
    try:
        from diffpy.stretched_nmf.snmf_class import SNMFOptimizer
    except ImportError as error:
        raise UsageError(
            f"strained components need diffpy.stretched-nmf ({error}); get it by `pip install 'tsct[phases]'`"
        ) from error
    optimizer: Callable[..., Any] = SNMFOptimizer
    return optimizer


def _representatives(values: Array, amounts: Array) -> tuple[Array, Array]:
    """Mean patterns and plain amounts of the voxels that hold most of each component, shape (tile * phase, ...)."""
    number = amounts.shape[-1]
    signals, weights = [], []
    for tile, held in zip(values, amounts, strict=True):
        bright = tile.mean(axis=-1)
        inside = np.flatnonzero(bright > FAINT * bright[bright >= np.quantile(bright, 0.9)].mean())
        share = held[inside] / np.maximum(held[inside].sum(axis=-1, keepdims=True), np.finfo(float).tiny)
        most = max(1, int(TOP_SHARE * len(inside)))
        for k in range(number):
            chosen = inside[np.argsort(-share[:, k], kind="stable")[:most]]
            signals.append(tile[chosen].mean(axis=0))
            weights.append(held[chosen].mean(axis=0))
    return np.array(signals), np.array(weights)


def _of_tiles(stretch: Array, weights: Array, tiles: int) -> Array:
    """Stretch of every component in every tile, from the patterns that hold it; shape (tile, phase)."""
    number = len(stretch)
    shape = (number, tiles, number)
    share = np.maximum(weights.reshape(shape), np.finfo(float).tiny)
    return np.asarray(np.average(stretch.reshape(shape), axis=-1, weights=share).T)


def _shifted(components: Array, q: NDArray[Any], stretches: Array) -> Array:
    """Components as in every tile, shape (tile, phase, point)."""
    return np.array(
        [[np.interp(q / one, q, own) for one, own in zip(row, components, strict=True)] for row in stretches]
    )


def _amounts(values: Array, templates: Array, stretches: Array) -> StretchedPhases:
    """Non-negative amounts of every voxel with the components of its tile."""
    size = np.maximum(templates[0].mean(axis=-1), np.finfo(float).tiny)
    templates = templates / size[:, None]
    amounts = np.stack([fit_phases(tile, own).amounts for tile, own in zip(values, templates, strict=True)])
    left = np.linalg.norm(values - np.einsum("tvk,tkq->tvq", amounts, templates))
    return StretchedPhases(
        amounts=amounts,
        spectra=templates[0],
        strains=stretches[0] / stretches - 1,
        unexplained=float(left / np.linalg.norm(values)),
    )
