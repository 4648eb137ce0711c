"""What a beamtime will see, before it happens: errors of everything that is recovered, without simulating noise.

The expected counts go through the same linear operators as the data will; their Poisson variance, the gain errors of
the channels and their drift give the errors of patterns, PDFs, maps and fitted changes, correlations included.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze import analyze_tile, fbp, with_region
from tsct.analyze.pdf import PdfOperator, extremum, mean_f, pdf_operator
from tsct.analyze.phases import (
    HINGED,
    PARAMETERS,
    SILICON,
    SILICON_COORDINATION,
    SILICON_LITHIUM,
    Reference,
    fit_difference,
    fit_hinges,
    fit_reference,
    map_response,
    shell_derivatives,
    shell_pattern,
)
from tsct.analyze.prepare import normalisation_errors, prepare_sinogram
from tsct.analyze.recipe import Recipe, Roi
from tsct.analyze.tomography import ParallelGeometry, fbp_weights
from tsct.phantoms import Phantom, shells, state_truth
from tsct.records.errors import InputError, UsageError
from tsct.simulate import expected_tile
from tsct.simulate.beamline import Beamline
from tsct.simulate.beampath import Spectra, spectra_table
from tsct.validation.checks.termination_ghost import AT_20, ghost

from .dose import absorbed_dose

#: radii of regions for which errors are given, voxels; that of the electrode, a whole slice, is added
RADII = (0.5, 1.0, 2.0, 4.0, 8.0, 12.0, 16.0)
#: channels at which the rings of single voxels are computed; between them they change slowly
RING_CHANNELS = 24
#: ends of the Fourier transform that are compared, 1/angstrom
Q_MAXIMA = (16.0, 18.0, 20.0, 22.0, 24.0, 28.0, 32.0, 36.0)
#: fitted changes that are forecast
CHANGES = ("shift", "number", "broadening", "silicon_lithium")
#: distances in angstrom at which the correlation of errors of G is told
LAGS = (0.04, 0.08, 0.16, 0.24, 0.32, 0.48)
#: what counts as detected, in standard deviations
SIGNIFICANT = 3.0
#: Li per Si and hour at 1 mA per gram of silicon (1 Li per Si is 954.3 mAh/g)
LITHIUM_PER_MAH_G = 1 / 954.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The plan of one experiment.

    Attributes
    ----------
    seconds_per_tomogram, tomograms : float, int
        With dead time; of one slice in one state.
    gigabytes : float
        Of integrated patterns in single precision.
    dose_gray : float
        Absorbed by the slice in one tomogram.
    lithium_per_tomogram : float
        Li per Si that goes in while one tomogram is taken.
    sigma : xarray.Dataset
        Standard deviations: ``voxel_iq`` and ``roi_iq`` (q) relative to the pattern, ``voxel_gr`` and ``roi_gr`` (r) in
        1/angstrom^2, against the truth, so with the gain patterns of channels and translations; ``voxel_counting`` and
        ``roi_counting`` (r) of G by counting and drift alone; ``roi_dgr`` (r); ``change`` (region, parameter) of the
        fitted changes between two states by counting, ``change_drift`` by the drift of the gains, ``bound`` the
        Cramer-Rao bound of ``change``; ``maps`` (map) of one voxel, by counting, and ``map_levels`` (map) of all voxels
        together, by counting, gains and readings of each frame, both relative; ``onset_v`` (hinge);
        ``gr_correlation`` (lag) between points of G at the Si-Si peak.
    radius : xarray.Dataset
        ``change`` (radius, parameter) for regions of any size.
    q_max : xarray.Dataset
        ``voxel_gr``, ``roi_gr`` at the first Si-Si peak, ``shift`` (voxel), ``ghost`` for other ends of the transform.
    detectable_x : dict of str to float
        Li per Si that one ``voxel`` and the ``roi`` show with three standard deviations.
    counts : xarray.DataArray
        Mean counts per channel of a ray through the middle.
    bond : float
        First Si-Si distance of the expected data, angstrom.
    """

    seconds_per_tomogram: float
    tomograms: int
    gigabytes: float
    dose_gray: float
    lithium_per_tomogram: float
    sigma: xr.Dataset
    radius: xr.Dataset
    q_max: xr.Dataset
    detectable_x: Mapping[str, float]
    counts: xr.DataArray
    bond: float

    @property
    def hours(self) -> float:
        """Of all tomograms."""
        return self.seconds_per_tomogram * self.tomograms / 3600

    def time_factor(self, wanted_shift: float, region: str) -> float:
        """Exposure over the planned one that makes a shift (angstrom) significant; infinite if drift forbids it."""
        at = {"region": region, "parameter": "shift"}
        counting, drift = (float(self.sigma[name].sel(at)) for name in ("change", "change_drift"))
        left = (wanted_shift / SIGNIFICANT) ** 2 - drift**2
        return counting**2 / left if left > 0 else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """Expected data of one state and the operators of the analysis."""

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


