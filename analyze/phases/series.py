"""The region of interest through the states: curves, differences from the reference, onset potentials."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from tsct.analyze.pdf.transform import pdf_operator
from tsct.analyze.recipe import Recipe
from tsct.analyze.recipe.pdf_recipe import ATTRIBUTE

from .difference_series import difference_record, reference_weights
from .onsets import onset_record
from .reference_fit import Reference, fit_reference_pattern
from .region_curves import curve_record, ripple_record
from .region_noise import drift_noise, gain_noise
from .squared_amplitude_fit import squared_record


def fit_series(tiles: Sequence[xr.Dataset], recipe: Recipe) -> xr.Dataset:
    """Follow the region of interest of one slice through the states.

    Parameters
    ----------
    tiles : sequence of xarray.Dataset
        Results of :func:`~tsct.analyze.chain.analyze_tile`; the first is the reference.
    recipe : Recipe
        All choices.

    Returns
    -------
    xarray.Dataset
        ROI I(Q), F(Q), G(r) and dPDF of every state with errors; with the model of the silicon anode also fitted
        parameters with errors, lobes and onsets.
    """
    q = tiles[0].q.values
    operator = pdf_operator(q, recipe.pdf, compton=tiles[0].compton_weight.values)
    intensity = np.stack([tile.roi_iq.values for tile in tiles])
    poisson = np.stack([tile.roi_iq_variance.values for tile in tiles])
    density = float(operator.density(intensity[0]))
    # nothing but by given phases
    explained = np.stack([tile.get("roi_iq_explained", xr.zeros_like(tile.roi_iq)).values for tile in tiles])
    absolute = poisson + gain_noise(intensity, poisson, recipe, explained)
    changing = poisson + drift_noise(intensity - explained, poisson)
    weights = reference_weights(operator.apply(intensity), operator.r, recipe)
    record = curve_record(operator, density, tiles, intensity, absolute, changing, weights)
    covariance = operator.covariance(absolute[0]) / density**2
    record["roi_gr_covariance"] = (
        ("r", "r_2"),
        covariance.astype(np.float32),
        {"units": "1/angstrom^4", "long_name": "covariance of G(r) in the reference state"},
    )
    record.attrs |= {"reference_density": density, ATTRIBUTE: recipe.pdf.as_attribute()}
    record["compton_weight"] = tiles[0].compton_weight.reset_coords(drop=True)
    parts = [ripple_record(tiles, recipe, intensity, weights)] if len(tiles) > 1 else []
    if recipe.has_anode:
        reference = fit_reference_pattern(operator, intensity[0], recipe.pdf.composition.get("O", 0.0))
        record["gr_model"] = ("r", reference.model / density, {"units": "1/angstrom^2"})
        record.attrs |= _reference_attrs(reference)
        if len(tiles) > 1:
            changes = difference_record(operator, reference, intensity, changing, density, weights)
            record = record.merge(changes, combine_attrs="no_conflicts")
            parts.insert(0, onset_record(record))
            if recipe.squared_amplitudes:
                parts.append(squared_record(record, operator, changing / density**2, weights))
    return xr.merge([record, *parts], combine_attrs="override", compat="no_conflicts", join="outer")


def _reference_attrs(reference: Reference) -> dict[str, float]:
    return {
        "reference_distance": reference.first.distance,
        "reference_sigma": reference.first.sigma,
        "reference_silicon": float(reference.amplitudes[0]),
        "reference_carbon": float(reference.amplitudes[2]),
    }
