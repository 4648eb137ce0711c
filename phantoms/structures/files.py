"""Structures from users' own files, checked before anything is computed from them."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from tsct.records.errors import InputError, TsctWarning, UsageError
from tsct.records.units import ATOMS_PER_A3

from .checks import check_atoms
from .file_text import read_text
from .library import Structure, cell_density_g_cm3
from .thermal import STATIC, AtRestWarning, Thermal

if TYPE_CHECKING:
    from .cif import Crystal

#: reader of each suffix; plain xyz is extxyz without its optional parts
FORMATS = {".extxyz": "extxyz", ".xyz": "extxyz", ".cif": "cif"}
NUMBER_DENSITY_PER_A3 = (1e-3, 0.3)


def read_structure(
    path: str | Path,
    *,
    name: str | None = None,
    density_g_cm3: float | None = None,
    thermal: Thermal | None = None,
    u_iso_a2: float | Mapping[str, float] | None = None,
    block: str | None = None,
    setting: str | None = None,
    occupancy: str | None = None,
    seed: int = 1,
    supercell: int | tuple[int, int, int] | None = None,
) -> Structure:
    """Read and check a structure file.

    A file with a cell is periodic and its density follows from the cell; without one it is a cluster. Several frames
    are an ensemble of equal weight. Listed symmetry operations of a CIF are applied, names of space groups only where
    none are listed, and what was read is held to the formula, Z, volume and density that the CIF states.

    Parameters
    ----------
    path : str or pathlib.Path
        File with suffix .extxyz, .xyz (with or without a cell) or .cif, at most 64 MiB; lengths in angstrom.
    name : str, optional
        Name of the structure; the file's name without suffix if not given.
    density_g_cm3 : float, optional
        Mass density. Needed for a cluster; for a periodic file it must agree with the cell within 1 %.
    thermal : Thermal, optional
        Thermal motion instead of that of the file; `STATIC` if the frames are snapshots of moving atoms, so that it is
        not counted twice.
    u_iso_a2 : float or mapping of str to float, optional
        Mean-square displacement in square angstrom of all elements or of each, instead of that of the file.
    block : str, optional
        Data block of a CIF that holds several structures.
    setting : str, optional
        For a CIF whose space group leaves a choice: what decides it (1, 2, H, R), or a whole symbol, which replaces
        what the file says about its symmetry.
    occupancy : {"draw"}, optional
        For a CIF with partly occupied sites: draw whole atoms into a supercell, in the proportions of the file.
    seed : int
        Root seed of the drawing.
    supercell : int or (int, int, int), optional
        Number of cells along each edge; by default one, or what makes a drawn cell 30 angstrom wide.

    Raises
    ------
    InputError
        If the file cannot be read, leaves a choice, contradicts itself or makes no physical sense; the message names
        the place and what is allowed.
    UsageError
        If a key is not for this kind of file.

    Warns
    -----
    AtRestWarning
        If a single arrangement has no thermal motion.
    TsctWarning
        What the reader left out or averaged.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: suffix '{path.suffix}' is not known; allowed are {', '.join(FORMATS)}")
    if thermal is not None and u_iso_a2 is not None:
        raise UsageError(f"{path}: thermal and u_iso_a2 are both given; leave one out")
    text = read_text(path)
    first_lines: list[int] = []
    motion: dict[str, float] = {}
    how = ""
    if FORMATS[path.suffix.lower()] == "cif":
        crystal, members, how = _from_cif(
            path, text, block=block, setting=setting, occupancy=occupancy, seed=seed, supercell=supercell
        )
        motion = crystal.mean_u_a2()
    else:
        members, first_lines = _from_xyz(
            path, text, block=block, setting=setting, occupancy=occupancy, supercell=supercell
        )
    for frame, atoms in enumerate(members):
        where = f"{path}, frame {frame + 1}" if len(members) > 1 else str(path)
        check_atoms(atoms, where, first_line=first_lines[frame] if first_lines else None)
    kind, density = _kind_and_density(path, members, density_g_cm3)
    chosen = thermal if thermal is not None else _thermal(path, members, motion, u_iso_a2)
    return Structure(
        name=name or path.stem,
        title=f"{members[0].get_chemical_formula('hill')} from {path.name}",
        kind=kind,
        members=members,
        mole_fractions=(1.0 / len(members),) * len(members),
        density_g_cm3=density,
        thermal=chosen,
        lithium_per_silicon=_lithium_per_silicon(members),
        recipe=f"read from {path.name}{how}",
        seed=seed if occupancy is not None else None,
        crystallite_a=_domain_a(members) if occupancy is not None else None,
        limits="" if any(chosen.u_iso.values()) else "no thermal motion given: positions are taken as they are",
    )


