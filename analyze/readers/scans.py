"""Scans of integrated patterns from elsewhere, made into the record that the analysis takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError, nearest
from tsct.records.io import (
    SOURCES,
    following_links,
    is_ours,
    load_tables,
    matching_files,
    parse_mapping,
    read_mapped,
    read_record,
)
from tsct.records.schema import SCAN, check
from tsct.records.units import HC_KEV_ANGSTROM, unit_factor, wavelength_angstrom

from .assembly import RAYS, Assembly, assembled, take_assembly, unfolded, warn_of_zigzag
from .doubts import (
    channel_variance,
    check_angles,
    check_intensity,
    check_order,
    check_places,
    doubt_span,
    doubt_steps,
    like_counts,
)
from .factors import DIVIDED, SENSOR, check_corrections, factor
from .frames import is_frames, read_frames
from .hdf5_layouts import LAYOUTS, known_layout
from .hdf5_places import take_motors
from .patterns import evened, is_uniform, q_from_two_theta, resample
from .unmeasured import check_drop, masked_out, without_dropped, without_marks

#: densities of sensors whose files give material and thickness only, g/cm3
SENSOR_DENSITIES = {"CdTe": 5.85, "Si": 2.33, "GaAs": 5.32, "Ge": 5.32, "CsI": 4.51}
#: dims and units of what a file may hold in other units
UNITS: dict[str, tuple[tuple[str, ...], str]] = {
    "angle": (("angle",), "deg"),
    "translation": (("translation",), "mm"),
    "q": (("q",), "1/angstrom"),
    "two_theta": (("two_theta",), "deg"),
    "positions": (RAYS, "mm"),
}
#: attributes that a mapping may state
SCAN_ATTRS = (
    *("energy_kev", "sample_composition", "title", "instrument", "background_subtracted", "exposure_s", "state"),
    *("distance_mm", "detector_reach_mm", "detector_gaps_across_mm", "detector_gaps_up_mm"),
    *(f"{name}_applied" for name in (*DIVIDED, "efficiency")),
    *SENSOR,
)
#: variables that a mapping may name
SCAN_NAMES = ("intensity", "intensity_errors", "variance", "mask", *RAYS, "q", "two_theta", "positions", *DIVIDED)
#: dims of channels
CHANNELS = ("q", "two_theta")
#: keys of a mapping that are no quantity
KEYS = ("files", "stack", "fold", "zigzag", "drop")
#: a channel of which more than this share was lost is lost
LOST_SHARE = 0.01
#: with fewer channels there is no pattern
FEWEST_CHANNELS = 8


def read_scan(path: str | Path, mapping: str | Path | None = None, links: str | Path | None = None) -> xr.Dataset:
    """Read a scan: one of ours, one in a known layout, or any other through a mapping.

    Parameters
    ----------
    path : str or pathlib.Path
        HDF5 file, or the folder of the files that the mapping stacks.
    mapping : str or pathlib.Path, optional
        TOML file as in :mod:`tsct.records.io.mapping`, which may also say how the parts of a scan lie, see
        :class:`tsct.analyze.readers.assembly.Assembly`. Where the layout is known it need only hold what the file does
        not say; its words count more than those of the file.
    links : str or pathlib.Path, optional
        Folder below which links to other files are followed; none are if omitted.

    Returns
    -------
    xarray.Dataset
        Dims (angle, translation, q). Factors that the file says were divided out already are one;
        ``attrs["..._applied"]`` name them.

    Raises
    ------
    InputError
        If a quantity or a unit is missing, axes contradict each other, or Q is not increasing.
    """
    path = Path(path)
    with following_links(None if links is None else Path(links)):
        if mapping is None and is_frames(path):
            return read_frames(path)
        if mapping is None and is_ours(path):
            scan = read_record(path, "data")
            check(scan, SCAN, str(path))
            return scan
        return _read_foreign(path, mapping)


def parts_of_scan(path: Path, mapping: Path | None) -> list[Path]:
    """The files that make up one scan: the file itself, or those of a folder that a mapping stacks.

    Raises
    ------
    InputError
        As :func:`read_scan`, for the mapping and the files of the folder.
    """
    how = take_assembly(load_tables(mapping), str(mapping)) if mapping is not None else Assembly()
    return [path] if how.files is None else matching_files(path, how.files, str(mapping))


def _read_foreign(path: Path, mapping: str | Path | None) -> xr.Dataset:
    given = load_tables(mapping) if mapping is not None else {}
    source = str(path) if mapping is None else str(mapping)
    how = take_assembly(given, source)
    files = [path] if how.files is None else matching_files(path, how.files, source)
    merged = tables_of_scan(files[0], given, how, source)
    drop = check_drop(merged.pop("drop", {}), source)
    _check_names(merged, source)
    data = read_mapped(files, parse_mapping(merged, source=source), UNITS, how.stack)
    scan = as_scan(assembled(data, how, str(path)), str(path))
    warn_of_zigzag(scan.intensity.sum("q", skipna=False).values, str(path))
    return without_dropped(scan, drop, source) if drop else scan


def tables_of_scan(file: Path, given: dict[str, Any], how: Assembly, source: str) -> dict[str, Any]:
    """Where everything is: as the layout of the file says, if it is known, and above all as the user does."""
    motors = take_motors(given, source)
    if _is_complete(given):
        if motors:
            raise InputError(f"{source}: motor is for files of a known layout; give the path of [{next(iter(motors))}]")
        return dict(given)
    _, tables = known_layout(file, given if how.fold is None else {**given, "fold": how.fold}, motors)
    if not tables and "intensity" not in given:
        raise InputError(
            f"{file}: not a layout that is known ({', '.join(LAYOUTS)}); say where everything is with "
            "--mapping m.toml, see docs/your-beamline.md"
        )
    if "positions" in tables and not set(SOURCES) & set(given.get("translation", {})):
        # what is said of a motor that was read for every frame
        given["positions"] = given.pop("translation", {}) | given.get("positions", {})
    return _merged(tables, given)


def _is_complete(tables: Mapping[str, Any]) -> bool:
    intensity = tables.get("intensity", {})
    return isinstance(intensity, Mapping) and "path" in intensity


def _merged(found: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Tables of the file with those of the user over them, key by key."""
    merged = dict(found)
    for name, table in given.items():
        base = merged.get(name, {})
        if isinstance(table, Mapping) and isinstance(base, Mapping):
            if any(key in table for key in SOURCES):
                base = {key: value for key, value in base.items() if key not in SOURCES}
            table = {**base, **table}
        merged[name] = table
    return merged


