"""What any phantom answers: what one slice of it holds in one state, and what that is made of."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from tsct.phantoms.structures.library import Structure

from .states import States

if TYPE_CHECKING:
    import xarray as xr


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
    """What simulation, truth, judge and planner ask of a sample, and nothing else.

    :class:`tsct.phantoms.cell.Phantom` and :class:`tsct.phantoms.painted.sample.PaintedSample` answer it, and so can a
    class of any user.
    """

    @property
    def structures(self) -> tuple[Structure, ...]:
        """Every structure that may be in the beam, each under a name of its own."""

    @property
    def states(self) -> States:
        """The axis of the scans and its values; the first is the reference."""

    @property
    def slices_z_mm(self) -> tuple[float, ...]:
        """Heights of the slices."""

    @property
    def slice_height_mm(self) -> float:
        """Height of the beam."""

    @property
    def extent_mm(self) -> float:
        """Width of a square around the axis of rotation that holds the sample at every angle."""

    @property
    def nominal_composition(self) -> dict[str, float]:
        """The same as atom fractions."""

    @property
    def nominal_formula(self) -> str:
        """The composition that an experimenter states, such as ``Si0.132 C0.458``."""

    @property
    def identity(self) -> str:
        """Text that differs between samples that scatter differently."""

    def contents(
        self,
        state: int,
        slice_index: int,
        extent_mm: float,
        pixels: int,
        *,
        layers: int = 5,
        above_mm: float = 0.0,
        height_mm: float | None = None,
    ) -> Contents:
        """Number densities of everything in one slice; see :meth:`tsct.phantoms.cell.Phantom.contents`."""

    def truth(self, voxels: int, voxel_mm: float) -> "xr.Dataset":
        """Maps and states on the voxels of a scan; see :func:`tsct.phantoms.truth.phantom_truth`."""
