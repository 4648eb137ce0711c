"""One voxel or a drawn region: its curves with error bars beside the truth, and why the two differ."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf import extremum
from tsct.analyze.phases import PARAMETER_UNITS, PARAMETERS, SILICON_LITHIUM, Reference, fit_difference, fit_reference
from tsct.analyze.recipe import stated_recipe
from tsct.analyze.tomography import ParallelGeometry, fbp_weights
from tsct.records.errors import InputError
from tsct.validation.evidence import untruncated_pdf

from .run import Run

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: peaks that are read off a PDF: name and where to look, angstrom
PEAKS = (("C–C", 1.25, 1.60), ("Si–Si", 2.20, 2.65), ("second shells", 3.60, 4.10))
#: range in which a difference from the truth is explained, angstrom
EXPLAINED = (1.0, 6.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which voxels of which tile."""

    state: int
    slice_number: int
    mask: Mask


def region(run: Run, place: Place) -> xr.Dataset:
    """Curves of a voxel or of the mean over a region.

    Returns
    -------
    xarray.Dataset
        ``iq`` (q), ``fq`` (q_used), ``gr`` and ``dgr`` (r) with ``_errors`` of counting, per atom; with a truth also
        ``.._true`` as an endless exposure would give them, ``gr_full`` without an end in Q, ``gr_gain`` what the gain
        pattern of the channels adds. Attributes: ``density``, ``density_errors`` and ``density_true`` (1/angstrom^3).
    """
    operator = run.operator
    assert operator is not None, "the page offers voxels only where the transform is known"
    now, reference = _measured(run, place), _measured(run, replace(place, state=run.states[0]))
    density, first = (float(operator.density(pattern)) for pattern, _, _ in (now, reference))
    iq, iq_variance, hr_variance = now
    both = hr_variance + reference[2] if place.state != run.states[0] else np.zeros_like(hr_variance)
    hr, change = operator.apply(np.stack([iq, iq - reference[0]]))
    curves = {
        "iq": ("q", iq / density),
        "iq_errors": ("q", np.sqrt(iq_variance) / density),
        "fq": ("q_used", operator.fq(iq) / density),
        "fq_errors": ("q_used", np.sqrt(operator.fq_variance(iq_variance)) / density),
        "gr": ("r", hr / density),
        "gr_errors": ("r", np.sqrt(hr_variance) / density),
        "dgr": ("r", change / first),
        "dgr_errors": ("r", np.sqrt(both) / first),
    }
    error = float(np.sqrt(operator.density_weights**2 @ iq_variance[operator.used]))
    attrs = {"density": density, "density_errors": error, "voxels": int(place.mask.sum())}
    if run.has_truth:
        known, attrs["density_true"] = _true(run, place)
        curves |= known
    return xr.Dataset(curves, {"q": operator.q, "q_used": operator.q[operator.transformed], "r": operator.r}, attrs)


def _measured(run: Run, place: Place) -> tuple[Array, Array, Array]:
    """Mean J(Q), its variance, and the variance of H(r), of counting."""
    patterns = run.spectra("iq", place.state, place.slice_number, place.mask)
    at = {"state": place.state, "slice": place.slice_number}
    if len(patterns) == 1:
        # typical of a voxel in the region of interest: the volume of these errors is not kept
        typical = run.found.voxel_iq_errors.sel(at).values ** 2
        return patterns[0], typical, run.spectra("hr_errors", place.state, place.slice_number, place.mask)[0] ** 2
    if run.found.attrs.get("method", "fbp") != "fbp":
        raise InputError("error bars of a region are known for filtered back-projection only; choose a single voxel")
    variance = ray_weights(run, place) @ run.found.ray_errors.sel(at).fillna(0.0).values.astype(float) ** 2
    assert run.operator is not None
    return patterns.mean(axis=0), variance, run.operator.variance(variance)


