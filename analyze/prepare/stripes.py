"""Gains of translations, which draw stripes into a sinogram and rings into an image."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: translations over which the object is taken as a parabola
WINDOW = 9
#: share of the strongest translation below which there is too little to compare
SIGNAL = 0.1
#: passes; each finds three quarters of what is left
PASSES = 3


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
