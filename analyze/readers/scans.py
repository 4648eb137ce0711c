"""Scans of integrated patterns from elsewhere, made into the record that the analysis takes."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from tsct.records.errors import InputError, TsctWarning, nearest
from tsct.records.io import SOURCES, is_ours, load_tables, parse_mapping, read_mapped, read_record
from tsct.records.schema import SCAN, check
from tsct.records.units import HC_KEV_ANGSTROM, unit_factor, wavelength_angstrom

from .frames import is_frames, read_frames
from .hdf5_layouts import known_layout
from .patterns import evened, is_uniform, q_from_two_theta, resample
from .unmeasured import check_drop, masked_out, without_dropped, without_marks

RAYS = ("angle", "translation")
#: what must be divided out, each with the variable that does it and the unit of that variable
DIVIDED = {"monitor": "photons", "transmission": "1", "solid_angle": "sr", "polarization": "1"}
SENSOR = ("sensor_material", "sensor_mm", "sensor_density_g_cm3")
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
ATTRS = (
    *("energy_kev", "sample_composition", "title", "instrument", "background_subtracted", "exposure_s", "state"),
    *("distance_mm", "detector_reach_mm", "detector_gaps_across_mm", "detector_gaps_up_mm"),
    *(f"{name}_applied" for name in (*DIVIDED, "efficiency")),
    *SENSOR,
)
#: variables that a mapping may name
NAMES = ("intensity", "intensity_errors", "variance", "mask", *RAYS, "q", "two_theta", "positions", *DIVIDED)
#: views may be taken at places that differ by this share of a step: a reconstruction cannot tell
SAME_PLACES = 0.02
#: with fewer channels there is no pattern
FEWEST_CHANNELS = 8
#: a full turn in radians, with a little over; many views of a smaller span in degrees make no slice
LEAST_SPAN_DEG, MANY_VIEWS = 7.0, 10
#: channels over which the scatter between neighbours is averaged where nothing else tells the errors
SCATTER_CHANNELS = 31


def read_scan(path: str | Path, mapping: str | Path | None = None) -> xr.Dataset:
    """Read a scan: one of ours, one in a known layout, or any other through a mapping.

    Parameters
    ----------
    path : str or pathlib.Path
        HDF5 file.
    mapping : str or pathlib.Path, optional
        TOML file as in :mod:`tsct.records.io.mapping`. Where the layout is known (NXxrdct, pyFAI diffmap, nDTomo) it
        need only hold what the file does not say; its words count more than those of the file.

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
    if mapping is None and is_frames(path):
        return read_frames(path)
    if mapping is None and is_ours(path):
        scan = read_record(path, "data")
        check(scan, SCAN, str(path))
        return scan
    given = load_tables(mapping) if mapping is not None else {}
    layout, tables = ("of the mapping", {}) if _is_complete(given) else known_layout(path)
    source = f"{path} ({layout})" if mapping is None else str(mapping)
    merged = _merged(tables, given)
    if "intensity" not in merged:
        raise InputError(
            f"{path}: not a layout that is known (NXxrdct, pyFAI diffmap, nDTomo); say where everything is with "
            "--mapping m.toml, see docs/analysis-data.md"
        )
    drop = check_drop(merged.pop("drop", {}), source)
    _check_names(merged, source)
    scan = as_scan(read_mapped(path, parse_mapping(merged, source=source), UNITS), str(path))
    return without_dropped(scan, drop, source) if drop else scan


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
        if name not in (*NAMES, "attrs"):
            raise InputError(
                f"{source}: a scan has no '{name}'{nearest(name, NAMES)}; it takes {', '.join(NAMES)}, drop"
            )
    for name in attrs if isinstance(attrs, Mapping) else ():
        if name not in (*ATTRS, "wavelength_m"):
            raise InputError(f"{source}: [attrs] has no '{name}'{nearest(name, ATTRS)}; it takes {', '.join(ATTRS)}")


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
    density = SENSOR_DENSITIES.get(data.attrs.get("sensor_material", ""))
    known = {} if density is None else {"sensor_density_g_cm3": density}
    data = data.assign_attrs({**known, **data.attrs, "energy_kev": _energy(data, source)})
    intensity = _intensity(data, source)
    q = _q(data, source)
    variance = _variance(data, intensity, source)
    rows, spread = intensity.values, variance
    if "two_theta" in data.dims and not is_uniform(q):
        q, rows, spread = _resampled(q, rows, variance)
    _check_corrections(data, source)
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
        attrs={name: value for name, value in data.attrs.items() if name in ATTRS and name != "state"},
    )
    if spread is not None:
        scan["variance"] = ((*RAYS, "q"), spread, {"units": "counts^2"})
    if intensity.attrs["units"] != "counts":
        scan = _like_counts(scan, intensity.attrs["units"], source)
    elif spread is not None:
        scan["variance"] = scan["variance"].astype(np.float32)
    for name, unit in DIVIDED.items():
        scan[name] = _factor(data, scan, name, unit)
    scan = _unfolded(scan.assign(positions=data.positions), source) if "positions" in data else scan
    scan = scan.sortby("translation")
    check(scan, SCAN, source)
    return scan


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
        return _pattern(data, "intensity_errors", source).values.astype(np.float64) ** 2
    if intensity.attrs["units"] != "counts":
        return _scatter(intensity.values.astype(np.float64), source)
    return None


