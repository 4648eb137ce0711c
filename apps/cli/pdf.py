"""`tsct pdf`: measured patterns to S(Q), F(Q) and G(r)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from tsct.records.errors import UsageError
from tsct.records.paths import must_be_file

from . import pdf_options as options

if TYPE_CHECKING:
    from tsct.analyze.recipe import PdfRecipe
    from tsct.apps.pattern.measured import Source


def pdf(
    patterns: options.Patterns,
    composition: options.Composition,
    output: options.Output = Path("."),
    q_max: options.QMax = 20.0,
    q_min: options.QMin = 0.8,
    q_max_inst: options.QMaxInst = None,
    r_poly: options.RPoly = None,
    r_max: options.RMax = 20.0,
    window: options.Window = "none",
    mode: options.Mode = "adhoc",
    q_damp: options.QDamp = 0.0,
    q_broad: options.QBroad = 0.0,
    background: options.Background = None,
    background_scale: options.BackgroundScale = 1.0,
    wavelength: options.Wavelength = None,
    twotheta: options.Twotheta = False,
    unit: options.Unit = None,
    density: options.Density = None,
    density_error: options.DensityError = 0.0,
    pair: options.Pair = None,
    constant: options.Constant = "0",
    background_scale_error: options.BackgroundScaleError = 0.0,
    neighbour_correlation: options.NeighbourCorrelation = None,
    solid_angle: options.SolidAngle = None,
    polarization: options.Polarization = None,
    mapping: options.Mapping = None,
    follow_links: options.FollowLinks = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Turn a measured pattern into S(Q), F(Q) and G(r), or a series into a NeXus file of all and a .gr of each.

    The pattern still holds its Compton scattering, without which peaks are several times too high, and is intensity per
    solid angle without polarisation, unless it or an option says otherwise. PDFgui, pdffit2 and diffpy open the `.gr`.
    Example: `tsct pdf glass.xye --composition 'Si O2' --qmax 22 -o glass`
    """
    from tsct.analyze.pdf import parse_composition
    from tsct.analyze.recipe import PdfRecipe
    from tsct.apps.pattern import R_STEP, Source, check_states

    shares = parse_composition(composition)
    source = Source(
        pattern=patterns[0],
        unit=_unit(unit, twotheta=twotheta),
        wavelength=wavelength,
        background=background,
        background_scale=background_scale,
        background_scale_error=background_scale_error,
        density_g_cm3=density,
        density_error_g_cm3=density_error,
        constant=_constant(constant),
        pair=_pair(pair, shares),
        neighbour_correlation=neighbour_correlation,
        applied=check_states(solid_angle=solid_angle, polarization=polarization),
    )
    ranges: dict[str, Any] = {"q_min": q_min, "q_max": q_max, "q_max_inst": q_max_inst, "r_poly": r_poly}
    choices: dict[str, Any] = {"window": window, "mode": mode, "q_damp": q_damp, "q_broad": q_broad}
    recipe = PdfRecipe(composition=shares, **ranges, **choices, r_max=r_max, r_step=R_STEP)
    typer.echo(_convert(patterns, source, recipe, output, overwrite=overwrite, mapping=mapping, links=follow_links))


def _convert(
    patterns: Sequence[Path],
    source: "Source",
    recipe: "PdfRecipe",
    output: Path,
    *,
    overwrite: bool,
    mapping: Path | None,
    links: Path | None,
) -> str:
    """Convert one pattern, or a series read as its first; returns what to say."""
    from dataclasses import replace

    from tsct.apps.pattern import convert, convert_series, is_series

    for pattern in patterns:
        must_be_file(pattern)
    if is_series(patterns):
        sources = [replace(source, pattern=pattern) for pattern in patterns]
        return convert_series(sources, recipe, output, overwrite=overwrite, mapping=mapping, links=links)
    if mapping is not None:
        raise UsageError(f"--mapping is for HDF5 files; {patterns[0]} is none")
    return convert(source, recipe, output, overwrite=overwrite)


def _unit(unit: str | None, *, twotheta: bool) -> str | None:
    if twotheta and unit not in (None, "deg"):
        raise UsageError(f"--twotheta and --unit {unit} contradict each other; give one")
    return "deg" if twotheta else unit


def _constant(text: str) -> float | Literal["fit"]:
    if text == "fit":
        return "fit"
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--constant is '{text}'; allowed are a number and fit") from None


def _pair(text: str | None, composition: Mapping[str, float]) -> tuple[str, str] | None:
    if text is None:
        return None
    elements = text.split("-")
    if len(elements) != 2 or not set(elements) <= set(composition):
        raise UsageError(f"--pair is '{text}'; allowed are two of {', '.join(composition)}, joined by a hyphen")
    return elements[0], elements[1]
