"""What the analyst looks up: form factors, Compton scattering and sensor absorption.

Form factors are relativistic Hartree-Fock: hydrogen in closed form, helium to argon from atoms computed for this
table, the rest from International Tables C. All else is xraylib's. The simulator uses another table for form factors
and absorption (xraydb), so that a table's error is not cancelled.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import xraylib
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import InputError
from tsct.records.units import BOHR_ANGSTROM, photon_energy_ratio, two_theta_rad, wavelength_angstrom

Composition = Mapping[str, float]

#: heaviest element with a form factor
MAX_Z = 98
#: all elements with six digits each are shorter
MOST_FORMULA_CHARACTERS = 1000
#: the table of Compton scattering begins here, 1/angstrom; below, S grows as Q^2
COMPTON_FROM = 0.02
#: two capitals that are a common compound by themselves: carbon monoxide is asked for more often than cobalt
_COMPOUNDS = ("CO", "NO", "HF", "CN", "OH", "HO", "PO", "CF")
_HEAVY_HYDROGEN = re.compile(r"[DT](?![a-z])")
_TWO_CAPITALS = re.compile(r"(?<![A-Za-z])[A-Z]{2}(?![A-Za-z])")


def parse_composition(formula: str) -> dict[str, float]:
    """Atom fractions of a formula such as ``"Si0.5 C0.5"`` or ``"Li15Si4"``.

    Raises
    ------
    InputError
        If the formula cannot be read.

    >>> parse_composition("Si O2")["O"]
    0.6666666666666666
    """
    if len(formula) > MOST_FORMULA_CHARACTERS or not (formula.isascii() and formula.isprintable()):
        what = f"composition {formula[:40]!r} of {len(formula)} characters"
        raise InputError(f"{what} is no formula; write it as 'Si0.5 C0.5', in at most {MOST_FORMULA_CHARACTERS}")
    _check_symbols(formula)
    try:
        parsed = xraylib.CompoundParser(formula.replace(" ", ""))
    except ValueError as error:
        raise InputError(f"composition '{formula}' cannot be read ({error}); write it as 'Si0.5 C0.5'") from None
    if not (np.isfinite(parsed["nAtomsAll"]) and min(parsed["nAtoms"]) > 0):
        raise InputError(f"composition {formula[:40]!r} has amounts that are no positive numbers; write 'Si0.5 C0.5'")
    if max(parsed["Elements"]) > MAX_Z:
        symbol = xraylib.AtomicNumberToSymbol(max(parsed["Elements"]))
        raise InputError(f"composition '{formula}' holds {symbol}, which has no form factor; allowed are H to Cf")
    symbols = [xraylib.AtomicNumberToSymbol(z) for z in parsed["Elements"]]
    return {symbol: n / parsed["nAtomsAll"] for symbol, n in zip(symbols, parsed["nAtoms"], strict=True)}


def _check_symbols(formula: str) -> None:
    """Refuse symbols that would be read as something else than was meant.

    Raises
    ------
    InputError
        For isotopes of hydrogen, and for two capitals that may be one element written in capitals.
    """
    if match := _HEAVY_HYDROGEN.search(formula):
        raise InputError(
            f"composition '{formula}' holds {match[0]}; it scatters X-rays as hydrogen, so write H for it, and a "
            "density as if it were hydrogen"
        )
    if any(letter.islower() for letter in formula):
        return
    for match in _TWO_CAPITALS.finditer(formula):
        both = match[0]
        symbol = both.capitalize()
        is_compound = both in _COMPOUNDS and " " not in formula.strip()
        if not is_compound and _is_element(symbol) and all(map(_is_element, both)):
            raise InputError(
                f"composition '{formula}': {both} can be {symbol} or {both[0]} and {both[1]}; write {symbol}, or "
                f"{both[0]}1{both[1]}1"
            )


def _is_element(symbol: str) -> bool:
    try:
        return bool(xraylib.SymbolToAtomicNumber(symbol))
    except ValueError:
        return False


def form_factor(symbol: str, q: ArrayLike) -> NDArray[np.float64]:
    """Rayleigh form factor at `q` (1/angstrom), shape (q,), electrons.

    H: the Schroedinger atom. He to Ar: eight Gaussians fitted to relativistic Hartree-Fock atoms
    (``examples/form_factor_table.py``). K to Cf: six Gaussians fitted to the relativistic Hartree-Fock values of
    International Tables C, 6.1.1.1 (Grosse-Kunstleve et al., IUCr Comput. Comm. Newsl. 3, 22 (2004)). Valid up to
    Q = 75; accuracies are in ``docs/analysis-data.md``.
    """
    return _form_factor(symbol, np.asarray(q, dtype=float).tobytes())


@lru_cache(maxsize=64)
def _form_factor(symbol: str, q: bytes) -> NDArray[np.float64]:
    # fits of shells ask for the same table hundreds of times
    s = np.frombuffer(q) / (4 * np.pi)
    if symbol == "H":
        values = (1.0 + (2 * np.pi * BOHR_ANGSTROM * s) ** 2) ** -2.0
    else:
        height, width = _gaussians()[symbol]
        values = np.exp(-np.outer(s**2, width)) @ height
    values.flags.writeable = False
    return values


@cache
def _gaussians() -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Heights and widths of the Gaussians of each element of ``form_factors.txt``."""
    text = (Path(__file__).parent / "form_factors.txt").read_text(encoding="ascii")
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    numbers = {symbol: np.array(values, dtype=np.float64) for symbol, *values in rows}
    return {symbol: (values[::2], values[1::2]) for symbol, values in numbers.items()}


