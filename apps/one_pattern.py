"""One measured pattern to S(Q), F(Q) and G(r): files that other programs read, and a picture."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.signal import find_peaks

from tsct.analyze.export import write_fq, write_gr, write_sq
from tsct.analyze.patterns import check_q, is_uniform, q_from_two_theta, read_pattern, resample
from tsct.analyze.pdf import pdf
from tsct.analyze.peaks import extremum
from tsct.analyze.recipe import PdfRecipe
from tsct.phantoms.structures import molar_mass_g_mol
from tsct.records.errors import InputError, UsageError
from tsct.records.files import replacing
from tsct.records.units import ATOMS_PER_A3, HC_KEV_ANGSTROM
from tsct.validation.figure_style import FAINT, FOUND, NAIVE, Q_LABEL, R_LABEL, SMALL, around, legend, sheet, tidy

from .run import writable

Array = NDArray[np.float64]

#: a pattern with more points is resampled to this many, so that its matrices stay below 200 MB each
MAX_POINTS = 4000
#: number of peaks that are named, and the least prominence of one as a share of the largest
PEAKS, PROMINENCE = 4, 0.1
#: a peak is at least so many standard deviations high
SIGNIFICANT = 3.0
#: G(r) ends at most here, angstrom
LONGEST = 100.0
DPI = 150
#: range of densities of condensed matter and gases, g/cm3
DENSITIES_G_CM3 = (1e-5, 25.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A pattern and how to read it.

    Parameters
    ----------
    pattern : pathlib.Path
        Two or three columns; see :func:`tsct.analyze.patterns.read_pattern`.
    two_theta : bool
        The first column is 2theta in degrees instead of Q in 1/angstrom; needs `wavelength`.
    wavelength : float, optional
        In angstrom. With it the Compton scattering is corrected for recoil.
    background : pathlib.Path, optional
        Pattern of the same kind that is subtracted.
    background_scale : float
        Factor of the background.
    density_g_cm3 : float, optional
        Mass density of the sample, for coordination numbers.
    """

    pattern: Path
    two_theta: bool = False
    wavelength: float | None = None
    background: Path | None = None
    background_scale: float = 1.0
    density_g_cm3: float | None = None

    def __post_init__(self) -> None:
        if self.two_theta and self.wavelength is None:
            raise UsageError("--twotheta needs --wavelength in angstrom")
        if not (np.isfinite(self.background_scale) and self.background_scale >= 0):
            raise InputError(f"--background-scale is {self.background_scale:g}; allowed are zero and larger")
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
    """

    q: Array
    intensity: Array
    sigma: Array | None
    background: Array | None
    step: float | None


@dataclass(frozen=True, slots=True)
class Peak:
    """A peak of G(r): position (angstrom), height (1/angstrom**2), and neighbours below it if the density is known."""

    r: float
    height: float
    neighbours: float | None


def convert(source: Source, recipe: PdfRecipe, folder: Path, *, overwrite: bool = False) -> str:
    """Write ``.sq``, ``.fq``, ``.gr`` and ``.png`` of a pattern into a folder.

    Everything is computed before the first file appears.

    Returns
    -------
    str
        One line: what was written, and the strongest peaks of G(r).

    Raises
    ------
    InputError
        If the pattern, the background or the folder cannot be used.
    UsageError
        If a result exists and may not be overwritten.
    """
    names = {suffix: folder / f"{source.pattern.stem}.{suffix}" for suffix in ("sq", "fq", "gr", "png")}
    _check_destination(source, names.values(), overwrite)
    measured = read_measured(source, recipe)
    energy = None if source.wavelength is None else HC_KEV_ANGSTROM / source.wavelength
    data = pdf(measured.q, measured.intensity, recipe, sigma=measured.sigma, energy_kev=energy)
    number_density = _number_density(source, recipe)
    peaks = strongest_peaks(data, recipe, number_density)
    picture = BytesIO()
    draw(measured, data, peaks, number_density).savefig(picture, format="png", dpi=DPI)
    writable(folder)
    _write(names, data, facts(source, recipe, measured), picture.getvalue())
    return summary(source, measured, peaks, [path.name for path in names.values()], folder)


def read_measured(source: Source, recipe: PdfRecipe) -> Measured:
    """Read a pattern, subtract its background and put it on a uniform grid of Q.

    Raises
    ------
    InputError
        If the pattern or the background cannot be used or does not reach as far as the recipe.
    """
    q, intensity, sigma = _read_q(source.pattern, source)
    _check_range(source.pattern, q, recipe)
    _check_steps(source.pattern, q, recipe)
    background = None
    if source.background is not None:
        background, its_sigma = _background_at(q, source, recipe)
        intensity = intensity - background
        sigma = None if sigma is None else np.hypot(sigma, its_sigma)
    if is_uniform(q) and len(q) <= MAX_POINTS:
        return Measured(q=q, intensity=intensity, sigma=sigma, background=background, step=None)
    step = float(q[-1] - q[0]) / (min(len(q), MAX_POINTS) - 1)
    if background is not None:
        background = resample(q, background, step=step)[1]
    q, intensity, sigma = resample(q, intensity, sigma, step)
    return Measured(q=q, intensity=intensity, sigma=sigma, background=background, step=step)


def _read_q(path: Path, source: Source) -> tuple[Array, Array, Array | None]:
    x, intensity, sigma = read_pattern(path)
    try:
        if source.two_theta:
            assert source.wavelength is not None  # checked when the source was made
            return q_from_two_theta(x, source.wavelength), intensity, sigma
        check_q(x, source.wavelength)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return x, intensity, sigma


def _check_range(path: Path, q: Array, recipe: PdfRecipe) -> None:
    if not recipe.q_min > 0:
        raise InputError(f"--qmin is {recipe.q_min:g}; allowed are values above 0, where S(Q) = 1 + F(Q)/Q exists")
    half = (q[-1] - q[0]) / (len(q) - 1) / 2
    if recipe.q_min < q[0] - half:
        raise InputError(f"{path}: --qmin is {recipe.q_min:g} but the data begin at {q[0]:.5g} 1/angstrom")
    if recipe.data_end > q[-1] + half:
        option = "--qmax" if recipe.q_max_inst is None else "--qmaxinst"
        raise InputError(f"{path}: {option} is {recipe.data_end:g} but the data end at {q[-1]:.5g} 1/angstrom")


def _check_steps(path: Path, q: Array, recipe: PdfRecipe) -> None:
    inside = q[(q >= recipe.q_min) & (q <= recipe.data_end)]
    if len(inside) < 2:
        raise InputError(f"{path}: fewer than two points between {recipe.q_min:g} and {recipe.data_end:g} 1/angstrom")
    longest = min(LONGEST, np.pi / float(np.diff(inside).max()))
    if not recipe.r_max <= longest:
        raise InputError(
            f"{path}: --rmax is {recipe.r_max:g}; allowed are at most {longest:.4g} angstrom (pi / largest step of Q)"
        )


def _background_at(q: Array, source: Source, recipe: PdfRecipe) -> tuple[Array, Array]:
    """Scaled background and its standard deviation (zero where the file has none) at the points of the pattern."""
    assert source.background is not None
    own_q, intensity, sigma = _read_q(source.background, source)
    step = float(np.diff(own_q).max())
    if own_q[0] > q[0] + step or own_q[-1] < q[-1] - step:
        raise InputError(
            f"{source.background}: the background covers {own_q[0]:.5g} to {own_q[-1]:.5g} 1/angstrom; "
            f"the pattern needs {q[0]:.5g} to {q[-1]:.5g}"
        )
    at = np.clip(q, own_q[0], own_q[-1])
    errors = np.zeros_like(q) if sigma is None else np.interp(at, own_q, sigma)
    return source.background_scale * CubicSpline(own_q, intensity)(at), source.background_scale * errors


def _check_destination(source: Source, paths: Iterable[Path], overwrite: bool) -> None:
    inputs = [path.resolve() for path in (source.pattern, source.background) if path is not None]
    for path in paths:
        if path.resolve() in inputs:
            raise UsageError(f"{path}: the result would replace its own input; choose another folder with -o")
        if path.exists() and not overwrite:
            raise UsageError(f"{path}: exists; choose another folder with -o or add --overwrite")


def _number_density(source: Source, recipe: PdfRecipe) -> float | None:
    """Atoms per cubic angstrom."""
    if source.density_g_cm3 is None:
        return None
    return source.density_g_cm3 * ATOMS_PER_A3 / molar_mass_g_mol(recipe.composition)


def strongest_peaks(data: xr.Dataset, recipe: PdfRecipe, number_density: float | None = None) -> list[Peak]:
    """The most prominent peaks of G(r) beyond the reach of the polynomial, by distance.

    Parameters
    ----------
    data : xarray.Dataset
        See :func:`tsct.analyze.pdf.pdf`.
    recipe : PdfRecipe
        What it was made with.
    number_density : float, optional
        Atoms per cubic angstrom. With it each peak gets its number of neighbours, the integral of
        R(r) = r G + 4 pi r^2 rho0 (Keen, J. Appl. Cryst. 34, 172 (2001)) between the minima beside it.
    """
    r, gr = data.r.values, data.gr.values
    tops, found = find_peaks(gr, prominence=0.0)
    real = (r[tops] > max(recipe.polynomial_range, r[1])) & (gr[tops] > 0)
    if "gr_errors" in data:
        real &= found["prominences"] > SIGNIFICANT * data.gr_errors.values[tops]
    tops, prominences = tops[real], found["prominences"][real]
    order = np.argsort(prominences)[::-1][:PEAKS]
    chosen = [top for top in order if prominences[top] >= PROMINENCE * prominences[order[0]]]
    return [_peak(r, gr, tops[i], number_density) for i in sorted(chosen)]


def _peak(r: Array, gr: Array, top: int, number_density: float | None) -> Peak:
    step = r[1] - r[0]
    position, height = extremum(r, gr, r[top] - step / 2, r[top] + step / 2, 1.0)
    if number_density is None:
        return Peak(position, height, None)
    rising = np.diff(gr) > 0
    left = top - int(np.argmin(rising[:top][::-1])) if not rising[:top].all() else 0
    right = top + int(np.argmax(rising[top:])) if rising[top:].any() else len(r) - 1
    inside = slice(left, right + 1)
    radial = r[inside] * gr[inside] + 4 * np.pi * r[inside] ** 2 * number_density
    return Peak(position, height, float(np.trapezoid(radial, r[inside])))


def facts(source: Source, recipe: PdfRecipe, measured: Measured) -> dict[str, str | float]:
    """What the headers of the files say, under the names of PDFgetX3 where it has them."""
    composition = " ".join(f"{symbol}{share:.6g}" for symbol, share in recipe.composition.items())
    stated: dict[str, str | float | None] = {
        "inputfile": source.pattern.name,
        "backgroundfile": source.background.name if source.background else None,
        "bgscale": source.background_scale if source.background else None,
        "composition": composition,
        "density_g_cm3": source.density_g_cm3,
        "wavelength": source.wavelength,
        "qmin": recipe.q_min,
        "qmax": recipe.q_max,
        "qmaxinst": recipe.data_end,
        "qstep": measured.step,
        "rpoly": recipe.polynomial_range,
        "correction": recipe.mode,
        "window": recipe.window,
    }
    return {key: value for key, value in stated.items() if value is not None}


def _write(names: Mapping[str, Path], data: xr.Dataset, header: Mapping[str, str | float], picture: bytes) -> None:
    def errors(name: str) -> Array | None:
        return data[f"{name}_errors"].values if f"{name}_errors" in data else None

    write_sq(names["sq"], data.q.values, data.sq.values, errors("sq"), header)
    write_fq(names["fq"], data.q.values, data.fq.values, errors("fq"), header)
    write_gr(names["gr"], data.r.values, data.gr.values, errors("gr"), header)
    with replacing(names["png"]) as temporary:
        temporary.write_bytes(picture)


def summary(source: Source, measured: Measured, peaks: list[Peak], names: list[str], folder: Path) -> str:
    """One line: the strongest peaks and where the files are."""
    named = ", ".join(_words(peak) for peak in peaks) or "none stands out"
    moved = f"; resampled to a step of {measured.step:.4g} 1/Å" if measured.step is not None else ""
    return f"{source.pattern.name}: peaks of G(r) at {named}{moved}; wrote {', '.join(names)} in {folder}"


def _words(peak: Peak) -> str:
    neighbours = "" if peak.neighbours is None else f", N {peak.neighbours:.2f}"
    return f"{peak.r:.3f} Å ({peak.height:.2f} Å⁻²{neighbours})"


def draw(measured: Measured, data: xr.Dataset, peaks: list[Peak], number_density: float | None = None) -> Figure:
    """I(Q) with its background, F(Q), and G(r) with its peaks named and the line of an atom-free distance."""
    figure = sheet(7.0)
    parts = figure.subplot_mosaic([["iq", "fq"], ["gr", "gr"]])
    _draw_pattern(parts["iq"], measured)
    _draw_curve(parts["fq"], data, "q", "fq")
    tidy(parts["fq"], Q_LABEL, "F(Q) (Å⁻¹)", "b  reduced structure function")
    _draw_pdf(parts["gr"], data, peaks, number_density)
    return figure


def _draw_pattern(axes: Axes, measured: Measured) -> None:
    axes.plot(measured.q, measured.intensity, color=FOUND, linewidth=1.0, label="pattern")
    if measured.background is not None:
        axes.plot(measured.q, measured.background, color=NAIVE, linewidth=1.0, label="background, subtracted")
        legend(axes, "upper right")
    tidy(axes, Q_LABEL, "intensity (unit of the file)", "a  pattern")
    axes.set_ylim(*around(measured.intensity))


def _draw_curve(axes: Axes, data: xr.Dataset, x: str, name: str) -> None:
    at, curve = data[x].values, data[name].values
    if f"{name}_errors" in data:
        error = data[f"{name}_errors"].values
        axes.fill_between(at, curve - error, curve + error, color=FOUND, alpha=0.3, linewidth=0, label="± σ")
    axes.axhline(0.0, color=FAINT, linewidth=0.8)
    axes.plot(at, curve, color=FOUND, linewidth=1.2)


def _draw_pdf(axes: Axes, data: xr.Dataset, peaks: list[Peak], number_density: float | None) -> None:
    _draw_curve(axes, data, "r", "gr")
    r = data.r.values
    curve = data.gr.values[r > 0.5]
    low, high = float(curve.min()), float(curve.max())
    if number_density is not None:
        axes.plot(r, -4 * np.pi * number_density * r, color=NAIVE, linewidth=0.9, label="no atoms: −4πρ₀r")
    for peak in peaks:
        axes.annotate(
            f"{peak.r:.2f}",
            (peak.r, peak.height),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=SMALL,
            color=FOUND,
        )
    tidy(axes, R_LABEL, "G(r) (Å⁻²)", "c  pair distribution function")
    axes.set_xlim(0.0, r[-1])
    axes.set_ylim(low - 0.08 * (high - low), high + 0.15 * (high - low))
    if axes.get_legend_handles_labels()[1]:
        legend(axes, "upper right")
