"""A measured pattern made ready for the transform: units, background, uniform grid."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from tsct.analyze.readers import (
    UNITS,
    PatternStack,
    RadialUnit,
    bridged,
    check_gaps,
    check_q,
    evened,
    is_uniform,
    named_unit,
    q_from_two_theta,
    read_columns,
    read_pattern_stack,
    resample,
    unmeasured_points,
    without_lone_bins,
)
from tsct.analyze.recipe import PdfRecipe
from tsct.records.errors import InputError, TsctWarning, UsageError, nearest

from .corrections import Geometry, geometry, geometry_factor

Array = NDArray[np.float64]

#: a pattern with more points is resampled to this many, so that its matrices stay below 200 MB each
MAX_POINTS = 4000
#: G(r) ends at most here, angstrom
LONGEST = 100.0
#: G(r) ends at least here, angstrom: no two atoms are closer than half of it
SHORTEST = 1.0
#: intensities beyond are no measurement, and their squares no numbers
MOST_INTENSITY = 1e30
#: a transform needs a range that grows by this factor
LEAST_RANGE = 1.5
#: a wavelength that the user gives may differ from that of the file by so much, as after a calibration
SAME_WAVELENGTH = 0.01
#: range of densities of condensed matter and gases, g/cm3
DENSITIES_G_CM3 = (1e-5, 25.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A pattern and how to read it.

    Parameters
    ----------
    pattern : pathlib.Path
        Two or three columns; see :func:`tsct.analyze.readers.patterns.read_pattern`.
    unit : str, optional
        Of the first column: 1/angstrom, 1/nm, or deg or rad of 2theta, which need `wavelength`. If omitted, what the
        header of the file says, and 1/angstrom if it says nothing.
    wavelength : float, optional
        In angstrom; that of the file if omitted. With it the Compton scattering is corrected for recoil.
    background : pathlib.Path, optional
        Pattern of the same kind that is subtracted.
    background_scale : float
        Factor of the background.
    density_g_cm3 : float, optional
        Mass density of the sample. In absolute mode it gives G(r) its scale, and with it the number of neighbours in
        the first shell of an element.
    density_error_g_cm3 : float
        Its standard deviation.
    constant : float or "fit"
        Subtracted as no scattering of the sample, in the unit of the intensity; absolute mode only.
    pair : (str, str), optional
        Elements of the nearest peak, the central one first, for its number of neighbours.
    background_scale_error : float
        Standard deviation of the factor of the background.
    neighbour_correlation : float, optional
        Correlation of the noise of neighbouring bins, 0 to 0.95; estimated from the pattern if omitted.
    applied : mapping of str to bool
        Whether ``solid_angle`` and ``polarization`` were divided out of pattern and background, as far as the user says
        it; his word counts more than that of the files, unless they would be divided out twice.
    """

    pattern: Path
    unit: str | None = None
    wavelength: float | None = None
    background: Path | None = None
    background_scale: float = 1.0
    density_g_cm3: float | None = None
    density_error_g_cm3: float = 0.0
    constant: float | Literal["fit"] = 0.0
    background_scale_error: float = 0.0
    pair: tuple[str, str] | None = None
    neighbour_correlation: float | None = None
    applied: Mapping[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.unit is not None and named_unit(self.unit) is None:
            raise UsageError(f"--unit is '{self.unit}'{nearest(self.unit, UNITS)}; allowed are {', '.join(UNITS)}")
        if not (np.isfinite(self.background_scale) and self.background_scale >= 0):
            raise InputError(f"--background-scale is {self.background_scale:g}; allowed are zero and larger")
        for option in ("density_error_g_cm3", "background_scale_error"):
            if not (np.isfinite(value := getattr(self, option)) and value >= 0):
                name = option.removesuffix("_g_cm3").replace("_", "-")
                raise InputError(f"--{name} is {value:g}; allowed are zero and larger")
        if self.constant != "fit" and not np.isfinite(self.constant):
            raise InputError(f"--constant is {self.constant:g}; allowed are a number and 'fit'")
        if self.neighbour_correlation is not None and not 0 <= self.neighbour_correlation <= 0.95:
            raise InputError(f"--neighbour-correlation is {self.neighbour_correlation:g}; allowed are 0 to 0.95")
        low, high = DENSITIES_G_CM3
        if self.density_g_cm3 is not None and not low <= self.density_g_cm3 <= high:
            raise InputError(f"--density is {self.density_g_cm3:g}; allowed are {low:g} to {high:g} g/cm3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A pattern ready for the transform.

    Attributes
    ----------
    q, intensity : ndarray, shape (q,)
        Uniform grid in 1/angstrom; background subtracted.
    sigma, background : ndarray, shape (q,), or None
        Standard deviation of the intensity, and what was subtracted.
    step : float or None
        Step of the grid that the pattern was moved to; None where its own was kept.
    wavelength : float or None
        In angstrom, of the user or of the file.
    corrections : Geometry
        How the corrections of geometry stand, those of the background included.
    where : str
        What errors call it.
    """

    q: Array
    intensity: Array
    sigma: Array | None
    background: Array | None
    step: float | None
    wavelength: float | None = None
    corrections: Geometry = field(default_factory=Geometry)
    where: str = "pattern"


def read_measured(source: Source, recipe: PdfRecipe) -> Measured:
    """Read a pattern, subtract its background and put it on a uniform grid of Q.

    Raises
    ------
    InputError
        If the pattern or the background cannot be used or does not reach as far as the recipe.
    """
    return _ready(_read_q(source.pattern, source, recipe), source, recipe)


def read_measured_stack(
    source: Source, recipe: PdfRecipe, mapping: Path | None = None, links: Path | None = None
) -> dict[int, Measured]:
    """Read the patterns of an HDF5 file as :func:`read_measured` does one, by their numbers; empty ones are left out.

    Parameters
    ----------
    source : Source
        Its `pattern` is the file; `unit` is not used, because the file or the mapping says it.
    mapping, links : pathlib.Path, optional
        As :func:`tsct.analyze.readers.read_pattern_stack`.

    Returns
    -------
    dict of int to Measured

    Raises
    ------
    InputError
        As :func:`read_measured`, naming the pattern.

    Warns
    -----
    TsctWarning
        If patterns without an intensity are left out.
    """
    stack = read_pattern_stack(source.pattern, mapping, links)
    if source.unit is not None:
        raise UsageError(f"--unit is for text files; the unit of {source.pattern} is that of its axis")
    stated = _Stated(stack.unit, stack.wavelength, stack.applied)
    patterns, empty = {}, []
    for number, intensity in enumerate(stack.intensity):
        held = np.flatnonzero(np.isfinite(intensity) & (intensity != 0.0))
        if not len(held):
            empty.append(number)
            continue
        part = slice(int(held[0]), int(held[-1]) + 1)
        where = f"{source.pattern}: pattern {number}"
        _check_stack(where, stack, number, part)
        sigma = None if stack.sigma is None else stack.sigma[number, part]
        over_q = _over_q(where, (stack.radial[part], intensity[part], sigma), stated, source, recipe)
        patterns[number] = _ready(over_q, source, recipe)
    if empty:
        warnings.warn(
            f"{source.pattern}: {len(empty)} patterns hold no intensity and are left out, such as number {empty[0]}",
            TsctWarning,
            stacklevel=2,
        )
    if not patterns:
        raise InputError(f"{source.pattern}: no pattern holds an intensity")
    return patterns


def _check_stack(where: str, stack: PatternStack, number: int, part: slice) -> None:
    x, intensity = stack.radial[part], stack.intensity[number, part]
    if not np.all(np.isfinite(intensity)):
        raise InputError(f"{where}: {int(np.sum(~np.isfinite(intensity)))} intensities between others are not finite")
    if len(x) < 2 or not np.all(np.diff(x) > 0):
        raise InputError(f"{where}: the axis does not increase; sort the points")
    if stack.sigma is not None and not np.all(stack.sigma[number, part] > 0):
        raise InputError(f"{where}: some errors are not positive, which would be infinite weight")


def _ready(found: "_OverQ", source: Source, recipe: PdfRecipe) -> Measured:
    """Subtract the background of a pattern and put it on a uniform grid."""
    q, intensity, sigma = found.q, found.intensity, found.sigma
    _check_range(found, recipe)
    check_gaps(q, found.lost, (recipe.q_min, recipe.data_end), found.where)
    _check_steps(found.where, q, recipe)
    background, corrections = None, found.corrections
    if source.background is not None:
        background, its_sigma, its_corrections = _background_at(found, source, recipe)
        corrections = corrections | its_corrections
        intensity = intensity - background
        sigma = None if sigma is None else np.hypot(sigma, its_sigma)
    step = None
    if not is_uniform(q) or len(q) > MAX_POINTS:
        step = float(q[-1] - q[0]) / (min(len(q), MAX_POINTS) - 1)
        background = None if background is None else resample(q, background, step=step)[1]
        q, intensity, sigma = resample(q, intensity, sigma, step)
    return Measured(
        q=q,
        intensity=intensity,
        sigma=sigma,
        background=background,
        step=step,
        wavelength=found.wavelength,
        corrections=corrections,
        where=found.where,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _OverQ:
    """A file's pattern over Q in 1/angstrom, and what its header says of the first column."""

    q: Array
    intensity: Array
    sigma: Array | None
    unit: RadialUnit | None
    where: str
    lost: NDArray[np.bool_]
    wavelength: float | None
    corrections: Geometry


@dataclass(frozen=True, slots=True)
class _Stated:
    """What a file says beside its numbers."""

    unit: RadialUnit | None
    wavelength: float | None
    applied: Mapping[str, bool]


def _read_q(path: Path, source: Source, recipe: PdfRecipe) -> _OverQ:
    columns = read_columns(path, trust_header=source.unit is None)
    unit = columns.unit if source.unit is None else named_unit(source.unit)
    stated = _Stated(unit, columns.wavelength, columns.applied)
    return _over_q(str(path), (columns.x, columns.intensity, columns.sigma), stated, source, recipe)


def _over_q(
    where: str, columns: tuple[Array, Array, Array | None], stated: _Stated, source: Source, recipe: PdfRecipe
) -> _OverQ:
    x, intensity, sigma = columns
    # at Q = 0 there is the beam, and no S(Q) = 1 + F(Q) / Q
    away = x > 0
    x, intensity, sigma = x[away], intensity[away], None if sigma is None else sigma[away]
    wavelength = _wavelength(where, stated, source)
    try:
        q = _q(x, stated.unit, wavelength)
    except InputError as error:
        raise InputError(f"{where}: {str(error).removeprefix('pattern: ')}") from None
    corrections = geometry(stated.applied, source.applied, where, must_be_known=recipe.mode == "absolute")
    factor = geometry_factor(q, wavelength, corrections, where)
    intensity, sigma = intensity / factor, None if sigma is None else sigma / factor
    for name, values in (("intensity", intensity), ("error", sigma)):
        if values is not None and (largest := np.abs(values).max()) > MOST_INTENSITY:
            raise InputError(f"{where}: an {name} is {largest:.3g}; allowed are numbers up to {MOST_INTENSITY:g}")
    lost = unmeasured_points(intensity, sigma)
    intensity, sigma = without_lone_bins(bridged(q, intensity, lost), sigma, where)
    return _OverQ(q, intensity, sigma, stated.unit, where, lost, wavelength, corrections)


def _wavelength(where: str, stated: _Stated, source: Source) -> float | None:
    """That of the user, else that of the file."""
    if source.wavelength is None or stated.wavelength is None:
        return stated.wavelength if source.wavelength is None else source.wavelength
    if abs(source.wavelength / stated.wavelength - 1) > SAME_WAVELENGTH:
        warnings.warn(
            f"{where}: states a wavelength of {stated.wavelength:.5g} angstrom; --wavelength {source.wavelength:g} is "
            "used",
            TsctWarning,
            stacklevel=2,
        )
    return source.wavelength


def _q(x: Array, unit: RadialUnit | None, wavelength: float | None) -> Array:
    """Q in 1/angstrom of a first column."""
    x = x if unit is None else x * unit.factor
    if unit is not None and unit.quantity == "two_theta":
        if wavelength is None:
            raise InputError(f"the first column is '{unit.words}'; add --wavelength in angstrom")
        return q_from_two_theta(x, wavelength)
    check_q(x, wavelength, unit_known=unit is not None)
    return evened(x)


def _check_range(found: _OverQ, recipe: PdfRecipe) -> None:
    if not recipe.q_min > 0:
        raise InputError(f"--qmin is {recipe.q_min:g}; allowed are values above 0, where S(Q) = 1 + F(Q)/Q exists")
    if not recipe.q_max >= LEAST_RANGE * recipe.q_min:
        raise InputError(
            f"--qmax is {recipe.q_max:g} and --qmin {recipe.q_min:g}; allowed is a --qmax of at least "
            f"{LEAST_RANGE * recipe.q_min:g}, or there is next to nothing to transform"
        )
    q, unit, path = found.q, found.unit, found.where
    half = (q[-1] - q[0]) / (len(q) - 1) / 2
    read_as = "" if unit is None else f" (the first column is read as '{unit.words}')"
    if recipe.q_min < q[0] - half:
        raise InputError(f"{path}: --qmin is {recipe.q_min:g} but the data begin at {q[0]:.5g} 1/angstrom{read_as}")
    if recipe.data_end > q[-1] + half:
        option = "--qmax" if recipe.q_max_inst is None else "--qmaxinst"
        raise InputError(f"{path}: {option} is {recipe.data_end:g} but the data end at {q[-1]:.5g} 1/angstrom{read_as}")


def _check_steps(path: str, q: Array, recipe: PdfRecipe) -> None:
    inside = q[(q >= recipe.q_min) & (q <= recipe.data_end)]
    if len(inside) < 2:
        raise InputError(f"{path}: fewer than two points between {recipe.q_min:g} and {recipe.data_end:g} 1/angstrom")
    longest = min(LONGEST, np.pi / float(np.diff(inside).max()))
    shortest = max(SHORTEST, recipe.polynomial_range + 0.5)
    if not shortest <= recipe.r_max <= longest:
        raise InputError(
            f"{path}: --rmax is {recipe.r_max:g}; allowed are {shortest:g} angstrom, beyond the polynomial, to "
            f"{longest:.4g} angstrom (pi / largest step of Q)"
        )


def _background_at(pattern: _OverQ, source: Source, recipe: PdfRecipe) -> tuple[Array, Array, Geometry]:
    """Scaled background and its standard deviation (zero without one) at the points of the pattern; its corrections."""
    assert source.background is not None
    found = _read_q(source.background, source, recipe)
    own_q, intensity, sigma = found.q, found.intensity, found.sigma
    check_gaps(own_q, found.lost, (recipe.q_min, recipe.data_end), found.where)
    _check_same_unit(source, pattern.unit, found.unit)
    q, step = pattern.q, float(np.diff(own_q).max())
    if own_q[0] > q[0] + step or own_q[-1] < q[-1] - step:
        raise InputError(
            f"{source.background}: the background covers {own_q[0]:.5g} to {own_q[-1]:.5g} 1/angstrom; "
            f"the pattern needs {q[0]:.5g} to {q[-1]:.5g}"
        )
    at = np.clip(q, own_q[0], own_q[-1])
    errors = np.zeros_like(q) if sigma is None else np.interp(at, own_q, sigma)
    scale = source.background_scale
    return scale * CubicSpline(own_q, intensity)(at), scale * errors, found.corrections


def _check_same_unit(source: Source, of_pattern: RadialUnit | None, of_background: RadialUnit | None) -> None:
    """Refuse files of which one says another unit than the other, or one says none where the other's is not ours."""
    kinds = [("q", 1.0) if unit is None else (unit.quantity, unit.factor) for unit in (of_pattern, of_background)]
    if kinds[0] != kinds[1]:
        words = ["none" if unit is None else f"'{unit.words}'" for unit in (of_pattern, of_background)]
        raise InputError(
            f"{source.background}: the background states the unit {words[1]} and {source.pattern.name} states "
            f"{words[0]}; bring both to one, or say it for both with --unit"
        )
