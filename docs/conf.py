"""The documentation as a site: `make docs`.

The pages are plain Markdown, to be read on a forge as they are. Three things are added here: the table of contents
follows from the links of index.md, the pages of api/ get the docstrings of all that their room exports, and the lesson
itself takes the place of its picture. The page of the lesson is not kept with the sources (it is nearly 3 MB and
follows from them) but made by every build.
"""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from urllib.request import urlopen

from sphinx.application import Sphinx

project = "tsct"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinx.ext.napoleon"]
# links to headings, as a forge makes them
myst_heading_anchors = 3
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "sidebar_width": "200px"}
html_sidebars = {"lesson": []}
html_show_copyright = html_copy_source = False

napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True


def reachable(address: str) -> bool:
    """Whether a page can be had: a build without a network has no links to other projects, and that is all."""
    try:
        with urlopen(address, timeout=5):
            return True
    except OSError:
        return False


OTHERS = {
    "python": "https://docs.python.org/3/",
    "numpy": "https://numpy.org/doc/stable/",
    "xarray": "https://docs.xarray.dev/en/stable/",
    "ase": "https://ase-lib.org/",
}
intersphinx_mapping = {name: (address, None) for name, address in OTHERS.items() if reachable(f"{address}objects.inv")}

ROOT = Path(__file__).resolve().parents[1]
PAGE = "lesson-page.html"
PICTURE = re.compile(r"^!\[.*?\]\(pictures/lesson\.png\)$", re.MULTILINE)
# this one page is as wide as the window
FRAME = f"""```{{raw}} html
<style>
div.document, div.body {{ width: 96%; max-width: none; }}
iframe {{ width: 100%; height: 860px; box-sizing: border-box; border: 1px solid #d9d9d9; }}
</style>
<iframe src="{PAGE}" title="The lesson"></iframe>
<p><a href="{PAGE}">The lesson by itself</a></p>
```"""


def public_modules(room: str) -> Iterator[str]:
    """A room and its sub-packages, as far as they export something; of records also the files beside them."""
    yield f"tsct.{room}"
    for path in sorted((ROOT / room).iterdir()):
        if (path / "__init__.pyi").is_file() or (
            room == "records" and path.suffix == ".py" and path.stem != "__init__"
        ):
            yield f"tsct.{room}.{path.stem}"


def exported_names(module: ModuleType) -> list[str]:
    """What a module says that it exports, or else its own public functions and classes."""
    if hasattr(module, "__getattr__"):
        return list(module.__all__)
    own = inspect.getmembers(module, lambda thing: getattr(thing, "__module__", None) == module.__name__)
    return [name for name, _ in own if not name.startswith("_")]


def directive(module: str, name: str, thing: object) -> str:
    """How autodoc is asked for one name."""
    if inspect.isclass(thing):
        return f".. autoclass:: {module}::{name}\n   :members:\n"
    if callable(thing):
        return f".. autofunction:: {module}::{name}\n"
    return f".. py:data:: {module}.{name}\n   :type: {type(thing).__name__}\n"


def reference(room: str) -> str:
    """Everything public of a room, each thing once: where it is exported first."""
    sections, seen = [], {}
    for name in public_modules(room):
        module = importlib.import_module(name)
        own, again = [], []
        for export in exported_names(module):
            thing = getattr(module, export)
            key = (export, id(thing))
            if key in seen:
                again.append(f"`{export}`")
            else:
                seen[key] = name
                own.append(directive(name, export, thing))
        body = [f"## `{name}`", (module.__doc__ or "").strip()]
        if again:
            body.append(f"Also exported here: {', '.join(again)}.")
        if own:
            body.append("\n".join(("```{eval-rst}", *own, "```")))
        sections.append("\n\n".join(body))
    return "\n\n".join(sections)


def complete(_: Sphinx, name: str, source: list[str]) -> None:
    """Add to a page what only the site has, and name places as MyST does."""
    source[0] = re.sub(r'^<a id="([\w-]+)"></a>$', r"(\1)=", source[0], flags=re.MULTILINE)
    if name == "index":
        pages = re.findall(r"\]\(([\w/-]+)\.md\)", source[0])
        source[0] += "\n".join(("\n```{toctree}", ":hidden:", *pages, "```\n"))
    if name.startswith("api/"):
        source[0] += "\n" + reference(name.removeprefix("api/"))
    if name == "lesson":
        source[0] = PICTURE.sub(lambda _: FRAME, source[0], count=1)


def add_lesson(app: Sphinx, failure: Exception | None) -> None:
    """Put the lesson where the frame looks for it."""
    if failure or app.builder.name != "html":
        return
    from tsct.apps.lesson.model import build_library
    from tsct.apps.lesson.page import write_lesson

    made, page = app.config.lesson, Path(app.outdir) / PAGE
    if made:
        page.write_bytes(Path(made).read_bytes())
    else:
        write_lesson(page, build_library())


def setup(app: Sphinx) -> None:
    """Called by Sphinx; `-D lesson=FILE` takes a page that `tsct lesson` has written before."""
    app.add_config_value("lesson", "", "html")
    app.connect("source-read", complete)
    app.connect("build-finished", add_lesson)
