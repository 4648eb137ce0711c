"""The electrochemical cell in the beam: solids in space, filled with materials, changing with the state of charge.

Coordinates are millimetres in the frame of the sample stage: z along the rotation axis, the electrode's lower face
passing through the origin. Images are indexed [y, x], both increasing with the index.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import NDArray

from tsct.phantoms.structures.library import Structure, lithiated_series, series_weights, structure
from tsct.records.errors import InputError
from tsct.records.seeds import generator

from .discharge import Discharge

if TYPE_CHECKING:
    import xarray as xr

#: volume of one lithium atom in amorphous Li-Si, A3 (Chevrier & Dahn line, 16.05 A3 per Li)
LITHIUM_VOLUME_A3 = 16.05


@dataclass(frozen=True, slots=True, kw_only=True)
class CellGeometry:
    """Solids of the cell, in mm; the stack is tilted about x, the polymer tube is not."""

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
class Texture:
    """How the electrode's solids are spread; every number is a relative change of the volume fraction.

    `star` adds to silicon a sinusoidal star of so many spokes, a resolution phantom: its period shrinks towards the
    axis and passes two voxels of 0.130 mm at 1 mm.
    """

    silicon_radial: float = 0.25
    ring: float = 0.12
    ring_period_mm: float = 0.9
    silicon_per_slice: float = 0.10
    slice_pitch_mm: float = 0.032
    granularity: float = 0.03
    grain_mm: float = 0.130
    star: float = 0.0
    star_spokes: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Electrode:
    """Mean volume fractions of the solids in the pristine electrode; electrolyte fills the rest.

    The defaults hold equal masses of silicon and sp2 carbon at 45 % porosity. Wragg et al. state 20 wt% carbon black,
    but the peaks that they list (1.45, 2.40, 3.80 and 4.20 A) need about as much sp2 carbon as silicon in the beam.
    """

    silicon: float = 0.22
    carbon_black: float = 0.272
    binder: float = 0.06

    def __post_init__(self) -> None:
        if min(self.silicon, self.carbon_black, self.binder) < 0 or self.solids > 0.95:
            raise InputError(f"electrode: {self}; no fraction may be negative and their sum may not exceed 0.95")

    @property
    def solids(self) -> float:
        """Share of the volume that is not electrolyte."""
        return self.silicon + self.carbon_black + self.binder


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
    separator_porosity: float = 0.55
    silicon: tuple[Structure, ...]
    materials: Mapping[str, Structure]
    slices_z_mm: tuple[float, ...]
    slice_height_mm: float = 0.025
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

    def contents(
        self,
        state: int,
        slice_index: int,
        extent_mm: float,
        pixels: int,
        *,
        layers: int = 5,
        above_mm: float = 0.0,
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
        """
        z = self.slices_z_mm[slice_index] + above_mm + self.slice_height_mm * ((np.arange(layers) + 0.5) / layers - 0.5)
        x, y = _pixel_grid(extent_mm, pixels)
        fractions = np.mean([self._fractions(x, y, height, slice_index) for height in z], axis=0)
        return self._fill(dict(zip(PHASES, fractions, strict=True)), np.hypot(x, y), state)

    def _fractions(self, x: NDArray, y: NDArray, z: float, slice_index: int) -> NDArray[np.float64]:
        """Volume fractions of PHASES in the pristine cell at one height, shape (phase, y, x)."""
        g, pixel = self.geometry, float(x[0, 1] - x[0, 0])
        rho = np.hypot(x, y)
        height = z + y * np.tan(np.radians(g.tilt_deg))
        bore = _inside(g.tube_inner_diameter_mm / 2 - rho, pixel)
        tube = _inside(g.tube_outer_diameter_mm / 2 - rho, pixel) - bore
        stack = _inside(g.electrode_diameter_mm / 2 - rho, pixel)
        above_piston = np.clip(height / _LAYER_MM + 0.5, 0, 1)
        above_electrode = np.clip((height - g.electrode_thickness_mm) / _LAYER_MM + 0.5, 0, 1)
        top = g.electrode_thickness_mm + g.separator_thickness_mm
        above_separator = np.clip((height - top) / _LAYER_MM + 0.5, 0, 1)
        electrode = stack * (above_piston - above_electrode)
        silicon, carbon, binder = self._electrode_fractions(x, y, slice_index)
        separator = stack * (above_electrode - above_separator)
        solid = np.stack(
            [
                electrode * silicon,
                electrode * carbon,
                electrode * binder,
                stack * (1 - above_piston),
                separator * (1 - self.separator_porosity),
                stack * above_separator,
                tube,
            ]
        )
        electrolyte = electrode * (1 - silicon - carbon - binder) + separator * self.separator_porosity + (bore - stack)
        return np.concatenate([solid, electrolyte[None]])

    def _electrode_fractions(self, x: NDArray, y: NDArray, slice_index: int) -> tuple[NDArray, NDArray, NDArray]:
        rho = np.hypot(x, y)
        t, radius = self.texture, self.geometry.electrode_diameter_mm / 2
        ring = t.ring * np.cos(2 * np.pi * rho / t.ring_period_mm)
        middle = self.geometry.electrode_thickness_mm / 2
        towards_separator = t.silicon_per_slice * (self.slices_z_mm[slice_index] - middle) / t.slice_pitch_mm
        star = t.star * np.cos(t.star_spokes * np.arctan2(y, x))
        silicon = (1 + t.silicon_radial * (1 - 2 * (rho / radius) ** 2) + ring + star) * (1 + towards_separator)
        carbon = 1 - ring
        grains = [1 + t.granularity * self._grains(x, y, slice_index, name) for name in ("silicon", "carbon")]
        fractions = self.electrode
        return (
            fractions.silicon * np.clip(silicon * grains[0], 0, None),
            fractions.carbon_black * np.clip(carbon * grains[1], 0, None),
            np.full_like(rho, fractions.binder),
        )

    def _grains(self, x: NDArray, y: NDArray, slice_index: int, name: str) -> NDArray[np.float64]:
        """Unit-variance random field with the grain size as its correlation length, whatever the pixels."""
        pixel = self.texture.grain_mm / GRAIN_PIXELS
        side = int(np.ceil(self.geometry.electrode_diameter_mm / pixel)) + 2 * GRAIN_PIXELS
        white = generator(self.seed, "texture", name, slice_index).standard_normal((side, side))
        smooth = scipy.ndimage.gaussian_filter(white, GRAIN_PIXELS / 2, mode="wrap")
        places = np.stack([y, x]) / pixel + (side - 1) / 2
        return scipy.ndimage.map_coordinates(smooth / smooth.std(), places, order=1, mode="nearest")

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
        from .truth import phantom_truth  # xarray is slow to load, and a wrong experiment is refused without it

        return phantom_truth(self, voxels, voxel_mm)

    @property
    def preset(self) -> str:
        """``wragg2023`` where this is the sample of that paper, whichever slices and states are scanned, or ``""``."""
        other = wragg2023(Discharge(potentials_v=self.discharge.potentials_v))
        return "wragg2023" if _composition_of_cell(self) == _composition_of_cell(other) else ""

    def lithium_map(self, rho: NDArray, state: int) -> NDArray[np.float64]:
        """Li per Si at distance `rho` (mm) from the axis."""
        profile = (rho / (self.geometry.electrode_diameter_mm / 2)) ** 2
        shape = 1 + self.rim_excess * (np.minimum(profile, 1) - 0.5)
        return float(self.discharge.x[state]) * shape


