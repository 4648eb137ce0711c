"""What one atom of each phase scatters and absorbs: the table from which every count is made."""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsct.phantoms import Sample
from tsct.phantoms.structures import Structure, structure
from tsct.records.errors import TsctWarning
from tsct.simulate.beamline.beamline import Beamline
from tsct.simulate.scattering.scattering import second_shell_loss, structure_compton, structure_scattering
from tsct.simulate.scattering.xray_tables import attenuation_per_mm


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectra:
    """Scattering of one structure, in electron units per atom, on the Q grid of the scan.

    Attributes
    ----------
    coherent, compton : ndarray, shape (q,)
        Debye scattering and incoherent scattering.
    second_shell : ndarray, shape (q,)
        Change of `coherent` if all second-shell order of the silicon were lost.
    attenuation, total_scattering : float
        Attenuation, and its part that is scattering, in 1/mm per (atom per cubic angstrom).
    """

    coherent: NDArray[np.float64]
    compton: NDArray[np.float64]
    second_shell: NDArray[np.float64]
    attenuation: float
    total_scattering: float


def spectra(material: Structure, q: NDArray[np.float64], energy_kev: float) -> Spectra:
    """Scatter from one structure (Debye sum over its atoms) and look up its attenuation."""
    coherent, compton = structure_scattering(material, q), structure_compton(material, q)
    _warn_of_less_than_nothing(material.name, q, coherent + compton)
    has_silicon = material.composition.get("Si", 0) > 0 and material.kind == "periodic"

    def per_atom(process: str) -> float:
        mu = attenuation_per_mm(material.composition, material.natural_density_g_cm3, energy_kev, process=process)
        return float(mu) / material.number_density_per_a3

    return Spectra(
        coherent=coherent,
        compton=compton,
        second_shell=second_shell_loss(material, q) if has_silicon else np.zeros_like(q),
        attenuation=per_atom("total"),
        total_scattering=per_atom("coh") + per_atom("incoh"),
    )


def _warn_of_less_than_nothing(name: str, q: NDArray[np.float64], total: NDArray[np.float64]) -> None:
    """Say where a structure's pairs end too early for its order, so that it would take photons away."""
    if len(q) and total.min() < 0:
        worst = int(np.argmin(total))
        warnings.warn(
            f"{name}: scatters {total[worst]:.3g} electron units per atom at Q = {q[worst]:.2f} 1/A, less than "
            "nothing: its order reaches farther than pairs of its box; if it is a crystal, give crystallite_nm",
            TsctWarning,
            stacklevel=4,
        )


def spectra_table(phantom: Sample, beamline: Beamline) -> dict[str, Spectra]:
    """Spectra of everything that can be in the beam, air included, by the name of its structure."""
    everything: Iterable[Structure] = (*phantom.structures, structure("air"))
    q, energy_kev = beamline.scan.q, beamline.as_it_is.energy_kev
    unique: Mapping[str, Structure] = {material.name: material for material in everything}
    return {name: spectra(material, q, energy_kev) for name, material in unique.items()}
