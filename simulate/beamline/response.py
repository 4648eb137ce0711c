"""From line integrals of density to photons counted in one Q bin of one frame."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tsct.records.units import R_E_ANGSTROM, photon_energy_ratio

from .beamline import Beamline

ANGSTROM_PER_MM = 1e7


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Photons counted per incident photon for one electron unit per cubic angstrom on one mm of path.

    Attributes
    ----------
    coherent, compton : ndarray, shape (q,)
        The response to elastic and to Compton scattering.
    solid_angle : ndarray, shape (q,)
        Solid angle in sr of the active pixels of each Q bin.
    polarization : ndarray, shape (q,)
        Polarisation factor of elastic scattering, averaged over those pixels.
    """

    coherent: NDArray[np.float64]
    compton: NDArray[np.float64]
    solid_angle: NDArray[np.float64]
    polarization: NDArray[np.float64]


@cache
def detector_response(beamline: Beamline) -> Response:
    """Response of detector and geometry.

    Elastic: r_e^2 dOmega P_T eta(E); Compton: r_e^2 dOmega P_KN eta(E'), with the Klein-Nishina cross section for
    polarised light, P_KN = R^2 (R + 1/R - sin^2(2 theta) (1 + A)) / 2, R = E'/E, A the polarisation times the mean of
    cos(2 chi), which becomes Thomson's P_T at R = 1.
    """
    two_theta = beamline.two_theta
    share, anisotropy = beamline.detector.rings(two_theta, beamline.distance_mm, beamline.polarisation)
    width = beamline.wavelength * beamline.scan.q_step / (2 * np.pi * np.cos(two_theta / 2))
    solid_angle = 2 * np.pi * np.sin(two_theta) * width * share
    recoil = photon_energy_ratio(two_theta, beamline.energy_kev)
    polarised = np.sin(two_theta) ** 2 * (1 + anisotropy)
    thomson = (2 - polarised) / 2
    klein_nishina = recoil**2 * (recoil + 1 / recoil - polarised) / 2
    scale = R_E_ANGSTROM**2 * ANGSTROM_PER_MM * solid_angle
    efficiency = beamline.detector.efficiency
    return Response(
        coherent=scale * thomson * efficiency(beamline.energy_kev, two_theta),
        compton=scale * klein_nishina * efficiency(recoil * beamline.energy_kev, two_theta),
        solid_angle=solid_angle,
        polarization=thomson,
    )
