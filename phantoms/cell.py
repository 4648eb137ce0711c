"""The electrochemical cell in the beam: solids in space, filled with materials, changing with the state of charge.

Coordinates are those of :mod:`tsct.phantoms.geometry`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsct.phantoms.structures.library import Structure, lithiated_series, series_weights, structure
from tsct.records.errors import InputError

from .discharge import Discharge
from .electrode import Electrode, Texture, electrode_fractions, grain_field
from .geometry import CellGeometry, pixel_grid, solids
from .sample import Contents, Part
from .states import States
from .truth import phantom_truth

if TYPE_CHECKING:
    import xarray as xr

#: volume of one lithium atom in amorphous Li-Si, A3 (Chevrier & Dahn line, 16.05 A3 per Li)
LITHIUM_VOLUME_A3 = 16.05
#: of the cell of Wragg et al. (2023)
SEPARATOR_POROSITY, SLICE_HEIGHT_MM = 0.55, 0.025
#: library structure of every phase but silicon in the cell of Wragg et al. (2023)
MATERIALS: Mapping[str, str] = {
    "carbon_black": "carbon-black",
    "binder": "cmc-binder",
    "piston": "glassy-carbon",
    "separator": "polyolefin",
    "counter_electrode": "lithium",
    "container": "peek",
    "electrolyte": "electrolyte",
}
#: phases in the order of the volume fractions; the electrolyte comes last because it fills what is left
PHASES = (
    *("silicon", "carbon_black", "binder", "piston"),
    *("separator", "counter_electrode", "container", "electrolyte"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phantom:
    """Geometry, materials and states of one experiment: everything that is true about the sample.

    Parameters
    ----------
    geometry, texture, discharge
        See the classes.
    electrode : Electrode
        Volume fractions in the pristine electrode.
    separator_porosity : float
        Share of the separator's volume that electrolyte fills.
    silicon : tuple of Structure
        The lithiated series, ordered by Li per Si, all members descending from the first.
    materials : mapping of str to Structure
        The other phases: carbon_black, binder, electrolyte, piston, separator, counter_electrode, container.
    slices_z_mm : tuple of float
        Heights of the slice centres above the electrode's lower face.
    slice_height_mm : float
        Height of the beam.
    rim_excess : float
        Lithiation at the electrode's rim relative to its centre, minus one; the mean over the disc is x.
    seed : int
        Of the granularity.
    """

    geometry: CellGeometry = field(default_factory=CellGeometry)
    texture: Texture = field(default_factory=Texture)
    discharge: Discharge = field(default_factory=Discharge)
    electrode: Electrode = field(default_factory=Electrode)
    separator_porosity: float = SEPARATOR_POROSITY
    silicon: tuple[Structure, ...]
    materials: Mapping[str, Structure]
    slices_z_mm: tuple[float, ...]
    slice_height_mm: float = SLICE_HEIGHT_MM
    rim_excess: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        highest = self.discharge.most_lithium * (1 + abs(self.rim_excess))
        largest = self.silicon[-1].lithium_per_silicon
        if highest > largest + 1e-9:
            raise InputError(
                f"the discharge reaches {highest:.3g} Li per Si but the silicon series ends at {largest:.3g}: "
                "give lithiated members or choose scenario = 'null'"
            )

    @property
    def states(self) -> States:
        """The axis of the scans."""
        return States(axis="potential_v", values=self.discharge.potentials_v)

    @property
    def structures(self) -> tuple[Structure, ...]:
        """Every structure that may be in the beam."""
        return (*self.silicon, *self.materials.values())

    @property
    def extent_mm(self) -> float:
        """Width of a square that holds the cell at every angle."""
        return self.geometry.tube_outer_diameter_mm

    @property
    def identity(self) -> str:
        """What tells this cell from another."""
        materials = [(one.name, one.number_density_per_a3) for one in self.structures]
        parts = (
            *(self.geometry, self.texture, self.discharge, self.electrode, self.separator_porosity),
            *(self.slices_z_mm, self.slice_height_mm, self.rim_excess, self.seed),
        )
        return repr((parts, materials))

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
        """Number densities of everything in one slice.

        Parameters
        ----------
        state, slice_index : int
            Which state of the discharge and which slice.
        extent_mm, pixels : float, int
            Width of the square image and its number of pixels along each side.
        layers : int
            Sub-slices that are averaged over the height of the beam.
        above_mm : float
            How much higher than the slice is looked at.
        height_mm : float, optional
            Of what is averaged, if not the whole height of the slice.
        """
        height = self.slice_height_mm if height_mm is None else height_mm
        z = self.slices_z_mm[slice_index] + above_mm + height * ((np.arange(layers) + 0.5) / layers - 0.5)
        x, y = pixel_grid(extent_mm, pixels)
        fractions = np.mean([self._fractions(x, y, height, slice_index) for height in z], axis=0)
        return self._fill(dict(zip(PHASES, fractions, strict=True)), np.hypot(x, y), state)

    def _fractions(self, x: NDArray, y: NDArray, z: float, slice_index: int) -> NDArray[np.float64]:
        """Volume fractions of PHASES in the pristine cell at one height, shape (phase, y, x)."""
        part = solids(self.geometry, x, y, z)
        silicon, carbon, binder = self._electrode_fractions(x, y, slice_index)
        solid = np.stack(
            [
                part.electrode * silicon,
                part.electrode * carbon,
                part.electrode * binder,
                part.piston,
                part.separator * (1 - self.separator_porosity),
                part.counter_electrode,
                part.container,
            ]
        )
        pores = part.electrode * (1 - silicon - carbon - binder)
        electrolyte = pores + part.separator * self.separator_porosity + part.gap
        return np.concatenate([solid, electrolyte[None]])

    def _electrode_fractions(self, x: NDArray, y: NDArray, slice_index: int) -> tuple[NDArray, NDArray, NDArray]:
        diameter, middle = self.geometry.electrode_diameter_mm, self.geometry.electrode_thickness_mm / 2
        field = (x, y, self.texture.grain_mm, diameter, self.seed, "texture")
        return electrode_fractions(
            *(self.electrode, self.texture, x, y),
            radius_mm=diameter / 2,
            above_middle_mm=self.slices_z_mm[slice_index] - middle,
            grains=lambda name: grain_field(*field, name, slice_index),
        )

    def _fill(self, fraction: Mapping[str, NDArray], rho: NDArray, state: int) -> Contents:
        """Turn volume fractions of the pristine cell into number densities of what is there in `state`."""
        silicon_atoms = fraction["silicon"] * self.silicon[0].number_density_per_a3
        x = self.lithium_map(rho, state)
        grown = silicon_atoms * LITHIUM_VOLUME_A3 * x
        electrolyte = fraction["electrolyte"] - grown
        if electrolyte.min() < -1e-9:
            raise InputError(f"state {state}: the swollen silicon does not fit; lower cell.electrode.silicon")
        kappa = float(self.discharge.kappa[state])
        parts, densities = [], []
        for member, weight in zip(self.silicon, series_weights(self.silicon, x), strict=True):
            if np.any(weight):
                parts.append(Part(phase="silicon", structure=member, second_shell_loss=kappa))
                densities.append(silicon_atoms * weight * (1 + member.lithium_per_silicon))
        for phase, material in self.materials.items():
            share = electrolyte if phase == "electrolyte" else fraction[phase]
            if np.any(share > 1e-12):
                parts.append(Part(phase=phase, structure=material))
                densities.append(np.clip(share, 0, None) * material.number_density_per_a3)
        return Contents(parts=tuple(parts), densities=np.stack(densities))

    @property
    def nominal_composition(self) -> dict[str, float]:
        """Atom fractions of the pristine electrode as it was mixed, which is what an experimenter knows."""
        mixed = self.electrode
        parts = (
            (mixed.silicon, self.silicon[0]),
            (mixed.carbon_black, self.materials["carbon_black"]),
            (mixed.binder, self.materials["binder"]),
            (1 - mixed.solids, self.materials["electrolyte"]),
        )
        total: dict[str, float] = {}
        for share, material in parts:
            for symbol, fraction in material.composition.items():
                total[symbol] = total.get(symbol, 0.0) + share * material.number_density_per_a3 * fraction
        atoms = sum(total.values())
        return {symbol: value / atoms for symbol, value in total.items()}

    @property
    def nominal_formula(self) -> str:
        """The nominal composition as a formula, such as ``Si0.132 C0.458 O0.145``."""
        return " ".join(f"{symbol}{share:.6f}" for symbol, share in self.nominal_composition.items())

    def truth(self, voxels: int = 60, voxel_mm: float = 0.130) -> "xr.Dataset":
        """Maps and states averaged over voxels; see :func:`tsct.phantoms.truth.phantom_truth`."""
        return phantom_truth(self, voxels, voxel_mm)

    @property
    def preset(self) -> str:
        """``wragg2023`` where this is the sample of that paper, whichever slices and states are scanned, or ``""``."""
        course = Discharge(potentials_v=self.discharge.potentials_v)
        cell = (CellGeometry(), Texture(), Electrode(), SEPARATOR_POROSITY, 0.0, course, SLICE_HEIGHT_MM)
        own = (self.geometry, self.texture, self.electrode, self.separator_porosity, self.rim_excess)
        library = (*lithiated_series(course.most_lithium), *(structure(name) for name in MATERIALS.values()))
        same = (*own, self.discharge, self.slice_height_mm) == cell
        return "wragg2023" if same and _records(self.structures) == _records(library) else ""

    def lithium_map(self, rho: NDArray, state: int) -> NDArray[np.float64]:
        """Li per Si at distance `rho` (mm) from the axis."""
        profile = (rho / (self.geometry.electrode_diameter_mm / 2)) ** 2
        shape = 1 + self.rim_excess * (np.minimum(profile, 1) - 0.5)
        return float(self.discharge.x[state]) * shape


def _records(structures: Iterable[Structure]) -> list[tuple[str, str, str, float]]:
    """What tells structures from others without looking at their atoms."""
    return [(one.name, one.title, one.recipe, one.density_g_cm3) for one in structures]
