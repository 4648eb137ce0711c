"""Curves and volumes in the forms that other programs read."""

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, TsctWarning
from tsct.records.io import DiskFile, check_room, replacing, write_text

Array = NDArray[np.float64]
Facts = Mapping[str, str | float]

#: keys that fitting programs would take for doping and temperature
MISREAD_KEYS = ("x", "T", "temp", "temperature", "doping")


def resolution_facts(q_damp: float, q_broad: float) -> dict[str, float]:
    """Header lines by which PDFgui and diffpy set the resolution of a model, where it is known.

    G(r) was divided by the damping, so a model must not damp again: ``qdamp = 0``, and what was done beside it.
    """
    damping = {"qdamp": 0.0, "qdamp_corrected": q_damp} if q_damp else {}
    return damping | ({"qbroad": q_broad} if q_broad else {})


def write_gr(path: Path, r: Array, g: Array, g_sigma: Array | None = None, facts: Facts | None = None) -> None:
    """Write G(r) for PDFgui, pdffit2, diffpy.srfit and diffpy.utils.

    The first line makes the file known to pdffit2, the ``[DEFAULT]`` block to the others. With errors the columns are
    r, G, dr = 0 and dG: of three columns these programs would take the third for dr.

    Parameters
    ----------
    path : pathlib.Path
        Destination; it appears whole or not at all.
    r, g, g_sigma : ndarray, shape (n,)
        Angstrom and 1/angstrom**2.
    facts : mapping of str to str or float
        Lines ``key = value`` of the header, such as composition, qmin, qmax, wavelength.

    Raises
    ------
    InputError
        If a value is not finite, an error is not positive, or a key would be misread.
    """
    columns = [r, g] if g_sigma is None else [r, g, np.zeros_like(r), g_sigma]
    names = "r(A) G(A^-2)" if g_sigma is None else "r(A) G(A^-2) dr dG"
    header = [
        f"History written: {datetime.now(UTC).date().isoformat()} by tsct {version('tsct')}",
        "[DEFAULT]",
        f"version = tsct-{version('tsct')} (PDFgetX3-like)",
        "mode = xray",
        *_fact_lines(facts),
        "#### start data",
        "#S 1",
        f"#L {names}",
    ]
    _write(path, header, columns, g_sigma)


def write_sq(path: Path, q: Array, s: Array, s_sigma: Array | None = None, facts: Facts | None = None) -> None:
    """Write S(Q), header lines starting with #; parameters and errors as in :func:`write_gr`, Q in 1/angstrom."""
    _write_hashed(path, "S", q, s, s_sigma, facts)


def write_fq(path: Path, q: Array, f: Array, f_sigma: Array | None = None, facts: Facts | None = None) -> None:
    """Write F(Q) = Q [S(Q) - 1], header lines starting with #; as :func:`write_sq`, F in 1/angstrom."""
    _write_hashed(path, "F(A^-1)", q, f, f_sigma, facts)


def write_xye(
    path: Path, q: Array, intensity: Array, sigma: Array, *, header: Literal["topas", "hash"] | None = None
) -> None:
    """Write a pattern in three columns: Q, intensity, standard deviation.

    Parameters
    ----------
    path : pathlib.Path
        Destination; it appears whole or not at all.
    q, intensity, sigma : ndarray, shape (n,)
        1/angstrom, and the same unit for the other two.
    header : {"topas", "hash"}, optional
        One line of column names behind ``'`` or ``#``. By default none, which every program reads.

    Raises
    ------
    InputError
        If a value is not finite or a sigma not positive: zero would be infinite weight.
    """
    mark = {None: "", "topas": "' ", "hash": "# "}[header]
    _write(path, [f"{mark}Q(A^-1) I sigma"] if mark else [], [q, intensity, sigma], sigma)


