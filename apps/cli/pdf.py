"""`tsct pdf`: measured patterns to S(Q), F(Q) and G(r)."""

from pathlib import Path
from typing import Annotated

import typer

from tsct.records.errors import UsageError
from tsct.records.paths import must_be_file


def pdf(
    patterns: Annotated[
        list[Path],
        typer.Argument(
            help="Columns: Q or 2theta, intensity, error (.xy, .xye, .chi); several, or HDF5, are a series."
        ),
    ],
    composition: Annotated[str, typer.Option("--composition", help="Such as 'Si O2' or 'Si0.5 C0.5'.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for .sq, .fq, .gr and .png.")] = Path("."),
    q_max: Annotated[float, typer.Option("--qmax", help="End of the Fourier transform, 1/angstrom.")] = 20.0,
    q_min: Annotated[float, typer.Option("--qmin", help="Its start, 1/angstrom.")] = 0.8,
    q_max_inst: Annotated[
        float | None,
        typer.Option("--qmaxinst", help="End of the data that steady the polynomial; --qmax if omitted."),
    ] = None,
    r_poly: Annotated[
        float | None,
        typer.Option("--rpoly", help="The polynomial acts below this distance, angstrom. [0.9; absolute: 0.6]"),
    ] = None,
    r_max: Annotated[float, typer.Option("--rmax", help="End of G(r), angstrom.")] = 20.0,
    window: Annotated[str, typer.Option("--window", help="none, lorch or revised-lorch.")] = "none",
    mode: Annotated[
        str, typer.Option("--mode", help="adhoc (polynomial only) or absolute (self and Compton scattering first).")
    ] = "adhoc",
    q_damp: Annotated[
        float, typer.Option("--qdamp", help="Damping of the instrument that G(r) is divided by, 1/angstrom.")
    ] = 0.0,
    q_broad: Annotated[
        float, typer.Option("--qbroad", help="Broadening of the instrument, 1/angstrom; stated in the .gr file.")
    ] = 0.0,
    background: Annotated[Path | None, typer.Option("--background", help="Pattern to subtract.")] = None,
    background_scale: Annotated[float, typer.Option("--background-scale", help="Factor of the background.")] = 1.0,
    wavelength: Annotated[float | None, typer.Option("--wavelength", help="In angstrom; needed for 2theta.")] = None,
    twotheta: Annotated[
        bool, typer.Option("--twotheta", help="The first column is 2theta in degrees, as --unit deg.")
    ] = False,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            help="Of the first column: 1/angstrom, 1/nm, or deg or rad of 2theta; what the header says if omitted.",
        ),
    ] = None,
    density: Annotated[
        float | None,
        typer.Option("--density", help="Of the sample in g/cm³; adds the first coordination number of an element."),
    ] = None,
    neighbour_correlation: Annotated[
        float | None,
        typer.Option("--neighbour-correlation", help="Of the noise of neighbouring bins, 0 to 0.95; else estimated."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", help="TOML that says where an HDF5 file keeps intensity and q, if it is no NXdata."),
    ] = None,
    follow_links: Annotated[
        Path | None, typer.Option("--follow-links", help="Follow links of HDF5 files to others below this folder.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in the folder.")] = False,
) -> None:
    """Turn a measured pattern into S(Q), F(Q) and G(r), or a series into a NeXus file of all and a .gr of each.

    The pattern is intensity per solid angle, corrected for polarisation, on any scale, and still holds its Compton
    scattering: without it, peaks come out several times too high. The `.gr` file opens in PDFgui, pdffit2 and diffpy.
    Example: `tsct pdf glass.xye --composition 'Si O2' --qmax 22 -o glass`
    """
    for pattern in patterns:
        must_be_file(pattern)
    if twotheta and unit not in (None, "deg"):
        raise UsageError(f"--twotheta and --unit {unit} contradict each other; give one")
    from tsct.analyze.pdf import parse_composition
    from tsct.analyze.recipe import PdfRecipe
    from tsct.apps.pattern import convert as one_pattern
    from tsct.apps.pattern.measured import Source
    from tsct.apps.pattern.series import convert_series, is_series

    sources = [
        Source(
            pattern=pattern,
            unit="deg" if twotheta else unit,
            wavelength=wavelength,
            background=background,
            background_scale=background_scale,
            density_g_cm3=density,
            neighbour_correlation=neighbour_correlation,
        )
        for pattern in patterns
    ]
    recipe = PdfRecipe(
        composition=parse_composition(composition),
        q_min=q_min,
        q_max=q_max,
        q_max_inst=q_max_inst,
        window=window,  # type: ignore[arg-type]
        mode=mode,  # type: ignore[arg-type]
        q_damp=q_damp,
        q_broad=q_broad,
        r_poly=r_poly,
        r_max=r_max,
        r_step=one_pattern.R_STEP,
    )
    if is_series(patterns):
        line = convert_series(sources, recipe, output, overwrite=overwrite, mapping=mapping, links=follow_links)
    elif mapping is not None:
        raise UsageError(f"--mapping is for HDF5 files; {patterns[0]} is none")
    else:
        line = one_pattern.convert(sources[0], recipe, output, overwrite=overwrite)
    typer.echo(line)
