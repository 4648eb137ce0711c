"""Solids in space: how much of each pixel of a horizontal cut they cover.

Lengths are millimetres in the frame of the sample stage, x to the right and y upwards in an image, z along the axis of
rotation. A boundary that crosses a pixel covers the share of it that a straight edge at its distance would.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tsct.records.errors import InputError
from tsct.records.seeds import generator

from .textures import Texture

Array = NDArray[np.float64]

#: random sequential addition of equal spheres jams near 0.38 of the volume; beyond this it takes too long
DENSEST_PACKING = 0.35
#: trials for one sphere before a packing is given up
TRIALS = 20_000
#: more spheres than this are no packing that a scan would resolve
MOST_SPHERES = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """What all solids have.

    Parameters
    ----------
    name : str
        For messages.
    fill : mapping of str to float
        Volume fraction of each phase inside.
    rest : str, optional
        Phase that fills what is left; nothing (air) if omitted.
    texture : tuple of Texture
        How the phases are spread inside.
    sample : bool
        Whether the composition that the experimenter states is that of this solid; the last one painted if none is.
    """

    name: str = ""
    fill: Mapping[str, float] = field(default_factory=dict)
    rest: str | None = None
    texture: tuple[Texture, ...] = ()
    sample: bool = False

    def __post_init__(self) -> None:
        total = sum(self.fill.values())
        if any(not 0 <= share <= 1 for share in self.fill.values()) or total > 1 + 1e-9:
            # 22 % is 0.22
            slip = (
                "; are these per cent?" if 1 < max(self.fill.values()) <= 100 and min(self.fill.values()) >= 0 else ""
            )
            raise InputError(
                f"sample.solid '{self.name or type(self).__name__.lower()}': fractions of fill must lie between 0 and "
                f"1 and sum to at most 1, not {total:g}{slip}"
            )

    @property
    def radius_mm(self) -> float:
        """Radius around the axis of rotation that holds the solid; infinite if nothing bounds it."""
        raise NotImplementedError

    def coverage(self, x: Array, y: Array, z_mm: float, pixel_mm: float) -> Array:
        """Share of each pixel that lies inside at one height, shape of `x` and `y` (mm)."""
        raise NotImplementedError


def _inside(distance_mm: Array, pixel_mm: float) -> Array:
    """Share of a pixel inside a straight edge at a signed distance, positive inside."""
    return np.clip(distance_mm / pixel_mm + 0.5, 0.0, 1.0)


def _between(low_mm: Array, high_mm: Array, pixel_mm: float) -> Array:
    """Share of a pixel between two parallel edges, by the distances to both, positive inside: also of a thin foil."""
    return np.clip(_inside(low_mm, pixel_mm) + _inside(high_mm, pixel_mm) - 1, 0.0, 1.0)


def _positive(solid: Solid, **values: float) -> None:
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise InputError(f"sample.solid '{solid.name}': {name} is {value}; it must be positive and finite")


def _within(z_mm: float, limits: tuple[float, float] | None) -> float:
    return 1.0 if limits is None or limits[0] <= z_mm < limits[1] else 0.0


def _checked(solid: Solid, limits: tuple[float, float] | None) -> None:
    if limits is not None and not limits[0] < limits[1]:
        raise InputError(f"sample.solid '{solid.name}': z_mm is {list(limits)}; give a lower and a higher end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cylinder(Solid):
    """Upright cylinder; of all heights unless `z_mm` limits it.

    Parameters
    ----------
    shape : "cylinder"
        Which solid this is.
    diameter_mm : float
        Of the cylinder.
    centre_mm : (x, y)
        Of the axis of the solid.
    z_mm : (low, high), optional
        Its ends; all heights if omitted.
    """

    shape: Literal["cylinder"] = "cylinder"
    diameter_mm: float
    centre_mm: tuple[float, float] = (0.0, 0.0)
    z_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        Solid.__post_init__(self)
        _positive(self, diameter_mm=self.diameter_mm)
        _checked(self, self.z_mm)

    @property
    def radius_mm(self) -> float:
        """See :class:`Solid`."""
        return float(np.hypot(*self.centre_mm)) + self.diameter_mm / 2

    def coverage(self, x: Array, y: Array, z_mm: float, pixel_mm: float) -> Array:
        """See :class:`Solid`."""
        rho = np.hypot(x - self.centre_mm[0], y - self.centre_mm[1])
        return _inside(self.diameter_mm / 2 - rho, pixel_mm) * _within(z_mm, self.z_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tube(Solid):
    """Wall between two upright cylinders.

    Parameters
    ----------
    shape : "tube"
        Which solid this is.
    inner_diameter_mm, outer_diameter_mm : float
        Of the wall.
    centre_mm : (x, y)
        Of the axis of the solid.
    z_mm : (low, high), optional
        Its ends; all heights if omitted.
    """

    shape: Literal["tube"] = "tube"
    inner_diameter_mm: float
    outer_diameter_mm: float
    centre_mm: tuple[float, float] = (0.0, 0.0)
    z_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        Solid.__post_init__(self)
        _positive(self, inner_diameter_mm=self.inner_diameter_mm)
        _checked(self, self.z_mm)
        if not self.inner_diameter_mm < self.outer_diameter_mm:
            raise InputError(f"sample.solid '{self.name}': outer_diameter_mm must exceed inner_diameter_mm")

    @property
    def radius_mm(self) -> float:
        """See :class:`Solid`."""
        return float(np.hypot(*self.centre_mm)) + self.outer_diameter_mm / 2

    def coverage(self, x: Array, y: Array, z_mm: float, pixel_mm: float) -> Array:
        """See :class:`Solid`."""
        rho = np.hypot(x - self.centre_mm[0], y - self.centre_mm[1])
        outer, inner = (_inside(d / 2 - rho, pixel_mm) for d in (self.outer_diameter_mm, self.inner_diameter_mm))
        return (outer - inner) * _within(z_mm, self.z_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer(Solid):
    """Everything between two parallel planes, such as a foil or a coating.

    Parameters
    ----------
    shape : "layer"
        Which solid this is.
    normal : {"x", "y", "z"}
        Which axis the planes are perpendicular to, before the tilt.
    from_mm, to_mm : float
        Where the planes cut that axis.
    tilt_deg : float
        Rotation of the normal: of ``z`` about x, of ``x`` and ``y`` about z.
    within_mm : float, optional
        Diameter around the axis of rotation that ends the layer sideways.
    """

    shape: Literal["layer"] = "layer"
    normal: Literal["x", "y", "z"] = "z"
    from_mm: float
    to_mm: float
    tilt_deg: float = 0.0
    within_mm: float | None = None

    def __post_init__(self) -> None:
        Solid.__post_init__(self)
        if not self.from_mm < self.to_mm:
            raise InputError(f"sample.solid '{self.name}': from_mm must be below to_mm")
        if not abs(self.tilt_deg) <= 45:
            raise InputError(f"sample.solid '{self.name}': tilt_deg is {self.tilt_deg}; allowed are -45 to 45")
        if self.within_mm is not None:
            _positive(self, within_mm=self.within_mm)

    @property
    def radius_mm(self) -> float:
        """See :class:`Solid`."""
        return np.inf if self.within_mm is None else self.within_mm / 2

    def coverage(self, x: Array, y: Array, z_mm: float, pixel_mm: float) -> Array:
        """See :class:`Solid`."""
        cos, sin = np.cos(np.radians(self.tilt_deg)), np.sin(np.radians(self.tilt_deg))
        along = {"x": cos * x + sin * y, "y": cos * y - sin * x, "z": cos * z_mm + sin * y}[self.normal]
        # planes that nearly lie in the image change little across a pixel
        width = pixel_mm if self.normal != "z" else max(pixel_mm * abs(sin), 1e-9)
        inside = _between(along - self.from_mm, self.to_mm - along, width)
        if self.within_mm is not None:
            inside = inside * _inside(self.within_mm / 2 - np.hypot(x, y), pixel_mm)
        return inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Box(Solid):
    """Upright box.

    Parameters
    ----------
    shape : "box"
        Which solid this is.
    size_mm : (width, depth)
        Along x and y before the rotation.
    centre_mm : (x, y)
        Of the axis of the solid.
    rotation_deg : float
        About its axis, from x towards y.
    z_mm : (low, high), optional
        Its ends; all heights if omitted.
    """

    shape: Literal["box"] = "box"
    size_mm: tuple[float, float]
    centre_mm: tuple[float, float] = (0.0, 0.0)
    rotation_deg: float = 0.0
    z_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        Solid.__post_init__(self)
        _positive(self, size_mm=min(self.size_mm))
        _checked(self, self.z_mm)

    @property
    def radius_mm(self) -> float:
        """See :class:`Solid`."""
        return float(np.hypot(*self.centre_mm) + np.hypot(*self.size_mm) / 2)

    def coverage(self, x: Array, y: Array, z_mm: float, pixel_mm: float) -> Array:
        """See :class:`Solid`."""
        u, v = _turned(x - self.centre_mm[0], y - self.centre_mm[1], self.rotation_deg)
        sides = (_between(size / 2 + w, size / 2 - w, pixel_mm) for size, w in zip(self.size_mm, (u, v), strict=True))
        return np.prod(list(sides), axis=0) * _within(z_mm, self.z_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ellipse(Solid):
    """Upright cylinder with an elliptic section.

    Parameters
    ----------
    shape : "ellipse"
        Which solid this is.
    diameters_mm : (width, depth)
        Along x and y before the rotation.
    centre_mm : (x, y)
        Of the axis of the solid.
    rotation_deg : float
        About its axis, from x towards y.
    z_mm : (low, high), optional
        Its ends; all heights if omitted.
    """

    shape: Literal["ellipse"] = "ellipse"
    diameters_mm: tuple[float, float]
    centre_mm: tuple[float, float] = (0.0, 0.0)
    rotation_deg: float = 0.0
    z_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        Solid.__post_init__(self)
        _positive(self, diameters_mm=min(self.diameters_mm))
        _checked(self, self.z_mm)

    @property
    def radius_mm(self) -> float:
        """See :class:`Solid`."""
        return float(np.hypot(*self.centre_mm)) + max(self.diameters_mm) / 2

    def coverage(self, x: Array, y: Array, z_mm: float, pixel_mm: float) -> Array:
        """See :class:`Solid`."""
        u, v = _turned(x - self.centre_mm[0], y - self.centre_mm[1], self.rotation_deg)
        a, b = (diameter / 2 for diameter in self.diameters_mm)
        # signed distance to first order: (1 - f) / |grad f| for f = hypot(u / a, v / b)
        f = np.hypot(u / a, v / b)
        slope = np.hypot(u / a**2, v / b**2) / np.maximum(f, 1e-9)
        return _inside((1 - f) / np.maximum(slope, 1e-9), pixel_mm) * _within(z_mm, self.z_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prism(Solid):
    """Upright prism over a polygon without crossing edges.

    Parameters
    ----------
    shape : "prism"
        Which solid this is.
    corners_mm : list of (x, y)
        Of the polygon, in order.
    z_mm : (low, high), optional
        Its ends; all heights if omitted.
    """

    shape: Literal["prism"] = "prism"
    corners_mm: tuple[tuple[float, float], ...]
    z_mm: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        Solid.__post_init__(self)
        _checked(self, self.z_mm)
        if not 3 <= len(self.corners_mm) <= 1000:
            raise InputError(f"sample.solid '{self.name}': corners_mm holds {len(self.corners_mm)}; give 3 to 1000")

    @property
    def radius_mm(self) -> float:
        """See :class:`Solid`."""
        return float(max(np.hypot(*corner) for corner in self.corners_mm))

    def coverage(self, x: Array, y: Array, z_mm: float, pixel_mm: float) -> Array:
        """See :class:`Solid`."""
        inside, nearest = np.zeros(x.shape, dtype=bool), np.full(x.shape, np.inf)
        for (x0, y0), (x1, y1) in zip(self.corners_mm, (*self.corners_mm[1:], self.corners_mm[0]), strict=True):
            if y0 != y1:
                inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
            length = max((x1 - x0) ** 2 + (y1 - y0) ** 2, 1e-30)
            t = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1)
            nearest = np.minimum(nearest, np.hypot(x - x0 - t * (x1 - x0), y - y0 - t * (y1 - y0)))
        return _inside(np.where(inside, nearest, -nearest), pixel_mm) * _within(z_mm, self.z_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sphere(Solid):
    """One sphere.

    Parameters
    ----------
    shape : "sphere"
        Which solid this is.
    diameter_mm : float
        Of the sphere.
    centre_mm : (x, y, z)
        Of the sphere.
    """

    shape: Literal["sphere"] = "sphere"
    diameter_mm: float
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        Solid.__post_init__(self)
        _positive(self, diameter_mm=self.diameter_mm)

    @property
    def radius_mm(self) -> float:
        """See :class:`Solid`."""
        return float(np.hypot(*self.centre_mm[:2])) + self.diameter_mm / 2

    def coverage(self, x: Array, y: Array, z_mm: float, pixel_mm: float) -> Array:
        """See :class:`Solid`."""
        square = (self.diameter_mm / 2) ** 2 - (z_mm - self.centre_mm[2]) ** 2
        if square <= 0:
            return np.zeros_like(x)
        return _inside(np.sqrt(square) - np.hypot(x - self.centre_mm[0], y - self.centre_mm[1]), pixel_mm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing(Solid):
    """Spheres that do not overlap, at random in an upright cylinder (random sequential addition).

    Parameters
    ----------
    shape : "packing"
        Which solid this is.
    within_mm : float
        Diameter of the cylinder that holds them.
    z_mm : (float, float)
        Its heights; a few sphere diameters beyond the slices suffice.
    diameter_mm, diameter_sd_mm : float
        Mean and standard deviation of a normal distribution of diameters, cut at a fifth of the mean.
    volume_fraction : float
        Of the cylinder that the spheres fill.
    seed : int
        Of positions and diameters.
    """

    shape: Literal["packing"] = "packing"
    within_mm: float
    z_mm: tuple[float, float]
    diameter_mm: float
    diameter_sd_mm: float = 0.0
    volume_fraction: float
    seed: int = 0

    def __post_init__(self) -> None:
        Solid.__post_init__(self)
        _positive(self, within_mm=self.within_mm, diameter_mm=self.diameter_mm, volume_fraction=self.volume_fraction)
        _checked(self, self.z_mm)
        if self.volume_fraction > DENSEST_PACKING:
            raise InputError(
                f"sample.solid '{self.name}': volume_fraction is {self.volume_fraction:g}; spheres put at random reach "
                f"{DENSEST_PACKING:g}; fill denser samples with a texture of grains"
            )
        number = self.volume_fraction * self._volume_mm3 / (np.pi / 6 * self.diameter_mm**3)
        if not 1 <= number <= MOST_SPHERES or self.diameter_mm >= self.within_mm:
            raise InputError(
                f"sample.solid '{self.name}': {number:.3g} spheres of {self.diameter_mm:g} mm in "
                f"{self.within_mm:g} mm; allowed are 1 to {MOST_SPHERES}, thinner than what holds them"
            )

    @property
    def _volume_mm3(self) -> float:
        return float(np.pi / 4 * self.within_mm**2 * (self.z_mm[1] - self.z_mm[0]))

    @property
    def radius_mm(self) -> float:
        """See :class:`Solid`."""
        return self.within_mm / 2

    @property
    def spheres(self) -> Array:
        """Centres and radii in mm, shape (sphere, 4)."""
        return _spheres(
            self.within_mm, self.z_mm, self.diameter_mm, self.diameter_sd_mm, self.volume_fraction, self.seed
        )

    def coverage(self, x: Array, y: Array, z_mm: float, pixel_mm: float) -> Array:
        """See :class:`Solid`."""
        total = np.zeros_like(x)
        columns, rows = x[0], y[:, 0]
        for cx, cy, cz, radius in self.spheres:
            square = radius**2 - (z_mm - cz) ** 2
            if square <= 0:
                continue
            cut = np.sqrt(square)
            i = slice(*np.searchsorted(rows, (cy - cut - pixel_mm, cy + cut + pixel_mm)))
            j = slice(*np.searchsorted(columns, (cx - cut - pixel_mm, cx + cut + pixel_mm)))
            total[i, j] += _inside(cut - np.hypot(x[i, j] - cx, y[i, j] - cy), pixel_mm)
        return np.minimum(total, 1.0)


def _turned(x: Array, y: Array, rotation_deg: float) -> tuple[Array, Array]:
    cos, sin = np.cos(np.radians(rotation_deg)), np.sin(np.radians(rotation_deg))
    return cos * x + sin * y, cos * y - sin * x


@lru_cache(maxsize=8)
def _spheres(
    within_mm: float,
    z_mm: tuple[float, float],
    diameter_mm: float,
    diameter_sd_mm: float,
    volume_fraction: float,
    seed: int,
) -> Array:
    """Large spheres first, each at the first random place where it touches no other."""
    rng = generator(seed, "packing")
    target = volume_fraction * np.pi / 4 * within_mm**2 * (z_mm[1] - z_mm[0])
    radii: list[float] = []
    while np.pi * 4 / 3 * sum(r**3 for r in radii) < target:
        radii.append(max(rng.normal(diameter_mm, diameter_sd_mm), diameter_mm / 5) / 2)
    radii.sort(reverse=True)
    placed = np.empty((0, 4))
    for radius in radii:
        tree = cKDTree(placed[:, :3]) if len(placed) else None
        for _ in range(TRIALS):
            rho = (within_mm / 2 - radius) * np.sqrt(rng.random())
            turn = 2 * np.pi * rng.random()
            centre = np.array([rho * np.cos(turn), rho * np.sin(turn), rng.uniform(*z_mm)])
            near = tree.query_ball_point(centre, radius + radii[0]) if tree is not None else []
            gaps = np.linalg.norm(placed[near, :3] - centre, axis=1) - placed[near, 3] if near else np.array([np.inf])
            if gaps.min() >= radius:
                placed = np.vstack([placed, [*centre, radius]])
                break
        else:
            raise InputError(
                f"sample.solid: no room for sphere {len(placed) + 1} of {len(radii)}; lower volume_fraction "
                f"({volume_fraction:g})"
            )
    return placed


#: every shape that a solid can have
AnySolid = Cylinder | Tube | Layer | Box | Ellipse | Prism | Sphere | Packing