def _write_hashed(path: Path, name: str, q: Array, y: Array, sigma: Array | None, facts: Facts | None) -> None:
    columns, names = ([q, y], f"Q(A^-1) {name}") if sigma is None else ([q, y, sigma], f"Q(A^-1) {name} sigma")
    lines = [f"tsct {version('tsct')}", *_fact_lines(facts), names]
    _write(path, [f"# {line}" for line in lines], columns, sigma)


def _fact_lines(facts: Facts | None) -> list[str]:
    lines = []
    for key, value in (facts or {}).items():
        if key in MISREAD_KEYS:
            raise InputError(f"export: header key '{key}' would be read as doping or temperature; name it otherwise")
        text = f"{value:.6g}" if isinstance(value, float) else str(value)
        # a second "=" or a line break inside a value could pass for another key
        lines.append(f"{key} = {' '.join(text.split()).replace('=', ':')}")
    return lines


def _write(path: Path, header: list[str], columns: list[Array], sigma: Array | None) -> None:
    table = np.column_stack(columns)
    bad = ~np.isfinite(table).all(axis=1)
    if sigma is not None:
        bad |= sigma <= 0.0
    if bad.any():
        found = ", ".join(f"{value:g}" for value in table[np.argmax(bad)])
        raise InputError(
            f"{path}: not written, row {np.argmax(bad) + 1} is {found}; finite values, positive errors only"
        )
    rows = [" ".join(f"{value:.9g}" for value in row) for row in table.tolist()]
    write_text(path, "\n".join([*header, *rows]) + "\n")


def write_ndtomo(path: Path, values: NDArray[Any], axis: Array, *, name: str = "q") -> None:
    """Write a volume of patterns for nDTomo: ``/data`` (x, y, channel) and its axis at the root, not compressed.

    Parameters
    ----------
    path : pathlib.Path
        Destination; it appears whole or not at all.
    values : ndarray, shape (y, x, channel)
        Padded with zeros to a square, because nDTomo tells axes apart by their lengths.
    axis : ndarray, shape (channel,)
        In the unit that `name` means there: 1/angstrom for ``q``.
    name : {"q", "d", "twotheta"}
        Those under which nDTomo finds an axis.

    Warns
    -----
    TsctWarning
        If the volume has as many channels as pixels along a side, which nDTomo would take for another order of axes.
    """
    side = max(values.shape[:2])
    square = np.zeros((side, side, values.shape[2]), dtype=np.float32)
    square[: values.shape[1], : values.shape[0]] = values.transpose(1, 0, 2)
    if side == values.shape[2]:
        warnings.warn(
            f"{path}: {side} channels and {side} pixels along a side; nDTomo cannot tell which is which",
            TsctWarning,
            stacklevel=2,
        )
    check_room(path, square.nbytes)
    with replacing(path) as temporary, DiskFile(temporary) as disk:
        with h5py.File(disk, "w") as handle:
            handle["data"], handle[name] = square, np.asarray(axis, dtype=np.float64)
        disk.raise_failure()


def write_pdfgetx3(folder: Path, patterns: Mapping[str, tuple[Array, Array]], facts: Facts) -> None:
    """Write patterns of two columns and the ``pdfgetx3.cfg`` that turns them into G(r) with one command.

    Parameters
    ----------
    folder : pathlib.Path
        Receives ``NAME.xy`` for every pattern, and the configuration.
    patterns : mapping of str to (q, intensity)
        Intensity per solid angle, in 1/angstrom and any unit.
    facts : mapping of str to str or float
        Keys of PDFgetX3: composition, qmin, qmax, qmaxinst, rpoly, rmin, rmax, rstep, wavelength.
    """
    for name, (q, intensity) in patterns.items():
        _write(folder / f"{name}.xy", [], [q, intensity], None)
    lines = [
        "[DEFAULT]",
        "dataformat = QA",
        "inputfile = " + "\n            ".join(f"{name}.xy" for name in patterns),
        "mode = xray",
        "outputtype = sq, fq, gr",
        *_fact_lines(facts),
    ]
    write_text(folder / "pdfgetx3.cfg", "\n".join(lines) + "\n")
