"""Amounts and maps of the phases of any sample against the truth, in windows that follow from the stated errors.

What the windows of the cell's maps are chosen for is known of its rings and its dose alone. Here the truth says what
there is to be seen, and the stated errors say how well: a value that these errors alone could push out of its window
is not compared.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, uniform_filter

from tsct.records.seeds import generator
from tsct.validation.evidence.check import Check, Evidence, Measurement, NotRunError, sure
from tsct.validation.evidence.phase_amounts import (
    PRESENT,
    common_phases,
    interior,
    phase_map,
    recovered_amount,
    true_amount,
)
from tsct.validation.statistics import image_measures as quality
from tsct.validation.statistics.windows import sigmas, window_source

from .image_quality import ALLOWED, ALLOWED_OF_ALL, RESOLVED

#: states and slices, and voxels, that windows of the largest deviation are made for
TILES, VOXELS = 100, 10_000
#: relative scatter of the true map below which it shows no pattern
FLAT = 0.01
#: the least that noise as large as the stated errors must leave of a correlation or a similarity
LEFT = 0.95
#: part of what a voxel may be off, by which blur may move it where voxels are compared one by one
BLURRED = 1 / 5
#: beam, voxel and linear interpolation between rays are boxes one voxel wide: variance of all three, in square voxels
BLUR_VARIANCE = 3 / 12
#: where maps are compared, in words
PLACE = "two voxels away from where the phase ends"
#: by how much detail may be stronger than in the truth
SHARPENED = 0.1
#: draws of noise from which it is known
DRAWS = 8
#: voxels around a phase thinner than a few of them which belong to it. Filtered back-projection of a layer thinner than
#: a voxel has side lobes of either sign: within 2, 3, 4 and 6 voxels lie 101.6, 99.0, 100.2 and 100.05 % of it
SPREAD = 6


def _compare(evidence: Evidence, name: str) -> tuple[NDArray, NDArray, NDArray]:
    """Recovered and true map of the reference state in the slice that is followed, and its stated errors (y, x).

    With what absorption may have left, where that is stated.
    """
    recovered, errors = recovered_amount(evidence, name), recovered_amount(evidence, name, "errors")
    if phase_map(evidence.recovered, name, "absorption_errors") is not None:
        errors = np.hypot(errors, recovered_amount(evidence, name, "absorption_errors"))
    true = true_amount(evidence, name)
    where = _slice(evidence)
    _measured(_shared(evidence, name), 1.0)
    return recovered[0, where], true[0, where], errors[0, where]


def _measured(errors: NDArray | float, amounts: NDArray | float) -> None:
    """Refuse to compare an amount whose stated error is so large that none of it at all would be within the window."""
    share = float(np.max(errors) / max(float(np.max(amounts)), 1e-30))
    if share * sigmas(TILES) > 1:
        raise NotRunError(f"stated to ± {100 * share:.2g} %: none of it at all would do as well")


def _slice(evidence: Evidence) -> int:
    slices = list(evidence.recovered["slice"].values)
    return slices.index(evidence.recovered.attrs.get("roi_slice", slices[len(slices) // 2]))


def _region(evidence: Evidence, name: str) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Means over a region in every state, shape (state,): recovered, true, own error, relative error of all voxels."""
    where = _slice(evidence)
    recovered, true = (part[:, where] for part in (recovered_amount(evidence, name), true_amount(evidence, name)))
    errors = recovered_amount(evidence, name, "errors")[:, where]
    if phase_map(evidence.recovered, name, "level_errors") is None:
        raise NotRunError(f"the recovered data hold no {name}_level_errors, the error that all voxels share")
    level = recovered_amount(evidence, name, "level_errors")[:, where]
    inside = _where(evidence, true)
    # voxels of filtered back-projection are anti-correlated: the mean is surer than that of as many independent ones
    own = np.sqrt(np.sum(errors[:, inside] ** 2, axis=1)) / inside.sum()
    return recovered[:, inside].mean(axis=1), true[:, inside].mean(axis=1), own, level


