"""What absorption may have left in the region, as far as recovered data state it."""

import numpy as np
from numpy.typing import NDArray

from .check import Evidence


def left_by_absorption(evidence: Evidence) -> NDArray[np.float64] | None:
    """Of the region's pattern in the reference state, in the unit of ``roi_iq``, shape (q,); None: it is not stated."""
    recovered = evidence.recovered
    if "roi_absorption_errors" not in recovered or "reference_density" not in recovered.attrs:
        return None
    left = recovered.roi_absorption_errors.isel(state=0).sel(slice=recovered.attrs["roi_slice"])
    return np.asarray(left.values / recovered.attrs["reference_density"])


def scatter_by_absorption(evidence: Evidence) -> float:
    """By how much, at most, it raises the scatter of voxel patterns over their errors; 0 where it is not stated.

    At most, because the strongest components of all patterns, which are taken off, hold most of it.
    """
    recovered = evidence.recovered
    if not {"roi_absorption_errors", "voxel_iq_errors"} <= set(recovered):
        return 0.0
    ratio = recovered.roi_absorption_errors.values / recovered.voxel_iq_errors.values
    return float(np.sqrt(1 + np.nanmean(ratio**2, axis=-1).max()) - 1)
