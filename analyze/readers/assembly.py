"""Scans that were not stored as (angle, translation, q): flat lists of frames, lines that run back and forth."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError, TsctWarning
from tsct.records.toml import as_toml

RAYS = ("angle", "translation")
#: dimension of a flat list of frames
FRAME = "frame"
#: frames whose motors are off by this share of a step belong to one place; beyond the second none do
SAME_PLACES, FARTHEST = 0.02, 0.1
#: steps are larger than the scatter around one place by this factor
STEP_OVER_SCATTER = 5.0
#: share of the grid that the frames must fill
LEAST_FILLED = 0.5
#: a mirrored view that resembles its neighbours so much better has run the other way
MIRRORED = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """How the parts of a scan lie in its files.

    Parameters
    ----------
    files : str, optional
        Pattern of the files to stack.
    stack : str
        The axis along which they are.
    fold : (slow, fast), optional
        Axes of a flat list of frames whose motors were not recorded.
    zigzag : str, optional
        The axis that runs back and forth.
    """

    files: str | None = None
    stack: str = "angle"
    fold: tuple[str, str] | None = None
    zigzag: str | None = None


def take_assembly(tables: dict[str, Any], source: str) -> Assembly:
    """Remove the keys of an assembly from the tables of a mapping and return what they say.

    Raises
    ------
    InputError
        If one has a value that it cannot have.
    """
    taken = {key: tables.pop(key) for key in ("files", "stack", "fold", "zigzag") if key in tables}
    allowed: dict[str, tuple[Callable[[Any], bool], str]] = {
        "files": (lambda value: isinstance(value, str), 'a pattern such as "xrd_*.h5"'),
        "stack": (lambda value: value in (*RAYS, FRAME), f'"angle", "translation" or "{FRAME}"'),
        "fold": (lambda value: isinstance(value, list) and sorted(map(str, value)) == [*RAYS], "slow and fast axis"),
        "zigzag": (lambda value: value in RAYS, 'the axis that runs back and forth, "translation" or "angle"'),
    }
    for key, value in taken.items():
        is_allowed, words = allowed[key]
        if not is_allowed(value):
            raise InputError(f"{source}: {key} = {as_toml(value)} cannot be used; it takes {words}")
    if "stack" in taken and "files" not in taken:
        raise InputError(f'{source}: stack says how several files lie; name these with files = "xrd_*.h5"')
    if "fold" in taken:
        taken["fold"] = tuple(taken["fold"])
    for name in RAYS:
        # a motor with a value for each frame is known by its length
        if isinstance(table := tables.get(name), Mapping) and table.get("dims") == [FRAME]:
            tables[name] = {key: value for key, value in table.items() if key != "dims"}
    return Assembly(**taken)


def assembled(data: xr.Dataset, how: Assembly, source: str) -> xr.Dataset:
    """Fold a flat list of frames and turn lines that run backwards, as far as the data are such.

    Raises
    ------
    InputError
        If the frames do not lie on a grid of angles and translations.
    """
    by_motors = "intensity" in data and FRAME in data["intensity"].dims and how.fold is None
    data = _folded(data, how.fold, source)
    if how.zigzag is not None and (by_motors or "positions" in data):
        raise InputError(
            f"{source}: the motors say where each frame was taken, so zigzag would turn lines twice; drop it"
        )
    if how.zigzag is not None:
        return _turned(data, how.zigzag)
    return data


def _folded(data: xr.Dataset, order: tuple[str, str] | None, source: str) -> xr.Dataset:
    if "intensity" not in data or FRAME not in data["intensity"].dims:
        if order is not None:
            raise InputError(
                f'{source}: fold is for a flat list of frames; write [intensity] dims = ["{FRAME}", "q"], or drop it'
            )
        return data
    number = data.sizes[FRAME]
    for name in RAYS:
        if name not in data.coords:
            raise InputError(f"{source}: no values for '{name}'; add a table [{name}] with path, or linspace and fold")
    sizes = {name: data.sizes[name] for name in RAYS}
    if order is not None:
        if sizes["angle"] * sizes["translation"] != number:
            raise InputError(
                f"{source}: {number} frames cannot be folded into {sizes['angle']} angles and {sizes['translation']} "
                "translations; their product must be the number of frames"
            )
        cells = np.arange(number).reshape([sizes[name] for name in order])
        cells = cells if order == RAYS else cells.T
        return _in_grid(data, np.argsort(cells, axis=None), data["angle"].values, data["translation"].values)
    if any(size != number for size in sizes.values()):
        raise InputError(
            f"{source}: {number} frames, but {sizes['angle']} values of angle and {sizes['translation']} of "
            'translation; each needs one for each frame, or, for a grid, fold = ["angle", "translation"] (slow, fast)'
        )
    return _by_motors(data, source)


def _by_motors(data: xr.Dataset, source: str) -> xr.Dataset:
    """Frames to where their motors say that they were taken; places without a frame hold NaN."""
    angles, row = _places(data["angle"].values, "angle", source)
    places, column = _places(data["translation"].values, "translation", source)
    cells = row * len(places) + column
    unique = np.unique(cells)
    filled = len(unique) / (len(angles) * len(places))
    if filled < LEAST_FILLED:
        raise InputError(
            f"{source}: {len(cells)} frames fill {filled:.0%} of a grid of {len(angles)} angles and {len(places)} "
            "translations; every view must be taken at the same translations"
        )
    if len(unique) < len(cells):
        warnings.warn(
            f"{source}: {len(cells) - len(unique)} frames were taken at places that have another; the last one counts",
            TsctWarning,
            stacklevel=5,
        )
    return _in_grid(data, cells, angles, places)


def _in_grid(data: xr.Dataset, cells: NDArray[Any], angles: NDArray[Any], places: NDArray[Any]) -> xr.Dataset:
    shape = (len(angles), len(places))
    moved = {}
    for name, array in data.data_vars.items():
        if FRAME not in array.dims:
            moved[name] = array.variable
            continue
        flat = array.transpose(FRAME, ...)
        whole = len(np.unique(cells)) == shape[0] * shape[1]
        kind = flat.dtype if whole else np.result_type(flat.dtype, np.float32)
        grid = np.full((shape[0] * shape[1], *flat.shape[1:]), 0 if whole else np.nan, dtype=kind)
        grid[cells] = flat.values
        grid = grid.reshape(*shape, *flat.shape[1:])
        moved[name] = xr.Variable((*RAYS, *flat.dims[1:]), grid, array.attrs)
    axes = {name: data[name].variable for name in data.coords if name not in (*RAYS, FRAME)}
    for name, values in zip(RAYS, (angles, places), strict=True):
        axes[name] = xr.Variable((name,), values, data[name].attrs)
    return xr.Dataset(moved, coords=axes, attrs=data.attrs)


def _places(values: NDArray[Any], name: str, source: str) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Places of a motor in rising order, each the mean of readings that scatter around it, and the one of each frame.

    Raises
    ------
    InputError
        If the readings do not scatter around places.
    """
    values = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(values)):
        wrong = int(np.flatnonzero(~np.isfinite(values))[0])
        raise InputError(f"{source}: {name} of frame {wrong} is not finite")
    order = np.argsort(values, kind="stable")
    gaps = np.diff(values[order])
    new = np.concatenate([[False], gaps > _least_step(gaps)])
    index = np.empty(len(values), dtype=np.intp)
    index[order] = np.cumsum(new)
    places = np.bincount(index, values) / np.bincount(index)
    if len(places) > 1:
        off = float(np.abs(values - places[index]).max() / np.diff(places).min())
        if off > FARTHEST:
            raise InputError(
                f"{source}: the readings of {name} lie up to {off:.2g} steps off common places ({FARTHEST} allowed); "
                "interpolate the scan to a grid first"
            )
        if off > SAME_PLACES:
            warnings.warn(
                f"{source}: readings of {name} lie up to {off:.2g} steps off their places; the means are used",
                TsctWarning,
                stacklevel=6,
            )
    return places, index


