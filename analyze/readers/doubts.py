"""Numbers of a scan that can only be meant otherwise: other units, doubled places, counts that are none."""

import warnings
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tsct.records.errors import InputError, TsctWarning

from .patterns import is_uniform

#: a full turn in radians, with a little over; many views of a smaller span in degrees make no slice
LEAST_SPAN_DEG, MANY_VIEWS = 7.0, 10
#: views that span less leave so much out that a slice is drawn out along one direction
USUAL_SPAN_DEG = 120.0
#: shortest translation in all: a few grains
LEAST_TRAVEL_MM = 0.005
#: steps of a translation in mm outside of which its unit is doubted
STEPS_MM = (5e-6, 5.0)
#: rays may be off even places by this share of a step, as the reconstruction allows
EVEN_PLACES = 0.01
#: scatter between neighbouring channels over that of counts, beyond which intensities are no counts
SCATTER_OF_COUNTS = (0.1, 10.0)
#: channels over which the scatter between neighbours is averaged where nothing else tells the errors
SCATTER_CHANNELS = 31


def check_angles(angles: NDArray[Any], source: str) -> None:
    """Refuse a span of angles that can only be in another unit than said."""
    span = float(np.ptp(angles))
    if 0.0 < span < LEAST_SPAN_DEG and len(angles) >= MANY_VIEWS:
        raise InputError(
            f"{source}: the angles span {span:.4g} degrees, of which no slice can be made; they look like radians, so "
            'write [angle] units = "rad"'
        )
    turns = np.degrees(np.array([180.0, 360.0]))
    step = span / max(len(angles) - 1, 1)
    if np.any(np.abs(span - turns) <= 1.5 * step):
        raise InputError(
            f"{source}: the angles span {span:.5g} degrees, which is {np.radians(span):.4g} radians; they look like "
            'degrees, so write [angle] units = "deg"'
        )


def doubt_span(angles: NDArray[Any], source: str) -> None:
    """Warn of views that leave a wide wedge open, as where the steps of a motor are numbered."""
    span = float(np.ptp(angles))
    if len(angles) < MANY_VIEWS or span >= USUAL_SPAN_DEG:
        return
    warnings.warn(
        f"{source}: the angles span {span:.4g} of the 180 degrees that a slice needs, which draws it out; if they are "
        f"the numbers of steps, add linspace = [first, last, {len(angles)}] to [angle]",
        TsctWarning,
        stacklevel=6,
    )


def check_order(values: NDArray[Any], name: str, source: str) -> None:
    """Refuse channels that do not increase, or are not even in Q."""
    wrong = np.flatnonzero(~(np.diff(values) > 0))
    if len(wrong):
        i = int(wrong[0])
        raise InputError(
            f"{source}: {name} is not increasing: {values[i]:g} is followed by {values[i + 1]:g} (step {i + 1}); sort "
            "the channels, and join doubles, together with the intensity"
        )
    if name == "q" and not is_uniform(values):
        steps = np.diff(values)
        raise InputError(
            f"{source}: q is not uniform (steps {steps.min():.4g} to {steps.max():.4g} 1/angstrom); integrate again on "
            "even steps, or name the axis [two_theta] if it is one"
        )


def check_places(places: NDArray[Any], source: str) -> None:
    """Refuse translations of which two are one, or that are uneven."""
    order = np.argsort(places)
    steps = np.diff(places[order])
    if not len(steps):
        return
    i = int(np.argmin(steps))
    if steps[i] <= 0:
        raise InputError(
            f"{source}: translations {order[i]} and {order[i + 1]} are both {places[order[i]]:g} mm; leave one "
            "out, with its frames"
        )
    even = np.polynomial.Polynomial.fit(np.arange(len(places)), places[order], 1)(np.arange(len(places)))
    off = float(np.abs(places[order] - even).max() / np.mean(steps))
    if off > EVEN_PLACES:
        raise InputError(
            f"{source}: translations lie up to {off:.2g} steps off even places ({EVEN_PLACES:g} allowed; steps "
            f"{steps.min():.4g} to {steps.max():.4g} mm); interpolate the scan to even steps first"
        )


def doubt_steps(places: NDArray[Any], source: str) -> None:
    """Warn of steps that no beam is made for, as where um are called mm."""
    step = float(np.median(np.abs(np.diff(places)))) if len(places) > 1 else 1.0
    travel = float(np.ptp(places))
    if not STEPS_MM[0] <= step <= STEPS_MM[1] or 0 < travel < LEAST_TRAVEL_MM:
        warnings.warn(
            f"{source}: steps of the translation are {step:.3g} mm, {travel:.3g} mm in all; is that its unit?",
            TsctWarning,
            stacklevel=6,
        )


