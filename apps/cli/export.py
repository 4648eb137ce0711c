"""`tsct export`: what was recovered, for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from tsct.records.paths import must_exist

from .options import ReplaceOption, say


def export(
    source: Annotated[Path, typer.Argument(help="Folder of a run or an analysis, or its recovered.h5.")],
    form: Annotated[str, typer.Option("--format", help="gr, xye, pdfgetx3, ndtomo, tiff or csv.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the files. [default: SOURCE/export]")
    ] = None,
    overwrite: ReplaceOption = False,
) -> None:
    """Write what was recovered for other programs.

    `gr`: G(r) of the region of interest for PDFgui, pdffit2 and diffpy, one file for each state, with errors. `xye`:
    its I(Q) in three columns. `pdfgetx3`: its I(Q) and a `pdfgetx3.cfg`; then `pdfgetx3 -c pdfgetx3.cfg` does the rest.
    `ndtomo`: I(Q) of every voxel. `tiff`: maps of the amounts of every phase and their errors, a stack (state, slice,
    y, x) for ImageJ each. `csv`: these amounts in the region. Example: `tsct export out --format gr`
    """
    must_exist(source)
    from tsct.apps.run.export import export as write

    folder = output or (source if source.is_dir() else source.parent) / "export"
    written = write(source, form, folder, overwrite=overwrite)
    more = f" and {len(written) - 1} more" if len(written) > 1 else ""
    say(f"wrote {written[0]}{more}")
