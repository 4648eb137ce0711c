"""The lesson: one HTML page that explains how I(Q) becomes G(r) and a map, and what goes wrong on the way."""

import base64
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
from bokeh.document import Document
from bokeh.embed.elements import html_page_for_render_items
from bokeh.embed.util import standalone_docs_json_and_render_items
from bokeh.models import CustomJS
from bokeh.resources import Resources
from jinja2 import Environment
from numpy.typing import NDArray

from tsct.records.io import write_text

from .figures import Board, board
from .model import BLOCKS, FIELD_STEP, VOXELS, Library

SCRIPTS = ("physics.js", "steps.js", "page.js")
#: arrays of the library that the page needs
ARRAYS = (
    *("q", "r", "spectra", "moved", "gr", "lithium", "shells", "factors", "compton", "noise_per_root", "normals"),
    *("far_q", "far_fq", "far_factors", "maps", "true_maps", "fields"),
)


def write_lesson(path: Path, library: Library) -> Path:
    """Write the page; it needs no server, no network and no other file."""
    write_text(path, render(library))
    return path


def render(library: Library) -> str:
    """The page as text."""
    made = board(library)
    for name, plot in made.plots.items():
        plot.name = name
    document = Document(title="Where do the peaks of a PDF come from?")
    for root in (*made.widgets.values(), *made.plots.values()):
        document.add_root(root)
    document.js_on_event("document_ready", _start(made))
    template = Environment(autoescape=False).from_string(_text("lesson.html.jinja"))
    variables = {
        "style": _text("lesson.css"),
        "scripts": [_text(name) for name in SCRIPTS],
        "library": json.dumps(packed(library)),
    }
    # the bundle is made here, because other packages that build on Bokeh add scripts of their own to its bundles
    inline = Resources(mode="inline", components=["bokeh", "bokeh-widgets"])
    docs, items = standalone_docs_json_and_render_items([document])
    bundle = "\n".join(f"<script>\n{raw}\n</script>" for raw in inline.js_raw), ""
    return html_page_for_render_items(
        bundle, docs, items, document.title, template=template, template_variables=variables
    )


def _start(made: Board) -> CustomJS:
    models = {
        "widgets": dict(made.widgets),
        "sources": dict(made.sources),
        "marks": dict(made.marks),
        "pdf": made.plots["plot-pdf"],
        "defaults": made.defaults,
    }
    return CustomJS(args={"models": models}, code="lessonPage.start(models)")


def packed(library: Library) -> dict:
    """The library as JSON: arrays as base64 of their bytes, little-endian."""
    return {
        "arrays": {name: _encoded(getattr(library, name)) for name in ARRAYS},
        "values": {
            "densities": library.densities,
            "mass_densities": library.mass_densities,
            "materials": len(library.spectra),
            "voxels": VOXELS,
            "blocks": BLOCKS,
            "field_step": FIELD_STEP,
        },
    }


def _encoded(values: NDArray) -> dict[str, str]:
    kind = "int8" if values.dtype == np.int8 else "float64"
    raw = np.ascontiguousarray(values, dtype=np.dtype(kind).newbyteorder("<")).tobytes()
    return {"kind": kind, "data": base64.b64encode(raw).decode("ascii")}


def _text(name: str) -> str:
    return files("tsct.apps.lesson").joinpath(name).read_text(encoding="utf-8")
