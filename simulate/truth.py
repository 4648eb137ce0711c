"""The truth of a simulated experiment: what a perfect analysis would find. It travels beside the scan, never in it."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from tsct.phantoms.cell import Phantom, series_weights
from tsct.phantoms.structures import Structure

from .beamline import Beamline
from .scan import gains
from .scattering import structure_pair_distribution
from .spectra import Spectra

#: pair distances that count as the first Si-Si and Si-Li shell, angstrom (physical minima of g(r))
SI_SI_SHELL, SI_LI_SHELL = 2.85, 3.40


def truth(phantom: Phantom, beamline: Beamline, seed: int) -> xr.Dataset:
    """Maps and states, averaged over the voxels of the scan.

    Returns
    -------
    xarray.Dataset
        ``silicon`` and ``carbon`` (sp2) atoms per cubic angstrom and the electrolyte's volume share, dims
        (slice, y, x); lithiation, lost second-shell order, Si-Si distance and coordination, Si-Li coordination, dims
        (state,); the true rotation axis and gain patterns.
    """
    n, step = beamline.scan.translations, beamline.scan.step_mm
    centres = step * (np.arange(n) - (n - 1) / 2)
    maps = [_maps(phantom, beamline, j) for j in range(len(phantom.slices_z_mm))]
    record = xr.Dataset(
        {name: (("slice", "y", "x"), np.stack([m[name] for m in maps]), {"units": "1/angstrom^3"}) for name in maps[0]},
        coords={
            "slice": ("slice", np.arange(len(maps))),
            "y": ("y", centres, {"units": "mm"}),
            "x": ("x", centres, {"units": "mm"}),
            "potential_v": ("state", list(phantom.discharge.potentials_v), {"units": "V"}),
        },
        attrs={
            "axis_mm": beamline.faults.axis_offset_mm,
            "electrode_radius_mm": phantom.geometry.electrode_diameter_mm / 2,
            "seed": seed,
            "forward_operator": "strip area, truth grid 4 x 4 pixels and 5 layers per voxel",
            "forward_tables": "xraydb (Waasmaier-Kirfel), xraylib Compton",
        },
    )
    for name, values in _states(phantom).items():
        record[name] = ("state", values, {"units": "angstrom" if name.endswith("distance") else "1"})
    states = range(len(phantom.discharge.potentials_v))
    patterns = np.stack([gains(beamline, seed, state)[1] for state in states])
    record["channel_gain"] = (("state", "q"), patterns, {"units": "1"})
    record["translation_gain"] = ("translation", gains(beamline, seed, 0)[0], {"units": "1"})
    return record


def _maps(phantom: Phantom, beamline: Beamline, slice_index: int) -> dict[str, NDArray[np.float64]]:
    n = beamline.scan.translations
    contents = phantom.contents(0, slice_index, beamline.scan.extent_mm, 4 * n)
    voxels = contents.densities.reshape(len(contents.parts), n, 4, n, 4).mean(axis=(2, 4))
    found = {name: np.zeros((n, n)) for name in ("silicon", "carbon", "electrolyte")}
    names = {"silicon": "silicon", "carbon_black": "carbon", "piston": "carbon", "electrolyte": "electrolyte"}
    for part, density in zip(contents.parts, voxels, strict=True):
        if part.phase in names:
            share = 1.0 / (1.0 + part.structure.lithium_per_silicon)
            found[names[part.phase]] += density * share
    return found


def _states(phantom: Phantom) -> dict[str, NDArray[np.float64]]:
    x = phantom.discharge.x
    weights = series_weights(phantom.silicon, x)
    rows = np.array([_shells(member) for member in phantom.silicon])
    neighbours, summed_distance, lithium = weights.T @ rows[:, 0], weights.T @ rows[:, 1], weights.T @ rows[:, 2]
    return {
        "lithium_per_silicon": x,
        "second_shell_loss": phantom.discharge.kappa,
        "silicon_distance": summed_distance / neighbours,
        "silicon_neighbours": neighbours,
        "lithium_neighbours": lithium,
    }


def _shells(member: Structure) -> tuple[float, float, float]:
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


def phase_truth(
    phantom: Phantom, table: Mapping[str, Spectra], q: NDArray[np.float64], r: NDArray[np.float64], q_min: float
) -> xr.Dataset:
    """Scattering and untruncated G(r) of every phase on its own, dims (structure, q) and (structure, r)."""
    materials = {m.name: m for m in (*phantom.silicon, *phantom.materials.values())}
    names = list(materials)
    per_atom = {"units": "electron units/atom"}
    return xr.Dataset(
        {
            "coherent": (
                ("structure", "q"),
                np.stack([table[name].coherent for name in names]),
                per_atom,
            ),
            "compton": (("structure", "q"), np.stack([table[name].compton for name in names]), per_atom),
            "gr": (
                ("structure", "r"),
                np.stack([structure_pair_distribution(materials[name], r, q_min) for name in names]),
                {"units": "1/angstrom^2", "long_name": "G(r), not truncated"},
            ),
            "density": (
                "structure",
                [materials[name].number_density_per_a3 for name in names],
                {"units": "1/angstrom^3"},
            ),
        },
        coords={
            "structure": ("structure", np.arange(len(names))),
            "structure_name": ("structure", names),
            "q": ("q", q, {"units": "1/angstrom"}),
            "r": ("r", r, {"units": "angstrom"}),
        },
    )