def forecast(
    phantom: Phantom, beamline: Beamline, recipe: Recipe, *, slice_index: int | None = None, current_ma_g: float = 150.0
) -> Forecast:
    """Forecast the errors of an experiment.

    Parameters
    ----------
    phantom, beamline, recipe : Phantom, Beamline, Recipe
        What is to be measured, how, and how it will be analysed.
    slice_index : int, optional
        The slice that is looked at; the middle one if omitted.
    current_ma_g : float
        Discharge current per gram of silicon.

    Raises
    ------
    UsageError, InputError
        For a slice that there is not, a current that is none, a plan in which the cell discharges within one tomogram,
        and a reconstruction whose noise has no closed form.
    """
    index = len(phantom.slices_z_mm) // 2 if slice_index is None else slice_index
    _possible(phantom, beamline, recipe, index, current_ma_g)
    table = spectra_table(phantom, beamline)
    expected = _expected(phantom, beamline, recipe, table, index)
    scan = beamline.scan
    seconds = tomogram_seconds(beamline)
    tomograms = len(phantom.discharge.potentials_v) * len(phantom.slices_z_mm)
    sigma = _sigma(phantom, beamline, recipe, expected)
    return Forecast(
        seconds_per_tomogram=seconds,
        tomograms=tomograms,
        gigabytes=4e-9 * scan.views * scan.translations * len(scan.q) * tomograms,
        dose_gray=absorbed_dose(phantom, beamline, index),
        lithium_per_tomogram=current_ma_g * LITHIUM_PER_MAH_G * seconds / 3600,
        sigma=sigma,
        radius=_by_radius(phantom, beamline, recipe, expected),
        q_max=_by_q_max(recipe, expected),
        detectable_x={region: _detectable(phantom, sigma, region) for region in ("voxel", "roi")},
        counts=expected.counts,
        bond=float(expected.reference.first.distance),
    )


def tomogram_seconds(beamline: Beamline) -> float:
    """Time for one slice in one state, dead time included."""
    return beamline.scan.views * beamline.scan.translations * (beamline.exposure_s + beamline.dead_time_s)


def _possible(phantom: Phantom, beamline: Beamline, recipe: Recipe, index: int, current_ma_g: float) -> None:
    """Explain, rather than compute, what cannot be."""
    if not 0 <= index < len(phantom.slices_z_mm):
        raise UsageError(f"--slice is {index}; the experiment has the slices 0 to {len(phantom.slices_z_mm) - 1}")
    if not (np.isfinite(current_ma_g) and current_ma_g > 0):
        raise UsageError(f"--current is {current_ma_g}; give mA per gram of silicon, such as 150")
    if recipe.method != "fbp":
        raise UsageError(
            f"analysis.method is '{recipe.method}'; a plan needs fbp, whose noise is known without drawing it"
        )
    if len(phantom.discharge.potentials_v) < 2:
        raise InputError("states.potentials_v holds one state; a change needs a second one to be measured against")
    z, thickness = phantom.slices_z_mm[index], phantom.geometry.electrode_thickness_mm
    if not 0 < z < thickness:
        raise InputError(f"slices.z_mm holds {z:g} mm; a plan is about the electrode, from 0 to {thickness:g} mm")
    seconds = tomogram_seconds(beamline)
    taken_up = current_ma_g * LITHIUM_PER_MAH_G * seconds / 3600
    whole = float(np.ptp(phantom.discharge.x))
    if 0 < whole < taken_up:
        raise InputError(
            f"one tomogram takes {seconds / 60:.1f} min, in which {current_ma_g:g} mA/g put {taken_up:.2f} Li into "
            f"every Si; the whole discharge holds {whole:.2f}: take fewer views, less exposure or a smaller --current"
        )


def expected_data(phantom: Phantom, beamline: Beamline, recipe: Recipe, index: int) -> _Expected:
    """Expected data of the first state of a slice."""
    return _expected(phantom, beamline, recipe, spectra_table(phantom, beamline), index)


def with_expected_region(phantom: Phantom, beamline: Beamline, recipe: Recipe, table: Mapping[str, Spectra]) -> Recipe:
    """The recipe whose region, if it depends on a map, is decided as a run would, from a scan without noise."""
    if not recipe.roi.map:
        return recipe
    middle = len(phantom.slices_z_mm) // 2
    return with_region(recipe, expected_tile(phantom, beamline, table, 0, middle))