def _composition_of_cell(phantom: Phantom) -> tuple:
    """Everything that makes the sample another one, beside the draw of its grains."""
    structures = (*phantom.silicon, *phantom.materials.values())
    of_cell = (phantom.geometry, phantom.texture, phantom.electrode, phantom.separator_porosity, phantom.rim_excess)
    records = [(one.name, one.title, one.recipe, one.density_g_cm3) for one in structures]
    return (*of_cell, phantom.discharge, phantom.slice_height_mm, records)


#: pixels of the random field of grains per grain
GRAIN_PIXELS = 4
#: phases in the order of the volume fractions; the electrolyte comes last because it fills what is left
PHASES = (
    *("silicon", "carbon_black", "binder", "piston"),
    *("separator", "counter_electrode", "container", "electrolyte"),
)
#: a face between two layers is spread over this height, the thickness of one sub-slice
_LAYER_MM = 0.005


def _pixel_grid(extent_mm: float, pixels: int) -> tuple[NDArray, NDArray]:
    centres = extent_mm * ((np.arange(pixels) + 0.5) / pixels - 0.5)
    x, y = np.meshgrid(centres, centres)
    return x, y


def _inside(distance_mm: NDArray, pixel_mm: float) -> NDArray[np.float64]:
    """Share of a pixel that lies inside a smooth boundary at a signed distance (positive inside)."""
    return np.clip(distance_mm / pixel_mm + 0.5, 0.0, 1.0)


def wragg2023(discharge: Discharge | None = None, seed: int = 0) -> Phantom:
    """The cell of Wragg et al., J. Phys. Chem. C 127, 23149 (2023), as far as it is known.

    Stated in the paper: an electrode of a-Si nanoparticles with 20 wt% carbon black on a glassy-carbon piston, three
    slices 25 um high, voxels 130 um wide, a clipped piston. Everything else is a choice that is consistent with it.
    """
    discharge = discharge or Discharge()
    return Phantom(
        discharge=discharge,
        silicon=lithiated_series(discharge.most_lithium),
        materials=default_materials(),
        slices_z_mm=(0.018, 0.050, 0.082),
        seed=seed,
    )


def default_materials() -> dict[str, Structure]:
    """Library structures of every phase but silicon."""
    names = {
        "carbon_black": "carbon-black",
        "binder": "cmc-binder",
        "piston": "glassy-carbon",
        "separator": "polyolefin",
        "counter_electrode": "lithium",
        "container": "peek",
        "electrolyte": "electrolyte",
    }
    return {phase: structure(name) for phase, name in names.items()}