def ray_weights(run: Run, place: Place) -> Array:
    """Summed squared weight of the rays in the mean over a region, by their distance from the followed region's centre.

    The mean is one linear functional of the rays, so the anti-correlation of voxels is in it exactly. The variance of a
    ray is known by its distance from the centre of the region of interest; views are taken as even over 180 degrees.
    """
    found = run.found
    n, step = found.sizes["x"], float(found.attrs["voxel_mm"])
    views = int(found.attrs["views"])
    angles = 180.0 * np.arange(views) / views
    geometry = ParallelGeometry.from_arrays(step * (np.arange(n) - (n - 1) / 2), angles)
    weights = fbp_weights(place.mask, geometry, found.attrs.get("filter", "ramp"))
    rows, columns = np.nonzero(found.roi.values)
    x, y = found.x.values[columns].mean(), found.y.values[rows].mean()
    turn = np.radians(angles)[:, None]
    centre = x * np.cos(turn) + y * np.sin(turn)
    offset = np.rint(np.abs(np.asarray(geometry.translations_mm) - centre) / step).astype(int)
    return np.asarray(np.bincount(np.minimum(offset, n - 1).ravel(), (weights**2).ravel(), n), np.float64)


def _true(run: Run, place: Place) -> tuple[dict[str, tuple[str, Array]], float]:
    """The same region as a perfect scan shows it, and without an end in Q; and its density."""
    operator = run.operator
    assert operator is not None and run.truth is not None and run.phases is not None
    k = run.states.index(place.state)
    densities = run.true_densities(place.slice_number, place.mask)
    pattern, before = (densities[i] @ run.patterns[i] for i in (k, 0))
    density, first = (float(operator.density(values)) for values in (pattern, before))
    if density <= 0 or densities[k].sum() <= 0:
        return {}, density
    gained = pattern * (run.truth.channel_gain.values[k] if "channel_gain" in run.truth else 1.0)
    hr, change, hr_gained = operator.apply(np.stack([pattern, pattern - before, gained]))
    # per atom as the analysis counts them: lithium and hydrogen hardly scatter at high Q
    full = untruncated_pdf(densities[k], run.found, run.phases) * float(densities[k].sum())
    return {
        "iq_true": ("q", pattern / density),
        "fq_true": ("q_used", operator.fq(pattern) / density),
        "gr_true": ("r", hr / density),
        "dgr_true": ("r", change / first),
        "gr_full": ("r", full / density),
        "gr_gain": ("r", hr_gained / float(operator.density(gained)) - hr / density),
    }, density


