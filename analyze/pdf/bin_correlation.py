"""Bins that share pixels: their correlation, from noise beyond the reach of structure, and its cost.

A pixel that is split over several bins lends each a share of the same photons. The errors of the single bins stay
right, but the noise of neighbours has one sign, and everything that sums over bins, such as G(r), is noisier than
independent bins would make it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

Array = NDArray[np.float64]
Splitting = Literal["box", "pixel"]

#: side of a pixel in bins: what is tried
_SIDES = np.geomspace(0.2, 40.0, 90)
#: a pattern less its running fourth-order polynomial over so many bins is noise and little else
_SMOOTH_BINS = 15
#: frequencies of the noise that are looked at, cycles per bin; structure lies below
_FREQUENCIES = (0.12, 0.49)
#: by how much sharing must explain the noise better than independent bins, in log likelihood
_LEAST_GAIN = 8.0


@dataclass(frozen=True, slots=True)
class SharedPixels:
    """How pixels are split over bins.

    Attributes
    ----------
    side_bins : float
        Side of a square pixel in bins; 0 where every pixel lies in one bin.
    splitting : {"box", "pixel"}
        Over the bounding box of the pixel or over its true outline (pyFAI's ``bbox`` and ``full``).
    """

    side_bins: float = 0.0
    splitting: Splitting = "box"

    @property
    def correlation(self) -> Array:
        """Correlation of bins 0, 1, 2, ... apart."""
        return np.ones(1) if self.side_bins <= 0 else _correlation(self.side_bins, self.splitting)

    @property
    def neighbours(self) -> float:
        """Correlation of neighbouring bins."""
        return float(self.correlation[1]) if self.side_bins > 0 else 0.0

    @classmethod
    def of_neighbours(cls, neighbours: float) -> "SharedPixels":
        """Boxes that give neighbouring bins a correlation of 0 to 0.97."""
        if neighbours <= 0:
            return cls()
        return cls(float(brentq(lambda side: cls(side).neighbours - neighbours, 0.01, 60.0)))


@lru_cache(maxsize=512)
def _correlation(side_bins: float, splitting: Splitting) -> Array:
    """Autocorrelation of the shares that the pixels of a ring have in a bin: projected pixel, folded with the bin."""
    step = min(0.05, side_bins / 8)
    half = np.sqrt(2.0) * side_bins + 1.5
    x = np.arange(-half, half + step / 2, step)
    total = np.zeros(int(np.ceil(2 * half)) + 1)
    for angle in np.radians(np.arange(2.5, 45.0, 5.0)):
        widths = side_bins * np.array([np.cos(angle), np.sin(angle)])
        share = _overlap(x, widths.sum(), 1.0)
        if splitting == "pixel":
            share = np.convolve(_overlap(x, widths[0], 1.0), _box(step, widths[1]), mode="same")
        share /= share.sum()
        total += [np.interp(x + lag, x, share, left=0.0, right=0.0) @ share for lag in range(len(total))]
    return np.asarray(total / total[0])


def _overlap(x: Array, one: float, other: float) -> Array:
    """Length that two boxes share whose centres are x apart."""
    return np.clip(np.minimum(x + other / 2, one / 2) - np.maximum(x - other / 2, -one / 2), 0.0, None)


def _box(step: float, width: float) -> Array:
    count = max(round(width / step) // 2 * 2 + 1, 1)
    return np.full(count, 1.0 / count)


def shared_pixels(intensity: Array, sigma: Array) -> SharedPixels:
    """How pixels were split over the bins of a pattern, from the spectrum of its noise.

    Between a quarter of the Nyquist distance pi / step and all of it no structure is left. Independent bins have a flat
    spectrum there, shared pixels one that falls as their projection onto Q makes it; the likeliest (Whittle's
    likelihood) side and way of splitting are taken, whatever the level, so that errors wrong by a factor do not matter.

    Parameters
    ----------
    intensity, sigma : ndarray, shape (q,)
        Pattern at even steps and its standard deviation.
    """
    from scipy.signal import savgol_coeffs  # slow to load, and most analyses do without

    rest = -savgol_coeffs(_SMOOTH_BINS, 4)
    rest[_SMOOTH_BINS // 2] += 1.0
    half = _SMOOTH_BINS // 2
    # divided by sigma only now: bins of few pixels have errors that jump
    noise = np.convolve(intensity, rest, mode="valid") / sigma[half : len(sigma) - half]
    count = len(noise)
    spectrum = np.abs(np.fft.rfft(noise * np.hanning(count))) ** 2
    frequency = np.fft.rfftfreq(count)
    passed = np.abs(np.exp(-2j * np.pi * np.outer(frequency, np.arange(_SMOOTH_BINS))) @ rest) ** 2
    seen = (frequency > _FREQUENCIES[0]) & (frequency < _FREQUENCIES[1])
    spectrum, frequency, passed = spectrum[seen], frequency[seen], passed[seen]

    def likelihood(pixels: SharedPixels) -> float:
        rho = pixels.correlation
        cosines = np.cos(2 * np.pi * np.outer(frequency, np.arange(len(rho))))
        model = passed * np.maximum(cosines @ (rho * np.where(np.arange(len(rho)) > 0, 2.0, 1.0)), 1e-3)
        # neighbouring frequencies of a Hann window are not independent: half of them count
        return -0.5 * float(np.log(model).sum() + len(model) * np.log(np.mean(spectrum / model)))

    ways = [SharedPixels(float(side), way) for way in get_args(Splitting) for side in _SIDES]
    best = max(ways, key=likelihood)
    return best if likelihood(best) > likelihood(SharedPixels()) + _LEAST_GAIN else SharedPixels()


def correlated_variance(matrix: Array, sigma: Array, pixels: SharedPixels) -> Array:
    """Variance of ``matrix @ pattern``, shape (row,), for a pattern of bins that share pixels.

    Parameters
    ----------
    matrix : ndarray, shape (row, q)
        Linear map.
    sigma : ndarray, shape (q,)
        Standard deviations of the bins.
    pixels : SharedPixels
        How the bins share them.
    """
    scaled = matrix * sigma
    total = np.einsum("rq,rq->r", scaled, scaled)
    for lag, rho in enumerate(pixels.correlation[1:], start=1):
        if rho > 1e-4 and lag < scaled.shape[1]:
            total += 2 * rho * np.einsum("rq,rq->r", scaled[:, lag:], scaled[:, :-lag])
    return np.asarray(total)
