"""Maps as images: error, similarity, edges, detail, resolution and the worst voxel (A11)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsct.records.seeds import generator
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, need
from tsct.validation.statistics import image_measures as quality
from tsct.validation.statistics.windows import sigmas, told

from .phase_maps import RIM_VOXELS

#: how far from the rim voxels belong to its edge, in voxels
EDGE_VOXELS = 4.0
#: correlation at which a frequency counts as resolved against a noise-free truth: signal and noise are then 1 to 3
#: (Rosenthal & Henderson, J. Mol. Biol. 333, 721 (2003), write C_ref = 0.5 for an FSC of 0.143)
RESOLVED = 0.5
#: rings on both sides of the resolved frequency over which the fall of the correlation is fitted
NEAR_RINGS = 3
#: draws of noise from which the error of a similarity is known to a fifth
REDRAWN = 16
#: voxels of the electrode, less its rim, in one slice: the deviations of which the worst is looked at
VOXELS = 1100
#: share of the true value that a voxel may be off before its error bar counts: the window of the bias
ALLOWED = 0.05
#: likewise for all scattering together, which no fit of peaks comes between; 0.7 % are left at the sharpest ring
ALLOWED_OF_ALL = 0.01
#: standard errors beyond the window by which a deviation must lie to be found with probability 0.999
SURE = 3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One map of the reference state beside its truth, in the slice of the region of interest."""

    found: NDArray[np.float64]
    true: NDArray[np.float64]
    errors: NDArray[np.float64] | None
    radius: NDArray[np.float64]
    inside: NDArray[np.bool_]
    voxel_mm: float
    edge_mm: float


def view(evidence: Evidence, name: str) -> View:
    """The map `name`; raises :class:`NotRunError` where there is none."""
    need(evidence, name)
    if name not in evidence.truth:
        raise NotRunError(f"the truth holds no {name}")
    middle = _middle(evidence)
    tile = evidence.found.isel(state=0).sel(slice=middle)
    y, x = np.meshgrid(tile.y.values, tile.x.values, indexing="ij")
    step = float(tile.x[1] - tile.x[0])
    edge = float(evidence.truth.attrs["electrode_radius_mm"])
    radius = np.hypot(y, x)
    errors = tile.get(f"{name}_errors")
    return View(
        found=tile[name].transpose("y", "x").values.astype(np.float64),
        true=evidence.truth[name].sel(slice=middle).transpose("y", "x").values,
        errors=None if errors is None else errors.transpose("y", "x").values.astype(np.float64),
        radius=radius,
        inside=radius < edge - RIM_VOXELS * step,
        voxel_mm=step,
        edge_mm=edge,
    )


