"""What the gains of translations, which all views and channels share, do to voxels and to the region."""

import numpy as np
from numpy.typing import NDArray

from tsct.analyze import fbp
from tsct.analyze.recipe import Recipe
from tsct.analyze.tomography import fbp_weights
from tsct.simulate.beamline import Beamline

from .expected import ExpectedCell

#: channels at which the rings of single voxels are computed; between them they change slowly
RING_CHANNELS = 24


def voxel_rings(beamline: Beamline, recipe: Recipe, expected: ExpectedCell) -> tuple[NDArray, NDArray]:
    """Mean variance of I(Q), shape (q,), and of H(r), shape (r,), of the region's voxels by the gains of translations.

    The gain of one translation is the same in all views and all channels: a ring. H(r) changes almost as it is.
    """
    inside, operator = expected.tile.roi.values.astype(bool), expected.operator

    def variance(lines: NDArray) -> float:
        alone = lines[..., None] * np.eye(lines.shape[1], dtype=np.float32)
        image = fbp(alone.astype(np.float32), expected.geometry, recipe.filter)[inside]
        return beamline.faults.translation_gain**2 * float(np.mean(np.sum(image.astype(float) ** 2, axis=-1)))

    q, pattern = operator.q, expected.tile.roi_iq.values
    chosen = np.unique(np.searchsorted(q, np.geomspace(q[0], q[-1], RING_CHANNELS)).clip(0, len(q) - 1))
    relative = [np.sqrt(variance(expected.lines[..., k])) / pattern[k] for k in chosen]
    h = operator.apply(pattern)
    at = int(np.argmin(np.abs(operator.r - expected.reference.first.distance)))
    peak = variance(operator.apply(expected.lines)[..., at])
    return (np.interp(q, q[chosen], relative) * pattern) ** 2, peak * (h / h[at]) ** 2


def translation_gain_patterns(beamline: Beamline, recipe: Recipe, expected: ExpectedCell) -> NDArray[np.float64]:
    """Change of the region's pattern by one standard deviation of the gain of each translation, (translation, q)."""
    weights = fbp_weights(expected.tile.roi.values.astype(bool), expected.geometry, recipe.filter)
    return beamline.faults.translation_gain * np.einsum("at,atq->tq", weights, expected.lines)
