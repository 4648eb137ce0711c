"""Conversions between photon energy, wavelength, scattering angle and momentum transfer."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants

#: h c in keV angstrom (CODATA, through scipy.constants)
HC_KEV_ANGSTROM: float = constants.h * constants.c / constants.e * 1e7
#: classical electron radius in angstrom (CODATA, through scipy.constants)
R_E_ANGSTROM: float = constants.physical_constants["classical electron radius"][0] * 1e10
#: electron rest energy in keV
ELECTRON_REST_KEV: float = constants.physical_constants["electron mass energy equivalent in MeV"][0] * 1e3
#: Avogadro's number times 1e-24: atoms per cubic angstrom = density (g/cm3) * this / molar mass (g/mol)
ATOMS_PER_A3: float = constants.N_A * 1e-24


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
    3.25241602
    """
    return 4.0 * np.pi / wavelength * np.sin(np.asarray(two_theta, dtype=float) / 2.0)


def photon_energy_ratio(two_theta: ArrayLike, energy_kev: float) -> NDArray[np.float64]:
    """E'/E of a Compton-scattered photon (free electron at rest)."""
    return 1.0 / (1.0 + energy_kev / ELECTRON_REST_KEV * (1.0 - np.cos(np.asarray(two_theta, dtype=float))))
