"""`tsct explore`: a run in the browser."""

from pathlib import Path
from typing import Annotated

import typer

from .options import say


def explore(
    run: Annotated[Path, typer.Argument(help="Folder of `tsct run`, or a recovered.h5.")],
    plan: Annotated[
        bool, typer.Option("--plan", help="RUN is a preset or an experiment file: the planner with live sliders.")
    ] = False,
    truth: Annotated[Path | None, typer.Option("--truth", help="A truth file; by default the one beside.")] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Zero: any that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
) -> None:
    """Look at a run: linked maps, curves of any voxel or region, and the evidence of every check.

    Opens a page that only this machine and the printed address can reach. Click a voxel, then "Why does it differ?".
    With --plan it shows what a beamtime will see instead, e.g. `tsct explore wragg2023 --plan`. Ctrl-C ends it.
    """
    from .extras import needs

    needs("panel", "explore")
    from threadpoolctl import threadpool_limits

    from tsct.apps.explore.page import Explorer, planned
    from tsct.apps.explore.run import open_run
    from tsct.apps.explore.server import end_on_signals, guarded, opened_in_browser, serve
    from tsct.apps.run.experiment import load

    if plan:
        # a mistake in the file is told here rather than in the browser
        name = load(str(run)).settings.name
        server, address = guarded(lambda: planned(str(run)), title=f"plan {name}", port=port)
    else:
        opened = open_run(run, truth)
        server, address = guarded(lambda: Explorer(opened).page(), title=opened.name or "tsct explore", port=port)
    end_on_signals(server)
    typer.echo(f"explore: {address}")
    say("Ctrl-C ends it")
    # a click multiplies matrices so small that more threads would only wait for each other
    with threadpool_limits(1, user_api="blas"), opened_in_browser(address, wanted=browser):
        serve(server)
    say("explore: ended")
