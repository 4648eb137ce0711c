"""The errors of normalisation that all channels and voxels share, which the errors of single ones cannot show.

Counting errors of channels are independent and average out in their sum. A wrong reading of the monitor or of the
transmission moves all channels of a frame together, a wrong axis those of all frames, and a wrong gain of a channel all
voxels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf.transform import PdfOperator
from tsct.analyze.tomography.fbp import fbp_weights
from tsct.analyze.tomography.geometry import ParallelGeometry

#: quantities that all voxels share an error of: variable of the result -> words
SHARED_ERRORS: Mapping[str, str] = {
    "level_errors": "the number density",
    "silicon_level_errors": "silicon, as its map has it,",
    "carbon_level_errors": "carbon, as its map has it,",
}


def reading_noise(transmission: NDArray[Any], air_rays: int) -> float:
    """Relative noise of single readings of the transmission, from rays that miss the sample; NaN if none do.

    Taken from the change between one view and the next, which a sample that sticks out moves least.

    Parameters
    ----------
    transmission : ndarray, shape (angle, translation)
        Of the straight beam.
    air_rays : int
        Translations on each side that see only air.
    """
    if not air_rays or len(transmission) < 2:
        return float("nan")
    air = np.concatenate([transmission[:, :air_rays], transmission[:, -air_rays:]], axis=1)
    return float(np.sqrt(np.nanmean(np.diff(air, axis=0) ** 2) / 2) / np.nanmean(air))


def shared_responses(operator: PdfOperator, map_responses: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Derivatives of the number density and of maps by the pattern of the region, shape (quantity, q).

    Parameters
    ----------
    operator : PdfOperator
        Which knows that of the number density.
    map_responses : sequence of ndarray, shape (map, q)
        Those of silicon and carbon, see :func:`tsct.analyze.phases.phase_maps.map_response`, and of given phases.
    """
    density = np.zeros((1, len(operator.q)))
    density[0, operator.used] = operator.density_weights
    return np.concatenate([density, *map_responses])


def normalisation_errors(
    lines: NDArray[Any],
    variance: NDArray[Any],
    geometry: ParallelGeometry,
    region: NDArray[np.bool_],
    responses: NDArray[np.float64],
    *,
    gains: NDArray[np.float64],
    noise: float,
    axis_error_mm: float,
    gains_left: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Relative standard errors of quantities of a region, by filtered back-projection, shape (quantity,).

    Four parts: counting; gains of channels; monitor and transmission, each read once a frame with the same noise; the
    axis. That a wrong transmission also enters through the attenuation map, which takes part of its effect back, is
    left out: where these readings are the largest part, the error comes out 13 % too large. Gains of translations are
    left out, too, unless they were removed and it is known what is left of them.

    Parameters
    ----------
    lines, variance : ndarray, shape (angle, translation, q)
        Line integrals and their counting variance.
    geometry : ParallelGeometry
        Where the rays run.
    region : ndarray of bool, shape (y, x)
        Whose mean is meant.
    responses : ndarray, shape (quantity, q)
        Derivatives of the quantities by the pattern of the region. Twice the pattern must be twice the quantity; one
        that is zero, because a bound holds it, has no relative error (NaN).
    gains : ndarray, shape (q,)
        Variance of the region's pattern by the gains of the channels.
    noise : float
        See :func:`reading_noise`; where it is not known, nor are the errors.
    axis_error_mm : float
        Standard error of the axis.
    gains_left : ndarray, shape (translation, translation), optional
        Covariance of relative gains of translations.
    """
    weights = responses.T.astype(lines.dtype)
    rays, counting = (lines @ weights).astype(np.float64), (variance @ weights**2).astype(np.float64)
    return errors_of_sums(
        *(rays, counting, geometry, region, responses),
        gains=gains,
        noise=noise,
        axis_error_mm=axis_error_mm,
        gains_left=gains_left,
    )


def errors_of_sums(
    rays: NDArray[np.float64],
    counting: NDArray[np.float64],
    geometry: ParallelGeometry,
    region: NDArray[np.bool_],
    responses: NDArray[np.float64],
    *,
    gains: NDArray[np.float64],
    noise: float,
    axis_error_mm: float,
    gains_left: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """The same from the sums of the channels of every ray that the quantities are made of.

    Parameters
    ----------
    rays, counting : ndarray, shape (angle, translation, quantity)
        Lines weighted by the `responses`, and their counting variance.
    geometry, region, responses, gains, noise, axis_error_mm, gains_left
        As in :func:`normalisation_errors`.
    """
    shares = fbp_weights(region, geometry)[..., None]
    shares_off_axis = fbp_weights(region, replace(geometry, axis_mm=geometry.axis_mm + axis_error_mm))[..., None]
    rays_alone = (0, 1)
    quantity, by_axis = np.sum(shares * rays, rays_alone), np.sum((shares_off_axis - shares) * rays, rays_alone)
    by_frames = np.sum(shares**2 * (counting + 2 * (noise * rays) ** 2), rays_alone)
    by_translations = np.zeros(len(responses))
    if gains_left is not None:
        each = np.sum(shares * rays, axis=0)
        by_translations = np.einsum("tk,ts,sk->k", each, gains_left, each)
    errors = np.sqrt(by_frames + by_axis**2 + responses**2 @ gains + by_translations)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(errors / np.abs(quantity))
