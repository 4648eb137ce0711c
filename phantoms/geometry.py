"""Solids of the cell in space: a stack of discs in a tube, cut by a plane.

Coordinates are millimetres in the frame of the sample stage: z along the rotation axis, the electrode's lower face
passing through the origin. Images are indexed [y, x], both increasing with the index.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError

#: a face between two layers is spread over this height, the thickness of one sub-slice
LAYER_MM = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class CellGeometry:
    """Solids of the cell, in mm; the stack is tilted about x, the polymer tube is not.

    Parameters
    ----------
    electrode_diameter_mm, electrode_thickness_mm : float
        Of the disc that is studied.
    separator_thickness_mm : float
        Of the layer between the electrode and the counter electrode.
    tube_inner_diameter_mm, tube_outer_diameter_mm : float
        Of the container.
    tilt_deg : float
        Of the stack about x; lets the beam clip what lies below the electrode.
    """

    electrode_diameter_mm: float = 5.2
    electrode_thickness_mm: float = 0.100
    separator_thickness_mm: float = 0.400
    tube_inner_diameter_mm: float = 5.2
    tube_outer_diameter_mm: float = 7.0
    tilt_deg: float = 0.8

    def __post_init__(self) -> None:
        for name in ("electrode_diameter_mm", "electrode_thickness_mm", "separator_thickness_mm"):
            if not getattr(self, name) > 0:
                raise InputError(f"cell.{name} is {getattr(self, name)}; it must be positive")
        if not self.electrode_diameter_mm <= self.tube_inner_diameter_mm <= self.tube_outer_diameter_mm:
            raise InputError("cell: the electrode must fit in the tube (electrode <= inner <= outer diameter)")
        if not abs(self.tilt_deg) <= 10:
            raise InputError(f"cell.tilt_deg is {self.tilt_deg}; allowed are -10 to 10 degrees")


@dataclass(frozen=True, slots=True, kw_only=True)
class Solids:
    """Shares of each pixel that lie in a solid, or in the bore around the stack, at one height; shape (y, x) each."""

    electrode: NDArray[np.float64]
    piston: NDArray[np.float64]
    separator: NDArray[np.float64]
    counter_electrode: NDArray[np.float64]
    container: NDArray[np.float64]
    gap: NDArray[np.float64]


def solids(g: CellGeometry, x: NDArray, y: NDArray, z: float) -> Solids:
    """Where the solids are in a plane at the height `z` (mm), on a grid of pixels (mm)."""
    pixel = float(x[0, 1] - x[0, 0])
    rho = np.hypot(x, y)
    height = z + y * np.tan(np.radians(g.tilt_deg))
    bore = inside(g.tube_inner_diameter_mm / 2 - rho, pixel)
    tube = inside(g.tube_outer_diameter_mm / 2 - rho, pixel) - bore
    stack = inside(g.electrode_diameter_mm / 2 - rho, pixel)
    above_piston = np.clip(height / LAYER_MM + 0.5, 0, 1)
    above_electrode = np.clip((height - g.electrode_thickness_mm) / LAYER_MM + 0.5, 0, 1)
    top = g.electrode_thickness_mm + g.separator_thickness_mm
    above_separator = np.clip((height - top) / LAYER_MM + 0.5, 0, 1)
    return Solids(
        electrode=stack * (above_piston - above_electrode),
        piston=stack * (1 - above_piston),
        separator=stack * (above_electrode - above_separator),
        counter_electrode=stack * above_separator,
        container=tube,
        gap=bore - stack,
    )


def pixel_grid(extent_mm: float, pixels: int) -> tuple[NDArray, NDArray]:
    """Centres x and y of the pixels of a square image in mm, shape (y, x) each."""
    centres = extent_mm * ((np.arange(pixels) + 0.5) / pixels - 0.5)
    x, y = np.meshgrid(centres, centres)
    return x, y


def inside(distance_mm: NDArray, pixel_mm: float) -> NDArray[np.float64]:
    """Share of a pixel that lies inside a smooth boundary at a signed distance (positive inside)."""
    return np.clip(distance_mm / pixel_mm + 0.5, 0.0, 1.0)
