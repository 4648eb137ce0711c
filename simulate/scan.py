"""The scan: what the beamline records, tile by tile.

A tile is one (state, slice): a pure function of phantom, beamline, seed and tile. Phases are projected, not channels:
the noise-free sinogram has the rank of the number of phases, and only the Poisson draw touches every count.
"""

from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.phantoms.cell import Phantom
from tsct.phantoms.structures import structure
from tsct.records.seeds import generator
from tsct.records.tiles import stack_tiles

from .beamline import Beamline, id15a
from .counts import Response, response
from .project import project
from .spectra import Spectra, spectra_table

#: pixels of the truth grid, and fine detector bins, per translation step
FINE = 4


def scan(
    phantom: Phantom, beamline: Beamline | None = None, *, seed: int = 0, tiles: Iterable[tuple[int, int]] | None = None
) -> xr.Dataset:
    """Simulate the measurement.

    Parameters
    ----------
    phantom : Phantom
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
    states, slices = range(len(phantom.discharge.potentials_v)), range(len(phantom.slices_z_mm))
    wanted = list(product(states, slices)) if tiles is None else list(tiles)
    table = spectra_table(phantom, beamline)
    return stack_tiles([simulate_tile(phantom, beamline, table, seed, *tile) for tile in wanted])


def simulate_tile(
    phantom: Phantom, beamline: Beamline, table: Mapping[str, Spectra], seed: int, state: int, slice_index: int
) -> xr.Dataset:
    """Simulate one (state, slice).

    Returns
    -------
    xarray.Dataset
        Dims (angle, translation, q); nothing in it that an experimenter would not know.
    """
    answer = response(beamline)
    paths, transmission, rows = expected_lines(phantom, beamline, table, state, slice_index)
    rates = beamline.photons_per_frame * channel_rates(answer, rows)
    counts = _draw(paths, rates, gains(beamline, seed, state), generator(seed, "poisson", state, slice_index))
    rng = generator(seed, "monitor", state, slice_index)
    noise = beamline.faults.monitor_noise
    monitor = beamline.photons_per_frame * (1 + noise * rng.standard_normal(transmission.shape))
    transmission = transmission * (1 + noise * rng.standard_normal(transmission.shape))
    return _record(phantom, beamline, answer, counts, monitor, transmission, state, slice_index)


def expected_lines(
    phantom: Phantom, beamline: Beamline, table: Mapping[str, Spectra], state: int, slice_index: int
) -> tuple[NDArray, NDArray, list[tuple[Spectra, float]]]:
    """Attenuated line integrals of everything that scatters.

    Returns
    -------
    paths : ndarray, shape (angle, translation, part)
        In mm per cubic angstrom, averaged over the width of the beam.
    transmission : ndarray, shape (angle, translation)
        Of the straight beam, likewise.
    rows : list of (Spectra, float)
        What each part scatters and the share of second-shell order that it has lost.

    Notes
    -----
    The scattered photon is attenuated as if it went straight on; the true path at an angle differs by less than 2 % in
    transmission at 100 keV and varies smoothly.
    """
    pattern = beamline.scan
    pixels = FINE * pattern.translations
    contents = phantom.contents(state, slice_index, pattern.extent_mm, pixels)
    edges = pattern.extent_mm * (np.arange(pixels + 1) / pixels - 0.5)
    pixel = pattern.extent_mm / pixels
    lines = project(contents.densities, pixel, pattern.angles_deg, edges, beamline.faults.axis_offset_mm)
    mu = np.array([table[part.structure.name].attenuation for part in contents.parts])
    through = np.exp(-(lines @ mu))
    paths = over_beam(lines * through[..., None], beamline)
    transmission = over_beam(through[..., None], beamline)[..., 0]
    air = structure("air").number_density_per_a3 * beamline.air_mm * transmission
    paths = np.concatenate([paths, air[..., None]], axis=-1)
    rows = [(table[part.structure.name], part.second_shell_loss) for part in contents.parts] + [(table["air"], 0.0)]
    return paths, transmission, rows


def channel_rates(answer: Response, rows: list[tuple[Spectra, float]]) -> NDArray[np.float64]:
    """Counts per incident photon for a unit path through each part, shape (part, q)."""
    coherent = np.stack([row.coherent + loss * row.second_shell for row, loss in rows])
    compton = np.stack([row.compton for row, _ in rows])
    return coherent * answer.coherent + compton * answer.compton


def over_beam(fine: NDArray, beamline: Beamline) -> NDArray[np.float64]:
    """Average fine detector bins over a top-hat beam centred on each translation.

    Parameters
    ----------
    fine : ndarray, shape (angle, FINE * translation, part)
        Averages over the fine bins.

    Returns
    -------
    ndarray, shape (angle, translation, part)
    """
    pattern = beamline.scan
    bins = FINE * pattern.translations
    edges = pattern.extent_mm * (np.arange(bins + 1) / bins - 0.5)
    low = pattern.translations_mm[:, None] - beamline.beam_width_mm / 2
    overlap = np.minimum(edges[1:], low + beamline.beam_width_mm) - np.maximum(edges[:-1], low)
    weights = np.clip(overlap, 0, None) / beamline.beam_width_mm
    return np.einsum("tb,abp->atp", weights, fine, optimize=True)


def gains(beamline: Beamline, seed: int, state: int) -> tuple[NDArray, NDArray]:
    """Gain of each translation, shape (translation,), and of each Q bin, shape (q,), in one state."""
    faults, pattern = beamline.faults, beamline.scan
    channel = faults.channel_gain * generator(seed, "channel gain").standard_normal(len(pattern.q))
    drift = faults.channel_drift * generator(seed, "channel drift", state).standard_normal(len(pattern.q))
    translation = faults.translation_gain * generator(seed, "translation gain").standard_normal(pattern.translations)
    return 1 + translation, (1 + channel) * (1 + drift)


def _draw(
    paths: NDArray, rates: NDArray, gain: tuple[NDArray, NDArray], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Poisson counts, shape (angle, translation, q); one view at a time to bound the memory."""
    counts = np.empty((*paths.shape[:2], rates.shape[1]), dtype=np.float32)
    for view, path in enumerate(paths):
        counts[view] = rng.poisson((gain[0][:, None] * path) @ (rates * gain[1]))
    return counts


