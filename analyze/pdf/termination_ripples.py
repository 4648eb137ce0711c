"""Which features of a curve are atoms and which are ripples: these move when the transform changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.recipe.pdf_recipe import PdfRecipe

from .transform import pdf_operator

#: how much shorter the second Q range is
SHORTER = 0.85
#: a feature that moves further (angstrom) than this when the transform changes, or goes, is a ripple
MOST_MOVE = 0.06
#: features lower than this share of the highest one are not looked at
LEAST_HEIGHT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """Extrema of a PDF or dPDF and how they stand other transforms of the same data.

    Attributes
    ----------
    position, height : ndarray, shape (feature,)
        As the recipe has them; angstrom, and the unit of the curve.
    moves : mapping of str to ndarray, shape (feature,)
        Distance to the nearest extremum of the same sign with a shorter Q range and with a Lorch window; NaN: none.
    ripple : ndarray of bool, shape (feature,)
        Moved by either.
    """

    position: NDArray[np.float64]
    height: NDArray[np.float64]
    moves: Mapping[str, NDArray[np.float64]]
    ripple: NDArray[np.bool_]


def ripple_test(
    q: NDArray[np.float64],
    intensity: NDArray[np.float64],
    recipe: PdfRecipe,
    *,
    compton: NDArray[np.float64] | None = None,
    limits: tuple[float, float] = (1.0, 6.0),
) -> Features:
    """Transform a pattern, or a difference of patterns, anew with another Qmax and with a window.

    A termination ripple lies at a multiple of 1/Qmax from the peak it belongs to and moves with it; a window takes it
    away. A true distance stays. Broad or overlapping peaks may move without being ripples: look at what is flagged.

    Parameters
    ----------
    q, intensity : ndarray, shape (q,)
        Scattering power or its change.
    recipe : PdfRecipe
        The transform in question; the others have 85 % of its Qmax, and its Qmax with the Lorch window.
    compton : ndarray, shape (q,), optional
        As in :func:`tsct.analyze.pdf.transform.pdf_operator`.
    limits : (float, float)
        Range of distances, angstrom.
    """
    shorter = replace(recipe, q_max=SHORTER * recipe.q_max, q_max_inst=recipe.data_end)
    variants = {"shorter": shorter, "lorch": replace(recipe, window="lorch")}
    curve = pdf_operator(q, recipe, compton=compton).apply(intensity)
    position, height = _extrema(recipe.r, curve, limits)
    moves = {}
    for name, variant in variants.items():
        other = pdf_operator(q, variant, compton=compton).apply(intensity)
        moves[name] = _moves(position, height, *_extrema(recipe.r, other, limits))
    ripple = np.logical_or.reduce([~(np.abs(move) <= MOST_MOVE) for move in moves.values()])
    return Features(position=position, height=height, moves=moves, ripple=ripple)


def _extrema(r: NDArray, curve: NDArray, limits: tuple[float, float]) -> tuple[NDArray, NDArray]:
    """Positions and heights of the local maxima above and minima below zero, refined by parabolas."""
    before, at, after = curve[:-2], curve[1:-1], curve[2:]
    size = np.abs(curve[(r >= limits[0]) & (r <= limits[1])]).max(initial=0.0)
    turns = ((at - before) * (after - at) < 0) & ((at - before) * at > 0) & (np.abs(at) > LEAST_HEIGHT * size)
    turns &= (r[1:-1] >= limits[0]) & (r[1:-1] <= limits[1])
    a, b, c = before[turns], at[turns], after[turns]
    return r[1:-1][turns] + 0.5 * (a - c) / (a - 2 * b + c) * (r[1] - r[0]), b


def _moves(position: NDArray, height: NDArray, others: NDArray, heights: NDArray) -> NDArray[np.float64]:
    """Signed distance from each feature to the nearest other one of its sign."""
    if not len(others):
        return np.full(len(position), np.nan)
    apart = np.where(np.sign(heights) == np.sign(height)[:, None], others - position[:, None], np.nan)
    near = np.argmin(np.where(np.isnan(apart), np.inf, np.abs(apart)), axis=1)
    return apart[np.arange(len(position)), near]
