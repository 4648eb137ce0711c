"""Stacks of patterns in HDF5: a series that one file holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, nearest
from tsct.records.io import following_links, load_tables, opened, parse_mapping, read_mapped, text_attribute
from tsct.records.units import HC_KEV_ANGSTROM

from .hdf5_layouts import entry_attrs, pyfai_attrs
from .hdf5_places import Tables, array_at, groups, kind_of_axis
from .text_headers import UNITS, RadialUnit
from .unmeasured import without_marks

Array = NDArray[np.float64]
NAMES = ("intensity", "intensity_errors", "variance", "q", "two_theta")
#: corrections of geometry that a pattern needs, one way or another
GEOMETRY = ("solid_angle", "polarization")
ATTRS = ("energy_kev", "sample_composition", "background_subtracted", *(f"{name}_applied" for name in GEOMETRY))
#: units of the axes of a stack
AXES = {"q": (("q",), "1/angstrom"), "two_theta": (("two_theta",), "deg")}
#: signals over Q that are no intensities
NO_PATTERNS = {"sq", "fq", "gr", "truth"}


@dataclass(frozen=True, slots=True, eq=False)
class PatternStack:
    """Patterns on one grid.

    Attributes
    ----------
    radial : ndarray, shape (n,)
        Q in 1/angstrom, or 2theta in degrees, as `unit` says.
    intensity : ndarray, shape (pattern, n)
    sigma : ndarray, shape (pattern, n), or None
    unit : RadialUnit
    wavelength : float or None
        In angstrom, if the file or the mapping says it.
    applied : mapping of str to bool
        Whether ``solid_angle`` and ``polarization`` were divided out, as far as the file or the mapping says it.
    """

    radial: Array
    intensity: Array
    sigma: Array | None
    unit: RadialUnit
    wavelength: float | None
    applied: Mapping[str, bool] = field(default_factory=dict)


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 does; anything else is text."""
    return path.is_file() and bool(h5py.is_hdf5(path))


def read_pattern_stack(path: Path, mapping: Path | None = None, links: Path | None = None) -> PatternStack:
    """Read all patterns of a file: by a mapping, or the first NXdata that holds patterns over Q or 2theta.

    Parameters
    ----------
    path : pathlib.Path
        HDF5 file.
    mapping : pathlib.Path, optional
        TOML with tables ``intensity`` (its last or only other axis ``q`` or ``two_theta``), the axis, and, if known,
        ``intensity_errors`` or ``variance``.
    links : pathlib.Path, optional
        Folder below which links to other files are followed.

    Raises
    ------
    InputError
        If there are no patterns, or no axis for them.
    """
    with following_links(links):
        given = load_tables(mapping) if mapping is not None else {}
        tables = given if "intensity" in given else _with(_patterns(path), given)
        source = str(mapping or path)
        _check_names(tables, source)
        data = read_mapped(path, parse_mapping(tables, source=source), AXES)
    radial = next((name for name in AXES if name in data["intensity"].dims), None)
    if radial is None or radial not in data.coords:
        raise InputError(f"{source}: [intensity] needs dims that end in q or two_theta, and a table for that axis")
    x = np.asarray(data[radial].values, dtype=np.float64)
    intensity = _rows(data["intensity"].transpose(..., radial).values)
    clean = without_marks(
        intensity, f"{path}: intensity", may_be_negative=data.attrs.get("background_subtracted", False)
    )
    sigma = None
    if "intensity_errors" in data:
        sigma = _rows(data["intensity_errors"].transpose(..., radial).values).astype(np.float64)
    elif "variance" in data:
        sigma = np.sqrt(_rows(data["variance"].transpose(..., radial).values).astype(np.float64))
    unit = UNITS["1/angstrom" if radial == "q" else "deg"]
    applied = {name: bool(data.attrs[flag]) for name in GEOMETRY if (flag := f"{name}_applied") in data.attrs}
    return PatternStack(x, np.asarray(clean, dtype=np.float64), sigma, unit, _wavelength(data.attrs), applied)


