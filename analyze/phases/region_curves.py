"""Curves of the region in every state, and which of their features are ripples of the transform."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.termination_ripples import ripple_test
from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.recipe import Recipe
from tsct.records.schema import STATE_AXIS


def curve_record(
    operator: PdfOperator,
    density: float,
    tiles: Sequence[xr.Dataset],
    intensity: NDArray[Any],
    absolute: NDArray[Any],
    changing: NDArray[Any],
    weights: NDArray[Any],
) -> xr.Dataset:
    """I(Q), F(Q), G(r) and differences of G(r) in every state with their errors, per atom of the reference.

    Parameters
    ----------
    operator : PdfOperator
        From scattering power to density-weighted G(r).
    density : float
        Number density of the reference, 1/angstrom^3.
    tiles : sequence of xarray.Dataset
        Of the states, whose labels are taken.
    intensity : ndarray, shape (state, q)
        Pattern of the region.
    absolute, changing : ndarray, shape (state, q)
        Its variance, and the part that differences do not cancel.
    weights : ndarray, shape (state, state)
        See :func:`~tsct.analyze.phases.difference_series.reference_weights`.
    """
    gr = operator.apply(intensity) / density
    fq = operator.fq(intensity) / density
    fq_errors = np.sqrt(operator.fq_variance(absolute)) / density
    gr_errors = np.sqrt(operator.variance(absolute)) / density
    dgr_errors = np.sqrt(operator.variance(weights**2 @ changing)) / density
    return xr.Dataset(
        {
            "roi_gr": (("state", "r"), gr, {"units": "1/angstrom^2", "long_name": "G(r)"}),
            "roi_gr_errors": (("state", "r"), gr_errors, {"units": "1/angstrom^2"}),
            "roi_dgr": (("state", "r"), weights @ gr, {"units": "1/angstrom^2", "long_name": "G_n(r) - G_1(r)"}),
            "roi_dgr_errors": (("state", "r"), dgr_errors, {"units": "1/angstrom^2"}),
            "roi_fq": (("state", "q_used"), fq, {"units": "1/angstrom", "long_name": "F(Q)"}),
            "roi_fq_errors": (("state", "q_used"), fq_errors, {"units": "1/angstrom"}),
            "roi_iq": (("state", "q"), intensity / density, {"units": "electron units/atom", "long_name": "I(Q)"}),
            "roi_iq_errors": (("state", "q"), np.sqrt(absolute) / density, {"units": "electron units/atom"}),
        },
        coords={
            "state": ("state", [int(tile["state"]) for tile in tiles]),
            **_state_axis(tiles),
            "q": ("q", operator.q, {"units": "1/angstrom"}),
            "q_used": ("q_used", operator.q[operator.transformed], {"units": "1/angstrom"}),
            "r": ("r", operator.r, {"units": "angstrom"}),
        },
    )


def _state_axis(tiles: Sequence[xr.Dataset]) -> dict[str, Any]:
    """The coordinate that is varied from state to state, if the tiles have it and it is not their number alone."""
    name = tiles[0].attrs.get("state_axis", STATE_AXIS)
    if name == "state" or not all(name in tile.coords for tile in tiles):
        return {}
    units = {"units": tiles[0][name].attrs["units"]} if "units" in tiles[0][name].attrs else {}
    return {name: ("state", [float(tile[name]) for tile in tiles], units)}


def ripple_record(
    tiles: Sequence[xr.Dataset], recipe: Recipe, intensity: NDArray[Any], weights: NDArray[Any]
) -> xr.Dataset:
    """Which features of the reference's PDF and of the last difference are ripples of the transform."""
    q, compton = tiles[0].q.values, tiles[0].compton_weight.values
    record = xr.Dataset()
    for name, pattern in (("gr", intensity[0]), ("dgr", (weights @ intensity)[-1])):
        features = ripple_test(q, pattern, recipe.pdf, compton=compton)
        dim = f"{name}_feature"
        record[f"{dim}_r"] = (dim, features.position, {"units": "angstrom"})
        record[f"{dim}_is_ripple"] = (dim, features.ripple.astype(np.int8), {"units": "1"})
        for variant, move in features.moves.items():
            record[f"{dim}_move_{variant}"] = (dim, move, {"units": "angstrom"})
    return record
