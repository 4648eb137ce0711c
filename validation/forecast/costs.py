"""What an experiment costs: time, data and dose; and what no beamline would measure."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from tsct.phantoms import Sample
from tsct.records.errors import InputError, UsageError
from tsct.simulate.beamline import Beamline
from tsct.simulate.scattering import attenuation_per_mm

from .dose import absorbed_dose

#: with less of the straight beam than this behind the sample, what is counted was scattered elsewhere
OPAQUE = 1e-3
#: with fewer counts in every channel of every frame, a pattern of a voxel is nothing but noise
FEWEST_COUNTS = 0.1
#: of the coarse image of a sample that is looked at before any work
PIXELS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What an experiment costs.

    Attributes
    ----------
    seconds_per_tomogram, tomograms : float, int
        With dead time; of one slice in one state.
    gigabytes : float
        Of integrated patterns in single precision.
    dose_gray : float
        Absorbed by the slice in one tomogram.
    """

    seconds_per_tomogram: float
    tomograms: int
    gigabytes: float
    dose_gray: float

    @property
    def hours(self) -> float:
        """Of all tomograms."""
        return self.seconds_per_tomogram * self.tomograms / 3600


def costs_of(sample: Sample, beamline: Beamline, slice_index: int) -> Costs:
    """Time, data and dose of all states and slices of a sample, the dose in one of its slices."""
    scan = beamline.scan
    tomograms = len(sample.states.values) * len(sample.slices_z_mm)
    return Costs(
        seconds_per_tomogram=tomogram_seconds(beamline),
        tomograms=tomograms,
        gigabytes=4e-9 * scan.views * scan.translations * len(scan.q) * tomograms,
        dose_gray=absorbed_dose(sample, beamline, slice_index),
    )


def tomogram_seconds(beamline: Beamline) -> float:
    """Time for one slice in one state, dead time included."""
    return beamline.scan.views * beamline.scan.translations * (beamline.exposure_s + beamline.dead_time_s)


def chosen_slice(sample: Sample, slice_index: int | None) -> int:
    """The slice that is looked at: the middle one where none is asked for.

    Raises
    ------
    UsageError
        For a slice that there is not.
    """
    slices = len(sample.slices_z_mm)
    index = slices // 2 if slice_index is None else slice_index
    if not 0 <= index < slices:
        raise UsageError(f"--slice is {index}; the experiment has the slices 0 to {slices - 1}")
    return index


def least_transmission(sample: Sample, beamline: Beamline, slice_index: int) -> float:
    """Of the straight beam through the thickest part of a slice, along x and along y, from a coarse image."""
    contents = sample.contents(0, slice_index, sample.extent_mm, PIXELS, layers=1)
    depth = np.zeros((PIXELS, PIXELS))
    for part, density in zip(contents.parts, contents.densities, strict=True):
        one = part.structure
        per_mm = attenuation_per_mm(one.composition, one.natural_density_g_cm3, beamline.energy_kev)
        depth += float(per_mm) * density / one.number_density_per_a3 * sample.extent_mm / PIXELS
    return float(np.exp(-max(depth.sum(axis=0).max(), depth.sum(axis=1).max())))


def refuse_at_once(sample: Sample, beamline: Beamline, slice_index: int) -> None:
    """Refuse, before any work, a detector inside the sample, an opaque sample and a beam of less than a photon.

    Raises
    ------
    InputError
        With the number.
    """
    if beamline.distance_mm < sample.extent_mm:
        raise InputError(
            f"beamline.distance_mm is {beamline.distance_mm:g} and the sample is {sample.extent_mm:.3g} mm wide: the "
            "detector would stand in it"
        )
    if beamline.photons_per_frame < 1:
        raise InputError(
            f"a frame gets {beamline.photons_per_frame:.1e} photons; raise beamline.photons_per_s "
            f"({beamline.photons_per_s:g}) or beamline.exposure_s ({beamline.exposure_s:g})"
        )
    _refuse_opaque(least_transmission(sample, beamline, slice_index), beamline)


def _refuse_opaque(transmission: float, beamline: Beamline) -> None:
    if transmission < OPAQUE:
        raise InputError(
            f"the sample lets {transmission:.1e} of the straight beam through where it is thickest, at "
            f"{beamline.energy_kev:g} keV: it is opaque; take a higher energy or less of it"
        )


def refuse_absurd(beamline: Beamline, scan: xr.Dataset) -> None:
    """Refuse what no beamline would measure: an opaque sample, a photon now and then.

    Parameters
    ----------
    beamline : Beamline
        How it is measured.
    scan : xarray.Dataset
        Expected counts of one tile.

    Raises
    ------
    InputError
        With the number.
    """
    _refuse_opaque(float(scan.transmission.min()), beamline)
    most = float(scan.intensity.max())
    if most < FEWEST_COUNTS:
        raise InputError(
            f"the fullest channel of the fullest frame counts {most:.1e} photons; raise beamline.photons_per_s "
            f"({beamline.photons_per_s:g}) or beamline.exposure_s ({beamline.exposure_s:g})"
        )
