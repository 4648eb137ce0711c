"""Whether the channels of voxels scatter as their errors say: each by itself, and neighbouring ones in pairs.

The first tells errors that are too small or too large, the second errors that are not as independent as they are taken
to be.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: patterns that are taken away as signal: a mixture of silicon, carbon and the rest has three, faults add some; and for
#: each phase that is known two, its own and how it differs from voxel to voxel
COMPONENTS, OF_A_PHASE = 5, 2
#: enough for components that stand out of the noise by their sum over hundreds of voxels
POWER_STEPS = 4


def scatter_over_errors(patterns: NDArray[Any], errors: NDArray[Any], phases: int = 0) -> tuple[float, int]:
    """Mean squared residual of single channels over its variance, and the number of independent residuals.

    The strongest principal components of all patterns are taken away as signal; what is left is noise. With the
    components goes the gain pattern that all voxels share and that counting statistics cannot know. No pattern need be
    smooth over Q, as Bragg peaks are not.

    Parameters
    ----------
    patterns, errors : ndarray, shape (voxel, q)
        Patterns of which there are far more than there are phases, and their standard deviations.
    phases : int, optional
        So many phases are known to be in them.
    """
    residual, kept = _noise(patterns, errors, phases)
    ratio = np.mean(residual**2 / errors.astype(np.float64) ** 2, dtype=np.float64) / kept
    return float(ratio), int(kept * residual.size)


def pair_scatter_over_errors(patterns: NDArray[Any], errors: NDArray[Any], phases: int = 0) -> float:
    """Mean squared residual of sums of two neighbouring channels, over its variance if they are independent.

    Data that were smoothed over channels, or split between them, scatter less in each channel than in the sum of two.

    Parameters
    ----------
    patterns, errors, phases
        As in :func:`scatter_over_errors`.
    """
    residual, kept = _noise(patterns, errors, phases)
    return float(np.mean(_pairs(residual) ** 2 / _pairs(errors**2), dtype=np.float64) / kept)


def _noise(patterns: NDArray[Any], errors: NDArray[Any], phases: int) -> tuple[NDArray[np.float64], float]:
    """Patterns without their strongest components, and the share of the variance of noise that is left in them."""
    typical = np.sqrt(np.mean(errors**2, axis=0))
    scaled = (patterns / typical).astype(np.float64)
    components = max(COMPONENTS, OF_A_PHASE * phases)
    signal = _strongest(scaled, components)
    residual = (scaled - signal @ (signal.T @ scaled)) * typical
    return residual, (1 - components / residual.shape[0]) * (1 - components / residual.shape[1])


def _strongest(values: NDArray[Any], components: int) -> NDArray[np.float64]:
    """Orthonormal columns, shape (voxel, component), by power iteration from sums over ranges of channels."""
    start = np.linspace(0, values.shape[1], components + 1).astype(int)[:-1]
    columns = np.add.reduceat(values, start, axis=1)
    for _ in range(POWER_STEPS):
        columns = values @ (values.T @ np.linalg.qr(columns)[0])
    return np.linalg.qr(columns)[0]


def _pairs(values: NDArray[Any]) -> NDArray[Any]:
    """Sums of neighbouring channels, shape (..., q // 2)."""
    even = values[..., : values.shape[-1] // 2 * 2]
    return even[..., ::2] + even[..., 1::2]