def _resampled(
    q: NDArray[Any], rows: NDArray[Any], variance: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Counts at even steps of angle moved to even steps of Q, with their variance."""
    sigma = np.sqrt(np.maximum(rows, 1.0) if variance is None else variance)
    even, moved, spread = resample(q, rows.astype(np.float64), sigma)
    return even, moved.astype(np.float32), np.square(np.asarray(spread))


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
    _check_order(values, name, source)
    return values if name == "q" else q_from_two_theta(values, wavelength_angstrom(data.attrs["energy_kev"]))


def _check_order(values: NDArray[Any], name: str, source: str) -> None:
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
        _check_angles(values, source)
    return evened(values)


def _check_angles(angles: NDArray[Any], source: str) -> None:
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


def _check_corrections(data: xr.Dataset, source: str) -> None:
    """Refuse a scan that does not say how every correction stands; all that is missing is named at once."""
    open_ = [name for name in DIVIDED if name not in data and not data.attrs.get(f"{name}_applied", False)]
    if not data.attrs.get("efficiency_applied", False) and not all(name in data.attrs for name in SENSOR):
        open_.append("efficiency")
    if open_:
        raise InputError(
            f"{source}: it is not known whether these were divided out: {', '.join(open_)}. For each, add below "
            f"[attrs] '{open_[0]}_applied = true', or a table such as [{open_[0]}] with what to divide by "
            f"(efficiency: {', '.join(SENSOR)} below [attrs])"
        )


def _factor(data: xr.Dataset, scan: xr.Dataset, name: str, units: str) -> xr.DataArray:
    """A factor to divide by, broadcast to its dims; one where it was applied before."""
    dims = SCAN.fields[name].dims
    if data.attrs.get(f"{name}_applied", False) or name not in data:
        return xr.DataArray(np.ones([scan.sizes[dim] for dim in dims]), dims=dims, attrs={"units": units})
    values = data[name].variable
    full = {dim: scan.sizes[dim] for dim in dims}
    if not set(values.dims) <= set(dims):
        raise InputError(f"[{name}] has dims {values.dims}; it takes {dims}")
    return xr.DataArray(values.set_dims(full).values.astype(np.float64), dims=dims, attrs={"units": units})


def _like_counts(scan: xr.Dataset, units: str, source: str) -> xr.Dataset:
    """Scale intensities of any unit so that their variance is about their value, as that of counts is.

    Everything that judges a reading by its counting noise then works alike; the level is relative from here on.
    """
    rows = scan.intensity.values.astype(np.float64)
    spread = scan["variance"].values
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = rows / spread
    ratio = ratio[np.isfinite(ratio) & (rows > 0)]
    if not len(ratio):
        raise InputError(f"{source}: no intensity is positive with a variance above zero")
    factor = float(np.median(ratio))
    scan = scan.assign_attrs(relative=True, counts_per_unit=factor, intensity_units=units)
    scan["intensity"] = scan.intensity.copy(data=(rows * factor).astype(np.float32))
    scan["variance"] = ((*RAYS, "q"), (spread * factor**2).astype(np.float32), {"units": "counts^2"})
    return scan


def _scatter(rows: NDArray[Any], source: str) -> NDArray[np.float64]:
    """Variance from the scatter between neighbouring channels, for patterns that are smooth on the scale of three."""
    warnings.warn(
        f"{source}: intensities are not counts and have no errors; these are estimated from the scatter between "
        "neighbouring channels, too large where Bragg peaks are and too small where pixels were split between channels",
        TsctWarning,
        stacklevel=5,
    )
    second = np.diff(rows, 2, axis=-1) ** 2 / 6
    padded = np.concatenate([second[..., :1], second, second[..., -1:]], axis=-1)
    # a reading that is not finite says nothing about its neighbours
    filled = np.where(np.isfinite(padded), padded, np.nanmedian(padded))
    mean = uniform_filter1d(filled, SCATTER_CHANNELS, axis=-1, mode="nearest")
    return np.maximum(mean, 1e-12 * np.nanmax(np.abs(rows)) ** 2)


def _unfolded(scan: xr.Dataset, source: str) -> xr.Dataset:
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
