"""Detector frames on disk: which rays, how much room, and the geometry beside them."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tsct.records.errors import InputError, UsageError
from tsct.records.io import write_frames, write_text
from tsct.records.marks import COMMENT
from tsct.records.paths import must_be_free, writable
from tsct.simulate import Frame, check_rays, integrator, known
from tsct.simulate import frames as simulated
from tsct.simulate.beampath import spectra_table

from .experiment import Experiment
from .tiles import tile_name

PONI = "detector.poni"
Rays = Sequence[tuple[int, int]]
Track = Callable[[Iterable[Any], str, int], Iterable[Any]]


def chosen(experiment: Experiment, views: str, translations: str) -> Rays:
    """Rays named on the command line.

    Raises
    ------
    UsageError
        If a choice is not written as numbers or ranges.
    InputError
        If the scan has no such ray.
    """
    pattern = experiment.beamline.scan
    rays = [
        (view, translation)
        for view in _numbers(views, pattern.views, "--views")
        for translation in _numbers(translations, pattern.translations, "--translations")
    ]
    check_rays(experiment.beamline, rays)
    return rays


def _numbers(text: str, length: int, option: str) -> list[int]:
    """Numbers of ``0,5``, ``0:90:10`` or ``:``."""
    found: list[int] = []
    try:
        for part in text.split(","):
            if ":" in part:
                found += range(length)[slice(*(int(word) if word.strip() else None for word in part.split(":")))]
            else:
                found.append(int(part))
    except (ValueError, TypeError):
        raise UsageError(f"{option} {text}: write it as 0, 0,45 or 0:90:10") from None
    if not found:
        raise UsageError(f"{option} {text}: chooses nothing of {length}")
    return found


def write(
    experiment: Experiment, folder: Path, state: int, slice_index: int, rays: Rays, *, overwrite: bool, track: Track
) -> tuple[Path, int]:
    """Simulate and write frames of one tomogram, and the geometry.

    Returns
    -------
    path, number
        The file and how many frames it holds.
    """
    phantom, beamline, settings = experiment.phantom, experiment.beamline, experiment.settings
    states, slices = len(phantom.states.values), len(phantom.slices_z_mm)
    if state >= states or slice_index >= slices:
        raise InputError(f"no state {state}, slice {slice_index}; there are {states} states and {slices} slices from 0")
    path = folder / f"{tile_name((state, slice_index))}.h5"
    must_be_free(folder, [path.name], overwrite=overwrite)
    # that of other tomograms of this beamline is the same
    must_be_free(folder, [PONI], overwrite=True)
    writable(folder)
    table = spectra_table(phantom, beamline)
    images = simulated(phantom, beamline, table, settings.seed, state, slice_index, rays)
    poni = poni_text(beamline)
    number = write_frames(
        path,
        _with_places(track(images, "frames", len(rays)), experiment),
        mask=beamline.detector.mask,
        known=known(phantom, beamline),
        poni=poni,
        title=f"{settings.name}: frames of state {state}, slice {slice_index}",
    )
    write_text(folder / PONI, f"{COMMENT}\n{poni}")
    return path, number


def _with_places(images: Iterable[Frame], experiment: Experiment) -> Iterator[tuple[Any, dict[str, float]]]:
    pattern = experiment.beamline.scan
    for frame in images:
        place = {
            "angle_deg": float(pattern.angles_deg[frame.view]),
            "translation_mm": float(pattern.translations_mm[frame.translation]),
            "monitor": frame.monitor,
        }
        yield frame.counts, place


def poni_text(beamline: Any) -> str:
    """The stated geometry in pyFAI's format, without the date that pyFAI writes into it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / PONI
        integrator(beamline).save(str(path))
        lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("# Calibration done")) + "\n"
