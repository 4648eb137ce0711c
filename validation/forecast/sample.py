"""What a beamtime will see of any sample: errors of the amounts of its phases and of the shifts of its peaks.

The expected counts of the first state go through the analysis itself, which is linear in them: its stated errors are
those that data will have. Regions of any size follow from the variance of the rays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze import analyze_tile
from tsct.analyze.pdf import pdf_operator
from tsct.analyze.phases import phase_templates
from tsct.analyze.recipe import Recipe, Roi
from tsct.analyze.tomography import fbp_weights
from tsct.phantoms import Sample
from tsct.records.schema import DENSITY
from tsct.simulate import simulate_tile
from tsct.simulate.beamline import Beamline

from .costs import PIXELS, Costs, chosen_slice, costs_of, refuse_at_once
from .expected import Expected, expected_data
from .readings import ReadingNoise, voxel_weights
from .verify import Comparison, beside_scatter, one_instrument

#: of what errors are given
REGIONS = ("voxel", "region", "slice")
#: a peak of which only the distance is named is looked at within so much on either side, angstrom
PEAK_REACH_A = 0.25
#: distances at most from which the root mean square error of G is taken
MOST_DISTANCES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleForecast:
    """The plan of one experiment on a sample of named phases.

    Every error has two parts: ``counting``, which falls with the root of the exposure, and ``constant``, which no
    exposure mends: noise of monitor and transmission, what the removal of stripes makes of it, and drift of the
    gains of channels.

    Attributes
    ----------
    costs : Costs
        Time, data and dose.
    least_transmission : float
        Of the straight beam, over all rays.
    counts : xarray.DataArray
        Mean counts per channel of a ray through the middle, dim q.
    voxels : xarray.DataArray
        How many there are in the ``region`` and in the ``slice``, dim where.
    phases : xarray.Dataset
        Dim phase: ``amount`` in the region and ``pure``, what fills a voxel, in atoms per cubic angstrom; ``counting``,
        ``constant`` and both together as ``error`` (where, phase); ``level_error`` that all voxels share, relative;
        ``ring_error`` of a voxel by gains of translations that an instrument keeps, unless stripes are removed.
    peaks : xarray.Dataset
        Dim peak: ``distance`` in angstrom; ``counting``, ``constant`` and ``error`` (where, peak) of its shift between
        two states, angstrom.
    pdf : xarray.Dataset
        ``counting``, ``constant`` and ``error`` (where) of G(r), root mean square above the first angstrom,
        1/angstrom^2.
    """

    costs: Costs
    least_transmission: float
    counts: xr.DataArray
    voxels: xr.DataArray
    phases: xr.Dataset
    peaks: xr.Dataset
    pdf: xr.Dataset


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
    index = chosen_slice(sample, slice_index)
    refuse_at_once(sample, beamline, index)
    expected = expected_data(sample, beamline, recipe, index)
    errors = _Errors.of(expected, beamline, recipe, sample)
    return SampleForecast(
        costs=costs_of(sample, beamline, index),
        least_transmission=float(expected.scan.transmission.min()),
        counts=expected.counts,
        voxels=errors.voxels,
        phases=errors.phases(beamline, recipe, sample, index),
        peaks=errors.peaks(recipe),
        pdf=errors.pdf,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Errors:
    """Errors of a voxel, of the region and of the slice.

    Attributes
    ----------
    variances, patterns : ndarray, shape (where, q)
        By counting, and mean.
    weights : sequence of sequences of ndarray, shape (angle, translation)
        Of every ray: in single voxels, in the region, in the slice.
    """

    expected: Expected
    noise: ReadingNoise
    variances: NDArray[np.float64]
    patterns: NDArray[np.float64]
    weights: Sequence[Sequence[NDArray[np.float64]]]
    voxels: xr.DataArray

    @classmethod
    def of(cls, expected: Expected, beamline: Beamline, recipe: Recipe, sample: Sample) -> "_Errors":
        tile, geometry = expected.tile, expected.geometry
        inside = tile.roi.values.astype(bool)
        radius = min(sample.extent_mm / 2 / float(tile.attrs["voxel_mm"]), geometry.n / 2)
        whole = Roi(x_voxels=0.0, y_voxels=0.0, radius_voxels=radius).mask(geometry.n)
        region, everything = (fbp_weights(mask, geometry, recipe.filter) for mask in (inside, whole))
        of_voxel = np.mean(tile.iq_errors.values[inside].astype(np.float64) ** 2, axis=0)
        pattern = tile.roi_iq.values.astype(np.float64)
        return cls(
            expected=expected,
            noise=ReadingNoise.of(expected, beamline, recipe),
            variances=np.stack([of_voxel, tile.roi_iq_variance.values, expected.region_variance(whole, recipe.filter)]),
            patterns=np.stack([pattern, pattern, np.einsum("at,atq->q", everything, expected.lines)]),
            weights=(voxel_weights(expected, inside, recipe.filter), (region,), (everything,)),
            voxels=xr.DataArray(
                [1, int(inside.sum()), int(whole.sum())], coords={"where": list(REGIONS)}, dims="where"
            ),
        )

    @property
    def pattern(self) -> NDArray[np.float64]:
        """Of the region, shape (q,)."""
        return self.patterns[1]

    def parts(self, rows: NDArray[np.float64], dim: str, units: str) -> dict[str, Any]:
        """``counting``, ``constant`` and ``error`` (where, dim) of numbers with these derivatives, (number, q)."""
        pairs = zip(self.weights, self.patterns, strict=True)
        constant = np.sqrt([self.noise.variance(weights, pattern, rows) for weights, pattern in pairs])
        counting = np.sqrt(self.variances @ (rows**2).T)
        values = {"counting": counting, "constant": constant, "error": np.hypot(counting, constant)}
        return {name: (("where", dim), value, {"units": units}) for name, value in values.items()}

    @cached_property
    def pdf(self) -> xr.Dataset:
        """Errors of G(r), root mean square above the first angstrom."""
        operator = self.expected.operator
        beyond = np.flatnonzero(operator.r > 1.0)
        chosen = beyond[:: max(1, -(-len(beyond) // MOST_DISTANCES))]
        each = xr.Dataset(
            self.parts(self._of_curve(np.eye(len(operator.r))[chosen]) / self.expected.density, "r", "1/angstrom^2"),
            coords={"where": list(REGIONS)},
        )
        return (each**2).mean("r", keep_attrs=True) ** 0.5

    def _of_curve(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Derivatives by the pattern, shape (number, q), from those by the curve, shape (number, r)."""
        operator = self.expected.operator
        derivatives = np.zeros((len(rows), len(operator.q)))
        derivatives[:, operator.used] = rows @ operator.matrix
        return derivatives

    def phases(self, beamline: Beamline, recipe: Recipe, sample: Sample, slice_index: int) -> xr.Dataset:
        """Amounts of the phases of the recipe with their errors."""
        names, operator, tile = [phase.name for phase in recipe.phases], self.expected.operator, self.expected.tile
        coords = {"where": list(REGIONS), "phase": names}
        if not names:
            return xr.Dataset({"error": (("where", "phase"), np.zeros((len(REGIONS), 0)))}, coords=coords)
        rings = ReadingNoise.of_unknown_gains(self.expected, beamline, recipe)
        templates = phase_templates(operator, recipe, self.pattern, self.variances[0], tile.compton_weight.values)
        parts = sample.contents(0, slice_index, sample.extent_mm, PIXELS, layers=1).parts
        pure = {part.phase: part.structure.number_density_per_a3 for part in parts}
        units, rows = {"units": DENSITY}, templates.free_response
        # where there is none of a phase, streaks of others leave a little above or below nothing
        amounts = np.maximum(templates.fit(self.pattern).amounts, 0.0)
        ring, shared = (np.sqrt(rings.variance(w, self.pattern, rows)) for w in self.weights[:2])
        level = np.hypot(tile.phase_amount_level_errors.values, shared / np.where(amounts > 0, amounts, np.nan))
        return xr.Dataset(
            {
                "amount": ("phase", amounts, units),
                # a phase that the analyst names and the sample does not hold has no density here
                "pure": ("phase", [pure.get(name, float("nan")) for name in names], units),
                "level_error": ("phase", level, {"units": "1"}),
                "ring_error": ("phase", ring, units),
                **self.parts(rows, "phase", DENSITY),
            },
            coords=coords,
        )

    def peaks(self, recipe: Recipe) -> xr.Dataset:
        """Shifts of named peaks between two states: the curve within the peak's reach moves along r as it is."""
        curve, r = self.expected.operator.apply(self.pattern), self.expected.operator.r
        slope = np.gradient(curve, r)
        rows = np.zeros((len(recipe.peaks), len(r)))
        for k, peak in enumerate(recipe.peaks):
            low, high = peak.reach_a if peak.limits_a else (peak.centre_a - PEAK_REACH_A, peak.centre_a + PEAK_REACH_A)
            near = (r >= low) & (r <= high)
            # least squares with equal weights: d = g'.(G2 - G1) / g'.g'
            rows[k, near] = slope[near] / (slope[near] @ slope[near])
        distance = ("peak", [peak.centre_a for peak in recipe.peaks], {"units": "angstrom"})
        return xr.Dataset(
            # two states, each with noise of its own
            {"distance": distance, **self.parts(np.sqrt(2) * self._of_curve(rows), "peak", "angstrom")},
            coords={"where": list(REGIONS), "peak": [peak.name for peak in recipe.peaks]},
        )


