"""Measured patterns from text files, and the grids they come on."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator, make_interp_spline

from tsct.records.errors import InputError
from tsct.records.paths import must_be_file
from tsct.records.units import q_inv_angstrom

from .text_headers import RadialUnit, corrections_applied, radial_unit, stated_wavelength

Array = NDArray[np.float64]

MAX_BYTES = 64 * 2**20
MIN_POINTS = 16
#: marks of comments: TOPAS ('), most others (#), FullProf (!), INI files (;)
COMMENTS = ("'", "#", "!", ";")
#: steps that differ by less than this share of their mean make a uniform grid
UNIFORM = 1e-3
#: rounding beyond this share of a step is no rounding: whole steps may be wrong
LARGEST_ROUNDING = 0.25
#: the form factors of all elements are tabulated up to here, 1/angstrom; no X-ray pattern reaches further
Q_LIMIT = 75.0
#: range of wavelengths that give a PDF, angstrom (248 keV to 4 keV)
WAVELENGTHS = (0.05, 3.0)

# not str.splitlines, which also splits at a byte of a UTF-8 letter
_LINE_END = re.compile(r"\r\n|\n|\r")
_SEPARATOR = re.compile(r"[ \t]*[,;][ \t]*|[ \t]+")
#: columns of a program that writes decimals with a comma, which then separates none
_SEPARATOR_OF_COMMAS = re.compile(r"[ \t]*;[ \t]*|[ \t]+")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_DATA_MARK = "#### start data"


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A text file of two or three columns.

    Attributes
    ----------
    x, intensity : ndarray, shape (n,)
        In the units of the file.
    sigma : ndarray, shape (n,), or None
        None for a file with two columns.
    unit : RadialUnit or None
        Of `x`, if the header says it.
    wavelength : float or None
        In angstrom, if the header says it.
    applied : mapping of str to bool
        Whether ``solid_angle`` and ``polarization`` were divided out, as far as the header says it.
    """

    x: Array
    intensity: Array
    sigma: Array | None
    unit: RadialUnit | None
    wavelength: float | None = None
    applied: Mapping[str, bool] = field(default_factory=dict)


def read_pattern(path: str | Path) -> tuple[Array, Array, Array | None]:
    """Read a pattern over Q: Q in 1/angstrom, intensity, and its standard deviation or None; see :func:`read_columns`.

    Raises
    ------
    InputError
        As :func:`read_columns`, and if the header says that the first column is 2theta.
    """
    columns = read_columns(path)
    if columns.unit is not None and columns.unit.quantity != "q":
        raise InputError(f"{path}: the header says '{columns.unit.words}'; a pattern over Q is needed here")
    factor = 1.0 if columns.unit is None else columns.unit.factor
    return columns.x * factor, columns.intensity, columns.sigma


def read_columns(path: str | Path, *, trust_header: bool = True) -> Columns:
    """Read two or three columns: Q or 2theta, intensity, standard deviation.

    Columns are separated by white space or commas. Lines that start with ``'``, ``#``, ``!`` or ``;`` are comments;
    everything above a line ``#### start data`` is a header (PDFgetX3); the first four lines of a ``.chi`` file are one
    if the fourth is a single number (fit2d). Points at either end without any pixel, which are written as NaN or as
    zero with an error of zero, are left out.

    Parameters
    ----------
    path : str or pathlib.Path
        Text file of at most 64 MiB.
    trust_header : bool
        Whether the header's word on the first column is taken.

    Raises
    ------
    InputError
        Naming file, line, what was found and what is allowed.
    """
    path = Path(path)
    lines = _LINE_END.split(_read_text(path))
    numbered = _data_lines(path, lines)
    if len(numbered) < MIN_POINTS:
        raise InputError(f"{path}: {len(numbered)} lines of data; a pattern needs at least {MIN_POINTS}")
    rows = _rows(path, numbered)
    seen = _seen(rows)
    rows, numbers = rows[seen], [line for line, _ in numbered[seen]]
    if len(rows) < MIN_POINTS:
        raise InputError(f"{path}: {len(rows)} points hold an intensity; a pattern needs at least {MIN_POINTS}")
    if len(rows) > 1 and np.all(np.diff(rows[:, 0]) < 0):
        rows, numbers = rows[::-1], numbers[::-1]
    _check_rows(path, numbers, rows)
    header = [_as_utf8(line) for line in lines[: numbered[0][0] - 1]]
    unit = radial_unit(header, str(path)) if trust_header else None
    x, intensity, *sigma = np.ascontiguousarray(rows.T)
    return Columns(
        x, intensity, sigma[0] if sigma else None, unit, stated_wavelength(header), corrections_applied(header)
    )


def _as_utf8(line: str) -> str:
    """A line of a header, which :func:`_read_text` takes for Latin-1, in the encoding that it has."""
    try:
        return line.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return line


