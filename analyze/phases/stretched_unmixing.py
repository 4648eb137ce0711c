"""Unknown phases that expand from state to state: stretched non-negative matrix factorisation.

Plain factorisation takes a phase whose peaks move for several phases, or leaves what does not fit. Here every component
has a length scale of its own in every tile (Gu, Rakita, Lan et al., npj Comput. Mater. 10, 193 (2024); the package
diffpy.stretched-nmf).
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import UsageError

from .unmixing import find_phases, fit_phases

Array = NDArray[np.float64]

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
    """Unknown phases, none negative, each with one strain in every tile.

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
