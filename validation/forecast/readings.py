"""What no exposure mends: noise of monitor and transmission, what removal of stripes makes of it, drift of the gains.

None of it is independent between channels, as counting is. It is pushed through the analysis for single numbers that
are linear in the pattern of a voxel or region, such as the amount of a phase or G at one distance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.prepare import gain_variances
from tsct.analyze.recipe import Recipe
from tsct.analyze.tomography import fbp_weights
from tsct.simulate.beamline import Beamline

from .expected import Expected

#: voxels of the region at most that stand for all of them
MOST_VOXELS = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadingNoise:
    """Noise that all channels of a ray, or all voxels, share.

    Attributes
    ----------
    lines : ndarray, shape (angle, translation, q)
        Expected line integrals.
    reading : float
        Relative noise of one reading of monitor or transmission.
    gains : ndarray, shape (translation,)
        Variance of the gains that removal of stripes divides by, made by these readings; zero without removal.
    drift : ndarray, shape (q,)
        Relative variance of the gains of channels from scan to scan.
    """

    lines: NDArray[np.float32]
    reading: float
    gains: NDArray[np.float64]
    drift: NDArray[np.float64]

    @classmethod
    def of(cls, expected: Expected, beamline: Beamline, recipe: Recipe) -> "ReadingNoise":
        """That of a beamline; stripes are removed as the recipe says."""
        noise, gains = beamline.faults.monitor_noise, np.zeros(expected.geometry.n)
        if recipe.remove_stripes:
            gains = gain_variances(-np.log(expected.scan.transmission.values), noise)
        drift = np.full(len(expected.operator.q), beamline.faults.channel_drift**2)
        return cls(lines=expected.lines, reading=noise, gains=gains, drift=drift)

    @classmethod
    def of_unknown_gains(cls, expected: Expected, beamline: Beamline, recipe: Recipe) -> "ReadingNoise":
        """What the gains of translations do that an instrument keeps, where they are not looked for: rings."""
        gain = 0.0 if recipe.remove_stripes else beamline.faults.translation_gain
        gains, drift = np.full(expected.geometry.n, gain**2), np.zeros(len(expected.operator.q))
        return cls(lines=expected.lines, reading=0.0, gains=gains, drift=drift)

    def variance(
        self, weights: Sequence[NDArray[np.float64]], pattern: NDArray[np.float64], rows: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Variance of linear numbers, mean over regions, shape (number,).

        Parameters
        ----------
        weights : sequence of ndarray, shape (angle, translation)
            Of every ray in the mean of each region; see :func:`~tsct.analyze.tomography.fbp.fbp_weights`.
        pattern : ndarray, shape (q,)
            Of the regions, which the drift of channels follows.
        rows : ndarray, shape (number, q)
            Derivatives of the numbers by the pattern.
        """
        rays = self.lines @ rows.T.astype(np.float32)
        each = []
        for share in weights:
            # monitor and transmission are read once a frame; a gain is that of all rays of its translation
            frames = 2 * self.reading**2 * np.einsum("at,atn->n", share**2, rays**2)
            each.append(frames + self.gains @ np.einsum("at,atn->tn", share, rays) ** 2)
        return np.mean(each, axis=0) + (rows * pattern) ** 2 @ self.drift


def voxel_weights(expected: Expected, inside: NDArray[np.bool_], filter_name: str) -> list[NDArray[np.float64]]:
    """Weights of the rays in single voxels of a region, evenly chosen where there are many."""
    rows, columns = np.nonzero(inside)
    chosen = range(0, len(rows), max(1, -(-len(rows) // MOST_VOXELS)))
    masks = np.zeros((len(chosen), *inside.shape), dtype=bool)
    for mask, k in zip(masks, chosen, strict=True):
        mask[rows[k], columns[k]] = True
    return [fbp_weights(mask, expected.geometry, filter_name) for mask in masks]
