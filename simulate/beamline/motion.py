"""When and where each frame is taken: the order of the scan, and what moves while it runs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsct.records.seeds import generator

from .beamline import Beamline, ScanPattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """The frames of one tomogram.

    Attributes
    ----------
    seconds : ndarray, shape (angle, translation)
        Start of each frame after the first.
    rays_mm : ndarray, shape (angle, translation)
        Where the middle of the beam passes the rotation axis, in the coordinate x cos(theta) + y sin(theta) of the
        sample; without faults this is the translation.
    flux : ndarray, shape (angle, translation)
        Incident photons relative to a full ring.
    recorded : ndarray of bool, shape (angle, translation)
    """

    seconds: NDArray[np.float64]
    rays_mm: NDArray[np.float64]
    flux: NDArray[np.float64]
    recorded: NDArray[np.bool_]

    @property
    def progress(self) -> NDArray[np.float64]:
        """Share of the tomogram that is over at each frame, shape (angle, translation)."""
        return self.seconds / max(float(self.seconds.max()), 1e-12)


def motion(beamline: Beamline, seed: int, state: int, slice_index: int) -> Motion:
    """The frames of one tile with everything that moves."""
    pattern, faults = beamline.scan, beamline.faults
    angle = np.radians(pattern.angles_deg)[:, None]
    order = frame_order(pattern)
    seconds = order * (beamline.exposure_s + beamline.dead_time_s)
    jitter = generator(seed, "jitter", state, slice_index).standard_normal(order.shape)
    dx, dy = faults.sample_shift_mm * generator(seed, "sample shift", state).standard_normal(2)
    moved = faults.axis_offset_mm + faults.axis_wobble_mm * np.sin(2 * angle) + dx * np.cos(angle) + dy * np.sin(angle)
    beam = pattern.translations_mm + faults.translation_jitter_mm * jitter
    beam = beam + faults.beam_drift_mm * seconds / max(float(seconds.max()), 1e-12)
    since_refill = np.mod(seconds, faults.refill_s) / faults.refill_s
    lost = generator(seed, "lost frames", state, slice_index).random(order.shape) < faults.lost_frames
    return Motion(
        seconds=seconds,
        rays_mm=beam - moved,
        flux=1.0 - faults.flux_decay * since_refill,
        recorded=~lost,
    )


def frame_order(pattern: ScanPattern) -> NDArray[np.float64]:
    """Number of each frame in the order of time, shape (angle, translation)."""
    # views in the order in which they are taken: every k-th, then those between
    taken = np.concatenate([np.arange(first, pattern.views, pattern.interlace) for first in range(pattern.interlace)])
    turned = pattern.fast_axis == "rotation"
    slow, fast = (pattern.translations, pattern.views) if turned else (pattern.views, pattern.translations)
    order = np.arange(slow * fast, dtype=np.float64).reshape(slow, fast)
    if pattern.zigzag:
        order[1::2] = order[1::2, ::-1].copy()
    by_time = order.T if turned else order
    by_angle = np.empty_like(by_time)
    by_angle[taken] = by_time
    return by_angle
