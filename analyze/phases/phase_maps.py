"""Maps of peaks of the PDF of every voxel, and of silicon and carbon from the first two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.recipe.maps import Peak
from tsct.analyze.recipe.recipe import MAP_UNITS

from .reference_fit import Reference, reference_response, shell_slopes
from .shells import CARBON, ELECTROLYTE, shell_pdf

#: limits of the C-C and the Si-Si peak in angstrom, at minima of a PDF with Qmax of 20 1/angstrom
PEAKS: Mapping[str, tuple[float, float]] = {"carbon_peak": (1.24, 1.60), "silicon_peak": (2.14, 2.60)}
#: where the height of the density-weighted G(r) is mapped, angstrom
HEIGHTS: Mapping[str, float] = {"carbon_height": 1.42, "silicon_height": 2.38}
#: range of the template fit: the first two peaks with their flanks
FIT_RANGE = (1.15, 3.10)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapOperator:
    """Linear functionals of scattering power: a map is ``power @ weights.T``, its variance ``var @ weights.T**2``.

    Attributes
    ----------
    names : tuple of str
        Of the maps, and in `units` their units.
        ``NAME_peak`` and ``NAME_height``: area and height of the peaks that the recipe names; of the silicon anode
        ``carbon_peak`` and ``silicon_peak``: area of a peak of the density-weighted G(r) above the line between
        its limits.
        ``carbon_height`` and ``silicon_height``: its height at the top of the peaks.
        ``silicon`` and ``carbon``: atoms per cubic angstrom whose first shells explain both peaks, fitted together with
        a carbonate (electrolyte and binder) and a line, so that neither phase leaks into the other.
    weights : ndarray, shape (map, q)
        Zero outside the transformed range.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    weights: NDArray[np.float64]

    def variables(self, values: NDArray[np.float32], variance: NDArray[np.float32]) -> dict[str, Any]:
        """Images of all maps and of their variances, shape (y, x, map), as variables with their ``_errors``."""
        errors, maps = np.sqrt(variance), dict[str, Any]()
        for k, name in enumerate(self.names):
            units = {"units": self.units[k]}
            maps |= {name: (("y", "x"), values[..., k], units), f"{name}_errors": (("y", "x"), errors[..., k], units)}
        return maps


def map_operator(operator: PdfOperator, reference: Reference, variance: NDArray[np.float64]) -> MapOperator:
    """Build the maps' weights for one tile.

    Parameters
    ----------
    operator : PdfOperator
        From scattering power to density-weighted G(r).
    reference : Reference
        Fit of the mean pattern of the region of interest, which gives distance and spread of the silicon shell.
    variance : ndarray, shape (q,)
        Typical variance of the scattering power of one voxel, which weights the fit.
    """
    rows = {name: peak_area(operator.r, *limits) for name, limits in PEAKS.items()}
    rows |= {name: _height(operator.r, r) for name, r in HEIGHTS.items()}
    rows |= _unmixing(operator, reference, variance)
    return _map_operator(operator, rows, MAP_UNITS)


def peak_operator(operator: PdfOperator, peaks: Sequence[Peak]) -> MapOperator:
    """Weights of the maps of named peaks.

    Parameters
    ----------
    operator : PdfOperator
        From scattering power to density-weighted G(r).
    peaks : sequence of Peak
        Areas where limits are given, heights where a distance is.
    """
    rows = {
        peak.map_name: _height(operator.r, peak.centre_a)
        if peak.limits_a is None
        else peak_area(operator.r, *peak.limits_a)
        for peak in peaks
    }
    return _map_operator(operator, rows, {peak.map_name: peak.units for peak in peaks})


def _map_operator(operator: PdfOperator, rows: Mapping[str, NDArray[Any]], units: Mapping[str, str]) -> MapOperator:
    """Maps by their weights in r, shape (r,) each."""
    weights = np.zeros((len(rows), len(operator.q)))
    if rows:
        weights[:, operator.used] = np.stack(list(rows.values())) @ operator.matrix
    return MapOperator(names=tuple(rows), units=tuple(units[name] for name in rows), weights=weights)


