"""`tsct frames`: detector images behind some rays of a scan."""

from pathlib import Path
from typing import Annotated

import typer

from .options import ExperimentArgument, OutOption, OverwriteOption, SeedOption, SetOption, say, track

StateOption = Annotated[int, typer.Option("--state", min=0, help="Which state of the discharge, counted from 0.")]
SliceOption = Annotated[int, typer.Option("--slice", min=0, help="Which slice, counted from 0.")]
ViewsOption = Annotated[str, typer.Option("--views", help="Which views: `0`, `0,45` or `0:90:10`.")]
TranslationsOption = Annotated[str, typer.Option("--translations", help="Which translations, written like views.")]


def frames(
    experiment: ExperimentArgument = "wragg2023",
    output: OutOption = Path("frames"),
    state: StateOption = 0,
    slice_: SliceOption = 0,
    views: ViewsOption = "0",
    translations: TranslationsOption = "30",
    seed: SeedOption = None,
    set_: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write detector images, so that your own integration is part of the tested chain.

    The images are NeXus (`stateNN_sliceM.h5`, one after the other, -1 where no pixel counts); `detector.poni` holds the
    geometry as the beamline states it, for pyFAI. All faults of the experiment are in the images. The same rays of
    `tsct simulate` with the same seed are these images integrated, up to counting noise.
    """
    from tsct.apps.run import frames as job
    from tsct.apps.run.experiment import load

    made = load(experiment, overrides=set_ or (), seed=seed)
    rays = job.chosen(made, views, translations)
    path, number = job.write(made, output, state, slice_, rays, overwrite=overwrite, track=track)
    say(f"{number} frames in {path}, geometry in {output / job.PONI}; next: integrate them with pyFAI")
