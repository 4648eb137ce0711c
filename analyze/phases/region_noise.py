"""Noise of the region's pattern beyond counting: gains of channels, and what changes from state to state."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import uniform_filter1d

from tsct.analyze.recipe import Recipe

#: channels over which the scatter between neighbouring Q bins is averaged
NOISE_CHANNELS = 101


def channel_noise(intensity: NDArray[Any], poisson: NDArray[Any]) -> NDArray[np.float64]:
    """Variance of each channel beyond counting, shape (q,), from the scatter between neighbouring Q bins.

    A total-scattering pattern is smooth on the scale of a bin, so second differences hold noise alone:
    ``(J[i-1] - 2 J[i] + J[i+1])^2 / 6`` has the channel variance as its mean. What exceeds the counting noise is a gain
    pattern. Of a pattern with Bragg peaks, which are not smooth, take off what is known of it before.
    """
    second = np.diff(intensity, 2, axis=-1) ** 2 / 6
    padded = np.pad(second.mean(axis=0), 1, mode="edge")
    return np.maximum(uniform_filter1d(padded - poisson.mean(axis=0), NOISE_CHANNELS, mode="nearest"), 0.0)


def gain_noise(
    intensity: NDArray[Any], poisson: NDArray[Any], recipe: Recipe, explained: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """Variance of each channel by its gain, shape (q,): as the recipe has it, or from :func:`channel_noise`.

    Parameters
    ----------
    intensity, poisson : ndarray, shape (state, q)
        Patterns and their counting variance.
    recipe : Recipe
        Which may state the error of a gain.
    explained : array_like, shape (state, q)
        What the patterns of given phases explain, whose peaks are no noise.
    """
    if recipe.gain_error is None:
        return channel_noise(intensity - explained, poisson)
    return np.asarray((recipe.gain_error * intensity.mean(axis=0)) ** 2)


def drift_noise(intensity: NDArray[Any], poisson: NDArray[Any]) -> NDArray[np.float64]:
    """Variance per state beyond counting that differences do not cancel, shape (q,)."""
    if len(intensity) < 2:
        return np.zeros(intensity.shape[-1])
    changes = np.diff(intensity, axis=0)
    both = poisson[1:] + poisson[:-1]
    return channel_noise(changes, both) / 2
