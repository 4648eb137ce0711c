"""Numbers by which detectors and programs mark what was not measured, and what a user leaves out."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError, TsctWarning, nearest

#: largest values of counters of so many bits, which mark gaps and dead pixels also where they are stored in wider types
COUNTER_BITS = (16, 20, 24, 31, 32, 63, 64)
#: negative numbers that stand for gaps and dead pixels in counts, which are never negative
MARKS = (-1.0, -2.0, -10.0)
#: a largest value that occurs so often, or is so many times the next one, was not counted
OFTEN, FAR = 3, 4.0
#: so many different negative numbers at most are marks
FEW_NUMBERS = 3
DROPPED = ("views", "translations", "channels", "frames", "q")


def marked(values: NDArray[Any], *, may_be_negative: bool = False) -> NDArray[np.bool_]:
    """Which numbers stand for "not measured", of the shape of `values`.

    They are the largest number of an unsigned type, that of a narrower counter if it is far above the next one or
    occurs several times, and -1, -2, -10 or up to three whole numbers that repeat where nothing else is negative. What
    is not finite is not asked about.
    """
    found = np.zeros(values.shape, dtype=bool)
    if values.dtype.kind not in "iuf" or not values.size:
        return found
    unsigned = values.dtype.kind == "u"
    if unsigned:
        found |= values == np.iinfo(values.dtype).max
    elif not may_be_negative:
        below = values < 0
        if below.any() and _are_marks(values[below]):
            found |= below
    if values.dtype.kind == "i":
        found |= values == np.iinfo(values.dtype).min
    return found | _full_counters(values, found)


def _are_marks(negative: NDArray[Any]) -> bool:
    """Whether negative numbers are few different whole ones: those in use, or any that repeat, such as -999."""
    numbers, times = np.unique(negative, return_counts=True)
    if np.isin(numbers, MARKS).all():
        return True
    whole = np.all(np.isfinite(numbers)) and np.all(numbers == np.round(numbers))
    return bool(whole and len(numbers) <= FEW_NUMBERS and times.min() >= OFTEN)


def _full_counters(values: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Values of a full counter, and those one below, by which some detectors tell dead pixels from gaps."""
    found = np.zeros(values.shape, dtype=bool)
    if not known.any() and not any(_is_full(_largest(part), values.dtype) for part in np.atleast_2d(values)):
        return found
    left = ~known & np.isfinite(values) if values.dtype.kind == "f" else ~known
    least = -np.inf if values.dtype.kind == "f" else np.iinfo(values.dtype).min
    for _ in range(2):
        if not left.any():
            break
        largest = values.max(where=left, initial=least)
        if not _is_full(largest.item(), values.dtype):
            break
        at = left & (values == largest)
        left &= ~at
        rare = np.count_nonzero(at) < OFTEN and left.any()
        if rare and float(largest) < FAR * float(values.max(where=left, initial=least)):
            break
        found |= at
    return found


