"""The documentation as a site: `make docs`.

The pages are plain Markdown, to be read on a forge as they are. Two things are added here: the table of contents
follows from the links of index.md, and the lesson itself takes the place of its picture. The page of the lesson is not
kept with the sources (it is nearly 3 MB and follows from them) but made by every build.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

project = "tsct"
extensions = ["myst_parser"]
# links to headings, as a forge makes them
myst_heading_anchors = 3
html_theme = "alabaster"
html_theme_options = {"page_width": "1100px", "sidebar_width": "200px"}
html_sidebars = {"lesson": []}
html_show_copyright = html_copy_source = False

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


def complete(_: Sphinx, name: str, source: list[str]) -> None:
    """Add to a page what only the site has, and name places as MyST does."""
    source[0] = re.sub(r'^<a id="([\w-]+)"></a>$', r"(\1)=", source[0], flags=re.MULTILINE)
    if name == "index":
        pages = re.findall(r"\]\(([\w-]+)\.md\)", source[0])
        source[0] += "\n".join(("\n```{toctree}", ":hidden:", *pages, "```\n"))
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