def _blurred(evidence: Evidence, name: str) -> NDArray[np.float64]:
    """By how much the true mean of the region changes by blur that the best of chains has, shape (state,).

    Change by a mean over 3 x 3 voxels, which has a variance of two thirds of a square voxel along each axis, in the
    proportion of the variances.
    """
    true = true_amount(evidence, name)[:, _slice(evidence)]
    inside = _where(evidence, true)
    means = [uniform_filter(state, 3)[inside].mean() - state[inside].mean() for state in true]
    return BLUR_VARIANCE / (2 / 3) * np.abs(means)


def _where(evidence: Evidence, true: NDArray) -> NDArray[np.bool_]:
    """The region of interest, or if the phase is not there in any state, where it is in the first that holds some.

    Of what is thin, such as the wall of a tube, that is all of it with the voxels around, over which it is spread.
    """
    if "roi" in evidence.recovered:
        region = evidence.recovered.roi.values.astype(bool)
        if true[:, region].mean(axis=1).max() > PRESENT * true.max() > 0:
            return region
    most = true[int(np.argmax(true.max(axis=(1, 2))))]
    try:
        return interior(most, BLURRED * ALLOWED)
    except NotRunError:
        if not most.max() > 0:
            raise
        return binary_dilation(most > 0, np.ones((3, 3)), iterations=SPREAD)


def _amount(evidence: Evidence, name: str) -> Measurement:
    """Largest deviation of the region's amount over its stated error, of all states in the slice that is followed.

    Of what is left of each deviation when that which blur may make of it is taken off.
    """
    recovered, true, errors, level = _region(evidence, name)
    stated = np.hypot(errors, level * np.abs(recovered))
    _measured(stated, recovered)
    difference = recovered - true
    beyond = np.sign(difference) * np.maximum(np.abs(difference) - _blurred(evidence, name), 0.0)
    z = beyond / stated
    if not np.all(np.isfinite(z)):
        return Measurement(value=float("nan"))
    worst = int(np.argmax(np.abs(z)))
    note = f"state {worst}: recovered {recovered[worst]:.4g}, truth {true[worst]:.4g} 1/A3"
    if true[worst] > 0:
        note += f", {100 * (recovered[worst] / true[worst] - 1):+.2g} %"
    return Measurement(value=float(z[worst]), n=z.size, error=1.0, note=note)


def _change(evidence: Evidence, name: str) -> Measurement:
    """Change of the region's amount from the first to the last state, over its error without what both states share."""
    recovered, true, errors, level = _region(evidence, name)
    if len(recovered) < 2:
        raise NotRunError("needs two states or more")
    found, known = recovered[-1] - recovered[0], true[-1] - true[0]
    own = level * np.abs(recovered)
    error = np.sqrt(errors[0] ** 2 + errors[-1] ** 2 + own[0] ** 2 + own[-1] ** 2)
    note = f"recovered {found:+.3g}, truth {known:+.3g} 1/A3"
    return Measurement(value=float((found - known) / error), error=1.0, note=note)


def _bias(evidence: Evidence, name: str) -> Measurement:
    recovered, true, errors = _compare(evidence, name)
    inside = interior(true, BLURRED * ALLOWED)
    ratio = recovered[inside].mean() / true[inside].mean()
    level = phase_map(evidence.recovered, name, "level_errors")
    shared = np.nan if level is None else _shared(evidence, name)
    alone = np.sqrt(np.sum(errors[inside] ** 2)) / inside.sum() / true[inside].mean()
    error = 100 * float(np.hypot(alone, np.nan_to_num(shared) * ratio))
    sure(error, 100 * ALLOWED, "%")
    note = "" if np.isfinite(shared) else "what all voxels share an error of is not known"
    return Measurement(value=float(100 * (ratio - 1)), n=int(inside.sum()), error=error, note=note)