def _check_names(tables: Mapping[str, Any], source: str) -> None:
    attrs = tables.get("attrs", {})
    for name in tables:
        if name not in (*SCAN_NAMES, "attrs"):
            known = (*SCAN_NAMES, *KEYS)
            raise InputError(f"{source}: a scan has no '{name}'{nearest(name, known)}; it takes {', '.join(known)}")
    for name in attrs if isinstance(attrs, Mapping) else ():
        if name not in (*SCAN_ATTRS, "wavelength_m"):
            raise InputError(
                f"{source}: [attrs] has no '{name}'{nearest(name, SCAN_ATTRS)}; it takes {', '.join(SCAN_ATTRS)}"
            )


def as_scan(data: xr.Dataset, source: str) -> xr.Dataset:
    """Make named arrays into a scan.

    Parameters
    ----------
    data : xarray.Dataset
        As :func:`tsct.records.io.mapping.read_mapped` returns it: intensity with its axes in any order, optional
        ``intensity_errors`` or ``variance``, ``positions`` (where each frame was taken, for zig-zag scans), factors to
        divide by, attributes.
    source : str
        What errors call it.

    Raises
    ------
    InputError
        As :func:`read_scan`.
    """
    data = _rising(data)
    density = SENSOR_DENSITIES.get(data.attrs.get("sensor_material", ""))
    known = {} if density is None else {"sensor_density_g_cm3": density}
    data = data.assign_attrs({**known, **data.attrs, "energy_kev": _energy(data, source)})
    intensity = _intensity(data, source)
    q = _q(data, source)
    variance = _variance(data, intensity, source)
    check_intensity(intensity, variance is None, source)
    rows, spread = intensity.values, variance
    if "two_theta" in data.dims and not is_uniform(q):
        q, rows, spread = _resampled(q, rows, variance)
    check_corrections(data, source)
    scan = xr.Dataset(
        {"intensity": ((*RAYS, "q"), rows, {"units": "counts"})},
        coords={
            "angle": ("angle", _axis(data, "angle", source), {"units": "deg"}),
            "translation": ("translation", _axis(data, "translation", source), {"units": "mm"}),
            "q": ("q", q, {"units": "1/angstrom", "long_name": "Q"}),
            "state": int(data.attrs.get("state", 0)),
            "slice": 0,
            "potential_v": ((), np.nan, {"units": "V"}),
            "z_mm": ((), 0.0, {"units": "mm"}),
        },
        attrs={name: value for name, value in data.attrs.items() if name in SCAN_ATTRS and name != "state"},
    )
    if spread is not None:
        scan["variance"] = ((*RAYS, "q"), spread, {"units": "counts^2"})
    if intensity.attrs["units"] != "counts":
        scan = like_counts(scan, intensity.attrs["units"], source)
    elif spread is not None:
        scan["variance"] = scan["variance"].astype(np.float32)
    for name in DIVIDED:
        scan[name] = factor(data, scan, name, source)
    scan = unfolded(scan.assign(positions=data.positions), source) if "positions" in data else scan
    if np.any(np.diff(scan.translation) < 0):
        scan = scan.sortby("translation")
    check(scan, SCAN, source)
    return scan


