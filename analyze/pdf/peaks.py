"""Peaks of a curve, and the peaks of one G(r) that a reader would name."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.recipe.pdf_recipe import PdfRecipe

from .density import Density
from .xray_tables import form_factor, mean_f

Array = NDArray[np.float64]

#: a feature this close to a ripple (angstrom) is that ripple
SAME = 0.03
#: number of peaks that are named, and the least prominence of one as a share of the largest
PEAKS, PROMINENCE = 4, 0.1
#: relative standard deviation of a number of neighbours for the end of the transform and the minima beside the peak
TERMINATION = 0.05
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
    """A peak of G(r): position (angstrom), height (1/angstrom**2), its number of neighbours with its standard deviation
    where known, and whether it moves with the end of the data, as termination ripples do."""

    r: float
    height: float
    neighbours: float | None = None
    neighbours_error: float = float("nan")
    ripple: bool = False


def first_peaks(
    data: xr.Dataset,
    recipe: PdfRecipe,
    density: Density | None = None,
    ripples: Array | None = None,
    pair: tuple[str, str] | None = None,
) -> list[PdfPeak]:
    """The first significant peaks of G(r) beyond the reach of the polynomial, by distance.

    Parameters
    ----------
    data : xarray.Dataset
        See :func:`tsct.analyze.pdf.one_pattern.pdf`.
    recipe : PdfRecipe
        What it was made with.
    density : Density, optional
        Of the sample. Where it holds the level of G(r), the nearest peak gets its number of neighbours, see
        :func:`first_neighbours`.
    ripples : ndarray, optional
        Positions of what moves when the transform changes, see :mod:`tsct.analyze.pdf.termination_ripples`; peaks
        there are marked and not counted.
    pair : (str, str), optional
        Elements of the nearest peak, the central one first; not needed for a single element. Without it a peak of
        several elements has no number, because it holds pairs of unknown weight.

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
    # what lies where the level was read, below 0.8 of the first distance, is no distance
    ripple |= r[tops] < 0.8 * data.attrs.get("first_distance", 0.0)
    atoms = tops[~ripple][:PEAKS]
    if pair is None and len(recipe.composition) == 1:
        pair = (next(iter(recipe.composition)),) * 2
    number: tuple[float | None, float] = (None, float("nan"))
    if len(atoms) and density is not None and pair is not None and data.attrs.get("scale_held"):
        number = first_neighbours(data, recipe, density, pair, int(atoms[0]))
    named = tops[tops <= atoms[-1]] if len(atoms) else tops[:0]
    half = (r[1] - r[0]) / 2
    places = [extremum(r, gr, r[top] - half, r[top] + half, 1.0) for top in named]
    numbers = [number if top == atoms[0] else (None, float("nan")) for top in named]
    return [PdfPeak(*at, *n, top not in atoms) for at, n, top in zip(places, numbers, named, strict=True)]


def first_neighbours(
    data: xr.Dataset, recipe: PdfRecipe, density: Density, pair: tuple[str, str], top: int
) -> tuple[float, float]:
    """Atoms of the second element around one of the first, from the peak at index `top`, and its standard deviation.

    The integral of R(r) = r G + 4 pi r^2 rho0 (Keen, J. Appl. Cryst. 34, 172 (2001)) between the minima beside the
    peak, over the Faber-Ziman weight of the pair, c_a f_a f_b / <f>^2 and twice that for unlike atoms, averaged over Q.
    The error holds that of the scale, the noise, the change of the weight over Q, and 5 % for the end of the transform.
    """
    r, gr = data.r.values, data.gr.values
    inside = _between_minima(gr, top)
    x = r[inside]
    radial = x * gr[inside] + 4 * np.pi * x**2 * density.atoms_per_a3
    one, other = pair
    q = data.q.values
    share = recipe.composition[one] * form_factor(one, q) * form_factor(other, q) / mean_f(recipe.composition, q) ** 2
    weight = share * (1.0 if one == other else 2.0)
    number = float(np.trapezoid(radial, x)) / float(weight.mean())
    relative = [TERMINATION, float(data.attrs["scale_error"]), float(weight.std() / weight.mean())]
    noise = 0.0
    if "gr_errors" in data:
        points = np.pi / recipe.q_max / (r[1] - r[0])
        total = np.sqrt(np.sum((x * data.gr_errors.values[inside]) ** 2) * max(points, 1.0)) * (r[1] - r[0])
        noise = float(total) / float(weight.mean())
    return number, float(np.hypot(number * np.linalg.norm(relative), noise))


def _between_minima(gr: Array, top: int) -> slice:
    from scipy.signal import find_peaks  # slow to load, and most analyses do without

    minima = np.concatenate([[0], find_peaks(-gr)[0], [len(gr) - 1]])
    after = int(np.searchsorted(minima, top))
    return slice(minima[after - 1], minima[after] + 1)