def mean_f(composition: Composition, q: ArrayLike) -> NDArray[np.float64]:
    """Mean form factor <f>, shape (q,)."""
    return sum((c * form_factor(symbol, q) for symbol, c in composition.items()), np.zeros(np.shape(q)))


def mean_f2(composition: Composition, q: ArrayLike) -> NDArray[np.float64]:
    """Mean squared form factor <f^2>, shape (q,)."""
    return sum((c * form_factor(symbol, q) ** 2 for symbol, c in composition.items()), np.zeros(np.shape(q)))


def mean_compton(composition: Composition, q: ArrayLike) -> NDArray[np.float64]:
    """Incoherent scattering function per atom, shape (q,), electron units.

    Tabulated from Q = 0.02; below, it is continued as Q^2, as which it begins (sum rule of the dipole moments).
    """
    q = np.asarray(q, dtype=float)
    s = np.maximum(q, COMPTON_FROM) / (4 * np.pi)
    total = np.zeros(np.shape(q))
    for symbol, c in composition.items():
        z = xraylib.SymbolToAtomicNumber(symbol)
        total += c * np.array([xraylib.SF_Compt(z, value) for value in s])
    return total * np.minimum(q / COMPTON_FROM, 1.0) ** 2


def sensor_efficiency(
    material: str, density_g_cm3: float, thickness_mm: float, energy_kev: ArrayLike, two_theta: ArrayLike
) -> NDArray[np.float64]:
    """Share of photons absorbed in a flat sensor crossed at the scattering angle, shape (q,)."""
    energies = np.broadcast_to(np.asarray(energy_kev, dtype=float), np.shape(two_theta))
    mu = np.array([xraylib.CS_Total_CP(material, e) for e in energies]) * density_g_cm3 / 10.0
    return 1.0 - np.exp(-mu * thickness_mm / np.cos(np.asarray(two_theta, dtype=float)))


def compton_weight(
    q: NDArray[np.float64],
    energy_kev: float,
    polarization: NDArray[np.float64] | None = None,
    sensor: tuple[str, float, float] | None = None,
) -> NDArray[np.float64]:
    """Weight of Compton against elastic scattering after an elastic correction for polarisation and efficiency.

    Klein-Nishina over Thomson, times the ratio of sensor efficiencies at the shifted and the elastic energy.

    Parameters
    ----------
    q : ndarray, shape (q,)
        Momentum transfer, 1/angstrom.
    energy_kev : float
        Of the incident photons.
    polarization : ndarray, shape (q,), optional
        Elastic polarisation factor; that of an unpolarised beam if omitted.
    sensor : (material, density_g_cm3, thickness_mm), optional
        Sensor of the detector; every photon counts alike if omitted.
    """
    two_theta = two_theta_rad(q, wavelength_angstrom(energy_kev))
    thomson = (1 + np.cos(two_theta) ** 2) / 2 if polarization is None else polarization
    recoil = photon_energy_ratio(two_theta, energy_kev)
    weight = recoil**2 * (recoil + 1 / recoil - 2 + 2 * thomson) / 2 / thomson
    if sensor is not None:
        shifted, elastic = (sensor_efficiency(*sensor, e, two_theta) for e in (recoil * energy_kev, energy_kev))
        weight = weight * shifted / elastic
    return weight
