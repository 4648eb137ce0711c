"""What a beamtime will see of any sample: errors of the amounts of its phases and of the shifts of its peaks.

The expected counts of the first state go through the analysis itself, which is linear in them: its stated errors are
those that data will have. Regions of any size follow from the variance of the rays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze import analyze_tile
from tsct.analyze.pdf import PdfOperator, pdf_operator
from tsct.analyze.phases import phase_templates
from tsct.analyze.prepare import prepare_sinogram
from tsct.analyze.recipe import Recipe, Roi
from tsct.analyze.tomography import ParallelGeometry, fbp_weights
from tsct.phantoms import Sample
from tsct.records.errors import UsageError
from tsct.records.schema import DENSITY
from tsct.simulate import expected_tile, simulate_tile
from tsct.simulate.beamline import Beamline
from tsct.simulate.beampath import spectra_table

from .dose import absorbed_dose
from .expected import with_expected_region
from .forecast import refuse_absurd, tomogram_seconds
from .verify import Comparison, same_instrument

#: of what errors are given
REGIONS = ("voxel", "region", "slice")
#: a peak of which only the distance is named is looked at within so much on either side, angstrom
PEAK_REACH_A = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleForecast:
    """The plan of one experiment on a sample of named phases.

    Attributes
    ----------
    seconds_per_tomogram, tomograms : float, int
        With dead time; of one slice in one state.
    gigabytes : float
        Of integrated patterns in single precision.
    dose_gray : float
        Absorbed by the slice in one tomogram.
    least_transmission : float
        Of the straight beam, over all rays.
    counts : xarray.DataArray
        Mean counts per channel of a ray through the middle, dim q.
    voxels : xarray.DataArray
        How many there are in the ``region`` and in the ``slice``, dim where.
    phases : xarray.Dataset
        Dim phase: ``amount`` in the region and ``pure``, what fills a voxel, in atoms per cubic angstrom; ``error``
        (where, phase) by counting; ``level_error`` that all voxels share, relative.
    peaks : xarray.Dataset
        Dim peak: ``distance`` in angstrom; ``shift_error`` (where, peak) of its shift between two states, by counting.
    pdf_error : xarray.DataArray
        Root mean square error of G(r) by counting above the first angstrom, 1/angstrom^2, dim where.
    """

    seconds_per_tomogram: float
    tomograms: int
    gigabytes: float
    dose_gray: float
    least_transmission: float
    counts: xr.DataArray
    voxels: xr.DataArray
    phases: xr.Dataset
    peaks: xr.Dataset
    pdf_error: xr.DataArray

    @property
    def hours(self) -> float:
        """Of all tomograms."""
        return self.seconds_per_tomogram * self.tomograms / 3600


def forecast_sample(
    sample: Sample, beamline: Beamline, recipe: Recipe, *, slice_index: int | None = None
) -> SampleForecast:
    """Forecast the errors of an experiment on any sample.

    Parameters
    ----------
    sample, beamline, recipe : Sample, Beamline, Recipe
        What is to be measured, how, and how it will be analysed.
    slice_index : int, optional
        The slice that is looked at; the middle one if omitted.

    Raises
    ------
    UsageError, InputError
        For a slice that there is not, a reconstruction whose noise has no closed form, and a sample that lets nothing
        through.
    """
    index = len(sample.slices_z_mm) // 2 if slice_index is None else slice_index
    if not 0 <= index < len(sample.slices_z_mm):
        raise UsageError(f"--slice is {index}; the experiment has the slices 0 to {len(sample.slices_z_mm) - 1}")
    if recipe.method != "fbp":
        raise UsageError(
            f"analysis.method is '{recipe.method}'; a plan needs fbp, whose noise is known without drawing it"
        )
    table = spectra_table(sample, beamline)
    scan = expected_tile(sample, beamline, table, 0, index)
    refuse_absurd(sample, beamline, scan)
    recipe = with_expected_region(sample, beamline, recipe, table)
    errors = _Errors.of(scan, recipe, sample)
    tomograms = len(sample.states.values) * len(sample.slices_z_mm)
    pattern = beamline.scan
    return SampleForecast(
        seconds_per_tomogram=tomogram_seconds(beamline),
        tomograms=tomograms,
        gigabytes=4e-9 * pattern.views * pattern.translations * len(pattern.q) * tomograms,
        dose_gray=absorbed_dose(sample, beamline, index),
        least_transmission=float(scan.transmission.min()),
        counts=scan.intensity[:, scan.sizes["translation"] // 2].mean("angle"),
        voxels=errors.voxels,
        phases=errors.phases(recipe, sample),
        peaks=errors.peaks(recipe),
        pdf_error=errors.pdf_error,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Errors:
    """The analysed tile, and the variance of the pattern of a voxel, of the region and of the slice, shape (3, q)."""

    tile: xr.Dataset
    operator: PdfOperator
    variances: NDArray[np.float64]
    voxels: xr.DataArray

    @classmethod
    def of(cls, scan: xr.Dataset, recipe: Recipe, sample: Sample) -> "_Errors":
        tile = analyze_tile(scan, recipe)
        sinogram = prepare_sinogram(scan, recipe)
        axis = ParallelGeometry.from_arrays(scan.translation.values, scan.angle.values, float(tile.axis_mm))
        inside = tile.roi.values.astype(bool)
        radius = min(sample.extent_mm / 2 / float(tile.attrs["voxel_mm"]), axis.n / 2)
        whole = Roi(x_voxels=0.0, y_voxels=0.0, radius_voxels=radius).mask(axis.n)
        of_slice = np.einsum("at,atq->q", fbp_weights(whole, axis, recipe.filter) ** 2, sinogram.variance)
        of_voxel = np.mean(tile.iq_errors.values[inside].astype(np.float64) ** 2, axis=0)
        return cls(
            tile=tile,
            operator=pdf_operator(scan.q.values, recipe.pdf, compton=tile.compton_weight.values),
            variances=np.stack([of_voxel, tile.roi_iq_variance.values, of_slice]),
            voxels=xr.DataArray(
                [1, int(inside.sum()), int(whole.sum())], coords={"where": list(REGIONS)}, dims="where"
            ),
        )

    @property
    def pattern(self) -> NDArray[np.float64]:
        """Of the region, shape (q,)."""
        return np.asarray(self.tile.roi_iq.values)

    @property
    def pdf_error(self) -> xr.DataArray:
        """Of G(r), root mean square above the first angstrom."""
        beyond = self.operator.r > 1.0
        density = float(self.operator.density(self.pattern))
        errors = [np.sqrt(np.mean(self.operator.variance(row)[beyond])) / density for row in self.variances]
        return xr.DataArray(errors, coords={"where": list(REGIONS)}, dims="where", attrs={"units": "1/angstrom^2"})

    def phases(self, recipe: Recipe, sample: Sample) -> xr.Dataset:
        """Amounts of the phases of the recipe with their errors."""
        names = [phase.name for phase in recipe.phases]
        coords = {"where": list(REGIONS), "phase": names}
        if not names:
            empty = np.zeros((len(REGIONS), 0))
            return xr.Dataset({"error": (("where", "phase"), empty)}, coords=coords)
        compton = self.tile.compton_weight.values
        templates = phase_templates(self.operator, recipe, self.pattern, self.variances[0], compton)
        fit, used = templates.fit(self.pattern), self.operator.used
        noisier = np.sqrt(np.mean(self.variances[:, used] / templates.variance[used], axis=1))
        parts = sample.contents(0, len(sample.slices_z_mm) // 2, sample.extent_mm, 4).parts
        pure = {part.phase: part.structure.number_density_per_a3 for part in parts}
        units = {"units": DENSITY}
        return xr.Dataset(
            {
                "amount": ("phase", fit.amounts, units),
                # a phase that the analyst names and the sample does not hold has no density here
                "pure": ("phase", [pure.get(name, float("nan")) for name in names], units),
                "error": (("where", "phase"), noisier[:, None] * fit.errors, units),
                "level_error": ("phase", self.tile.phase_amount_level_errors.values, {"units": "1"}),
            },
            coords=coords,
        )

    def peaks(self, recipe: Recipe) -> xr.Dataset:
        """Shifts of named peaks between two states: the curve within the peak's reach moves along r as it is."""
        curve, r = self.operator.apply(self.pattern), self.operator.r
        slope = np.gradient(curve, r)
        covariances = [self.operator.covariance(row) for row in self.variances]
        errors = np.full((len(REGIONS), len(recipe.peaks)), np.nan)
        for k, peak in enumerate(recipe.peaks):
            low, high = peak.reach_a if peak.limits_a else (peak.centre_a - PEAK_REACH_A, peak.centre_a + PEAK_REACH_A)
            near = (r >= low) & (r <= high)
            part = slope[near]
            for row, covariance in enumerate(covariances):
                # least squares with equal weights: d = g'.(G2 - G1) / g'.g'
                variance = 2 * part @ covariance[np.ix_(near, near)] @ part / (part @ part) ** 2
                errors[row, k] = np.sqrt(variance)
        coords = {"where": list(REGIONS), "peak": [peak.name for peak in recipe.peaks]}
        distance = ("peak", [peak.centre_a for peak in recipe.peaks], {"units": "angstrom"})
        values = {"distance": distance, "shift_error": (("where", "peak"), errors, {"units": "angstrom"})}
        return xr.Dataset(values, coords=coords)


