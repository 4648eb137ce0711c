"""Where the rays of a parallel-beam scan run, and how much each view counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import InputError

#: A ray this share of a step away from the uniform grid moves a reconstructed edge by as much, far below a voxel
UNIFORM_WITHIN = 0.01
#: Views closer than this, modulo a half turn, are the same view
SAME_VIEW_DEG = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelGeometry:
    """A parallel-beam scan: one translation grid, one set of angles, one rotation axis.

    The ray of angle theta and translation t is the line ``t = axis_mm + x cos(theta) + y sin(theta)``. Images are
    square, indexed [y, x], centred on the rotation axis, with ``x = (ix - (n - 1) / 2) * voxel_mm`` and y likewise,
    both increasing with the index. The voxel equals the translation step and there are as many as translations.

    Parameters
    ----------
    translations_mm : tuple of float
        Middles of the beam positions, increasing and uniform within 1 % of a step. Two or more.
    angles_deg : tuple of float
        Angle of each view, in the order of the sinogram; any order, any range, repeats allowed.
    axis_mm : float
        Translation to which the rotation axis projects.

    Raises
    ------
    InputError
        If the translations are not a uniform increasing grid, or a number is not finite.

    Examples
    --------
    >>> scan = ParallelGeometry(translations_mm=(-1.0, 0.0, 1.0), angles_deg=(0.0, 90.0))
    >>> scan.n, scan.voxel_mm, scan.voxel_centres_mm.tolist(), scan.angle_weights.tolist() == [np.pi / 2] * 2
    (3, 1.0, [-1.0, 0.0, 1.0], True)
    """

    translations_mm: tuple[float, ...]
    angles_deg: tuple[float, ...]
    axis_mm: float = 0.0

    def __post_init__(self) -> None:
        if len(self.translations_mm) < 2 or len(self.angles_deg) < 1:
            raise InputError("ParallelGeometry: give at least two translations and one angle")
        if not np.isfinite((*self.translations_mm, *self.angles_deg, self.axis_mm)).all():
            raise InputError("ParallelGeometry: translations_mm, angles_deg and axis_mm must be finite")
        if self.step_mm <= 0.0:
            raise InputError("ParallelGeometry: translations_mm must increase; reverse them together with the sinogram")
        even = np.linspace(self.translations_mm[0], self.translations_mm[-1], self.n)
        off = np.abs(np.asarray(self.translations_mm) - even).max() / self.step_mm
        if off > UNIFORM_WITHIN:
            raise InputError(
                f"ParallelGeometry: translations_mm are up to {off:.2g} steps away from a uniform grid "
                f"({UNIFORM_WITHIN} allowed); interpolate the sinogram onto one first"
            )

    @classmethod
    def from_arrays(cls, translations_mm: ArrayLike, angles_deg: ArrayLike, axis_mm: float = 0.0) -> "ParallelGeometry":
        """Make a geometry from the coordinates of a scan, arrays of shape (translation,) and (angle,)."""
        return cls(
            translations_mm=tuple(np.asarray(translations_mm, dtype=float).tolist()),
            angles_deg=tuple(np.asarray(angles_deg, dtype=float).tolist()),
            axis_mm=float(axis_mm),
        )

    @property
    def n(self) -> int:
        """Voxels along each side of the image: the number of translations."""
        return len(self.translations_mm)

    @property
    def step_mm(self) -> float:
        """Distance between neighbouring translations."""
        return (self.translations_mm[-1] - self.translations_mm[0]) / (self.n - 1)

    @property
    def voxel_mm(self) -> float:
        """Edge of a voxel: the translation step."""
        return self.step_mm

    @property
    def voxel_centres_mm(self) -> NDArray[np.float64]:
        """Middles of the voxels along x and along y, relative to the rotation axis; shape (n,)."""
        return np.asarray((np.arange(self.n) - (self.n - 1) / 2) * self.voxel_mm, dtype=np.float64)

    @property
    def angle_weights(self) -> NDArray[np.float64]:
        """Share of the half turn that each view stands for, in radians; shape (angle,), sum pi.

        Half the gap to either neighbour modulo 180 degrees, so that half-turn, full-turn, interlaced and uneven scans
        are all integrated by the trapezoid rule; views of the same line set share their gaps equally.
        """
        folded = np.round(np.asarray(self.angles_deg) % 180.0 / SAME_VIEW_DEG) * SAME_VIEW_DEG % 180.0
        views, which, repeats = np.unique(folded, return_inverse=True, return_counts=True)
        gaps = np.diff(views, append=views[0] + 180.0)
        share = (gaps + np.roll(gaps, 1)) / 2 / repeats
        return np.asarray(np.deg2rad(share[which]), dtype=np.float64)
