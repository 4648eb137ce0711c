"""Peaks of a curve."""

import numpy as np
from numpy.typing import NDArray


def extremum(r: NDArray, curve: NDArray, low: float, high: float, sign: float) -> tuple[float, float]:
    """Position and height of the highest (`sign` 1) or lowest (-1) local extremum between two distances.

    Refined by the parabola through three points; NaN where the curve has no extremum inside.
    """
    inside = np.flatnonzero((r > low) & (r < high))
    inner = inside[(inside > 0) & (inside < len(r) - 1)]
    y = sign * curve
    peaks = inner[(y[inner] >= y[inner - 1]) & (y[inner] > y[inner + 1])]
    if not len(peaks):
        return float("nan"), float("nan")
    top = peaks[np.argmax(y[peaks])]
    before, at, after = y[top - 1 : top + 2]
    offset = 0.5 * (before - after) / (before - 2 * at + after)
    return float(r[top] + offset * (r[1] - r[0])), float(sign * (at - 0.25 * (before - after) * offset))


def between(r: NDArray, limits: tuple[float, float]) -> NDArray[np.bool_]:
    """Which points of a grid lie between two limits, ends included."""
    return (r >= limits[0]) & (r <= limits[1])
