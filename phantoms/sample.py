"""What any phantom answers: what one slice of it holds in one state, and what that is made of."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tsct.phantoms.structures.library import Structure

from .discharge import Discharge
from .electrode import Texture
from .geometry import CellGeometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One scatterer: a phase, the structure it has, and the share of second-shell order that it has lost."""

    phase: str
    structure: Structure
    second_shell_loss: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What one slice holds in one state.

    Attributes
    ----------
    densities : ndarray, shape (part, y, x)
        Atoms of each part per cubic angstrom of the slice, averaged over its height.
    parts : tuple of Part
        What scatters, in the same order.
    """

    parts: tuple[Part, ...]
    densities: NDArray[np.float64]


class Sample(Protocol):
    """What the truth and the beam ask of a phantom; see :class:`tsct.phantoms.cell.Phantom` for what is meant."""

    @property
    def geometry(self) -> CellGeometry:
        """Solids in space."""

    @property
    def texture(self) -> Texture:
        """How they are spread."""

    @property
    def discharge(self) -> Discharge:
        """The states."""

    @property
    def silicon(self) -> tuple[Structure, ...]:
        """The lithiated series."""

    @property
    def slices_z_mm(self) -> tuple[float, ...]:
        """Heights of the slices."""

    def contents(self, state: int, slice_index: int, extent_mm: float, pixels: int) -> Contents:
        """Number densities of everything in one slice."""