def _from_cif(
    path: Path,
    text: str,
    *,
    block: str | None,
    setting: str | None,
    occupancy: str | None,
    seed: int,
    supercell: int | tuple[int, int, int] | None,
) -> tuple["Crystal", tuple[Atoms, ...], str]:
    """The crystal of a CIF, its whole atoms, and in words how they came about."""
    from .cif import read_cif
    from .occupancy import whole_atoms

    crystal = read_cif(path, text, block=block, setting=setting)
    for symbol, (low, high) in crystal.unlike_u_a2().items():
        warnings.warn(
            f"{path}: U of {symbol} differs between its sites ({low:.4g} to {high:.4g} A2); their mean is taken",
            TsctWarning,
            stacklevel=3,
        )
    atoms, how = whole_atoms(crystal, str(path), occupancy=occupancy, seed=seed, supercell=supercell)
    return crystal, (atoms,), how


def _domain_a(members: tuple[Atoms, ...]) -> float | None:
    from .occupancy import drawn_domain_a

    return drawn_domain_a(members[0])


def _from_xyz(path: Path, text: str, **keys: object) -> tuple[tuple[Atoms, ...], list[int]]:
    """Atoms of all frames, and the line of the first atom of each."""
    from .xyz import read_xyz

    for key, value in keys.items():
        if value is not None:
            raise UsageError(f"{path}: {key} is for CIF only; leave it out")
    return read_xyz(path, text)


def _thermal(
    path: Path, members: tuple[Atoms, ...], stated: Mapping[str, float], given: float | Mapping[str, float] | None
) -> Thermal:
    """Motion of each element: given by the user, else stated by the file, else none, which is said."""
    elements = sorted({symbol for atoms in members for symbol in atoms.get_chemical_symbols()})
    if isinstance(given, Mapping):
        strange = [symbol for symbol in given if symbol not in elements]
        if strange:
            raise InputError(f"{path}: u_iso_a2 names {strange[0]}; the file holds {', '.join(elements)}")
        stated = {**stated, **given}
    elif given is not None:
        stated = dict.fromkeys(elements, float(given))
    at_rest = [symbol for symbol in elements if symbol not in stated]
    # several frames are as a rule moments of a motion
    if at_rest and len(members) == 1:
        warnings.warn(
            f"{path}: no thermal motion of {', '.join(at_rest)}; positions are at rest and peaks too sharp; "
            "give u_iso_a2",
            AtRestWarning,
            stacklevel=3,
        )
    try:
        return Thermal(u_iso=dict(stated)) if stated else STATIC
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None


def _kind_and_density(path: Path, members: tuple[Atoms, ...], given: float | None) -> tuple[str, float]:
    """Kind of the members and their mass density in g/cm3."""
    periodic = {bool(atoms.pbc.all()) for atoms in members}
    if len(periodic) > 1:
        raise InputError(f"{path}: some frames have a cell and some do not; allowed are all or none")
    if given is not None and not (np.isfinite(given) and given > 0.0):
        raise InputError(f"{path}: density_g_cm3 is {given}; it must be positive")
    if periodic == {True}:
        density = cell_density_g_cm3(members)
        if given is not None and abs(given / density - 1.0) > 0.01:
            raise InputError(f"{path}: density_g_cm3 is {given:g} but the cell holds {density:.4g}; leave one out")
    elif given is None:
        raise InputError(f"{path}: has no cell, so its density is unknown; give density_g_cm3")
    else:
        density = given
    mean_mass = np.concatenate([atoms.get_masses() for atoms in members]).mean()
    number_density = density * ATOMS_PER_A3 / mean_mass
    low, high = NUMBER_DENSITY_PER_A3
    if not low <= number_density <= high:
        raise InputError(
            f"{path}: {number_density:.3g} atoms per A3; allowed are {low:g} to {high:g} (lengths in angstrom?)"
        )
    return ("periodic" if periodic == {True} else "cluster"), density


def _lithium_per_silicon(members: tuple[Atoms, ...]) -> float:
    symbols = [symbol for atoms in members for symbol in atoms.get_chemical_symbols()]
    return symbols.count("Li") / symbols.count("Si") if "Si" in symbols else 0.0