def _least_step(gaps: NDArray[Any]) -> float:
    """A gap between sorted readings above which they belong to different places: in the widest break of their sizes."""
    if not len(gaps) or not gaps.max() > 0:
        return np.inf
    sizes = np.sort(np.maximum(gaps, 1e-4 * float(gaps.mean())))
    ratios = sizes[1:] / sizes[:-1]
    if not len(ratios) or ratios.max() < STEP_OVER_SCATTER:
        return 0.0
    widest = int(ratios.argmax())
    return float(np.sqrt(sizes[widest] * sizes[widest + 1]))


def _turned(data: xr.Dataset, axis: str) -> xr.Dataset:
    """Every second line along `axis` reversed, in all that depends on both axes."""
    other = RAYS[axis == RAYS[0]]
    moved = {}
    for name, array in data.data_vars.items():
        if set(RAYS) <= set(array.dims):
            lines = array.transpose(other, axis, ...)
            values = lines.values.copy()
            values[1::2] = values[1::2, ::-1]
            moved[name] = lines.copy(data=values)
    return data.assign(moved)


def warn_of_zigzag(total: NDArray[Any], source: str) -> None:
    """Warn if every second view resembles its neighbours only when it is mirrored.

    Parameters
    ----------
    total : ndarray, shape (angle, translation)
        Intensity over all channels.
    """
    finite = total[np.isfinite(total).all(axis=1)]
    if len(finite) < 6:
        return
    straight = np.square(np.diff(finite, axis=0)).sum()
    turned = finite.copy()
    turned[1::2] = turned[1::2, ::-1]
    if np.square(np.diff(turned, axis=0)).sum() < MIRRORED * straight:
        warnings.warn(
            f"{source}: every second view looks mirrored, as where the translation runs back and forth; if it does, "
            'write zigzag = "translation" in the mapping',
            TsctWarning,
            stacklevel=4,
        )


def unfolded(scan: xr.Dataset, source: str) -> xr.Dataset:
    """Bring every view of a zig-zag scan into the order of its positions."""
    places = scan.positions.transpose(*RAYS).values
    order = np.argsort(places, axis=1, kind="stable")
    ordered = np.take_along_axis(places, order, axis=1)
    usual = np.median(ordered, axis=0)
    step = (usual[-1] - usual[0]) / (len(usual) - 1)
    off = np.abs(ordered - usual).max()
    if off > SAME_PLACES * step:
        raise InputError(
            f"{source}: frames of different views lie up to {off / step:.2g} steps apart ({SAME_PLACES} allowed); "
            "interpolate the scan to common positions first"
        )
    moved = {}
    for name, array in scan.drop_vars("positions").data_vars.items():
        if set(RAYS) <= set(array.dims):
            index = order.reshape(*order.shape, *[1] * (array.ndim - 2))
            moved[name] = array.copy(data=np.take_along_axis(array.values, index, axis=1))
    return scan.drop_vars("positions").assign(moved).assign_coords(translation=("translation", usual, {"units": "mm"}))
