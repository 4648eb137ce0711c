"""What would make failing maps and curves fit: the truth is known, so the likeliest slip can be named.

Maps are registered to their truth (flip, turn, magnification, shift, level), curves are stretched. A sentence is made
of what clearly matters, and only if what differs falls clearly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import least_squares

from tsct.analyze.pdf import sensor_efficiency

from .evidence.check import Evidence, NotRunError
from .evidence.phase_amounts import common_phases, recovered_amount, true_amount
from .evidence.region_truth import roi_truth
from .statistics.registration import Registration, register

Array = NDArray[np.float64]

#: a fit explains something if what differs falls to this share, of a map and of a curve
EXPLAINED, CURVE_EXPLAINED = 0.9, 2 / 3
#: a map of which more than this share still differs is not fitted, such as one of things that the truth leaves out
FITTED = 0.15
#: what is not worth naming, whatever its error: voxels, degrees, relative magnification, level and stretch
LEAST_MOVE, LEAST_TURN_DEG, LEAST_MAGNIFICATION, LEAST_LEVEL, LEAST_STRETCH = 0.1, 0.5, 0.005, 0.03, 5e-4
#: standard errors that a stretch must differ by
SIGMAS = 3.0
#: a level is named after a factor if it lies this near to it
NEAR = 0.02
#: stretch up to which Q and r are looked for
MOST_STRETCH = 0.05
#: sensor that many detectors for hard X-rays have: material, g/cm3, mm
COMMON_SENSOR = ("CdTe", 5.85, 1.0)


def explanations(evidence: Evidence) -> tuple[str, ...]:
    """What makes maps and curves of the first state fit the truth, a sentence each; empty where nothing simple does."""
    return (*_of_maps(evidence), *_of_curves(evidence))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A curve beside its truth: found(x) = level true(x (1 + stretch)), with the error of the stretch."""

    stretch: float
    error: float
    level: float
    misfit_before: float
    misfit: float


def fitted_stretch(x: Array, found: Array, true: Array) -> Stretch:
    """Stretch of the axis and level that fit a found curve to its truth best, by least squares, shape (x,) each."""
    norm = float(np.linalg.norm(true))

    def left(p: Array) -> Array:
        return (p[1] * np.interp(x * (1 + p[0]), x, true) - found) / norm

    fits = [
        least_squares(left, [start, 1.0], x_scale=[1e-3, 0.1], bounds=([-MOST_STRETCH, 0.0], [MOST_STRETCH, np.inf]))
        for start in np.linspace(-0.8, 0.8, 9) * MOST_STRETCH
    ]
    best = min(fits, key=lambda fit: fit.cost)
    error = np.sqrt(2 * best.cost / max(len(x) - 2, 1) * np.linalg.pinv(best.jac.T @ best.jac)[0, 0])
    before = float(np.linalg.norm(found - true)) / norm
    return Stretch(
        stretch=float(best.x[0]),
        error=float(error),
        level=float(best.x[1]),
        misfit_before=before,
        misfit=float(np.sqrt(2 * best.cost)),
    )


def _of_maps(evidence: Evidence) -> Iterator[str]:
    """Sentences on maps; those that fit by the same change share one."""
    alike: dict[str, list[tuple[str, Registration]]] = {}
    for name, found, true in _maps(evidence):
        fit = register(found, true)
        fits = fit.misfit < min(EXPLAINED * fit.misfit_before, FITTED)
        if fits and (words := "; ".join(_changes(fit, evidence.truth))):
            alike.setdefault(words, []).append((name, fit))
    for words, rows in alike.items():
        names = " and ".join(name for name, _ in rows)
        worst = max((fit for _, fit in rows), key=lambda fit: fit.misfit)
        yield (
            f"{names} would fit: {words} (what differs falls from {100 * worst.misfit_before:.0f} to "
            f"{100 * worst.misfit:.0f} % of the map)"
        )


