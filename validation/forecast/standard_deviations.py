"""Standard deviations of everything that is recovered, from the variances of the expected counts and of the gains."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.phases import fit_difference
from tsct.analyze.recipe import Recipe
from tsct.phantoms import Phantom
from tsct.simulate.beamline import Beamline

from .changes import CHANGES, change_errors, least_errors
from .expected import ExpectedCell
from .gains import translation_gain_patterns, voxel_rings
from .maps import MAPS, shared_errors, voxel_error
from .onsets import onset_errors

#: distances in angstrom at which the correlation of errors of G is given
LAGS = (0.04, 0.08, 0.16, 0.24, 0.32, 0.48)


def standard_deviations(phantom: Phantom, beamline: Beamline, recipe: Recipe, expected: ExpectedCell) -> xr.Dataset:
    """All of ``Forecast.sigma``: by counting, by the gains of channels and translations, and by their drift."""
    tile, operator, density = expected.tile, expected.operator, expected.density
    inside = tile.roi.values.astype(bool)
    pattern, region = tile.roi_iq.values, tile.roi_iq_variance.values
    voxel = np.mean(tile.iq_errors.values[inside].astype(float) ** 2, axis=0)
    gain, drift = ((size * pattern) ** 2 for size in (beamline.faults.channel_gain, beamline.faults.channel_drift))
    rings = translation_gain_patterns(beamline, recipe, expected)
    fit = fit_difference(operator, expected.reference, np.zeros_like(operator.r))

    def change(variance: NDArray) -> NDArray[np.float64]:
        return change_errors(fit.covariance(operator.covariance(variance)))

    def bound(variance: NDArray) -> NDArray[np.float64]:
        return least_errors(operator, expected.reference, recipe, variance)

    def of_g(variance: NDArray, coherent: NDArray) -> tuple[str, NDArray, dict[str, str]]:
        return "r", np.sqrt(operator.variance(variance) + coherent) / density, {"units": "1/angstrom^2"}

    ring_iq, ring_gr = voxel_rings(beamline, recipe, expected)
    in_region = np.sum(rings**2, axis=0), np.sum(operator.apply(rings) ** 2, axis=0)
    data = {
        "voxel_iq": ("q", np.sqrt(voxel + drift + gain + ring_iq) / pattern, {"units": "1"}),
        "roi_iq": ("q", np.sqrt(region + drift + gain + in_region[0]) / pattern, {"units": "1"}),
        "voxel_gr": of_g(voxel + drift + gain, ring_gr),
        "roi_gr": of_g(region + drift + gain, in_region[1]),
        "voxel_counting": of_g(voxel + drift, np.zeros(1)),
        "roi_counting": of_g(region + drift, np.zeros(1)),
        "roi_dgr": of_g(2 * (region + drift), np.zeros(1)),
        "change": (("region", "parameter"), np.stack([change(voxel), change(region)]), {"units": "mixed"}),
        "change_drift": (("region", "parameter"), np.stack([change(drift), change(drift)]), {"units": "mixed"}),
        "bound": (("region", "parameter"), np.stack([bound(voxel), bound(region)]), {"units": "mixed"}),
        "map_levels": ("map", shared_errors(beamline, recipe, expected, voxel, gain + drift, rings), {"units": "1"}),
        "maps": ("map", [voxel_error(tile, name, inside) for name in MAPS], {"units": "1"}),
        "onset_v": ("hinge", onset_errors(phantom, fit.matrix, operator, region + drift), {"units": "V"}),
        "gr_correlation": ("lag", gr_correlation(expected, voxel + drift), {"units": "1"}),
    }
    coords = {
        "q": tile.q,
        "r": tile.r,
        "region": ["voxel", "roi"],
        "parameter": list(CHANGES),
        "map": list(MAPS),
        "hinge": [1, 2, 3],
        "lag": list(LAGS),
    }
    return xr.Dataset(data, coords=coords)


def gr_correlation(expected: ExpectedCell, variance: NDArray) -> NDArray[np.float64]:
    """Correlation of the error of G at the Si-Si peak with that at points further out."""
    operator = expected.operator
    covariance = operator.covariance(variance)
    at = int(np.argmin(np.abs(operator.r - expected.reference.first.distance)))
    others = [int(np.argmin(np.abs(operator.r - operator.r[at] - lag))) for lag in LAGS]
    return covariance[at, others] / np.sqrt(covariance[at, at] * np.diag(covariance)[others])