def _seen(rows: Array) -> slice:
    """The points between the first and the last that hold an intensity."""
    values = rows[:, 1]
    nothing = ~np.isfinite(values) | (values == 0.0)
    if rows.shape[1] == 3:
        # a zero with an error was measured
        nothing &= ~(rows[:, 2] > 0.0)
    held = np.flatnonzero(~nothing)
    return slice(int(held[0]), int(held[-1]) + 1) if len(held) else slice(0, 0)


def q_from_two_theta(two_theta_deg: Array, wavelength: float) -> Array:
    """Momentum transfer in 1/angstrom of scattering angles in degrees; `wavelength` in angstrom.

    Raises
    ------
    InputError
        If an angle lies beyond 180 degrees or the wavelength cannot give a PDF.
    """
    _check_wavelength(wavelength)
    if two_theta_deg[-1] > 180.0:
        raise InputError(
            f"pattern: 2theta ends at {two_theta_deg[-1]:g}, allowed are 0 to 180 degrees; is the first column Q?"
        )
    return q_inv_angstrom(np.radians(two_theta_deg), wavelength)


def check_q(q: Array, wavelength: float | None = None, *, unit_known: bool = False) -> None:
    """Refuse a first column that cannot be Q in 1/angstrom; `unit_known` leaves out the question whether it is.

    Raises
    ------
    InputError
        If it ends beyond 4 pi / `wavelength` (angstrom), where no photon scatters, or beyond 75 1/angstrom.
    """
    limit = Q_LIMIT
    if wavelength is not None:
        _check_wavelength(wavelength)
        limit = 4.0 * np.pi / wavelength
    if q[-1] > limit:
        reason = f"4 pi / wavelength is {limit:.4g}" if wavelength is not None else f"X-ray data end below {limit:g}"
        hint = "" if unit_known else "; is it 2theta (--twotheta --wavelength) or in 1/nm (--unit 1/nm)?"
        raise InputError(f"pattern: Q ends at {q[-1]:g} 1/angstrom but {reason}{hint}")


def is_uniform(q: Array) -> bool:
    """Whether the steps of a grid differ by less than a thousandth."""
    steps = np.diff(q)
    return bool(len(steps) and np.max(np.abs(steps - steps.mean())) <= UNIFORM * steps.mean())


def evened(x: Array) -> Array:
    """Even steps for a grid that is uneven by no more than the rounding of its own decimals; any other as it is.

    A grid of steps of 0.02132 that was saved with four decimals has steps of 0.0213 and 0.0214, at places that are off
    by 0.00005 at most.
    """
    if len(x) < 3 or is_uniform(x) or not np.all(np.isfinite(x)):
        return x
    decimals = next((d for d in range(9) if np.all(np.abs(x - np.round(x, d)) <= 1e-7 * np.abs(x).max())), None)
    if decimals is None:
        return x
    index = np.arange(len(x))
    even = np.polynomial.Polynomial.fit(index, x, 1)(index)
    step = abs(even[1] - even[0])
    # the line through rounded places is itself off by a part of their rounding
    rounding = 0.75 * 10.0**-decimals
    return even if np.abs(x - even).max() <= min(rounding, LARGEST_ROUNDING * step) else x


def resample(
    q: Array,
    intensity: Array,
    sigma: Array | None = None,
    step: float | None = None,
    *,
    monotone: bool = False,
) -> tuple[Array, Array, Array | None]:
    """Move a pattern to a uniform grid, keeping its integral and the variance of its integral.

    Each value is taken as the mean over a channel that reaches half way to its neighbours, as integration on a detector
    delivers it. The cumulative sum of the channels is interpolated (cubic spline) at the edges of the new ones. Errors
    are approximate: each new channel gets the variance per unit of Q that the old channels had there and counts as
    independent, which is right for everything that is smooth over a channel, such as G(r) at r well below pi / step.

    Parameters
    ----------
    q : ndarray, shape (n,)
        Increasing, any spacing.
    intensity, sigma : ndarray, shape (..., n)
        One pattern or many.
    step : float, optional
        Of the new grid, 1/angstrom; the mean spacing if omitted.
    monotone : bool
        Interpolate such that intensities that are not negative stay so (Fritsch and Carlson), which is less exact where
        they curve.

    Returns
    -------
    q, intensity, sigma : ndarray, shape (m,) and (..., m)
        `sigma` is None if it was.

    Raises
    ------
    InputError
        If `step` is not positive or leaves fewer than 16 points.
    """
    step = (q[-1] - q[0]) / (len(q) - 1) if step is None else step
    if not (step > 0.0 and (q[-1] - q[0]) / step > MIN_POINTS - 1.5):
        raise InputError(f"pattern: a step of {step:g} between {q[0]:g} and {q[-1]:g} leaves under {MIN_POINTS} points")
    edges = _channel_edges(q)
    new_q = q[0] + step * np.arange(round((q[-1] - q[0]) / step) + 1)
    new_edges = np.clip(_channel_edges(new_q), edges[0], edges[-1])
    width, new_width = np.diff(edges), np.diff(new_edges)
    interpolate = PchipInterpolator if monotone else CubicSpline
    total = interpolate(edges, _from_zero(intensity * width), axis=-1)(new_edges)
    if sigma is None:
        return new_q, np.diff(total) / new_width, None
    spread = make_interp_spline(edges, _from_zero((sigma * width) ** 2), k=1, axis=-1)
    variance = np.maximum(np.diff(spread(new_edges)), 0.0) / new_width**2
    return new_q, np.diff(total) / new_width, np.sqrt(variance)