def _correlation(evidence: Evidence, name: str) -> Measurement:
    recovered, true, errors = _compare(evidence, name)
    inside = interior(true)
    _shows(true[inside], name)
    expected = 1 / np.sqrt(1 + np.mean(errors[inside] ** 2) / np.var(true[inside]))
    _enough(expected, "correlation")
    r = float(np.corrcoef(recovered[inside], true[inside])[0, 1])
    return Measurement(value=r, n=int(inside.sum()), error=float((1 - r**2) / np.sqrt(inside.sum())))


def _shows(true: NDArray, name: str) -> None:
    if np.std(true) < FLAT * abs(true.mean()):
        raise NotRunError(f"the true {name} is the same everywhere")


def _enough(left: float, what: str) -> None:
    if not left >= LEFT:
        raise NotRunError(f"noise as large as the stated errors leaves a {what} of {left:.2f}; it takes more photons")


def _cross_talk(evidence: Evidence, name: str) -> Measurement:
    """Largest share of a relative change of another phase that appears in this map, in per cent of its mean."""
    recovered, true, _ = _compare(evidence, name)
    inside = interior(true)
    own, others = true[inside], {}
    for other in common_phases(evidence.truth, evidence.recovered):
        part = true_amount(evidence, other)[0, _slice(evidence)][inside]
        if other != name and np.std(part) > FLAT * part.mean():
            others[other] = part / part.mean()
    if not others:
        raise NotRunError("no other phase varies where this one is")
    design = np.stack([np.ones_like(own), own / own.mean(), *others.values()], axis=1)
    if np.linalg.cond(design) > 1 / FLAT**2:
        raise NotRunError("the phases vary together, so that their shares cannot be told apart")
    coefficients = np.linalg.lstsq(design, recovered[inside] / own.mean(), rcond=None)[0]
    scatter = np.std(recovered[inside] / own.mean() - design @ coefficients)
    errors = 100 * scatter * np.sqrt(np.diag(np.linalg.inv(design.T @ design)))[2:]
    sure(float(errors.max()), 15.0, "%")
    shares = 100 * np.abs(coefficients[2:])
    worst = int(np.argmax(shares))
    return Measurement(
        value=float(shares[worst]), n=own.size, error=float(errors[worst]), note=f"of {list(others)[worst]}"
    )


def _rms(evidence: Evidence, name: str, share: float) -> Measurement:
    """Root-mean-square deviation over what the error bars and a share of the true value allow together."""
    recovered, true, errors = _compare(evidence, name)
    inside = interior(true, BLURRED * share)
    z = ((recovered - true) / np.hypot(errors, share * true))[inside]
    value = float(np.sqrt(np.mean(z**2)))
    note = f"{100 * np.sqrt(np.mean((recovered - true)[inside] ** 2)) / true[inside].mean():.2g} % of the mean"
    return Measurement(value=value, n=z.size, error=value / np.sqrt(2 * z.size), note=note)


def _worst(evidence: Evidence, name: str, share: float) -> Measurement:
    recovered, true, errors = _compare(evidence, name)
    inside = interior(true, BLURRED * share)
    beyond = quality.beyond_share((recovered - true)[inside], true[inside], errors[inside], share)
    worst = int(np.argmax(beyond))
    y, x = np.argwhere(inside)[worst]
    note = f"off by {100 * ((recovered - true) / true)[y, x]:+.1f} % in voxel ({y}, {x})"
    return Measurement(value=float(beyond[worst]), n=beyond.size, note=note, error=1.0)


def _similarity(evidence: Evidence, name: str) -> Measurement:
    recovered, true, errors = _compare(evidence, name)
    inside = interior(true)
    _shows(true[inside], name)
    noise = generator(0, "similarity").standard_normal((DRAWS, *true.shape)) * errors
    alone = [quality.similarity(true + one, true, inside) for one in noise]
    _enough(float(np.mean(alone)), "similarity")
    value = quality.similarity(recovered, true, inside)
    return Measurement(value=value, n=int(inside.sum()), error=float(np.std(alone, ddof=1)))


