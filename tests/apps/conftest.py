"""Commands in this process; a small run for several tests; a real browser, and the pages that are opened in it."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from tsct.apps.cli import main as cli
from tsct.apps.run import pipeline as job

from .small import small

BROWSER_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture
def tsct(monkeypatch, capsys):
    """Run one command in this process; returns exit code, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["tsct", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """Folder and scores of a run with two states of one slice; to be read only."""
    folder = tmp_path_factory.mktemp("run")
    return folder, job.run(small(), folder, workers=1, overwrite=False, track=lambda items, *_: items)


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

    def by_mouse(self, places):
        """Press the mouse at the first place, draw through the others, and let go."""
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=8)
        self.page.mouse.up()

    def slider(self, title):
        """The handle of a slider in a page of Panel."""
        return self.page.locator(f".bk-input-group:has-text('{title}') [role=slider]:visible").first


@pytest.fixture(scope="module")
def watched(browser):
    """Makes watched pages; they are closed with the module."""
    made = []

    def make(**context):
        made.append(Watched(browser, **context))
        return made[-1]

    yield make
    for one in made:
        one.context.close()


@pytest.fixture(scope="module")
def explored():
    """Starts `tsct explore` and gives its process and the address that it prints; Ctrl-C must end it well."""
    started = []

    def start(*arguments):
        command = [sys.executable, "-m", "tsct.apps.cli.main", "explore", *map(str, arguments), "--no-browser"]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
        started.append(subprocess.Popen(command, env=environment, **pipes))
        line = started[-1].stdout.readline()
        assert line.startswith("explore: http://127.0.0.1:"), line
        return started[-1], line.split()[1]

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        # nothing of an interrupted run that could go on
        assert process.stdout.read() == ""
        process.stdout.close()
    assert [process.returncode for process in started] == [0] * len(started)
