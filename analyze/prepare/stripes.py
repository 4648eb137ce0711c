"""Gains of translations, which draw stripes into a sinogram and rings into an image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: translations over which the object is taken as a parabola
WINDOW = 9
#: share of the strongest translation below which there is too little to compare
SIGNAL = 0.1
#: passes; each finds three quarters of what is left
PASSES = 3
#: bins of Q in which scattering is set against attenuation, at most
BINS = 64
#: a mixture of phases counts as there where its mean square is so many times the counting variance of a ray
STANDS_OUT = 3.0


def translation_gains(total: ArrayLike) -> NDArray[np.float64]:
    """Gain of each translation that all views share, from its contrast with the neighbouring ones.

    The mean over the views of what stands out of a running parabola along the translations (Savitzky and Golay, Anal.
    Chem. 36, 1627 (1964)): an object moves to other translations from view to view, a gain stays. Rings of the object
    about the axis that are narrower than the window look the same and are taken away with the gains; therefore this is
    a choice, not a default.

    Parameters
    ----------
    total : array_like, shape (angle, translation)
        Line integrals summed over all channels.

    Returns
    -------
    ndarray, shape (translation,)
        One where there is little signal.
    """
    from scipy.signal import savgol_filter  # slow to load, and few ask for this

    rows = np.asarray(total, dtype=np.float64)
    mean = rows.mean(axis=0)
    enough = np.flatnonzero(mean > SIGNAL * mean.max())
    gains = np.ones(rows.shape[1])
    # one stretch without gaps, long enough for the window
    inner = slice(enough[0], enough[-1] + 1)
    if enough[-1] + 1 - enough[0] <= WINDOW:
        return gains
    profile = np.log(np.maximum(rows[:, inner], 1e-3 * mean.max()))
    residual = profile.mean(axis=0)
    for _ in range(PASSES):
        step = residual - savgol_filter(residual, WINDOW, 2)
        gains[inner] *= np.exp(step)
        residual = residual - step
    return gains


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TranslationGains:
    """Gains of translations, and what dividing them out leaves.

    Attributes
    ----------
    values : ndarray, shape (translation,)
        One where there is little to compare.
    left : ndarray, shape (translation, translation), or None
        Covariance of the gains that are left, relative, NaN if the noise of the readings is not known; None if nothing
        tells it.
    """

    values: NDArray[np.float64]
    left: NDArray[np.float64] | None


def gains_by_attenuation(
    lines: NDArray[Any], variance: NDArray[Any], depth: ArrayLike, noise: float = 0.0
) -> TranslationGains:
    """Gain of each translation, from what its rays scatter and what they absorb.

    Each phase on a ray adds its own pattern to the scattering and its own share to the optical depth, both in
    proportion to how much of it there is. As long as the patterns of the phases are not mixtures of each other, the
    depth is therefore the same linear function of the pattern on every ray. The transmission is a ratio of two readings
    of one beam and knows no gain: a translation whose rays scatter more than their depth asks for, in all views, has
    one. Rings, edges and gradients of the sample are in both, and stay.

    The function is fitted to all rays and takes with it what gains have in common with it, to first order
    ``A (A' A)^-1 A'`` of them with one column for each pattern; their mean, for one, cannot be told.

    Parameters
    ----------
    lines, variance : ndarray, shape (angle, translation, q)
        Corrected line integrals and their counting variance.
    depth : array_like, shape (angle, translation)
        Minus the logarithm of the transmission.
    noise : float
        Of a single depth.
    """
    absorbed = np.asarray(depth, dtype=np.float64)
    strength = np.sum(absorbed**2, axis=0)
    enough = _enough(strength)
    absorbed, strength = absorbed[:, enough], strength[enough]
    patterns = _strongest_mixtures(lines, variance)[:, enough]
    gains = np.ones(len(strength))
    for _ in range(PASSES):
        design = patterns / gains[:, None]
        weights = np.linalg.lstsq(design.reshape(absorbed.size, -1), absorbed.ravel(), rcond=None)[0]
        step = np.sum((patterns @ weights) * absorbed, axis=0) / strength
        gains = step / np.average(step, weights=strength)
    taken = np.einsum("atp,at->tp", design, absorbed)
    taken = taken @ np.linalg.solve(np.einsum("atp,atq->pq", design, design), taken.T) / strength[:, None]
    size = np.sum((gains - 1) ** 2) / max(len(gains) - patterns.shape[-1], 1)
    values, left = np.ones(len(enough)), size * np.eye(len(enough))
    values[enough] = gains
    left[np.ix_(enough, enough)] = size * taken @ taken.T + np.diag(gain_variances(depth, noise)[enough])
    return TranslationGains(values=values, left=left)


def gain_variances(depth: ArrayLike, noise: float) -> NDArray[np.float64]:
    """Variance that the noise of the readings gives the gains of :func:`gains_by_attenuation`, shape (translation,).

    A gain follows from the depths of all its rays, each weighed with itself: a noise of each depth leaves
    ``noise^2 / sum(depth^2)``, and nothing where there is too little to find a gain.

    Parameters
    ----------
    depth : array_like, shape (angle, translation)
        Minus the logarithm of the transmission.
    noise : float
        Of a single depth.
    """
    strength = np.sum(np.asarray(depth, dtype=np.float64) ** 2, axis=0)
    return np.where(_enough(strength), noise**2 / np.where(strength > 0, strength, 1.0), 0.0)


def _enough(strength: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(strength > SIGNAL**2 * strength.max())


def _strongest_mixtures(lines: NDArray[Any], variance: NDArray[Any]) -> NDArray[np.float64]:
    """Shares of principal patterns that stand out of the noise, in every ray, shape (angle, translation, pattern)."""
    starts = np.linspace(0, lines.shape[-1], min(BINS, lines.shape[-1]) + 1).astype(int)[:-1]
    binned = np.add.reduceat(lines, starts, axis=-1).astype(np.float64)
    noise = np.sqrt(np.add.reduceat(variance, starts, axis=-1).mean(axis=(0, 1), dtype=np.float64))
    scaled = (binned / noise).reshape(-1, len(starts))
    power, mixtures = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    kept = power > STANDS_OUT
    return np.asarray((scaled @ mixtures[:, kept]).reshape(*binned.shape[:2], -1))