def shared_by_sample_seeds(
    sample: Sample, beamline: Beamline, recipe: Recipe, *, slice_index: int | None = None
) -> dict[str, Any]:
    """What every seed needs: the experiment of one instrument, its forecast, and the spectra."""
    index = len(sample.slices_z_mm) // 2 if slice_index is None else slice_index
    beamline = same_instrument(beamline)
    table = spectra_table(sample, beamline)
    recipe = with_expected_region(sample, beamline, recipe, table)
    found = forecast_sample(sample, beamline, recipe, slice_index=index)
    return {"sample": sample, "beamline": beamline, "recipe": recipe, "slice": index, "forecast": found, "table": table}


def simulate_sample_seed(shared: Mapping[str, Any], seed: int) -> dict[str, NDArray[np.float64]]:
    """Simulate and analyse the first state in full: amounts of every phase, and G(r), in the voxels of the region."""
    what = (shared["sample"], shared["beamline"], shared["table"], seed, 0, shared["slice"])
    tile = analyze_tile(simulate_tile(*what), shared["recipe"])
    inside = tile.roi.values.astype(bool)
    beyond = tile.r.values > 1.0
    density = float(
        pdf_operator(tile.q.values, shared["recipe"].pdf, compton=tile.compton_weight.values).density(
            tile.roi_iq.values
        )
    )
    rows = {"voxel G": tile.hr.values[inside][:, beyond].astype(np.float64) / density}
    for name in (phase.name for phase in shared["recipe"].phases):
        rows[f"voxel {name}"] = tile.phase_amount.sel(phase=name).values[inside].astype(np.float64)
    return rows


def compare_sample(shared: Mapping[str, Any], rows: Sequence[Mapping[str, NDArray[np.float64]]]) -> list[Comparison]:
    """Scatter of the voxels over several seeds beside the forecast; phases that are held at zero are left out."""
    found: SampleForecast = shared["forecast"]
    predicted = {"voxel G": float(found.pdf_error.sel(where="voxel"))}
    for name in map(str, found.phases.phase.values):
        error = float(found.phases.error.sel(where="voxel", phase=name))
        if found.phases.amount.sel(phase=name) > error:
            predicted[f"voxel {name}"] = error
    return [
        Comparison(
            name=name,
            predicted=value,
            observed=float(np.sqrt(np.mean(np.var([row[name] for row in rows], axis=0, ddof=1)))),
            uncertainty=1 / np.sqrt(2 * (len(rows) - 1)),
        )
        for name, value in predicted.items()
    ]
