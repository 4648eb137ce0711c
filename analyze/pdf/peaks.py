"""Peaks of a curve, and the peaks of one G(r) that a reader would name."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.recipe.pdf_recipe import PdfRecipe

Array = NDArray[np.float64]

#: a feature this close to a ripple (angstrom) is that ripple
SAME = 0.03
#: number of peaks that are named, and the least prominence of one as a share of the largest
PEAKS, PROMINENCE = 4, 0.1
#: a peak is at least so many standard deviations high
SIGNIFICANT = 3.0


def extremum(r: NDArray[Any], curve: NDArray[Any], low: float, high: float, sign: float) -> tuple[float, float]:
    """Position and height of the highest (`sign` 1) or lowest (-1) local extremum between two distances.

    Refined by the parabola through three points; NaN where the curve has no extremum inside.
    """
    inside = np.flatnonzero((r > low) & (r < high))
    inner = inside[(inside > 0) & (inside < len(r) - 1)]
    y = sign * curve
    peaks = inner[(y[inner] >= y[inner - 1]) & (y[inner] > y[inner + 1])]
    if not len(peaks):
        return float("nan"), float("nan")
    top = peaks[np.argmax(y[peaks])]
    before, at, after = y[top - 1 : top + 2]
    offset = 0.5 * (before - after) / (before - 2 * at + after)
    return float(r[top] + offset * (r[1] - r[0])), float(sign * (at - 0.25 * (before - after) * offset))


def between(r: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.bool_]:
    """Which points of a grid lie between two limits, ends included."""
    return (r >= limits[0]) & (r <= limits[1])


@dataclass(frozen=True, slots=True)
class PdfPeak:
    """A peak of G(r): position (angstrom), height (1/angstrom**2), its number of neighbours where known, and whether it
    moves with the end of the data, as termination ripples do."""

    r: float
    height: float
    neighbours: float | None
    ripple: bool = False


def first_peaks(
    data: xr.Dataset, recipe: PdfRecipe, number_density: float | None = None, ripples: Array | None = None
) -> list[PdfPeak]:
    """The first significant peaks of G(r) beyond the reach of the polynomial, by distance.

    Parameters
    ----------
    data : xarray.Dataset
        See :func:`tsct.analyze.pdf.transform.pdf`.
    recipe : PdfRecipe
        What it was made with.
    number_density : float, optional
        Atoms per cubic angstrom. With it the nearest peak of a single element gets its number of neighbours (of
        several elements a peak holds pairs of unknown weight), the integral of
        R(r) = r G + 4 pi r^2 rho0 (Keen, J. Appl. Cryst. 34, 172 (2001)) between the minima beside it. Without a window
        termination makes it about 5 % too large.
    ripples : ndarray, optional
        Positions of what moves when the transform changes, see :mod:`tsct.analyze.pdf.termination_ripples`; peaks
        there are marked and not counted.

    Returns
    -------
    list of PdfPeak
        At most four beside ripples; empty if nothing stands out.
    """
    from scipy.signal import find_peaks  # slow to load, and most analyses do without

    r, gr = data.r.values, data.gr.values
    tops, properties = find_peaks(gr, prominence=0.0)
    real = (r[tops] > recipe.polynomial_range) & (gr[tops] > 0)
    if "gr_errors" in data:
        real &= properties["prominences"] > SIGNIFICANT * data.gr_errors.values[tops]
    tops, prominences = tops[real], properties["prominences"][real]
    tops = tops[prominences >= PROMINENCE * prominences.max(initial=0.0)]
    moving = np.empty(0) if ripples is None else ripples
    ripple = np.array([np.any(np.abs(moving - r[top]) < SAME) for top in tops], dtype=bool)
    atoms = tops[~ripple][:PEAKS]
    one_element = len(recipe.composition) == 1
    nearest = _neighbours(r, gr, atoms[0], number_density) if len(atoms) and number_density and one_element else None
    named = tops[tops <= atoms[-1]] if len(atoms) else tops[:0]
    return [_peak(r, gr, top, nearest if top == atoms[0] else None, top not in atoms) for top in named]


def _peak(r: Array, gr: Array, top: int, neighbours: float | None, ripple: bool) -> PdfPeak:
    half = (r[1] - r[0]) / 2
    return PdfPeak(*extremum(r, gr, r[top] - half, r[top] + half, 1.0), neighbours, ripple)


def _neighbours(r: Array, gr: Array, top: int, number_density: float) -> float:
    from scipy.signal import find_peaks  # slow to load, and most analyses do without

    minima = np.concatenate([[0], find_peaks(-gr)[0], [len(r) - 1]])
    after = int(np.searchsorted(minima, top))
    inside = slice(minima[after - 1], minima[after] + 1)
    radial = r[inside] * gr[inside] + 4 * np.pi * r[inside] ** 2 * number_density
    return float(np.trapezoid(radial, r[inside]))