def _resolution(evidence: Evidence, name: str) -> Measurement:
    """Resolved frequency over that of the truth with noise as large as the stated errors."""
    recovered, true, errors = _compare(evidence, name)
    inside = interior(true)
    _shows(true[inside], name)
    noise = generator(0, "resolution").standard_normal((DRAWS, *true.shape)) * errors
    alone = [_resolved(true + one, true, inside) for one in noise]
    if not np.mean(alone) > 2 / len(true):
        raise NotRunError("noise as large as the stated errors leaves nothing resolved; it takes more photons")
    value = _resolved(recovered, true, inside)
    note = f"{value:.2f} of {np.mean(alone):.2f} cycles per voxel"
    return Measurement(value=value / float(np.mean(alone)), n=int(inside.sum()), note=note)


def _resolved(image: NDArray, true: NDArray, inside: NDArray[np.bool_]) -> float:
    frequency, correlation = quality.ring_correlation(image, true, inside)
    return quality.resolved_frequency(frequency, correlation, RESOLVED)


def _detail(evidence: Evidence, name: str) -> Measurement:
    """Slope of recovered on true values, each without its mean over rings about the axis of rotation."""
    recovered, true, errors = _compare(evidence, name)
    inside = interior(true)
    y, x = np.meshgrid(evidence.recovered.y.values, evidence.recovered.x.values, indexing="ij")
    step = float(evidence.recovered.x[1] - evidence.recovered.x[0])
    off = [quality.off_rings(image, np.hypot(x, y), inside, step) for image in (recovered, true)]
    if np.std(off[1]) < FLAT * abs(true[inside].mean()):
        raise NotRunError("the truth is the same all around")
    error = float(np.sqrt(np.sum((off[1] * errors[inside]) ** 2)) / (off[1] @ off[1]))
    sure(error, 0.3, "")
    sure(_shared(evidence, name), SHARPENED, "of it")
    return Measurement(value=quality.slope(*off), n=int(inside.sum()), error=error)


def _shared(evidence: Evidence, name: str) -> float:
    """Relative error of the reference state's amount that all voxels share, and with it every slope; 0: not stated."""
    if phase_map(evidence.recovered, name, "level_errors") is None:
        return 0.0
    return float(recovered_amount(evidence, name, "level_errors")[0, _slice(evidence)])


def _of_amount(name: str) -> tuple[Check, ...]:
    """Absolute amounts of one phase in the region."""
    figure, error = f"map_{name}", "in units of the stated error, with that which all voxels share"
    return (
        Check(
            id=f"amount[{name}]",
            figure=figure,
            title=f"amount of {name} in the region, or where it is, state by state",
            reason="Absolute amounts within the stated errors, in every state and not in the first alone.",
            source=f"{error}, of what is left when that is taken off which blur may make; {window_source(TILES)}",
            low=-sigmas(TILES),
            high=sigmas(TILES),
            unit="sigma",
            measure=lambda e: _amount(e, name),
            power="an amount off by eight of its stated errors",
        ),
        Check(
            id=f"change[{name}]",
            figure=figure,
            title=f"change of {name} in the region, or where it is, from the first to the last state",
            reason="What a reaction makes or takes must be what it made or took.",
            source=f"{error}; {window_source()}",
            low=-sigmas(),
            high=sigmas(),
            unit="sigma",
            measure=lambda e: _change(e, name),
            power="a change off by eight of its stated errors",
        ),
        Check(
            id=f"map.cross-talk[{name}]",
            figure=figure,
            title=f"{name} map: cross-talk",
            reason="A change of another phase must not show in this map.",
            source="a choice: a seventh of the other phase, where the stated errors can tell",
            low=0.0,
            high=15.0,
            possible=(0.0, np.inf),
            unit="%",
            measure=lambda e: _cross_talk(e, name),
            power="a fifth of another phase",
        ),
    )


