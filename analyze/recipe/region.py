"""The region of interest: which voxels are averaged and followed through the states."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, UsageError

#: of a polygon
MOST_CORNERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Roi:
    """Voxels whose mean is followed: a circle, a polygon or any set, or those of them where a map exceeds a level.

    In voxels, x to the right and y upwards of the image's centre.

    Parameters
    ----------
    x_voxels, y_voxels, radius_voxels : float
        Centre and radius of a circle.
    polygon : sequence of (x, y)
        Corners of a polygon, which replaces the circle.
    voxels : sequence of (row, column)
        Indices of single voxels, which replace both; see :meth:`where`.
    map, above : str, float, optional
        Only voxels where this map of the reference tile exceeds this level, in the unit of the map (number densities:
        1/angstrom^3). Decided once for all states and slices, by :func:`tsct.analyze.chain.with_region`.
    from_object : bool
        Voxels well inside the object replace the circle, decided likewise from the total intensity of the reference
        tile; see :func:`tsct.analyze.region.inside_object`.
    """

    x_voxels: float = 3.0
    y_voxels: float = -1.0
    radius_voxels: float = 16.0
    polygon: tuple[tuple[float, float], ...] = ()
    voxels: tuple[tuple[int, int], ...] = ()
    map: str = ""
    above: float | None = None
    from_object: bool = False

    def __post_init__(self) -> None:
        if len(self.polygon) > MOST_CORNERS:
            raise InputError(f"analysis.roi.polygon has {len(self.polygon)} corners; at most {MOST_CORNERS} are read")
        if bool(self.map) != (self.above is not None):
            raise UsageError("map and above need each other, such as map = 'silicon' and above = 0.004 (1/angstrom^3)")
        if self.from_object and not self.is_circle:
            raise UsageError("from_object finds the region itself; give no polygon or voxels with it")

    @classmethod
    def where(cls, inside: NDArray[np.bool_]) -> Self:
        """The voxels of a mask, shape (y, x), such as a map above a threshold: ``Roi.where(found.silicon > 0.004)``.

        A region is the same in all states; take the threshold on one map, not on each.
        """
        return cls(voxels=_indices(inside))

    @property
    def is_circle(self) -> bool:
        """Whether neither polygon nor single voxels are given."""
        return not (self.polygon or self.voxels)

    @property
    def is_decided(self) -> bool:
        """Whether its voxels are known before any data are."""
        return not (self.map or self.from_object)

    @property
    def outline(self) -> "Roi":
        """The same without its level: all of the circle, the polygon or the set."""
        return replace(self, map="", above=None)

    def inside(self, mask: NDArray[np.bool_]) -> "Roi":
        """The voxels of a mask, shape (y, x), of an object, and their centre; what a map says comes later."""
        y, x = np.mean(np.argwhere(mask), axis=0) - (len(mask) - 1) / 2
        return replace(self, from_object=False, voxels=_indices(mask), x_voxels=float(x), y_voxels=float(y))

    def decided(self, image: NDArray[Any], units: str) -> "Roi":
        """The voxels inside where its map, shape (y, x), exceeds the level; one that is not finite does not.

        Raises
        ------
        InputError
            If none does; says how large the map gets there.
        """
        if self.above is None:
            return self
        inside = self.mask(len(image))
        chosen = inside & (image > self.above)
        if not chosen.any():
            known = image[inside & np.isfinite(image)]
            largest = f"{known.max():.4g}" if len(known) else "unknown"
            raise InputError(
                f"analysis.roi: no voxel has {self.map} above {self.above:g} {units}; of the {inside.sum()} voxels in "
                f"question the largest is {largest}"
            )
        return replace(self.outline, voxels=_indices(chosen))

    def mask(self, n: int) -> NDArray[np.bool_]:
        """Voxels whose centre lies inside, shape (y, x), whatever a map says of them.

        Raises
        ------
        InputError
            If no voxel of an `n` by `n` image does.
        """
        centre = np.arange(n) - (n - 1) / 2
        y, x = np.meshgrid(centre - self.y_voxels, centre - self.x_voxels, indexing="ij")
        inside = np.hypot(x, y) <= self.radius_voxels
        if self.polygon:
            inside = _in_polygon(x + self.x_voxels, y + self.y_voxels, self.polygon)
        if self.voxels:
            inside = np.zeros((n, n), dtype=bool)
            rows, columns = np.array(self.voxels).T
            if min(rows.min(), columns.min()) < 0 or max(rows.max(), columns.max()) >= n:
                raise InputError(f"analysis.roi.voxels reach beyond the {n} x {n} image")
            inside[rows, columns] = True
        if not inside.any():
            raise InputError(f"analysis.roi {self} holds no voxel of the {n} x {n} image")
        return inside


def _indices(inside: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    """Row and column of every voxel of a mask, shape (y, x)."""
    return tuple((int(row), int(column)) for row, column in np.argwhere(np.asarray(inside)))


def _in_polygon(x: NDArray[Any], y: NDArray[Any], corners: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
    """Points from which a ray to the right crosses the edges an odd number of times."""
    inside = np.zeros(x.shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, (*corners[1:], corners[0]), strict=True):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside
