"""One measured pattern to S(Q), F(Q) and G(r): files that other programs read, and a picture."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from os.path import realpath
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze import Facts, resolution_facts, write_fq, write_gr, write_sq
from tsct.analyze.pdf import (
    Density,
    PdfPeak,
    SharedPixels,
    first_peaks,
    pdf,
    ripple_test,
    shared_pixels,
)
from tsct.analyze.recipe import PdfRecipe
from tsct.phantoms.structures import molar_mass_g_mol
from tsct.records.errors import InputError, UsageError
from tsct.records.io import replacing
from tsct.records.paths import file_must_be_free, writable
from tsct.records.units import ATOMS_PER_A3, HC_KEV_ANGSTROM

from .figure import draw
from .measured import Measured, Source, read_measured

Array = NDArray[np.float64]

#: step of G(r) in angstrom, that of PDFgetX3
R_STEP = 0.01
DPI = 150
#: atoms per cubic angstrom; diamond has 0.18
DENSEST = 0.3


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
    check_destination(source, names.values(), overwrite)
    measured = read_measured(source, recipe)
    data, pixels = transformed(source, recipe, measured)
    number_density = _number_density(source, recipe)
    features = ripple_test(measured.q, measured.intensity, recipe, limits=(recipe.polynomial_range, recipe.r_max))
    peaks = first_peaks(data, recipe, number_density, features.position[features.ripple], source.pair)
    picture = BytesIO()
    draw(measured, data, peaks, None if number_density is None else number_density.atoms_per_a3).savefig(
        picture, format="png", dpi=DPI
    )
    writable(folder)
    header = facts(source, recipe, measured) | scale_facts(data, recipe)
    _write(names, data, header, header | resolution_facts(recipe.q_damp, recipe.q_broad), picture.getvalue())
    line = summary(source, measured, peaks, [path.name for path in names.values()], folder)
    return "; ".join(filter(None, (line, scale_words(data, recipe), _pixel_words(pixels), measured.corrections.words)))


def _background_error(source: Source, measured: Measured) -> Array | None:
    if measured.background is None or not source.background_scale:
        return None
    return measured.background * (source.background_scale_error / source.background_scale)


def scale_facts(data: xr.Dataset, recipe: PdfRecipe) -> dict[str, str | float]:
    """What the scale of G(r) rests on, for the headers."""
    if recipe.mode == "adhoc":
        return {"scale": "arbitrary (ad hoc)"}
    constant = {"constant": data.attrs["constant"]} if data.attrs["constant"] else {}
    if not data.attrs["scale_held"]:
        return {"scale": "by the mean intensity at high Q", **constant}
    return {"scale": "by the density", "scale_error": data.attrs["scale_error"], **constant}


def scale_words(data: xr.Dataset, recipe: PdfRecipe) -> str:
    if recipe.mode == "adhoc":
        return "heights are on the arbitrary scale of ad hoc mode"
    constant = f", less a constant of {data.attrs['constant']:.4g}" if data.attrs["constant"] else ""
    if not data.attrs["scale_held"]:
        return f"scale by the mean intensity at high Q{constant}; with --density it would be held where no atoms are"
    known = f"its scale is known to {data.attrs['scale_error']:.1%}"
    return f"G(r) is held to -4 pi rho0 r below the first distance{constant}; {known}"


def transformed(source: Source, recipe: PdfRecipe, measured: Measured) -> tuple[xr.Dataset, SharedPixels]:
    """S(Q), F(Q) and G(r) of a pattern, and how its bins share pixels."""
    energy = None if measured.wavelength is None else HC_KEV_ANGSTROM / measured.wavelength
    pixels = _pixels(source, measured)
    try:
        data = pdf(
            measured.q,
            measured.intensity,
            recipe,
            sigma=measured.sigma,
            energy_kev=energy,
            pixels=pixels,
            density=_number_density(source, recipe),
            constant=source.constant,
            background_error=_background_error(source, measured),
        )
    except InputError as error:
        raise InputError(f"{measured.where}: {str(error).removeprefix('pattern: ')}") from None
    return data, pixels


def _pixels(source: Source, measured: Measured) -> SharedPixels:
    """As given, or estimated where the pattern has errors."""
    if source.neighbour_correlation is not None:
        return SharedPixels.of_neighbours(source.neighbour_correlation)
    return SharedPixels() if measured.sigma is None else shared_pixels(measured.intensity, measured.sigma)


def _pixel_words(pixels: SharedPixels) -> str:
    if pixels.side_bins <= 0:
        return ""
    return f"errors hold a correlation of neighbouring bins of {pixels.neighbours:.2f}"


def check_destination(source: Source, paths: Iterable[Path], overwrite: bool) -> None:
    """Refuse results that would replace their own input, or others that may not be replaced."""
    inputs = [realpath(path) for path in (source.pattern, source.background) if path is not None]
    for path in paths:
        if realpath(path) in inputs:
            raise UsageError(f"{path}: the result would replace its own input; choose another folder with -o")
        file_must_be_free(path, overwrite=overwrite)


def _number_density(source: Source, recipe: PdfRecipe) -> Density | None:
    if source.density_g_cm3 is None:
        return None
    factor = ATOMS_PER_A3 / molar_mass_g_mol(recipe.composition)
    if not source.density_g_cm3 * factor <= DENSEST:
        raise InputError(
            f"--density is {source.density_g_cm3:g} g/cm3, which of this composition are "
            f"{source.density_g_cm3 * factor:.2g} atoms per cubic angstrom; no matter has more than {DENSEST:g}"
        )
    return Density(source.density_g_cm3 * factor, source.density_error_g_cm3 * factor)


def facts(source: Source, recipe: PdfRecipe, measured: Measured) -> dict[str, str | float]:
    """What the headers of the files say, under the names of PDFgetX3 where it has them."""
    composition = " ".join(f"{symbol}{share:.6g}" for symbol, share in recipe.composition.items())
    stated: dict[str, str | float | None] = {
        "inputfile": source.pattern.name,
        "backgroundfile": source.background.name if source.background else None,
        "bgscale": source.background_scale if source.background else None,
        "composition": composition,
        "density_g_cm3": source.density_g_cm3,
        "wavelength": measured.wavelength,
        "qmin": recipe.q_min,
        "qmax": recipe.q_max,
        "qmaxinst": recipe.data_end,
        "qstep": measured.step,
        "rpoly": recipe.polynomial_range,
        "correction": recipe.mode,
        "window": recipe.window,
        **measured.corrections.facts,
    }
    return {key: value for key, value in stated.items() if value is not None}


def _write(names: Mapping[str, Path], data: xr.Dataset, header: Facts, gr_header: Facts, picture: bytes) -> None:
    def errors(name: str) -> Array | None:
        return data[f"{name}_errors"].values if f"{name}_errors" in data else None

    write_sq(names["sq"], data.q.values, data.sq.values, errors("sq"), header)
    write_fq(names["fq"], data.q.values, data.fq.values, errors("fq"), header)
    write_gr(names["gr"], data.r.values, data.gr.values, errors("gr"), gr_header)
    with replacing(names["png"]) as temporary:
        temporary.write_bytes(picture)


def summary(source: Source, measured: Measured, peaks: Sequence[PdfPeak], names: list[str], folder: Path) -> str:
    """One line: the strongest peaks and where the files are."""
    named = ", ".join(_words(peak) for peak in peaks) or "none stands out"
    moved = f"; resampled to a step of {measured.step:.4g} 1/Å" if measured.step is not None else ""
    return f"{source.pattern.name}: peaks of G(r) at {named}{moved}; wrote {', '.join(names)} in {folder}"


def _words(peak: PdfPeak) -> str:
    neighbours = "" if peak.neighbours is None else f", N {peak.neighbours:.2f} ± {peak.neighbours_error:.2f}"
    if peak.ripple:
        return f"{peak.r:.3f} Å (a ripple)"
    return f"{peak.r:.3f} Å ({peak.height:.2f} Å⁻²{neighbours})"