def _largest(values: NDArray[Any]) -> float:
    """The largest number; zero if there is none."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    return finite.max().item() if finite.size else 0.0


def _is_full(number: float, dtype: np.dtype[Any]) -> bool:
    """Whether a number is that of a full counter or one below, as the type stores it."""
    full = [2**bits - below for bits in COUNTER_BITS for below in (1, 2)]
    return number in ([float(dtype.type(n)) for n in full] if dtype.kind == "f" else full)


def without_marks(values: NDArray[Any], where: str, *, may_be_negative: bool = False) -> NDArray[Any]:
    """The values with NaN for what was not measured; the same object if nothing is marked.

    Warns
    -----
    TsctWarning
        Saying how many and by which numbers.
    """
    found = marked(values, may_be_negative=may_be_negative)
    if not found.any():
        return values
    numbers = ", ".join(f"{number:.10g}" for number in np.unique(values[found])[:3].astype(np.float64))
    warnings.warn(
        f"{where}: {np.count_nonzero(found)} values of {numbers} stand for what was not measured; taken as lost",
        TsctWarning,
        stacklevel=4,
    )
    clean = values.astype(np.float64 if values.dtype == np.float64 else np.float32)
    clean[found] = np.nan
    return clean


def masked_out(data: xr.Dataset, rays: Sequence[str], source: str) -> NDArray[np.bool_] | None:
    """Readings that the variable ``mask`` leaves out (where it is not zero), broadcast to those of the intensity."""
    if "mask" not in data:
        return None
    intensity, mask = data["intensity"], data["mask"]
    if not set(mask.dims) <= set(intensity.dims):
        raise InputError(
            f"{source}: [mask] has dims ({', '.join(map(str, mask.dims))}); it takes some of "
            f"({', '.join(map(str, intensity.dims))})"
        )
    out = (mask.fillna(1.0) if mask.dtype.kind == "f" else mask) != 0
    if out.all():
        raise InputError(f"{source}: [mask] leaves out everything; it is not zero where a reading is to be left out")
    radial = [dim for dim in intensity.dims if dim not in rays]
    return np.asarray(out.broadcast_like(intensity).transpose(*rays, *radial).values)


def check_drop(drop: Any, source: str) -> Mapping[str, list[Any]]:
    """The table ``drop`` of a mapping, if it names what there is by lists of numbers.

    Raises
    ------
    InputError
        Otherwise.
    """
    example = "such as drop = { views = [25], translations = [0, 1], frames = [[3, 7]], channels = [40], q = [[2, 3]] }"
    if not isinstance(drop, Mapping):
        raise InputError(f"{source}: drop must be a table, {example}")
    for key, wanted in drop.items():
        if key not in DROPPED:
            raise InputError(f"{source}: drop has an unknown key '{key}'{nearest(key, DROPPED)}; {example}")
        pairs = key in ("frames", "q")
        numbers = float if key == "q" else int
        sound = isinstance(wanted, list) and all(
            _is_pair(item, numbers) if pairs else type(item) is int for item in wanted
        )
        if not sound:
            kind = "pairs of numbers" if pairs else "whole numbers"
            raise InputError(f"{source}: drop.{key} must be a list of {kind}, {example}")
    return drop


def _is_pair(item: Any, numbers: type) -> bool:
    allowed = (int, float) if numbers is float else (int,)
    return isinstance(item, list) and len(item) == 2 and all(type(each) in allowed for each in item)


def without_dropped(scan: xr.Dataset, drop: Mapping[str, list[Any]], source: str) -> xr.Dataset:
    """A scan without views and outermost translations, and with single frames, channels and ranges of Q as lost.

    Raises
    ------
    InputError
        If a number lies outside, a translation has others on both sides, or too little is left.
    """
    scan = scan.copy(deep=True)
    if scan["intensity"].dtype.kind != "f":
        # whole numbers have no sign for what is lost
        scan["intensity"] = scan["intensity"].astype(np.float32)
    counts = scan["intensity"].values
    for view, translation in drop.get("frames", []):
        counts[_index(view, scan, "angle", source), _index(translation, scan, "translation", source)] = np.nan
    counts[..., [_index(i, scan, "q", source) for i in drop.get("channels", [])]] = np.nan
    for low, high in drop.get("q", []):
        counts[..., (scan.q.values >= low) & (scan.q.values <= high)] = np.nan
    if not np.isfinite(counts).any():
        raise InputError(f"{source}: drop leaves nothing")
    views = np.setdiff1d(
        np.arange(scan.sizes["angle"]), [_index(i, scan, "angle", source) for i in drop.get("views", [])]
    )
    gone = [_index(i, scan, "translation", source) for i in drop.get("translations", [])]
    kept = np.setdiff1d(np.arange(scan.sizes["translation"]), gone)
    if len(views) < 4 or len(kept) < 4:
        raise InputError(f"{source}: drop leaves {len(views)} views and {len(kept)} translations; four are needed")
    if len(kept) != kept[-1] - kept[0] + 1:
        raise InputError(
            f"{source}: drop.translations names one with others on both sides, and rays must be evenly spaced; "
            "name its frames with drop.frames, so that they are filled"
        )
    return scan.isel(angle=views, translation=kept)


def _index(number: int, scan: xr.Dataset, dim: str, source: str) -> int:
    size = scan.sizes[dim]
    if not -size <= number < size:
        raise InputError(f"{source}: drop names number {number} along {dim}, of which there are {size}, from 0")
    return number % size