# ---------------------------------------------------------------------------------------------------------------------
# why it differs


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Parts of the difference between a recovered G(r) and the truth.

    Attributes
    ----------
    total, truncation, noise, gain, rest : float
        Root mean square over EXPLAINED, 1/angstrom^2: found minus untruncated truth; truncated minus untruncated truth;
        error bars; gain pattern of the channels; what is left of found minus truncated truth.
    """

    total: float
    truncation: float
    noise: float
    gain: float
    rest: float

    @property
    def beyond(self) -> float:
        """What remains when counting noise is taken off, 1/angstrom^2."""
        return float(np.sqrt(max(self.rest**2 - self.noise**2, 0.0)))

    @property
    def sentence(self) -> str:
        """The answer in words."""
        parts = {
            "the end of the transform (truncation)": self.truncation,
            "counting noise": self.noise,
            "the gain pattern of the channels": self.gain,
            "something else: blur and streaks of the reconstruction, photons scattered twice, parallax": self.beyond,
        }
        most = max(parts, key=lambda name: parts[name])
        ratio = self.rest / self.noise if self.noise > 0 else np.inf
        agrees = "as large as its error bars say" if ratio < 1.3 else f"{ratio:.1f} times its error bars"
        return f"Most of it is {most}. Compared with the equally truncated truth, the rest is {agrees}."


def why(curves: xr.Dataset) -> Why:
    """Take the difference between a recovered G(r) and the truth apart."""
    r = curves.r.values
    inside = (r >= EXPLAINED[0]) & (r <= EXPLAINED[1])

    def rms(values: xr.DataArray) -> float:
        return float(np.sqrt(np.mean(values.values[inside] ** 2)))

    return Why(
        total=rms(curves.gr - curves.gr_full),
        truncation=rms(curves.gr_true - curves.gr_full),
        noise=rms(curves.gr_errors),
        gain=rms(curves.gr_gain),
        rest=rms(curves.gr - curves.gr_true - curves.gr_gain),
    )


# ---------------------------------------------------------------------------------------------------------------------
# fitted peaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """One line of the table of peaks."""

    name: str
    unit: str
    found: float
    error: float
    true: float


def peaks(curves: xr.Dataset) -> list[Fitted]:
    """Positions and heights of the main maxima, beside those of the equally truncated truth."""
    r, lines = curves.r.values, []
    for name, low, high in PEAKS:
        place, height = extremum(r, curves.gr.values, low, high, 1.0)
        real = extremum(r, curves.gr_true.values, low, high, 1.0) if "gr_true" in curves else (np.nan, np.nan)
        error = float(np.interp(place, r, curves.gr_errors.values)) if np.isfinite(place) else np.nan
        lines.append(Fitted(name=f"{name}, position", unit="Å", found=place, error=np.nan, true=real[0]))
        lines.append(Fitted(name=f"{name}, height", unit="Å⁻²", found=height, error=error, true=real[1]))
    return lines


def reference_of(run: Run) -> Reference | None:
    """What silicon looks like in this run, fitted to the first state of the followed region; slow, ask once."""
    operator, found, recipe = run.operator, run.found, stated_recipe(run.found.attrs)
    if operator is None or recipe is None or "roi_gr" not in found or "reference_density" not in found.attrs:
        return None
    density = run.reference_density
    oxygen = recipe.composition.get("O", 0.0) * density
    return fit_reference(operator, found.roi_gr.values[0] * density, oxygen)


def changes(run: Run, place: Place, reference: Reference) -> list[Fitted]:
    """Template fit of the difference from the first state, with errors, beside what was put in."""
    operator = run.operator
    assert operator is not None
    now, before = _measured(run, place), _measured(run, replace(place, state=run.states[0]))
    at = {"state": run.states[0], "slice": place.slice_number}
    silicon = float(run.found.silicon.sel(at).values[place.mask].mean())
    share = silicon / float(reference.amplitudes[0])
    if not share > 0:
        return []
    lithium = replace(
        SILICON_LITHIUM,
        distance=run.found.attrs.get("lithium_distance", SILICON_LITHIUM.distance),
        sigma=run.found.attrs.get("lithium_sigma", SILICON_LITHIUM.sigma),
    )
    scaled = replace(reference, amplitudes=reference.amplitudes * share)
    fit = fit_difference(operator, scaled, operator.apply(now[0] - before[0]), lithium)
    errors = np.sqrt(np.diag(fit.covariance(operator.covariance(now[1] + before[1]))))
    true = _true_changes(run, place.state)
    units = {"angstrom": "Å", "angstrom^2": "Å²", "1": "", "angstrom^3": "Å³"}
    return [
        Fitted(
            name=name.replace("_", "–" if "lithium" in name else " "),
            unit=units.get(unit, unit),
            found=float(fit.parameters[k]),
            error=float(errors[k]),
            true=true.get(name, np.nan),
        )
        for k, (name, unit) in enumerate(zip(PARAMETERS, PARAMETER_UNITS, strict=True))
        if name in ("shift", "number", "silicon_lithium", "second_shell")
    ]


def _true_changes(run: Run, state: int) -> dict[str, float]:
    if run.truth is None or "silicon_distance" not in run.truth:
        return {}
    k, truth = run.states.index(state), run.truth
    return {
        "shift": float(truth.silicon_distance[k] - truth.silicon_distance[0]),
        "number": float(truth.silicon_neighbours[k] - truth.silicon_neighbours[0]),
        "silicon_lithium": float(truth.lithium_neighbours[k]),
        "second_shell": -float(truth.second_shell_loss[k]),
    }