def _expected(
    phantom: Phantom, beamline: Beamline, recipe: Recipe, table: Mapping[str, Spectra], index: int
) -> _Expected:
    scan = expected_tile(phantom, beamline, table, 0, index)
    tile = analyze_tile(scan, with_expected_region(phantom, beamline, recipe, table))
    sinogram = prepare_sinogram(scan, recipe)
    operator = pdf_operator(scan.q.values, recipe.pdf, compton=tile.compton_weight.values)
    density = float(operator.density(tile.roi_iq.values))
    oxygen = recipe.pdf.composition.get("O", 0.0) * density
    return _Expected(
        tile=tile,
        counts=scan.intensity[:, scan.sizes["translation"] // 2].mean("angle"),
        lines=sinogram.lines,
        variance=sinogram.variance,
        geometry=ParallelGeometry.from_arrays(scan.translation.values, scan.angle.values, float(tile.axis_mm)),
        operator=operator,
        reference=fit_reference(operator, operator.apply(tile.roi_iq.values), oxygen),
        density=density,
    )


def _sigma(phantom: Phantom, beamline: Beamline, recipe: Recipe, expected: _Expected) -> xr.Dataset:
    tile, operator, density = expected.tile, expected.operator, expected.density
    inside = tile.roi.values.astype(bool)
    pattern, region = tile.roi_iq.values, tile.roi_iq_variance.values
    voxel = np.mean(tile.iq_errors.values[inside].astype(float) ** 2, axis=0)
    gain, drift = ((size * pattern) ** 2 for size in (beamline.faults.channel_gain, beamline.faults.channel_drift))
    rings = _translation_gain(beamline, recipe, expected)
    fit = fit_difference(operator, expected.reference, np.zeros_like(operator.r))
    chosen = [PARAMETERS.index(name) for name in CHANGES]

    def change(variance: NDArray) -> NDArray[np.float64]:
        return np.sqrt(2 * np.diag(fit.covariance(operator.covariance(variance))))[chosen]

    def bound(variance: NDArray) -> NDArray[np.float64]:
        return np.sqrt(2 * np.diag(fisher_bound(operator, expected.reference, recipe, variance)))[: len(CHANGES)]

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
        "map_levels": ("map", _map_levels(beamline, recipe, expected, voxel, gain + drift, rings), {"units": "1"}),
        "maps": ("map", [_map_error(tile, name, inside) for name in ("silicon", "carbon")], {"units": "1"}),
        "onset_v": ("hinge", _onset_errors(phantom, fit.matrix, operator, region + drift), {"units": "V"}),
        "gr_correlation": ("lag", _correlation(expected, voxel + drift), {"units": "1"}),
    }
    coords = {
        "q": tile.q,
        "r": tile.r,
        "region": ["voxel", "roi"],
        "parameter": list(CHANGES),
        "map": ["silicon", "carbon"],
        "hinge": [1, 2, 3],
        "lag": list(LAGS),
    }
    return xr.Dataset(data, coords=coords)


def _correlation(expected: _Expected, variance: NDArray) -> NDArray[np.float64]:
    """Correlation of the error of G at the Si-Si peak with that at points further out."""
    operator = expected.operator
    covariance = operator.covariance(variance)
    at = int(np.argmin(np.abs(operator.r - expected.reference.first.distance)))
    others = [int(np.argmin(np.abs(operator.r - operator.r[at] - lag))) for lag in LAGS]
    return covariance[at, others] / np.sqrt(covariance[at, at] * np.diag(covariance)[others])


def fisher_bound(operator: PdfOperator, reference: Reference, recipe: Recipe, variance: NDArray) -> NDArray[np.float64]:
    """Cramer-Rao bound on the covariance of the changes in one pattern with independent channels.

    What any unbiased estimator could learn from I(Q) in the range of the transform: changes of the shells against the
    polynomials times <f>^2 that the analysis takes away, F = A^T V^-1 A (Kay, Fundamentals of Statistical Signal
    Processing, 1993, eq. 3.31). The order of the first rows is that of ``CHANGES``.
    """
    part = operator.q[operator.transformed]
    shells = change_patterns(operator, reference)[:, operator.transformed]
    degree = smooth_degree(recipe)
    scaled = 2 * (part - part[0]) / (part[-1] - part[0]) - 1
    smooth = mean_f(recipe.pdf.composition, part) ** 2 * np.polynomial.legendre.legvander(scaled, degree).T
    design = np.concatenate([shells, smooth]) / np.sqrt(variance[operator.transformed])
    size = np.linalg.norm(design, axis=1)
    inverse = np.linalg.inv((design / size[:, None]) @ (design / size[:, None]).T)
    return (inverse / np.outer(size, size))[: len(shells), : len(shells)]