def _height(r: NDArray[np.float64], distance: float) -> NDArray[np.float64]:
    """Weights, shape (r,), of the value at a distance."""
    return np.asarray(np.eye(len(r))[np.argmin(abs(r - distance))])


def peak_area(r: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Weights, shape (r,), of the area between `low` and `high` above the straight line joining the ends."""
    inside = np.flatnonzero((r >= low) & (r <= high))
    step = r[1] - r[0]
    weights = np.zeros_like(r)
    weights[inside] = step
    width = r[inside[-1]] - r[inside[0]] + step
    weights[inside[0]] -= width / 2
    weights[inside[-1]] -= width / 2
    return weights


def _unmixing(operator: PdfOperator, reference: Reference, variance: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Weights, shape (r,), of silicon and carbon in the fit of the first two peaks."""
    inside, design, weight = _fit(operator, reference, variance)
    solution = np.zeros((2, len(operator.r)))
    solution[:, inside] = np.linalg.solve(design.T @ weight @ design, design.T @ weight)[:2]
    return {"silicon": solution[0], "carbon": solution[1]}


def _fit(
    operator: PdfOperator, reference: Reference, variance: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Generalised least squares of the first two peaks with silicon, carbon, electrolyte and a line.

    The covariance is that of the counting noise plus, on its diagonal, an equal share for what the templates do not
    know: with noise alone, the fit would trust the templates beyond their accuracy.

    Returns
    -------
    inside, design, weight : ndarray, shapes (r,), (r inside, 5), (r inside, r inside)
    """
    inside = (operator.r >= FIT_RANGE[0]) & (operator.r <= FIT_RANGE[1])
    phases = ((reference.first, reference.second), CARBON, ELECTROLYTE)
    templates = [shell_pdf(operator, shells) for shells in phases]
    design = np.stack([*templates, np.ones_like(operator.r), operator.r], axis=1)[inside]
    noise = operator.covariance(variance)[np.ix_(inside, inside)]
    return inside, design, np.linalg.inv(noise + np.eye(len(noise)) * np.trace(noise) / len(noise))


def map_response(
    operator: PdfOperator,
    reference: Reference,
    variance: NDArray[np.float64],
    pattern: NDArray[np.float64],
    oxygen_share: float,
) -> NDArray[np.float64]:
    """Derivatives of silicon and carbon in the region by the pattern of the region itself, shape (2, q).

    A pattern that is wrong in the same way in all voxels acts twice: on the amounts, and through the fit of the
    reference on the template of silicon that they are fitted with. With the fit ``x = (D' W D)^-1 D' W y``, a change of
    the first column of D by ``m dp`` changes x by ``(D' W D)^-1 (e m' W (y - D x) - D' W m x_1) dp``; see
    :func:`~tsct.analyze.phases.reference_fit.reference_response` for dp.

    Parameters
    ----------
    operator, reference, variance
        As in :func:`map_operator`; the weights W are taken as fixed.
    pattern : ndarray, shape (q,)
        Scattering power of the region, which the reference was fitted to.
    oxygen_share : float
        Atom fraction of oxygen in the composition.
    """
    inside, design, weight = _fit(operator, reference, variance)
    slopes, y = shell_slopes(operator, reference)[:, inside], operator.apply(pattern)[inside]
    normal = design.T @ weight @ design
    x = np.linalg.solve(normal, design.T @ weight @ y)
    right = -x[0] * (design.T @ weight @ slopes.T)
    right[0] += slopes @ weight @ (y - design @ x)
    direct = np.zeros((2, len(operator.q)))
    direct[:, operator.used] = np.linalg.solve(normal, design.T @ weight @ operator.matrix[inside])[:2]
    by_shells = np.linalg.solve(normal, right)[:2]
    return direct + by_shells @ reference_response(operator, reference, pattern, oxygen_share)