def _channel_edges(q: Array) -> Array:
    middle = (q[1:] + q[:-1]) / 2
    return np.concatenate([[1.5 * q[0] - 0.5 * q[1]], middle, [1.5 * q[-1] - 0.5 * q[-2]]])


def _from_zero(values: Array) -> Array:
    total = np.cumsum(values, axis=-1)
    return np.concatenate([np.zeros_like(total[..., :1]), total], axis=-1)


def _check_wavelength(wavelength: float) -> None:
    low, high = WAVELENGTHS
    if not low <= wavelength <= high:
        raise InputError(f"wavelength is {wavelength:g}; allowed are {low:g} to {high:g} angstrom")


def _read_text(path: Path) -> str:
    must_be_file(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{path}: {size / 2**20:.0f} MiB; a pattern has at most {MAX_BYTES // 2**20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    # headers come in any encoding, numbers are ASCII in all but UTF-16, which begins with its mark
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16", "replace").encode()
    text = content.decode("latin-1").removeprefix("\xef\xbb\xbf")
    if re.search(r"[\x00-\x08\x0e-\x1f]", text):
        raise InputError(f"{path}: not a plain text file; a pattern is two or three columns of numbers")
    return text


def _data_lines(path: Path, lines: list[str]) -> list[tuple[int, str]]:
    """Lines that must hold numbers, with their line numbers."""
    start = 0
    if path.suffix.lower() == ".chi" and len(lines) >= 4 and _NUMBER.fullmatch(lines[3].strip()):
        start = 4
    marks = [i for i, line in enumerate(lines) if line.startswith(_DATA_MARK)]
    if marks:
        start = marks[0] + 1
    stripped = ((i + 1, lines[i].strip()) for i in range(start, len(lines)))
    return [(i, line) for i, line in stripped if line and not line.startswith(COMMENTS)]


def _has_decimal_commas(numbered: list[tuple[int, str]]) -> bool:
    """Whether all columns, separated by white space or semicolons, are numbers with a comma for a point."""
    words = [word for _, line in numbered[:50] for word in _SEPARATOR_OF_COMMAS.split(line)]
    return any("," in word for word in words) and all(_DECIMAL_COMMA.fullmatch(word) for word in words)


def _rows(path: Path, numbered: list[tuple[int, str]]) -> Array:
    separator = _SEPARATOR
    if _has_decimal_commas(numbered) and len(_SEPARATOR_OF_COMMAS.split(numbered[0][1])) > 1:
        separator = _SEPARATOR_OF_COMMAS
        numbered = [(number, line.replace(",", ".")) for number, line in numbered]
    count = len(separator.split(numbered[0][1]))
    rows = []
    for number, line in numbered:
        words = separator.split(line)
        for word in words:
            if not _NUMBER.fullmatch(word) and not _NOT_FINITE.fullmatch(word):
                raise InputError(
                    f"{path}, line {number}: '{word[:40]}' is not a number; allowed are two or three columns, "
                    "comments start with # ' ! or ;"
                )
        if len(words) not in (2, 3):
            raise InputError(f"{path}, line {number}: {len(words)} columns; a pattern has two or three: x, I, sigma")
        if len(words) != count:
            raise InputError(f"{path}, line {number}: {len(words)} columns, the first line of data has {count}")
        rows.append([float(word) for word in words])
    return np.array(rows)


def _check_rows(path: Path, numbers: list[int], rows: Array) -> None:
    x = rows[:, 0]

    def refuse(bad: NDArray[np.bool_], what: str) -> None:
        if bad.any():
            i = int(np.argmax(bad))
            raise InputError(f"{path}, line {numbers[i]}: " + what.format(*rows[i]))

    for column, name in enumerate(("the first column", "intensity", "sigma")[: rows.shape[1]]):
        refuse(~np.isfinite(rows[:, column]), f"{name} is {{{column}:g}}; remove such points or give finite numbers")
    refuse(x < 0.0, "Q or 2theta is {0:g}; allowed are zero and larger")
    refuse(np.append(False, np.diff(x) <= 0.0), "Q or 2theta {0:g} does not increase; sort the points and join doubles")
    if rows.shape[1] == 3:
        refuse(rows[:, 2] <= 0.0, "sigma is {2:g}, which would be infinite weight; allowed are positive numbers")