def _record(
    phantom: Phantom,
    beamline: Beamline,
    answer: Response,
    counts: NDArray,
    monitor: NDArray,
    transmission: NDArray,
    state: int,
    slice_index: int,
) -> xr.Dataset:
    rays, pattern, detector = ("angle", "translation"), beamline.scan, beamline.detector
    return xr.Dataset(
        {
            "intensity": ((*rays, "q"), counts, {"units": "counts", "long_name": "photons counted"}),
            "monitor": (rays, monitor, {"units": "photons", "long_name": "incident photons"}),
            "transmission": (rays, transmission, {"units": "1", "long_name": "transmission of the straight beam"}),
            "solid_angle": ("q", answer.solid_angle, {"units": "sr", "long_name": "solid angle of the active pixels"}),
            "polarization": ("q", answer.polarization, {"units": "1", "long_name": "mean polarisation factor"}),
        },
        coords={
            "angle": ("angle", pattern.angles_deg, {"units": "deg"}),
            "translation": ("translation", pattern.translations_mm, {"units": "mm"}),
            "q": ("q", pattern.q, {"units": "1/angstrom", "long_name": "Q"}),
            "state": state,
            "slice": slice_index,
            "potential_v": ((), phantom.discharge.potentials_v[state], {"units": "V"}),
            "z_mm": ((), phantom.slices_z_mm[slice_index], {"units": "mm"}),
        },
        attrs={
            "instrument": beamline.name,
            "energy_kev": beamline.energy_kev,
            "distance_mm": beamline.distance_mm,
            "exposure_s": beamline.exposure_s,
            "beam_width_mm": beamline.beam_width_mm,
            "detector": detector.name,
            "sensor_material": "CdTe",
            "sensor_mm": detector.sensor_mm,
            "sensor_density_g_cm3": detector.sensor_density_g_cm3,
            "applied_corrections": "none",
            "sample_composition": phantom.nominal_formula,
        },
    )
