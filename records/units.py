"""Conversions between photon energy, wavelength, scattering angle and momentum transfer.

Constants are those of the SI (exact) and of CODATA 2022, written out because scipy.constants is slow to load; a test
compares the two.
"""

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: h c in keV angstrom
HC_KEV_ANGSTROM = 6.62607015e-34 * 299792458.0 / 1.602176634e-19 * 1e7
#: classical electron radius and Bohr radius in angstrom
R_E_ANGSTROM, BOHR_ANGSTROM = 2.8179403205e-15 * 1e10, 5.29177210544e-11 * 1e10
#: electron rest energy in keV
ELECTRON_REST_KEV = 0.51099895069 * 1e3
#: Avogadro's number times 1e-24: atoms per cubic angstrom = density (g/cm3) * this / molar mass (g/mol)
ATOMS_PER_A3 = 6.02214076e23 * 1e-24


def wavelength_angstrom(energy_kev: float) -> float:
    """Wavelength of a photon in angstrom.

    >>> round(wavelength_angstrom(8.0478227), 5)
    1.54059
    """
    return HC_KEV_ANGSTROM / energy_kev


def two_theta_rad(q: ArrayLike, wavelength: float) -> NDArray[np.float64]:
    """Scattering angle in radians for momentum transfer `q` (1/angstrom), from Q = 4 pi sin(theta) / lambda."""
    return 2.0 * np.arcsin(np.asarray(q, dtype=float) * wavelength / (4.0 * np.pi))


def q_inv_angstrom(two_theta: ArrayLike, wavelength: float) -> NDArray[np.float64]:
    """Momentum transfer in 1/angstrom for a scattering angle in radians.

    >>> round(float(q_inv_angstrom(np.pi / 6, 1.0)), 8)
    3.25241604
    """
    return 4.0 * np.pi / wavelength * np.sin(np.asarray(two_theta, dtype=float) / 2.0)


def photon_energy_ratio(two_theta: ArrayLike, energy_kev: float) -> NDArray[np.float64]:
    """E'/E of a Compton-scattered photon (free electron at rest)."""
    return 1.0 / (1.0 + energy_kev / ELECTRON_REST_KEV * (1.0 - np.cos(np.asarray(two_theta, dtype=float))))


#: spellings of units in files of other programs, in lower case and without spaces: kind, size in its unit, spellings
_SPELLINGS: tuple[tuple[str, float, str], ...] = (
    ("length", 1.0, "mm millimeter millimetre"),
    ("length", 1e-3, "um µm μm micron micrometer micrometre"),
    ("length", 1e3, "m meter metre"),
    ("length", 10.0, "cm centimeter centimetre"),
    ("length", 1e-6, "nm nanometer nanometre"),
    ("length", 1e-9, "pm picometer picometre"),
    ("length", 1e-7, "angstrom ångström ångstrom angström å a ang aa"),
    ("angle", 1.0, "deg degree °"),
    ("angle", 180.0 / np.pi, "rad radian"),
    ("angle", 0.18 / np.pi, "mrad milliradian"),
    ("angle", 0.18e-3 / np.pi, "urad µrad μrad microradian"),
    ("energy", 1.0, "kev kiloelectron_volt kiloelectronvolt"),
    ("energy", 1e-3, "ev electron_volt electronvolt"),
    ("time", 1.0, "s sec second"),
    ("time", 1e-3, "ms millisecond"),
    ("counts", 1.0, "count ct cts photon"),
    ("pure", 1.0, "1 dimensionless none unitless"),
    ("pure", 0.01, "% percent"),
)
_UNITS = {name: (kind, size) for kind, size, names in _SPELLINGS for name in names.split()}
#: how one over a unit is written, with the unit in the middle
_INVERSE = re.compile(r"(?:1/|per|inverse|reciprocal)(?P<after>.+)|(?P<before>.+?)(?:\^?\(?\{?[-−]1\}?\)?|⁻¹)")


def _known_unit(spelling: str) -> tuple[str, float] | None:
    """Kind and size of a unit, also plural or one over another; None if it is unknown."""
    name = "".join(spelling.lower().split()).replace("**", "^").replace("\u212b", "å").replace("a\u030a", "å")
    name = name[1:-1] if name[:1] + name[-1:] in ("()", "[]") else name
    for form in (name, name.removesuffix("s")):
        if form in _UNITS:
            return _UNITS[form]
    if match := _INVERSE.fullmatch(name):
        below = _known_unit(match["after"] or match["before"])
        # sizes of 1/length are those of 1/angstrom, as everywhere in the field
        if below is not None and below[0] == "length":
            return "1/length", 1e-7 / below[1]
    return None


def unit_factor(given: str, wanted: str) -> float | None:
    """Factor from one unit to another, or None if they measure different things or a spelling is unknown.

    >>> round(unit_factor("1 / nm", "1/angstrom"), 6), unit_factor("µm", "mm"), unit_factor("keV", "mm")
    (0.1, 0.001, None)
    >>> unit_factor("Counts", "counts"), unit_factor("inverse angstroms", "1/angstrom")
    (1.0, 1.0)
    """
    if given == wanted:
        return 1.0
    kinds = [_known_unit(unit) for unit in (given, wanted)]
    if kinds[0] is None or kinds[1] is None or kinds[0][0] != kinds[1][0]:
        return None
    return kinds[0][1] / kinds[1][1]
