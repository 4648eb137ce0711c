"""The scan: what the beamline records, tile by tile.

A tile is one (state, slice): a pure function of phantom, beamline, seed and tile. Phases are projected, not channels:
the noise-free sinogram has the rank of the number of phases, and only the Poisson draw touches every count.
"""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.phantoms import Sample
from tsct.records.schema import SCAN
from tsct.records.seeds import generator
from tsct.records.tiles import stack_tiles
from tsct.simulate.beamline.beamline import Beamline, id15a
from tsct.simulate.beamline.motion import Motion, motion
from tsct.simulate.beamline.pixel_faults import ring_response
from tsct.simulate.beamline.response import detector_response
from tsct.simulate.beampath.expected_counts import rates
from tsct.simulate.beampath.phase_spectra import Spectra, spectra_table
from tsct.simulate.beampath.sinogram import Lines, expected_lines, warn_of_lost_mass

from .identity import IDENTIFIER, identifier


def scan(
    phantom: Sample, beamline: Beamline | None = None, *, seed: int = 0, tiles: Iterable[tuple[int, int]] | None = None
) -> xr.Dataset:
    """Simulate the measurement.

    Parameters
    ----------
    phantom : Sample
        The sample.
    beamline : Beamline, optional
        The measurement; ID15A at 100 keV if omitted.
    seed : int
        Root seed of all noise and of the gain patterns.
    tiles : iterable of (state, slice), optional
        Which tiles; all of them if omitted. A tile of the default size takes 40 MB.

    Returns
    -------
    xarray.Dataset
        Dims (state, slice, angle, translation, q): counts and what an experimenter knows about them.
    """
    beamline = beamline or id15a()
    states, slices = range(len(phantom.states.values)), range(len(phantom.slices_z_mm))
    wanted = list(product(states, slices)) if tiles is None else list(tiles)
    warn_of_lost_mass(phantom, beamline)
    table, threads = spectra_table(phantom, beamline), os.cpu_count() or 1
    return stack_tiles([simulate_tile(phantom, beamline, table, seed, *tile, threads=threads) for tile in wanted])


def simulate_tile(
    phantom: Sample,
    beamline: Beamline,
    table: Mapping[str, Spectra],
    seed: int,
    state: int,
    slice_index: int,
    *,
    threads: int = 1,
) -> xr.Dataset:
    """Simulate one (state, slice); the result does not depend on the number of threads.

    Returns
    -------
    xarray.Dataset
        Dims (angle, translation, q); nothing in it that an experimenter would not know.
    """
    frames = motion(beamline, seed, state, slice_index)
    lines = expected_lines(phantom, beamline, table, frames, state, slice_index)
    photons = beamline.photons_per_frame * frames.flux * frames.recorded
    counts = _draw(beamline, lines, photons, seed, state, slice_index, threads)
    rng = generator(seed, "monitor", state, slice_index)
    noise = beamline.faults.monitor_noise
    monitor = photons * (1 + noise * rng.standard_normal(photons.shape))
    transmission = lines.transmission * (1 + noise * rng.standard_normal(photons.shape))
    record = _record(phantom, beamline, frames, counts, monitor, transmission, state, slice_index)
    return record.assign_attrs({IDENTIFIER: identifier(phantom, beamline, seed)})


def expected_tile(
    phantom: Sample, beamline: Beamline, table: Mapping[str, Spectra], state: int, slice_index: int
) -> xr.Dataset:
    """The scan of one (state, slice) as it would be on average: no counting noise, no gain errors, no monitor noise.

    Returns
    -------
    xarray.Dataset
        Like that of :func:`simulate_tile`, with expected counts.
    """
    frames = motion(beamline, 0, state, slice_index)
    lines = expected_lines(phantom, beamline, table, frames, state, slice_index)
    photons = beamline.photons_per_frame * frames.flux
    expected = rates(beamline, lines.rows)
    counts = np.stack([flux[:, None] * expected.counts(lines, view) for view, flux in enumerate(photons)])
    record = (phantom, beamline, frames, counts.astype(np.float32), photons, lines.transmission)
    return _record(*record, state, slice_index)


