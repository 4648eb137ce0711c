"""Options of `tsct pdf`."""

from pathlib import Path
from typing import Annotated

import typer

Patterns = Annotated[
    list[Path],
    typer.Argument(help="Columns: Q or 2theta, intensity, error (.xy, .xye, .chi); several, or HDF5, are a series."),
]
Composition = Annotated[str, typer.Option("--composition", help="Such as 'Si O2' or 'Si0.5 C0.5'.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Folder for .sq, .fq, .gr and .png.")]
QMax = Annotated[float, typer.Option("--qmax", help="End of the Fourier transform, 1/angstrom.")]
QMin = Annotated[float, typer.Option("--qmin", help="Its start, 1/angstrom.")]
QMaxInst = Annotated[
    float | None,
    typer.Option("--qmaxinst", help="End of the data that steady the polynomial; --qmax if omitted."),
]
RPoly = Annotated[
    float | None,
    typer.Option("--rpoly", help="The polynomial acts below this distance, angstrom. [0.9; absolute: 0.6]"),
]
RMax = Annotated[float, typer.Option("--rmax", help="End of G(r), angstrom.")]
Window = Annotated[str, typer.Option("--window", help="none, lorch or revised-lorch.")]
Mode = Annotated[
    str, typer.Option("--mode", help="adhoc (polynomial only) or absolute (self and Compton scattering first).")
]
QDamp = Annotated[float, typer.Option("--qdamp", help="Damping of the instrument that G(r) is divided by, 1/angstrom.")]
QBroad = Annotated[
    float, typer.Option("--qbroad", help="Broadening of the instrument, 1/angstrom; stated in the .gr file.")
]
Background = Annotated[Path | None, typer.Option("--background", help="Pattern to subtract.")]
BackgroundScale = Annotated[float, typer.Option("--background-scale", help="Factor of the background.")]
Wavelength = Annotated[float | None, typer.Option("--wavelength", help="In angstrom; needed for 2theta.")]
Twotheta = Annotated[bool, typer.Option("--twotheta", help="The first column is 2theta in degrees, as --unit deg.")]
Unit = Annotated[
    str | None,
    typer.Option(
        "--unit",
        help="Of the first column: 1/angstrom, 1/nm, or deg or rad of 2theta; what the header says if omitted.",
    ),
]
Density = Annotated[
    float | None,
    typer.Option(
        "--density",
        help="Of the sample in g/cm³; gives the scale in absolute mode, and the first coordination number.",
    ),
]
DensityError = Annotated[float, typer.Option("--density-error", help="Standard deviation of the density, g/cm³.")]
Pair = Annotated[
    str | None,
    typer.Option("--pair", help="Elements of the nearest peak, such as Si-O, for the number of O around Si."),
]
Constant = Annotated[
    str,
    typer.Option("--constant", help="Of the pattern (fluorescence, electronics): a number or fit; absolute mode."),
]
BackgroundScaleError = Annotated[
    float, typer.Option("--background-scale-error", help="Standard deviation of the factor of the background.")
]
NeighbourCorrelation = Annotated[
    float | None,
    typer.Option("--neighbour-correlation", help="Of the noise of neighbouring bins, 0 to 0.95; else estimated."),
]
SolidAngle = Annotated[
    str | None,
    typer.Option(
        "--solid-angle", help="applied: divided out before; missing: divide by cos³2θ. As the file says if omitted."
    ),
]
Polarization = Annotated[
    str | None,
    typer.Option(
        "--polarization",
        help="applied: divided out before; missing: divide by (1+cos²2θ)/2, whole rings. As the file says if omitted.",
    ),
]
Mapping = Annotated[
    Path | None,
    typer.Option("--mapping", help="TOML that says where an HDF5 file keeps intensity and q, if it is no NXdata."),
]
FollowLinks = Annotated[
    Path | None, typer.Option("--follow-links", help="Follow links of HDF5 files to others below this folder.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in the folder.")]
