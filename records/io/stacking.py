"""Quantities of several files, one after the other along one axis."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import xarray as xr

from tsct.records.errors import InputError

Arrays = Mapping[str, xr.Variable]


def matching_files(folder: Path, pattern: str, source: str) -> list[Path]:
    """Files of a folder that match a pattern such as ``xrd_*.h5``, with 2 before 10.

    Raises
    ------
    InputError
        If the pattern leads out of the folder, or fewer than two files match; `source` is what errors call its origin.
    """
    if not pattern or PurePath(pattern).is_absolute() or ".." in PurePath(pattern).parts:
        raise InputError(f"{source}: files = '{pattern}' must be a pattern below the folder, such as \"xrd_*.h5\"")
    if not folder.is_dir():
        raise InputError(f"{folder}: {source} stacks the files '{pattern}' of a folder; name the folder instead")
    found = sorted((path for path in folder.glob(pattern) if path.is_file()), key=_natural)
    if len(found) < 2:
        raise InputError(f"{folder}: {len(found)} files match '{pattern}' of {source}; two or more are stacked")
    return found


def _natural(path: Path) -> list[Any]:
    return [int(word) if word.isdigit() else word for word in re.split(r"(\d+)", str(path))]


def stacked(arrays: Sequence[Arrays], paths: Sequence[Path], axis: str, constant: frozenset[str]) -> Arrays:
    """Join the quantities of several files along an axis.

    Parameters
    ----------
    arrays : sequence of mappings of str to xarray.Variable
        Of each file.
    paths : sequence of pathlib.Path
        The files, for errors.
    axis : str
        What has it is joined along it; what has not gets it as the first, but for other axes and rows of numbers that
        are the same in all files.
    constant : frozenset of str
        Quantities that no file holds; those of the first count.

    Raises
    ------
    InputError
        If an axis or a shape differs between files.
    """
    return {
        name: first if name in constant else _joined(name, [each[name] for each in arrays], paths, axis)
        for name, first in arrays[0].items()
    }


def _joined(name: str, parts: Sequence[xr.Variable], paths: Sequence[Path], axis: str) -> xr.Variable:
    first = parts[0]
    for part, path in zip(parts, paths, strict=True):
        if part.attrs.get("units") != first.attrs.get("units"):
            units = [each.attrs.get("units") for each in (part, first)]
            raise InputError(f"{path}: '{name}' is in '{units[0]}', that of {paths[0]} in '{units[1]}'")
    if axis in first.dims:
        _check_shapes(name, parts, paths, axis)
        return xr.Variable.concat(parts, axis)
    same = [part.shape == first.shape and np.array_equal(part.values, first.values, equal_nan=True) for part in parts]
    if first.dims == (name,) and not all(same):
        raise InputError(
            f"{paths[same.index(False)]}: '{name}' differs from that of {paths[0]}; stack files of one scan"
        )
    if first.ndim == 1 and all(same):
        return first
    _check_shapes(name, parts, paths, axis)
    return xr.Variable((axis, *first.dims), np.stack([part.values for part in parts]), first.attrs)


def _check_shapes(name: str, parts: Sequence[xr.Variable], paths: Sequence[Path], axis: str) -> None:
    first = {dim: size for dim, size in parts[0].sizes.items() if dim != axis}
    for part, path in zip(parts, paths, strict=True):
        if {dim: size for dim, size in part.sizes.items() if dim != axis} != first:
            raise InputError(
                f"{path}: '{name}' has shape {part.shape}, that of {paths[0]} {parts[0].shape}; one is cut short"
            )
