"""What all pages share: the frame with its style, and figures inside it."""

import base64
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from tsct.records.io import replacing
from tsct.records.marks import SOFTWARE

from .figures.plates import Plate, Sources

#: dots per inch of the figures
DPI = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure on the page: its image as a data URI, or why there is none."""

    plate: Plate
    image: str = ""
    missing: str = ""


def picture(plate: Plate, sources: Sources, folder: Path) -> Picture:
    """Draw a figure into its file; take away an older file where it cannot be drawn."""
    path = folder / f"{plate.name}.png"
    if missing := plate.missing(sources):
        path.unlink(missing_ok=True)
        return Picture(plate=plate, missing=missing)
    with replacing(path) as temporary:
        plate.draw(sources).savefig(temporary, format="png", dpi=DPI, metadata=SOFTWARE)
    encoded = base64.b64encode(path.read_bytes()).decode("ascii")
    return Picture(plate=plate, image=f"data:image/png;base64,{encoded}")


def rendered(name: str, **values: Any) -> str:
    """A page as text; everything that is not the template's own is escaped."""
    loader = FunctionLoader(lambda part: files("tsct.validation.report").joinpath(part).read_text(encoding="utf-8"))
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name).render(**values)
