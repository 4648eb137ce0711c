"""What is true about a phantom, on the voxels of a scan: maps and states."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import lazy_loader
import numpy as np
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from tsct.phantoms.structures.library import Structure, series_weights
from tsct.records.schema import TRUTH

from .discharge import Discharge
from .electrode import Texture
from .geometry import CellGeometry
from .sample import Contents, Sample

if TYPE_CHECKING:
    import xarray as xr
else:
    # slow to load, and a wrong experiment is refused without it
    xr = lazy_loader.load("xarray")

#: pair distances that count as the first Si-Si and Si-Li shell, angstrom (physical minima of g(r))
SI_SI_SHELL, SI_LI_SHELL = 2.85, 3.40
#: pixels of the truth grid along the side of a voxel
PIXELS = 4


class Cell(Sample, Protocol):
    """What a truth asks of a cell beyond any sample; see :class:`tsct.phantoms.cell.Phantom`."""

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
    def preset(self) -> str:
        """Name of the published cell that this is, if it is one."""


def phantom_truth(phantom: Cell, voxels: int = 60, voxel_mm: float = 0.130) -> "xr.Dataset":
    """Maps and states of a phantom, averaged over voxels.

    Parameters
    ----------
    phantom : Cell
        The sample.
    voxels : int
        Along each side of the image.
    voxel_mm : float
        Side of a voxel.

    Returns
    -------
    xarray.Dataset
        ``silicon`` and ``carbon`` (sp2) atoms per cubic angstrom and the electrolyte, dims (slice, y, x);
        ``phase_density``, all atoms of each structure in the first state, dims (phase, slice, y, x); lithiation, lost
        second-shell order, Si-Si distance and coordination, Si-Li coordination, dims (state,).
    """
    centres = voxel_mm * (np.arange(voxels) - (voxels - 1) / 2)
    slices = [_voxels(phantom, voxels, voxel_mm, j) for j in range(len(phantom.slices_z_mm))]
    maps = [_maps(contents) for contents in slices]
    record = xr.Dataset(
        {name: TRUTH.variable(name, np.stack([m[name] for m in maps])) for name in maps[0]},
        coords={
            "slice": TRUTH.variable("slice", np.arange(len(maps))),
            "y": TRUTH.variable("y", centres),
            "x": TRUTH.variable("x", centres),
            "potential_v": TRUTH.variable("potential_v", list(phantom.discharge.potentials_v)),
        },
        attrs={
            "state_axis": "potential_v",
            "cell_tilt_deg": phantom.geometry.tilt_deg,
            "electrode_radius_mm": phantom.geometry.electrode_diameter_mm / 2,
            "scenario": phantom.discharge.scenario,
            **({"phantom": phantom.preset} if phantom.preset else {}),
            **({"star_spokes": phantom.texture.star_spokes} if phantom.texture.star else {}),
        },
    )
    states = {name: TRUTH.variable(name, values) for name, values in state_truth(phantom).items()}
    return record.merge(structures_of(slices)).assign(states)


def _voxels(phantom: Cell, n: int, voxel_mm: float, slice_index: int) -> Contents:
    """What one slice holds in the first state, averaged over voxels."""
    contents = phantom.contents(0, slice_index, n * voxel_mm, PIXELS * n)
    densities = contents.densities.reshape(len(contents.parts), n, PIXELS, n, PIXELS).mean(axis=(2, 4))
    return replace(contents, densities=densities)


def _maps(contents: Contents) -> dict[str, NDArray[np.float64]]:
    found = {name: np.zeros_like(contents.densities[0]) for name in ("silicon", "carbon", "electrolyte")}
    names = {"silicon": "silicon", "carbon_black": "carbon", "piston": "carbon", "electrolyte": "electrolyte"}
    for part, density in zip(contents.parts, contents.densities, strict=True):
        if part.phase in names:
            share = 1.0 / (1.0 + part.structure.lithium_per_silicon)
            found[names[part.phase]] += density * share
    return found


def structures_of(slices: Sequence[Contents]) -> "xr.Dataset":
    """Density of every structure that occurs, dims (phase, slice, y, x)."""
    roles = {part.structure.name: part.phase for contents in slices for part in contents.parts}
    names = list(roles)
    density = np.zeros((len(names), len(slices), *slices[0].densities.shape[1:]))
    for j, contents in enumerate(slices):
        for part, values in zip(contents.parts, contents.densities, strict=True):
            density[names.index(part.structure.name), j] += values
    return xr.Dataset(
        {"phase_density": TRUTH.variable("phase_density", density)},
        coords={
            "phase_structure": TRUTH.variable("phase_structure", names),
            "phase_role": TRUTH.variable("phase_role", list(roles.values())),
        },
    )


def state_truth(phantom: Cell) -> dict[str, NDArray[np.float64]]:
    """What is true of every state by name, shape (state,) each; distances in angstrom."""
    x = phantom.discharge.x
    weights = series_weights(phantom.silicon, x)
    rows = np.array([shells(member) for member in phantom.silicon])
    neighbours, summed_distance, lithium = weights.T @ rows[:, 0], weights.T @ rows[:, 1], weights.T @ rows[:, 2]
    return {
        "lithium_per_silicon": x,
        "second_shell_loss": phantom.discharge.kappa,
        "silicon_distance": summed_distance / neighbours,
        "silicon_neighbours": neighbours,
        "lithium_neighbours": lithium,
    }


@lru_cache(maxsize=64)
def shells(member: Structure) -> tuple[float, float, float]:
    """Mean number of Si neighbours of a Si atom, the sum of their distances, and the number of its Li neighbours."""
    numbers, distances, lithium, silicon = 0.0, 0.0, 0.0, 0
    for atoms in member.members:
        i, j, d = neighbor_list("ijd", atoms, max(SI_SI_SHELL, SI_LI_SHELL))
        symbols = np.array(atoms.get_chemical_symbols())
        of_silicon = symbols[i] == "Si"
        bonded = of_silicon & (symbols[j] == "Si") & (d < SI_SI_SHELL)
        numbers += bonded.sum()
        distances += d[bonded].sum()
        lithium += (of_silicon & (symbols[j] == "Li") & (d < SI_LI_SHELL)).sum()
        silicon += (symbols == "Si").sum()
    return numbers / silicon, distances / silicon, lithium / silicon