def smooth_degree(recipe: Recipe) -> int:
    """Degree of the polynomial that takes as much away as that of the analysis, or more."""
    return int(np.ceil(recipe.pdf.polynomial_range * recipe.pdf.data_end / np.pi))


def change_patterns(operator: PdfOperator, reference: Reference) -> NDArray[np.float64]:
    """Change of J(Q) per unit of each change of the shells, shape (change, q): those of ``CHANGES`` first."""
    silicon = reference.amplitudes[0] * SILICON[0].number / SILICON_COORDINATION
    pattern, slopes = (partial(f, operator.q, q_broad=operator.q_broad) for f in (shell_pattern, shell_derivatives))
    first = replace(reference.first, number=1.0)
    distance, broadening, skew = (SILICON_COORDINATION * row for row in slopes(first))
    rows = (distance, pattern(first), broadening, pattern(SILICON_LITHIUM), skew)
    second = (pattern(reference.second), *slopes(reference.second)[:2])
    return np.stack([*(silicon * row for row in rows), *(reference.amplitudes[1] * row for row in second)])


def voxel_rings(beamline: Beamline, recipe: Recipe, expected: _Expected) -> tuple[NDArray, NDArray]:
    """Mean variance of I(Q), shape (q,), and of H(r), shape (r,), of the region's voxels by the gains of translations.

    The gain of one translation is the same in all views and all channels: a ring. H(r) changes almost as it is.
    """
    inside, operator = expected.tile.roi.values.astype(bool), expected.operator

    def variance(lines: NDArray) -> float:
        alone = lines[..., None] * np.eye(lines.shape[1], dtype=np.float32)
        image = fbp(alone.astype(np.float32), expected.geometry, recipe.filter)[inside]
        return beamline.faults.translation_gain**2 * float(np.mean(np.sum(image.astype(float) ** 2, axis=-1)))

    q, pattern = operator.q, expected.tile.roi_iq.values
    chosen = np.unique(np.searchsorted(q, np.geomspace(q[0], q[-1], RING_CHANNELS)).clip(0, len(q) - 1))
    relative = [np.sqrt(variance(expected.lines[..., k])) / pattern[k] for k in chosen]
    h = operator.apply(pattern)
    at = int(np.argmin(np.abs(operator.r - expected.reference.first.distance)))
    peak = variance(operator.apply(expected.lines)[..., at])
    return (np.interp(q, q[chosen], relative) * pattern) ** 2, peak * (h / h[at]) ** 2


def _translation_gain(beamline: Beamline, recipe: Recipe, expected: _Expected) -> NDArray[np.float64]:
    """Change of the region's pattern by one standard deviation of the gain of each translation, (translation, q)."""
    weights = fbp_weights(expected.tile.roi.values.astype(bool), expected.geometry, recipe.filter)
    return beamline.faults.translation_gain * np.einsum("at,atq->tq", weights, expected.lines)


def _map_error(tile: xr.Dataset, name: str, inside: NDArray[np.bool_]) -> float:
    value, error = tile[name].values[inside], tile[f"{name}_errors"].values[inside]
    return float(np.sqrt(np.mean(error**2)) / value.mean())


def _map_levels(
    beamline: Beamline, recipe: Recipe, expected: _Expected, voxel: NDArray, gains: NDArray, rings: NDArray
) -> NDArray[np.float64]:
    """Relative errors that all voxels of the region share, of silicon and of carbon."""
    tile, share = expected.tile, recipe.pdf.composition.get("O", 0.0)
    pattern = tile.roi_iq.values
    responses = map_response(expected.operator, expected.reference, voxel, pattern, share)
    alike = normalisation_errors(
        *(expected.lines, expected.variance, expected.geometry, tile.roi.values.astype(bool), responses),
        gains=gains,
        noise=beamline.faults.monitor_noise,
        axis_error_mm=float(tile.axis_mm_errors),
    )
    return np.hypot(alike, np.linalg.norm(responses @ rings.T, axis=1) / (responses @ pattern))


