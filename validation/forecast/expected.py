"""Expected data of a planned scan, without noise, and the operators that the analysis will apply to them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze import analyze_tile, with_region
from tsct.analyze.pdf import PdfOperator, pdf_operator
from tsct.analyze.phases import Reference, fit_reference
from tsct.analyze.prepare import Sinogram, gain_variances, prepare_sinogram
from tsct.analyze.recipe import Recipe
from tsct.analyze.tomography import ParallelGeometry, fbp_weights
from tsct.phantoms import Phantom, Sample
from tsct.records.errors import UsageError
from tsct.simulate import expected_tile
from tsct.simulate.beamline import Beamline
from tsct.simulate.beampath import Spectra, spectra_table

from .costs import refuse_absurd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """Expected data of one state of any sample and the operators of the analysis."""

    scan: xr.Dataset
    sinogram: Sinogram
    tile: xr.Dataset
    operator: PdfOperator

    @property
    def counts(self) -> xr.DataArray:
        """Mean counts per channel of a ray through the middle, dim q."""
        return self.scan.intensity[:, self.scan.sizes["translation"] // 2].mean("angle")

    @property
    def lines(self) -> NDArray[np.float32]:
        """Corrected line integrals, shape (angle, translation, q)."""
        return self.sinogram.lines

    @property
    def geometry(self) -> ParallelGeometry:
        """Where the rays run, about the axis that the analysis found."""
        scan = self.scan
        return ParallelGeometry.from_arrays(scan.translation.values, scan.angle.values, float(self.tile.axis_mm))

    @property
    def density(self) -> float:
        """Atoms per cubic angstrom in the region."""
        return float(self.operator.density(self.tile.roi_iq.values))

    def region_variance(self, mask: NDArray[np.bool_], filter_name: str) -> NDArray[np.float64]:
        """Poisson variance of the mean pattern of a region, shape (q,)."""
        weights = fbp_weights(mask, self.geometry, filter_name)
        return np.einsum("at,atq->q", weights**2, self.sinogram.variance)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedCell(Expected):
    """The same of the cell, whose first state is the reference of all changes."""

    reference: Reference


def expected_data(sample: Sample, beamline: Beamline, recipe: Recipe, index: int) -> Expected:
    """Expected data of the first state of a slice, whose errors know of readings and gains as they will be.

    Raises
    ------
    UsageError, InputError
        For a reconstruction whose noise has no closed form, and for a sample that lets nothing through.
    """
    if recipe.method != "fbp":
        raise UsageError(
            f"analysis.method is '{recipe.method}'; a plan needs fbp, whose noise is known without drawing it"
        )
    table = spectra_table(sample, beamline)
    scan = expected_tile(sample, beamline, table, 0, index)
    refuse_absurd(beamline, scan)
    recipe = with_expected_region(sample, beamline, recipe, table)
    sinogram = _read_with_noise(prepare_sinogram(scan, recipe), scan, beamline.faults.monitor_noise)
    gain_error = beamline.faults.channel_gain if recipe.gain_error is None else recipe.gain_error
    # expected counts have no gains, so their scatter between channels would tell of none
    tile = analyze_tile(sinogram, replace(recipe, gain_error=gain_error))
    operator = pdf_operator(scan.q.values, recipe.pdf, compton=tile.compton_weight.values)
    return Expected(scan=scan, sinogram=sinogram, tile=tile, operator=operator)


def _read_with_noise(sinogram: Sinogram, scan: xr.Dataset, noise: float) -> Sinogram:
    """A sinogram of expected counts whose errors know of the noise of monitor and transmission, which it has not."""
    left = sinogram.gains_left
    if left is not None:
        left = left + np.diag(gain_variances(-np.log(scan.transmission.values), noise))
    return replace(sinogram, reading_noise=noise, gains_left=left)


def expected_cell(phantom: Phantom, beamline: Beamline, recipe: Recipe, index: int) -> ExpectedCell:
    """Expected data of the first state of a slice of the cell."""
    data = expected_data(phantom, beamline, recipe, index)
    oxygen = recipe.pdf.composition.get("O", 0.0) * data.density
    reference = fit_reference(data.operator, data.operator.apply(data.tile.roi_iq.values), oxygen)
    return ExpectedCell(
        scan=data.scan, sinogram=data.sinogram, tile=data.tile, operator=data.operator, reference=reference
    )


def with_expected_region(sample: Sample, beamline: Beamline, recipe: Recipe, table: Mapping[str, Spectra]) -> Recipe:
    """The recipe whose region, if it depends on a map, is decided as a run would, from a scan without noise."""
    if recipe.roi.is_decided:
        return recipe
    middle = len(sample.slices_z_mm) // 2
    return with_region(recipe, expected_tile(sample, beamline, table, 0, middle))
