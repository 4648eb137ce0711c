"""Peaks of a difference PDF by squared amplitude, as Wragg et al. (2023) fitted them: for comparison, not for use."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.peaks import between
from tsct.analyze.pdf.transform import PdfOperator

#: Si-Si bonds that grow longer, Si-Li, and the second shell: where the paper follows peaks, angstrom
SQUARED_PEAKS: Mapping[str, float] = {"extension": 2.5, "silicon_lithium": 2.8, "second_shell": 3.8}
#: spread of the peaks, angstrom, as a bond seen with Qmax 20; range of the fit
SPREAD, FIT_RANGE = 0.11, (2.30, 4.20)


def squared_amplitudes(
    r: NDArray[np.float64], difference: NDArray[np.float64], covariance: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squares of the amplitudes of Gaussian peaks at fixed distances, and by how much noise makes them too large.

    A square has lost its sign, so a peak that shrinks looks like one that grows, and it is never zero: its mean is
    ``a^2 + sigma^2``. An onset read from it comes too early or not at all; see
    :func:`tsct.analyze.phases.difference_fit.fit_difference` for signed amplitudes.

    Parameters
    ----------
    r, difference : ndarray, shape (r,)
        dPDF in 1/angstrom^2.
    covariance : ndarray, shape (r, r)
        Of the difference.

    Returns
    -------
    squares, bias : ndarray, shape (peak,)
        In the order of SQUARED_PEAKS, 1/angstrom^4.
    """
    inside = between(r, FIT_RANGE)
    peaks = [np.exp(-0.5 * ((r - centre) / SPREAD) ** 2) for centre in SQUARED_PEAKS.values()]
    matrix = np.linalg.pinv(np.stack([*peaks, np.ones_like(r), r], axis=1)[inside])[: len(peaks)]
    noise = matrix @ covariance[np.ix_(inside, inside)] @ matrix.T
    return (matrix @ difference[inside]) ** 2, np.diag(noise)


def squared_record(
    record: xr.Dataset, operator: PdfOperator, variance: NDArray[Any], weights: NDArray[Any]
) -> xr.Dataset:
    """Squared amplitudes of every difference of a series, whose states have this variance of I(Q)."""
    both = weights**2 @ variance
    covariances = [operator.covariance(row) for row in both]
    pairs = zip(record.roi_dgr.values, covariances, strict=True)
    values, bias = np.array([squared_amplitudes(operator.r, curve, noise) for curve, noise in pairs]).transpose(1, 0, 2)
    return xr.Dataset(
        {
            "squared_amplitude": (("state", "peak"), values, {"units": "1/angstrom^4"}),
            "squared_amplitude_bias": (("state", "peak"), bias, {"units": "1/angstrom^4"}),
        },
        coords={"peak": ("peak", list(SQUARED_PEAKS))},
    )
