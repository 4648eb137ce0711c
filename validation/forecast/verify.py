"""Forecast errors against those of full simulations with many seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze import analyze_tile, lean
from tsct.analyze.pdf import pdf_operator
from tsct.analyze.phases import (
    LITHIUM_BOUNDS,
    PARAMETERS,
    SILICON_LITHIUM,
    Shell,
    fit_difference,
    fit_reference,
    fit_series,
    lithium_shell,
)
from tsct.analyze.recipe import Recipe
from tsct.phantoms import Phantom, Sample
from tsct.simulate import expected_tile, simulate_tile
from tsct.simulate.beamline import Beamline
from tsct.simulate.beampath import Spectra, spectra_table

from .costs import chosen_slice
from .expected import with_expected_region
from .forecast import Forecast, forecast

#: closer to a bound than this, angstrom, a fit is held by it
AT_BOUND = 2e-3
#: where errors of patterns are compared, 1/angstrom
AT_Q = 10.0
#: where errors of the region's G and dPDF are compared, angstrom: far enough apart to be nearly independent, so that
#: few seeds tell as much as many would at one of them
AT_R = (1.6, 2.4, 3.2, 4.0, 4.8, 5.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A predicted and an observed standard deviation; `uncertainty` is the relative error of the observed one."""

    name: str
    predicted: float
    observed: float
    uncertainty: float

    @property
    def ratio(self) -> float:
        """Predicted over observed."""
        return self.predicted / self.observed


def same_instrument(beamline: Beamline) -> Beamline:
    """Without the gain patterns that an instrument keeps: they do not scatter when it measures again. Drift stays."""
    return replace(beamline, faults=replace(beamline.faults, channel_gain=0.0, translation_gain=0.0))


def one_instrument(sample: Sample, beamline: Beamline, recipe: Recipe, slice_index: int | None) -> dict[str, Any]:
    """What every seed needs, of any sample: the experiment of one instrument, and its spectra."""
    beamline = same_instrument(beamline)
    table = spectra_table(sample, beamline)
    return {
        "sample": sample,
        "beamline": beamline,
        "recipe": with_expected_region(sample, beamline, recipe, table),
        "slice": chosen_slice(sample, slice_index),
        "table": table,
    }


def shared_by_seeds(
    phantom: Phantom, beamline: Beamline, recipe: Recipe, *, slice_index: int | None = None
) -> dict[str, Any]:
    """What every seed needs: the experiment of one instrument, its spectra, its forecast, and its changes."""
    shared = one_instrument(phantom, beamline, recipe, slice_index)
    beamline, recipe, index = shared["beamline"], shared["recipe"], shared["slice"]
    return {
        **shared,
        "forecast": forecast(phantom, beamline, recipe, slice_index=index),
        "changes": _expected_changes(phantom, beamline, recipe, shared["table"], index),
    }


def _expected_changes(
    phantom: Phantom, beamline: Beamline, recipe: Recipe, table: Mapping[str, Spectra], index: int
) -> NDArray[np.float64]:
    """Errors that counting and drift will give the fitted changes of the last state, in the order of PARAMETERS.

    A forecast is about small changes. That of the last state may be large, its errors with it; and where the data show
    a Si-Li shell, the analysis fits that too, to the same difference.
    """
    last = len(phantom.discharge.potentials_v) - 1
    tiles = [lean(analyze_tile(expected_tile(phantom, beamline, table, state, index), recipe)) for state in (0, last)]
    patterns = np.stack([tile.roi_iq.values for tile in tiles])
    variance = sum(tile.roi_iq_variance.values for tile in tiles) + np.sum(
        (beamline.faults.channel_drift * patterns) ** 2, axis=0
    )
    operator = pdf_operator(tiles[0].q.values, recipe.pdf, compton=tiles[0].compton_weight.values)
    oxygen = recipe.pdf.composition.get("O", 0.0) * float(operator.density(patterns[0]))
    reference = fit_reference(operator, operator.apply(patterns[0]), oxygen)
    difference = operator.apply(patterns[1:] - patterns[0])
    lithium, _ = lithium_shell(operator, reference, difference, variance[None])
    fit = fit_difference(operator, reference, difference[0], lithium)
    # a spread at its bound does not follow the data
    free = fitted_freely(lithium)
    matrix = fit.matrix + fit.by_lithium[:, free] @ fit.lithium_matrix[free]
    return np.sqrt(np.diag(matrix @ operator.covariance(variance) @ matrix.T))


