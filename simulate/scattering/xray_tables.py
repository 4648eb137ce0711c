"""What one atom does to the beam: form factor, Compton scattering and attenuation, from tabulated sources."""

from collections.abc import Mapping

import numpy as np
import xraylib
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import InputError, nearest
from tsct.records.units import BOHR_ANGSTROM

#: end of the Waasmaier-Kirfel fit, sin(theta)/lambda = 6 1/angstrom
Q_MAX_TABLE = 4.0 * np.pi * 6.0
#: range of the Elam table with all three processes (photoelectric, coherent, incoherent)
ENERGY_RANGE_KEV = (0.1, 800.0)
#: heaviest element of the form-factor table
Z_MAX = 98

# xraylib has no incoherent scattering function below this sin(theta)/lambda, in 1/angstrom
_COMPTON_S_MIN = 1e-3


def form_factor(symbol: str, q: ArrayLike) -> NDArray[np.float64]:
    """Coherent scattering amplitude of a free neutral atom, far from absorption edges.

    Fit of Waasmaier & Kirfel, Acta Cryst. A51, 416 (1995), through xraydb. Hydrogen takes the exact 1s form
    ``(1 + (Q a0 / 2)**2)**-2`` instead, because the fit is 58 % low at Q = 36 1/angstrom.

    Parameters
    ----------
    symbol : str
        Element.
    q : array_like, shape (n,)
        Momentum transfer in 1/angstrom.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Form factor in electrons.

    Raises
    ------
    InputError
        If the element is unknown, or `q` is negative, not finite, or beyond the fit (75.4 1/angstrom).

    Examples
    --------
    >>> form_factor("Si", [0.0, 2.0]).round(1)
    array([14. , 10.5])
    """
    _atomic_number(symbol)
    q = _checked_q(q)
    if q.size and q.max() > Q_MAX_TABLE * (1.0 + 1e-12):
        raise InputError(
            f"form factors end at Q = {Q_MAX_TABLE:.1f} 1/angstrom, asked was {q.max():.1f}; use a smaller Qmax"
        )
    if symbol == "H":
        return (1.0 + (0.5 * BOHR_ANGSTROM * q) ** 2) ** -2
    import xraydb  # its database engine takes half a second to load

    return np.asarray(xraydb.f0(symbol, q / (4.0 * np.pi)), dtype=float).reshape(q.shape)


def compton(symbol: str, q: ArrayLike) -> NDArray[np.float64]:
    """Incoherent (Compton) scattering function S(Q) of a free atom, in electron units.

    Table of xraylib (Schoonjans et al., Spectrochim. Acta B 66, 776 (2011)). Below Q = 0.0126 1/angstrom, where the
    table ends, S falls as Q squared, its leading term.

    Parameters
    ----------
    symbol : str
        Element.
    q : array_like, shape (n,)
        Momentum transfer in 1/angstrom.

    Returns
    -------
    numpy.ndarray, shape (n,)
        Number of electrons that scatter incoherently, from 0 to Z.

    Raises
    ------
    InputError
        If the element is unknown, or `q` is negative or not finite.
    """
    number = _atomic_number(symbol)
    s = _checked_q(q) / (4.0 * np.pi)
    inside = np.maximum(s, _COMPTON_S_MIN)
    values = np.array([xraylib.SF_Compt(number, value) for value in inside.ravel()]).reshape(s.shape)
    return values * np.minimum(s / _COMPTON_S_MIN, 1.0) ** 2


def attenuation_per_mm(
    composition: Mapping[str, float], density_g_cm3: float, energy_kev: ArrayLike, *, process: str = "total"
) -> NDArray[np.float64]:
    """Linear attenuation coefficient of a material.

    Tables of Elam, Ravel & Sieber, Radiat. Phys. Chem. 63, 121 (2002), through xraydb.

    Parameters
    ----------
    composition : mapping of str to float
        Atom fraction of each element; they add up to one.
    density_g_cm3 : float
        Mass density.
    energy_kev : array_like
        Photon energy.
    process : {"total", "coh", "incoh", "photo"}
        All processes or one of them.

    Returns
    -------
    numpy.ndarray, shape of `energy_kev`
        Attenuation in 1/mm.

    Raises
    ------
    InputError
        If an energy lies outside 0.1 to 800 keV, the density is negative, or the composition is not one.

    Examples
    --------
    >>> float(attenuation_per_mm({"Si": 1.0}, 2.29, 100.0).round(3))
    0.042
    """
    _check_composition(composition)
    if not (np.isfinite(density_g_cm3) and density_g_cm3 >= 0.0):
        raise InputError(f"density is {density_g_cm3} g/cm3; it must be zero or larger")
    energy = np.asarray(energy_kev, dtype=float)
    low, high = ENERGY_RANGE_KEV
    import xraydb  # as in form_factor

    # xraydb would clamp energies out of range without an error
    if not np.all((energy >= low) & (energy <= high)):
        raise InputError(f"photon energies must lie in {low} to {high} keV, the range of the attenuation table")
    masses = {symbol: share * atomic_masses[atomic_numbers[symbol]] for symbol, share in composition.items()}
    per_gram = sum(mass * xraydb.mu_elam(symbol, energy.ravel() * 1e3, kind=process) for symbol, mass in masses.items())
    per_cm = density_g_cm3 * np.asarray(per_gram) / sum(masses.values())
    return per_cm.reshape(energy.shape) / 10.0


def mean_f(composition: Mapping[str, float], q: ArrayLike) -> NDArray[np.float64]:
    """Mean form factor <f> of a material, in electrons; `composition` holds atom fractions, `q` is in 1/angstrom."""
    _check_composition(composition)
    return sum((share * form_factor(symbol, q) for symbol, share in composition.items()), np.zeros(np.shape(q)))


def mean_f2(composition: Mapping[str, float], q: ArrayLike) -> NDArray[np.float64]:
    """Mean square form factor <f^2> of a material, in square electrons: the self-scattering per atom."""
    _check_composition(composition)
    return sum((share * form_factor(symbol, q) ** 2 for symbol, share in composition.items()), np.zeros(np.shape(q)))


def mean_compton(composition: Mapping[str, float], q: ArrayLike) -> NDArray[np.float64]:
    """Mean incoherent scattering function of a material per atom, in electron units."""
    _check_composition(composition)
    return sum((share * compton(symbol, q) for symbol, share in composition.items()), np.zeros(np.shape(q)))


def _atomic_number(symbol: str) -> int:
    number = atomic_numbers.get(symbol, 0)
    if not 1 <= number <= Z_MAX:
        known = [name for name, z in atomic_numbers.items() if 1 <= z <= Z_MAX]
        raise InputError(f"no scattering table for element '{symbol}'{nearest(symbol.title(), known)}")
    return number


def _checked_q(q: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(q, dtype=float)
    if not (np.all(np.isfinite(values)) and np.all(values >= 0.0)):
        raise InputError("momentum transfer Q must be finite and zero or larger, in 1/angstrom")
    return values


def _check_composition(composition: Mapping[str, float]) -> None:
    total = sum(composition.values())
    if min(composition.values(), default=-1.0) < 0.0 or not abs(total - 1.0) < 1e-6:
        raise InputError(
            f"atom fractions {dict(composition)} add up to {total:.6g}; positive ones that add to 1 are needed"
        )
