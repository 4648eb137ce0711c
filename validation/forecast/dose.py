"""What the sample suffers: energy absorbed per mass."""

import numpy as np
from scipy.integrate import quad

from tsct.phantoms import Sample
from tsct.records.units import photon_energy_ratio
from tsct.simulate.beamline import Beamline
from tsct.simulate.scattering import attenuation_per_mm

#: joule per keV
JOULE_PER_KEV = 1.602176634e-16


def absorbed_dose(phantom: Sample, beamline: Beamline, slice_index: int) -> float:
    """Mean dose of the material in the field of view in one tomogram of one slice, gray.

    Photoelectric absorption deposits the whole energy, Compton scattering the mean energy of the recoil electron; what
    is scattered again counts as lost, which is right for millimetres of light elements at these energies. The beam is
    taken as undiminished on its way: too high a dose, by 8 % in the default cell at 100 keV and 80 % at 20 keV.

    Parameters
    ----------
    phantom, beamline : Sample, Beamline
        Sample and measurement.
    slice_index : int
        Which slice.
    """
    contents = phantom.contents(0, slice_index, beamline.scan.extent_mm, 4 * beamline.scan.translations)
    pixel_mm = beamline.scan.step_mm / 4
    kept = recoil_share(beamline.energy_kev)
    absorption, mass = 0.0, 0.0
    for part, density in zip(contents.parts, contents.densities, strict=True):
        material = part.structure
        photo, compton = (
            float(
                attenuation_per_mm(
                    material.composition, material.natural_density_g_cm3, beamline.energy_kev, process=process
                )
            )
            for process in ("photo", "incoh")
        )
        volume_mm2 = float(density.sum()) / material.number_density_per_a3 * pixel_mm**2
        absorption += (photo + kept * compton) * volume_mm2
        mass += material.density_g_cm3 * 1e-3 * volume_mm2 * phantom.slice_height_mm
    # a ray of one step's width per frame: absorption summed over the slice is that of all rays of one view
    photons = beamline.photons_per_frame * beamline.scan.views
    energy = photons * beamline.energy_kev * JOULE_PER_KEV * absorption / beamline.scan.step_mm
    return energy / (1e-3 * mass)


def recoil_share(energy_kev: float) -> float:
    """Mean share of a photon's energy that Compton scattering gives to the electron (Klein-Nishina, unpolarised)."""

    def cross_section(angle: float) -> float:
        ratio = float(photon_energy_ratio(np.array([angle]), energy_kev)[0])
        return ratio**2 * (ratio + 1 / ratio - np.sin(angle) ** 2) * np.sin(angle)

    def given(angle: float) -> float:
        return (1 - float(photon_energy_ratio(np.array([angle]), energy_kev)[0])) * cross_section(angle)

    return quad(given, 0, np.pi)[0] / quad(cross_section, 0, np.pi)[0]