def _rising(data: xr.Dataset) -> xr.Dataset:
    """Channels that were stored from the last to the first, with all that lies along them, turned round."""
    for name in ("q", "two_theta"):
        if name in data.coords and len(data[name]) > 1 and np.all(np.diff(data[name].values) < 0):
            data = data.isel({name: slice(None, None, -1)})
    return data


def _energy(data: xr.Dataset, source: str) -> float:
    energy = data.attrs.get("energy_kev")
    if energy is None and "wavelength_m" in data.attrs:
        energy = HC_KEV_ANGSTROM / (1e10 * data.attrs["wavelength_m"])
    if not isinstance(energy, int | float) or not 4 <= energy <= 500:
        raise InputError(f"{source}: the photon energy is {energy}; add energy_kev, between 4 and 500, below [attrs]")
    return float(energy)


def _pattern(data: xr.Dataset, name: str, source: str) -> xr.DataArray:
    radial = "q" if "q" in data.dims else "two_theta"
    array = data[name]
    if set(array.dims) != {*RAYS, radial}:
        raise InputError(
            f"{source}: '{name}' has dims ({', '.join(map(str, array.dims))}); it needs angle, translation and q or "
            "two_theta, and select for others"
        )
    return array.transpose(*RAYS, radial)


def _intensity(data: xr.Dataset, source: str) -> xr.DataArray:
    """Intensity (angle, translation, radial) with NaN for what was not measured or is masked, and its unit as ours."""
    array = _pattern(data, "intensity", source)
    if array.dtype.kind == "b":
        raise InputError(f"{source}: the intensity holds yes and no, as a mask does; give the path of the patterns")
    values = without_marks(
        array.values, f"{source}: intensity", may_be_negative=bool(data.attrs.get("background_subtracted", False))
    )
    if (out := masked_out(data, RAYS, source)) is not None:
        values = np.where(out, np.nan, values).astype(np.float64 if values.dtype == np.float64 else np.float32)
    units = array.attrs["units"]
    return array.copy(data=values).assign_attrs(units="counts" if unit_factor(units, "counts") == 1.0 else units)