def shared_by_sample_seeds(
    sample: Sample, beamline: Beamline, recipe: Recipe, *, slice_index: int | None = None
) -> dict[str, Any]:
    """What every seed needs: the experiment of one instrument, its spectra, and its forecast."""
    shared = one_instrument(sample, beamline, recipe, slice_index)
    forecast = forecast_sample(sample, shared["beamline"], shared["recipe"], slice_index=shared["slice"])
    return {**shared, "forecast": forecast}


def simulate_sample_seed(shared: Mapping[str, Any], seed: int) -> dict[str, NDArray[np.float64]]:
    """Simulate and analyse the first state in full: amounts of every phase, and G(r), in voxels and in the region."""
    what = (shared["sample"], shared["beamline"], shared["table"], seed, 0, shared["slice"])
    tile = analyze_tile(simulate_tile(*what), shared["recipe"])
    inside = tile.roi.values.astype(bool)
    operator = pdf_operator(tile.q.values, shared["recipe"].pdf, compton=tile.compton_weight.values)
    density, beyond = float(operator.density(tile.roi_iq.values)), operator.r > 1.0
    voxels = {"G": tile.hr.values[inside][:, beyond].astype(np.float64) / density}
    for name in (phase.name for phase in shared["recipe"].phases):
        voxels[name] = tile.phase_amount.sel(phase=name).values[inside].astype(np.float64)
    rows = {f"voxel {name}": values for name, values in voxels.items()}
    return rows | {f"region {name}": values.mean(axis=0) for name, values in voxels.items()}


def compare_sample(shared: Mapping[str, Any], rows: Sequence[Mapping[str, NDArray[np.float64]]]) -> list[Comparison]:
    """Scatter of voxels and region over seeds beside the forecast; phases that are held at zero are left out."""
    found: SampleForecast = shared["forecast"]
    predicted = {}
    for where in ("voxel", "region"):
        predicted[f"{where} G"] = float(found.pdf.error.sel(where=where))
        for name in map(str, found.phases.phase.values):
            one = found.phases.sel(phase=name)
            if one.amount > one.error.sel(where="voxel"):
                predicted[f"{where} {name}"] = float(one.error.sel(where=where))
    return beside_scatter(predicted, rows)
