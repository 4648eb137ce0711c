"""Errors of the maps of silicon and carbon: of one voxel, and of all voxels alike."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.phases import map_response
from tsct.analyze.prepare import normalisation_errors
from tsct.analyze.recipe import Recipe
from tsct.simulate.beamline import Beamline

from .expected import ExpectedCell

#: maps whose errors are forecast
MAPS = ("silicon", "carbon")


def voxel_error(tile: xr.Dataset, name: str, inside: NDArray[np.bool_]) -> float:
    """Root-mean-square error of one voxel of the region over its mean."""
    value, error = tile[name].values[inside], tile[f"{name}_errors"].values[inside]
    return float(np.sqrt(np.mean(error**2)) / value.mean())


def shared_errors(
    beamline: Beamline, recipe: Recipe, expected: ExpectedCell, voxel: NDArray, gains: NDArray, rings: NDArray
) -> NDArray[np.float64]:
    """Relative errors that all voxels of the region share, of silicon and of carbon."""
    tile, share = expected.tile, recipe.pdf.composition.get("O", 0.0)
    pattern = tile.roi_iq.values
    responses = map_response(expected.operator, expected.reference, voxel, pattern, share)
    alike = normalisation_errors(
        *(expected.lines, expected.sinogram.variance, expected.geometry, tile.roi.values.astype(bool), responses),
        gains=gains,
        noise=beamline.faults.monitor_noise,
        axis_error_mm=float(tile.axis_mm_errors),
    )
    return np.hypot(alike, np.linalg.norm(responses @ rings.T, axis=1) / (responses @ pattern))