def check_intensity(intensity: xr.DataArray, is_of_counting: bool, source: str) -> None:
    """Refuse a scan without photons, and warn where intensities without errors do not scatter as counts do.

    Parameters
    ----------
    intensity : xarray.DataArray, dims (angle, translation, radial)
    is_of_counting : bool
        Whether the errors will be those of counting.
    source : str
        What messages call it.
    """
    values = intensity.values
    if not any((view[np.isfinite(view)] > 0).any() for view in values):
        raise InputError(f"{source}: no intensity is above zero; is the path of [intensity] the right one?")
    if not is_of_counting or values.dtype.kind != "f":
        return
    rows = values[:: max(1, values.shape[0] // 16)].astype(np.float64)
    known = rows[np.isfinite(rows)]
    if np.all(known == np.round(known)):
        return
    scatter = np.square(np.diff(rows, 2, axis=-1)) / 6
    mean = (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 3
    ratio = np.nanmedian(scatter) / 0.4549 / np.nanmedian(mean)  # the median of a chi-squared of one degree
    low, high = SCATTER_OF_COUNTS
    if not low <= ratio <= high:
        warnings.warn(
            f"{source}: intensities called counts are not whole, and scatter {ratio:.2g} times as counts would; if "
            'they were normalised, write units = "arbitrary" below [intensity], or give [intensity_errors]',
            TsctWarning,
            stacklevel=5,
        )


def like_counts(scan: xr.Dataset, units: str, source: str) -> xr.Dataset:
    """Scale intensities of any unit so that their variance is about their value, as that of counts is.

    Everything that judges a reading by its counting noise then works alike; the level is relative from here on.
    """
    rows, spread = scan.intensity.values, scan["variance"].values
    ratio, number = np.empty(rows.size, dtype=np.float32), 0
    with np.errstate(divide="ignore", invalid="ignore"):
        for view in zip(rows, spread, strict=True):
            part = _ratio(*view)
            ratio[number : number + len(part)] = part
            number += len(part)
    if not number:
        raise InputError(f"{source}: no intensity is positive with a variance above zero")
    factor = float(np.median(ratio[:number], overwrite_input=True))
    del ratio
    scan = scan.assign_attrs(relative=True, counts_per_unit=factor, intensity_units=units)
    scan["intensity"] = scan.intensity.copy(data=_scaled(rows, factor))
    scan["variance"] = (scan.intensity.dims, _scaled(spread, factor**2), {"units": "counts^2"})
    return scan


def _ratio(rows: NDArray[Any], variance: NDArray[Any]) -> NDArray[np.float32]:
    """Positive intensities of a view over their variance."""
    ratio = rows.astype(np.float64) / variance
    return ratio[np.isfinite(ratio) & (rows > 0)].astype(np.float32)


def _scaled(rows: NDArray[Any], factor: float) -> NDArray[np.float32]:
    """Values times a factor in single precision, view by view, because all in double would not fit."""
    scaled = np.empty(rows.shape, dtype=np.float32)
    for view, out in zip(rows, scaled, strict=True):
        out[...] = view.astype(np.float64) * factor
    return scaled


def channel_variance(rows: NDArray[Any], source: str) -> NDArray[np.float64]:
    """Variance from the scatter between neighbouring channels, for patterns that are smooth on the scale of three."""
    warnings.warn(
        f"{source}: intensities are not counts and have no errors; these are estimated from the scatter between "
        "neighbouring channels, too large where Bragg peaks are and too small where pixels were split between channels",
        TsctWarning,
        stacklevel=5,
    )
    usual, floor = np.nan, 1e-12 * _largest(rows) ** 2
    if not np.isfinite(rows).all():
        # a reading that is not finite says nothing about its neighbours
        usual = float(np.nanmedian(_second_differences(rows)))
    variance = np.empty(rows.shape)
    for view, out in zip(rows, variance, strict=True):
        second = _second_differences(view)
        filled = np.where(np.isfinite(second), second, usual)
        uniform_filter1d(filled, SCATTER_CHANNELS, axis=-1, mode="nearest", output=out)
    return np.maximum(variance, floor, out=variance)


def _second_differences(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Their squares over six, the variance of a channel if a pattern is smooth; as many as there are channels."""
    second = np.diff(rows.astype(np.float64), 2, axis=-1) ** 2 / 6
    return np.concatenate([second[..., :1], second, second[..., -1:]], axis=-1)


def _largest(rows: NDArray[Any]) -> float:
    """Largest magnitude of what is a number."""
    return max(float(np.nanmax(np.abs(view.astype(np.float64)))) for view in rows if not np.isnan(view).all())
