"""Faults of single pixels, which stay the same over all frames, and what they do to an integrated pattern."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tsct.records.seeds import generator
from tsct.records.units import q_inv_angstrom

from .beamline import Beamline


def pixel_response(beamline: Beamline, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gain of every pixel (zero for a dead one) and its counts per second in the dark.

    Returns
    -------
    gain, dark : ndarray, shape (row, column)
    """
    faults, shape = beamline.faults, beamline.detector.shape
    flat = generator(seed, "flat field").standard_normal(shape, dtype=np.float32)
    gain = np.maximum(1 + faults.flat_field * flat, 0).astype(np.float32)
    gain[generator(seed, "dead pixels").random(shape, dtype=np.float32) < faults.dead_pixels] = 0.0
    hot = generator(seed, "hot pixels").random(shape, dtype=np.float32) < faults.hot_pixels
    return gain, (faults.hot_pixel_counts_per_s * hot).astype(np.float32)


@lru_cache(maxsize=4)
def ring_response(beamline: Beamline, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean gain of the pixels of each Q bin, and their counts per second in the dark together.

    Returns
    -------
    gain, dark : ndarray, shape (q,)
    """
    faults, channels = beamline.faults, len(beamline.scan.q)
    if not (faults.flat_field or faults.dead_pixels or faults.hot_pixels):
        return np.ones(channels), np.zeros(channels)
    gain, dark = pixel_response(beamline, seed)
    channel = pixel_channels(beamline)
    used = channel >= 0
    number = np.bincount(channel[used], minlength=channels)
    gains = np.bincount(channel[used], weights=gain[used], minlength=channels).astype(np.float64)
    darks = np.bincount(channel[used], weights=dark[used], minlength=channels).astype(np.float64)
    return np.where(number > 0, gains / np.maximum(number, 1), 1.0), darks


def pixel_channels(beamline: Beamline) -> NDArray[np.int64]:
    """Q bin into which the middle of each pixel falls, shape (row, column); -1 for gaps and beyond the range."""
    detector, pattern = beamline.detector, beamline.scan
    across, up = detector.pixel_centres_mm()
    two_theta = np.arctan2(np.hypot(across[None, :], up[:, None]), beamline.distance_mm)
    q = q_inv_angstrom(two_theta, beamline.wavelength)
    channel = np.floor((q - pattern.q[0]) / pattern.q_step + 0.5).astype(np.int64)
    channel[detector.mask | (channel < 0) | (channel >= len(pattern.q))] = -1
    return channel