def _onset_errors(phantom: Phantom, matrix: NDArray, operator: PdfOperator, variance: NDArray) -> NDArray[np.float64]:
    """Errors of the hinge fit on the true signals with the errors that the region will have, volts.

    NaN for onsets that these errors will not let the fit tell from fewer.
    """
    truth = state_truth(phantom)
    potentials = np.array(phantom.discharge.potentials_v)
    if len(potentials) < 6 or not truth["lithium_per_silicon"].any():
        return np.full(3, np.nan)
    true = {
        "silicon_lithium": truth["lithium_neighbours"],
        "shift": truth["silicon_distance"],
        "second_shell": -truth["second_shell_loss"],
    }
    rows = [PARAMETERS.index(name) for name in HINGED]
    own = (matrix @ operator.covariance(variance) @ matrix.T)[np.ix_(rows, rows)]
    states = len(potentials) - 1
    # all differences share the reference
    covariance = np.einsum("ij,ab->iajb", own, np.eye(states) + 1.0)
    signals = np.stack([true[name][1:] - true[name][0] for name in HINGED])
    return fit_hinges(potentials[1:], signals, covariance).errors_v


def _by_radius(phantom: Phantom, beamline: Beamline, recipe: Recipe, expected: _Expected) -> xr.Dataset:
    operator, n = expected.operator, expected.geometry.n
    fit = fit_difference(operator, expected.reference, np.zeros_like(operator.r))
    chosen = [PARAMETERS.index(name) for name in CHANGES]
    rows, voxels = [], []
    whole = phantom.geometry.electrode_diameter_mm / 2 / beamline.scan.step_mm
    radii = sorted({*(radius for radius in RADII if radius < whole), whole})
    for radius in radii:
        # a single voxel must hold the centre of one
        x, y = (0.0, 0.0) if radius == whole else (recipe.roi.x_voxels + 0.5, recipe.roi.y_voxels + 0.5)
        centre = Roi(x_voxels=x, y_voxels=y, radius_voxels=radius)
        mask = centre.mask(n)
        covariance = operator.covariance(expected.region_variance(mask, recipe.filter))
        rows.append(np.sqrt(2 * np.diag(fit.covariance(covariance)))[chosen])
        voxels.append(int(mask.sum()))
    return xr.Dataset(
        {"change": (("radius", "parameter"), np.array(rows)), "voxels": ("radius", voxels)},
        coords={"radius": radii, "parameter": list(CHANGES)},
    )


def _by_q_max(recipe: Recipe, expected: _Expected) -> xr.Dataset:
    tile = expected.tile
    pattern, inside = tile.roi_iq.values, tile.roi.values.astype(bool)
    voxel = np.mean(tile.iq_errors.values[inside].astype(float) ** 2, axis=0)
    rows = []
    ends = [q for q in Q_MAXIMA if q <= tile.q.values[-1] + 1e-6]
    for q_max in ends:
        pdf = replace(recipe.pdf, q_max=q_max, r_max=6.0, r_step=0.01)
        operator = pdf_operator(tile.q.values, pdf, compton=tile.compton_weight.values)
        density = float(operator.density(pattern))
        at = int(np.argmin(np.abs(operator.r - expected.reference.first.distance)))
        oxygen = recipe.pdf.composition.get("O", 0.0) * density
        reference = fit_reference(operator, operator.apply(pattern), oxygen)
        fit = fit_difference(operator, reference, np.zeros_like(operator.r))
        shift = np.sqrt(2 * np.diag(fit.covariance(operator.covariance(voxel))))[0]
        errors = [np.sqrt(operator.variance(v)[at]) / density for v in (voxel, tile.roi_iq_variance.values)]
        curve = operator.apply(pattern) / density
        height = extremum(operator.r, curve, 2.2, 2.6, 1.0)[1]
        rows.append((*errors, shift, ghost(operator.r, curve, AT_20)[1], height))
    names = ("voxel_gr", "roi_gr", "shift", "ghost", "height")
    return xr.Dataset(
        {name: ("q_max", column) for name, column in zip(names, np.array(rows).T, strict=True)}, coords={"q_max": ends}
    )


def _detectable(phantom: Phantom, sigma: xr.Dataset, region: str) -> float:
    """Li per Si at which shift or Si-Li number exceed three errors, from the first step of the series."""
    first, second = phantom.silicon[0], phantom.silicon[min(1, len(phantom.silicon) - 1)]
    step = second.lithium_per_silicon - first.lithium_per_silicon
    if not step > 0:
        return float("nan")
    (n0, d0, li0), (n1, d1, li1) = shells(first), shells(second)
    slopes = {"shift": (d1 / n1 - d0 / n0) / step, "silicon_lithium": (li1 - li0) / step}
    total = np.hypot(sigma.change, sigma.change_drift).sel(region=region)
    return min(SIGNIFICANT * float(total.sel(parameter=name)) / abs(slope) for name, slope in slopes.items())
