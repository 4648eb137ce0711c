"""`tsct lesson`: the truncation lesson as one HTML page."""

from pathlib import Path
from typing import Annotated

import typer

from tsct.records.errors import UsageError
from tsct.records.paths import file_must_be_free, made

from .options import ReplaceOption, track


def lesson(
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write.")] = Path("lesson.html"),
    overwrite: ReplaceOption = False,
) -> None:
    """Write the PDF lesson: one HTML page with sliders that needs nothing else.

    Why is there a peak at 1 Å where no atoms are? Qmin, Qmax, window, photons, polynomial, composition, lithiation and
    parallax act live on I(Q), F(Q), G(r), dPDF and maps, beside the truth; eight guided steps know when their goal is
    reached. Open the file in any browser; it works offline.
    """
    from .extras import needs

    needs("bokeh", "explore")
    if output.is_dir():
        raise UsageError(f"-o {output} is a folder; name the page, such as {output / 'lesson.html'}")
    file_must_be_free(output, overwrite=overwrite)
    with made(output.parent):
        from tsct.apps.lesson.model import build_library
        from tsct.apps.lesson.page import write_lesson

        (library,) = track((build_library() for _ in range(1)), "scattering from atoms", 1)
        typer.echo(f"lesson: {write_lesson(output, library)}")
