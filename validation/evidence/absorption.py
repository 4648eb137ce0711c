"""What absorption may have left in the region, as far as recovered data state it."""

import numpy as np
from numpy.typing import NDArray

from .check import PART, Evidence, NotRunError


def left_by_absorption(evidence: Evidence) -> NDArray[np.float64] | None:
    """Of the region's pattern in the reference state, in the unit of ``roi_iq``, shape (q,); None: it is not stated."""
    recovered = evidence.recovered
    if "roi_absorption_errors" not in recovered or "reference_density" not in recovered.attrs:
        return None
    left = recovered.roi_absorption_errors.isel(state=0).sel(slice=recovered.attrs["roi_slice"])
    return np.asarray(left.values / recovered.attrs["reference_density"])


def share_left_by_absorption(evidence: Evidence) -> float:
    """Share of the amounts of all phases in all voxels that it may have left; 0 where that is not stated."""
    recovered = evidence.recovered
    if not {"phase_amount", "phase_amount_absorption_errors"} <= set(recovered):
        return 0.0
    left, amounts = (
        np.sqrt((recovered[name].astype(np.float64) ** 2).sum(["phase", "y", "x"]).values)
        for name in ("phase_amount_absorption_errors", "phase_amount")
    )
    return float(np.max(left / np.maximum(amounts, 1e-30)))


def need_mixtures(evidence: Evidence) -> None:
    """Raise :class:`NotRunError` where absorption is so far from corrected that patterns are no mixtures of phases."""
    share = share_left_by_absorption(evidence)
    if share > PART:
        raise NotRunError(
            f"absorption may have left {100 * share:.0f} % of the amounts: patterns of voxels are no mixtures then"
        )