def fitted_freely(lithium: Shell) -> NDArray[np.bool_]:
    """Whether distance and spread of the Si-Li shell follow the data: not that of the handbook, nor at its bounds."""
    values, bounds = np.array([lithium.distance, lithium.sigma]), np.array(LITHIUM_BOUNDS)
    inside = (values > bounds[0] + AT_BOUND) & (values < bounds[1] - AT_BOUND)
    return inside & (lithium != SILICON_LITHIUM)


def simulate_seed(shared: Mapping[str, Any], seed: int) -> dict[str, NDArray]:
    """Simulate and analyse the first and the last state in full; the numbers whose scatter is compared."""
    phantom, recipe = shared["sample"], shared["recipe"]
    last = len(phantom.discharge.potentials_v) - 1
    what = (phantom, shared["beamline"], shared["table"], seed)
    tiles = [analyze_tile(simulate_tile(*what, state, shared["slice"]), recipe) for state in (0, last)]
    return _measured(tiles, shared["forecast"], recipe)


def compare(shared: Mapping[str, Any], rows: Sequence[Mapping[str, NDArray]]) -> list[Comparison]:
    """Scatter of the results of several seeds beside the forecast."""
    return beside_scatter({name: _predicted(shared, name) for name in rows[0]}, rows)


def beside_scatter(predicted: Mapping[str, float], rows: Sequence[Mapping[str, NDArray]]) -> list[Comparison]:
    """Predicted standard deviations beside the scatter of the same numbers over several seeds."""
    return [
        Comparison(
            name=name,
            predicted=value,
            observed=float(np.sqrt(np.mean(np.var([row[name] for row in rows], axis=0, ddof=1)))),
            uncertainty=1 / np.sqrt(2 * (len(rows) - 1)),
        )
        for name, value in predicted.items()
    ]


def _measured(tiles: list[xr.Dataset], predicted: Forecast, recipe: Recipe) -> dict[str, NDArray]:
    first = tiles[0]
    series = fit_series([lean(tile) for tile in tiles], recipe)
    inside = first.roi.values.astype(bool)
    at_q, at_r = _places(predicted)
    return {
        "voxel I": first.iq.values[inside][:, at_q] / first.roi_iq.values[at_q],
        "voxel G": first.hr.values[inside][:, at_r] / series.attrs["reference_density"],
        "region G": series.roi_gr.values[0, _along(series)],
        "region dPDF": series.roi_dgr.values[1, _along(series)],
        "region shift": series.fit.sel(parameter="shift").values[1],
        "region Si-Li": series.fit.sel(parameter="silicon_lithium").values[1],
    }


def _places(predicted: Forecast) -> tuple[int, int]:
    q, r = predicted.sigma.q.values, predicted.sigma.r.values
    return int(np.argmin(np.abs(q - AT_Q))), int(np.argmin(np.abs(r - predicted.bond)))


def _along(data: xr.Dataset) -> list[int]:
    return [int(np.argmin(np.abs(data.r.values - r))) for r in AT_R if r <= data.r.values[-1]]


def _predicted(shared: Mapping[str, Any], name: str) -> float:
    at_q, at_r = _places(shared["forecast"])
    sigma = shared["forecast"].sigma
    changes = dict(zip(PARAMETERS, shared["changes"], strict=True))
    found = {
        "voxel I": sigma.voxel_iq[at_q],
        "voxel G": sigma.voxel_gr[at_r],
        "region G": np.sqrt(np.mean(sigma.roi_gr.values[_along(sigma)] ** 2)),
        "region dPDF": np.sqrt(np.mean(sigma.roi_dgr.values[_along(sigma)] ** 2)),
        "region shift": changes["shift"],
        "region Si-Li": changes["silicon_lithium"],
    }
    return float(found[name])
