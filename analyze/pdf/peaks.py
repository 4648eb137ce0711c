"""Peaks of a curve, and the peaks of one G(r) that a reader would name."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.signal import find_peaks

from tsct.analyze.recipe.pdf_recipe import PdfRecipe

Array = NDArray[np.float64]

#: number of peaks that are named, and the least prominence of one as a share of the largest
PEAKS, PROMINENCE = 4, 0.1
#: a peak is at least so many standard deviations high
SIGNIFICANT = 3.0


def extremum(r: NDArray, curve: NDArray, low: float, high: float, sign: float) -> tuple[float, float]:
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


def between(r: NDArray, limits: tuple[float, float]) -> NDArray[np.bool_]:
    """Which points of a grid lie between two limits, ends included."""
    return (r >= limits[0]) & (r <= limits[1])


@dataclass(frozen=True, slots=True)
class Peak:
    """A peak of G(r): position (angstrom), height (1/angstrom**2), and its number of neighbours where known."""

    r: float
    height: float
    neighbours: float | None


def strongest_peaks(data: xr.Dataset, recipe: PdfRecipe, number_density: float | None = None) -> list[Peak]:
    """The most prominent peaks of G(r) beyond the reach of the polynomial, by distance.

    Parameters
    ----------
    data : xarray.Dataset
        See :func:`tsct.analyze.pdf.transform.pdf`.
    recipe : PdfRecipe
        What it was made with.
    number_density : float, optional
        Atoms per cubic angstrom. With it the nearest peak gets its number of neighbours, the integral of
        R(r) = r G + 4 pi r^2 rho0 (Keen, J. Appl. Cryst. 34, 172 (2001)) between the minima beside it. Without a window
        termination makes it about 5 % too large.

    Returns
    -------
    list of Peak
        At most four; empty if nothing stands out.
    """
    r, gr = data.r.values, data.gr.values
    tops, found = find_peaks(gr, prominence=0.0)
    real = (r[tops] > recipe.polynomial_range) & (gr[tops] > 0)
    if "gr_errors" in data:
        real &= found["prominences"] > SIGNIFICANT * data.gr_errors.values[tops]
    tops, prominences = tops[real], found["prominences"][real]
    least = np.sort(prominences)[-PEAKS:].min(initial=np.inf)
    named = tops[prominences >= max(least, PROMINENCE * prominences.max(initial=0.0))]
    nearest = _neighbours(r, gr, named[0], number_density) if len(named) and number_density else None
    return [_peak(r, gr, top, nearest if top == named[0] else None) for top in named]


def _peak(r: Array, gr: Array, top: int, neighbours: float | None) -> Peak:
    half = (r[1] - r[0]) / 2
    return Peak(*extremum(r, gr, r[top] - half, r[top] + half, 1.0), neighbours)


def _neighbours(r: Array, gr: Array, top: int, number_density: float) -> float:
    minima = np.concatenate([[0], find_peaks(-gr)[0], [len(r) - 1]])
    after = int(np.searchsorted(minima, top))
    inside = slice(minima[after - 1], minima[after] + 1)
    radial = r[inside] * gr[inside] + 4 * np.pi * r[inside] ** 2 * number_density
    return float(np.trapezoid(radial, r[inside]))