def _middle(evidence: Evidence) -> int:
    slices = evidence.found["slice"].values
    return int(evidence.found.attrs.get("roi_slice", slices[len(slices) // 2]))


def _error(evidence: Evidence, name: str) -> Measurement:
    v = view(evidence, name)
    difference = (v.found - v.true)[v.inside]
    value = 100 * np.sqrt(np.mean(difference**2)) / v.true[v.inside].mean()
    return Measurement(value=float(value), n=difference.size, error=float(value / np.sqrt(2 * difference.size)))


def _similarity(evidence: Evidence, name: str) -> Measurement:
    v = view(evidence, name)
    value = quality.similarity(v.found, v.true, v.inside)
    return Measurement(value=value, n=int(v.inside.sum()), error=_similarity_error(v))


def _similarity_error(v: View) -> float:
    """Scatter of the similarity when noise as large as the errors is added once more, voxel by voxel."""
    if v.errors is None:
        return float("nan")
    noise = generator(0, "similarity").standard_normal((REDRAWN, *v.found.shape)) * v.errors
    return float(np.std([quality.similarity(v.found + more, v.true, v.inside) for more in noise], ddof=1))


def _edge(evidence: Evidence, name: str) -> Measurement:
    v = view(evidence, name)
    if not np.all(np.isfinite(v.found)):
        return Measurement(value=float("nan"))
    width, error = quality.edge_width(v.found, v.radius, v.edge_mm, EDGE_VOXELS * v.voxel_mm)
    n = int(np.sum(np.abs(v.radius - v.edge_mm) < EDGE_VOXELS * v.voxel_mm))
    return Measurement(value=width / v.voxel_mm, n=n, error=error / v.voxel_mm)


def _resolution(evidence: Evidence, name: str) -> Measurement:
    v = view(evidence, name)
    frequency, correlation = quality.ring_correlation(v.found, v.true, v.inside)
    resolved = quality.resolved_frequency(frequency, correlation, RESOLVED)
    note = (
        "up to the Nyquist frequency" if resolved == frequency[-1] else f"{0.5 / resolved:.1f} voxels per half period"
    )
    error = _resolution_error(frequency, correlation, resolved, v.inside)
    return Measurement(value=resolved, n=len(frequency), note=note, error=error)


def _resolution_error(frequency: NDArray, correlation: NDArray, at: float, inside: NDArray[np.bool_]) -> float:
    """Error of the correlation where it falls below the threshold, over the slope with which it falls there."""
    if not np.isfinite(at) or at == frequency[-1]:
        return float("nan")
    k = int(np.searchsorted(frequency, at))
    near = slice(max(k - NEAR_RINGS, 0), k + NEAR_RINGS)
    fall = np.polyfit(frequency[near], correlation[near], 1)[0]
    errors = quality.ring_errors(frequency, np.full_like(frequency, RESOLVED), inside)
    return float(errors[k] / abs(fall))


def _rings(evidence: Evidence, name: str) -> Measurement:
    """Slope of the found on the true radial profile, each without its parabola."""
    v = view(evidence, name)
    found, true = (_wave(quality.radial_mean(image, v.radius, v.voxel_mm), v) for image in (v.found, v.true))
    value, n = quality.slope(found, true), len(np.unique(np.floor(v.radius[v.inside] / v.voxel_mm)))
    # all voxels of a ring are one number
    error = np.sqrt(np.sum((found - value * true) ** 2) / (true @ true) / n)
    return Measurement(value=value, n=n, error=float(error))


def _wave(profile: NDArray, v: View) -> NDArray[np.float64]:
    values, square = profile[v.inside], v.radius[v.inside] ** 2
    trend = np.stack([np.ones_like(square), square], axis=1)
    return values - trend @ np.linalg.lstsq(trend, values, rcond=None)[0]


def _detail(evidence: Evidence, name: str) -> Measurement:
    """Slope of found on true values, each without its mean over rings: what is left has a left and a right."""
    v = view(evidence, name)
    found, true = ((image - quality.radial_mean(image, v.radius, v.voxel_mm))[v.inside] for image in (v.found, v.true))
    if np.std(true) < 1e-3 * abs(v.true[v.inside].mean()):
        raise NotRunError("the truth is the same all around")
    value = quality.slope(found, true)
    error = np.std(found - value * true) / np.sqrt(true @ true)
    return Measurement(value=value, n=true.size, note=f"± {error:.3f}", error=float(error))


def _worst(evidence: Evidence, name: str, share: float) -> Measurement:
    """Largest deviation over its error bar, of what is left of it when a share of the true value is taken off.

    A bias of at most that share makes what is left no larger than the noise, so the largest of many is no larger than
    the largest of as many normal deviates.
    """
    v = view(evidence, name)
    if v.errors is None:
        raise NotRunError(f"the recovered data hold no {name}_errors")
    difference, true, errors, radius = (image[v.inside] for image in (v.found - v.true, v.true, v.errors, v.radius))
    beyond = np.maximum(np.abs(difference) - share * np.abs(true), 0.0) / errors
    worst = int(np.argmax(beyond))
    note = (
        f"off by {100 * difference[worst] / true[worst]:+.1f} %, {radius[worst] / v.voxel_mm:.1f} voxels off the axis"
    )
    # an error bar is the scatter of the deviation, and so one the scatter of their ratio
    return Measurement(value=float(beyond[worst]), n=difference.size, note=note, error=1.0)


#: why a frequency must be resolved with 60 views and 1e11 photons per frame
_DOSE = "with 60 views and 1e11 photons per frame"
_NOISE = {
    "s": f"{_DOSE} it is 0.90 ± 0.02 or more up to 0.4, twenty errors above 0.5",
    "c": f"{_DOSE} it is 0.86 ± 0.03 or more up to 0.2, ten errors above 0.5",
    "i": f"{_DOSE} it is higher than that of the silicon up to 0.4",
}
#: largest error bar of a voxel on the gate's small experiment, in per cent of its true value
ERROR_BAR = {"s": 1.6, "c": 4.0, "i": 0.03}
#: error in per cent and similarity of the reference chain's maps on the gate's small experiment
LEFT = {"s": (1.6, 0.983), "c": (4.4, 0.66), "i": (0.22, 0.989)}
_BEAM = "beam, voxel and linear interpolation damp a wave of f cycles per voxel by sinc(f)^3"


def _checks(
    name: str, suffix: str, *, error: float, similarity: float, resolved: float, share: float = ALLOWED
) -> tuple[Check, ...]:
    left = LEFT[suffix]
    return (
        Check(
            id=f"A11{suffix}4",
            title=f"{name} map: root-mean-square error",
            reason="Noise, blur and bias in one number; it alone would reward smoothing, so read it with the rings.",
            source=f"a choice with room for other methods: the reference chain leaves {left[0]} %",
            low=0.0,
            high=error,
            unit="%",
            measure=lambda e: _error(e, name),
        ),
        Check(
            id=f"A11{suffix}5",
            power="three times the noise of the twin",
            title=f"{name} map: structural similarity",
            reason="The same light and dark places, whatever the scale.",
            source=f"index of Wang et al. 2004; a choice; the reference chain has {left[1]}",
            low=similarity,
            high=1.0,
            unit="1",
            measure=lambda e: _similarity(e, name),
        ),
        Check(
            id=f"A11{suffix}6",
            power="three times the noise of the twin",
            title=f"{name} map: resolved frequency (Fourier ring correlation)",
            reason="Finer detail than this is noise, however sharp it looks.",
            source=f"correlation 0.5 with a noise-free truth, in cycles per voxel; {_NOISE[suffix]}",
            low=resolved,
            high=0.5,
            unit="1/voxel",
            measure=lambda e: _resolution(e, name),
        ),
        Check(
            id=f"A11{suffix}7",
            title=f"{name} map: height of the rings",
            reason="Smoothing lowers the error of a map and takes the rings with it.",
            source=f"{_BEAM}, 0.90 for rings 6.9 voxels apart; ± 0.10",
            low=0.80,
            high=1.00,
            unit="1",
            measure=lambda e: _rings(e, name),
        ),
        Check(
            id=f"A11{suffix}8",
            title=f"{name} map: detail without symmetry",
            reason="Rings look the same in a mirror, grains do not. A flipped or turned map has a slope of zero.",
            source=f"{_BEAM}, about 0.8 for grains of one voxel; from half the way to none, to sharpened",
            low=0.60,
            high=1.10,
            unit="1",
            measure=lambda e: _detail(e, name),
        ),
        Check(
            id=f"A11{suffix}9",
            title=f"{name} map: worst voxel",
            reason="One wrong voxel hides in every mean. Look first at the axis: a gain of a translation that all "
            "views share, which no error bar holds, draws rings, and the narrowest of them adds up to a dot there.",
            source=f"in error bars, beyond {100 * share:.0f} % of the value, which any may be off; {told(VOXELS)}",
            low=0.0,
            high=sigmas(VOXELS),
            unit="sigma",
            measure=lambda e: _worst(e, name, share),
            power=f"one voxel off by {100 * share + (sigmas(VOXELS) + SURE) * ERROR_BAR[suffix]:.2g} % of its value",
        ),
    )


CHECKS = (
    *_checks("silicon", "s", error=4.2, similarity=0.93, resolved=0.40),
    *_checks("carbon", "c", error=7.0, similarity=0.50, resolved=0.20),
    *_checks("intensity", "i", error=0.5, similarity=0.95, resolved=0.40, share=ALLOWED_OF_ALL),
    Check(
        id="A11se",
        title="silicon map: edge of the electrode, 10 to 90 %",
        reason="A wrong rotation centre or a blurred scan widens every edge; sharpening narrows it below a voxel.",
        source="2.56 standard deviations of: one voxel alone (0.74) to beam, voxel and linear interpolation (1.48)",
        low=0.74,
        high=1.48,
        unit="voxels",
        measure=lambda e: _edge(e, "silicon"),
    ),
)