def _wavelength(attrs: Mapping[Any, Any]) -> float | None:
    """In angstrom, of the energy that the mapping states before what the file does."""
    energy, metres = attrs.get("energy_kev"), attrs.get("wavelength_m")
    if isinstance(energy, int | float) and energy > 0:
        return HC_KEV_ANGSTROM / energy
    return 1e10 * metres if isinstance(metres, int | float) and metres > 0 else None


def _with(tables: Tables, given: Mapping[str, Any]) -> Tables:
    """Tables of the file with those of the user in their place, and the attributes of both."""
    own = given.get("attrs", {})
    return {**tables, **given, "attrs": {**tables["attrs"], **own} if isinstance(own, Mapping) else own}


def _rows(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(-1, values.shape[-1])


def _check_names(tables: Mapping[str, Any], source: str) -> None:
    for name in tables:
        if name not in (*NAMES, "attrs"):
            raise InputError(f"{source}: a series has no '{name}'{nearest(name, NAMES)}; it takes {', '.join(NAMES)}")
    attrs = tables.get("attrs", {})
    for name in attrs if isinstance(attrs, Mapping) else ():
        if name not in (*ATTRS, "wavelength_m"):
            raise InputError(f"{source}: [attrs] has no '{name}'{nearest(name, ATTRS)}; it takes {', '.join(ATTRS)}")


def _patterns(path: Path) -> Tables:
    """Tables of the first NXdata whose signal has patterns along its last axis."""
    with opened(path) as handle:
        for group in groups(handle):
            if text_attribute(group, "NX_class") != "NXdata" or group.name.rsplit("/", 1)[-1] in NO_PATTERNS:
                continue
            signal = text_attribute(group, "signal") or "data"
            array = array_at(group, signal)
            found = [] if array is None or array.ndim < 1 else _axes(group, array.shape[-1])
            if array is not None and len(found) == 1:
                return _tables(group, signal, array, *found[0]) | {"attrs": _facts(group.parent)}
    raise InputError(
        f"{path}: no NXdata with patterns over q or 2theta; say where they are with --mapping m.toml: tables "
        '[intensity] with dims = ["frame", "q"], and [q]'
    )


def _facts(entry: h5py.Group) -> Tables:
    """What an entry, or the process of pyFAI that it is, states of energy and corrections."""
    stated = {**pyfai_attrs(entry), **entry_attrs(entry)}
    flags = {f"{name}_applied" for name in GEOMETRY}
    return {name: value for name, value in stated.items() if name in flags | {"energy_kev", "wavelength_m"}}


def _axes(group: h5py.Group, length: int) -> list[tuple[str, str]]:
    """Name and kind of the radial axes of that length in a group."""
    found: list[tuple[str, str]] = []
    for name in group:
        axis = array_at(group, name, 1)
        kind = None if axis is None else kind_of_axis(name, text_attribute(axis, "units", "unit"))
        if axis is not None and len(axis) == length and kind is not None and kind in AXES:
            found.append((name, kind))
    return found


def _tables(group: h5py.Group, signal: str, values: h5py.Dataset, axis: str, kind: str) -> Tables:
    dims = [*(f"axis{i}" for i in range(values.ndim - 1)), kind]
    place = group.name.rstrip("/")
    # its unit does not matter, and some files state none
    units = {"units": text_attribute(values, "units", "unit") or "counts"}
    tables: Tables = {
        "intensity": {"path": f"{place}/{signal}", "dims": dims, **units},
        kind: {"path": f"{place}/{axis}"},
    }
    for errors in (f"{signal}_errors", "errors"):
        array = array_at(group, errors, values.ndim)
        if array is not None:
            tables["intensity_errors"] = {"path": f"{place}/{errors}", "dims": dims, **units}
            break
    return tables
