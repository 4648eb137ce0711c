"""How long a click in the explorer takes, from the mouse to the drawn curves, and what memory the server holds.

    tsct run wragg2023 -o /tmp/full
    python benchmarks/bench_explore.py /tmp/full [--clicks 5]

Starts `tsct explore` on the run and drives it in chromium. A time begins when the page gets the event of the mouse (or
of the key that moves a slider) and ends with the second frame after the new numbers have come, both on the page's own
clock. It grows with whatever else the machine does; the processor time that the server and the page's main thread spend
until all is quiet again does so less. Cold: the system was told to forget the tiles before. Memory is what the kernel
says of the server's process.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, sync_playwright

#: remembers when something was done and, for each source, when what followed was on the screen
CLOCK = """() => {
    window.clock = {};
    const begin = () => { window.clock = { begun: performance.now() }; };
    for (const event of ["pointerdown", "keydown", "pointerup"]) window.addEventListener(event, begin, true);
    const watch = (name, source) => source.properties.data.change.connect(() =>
        requestAnimationFrame(() => requestAnimationFrame(() => (window.clock[name] = performance.now()))));
    const model = (name) => Bokeh.documents[0].get_model_by_name(name);
    watch("curves", model("r_curves"));
    watch("maps", model("map-found").renderers[0].data_source);
}"""
FRAME = """() => {
    const view = Bokeh.index.find_one(Bokeh.documents[0].get_model_by_name("map-found"));
    const outer = view.el.getBoundingClientRect(), frame = view.frame.bbox;
    return [outer.left + frame.left, outer.top + frame.top, frame.width, frame.height];
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of one action, milliseconds: until it is drawn, and processor time of server and page."""

    drawn: float
    server: float
    page: float


class Bench:
    """A page of a running explorer."""

    def __init__(self, process: subprocess.Popen, page: Page) -> None:
        self.process, self.page = process, page
        self.metrics = page.context.new_cdp_session(page)
        self.metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.evaluate(CLOCK)

    def spent(self) -> tuple[float, float]:
        """Processor time so far of server and page, ms."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        page = {one["name"]: one["value"] for one in self.metrics.send("Performance.getMetrics")["metrics"]}
        return 1e3 * ticks / os.sysconf("SC_CLK_TCK"), 1e3 * page["TaskDuration"]

    def timed(self, act: Callable[[], None], name: str) -> Cost:
        """Do something and wait until the named plots are drawn anew, then until all is quiet."""
        self.page.evaluate("() => { window.clock = {}; }")
        before = self.spent()
        act()
        self.page.wait_for_function("(name) => window.clock[name]", arg=name, polling=5, timeout=60_000)
        drawn = float(self.page.evaluate("(name) => window.clock[name] - window.clock.begun", name))
        self.page.wait_for_timeout(700)
        server, page = (after - start for after, start in zip(self.spent(), before, strict=True))
        return Cost(drawn=drawn, server=server, page=page)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--clicks", type=int, default=5, help="of each kind in each state")
    options = parser.parse_args()
    with served(options.run) as (process, address), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_selector("text=density found", timeout=120_000)
        print(f"memory after the page has opened: {memory(process)}")
        for name, costs in measured(Bench(process, page), options.run, options.clicks):
            print(f"{name:36s} {summary(costs)}, n = {len(costs)}", flush=True)
        print(f"memory at the end: {memory(process)}; load {os.getloadavg()[0]:.1f}")
        chromium.close()


def measured(bench: Bench, run: Path, clicks: int) -> Iterator[tuple[str, list[Cost]]]:
    """Costs of everything that is done often."""
    page, draws = bench.page, np.random.default_rng(1)
    states = count_states(run)
    warm, cold = [], []
    for state in (states - 1, states // 2, 1):
        set_state(page, state)
        for _ in range(clicks):
            row, column = draws.integers(18, 42, 2).tolist()
            forget(run)
            cold.append(bench.timed(lambda at=(row, column): click_voxel(page, *at), "curves"))
            warm.append(bench.timed(lambda at=(row, column + 1): click_voxel(page, *at), "curves"))
    yield "click a voxel: curves, cold", cold
    yield "click a voxel: curves, warm", warm
    corners = draws.integers(14, 34, clicks).tolist()
    yield "draw around 64 voxels: curves", [bench.timed(lambda at=at: lasso(page, at), "curves") for at in corners]
    choose_map(page, "G at a distance r")
    slid: dict[str, list[Cost]] = {"maps": [], "curves": []}
    for name in slid:
        for state in range(2, states, max(1, states // clicks)):
            set_state(page, state)
            forget(run)
            slid[name].append(bench.timed(lambda: page.keyboard.press("ArrowLeft"), name))
    yield "state slider: map of G, cold", slid["maps"]
    yield "state slider: map and curves, cold", slid["curves"]
    yield "r slider: map of G, warm", [bench.timed(lambda: move_r(page), "maps") for _ in range(clicks)]


def click_voxel(page: Page, row: int, column: int, side: int = 60) -> None:
    left, top, width, height = page.evaluate(FRAME)
    page.mouse.click(left + width * (column + 0.5) / side, top + height * (side - row - 0.5) / side)


def lasso(page: Page, low: int, side: int = 60) -> None:
    left, top, width, height = page.evaluate(FRAME)
    high = 8
    corners = [(low, low), (low + high, low), (low + high, low + high), (low, low + high), (low, low)]
    places = [(left + width * x / side, top + height * (1 - y / side)) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()


def slider(page: Page, title: str) -> Any:
    return page.locator(f".bk-input-group:has-text('{title}') [role=slider]:visible").first


def set_state(page: Page, state: int) -> None:
    handle = slider(page, "state")
    handle.focus()
    now = int(float(handle.get_attribute("aria-valuenow")))
    if now != state:
        for _ in range(abs(state - now)):
            page.keyboard.press("ArrowRight" if state > now else "ArrowLeft")
        page.wait_for_selector(f"h2:has-text('state {state},')", timeout=120_000)
    page.wait_for_timeout(1500)


def move_r(page: Page) -> None:
    slider(page, "r (Å)").focus()
    page.keyboard.press("ArrowRight")


def choose_map(page: Page, title: str) -> None:
    page.locator("select:visible").first.select_option(label=title)
    page.wait_for_selector("text=/^r \\(Å\\)/")
    page.wait_for_timeout(1500)


def count_states(run: Path) -> int:
    return len({path.name.split("_")[0] for path in (run / "recovered").glob("state*.h5")})


def forget(run: Path) -> None:
    """Have the next read of every tile go to the disk."""
    for path in (run / "recovered").glob("state*.h5"):
        with path.open("rb") as handle:
            os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@contextmanager
def served(run: Path) -> Iterator[tuple[subprocess.Popen, str]]:
    """The command itself and the address that it prints."""
    command = [sys.executable, "-m", "tsct.apps.cli.main", "explore", str(run), "--no-browser"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().split()[1]
    finally:
        process.terminate()
        process.wait()


def memory(process: subprocess.Popen) -> str:
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    now, most = (int(status[key].split()[0]) / 1e3 for key in ("VmRSS", "VmHWM"))
    return f"{now:.0f} MB, at most {most:.0f} MB"


def summary(costs: list[Cost]) -> str:
    drawn = [cost.drawn for cost in costs]
    server, page = (np.median([getattr(cost, name) for cost in costs]) for name in ("server", "page"))
    slowest = np.percentile(drawn, 90)
    return (
        f"{np.median(drawn):4.0f} ms, 90 % below {slowest:4.0f}; processor: server {server:3.0f}, page {page:3.0f} ms"
    )


if __name__ == "__main__":
    main()