def _of_map(name: str, share: float) -> tuple[Check, ...]:
    """The map as an image."""
    figure = f"map_{name}"
    return (
        Check(
            id=f"map.bias[{name}]",
            figure=figure,
            title=f"{name} map: bias",
            reason="Absolute amounts, not just patterns.",
            source=f"a choice: amounts to a twentieth; {PLACE}",
            low=-100 * ALLOWED,
            high=100 * ALLOWED,
            unit="%",
            measure=lambda e: _bias(e, name),
            power="an amount off by a tenth",
        ),
        Check(
            id=f"map.correlation[{name}]",
            figure=figure,
            title=f"{name} map: correlation with the truth",
            reason="What varies across the sample must be what was put in.",
            source=f"a choice: four fifths of the variance, r squared = 0.81; {PLACE}",
            low=0.9,
            high=1.0,
            possible=(-1.0, 1.0),
            unit="1",
            measure=lambda e: _correlation(e, name),
            power="a map of another phase in its place",
        ),
        Check(
            id=f"map.rms-error[{name}]",
            figure=figure,
            title=f"{name} map: root-mean-square error over what is allowed",
            reason="Noise beyond the error bars, blur and bias in one number.",
            source=f"error bars and {100 * share:g} % of the value together are one; a fifth above; {PLACE}",
            low=0.0,
            high=1.2,
            possible=(0.0, np.inf),
            unit="1",
            measure=lambda e: _rms(e, name, share),
            power="a map off by twice what is allowed",
        ),
        Check(
            id=f"map.similarity[{name}]",
            figure=figure,
            title=f"{name} map: structural similarity",
            reason="The same light and dark places, whatever the scale.",
            source=f"index of Wang et al. 2004; a choice, where noise alone leaves {LEFT:g}; {PLACE}",
            low=0.8,
            high=1.0,
            possible=(-1.0, 1.0),
            unit="1",
            measure=lambda e: _similarity(e, name),
            power="a map of another phase in its place",
        ),
        Check(
            id=f"map.resolution[{name}]",
            figure=figure,
            title=f"{name} map: resolved frequency over that which noise alone leaves",
            reason="Finer detail than this is noise, however sharp it looks.",
            source="correlation 0.5 with the noise-free truth; half, because noise of images that are reconstructed "
            "lies at high frequencies",
            low=0.5,
            high=np.inf,
            normal=False,
            unit="1",
            measure=lambda e: _resolution(e, name),
            power="three times the stated noise",
        ),
        Check(
            id=f"map.detail[{name}]",
            figure=figure,
            title=f"{name} map: detail without symmetry",
            reason="Rings look the same in a mirror, grains and gradients do not. A flipped map has a slope of zero.",
            source="beam, voxel and interpolation leave 0.8 of grains of one voxel; from half the way to none, to "
            "sharpened",
            low=0.60,
            high=1 + SHARPENED,
            unit="1",
            measure=lambda e: _detail(e, name),
            power="a map that is flipped or turned",
        ),
        Check(
            id=f"map.worst-voxel[{name}]",
            figure=figure,
            title=f"{name} map: worst voxel",
            reason="One wrong voxel hides in every mean.",
            source=f"in error bars, beyond {100 * share:g} % of the value; {window_source(VOXELS)}; {PLACE}",
            low=0.0,
            high=sigmas(VOXELS),
            possible=(0.0, np.inf),
            unit="sigma",
            measure=lambda e: _worst(e, name, share),
            power="one voxel off by ten of its error bars",
        ),
    )


def phase_checks(names: Sequence[str]) -> tuple[Check, ...]:
    """The checks of the phases with these names, and of the map of all scattering."""
    of_phases = [check for name in names for check in (*_of_amount(name), *_of_map(name, ALLOWED))]
    return (*of_phases, *_of_map("intensity", ALLOWED_OF_ALL))
