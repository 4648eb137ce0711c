"""Whether errors of neighbouring channels are as independent as they are taken to be."""

import numpy as np
from numpy.typing import NDArray

#: patterns that are taken away as signal: a mixture of silicon, carbon and the rest has three, faults add some
COMPONENTS = 5
#: enough for components that stand out of the noise by their sum over hundreds of voxels
POWER_STEPS = 4


def joined_scatter(patterns: NDArray, errors: NDArray) -> float:
    """Mean squared residual of neighbouring channels joined in pairs, over its variance if they are independent.

    The strongest principal components of all patterns are taken away as signal; what is left is noise. Data that were
    smoothed over channels, or split between them, scatter less in each channel than in the sum of two.

    Parameters
    ----------
    patterns, errors : ndarray, shape (voxel, q)
        Patterns of which there are far more than there are phases, and their standard deviations.
    """
    typical = np.sqrt(np.mean(errors**2, axis=0))
    scaled = (patterns / typical).astype(np.float64)
    signal = _strongest(scaled)
    residual = (scaled - signal @ (signal.T @ scaled)) * typical
    kept = (1 - COMPONENTS / residual.shape[0]) * (1 - COMPONENTS / residual.shape[1])
    return float(np.mean(_pairs(residual) ** 2 / _pairs(errors**2), dtype=np.float64) / kept)


def _strongest(values: NDArray) -> NDArray[np.float64]:
    """Orthonormal columns, shape (voxel, component), by power iteration from sums over ranges of channels."""
    start = np.linspace(0, values.shape[1], COMPONENTS + 1).astype(int)[:-1]
    columns = np.add.reduceat(values, start, axis=1)
    for _ in range(POWER_STEPS):
        columns = values @ (values.T @ np.linalg.qr(columns)[0])
    return np.linalg.qr(columns)[0]


def _pairs(values: NDArray) -> NDArray:
    """Sums of neighbouring channels, shape (..., q // 2)."""
    even = values[..., : values.shape[-1] // 2 * 2]
    return even[..., ::2] + even[..., 1::2]
