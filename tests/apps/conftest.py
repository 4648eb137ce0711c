"""A small run that several tests look at; a real browser, and the pages that are opened in it."""

import os
import shutil

import pytest

from tsct.apps import run as job
from tsct.apps.experiment import load

SMALL = (
    *("beamline.scan.translations=40", "beamline.scan.step_mm=0.2", "beamline.beam_width_mm=0.2"),
    *("beamline.scan.views=36", "beamline.scan.q_max=24.0", "beamline.scan.q_step=0.1"),
    *("states.potentials_v=[0.50, 0.20]", "slices.z_mm=[0.050]", "analysis.roi.radius_voxels=8.0"),
)

BROWSER_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """Folder and scores of a run with two states of one slice; to be read only."""
    folder = tmp_path_factory.mktemp("run")
    experiment = load("wragg2023", overrides=SMALL, seed=1)
    return folder, job.run(experiment, folder, workers=1, overwrite=False, track=lambda items, *_: items)


@pytest.fixture(scope="session")
def browser():
    """Chromium; where it is missing the test is skipped, or fails if TSCT_REQUIRE_BROWSER is set to 1."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        if os.environ.get("TSCT_REQUIRE_BROWSER") == "1":
            pytest.fail("TSCT_REQUIRE_BROWSER is 1, but there is no chromium; apt-get install chromium")
        pytest.skip("no chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=list(BROWSER_ARGUMENTS))
        yield opened
        opened.close()


class Watched:
    """A page of which every request, console error and script error is remembered."""

    def __init__(self, browser, **context):
        self.context = browser.new_context(viewport={"width": 1280, "height": 800}, **context)
        self.page = self.context.new_page()
        self.requests, self.errors, self.dialogs = [], [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", self._dialog)

    def _dialog(self, dialog):
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def far_requests(self, *near):
        """Requests that go anywhere but to these beginnings of addresses."""
        return [url for url in self.requests if not url.startswith((*near, "data:", "blob:"))]


@pytest.fixture
def watched(browser):
    """Makes watched pages and closes them."""
    made = []

    def make(**context):
        made.append(Watched(browser, **context))
        return made[-1]

    yield make
    for one in made:
        one.context.close()
