"""Maps as images: error, similarity, edges, detail, resolution and the worst voxel."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.records.seeds import generator
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError
from tsct.validation.evidence.map_view import MapView, map_view
from tsct.validation.statistics import image_measures as quality
from tsct.validation.statistics.windows import sigmas, window_source

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


def _error(evidence: Evidence, name: str) -> Measurement:
    v = map_view(evidence, name)
    difference = (v.recovered - v.true)[v.inside]
    value = 100 * np.sqrt(np.mean(difference**2)) / v.true[v.inside].mean()
    return Measurement(value=float(value), n=difference.size, error=float(value / np.sqrt(2 * difference.size)))


def _similarity(evidence: Evidence, name: str) -> Measurement:
    v = map_view(evidence, name)
    value = quality.similarity(v.recovered, v.true, v.inside)
    return Measurement(value=value, n=int(v.inside.sum()), error=_similarity_error(v))


def _similarity_error(v: MapView) -> float:
    """Scatter of the similarity when noise as large as the errors is added once more, voxel by voxel."""
    if v.errors is None:
        return float("nan")
    noise = generator(0, "similarity").standard_normal((REDRAWN, *v.recovered.shape)) * v.errors
    return float(np.std([quality.similarity(v.recovered + more, v.true, v.inside) for more in noise], ddof=1))


def _edge(evidence: Evidence, name: str) -> Measurement:
    v = map_view(evidence, name)
    if not np.all(np.isfinite(v.recovered)):
        return Measurement(value=float("nan"))
    width, error = quality.edge_width(v.recovered, v.radius, v.edge_mm, EDGE_VOXELS * v.voxel_mm)
    n = int(np.sum(np.abs(v.radius - v.edge_mm) < EDGE_VOXELS * v.voxel_mm))
    return Measurement(value=width / v.voxel_mm, n=n, error=error / v.voxel_mm)


def _resolution(evidence: Evidence, name: str) -> Measurement:
    v = map_view(evidence, name)
    frequency, correlation = quality.ring_correlation(v.recovered, v.true, v.inside)
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
    v = map_view(evidence, name)
    value, error = quality.ring_slope(v.recovered, v.true, v.radius, v.inside, v.voxel_mm)
    return Measurement(value=value, n=len(np.unique(np.floor(v.radius[v.inside] / v.voxel_mm))), error=error)


def _detail(evidence: Evidence, name: str) -> Measurement:
    """Slope of recovered on true values, each without its mean over rings."""
    v = map_view(evidence, name)
    recovered, true = (quality.off_rings(image, v.radius, v.inside, v.voxel_mm) for image in (v.recovered, v.true))
    if np.std(true) < 1e-3 * abs(v.true[v.inside].mean()):
        raise NotRunError("the truth is the same all around")
    value = quality.slope(recovered, true)
    error = np.std(recovered - value * true) / np.sqrt(true @ true)
    return Measurement(value=value, n=true.size, note=f"± {error:.3f}", error=float(error))


def _worst(evidence: Evidence, name: str, share: float) -> Measurement:
    """Largest deviation over its error bar, of what remains of it when a share of the true value is taken off."""
    v = map_view(evidence, name)
    if v.errors is None:
        raise NotRunError(f"the recovered data hold no {name}_errors")
    difference, true, errors, radius = (image[v.inside] for image in (v.recovered - v.true, v.true, v.errors, v.radius))
    beyond = quality.beyond_share(difference, true, errors, share)
    worst = int(np.argmax(beyond))
    note = (
        f"off by {100 * difference[worst] / true[worst]:+.1f} %, {radius[worst] / v.voxel_mm:.1f} voxels off the axis"
    )
    # an error bar is the scatter of the deviation, and so one the scatter of their ratio
    return Measurement(value=float(beyond[worst]), n=difference.size, note=note, error=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapWindows:
    """What the checks of one map allow, and what is known of it on the gate's small experiment.

    Attributes
    ----------
    error, similarity, resolved : float
        Largest error in per cent, least similarity, least resolved frequency.
    share : float
        Of the true value, that a voxel may be off before its error bar counts.
    reference : tuple of float
        Error in per cent and similarity that the reference chain leaves.
    error_bar : float
        Largest error bar of a voxel, in per cent of its true value.
    noise : str
        Why the frequency must be resolved with 60 views and 1e11 photons per frame.
    powers : mapping of str to str
        Measure -> defect that planted defects have shown it to find.
    """

    error: float
    similarity: float
    resolved: float
    share: float = ALLOWED
    reference: tuple[float, float]
    error_bar: float
    noise: str
    powers: Mapping[str, str]

    def power(self, measure: str, estimate: str = "") -> dict[str, Any]:
        """Fields of the check: the measured power, or an estimate."""
        return {"power": self.powers.get(measure, estimate), "power_measured": measure in self.powers}


_DOSE = "with 60 views and 1e11 photons per frame"
_BEAM = "beam, voxel and linear interpolation damp a wave of f cycles per voxel by sinc(f)^3"


def _checks(name: str, letter: str, w: MapWindows) -> tuple[Check, ...]:
    """The checks of one map; `letter` stands for it in their former ids."""
    figure = f"map_{name}"
    far_off = 100 * w.share + (sigmas(VOXELS) + SURE) * w.error_bar
    return (
        Check(
            id=f"map.rms-error[{name}]",
            alias=f"A11{letter}4",
            figure=figure,
            title=f"{name} map: root-mean-square error",
            reason="Noise, blur and bias in one number; it alone would reward smoothing, so read it with the rings.",
            source=f"a choice with room for other methods: the reference chain leaves {w.reference[0]} %",
            low=0.0,
            high=w.error,
            possible=(0.0, np.inf),
            unit="%",
            measure=lambda e: _error(e, name),
            **w.power("rms-error"),
        ),
        Check(
            id=f"map.similarity[{name}]",
            alias=f"A11{letter}5",
            figure=figure,
            title=f"{name} map: structural similarity",
            reason="The same light and dark places, whatever the scale.",
            source=f"index of Wang et al. 2004; a choice; the reference chain has {w.reference[1]}",
            low=w.similarity,
            high=1.0,
            possible=(-1.0, 1.0),
            unit="1",
            measure=lambda e: _similarity(e, name),
            **w.power("similarity", "three times the noise of the twin"),
        ),
        Check(
            id=f"map.resolution[{name}]",
            alias=f"A11{letter}6",
            figure=figure,
            title=f"{name} map: resolved frequency (Fourier ring correlation)",
            reason="Finer detail than this is noise, however sharp it looks.",
            source=f"correlation 0.5 with a noise-free truth, in cycles per voxel; {w.noise}",
            low=w.resolved,
            high=0.5,
            possible=(0.0, 0.5),
            # the first frequency at which a correlation falls below one half: its scatter says nothing of its tails
            normal=False,
            unit="1/voxel",
            measure=lambda e: _resolution(e, name),
            **w.power("resolution", "three times the noise of the twin"),
        ),
        Check(
            id=f"map.rings[{name}]",
            alias=f"A11{letter}7",
            figure=figure,
            title=f"{name} map: height of the rings",
            reason="Smoothing lowers the error of a map and takes the rings with it.",
            source=f"{_BEAM}, 0.90 for rings 6.9 voxels apart; ± 0.10",
            low=0.80,
            high=1.00,
            unit="1",
            measure=lambda e: _rings(e, name),
            **w.power("rings"),
        ),
        Check(
            id=f"map.detail[{name}]",
            alias=f"A11{letter}8",
            figure=figure,
            title=f"{name} map: detail without symmetry",
            reason="Rings look the same in a mirror, grains do not. A flipped or turned map has a slope of zero.",
            source=f"{_BEAM}, about 0.8 for grains of one voxel; from half the way to none, to sharpened",
            low=0.60,
            high=1.10,
            unit="1",
            measure=lambda e: _detail(e, name),
            **w.power("detail"),
        ),
        Check(
            id=f"map.worst-voxel[{name}]",
            alias=f"A11{letter}9",
            figure=figure,
            title=f"{name} map: worst voxel",
            reason="One wrong voxel hides in every mean. Look first at the axis: a gain of a translation that all "
            "views share, which no error bar holds, draws rings, and the narrowest of them adds up to a dot there.",
            source=f"in error bars, beyond {100 * w.share:.0f} % of the value, which any may be off; "
            f"{window_source(VOXELS)}",
            low=0.0,
            high=sigmas(VOXELS),
            possible=(0.0, np.inf),
            unit="sigma",
            measure=lambda e: _worst(e, name, w.share),
            **w.power("worst-voxel", f"one voxel off by {far_off:.2g} % of its value"),
        ),
    )


_AXIS, _SMOOTH = "a rotation axis off by 0.5 voxels", "a map smoothed by a Gaussian of one voxel"
_FLIP, _NORMED = "a map flipped along y", "maps renormalised in every voxel"
_ABSORPTION = "no absorption correction"
SILICON = MapWindows(
    error=4.2,
    similarity=0.93,
    resolved=0.40,
    reference=(1.6, 0.983),
    error_bar=1.6,
    noise=f"{_DOSE} it is 0.90 ± 0.02 or more up to 0.4, twenty errors above 0.5",
    powers={
        "rms-error": _AXIS,
        "similarity": f"{_AXIS}, or {_SMOOTH}",
        "rings": _SMOOTH,
        "detail": f"{_FLIP}, or {_SMOOTH}",
    },
)
CARBON = MapWindows(
    error=7.0,
    similarity=0.50,
    resolved=0.20,
    reference=(4.4, 0.66),
    error_bar=4.0,
    noise=f"{_DOSE} it is 0.86 ± 0.03 or more up to 0.2, ten errors above 0.5",
    powers={
        "rms-error": f"{_NORMED}, or {_ABSORPTION}",
        "resolution": f"{_NORMED}, or no polarisation correction",
        "rings": _SMOOTH,
        "detail": f"{_FLIP}, or {_SMOOTH}",
    },
)
INTENSITY = MapWindows(
    error=0.5,
    similarity=0.95,
    resolved=0.40,
    share=ALLOWED_OF_ALL,
    reference=(0.22, 0.989),
    error_bar=0.03,
    noise=f"{_DOSE} it is higher than that of the silicon up to 0.4",
    powers={
        "rms-error": f"{_AXIS}, or an eighth of the polarisation left uncorrected",
        "similarity": _AXIS,
        "resolution": _ABSORPTION,
        "rings": _ABSORPTION,
        "detail": f"{_FLIP}, or angles with the wrong sign",
    },
)
CHECKS = (
    *_checks("silicon", "s", SILICON),
    *_checks("carbon", "c", CARBON),
    *_checks("intensity", "i", INTENSITY),
    Check(
        id="map.edge-width[silicon]",
        alias="A11se",
        figure="map_silicon",
        title="silicon map: edge of the electrode, 10 to 90 %",
        reason="A wrong rotation centre or a blurred scan widens every edge; sharpening narrows it below a voxel.",
        source="2.56 standard deviations of: one voxel alone (0.74) to beam, voxel and linear interpolation (1.48)",
        low=0.74,
        high=1.48,
        unit="voxels",
        measure=lambda e: _edge(e, "silicon"),
        power=f"{_AXIS}, or {_SMOOTH}",
        power_measured=True,
    ),
)
