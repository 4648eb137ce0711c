"""Expected data of a planned scan, without noise, and the operators that the analysis will apply to them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze import analyze_tile, with_region
from tsct.analyze.pdf import PdfOperator, pdf_operator
from tsct.analyze.phases import Reference, fit_reference
from tsct.analyze.prepare import prepare_sinogram
from tsct.analyze.recipe import Recipe
from tsct.analyze.tomography import ParallelGeometry, fbp_weights
from tsct.phantoms import Phantom, Sample
from tsct.simulate import expected_tile
from tsct.simulate.beamline import Beamline
from tsct.simulate.beampath import Spectra, spectra_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Expected data of one state and the operators of the analysis."""

    scan: xr.Dataset
    tile: xr.Dataset
    counts: xr.DataArray
    lines: NDArray[np.float32]
    variance: NDArray[np.float32]
    geometry: ParallelGeometry
    operator: PdfOperator
    reference: Reference
    density: float

    def region_variance(self, mask: NDArray[np.bool_], filter_name: str) -> NDArray[np.float64]:
        """Poisson variance of the mean pattern of a region, shape (q,)."""
        weights = fbp_weights(mask, self.geometry, filter_name)
        return np.einsum("at,atq->q", weights**2, self.variance)


def expected_data(phantom: Phantom, beamline: Beamline, recipe: Recipe, index: int) -> Expected:
    """Expected data of the first state of a slice."""
    table = spectra_table(phantom, beamline)
    scan = expected_tile(phantom, beamline, table, 0, index)
    tile = analyze_tile(scan, with_expected_region(phantom, beamline, recipe, table))
    sinogram = prepare_sinogram(scan, recipe)
    operator = pdf_operator(scan.q.values, recipe.pdf, compton=tile.compton_weight.values)
    density = float(operator.density(tile.roi_iq.values))
    oxygen = recipe.pdf.composition.get("O", 0.0) * density
    return Expected(
        scan=scan,
        tile=tile,
        counts=scan.intensity[:, scan.sizes["translation"] // 2].mean("angle"),
        lines=sinogram.lines,
        variance=sinogram.variance,
        geometry=ParallelGeometry.from_arrays(scan.translation.values, scan.angle.values, float(tile.axis_mm)),
        operator=operator,
        reference=fit_reference(operator, operator.apply(tile.roi_iq.values), oxygen),
        density=density,
    )


def with_expected_region(phantom: Sample, beamline: Beamline, recipe: Recipe, table: Mapping[str, Spectra]) -> Recipe:
    """The recipe whose region, if it depends on a map, is decided as a run would, from a scan without noise."""
    if recipe.roi.is_decided:
        return recipe
    middle = len(phantom.slices_z_mm) // 2
    return with_region(recipe, expected_tile(phantom, beamline, table, 0, middle))
