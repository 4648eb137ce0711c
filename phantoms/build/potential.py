"""Interatomic potential for silicon and lithium: forces, and relaxation in a fixed box."""

import os
import warnings
from functools import cache
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.optimize.precon import Exp, PreconLBFGS

from tsct.records.errors import UsageError

#: weights shipped with the package chgnet: trained on PBE energies, forces and stresses of the Materials Project
WEIGHTS = "0.3.0"
#: largest move of an atom in one step of a relaxation
LARGEST_STEP_A = 0.2


class NeuralPotential(Calculator):
    """CHGNet of Deng et al., Nature Machine Intelligence 5, 1031 (2023): energy (eV) and forces (eV/angstrom).

    Raises
    ------
    UsageError
        If the package is missing; the extra ``structures`` installs it.
    """

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.model, self.to_pymatgen = _load()

    def calculate(
        self, atoms: Atoms | None = None, properties: list[str] | None = None, system_changes: list[str] = all_changes
    ) -> None:
        """Energy and its gradient.

        The package's own calculator also keeps graphs for training and works out stress and magnetic moments, which
        takes more than twice the time.
        """
        import torch

        if atoms is None:
            raise ValueError("no atoms to calculate the energy of")
        super().calculate(atoms, properties, system_changes)
        graph = self.model.graph_converter(self.to_pymatgen(atoms))
        graph.atom_frac_coord.requires_grad_(True)
        # the model gives the energy per atom
        with warnings.catch_warnings():
            # newer torch warns about how the package makes a tensor of the volumes
            warnings.simplefilter("ignore", UserWarning)
            energy = self.model([graph], task="e")["e"].sum() * len(atoms)
        (slope,) = torch.autograd.grad(energy, graph.atom_frac_coord)
        # dE/d(fractional) = cell . dE/d(cartesian)
        forces = -np.linalg.solve(atoms.cell.array, slope.numpy().astype(np.float64).T).T
        self.results = {"energy": energy.item(), "forces": forces}


def relax(atoms: Atoms, fmax_ev_a: float, *, steps: int = 400) -> Atoms:
    """A copy at the nearest minimum of the energy in its own, fixed box.

    Parameters
    ----------
    atoms : ase.Atoms
        Silicon and lithium in a periodic box.
    fmax_ev_a : float
        Largest force on an atom that may remain, in eV per angstrom.
    steps : int
        Give up after as many.

    Returns
    -------
    ase.Atoms
        The same atoms, wrapped into the box; ``info["energy_ev"]`` is their energy.

    Raises
    ------
    UsageError
        If the package chgnet is missing.
    RuntimeError
        If forces remain too large after `steps`.
    """
    relaxed = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True, calculator=NeuralPotential())
    # preconditioner of Packwood et al., J. Chem. Phys. 144, 164109 (2016)
    descent = PreconLBFGS(relaxed, precon=Exp(A=3), use_armijo=False, maxstep=LARGEST_STEP_A, logfile=os.devnull)
    if not descent.run(fmax=fmax_ev_a, steps=steps):
        raise RuntimeError(f"{relaxed.symbols} still has forces above {fmax_ev_a} eV/A after {steps} steps")
    relaxed.info["energy_ev"] = float(relaxed.get_potential_energy())
    relaxed.calc = None
    relaxed.wrap()
    return relaxed


@cache
def _load() -> tuple[Any, Any]:
    """The network with frozen weights, and the function that hands it atoms."""
    try:
        from chgnet.model import CHGNet
        from pymatgen.io.ase import AseAtomsAdaptor
    except ImportError as missing:
        raise UsageError('silicon structures are relaxed with CHGNet: pip install "tsct[structures]"') from missing
    model = CHGNet.load(model_name=WEIGHTS, use_device="cpu", verbose=False).eval().requires_grad_(False)
    return model, AseAtomsAdaptor.get_structure
