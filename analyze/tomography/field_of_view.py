"""What a scan leaves unseen: rays beyond the field, views beyond the wedge, and which voxels can be trusted."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import InputError, TsctWarning

from .fbp import fbp
from .geometry import ParallelGeometry
from .padding import padded

#: Mean signal in an outermost bin, as a share of the highest bin, below which the object counts as inside the field
EDGE_SIGNAL = 0.01
#: A gap between views this many times wider than the usual one is a missing wedge
WIDE_GAP = 3.0


def missing_wedge_deg(geometry: ParallelGeometry) -> float:
    """Widest gap between neighbouring views, modulo a half turn, if it is out of line with the others; else zero.

    Examples
    --------
    >>> missing_wedge_deg(ParallelGeometry.from_arrays([0.0, 1.0], [0.0, 20.0, 40.0, 60.0, 80.0]))
    100.0
    >>> missing_wedge_deg(ParallelGeometry.from_arrays([0.0, 1.0], [0.0, 60.0, 120.0]))
    0.0
    """
    views = np.unique(np.round(np.asarray(geometry.angles_deg) % 180.0, 6) % 180.0)
    gaps = np.sort(np.diff(views, append=views[0] + 180.0))
    usual = np.median(gaps[:-1]) if gaps.size > 1 else 0.0
    return float(gaps[-1]) if gaps[-1] > WIDE_GAP * usual else 0.0


def edge_signal(sinogram: ArrayLike) -> float:
    """Larger of the mean signals in the two outermost bins, as a share of the bin that holds most.

    Parameters
    ----------
    sinogram : array_like of shape (angle, translation, channel)
        Line integrals.

    Returns
    -------
    float
        Zero if there is no signal.
    """
    profile = np.asarray(sinogram).sum(axis=(0, 2), dtype=np.float64)
    return float(max(profile[0], profile[-1]) / profile.max()) if profile.max() > 0.0 else 0.0


def warn_of_gaps(sinogram: ArrayLike, geometry: ParallelGeometry) -> None:
    """Warn if the object leaves the field or if views are missing.

    Warns
    -----
    TsctWarning
        Naming the signal at the edge of the field, or the size of the gap.
    """
    if (wedge := missing_wedge_deg(geometry)) > 0.0:
        warnings.warn(
            f"reconstruct: no views within a wedge of {wedge:.1f} degrees; edges along it are blurred and streaked",
            TsctWarning,
            stacklevel=3,
        )
    if (share := edge_signal(sinogram)) > EDGE_SIGNAL:
        warnings.warn(
            f"reconstruct: the outermost bins hold {share:.1%} of the highest signal ({EDGE_SIGNAL:.0%} allowed): "
            "the object leaves the field. Pad the sinogram and see trusted_mask for what remains",
            TsctWarning,
            stacklevel=3,
        )


def trusted_mask(
    geometry: ParallelGeometry, object_radius_mm: float, *, padding: int = 0, tolerance: float = 0.05
) -> NDArray[np.bool_]:
    """Voxels that the field sees in every view and that truncation moves by little.

    The rays of a uniform disc of the object's radius about the axis are reconstructed twice by filtered
    back-projection, once from the field alone and once from a field that holds all of it. What the missing rays
    change depends on the object, but for objects about as dense outside the field as inside, the disc tells how much.

    Parameters
    ----------
    geometry : ParallelGeometry
        Where the rays run.
    object_radius_mm : float
        Radius of the circle about the axis that holds the object.
    padding : int, optional
        Bins that the reconstruction adds on either side, as in `reconstruct`.
    tolerance : float, optional
        Largest change that is trusted, as a share of the density of the disc.

    Returns
    -------
    ndarray of shape (y, x), bool

    Raises
    ------
    InputError
        If the radius or the tolerance is not positive.
    """
    if not (0.0 < object_radius_mm < np.inf and tolerance > 0.0):
        raise InputError(
            f"trusted_mask: object_radius_mm = {object_radius_mm} and tolerance = {tolerance} must be positive"
        )
    covered = _covered_voxels(geometry)
    reach = min(geometry.axis_mm - geometry.translations_mm[0], geometry.translations_mm[-1] - geometry.axis_mm)
    beyond = int(np.ceil(max(object_radius_mm - reach, 0.0) / geometry.step_mm)) + geometry.n
    blank = np.zeros((len(geometry.angles_deg), geometry.n, 1), dtype=np.float32)
    _, wide = padded(blank, geometry, beyond)
    complete = _disc(wide, object_radius_mm)
    field, around = padded(complete[:, beyond : beyond + geometry.n], geometry, padding)
    change = _core(fbp(field, around), geometry.n) - _core(fbp(complete, wide), geometry.n)
    return np.asarray(covered & (np.abs(change) <= tolerance))


def _core(image: NDArray[Any], n: int) -> NDArray[Any]:
    """The first channel of the middle n x n voxels."""
    cut = (image.shape[0] - n) // 2
    return image[cut : cut + n, cut : cut + n, 0]


def _covered_voxels(geometry: ParallelGeometry) -> NDArray[np.bool_]:
    """Voxels whose centre projects into the field, half a step around the outermost bins included, at all angles."""
    angles, x = np.deg2rad(geometry.angles_deg), geometry.voxel_centres_mm
    half = geometry.step_mm / 2
    low = geometry.translations_mm[0] - geometry.axis_mm - half
    high = geometry.translations_mm[-1] - geometry.axis_mm + half
    complete = np.ones((geometry.n, geometry.n), dtype=bool)
    for angle in angles:
        t = x * np.cos(angle) + x[:, None] * np.sin(angle)
        complete &= (t >= low) & (t <= high)
    return complete


def _disc(geometry: ParallelGeometry, radius: float) -> NDArray[np.float32]:
    """Bin averages of the chords of a disc of density one about the axis; shape (angle, translation, 1)."""
    t = np.asarray(geometry.translations_mm) - geometry.axis_mm
    edge = np.clip(np.stack([t - geometry.step_mm / 2, t + geometry.step_mm / 2]), -radius, radius)
    area = edge * np.sqrt(radius**2 - edge**2) + radius**2 * np.arcsin(edge / radius)
    chords = (area[1] - area[0]) / geometry.step_mm
    return np.tile(chords.astype(np.float32), (len(geometry.angles_deg), 1))[..., None]
