"""Differences of the region from the reference in every state: what is subtracted, fitted changes, lobes."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.peaks import between, extremum
from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.recipe import Recipe

from .difference_fit import DIFFERENCE_RANGE, PARAMETER_UNITS, PARAMETERS, fit_difference, fit_lithium_shell
from .reference_fit import Reference
from .shells import SILICON_LITHIUM, Shell

#: the Si-Li shell is looked for if its strongest number of neighbours exceeds so many errors
LITHIUM_SURE = 4.0
#: else that of the handbook is used, with these errors of its distance (angstrom) and variance (square angstrom)
LITHIUM_DOUBT = (0.10, 0.02)
#: reference and state are scaled to each other by their PDFs from here on, angstrom
SCALED_FROM = 1.0
#: windows in angstrom for the lobes of the first difference peak: loss at short, gain at long distance
LOBES = {"lobe_low": (2.05, 2.40, -1.0), "lobe_high": (2.36, 2.65, 1.0)}


def reference_weights(density_weighted_gr: NDArray[Any], r: NDArray[Any], recipe: Recipe) -> NDArray[np.float64]:
    """Matrix (state, state) that turns patterns of states into differences from the reference.

    Row n is ``G_n - s_n mean(G_1 ... G_k)``. With `scale_matched`, s_n minimises the square of row n beyond 1 angstrom;
    its own small error is not propagated.

    Parameters
    ----------
    density_weighted_gr : ndarray, shape (state, r)
        Density-weighted G(r) of the region in all states.
    r : ndarray, shape (r,)
    recipe : Recipe
    """
    count = len(density_weighted_gr)
    first = min(recipe.reference_states, count)
    mean = np.zeros(count)
    mean[:first] = 1.0 / first
    scale = np.ones(count)
    if recipe.scale_matched:
        inside = density_weighted_gr[:, r >= SCALED_FROM]
        reference = mean @ inside
        scale = inside @ reference / (reference @ reference)
    return np.eye(count) - np.outer(scale, mean)


def difference_record(
    operator: PdfOperator,
    reference: Reference,
    intensity: NDArray[Any],
    variance: NDArray[Any],
    density: float,
    weights: NDArray[Any],
) -> xr.Dataset:
    """Fitted parameters of every difference; ``covariance_single`` is that of one state, without the reference's."""
    differences, both = operator.apply(weights @ intensity), weights**2 @ variance
    lithium, strongest = lithium_shell(operator, reference, differences, both)
    fits = [fit_difference(operator, reference, change, lithium) for change in differences]
    values = np.stack([fit.parameters for fit in fits])
    own = np.stack([fit.covariance(operator.covariance(row)) for fit, row in zip(fits, variance, strict=True)])
    total = np.stack([fit.covariance(operator.covariance(row)) for fit, row in zip(fits, both, strict=True)])
    shell = np.diag(LITHIUM_DOUBT) ** 2
    if strongest:
        response = fits[strongest].lithium_matrix[:1]
        shell[0, 0] = (response @ operator.covariance(both[strongest]) @ response.T).item()
        # a wrong width moves the fitted distance with it
        drag = np.array([[1.0, fits[strongest].distance_by_variance], [0.0, 1.0]])
        shell = drag @ shell @ drag.T
    of_shell = np.stack([fit.by_lithium @ shell @ fit.by_lithium.T for fit in fits])
    errors = np.sqrt(np.diagonal(total + of_shell, axis1=1, axis2=2))
    if not weights[0].any():
        values[0], errors[0] = 0.0, 0.0
    curves = differences / density
    record = xr.Dataset(coords={"parameter": ("parameter", list(PARAMETERS))})
    record.attrs = {"lithium_distance": lithium.distance, "lithium_sigma": lithium.sigma}
    record["fit"] = (("state", "parameter"), values, {"units": "mixed", "parameter_units": list(PARAMETER_UNITS)})
    record["fit_errors"] = (("state", "parameter"), errors, {"units": "mixed"})
    record["fit_covariance_single"] = (("state", "parameter", "parameter_2"), own, {"units": "mixed"})
    record["difference_weights"] = (("state", "state_2"), weights, {"units": "1"})
    record["dgr_model"] = (("state", "r"), np.stack([fit.model for fit in fits]) / density, {"units": "1/angstrom^2"})
    for name, (low, high, sign) in LOBES.items():
        tops = np.array([extremum(operator.r, curve, low, high, sign) for curve in curves])
        tops[0] = np.nan
        record[name] = ("state", tops[:, 0], {"units": "angstrom"})
        record[f"{name}_height"] = ("state", tops[:, 1], {"units": "1/angstrom^2"})
    return record


def lithium_shell(
    operator: PdfOperator, reference: Reference, differences: NDArray[Any], variance: NDArray[Any]
) -> tuple[Shell, int]:
    """Si-Li shell for all states and the state that it is fitted to: the strongest, if it surely holds lithium.

    Else, the shell of the handbook and zero.
    """
    strongest = int(np.argmax(np.sum(differences[:, between(operator.r, DIFFERENCE_RANGE)] ** 2, axis=1)))
    fit = fit_difference(operator, reference, differences[strongest])
    at = PARAMETERS.index("silicon_lithium")
    error = np.sqrt(fit.covariance(operator.covariance(variance[strongest]))[at, at])
    if fit.parameters[at] < LITHIUM_SURE * error:
        return SILICON_LITHIUM, 0
    return fit_lithium_shell(operator, reference, differences[strongest]), strongest
