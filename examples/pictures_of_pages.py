"""Pictures of the lesson and of the explorer in ``docs/pictures``, taken in Chromium.

Run it with a folder that `tsct run wragg2023 --quick -o out` made::

    python examples/pictures_of_pages.py out

It needs ``pip install 'tsct[explore]' playwright`` and Chromium (``apt-get install chromium``).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
TSCT = [sys.executable, "-m", "tsct.apps.cli.main"]


def lesson(page: Page, source: Path) -> None:
    """The step at which the difference PDF is read."""
    page.goto(source.as_uri())
    page.wait_for_selector("body[data-ready=true]", timeout=200_000)
    page.click("#progress button:nth-child(6)")
    page.evaluate("Bokeh.documents[0].get_model_by_name('lithium').value = 0.04")
    page.wait_for_selector("#step[data-reached=true]")
    page.wait_for_timeout(500)
    page.screenshot(path=PICTURES / "lesson.png")


def explorer(page: Page, address: str) -> None:
    """A voxel, and why its PDF differs from the truth."""
    page.goto(address)
    page.wait_for_selector("text=density found", timeout=200_000)
    page.select_option("select", "G at a distance r")
    page.wait_for_timeout(2000)
    page.click("text=Why does it differ?")
    page.wait_for_timeout(2000)
    page.screenshot(path=PICTURES / "explore.png")


def main() -> None:
    run = sys.argv[1]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        source = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "lesson.html"
        if not source.exists():
            subprocess.run([*TSCT, "lesson", "-o", source], check=True)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        lesson(browser.new_page(viewport={"width": 1280, "height": 800}), source)
        server = subprocess.Popen([*TSCT, "explore", run, "--no-browser"], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[1]
            explorer(browser.new_page(viewport={"width": 1280, "height": 760}), address)
        finally:
            server.terminate()
        browser.close()
    for name in ("lesson", "explore"):
        path = PICTURES / f"{name}.png"
        with Image.open(path) as picture:
            few = picture.convert("RGB").quantize(128, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


if __name__ == "__main__":
    main()
