"""Forecast errors against those of full simulations with many seeds."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.chain import analyze_tile, lean
from tsct.analyze.recipe import Recipe
from tsct.analyze.series import fit_series
from tsct.phantoms.cell import Phantom
from tsct.simulate.beamline import Beamline
from tsct.simulate.scan import simulate_tile
from tsct.simulate.spectra import spectra_table

from .forecast import Forecast, forecast

#: where errors of patterns are compared, 1/angstrom
AT_Q = 10.0


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


def verify(
    phantom: Phantom, beamline: Beamline, recipe: Recipe, seeds: Iterable[int], *, slice_index: int | None = None
) -> list[Comparison]:
    """Simulate and analyse the first and the last state once for every seed and compare the scatter with a forecast.

    Gain patterns that an instrument keeps do not scatter, so both sides are without them; drift stays.

    Parameters
    ----------
    phantom, beamline, recipe : Phantom, Beamline, Recipe
        The experiment.
    seeds : iterable of int
        Three or more.
    slice_index : int, optional
        The middle slice if omitted.
    """
    index = len(phantom.slices_z_mm) // 2 if slice_index is None else slice_index
    beamline = replace(beamline, faults=replace(beamline.faults, channel_gain=0.0, translation_gain=0.0))
    predicted = forecast(phantom, beamline, recipe, slice_index=index)
    table = spectra_table(phantom, beamline)
    last = len(phantom.discharge.potentials_v) - 1
    rows: list[dict[str, NDArray]] = []
    for seed in seeds:
        tiles = [
            analyze_tile(simulate_tile(phantom, beamline, table, seed, state, index), recipe) for state in (0, last)
        ]
        rows.append(_measured(tiles, predicted, recipe))
    n = len(rows)
    uncertainty = 1 / np.sqrt(2 * (n - 1))
    return [
        Comparison(
            name=name,
            predicted=_predicted(predicted, name),
            observed=float(np.sqrt(np.mean(np.var([row[name] for row in rows], axis=0, ddof=1)))),
            uncertainty=uncertainty,
        )
        for name in rows[0]
    ]


def _measured(tiles: list[xr.Dataset], predicted: Forecast, recipe: Recipe) -> dict[str, NDArray]:
    first = tiles[0]
    series = fit_series([lean(tile) for tile in tiles], recipe)
    inside = first.roi.values.astype(bool)
    at_q, at_r = _places(predicted)
    return {
        "voxel I": first.iq.values[inside][:, at_q] / first.roi_iq.values[at_q],
        "voxel G": first.hr.values[inside][:, at_r] / series.attrs["reference_density"],
        "region G": series.roi_gr.values[0, at_r],
        "region dPDF": series.roi_dgr.values[1, at_r],
        "region shift": series.fit.sel(parameter="shift").values[1],
        "region Si-Li": series.fit.sel(parameter="silicon_lithium").values[1],
    }


def _places(predicted: Forecast) -> tuple[int, int]:
    q, r = predicted.sigma.q.values, predicted.sigma.r.values
    return int(np.argmin(np.abs(q - AT_Q))), int(np.argmin(np.abs(r - predicted.bond)))


def _predicted(predicted: Forecast, name: str) -> float:
    at_q, at_r = _places(predicted)
    sigma = predicted.sigma
    total = np.hypot(sigma.change, sigma.change_drift).sel(region="roi")
    found = {
        "voxel I": sigma.voxel_iq[at_q],
        "voxel G": sigma.voxel_gr[at_r],
        "region G": sigma.roi_gr[at_r],
        "region dPDF": sigma.roi_dgr[at_r],
        "region shift": total.sel(parameter="shift"),
        "region Si-Li": total.sel(parameter="silicon_lithium"),
    }
    return float(found[name])