def _variance(data: xr.Dataset, intensity: xr.DataArray, source: str) -> NDArray[np.float64] | None:
    """Variance as given, or from the scatter of channels where intensities are not counts; None: that of counting."""
    if "variance" in data:
        return _pattern(data, "variance", source).values.astype(np.float64)
    if "intensity_errors" in data:
        return np.square(_pattern(data, "intensity_errors", source).values, dtype=np.float64)
    if intensity.attrs["units"] != "counts":
        return channel_variance(intensity.values, source)
    return None


def _resampled(
    q: NDArray[Any], rows: NDArray[Any], variance: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Counts at even steps of angle moved to even steps of Q, with their variance."""
    sigma = np.sqrt(np.maximum(rows, 1.0) if variance is None else variance)
    lost = ~np.isfinite(rows)
    # counts stay counts: a spline through them overshoots below zero beside a steep edge
    monotone = bool(np.all(rows[~lost] >= 0))
    filled = _bridged(q, rows.astype(np.float64), lost)
    even, moved, spread = resample(q, filled, np.where(np.isfinite(sigma), sigma, 0.0), monotone=monotone)
    if lost.any():
        overlap = resample(q, lost.astype(np.float64), monotone=True)[1]
        moved[overlap > LOST_SHARE] = np.nan
    return even, moved.astype(np.float32), np.square(np.asarray(spread))


def _bridged(q: NDArray[Any], rows: NDArray[Any], lost: NDArray[Any]) -> NDArray[Any]:
    """Rows with a straight line through what was lost, so that it spoils nothing beside it; empty rows are zero."""
    rows = np.where(lost, 0.0, rows)
    for index in np.argwhere(lost.any(axis=-1) & ~lost.all(axis=-1)):
        row, gone = rows[tuple(index)], lost[tuple(index)]
        row[gone] = np.interp(q[gone], q[~gone], row[~gone])
    return rows


def _q(data: xr.Dataset, source: str) -> NDArray[np.float64]:
    """Increasing Q of the channels, from their angles where these are given."""
    name = "q" if "q" in data.dims else "two_theta"
    if name not in data.coords:
        raise InputError(f"{source}: no values for '{name}'; add a table [{name}] with path or linspace, and units")
    values = data[name].values.astype(np.float64)
    if len(values) < FEWEST_CHANNELS:
        raise InputError(
            f"{source}: {len(values)} {'channel' if len(values) == 1 else 'channels'} of {name}; patterns of at least "
            f"{FEWEST_CHANNELS} are needed, and a PDF needs hundreds"
        )
    values = evened(values)
    check_order(values, name, source)
    if name == "two_theta" and values[-1] > 180.0:
        raise InputError(
            f"{source}: two_theta ends at {values[-1]:.4g} degrees, allowed are 0 to 180; is its unit another one, or "
            "is it Q ([q])?"
        )
    energy = data.attrs["energy_kev"]
    if name == "q" and values[-1] > (limit := 4.0 * np.pi / wavelength_angstrom(energy)):
        raise InputError(
            f"{source}: q ends at {values[-1]:.4g} 1/angstrom, at {energy:g} keV it ends at {limit:.4g}; is its unit "
            "1/nm, or the energy another?"
        )
    return values if name == "q" else q_from_two_theta(values, wavelength_angstrom(energy))


def _axis(data: xr.Dataset, name: str, source: str) -> NDArray[np.float64]:
    if name == "translation" and "positions" in data and name not in data.coords:
        return np.arange(data.sizes["translation"], dtype=np.float64)
    if name not in data.coords:
        raise InputError(f"{source}: no values for '{name}'; add a table [{name}] with path or linspace, and units")
    values = data[name].values.astype(np.float64)
    if not np.all(np.isfinite(values)):
        wrong = np.flatnonzero(~np.isfinite(values))
        raise InputError(
            f"{source}: {name} number {wrong[0]} is not finite; give its value, or leave it out of [{name}]"
        )
    if name == "angle":
        check_angles(values, source)
        doubt_span(values, source)
    else:
        doubt_steps(values, source)
    values = evened(values)
    if name == "translation" and "positions" not in data:
        check_places(values, source)
    return values