def gains(beamline: Beamline, seed: int, state: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Gain of each translation, shape (translation,), and of each Q bin, shape (q,), in one state."""
    translation, channel = patterns(beamline, seed, state)
    return translation, channel * ring_response(beamline, seed)[0]


def patterns(beamline: Beamline, seed: int, state: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """The part of :func:`gains` that is not made by single pixels."""
    faults, pattern = beamline.faults, beamline.scan
    channel = faults.channel_gain * generator(seed, "channel gain").standard_normal(len(pattern.q))
    drift = faults.channel_drift * generator(seed, "channel drift", state).standard_normal(len(pattern.q))
    translation = faults.translation_gain * generator(seed, "translation gain").standard_normal(pattern.translations)
    return 1 + translation, (1 + channel) * (1 + drift)


def _draw(
    beamline: Beamline, lines: Lines, photons: NDArray[Any], seed: int, state: int, slice_index: int, threads: int
) -> NDArray[np.float32]:
    """Poisson counts, shape (angle, translation, q); one view at a time to bound the memory."""
    translation, channel = gains(beamline, seed, state)
    expected = rates(beamline, lines.rows)
    dark = ring_response(beamline, seed)[1] * beamline.exposure_s
    counts = np.empty((*photons.shape, len(channel)), dtype=np.float32)

    def draw(view: int) -> None:
        flux = photons[view]
        mean = expected.counts(lines, view) * (flux * translation)[:, None] * channel + dark * (flux > 0)[:, None]
        rng = generator(seed, "poisson", state, slice_index, view)
        counts[view] = rng.poisson(np.maximum(mean, 0.0))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(draw, range(len(photons))))
    if beamline.faults.zingers:
        rng = generator(seed, "zingers", state, slice_index)
        struck = rng.random(counts.shape, dtype=np.float32) < beamline.faults.zingers
        counts[struck] += rng.poisson(rng.exponential(beamline.faults.zinger_counts, np.count_nonzero(struck)))
    return counts


def _record(
    phantom: Sample,
    beamline: Beamline,
    frames: Motion,
    counts: NDArray[Any],
    monitor: NDArray[Any],
    transmission: NDArray[Any],
    state: int,
    slice_index: int,
) -> xr.Dataset:
    pattern, answer = beamline.scan, detector_response(beamline)
    measured = (
        ("intensity", counts, "photons counted"),
        ("monitor", monitor, "incident photons"),
        ("transmission", transmission, "transmission of the straight beam"),
        ("time", frames.seconds, "start of the frame after the first"),
        ("solid_angle", answer.solid_angle, "solid angle of the active pixels"),
        ("polarization", answer.polarization, "mean polarisation factor"),
    )
    return xr.Dataset(
        {name: SCAN.variable(name, values, long_name=words) for name, values, words in measured},
        coords={
            "angle": SCAN.variable("angle", pattern.angles_deg),
            "translation": SCAN.variable("translation", pattern.translations_mm),
            "q": SCAN.variable("q", pattern.q, long_name="Q"),
            "state": state,
            "slice": slice_index,
            phantom.states.axis: ((), phantom.states.values[state], {"units": phantom.states.unit}),
            "z_mm": SCAN.variable("z_mm", phantom.slices_z_mm[slice_index]),
        },
        attrs=known(phantom, beamline),
    )


def known(phantom: Sample, beamline: Beamline) -> dict[str, str | float | list[float]]:
    """What an experimenter knows of the measurement, besides its numbers."""
    detector = beamline.detector
    gaps = {f"detector_gaps_{name}_mm": detector.gaps_mm(axis) for axis, name in enumerate(("across", "up"))}
    return {
        "instrument": beamline.name,
        "energy_kev": beamline.energy_kev,
        "distance_mm": beamline.distance_mm,
        "exposure_s": beamline.exposure_s,
        "beam_width_mm": beamline.beam_width_mm,
        "fast_axis": beamline.scan.fast_axis,
        "detector": detector.name,
        "detector_reach_mm": detector.reach_mm,
        **{name: edges for name, edges in gaps.items() if edges},
        "pixel_mm": detector.pixel_mm,
        "sensor_material": "CdTe",
        "sensor_mm": detector.sensor_mm,
        "sensor_density_g_cm3": detector.sensor_density_g_cm3,
        "applied_corrections": "none",
        "sample_composition": phantom.nominal_formula,
        "state_axis": phantom.states.axis,
    }