def _maps(evidence: Evidence) -> Iterator[tuple[str, Array, Array]]:
    """Name, found and true map of all scattering and of each phase, in the first state and the middle slice."""
    found, truth = evidence.recovered, evidence.truth
    if {"intensity"} <= set(found) & set(truth):
        middle = found["slice"].values[found.sizes["slice"] // 2]
        image = found.intensity.isel(state=0).sel(slice=middle).transpose("y", "x").values
        yield "all scattering", image, truth.intensity.sel(slice=middle).transpose("y", "x").values
    for name in common_phases(truth, found):
        try:
            pair = recovered_amount(evidence, name), true_amount(evidence, name)
        except NotRunError:
            continue
        image, true = (maps[0, maps.shape[1] // 2] for maps in pair)
        if np.isfinite(image).all() and np.ptp(true) > 0 and np.ptp(image) > 0:
            yield name, image, true


def _changes(fit: Registration, truth: xr.Dataset) -> Iterator[str]:
    """What has to be done to a map, in the order in which it is done."""
    if fit.flipped and abs(abs(fit.turn_deg) - 180) < LEAST_TURN_DEG:
        yield "flip y (angles with the other sign?)"
    elif fit.flipped and abs(fit.turn_deg + 90) < LEAST_TURN_DEG:
        yield "exchange x and y (order of the axes?)"
    else:
        if fit.flipped:
            yield "flip x"
        if abs(fit.turn_deg) > LEAST_TURN_DEG:
            yield f"turn it by {fit.turn_deg:+.1f}° from x towards y"
    if abs(np.log(fit.magnification)) > LEAST_MAGNIFICATION:
        yield f"magnify it by {fit.magnification:.3f} (size of a voxel?)"
    if max(map(abs, fit.move)) > LEAST_MOVE:
        where = f"({fit.move[0]:+.1f}, {fit.move[1]:+.1f}) voxels along x and y"
        yield f"move it by {where} (rotation axis, middle of the image?)"
    if abs(np.log(fit.level)) > LEAST_LEVEL:
        yield f"its level is {fit.level:.3g} of the truth{_factor(fit.level, truth)}"


def _factor(level: float, truth: xr.Dataset) -> str:
    """Known factors that are as large as a level."""
    known = {}
    if energy := truth.attrs.get("energy_kev"):
        material, density, thickness = COMMON_SENSOR
        known[f"the efficiency of {thickness:g} mm {material} at {energy:g} keV"] = float(
            sensor_efficiency(material, density, thickness, [energy], [0.0])[0]
        )
    if side := truth.attrs.get("voxel_mm"):
        known[f"the side of a voxel in mm, {side:g}"] = float(side)
    known |= {"2 pi": 2 * np.pi, "4 pi": 4 * np.pi, "two": 2.0}
    for words, factor in known.items():
        if abs(np.log(level / factor)) < NEAR:
            return f" (as much as {words})"
        if abs(np.log(level * factor)) < NEAR:
            return f" (as much as one over {words})"
    return ""


def _of_curves(evidence: Evidence) -> Iterator[str]:
    """Sentences on I(Q) and G(r) of the region."""
    try:
        true = roi_truth(evidence.truth, evidence.recovered, evidence.phases)
    except NotRunError:
        return
    if true is None:
        return
    for name, symbol, axis in (("roi_iq", "I(Q)", "q"), ("roi_gr", "G(r)", "r")):
        if name not in evidence.recovered:
            continue
        x, found = true[axis].values, evidence.recovered[name].values[0]
        fit = fitted_stretch(x, found, true[name.removeprefix("roi_")].values)
        clear = abs(fit.stretch) > max(LEAST_STRETCH, SIGMAS * fit.error) and abs(fit.stretch) < 0.99 * MOST_STRETCH
        if clear and fit.misfit < CURVE_EXPLAINED * fit.misfit_before:
            yield (
                f"{symbol} of the region would fit with {axis.capitalize() if axis == 'q' else axis} times "
                f"{1 + fit.stretch:.4f} (wavelength or detector distance?)"
            )
