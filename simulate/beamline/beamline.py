"""The beamline and the scan: everything about the measurement that is not the sample."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError
from tsct.records.units import two_theta_rad, wavelength_angstrom

from .detector import Detector, check_reach
from .faults import Faults
from .physics import Physics

#: Q bins of the finest scan
MOST_CHANNELS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPattern:
    """Translations, views and the Q grid of one tomogram.

    Parameters
    ----------
    translations, step_mm : int, float
        Positions of the beam across the sample.
    views, angular_range_deg : int, float
        Angles, evenly spread over the range; its end is not repeated. Less than 180 leaves a missing wedge.
    fast_axis : {"translation", "rotation"}
        Which motor runs through its range while the other stands still.
    zigzag : bool
        The fast motor turns back at the end of its range instead of returning to the start.
    interlace : int
        The views are taken in so many passes, each filling gaps of the ones before.
    continuous : bool
        The fast motor does not stop for a frame, which is blurred by one step of the translation or the rotation.
    q_min, q_max, q_step : float
        Centres of the Q bins, 1/angstrom.
    """

    translations: int = 60
    step_mm: float = 0.130
    views: int = 90
    angular_range_deg: float = 180.0
    fast_axis: Literal["translation", "rotation"] = "translation"
    zigzag: bool = False
    interlace: int = 1
    continuous: bool = False
    q_min: float = 0.6
    q_max: float = 36.0
    q_step: float = 0.02

    def __post_init__(self) -> None:
        for name, least, most in (("translations", 4, 4096), ("views", 1, 100_000), ("interlace", 1, 100_000)):
            if getattr(self, name) < least:
                raise InputError(f"scan.{name} is {getattr(self, name)}; at least {least} are needed")
            if getattr(self, name) > most:
                raise InputError(f"scan.{name} is {getattr(self, name)}; at most {most} are possible")
        if self.fast_axis not in ("translation", "rotation"):
            raise InputError(f"scan.fast_axis is '{self.fast_axis}'; allowed are translation, rotation")
        if not (np.isfinite(self.step_mm) and self.step_mm > 0):
            raise InputError(f"scan.step_mm is {self.step_mm}; it must be positive and finite")
        if not 0 < self.angular_range_deg <= 360:
            raise InputError(f"scan.angular_range_deg is {self.angular_range_deg}; allowed are more than 0 to 360")
        if not (0 < self.q_min < self.q_max and 0 < self.q_step <= (self.q_max - self.q_min) / 16):
            raise InputError(
                f"scan: q_min {self.q_min}, q_max {self.q_max}, q_step {self.q_step} are no grid; "
                "needed is 0 < q_min < q_max with at least 16 steps between"
            )
        if (self.q_max - self.q_min) / self.q_step > MOST_CHANNELS:
            raise InputError(f"scan.q_step is {self.q_step}, which makes more than {MOST_CHANNELS} Q bins; raise it")

    @property
    def q(self) -> NDArray[np.float64]:
        """Centres of the Q bins in 1/angstrom, shape (q,)."""
        number = round((self.q_max - self.q_min) / self.q_step) + 1
        return self.q_min + self.q_step * np.arange(number, dtype=np.float64)

    @property
    def angles_deg(self) -> NDArray[np.float64]:
        """View angles, shape (angle,); the end of the range is not repeated."""
        return self.angular_range_deg * np.arange(self.views) / self.views

    @property
    def translations_mm(self) -> NDArray[np.float64]:
        """Centres of the beam at each translation, shape (translation,)."""
        return self.step_mm * (np.arange(self.translations, dtype=np.float64) - (self.translations - 1) / 2)

    @property
    def extent_mm(self) -> float:
        """Width of the field of view."""
        return self.translations * self.step_mm


@dataclass(frozen=True, slots=True, kw_only=True)
class Beamline:
    """Source, distances, detector, scan, physics and faults of one experiment.

    The beam has the same shape in both directions; its height is that of the phantom's slices.

    Parameters
    ----------
    name : str
        For reports.
    energy_kev : float
        Photon energy, as it is believed to be.
    distance_mm : float
        From the axis of rotation to the detector, as it is believed to be.
    photons_per_s : float
        In the beam that meets the sample.
    exposure_s, dead_time_s : float
        Of one frame, and between two.
    beam_width_mm : float
        Of a top hat, or full width at half maximum of a Gaussian.
    beam_shape : {"top-hat", "gaussian"}
        Profile of the beam.
    polarisation : float
        Degree of linear polarisation, 1 for all of it horizontal.
    air_mm : float
        Length of the beam in air, beside that in the sample, that scatters into the detector.
    """

    name: str = "ID15A-like"
    energy_kev: float = 100.0
    distance_mm: float = 300.0
    photons_per_s: float = 1e12
    exposure_s: float = 0.1
    dead_time_s: float = 0.0
    beam_width_mm: float = 0.130
    beam_shape: Literal["top-hat", "gaussian"] = "top-hat"
    polarisation: float = 0.99
    air_mm: float = 20.0
    detector: Detector = field(default_factory=Detector)
    scan: ScanPattern = field(default_factory=ScanPattern)
    physics: Physics = field(default_factory=Physics)
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        for name in ("distance_mm", "photons_per_s", "exposure_s", "beam_width_mm"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(f"beamline.{name} is {getattr(self, name)}; it must be positive and finite")
        for name in ("dead_time_s", "air_mm"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise InputError(f"beamline.{name} is {getattr(self, name)}; it must be finite and not negative")
        if self.beam_shape not in ("top-hat", "gaussian"):
            raise InputError(f"beamline.beam_shape is '{self.beam_shape}'; allowed are top-hat, gaussian")
        if not 4 <= self.energy_kev <= 250:
            raise InputError(f"beamline.energy_kev is {self.energy_kev}; allowed are 4 to 250 keV")
        if not -1 <= self.polarisation <= 1:
            raise InputError(f"beamline.polarisation is {self.polarisation}; allowed are -1 to 1")
        check_reach(self.detector, self.distance_mm, self.wavelength, self.scan.q_max)

    @property
    def wavelength(self) -> float:
        """In angstrom."""
        return wavelength_angstrom(self.energy_kev)

    @property
    def two_theta(self) -> NDArray[np.float64]:
        """Scattering angle of each Q bin in radians, shape (q,)."""
        return two_theta_rad(self.scan.q, self.wavelength)

    @property
    def as_it_is(self) -> "Beamline":
        """The beamline with the energy and distance that it really has, on its stated Q grid."""
        energy = self.energy_kev * (1 + self.faults.energy_error)
        return replace(self, energy_kev=energy, distance_mm=self.distance_mm + self.faults.distance_error_mm)

    @property
    def photons_per_frame(self) -> float:
        """Incident photons in one frame."""
        return self.photons_per_s * self.exposure_s


def id15a() -> Beamline:
    """100 keV, detector at 0.3 m with the beam in its corner: consistent with Wragg et al. 2023 and ESRF ID15A."""
    return Beamline()


def id31() -> Beamline:
    """75 keV, detector at 0.3 m: a high-energy beamline such as ESRF ID31, Qmax 27 1/angstrom."""
    return Beamline(name="ID31-like", energy_kev=75.0, scan=ScanPattern(q_max=27.0))


def i15_1() -> Beamline:
    """76.7 keV, 0.25 m, a wider beam and less flux: a bending-crystal PDF beamline such as DLS I15-1, Qmax 28."""
    return Beamline(
        name="I15-1-like",
        energy_kev=76.7,
        distance_mm=250.0,
        photons_per_s=1e11,
        exposure_s=1.0,
        beam_width_mm=0.150,
        beam_shape="gaussian",
        scan=ScanPattern(q_max=28.0, step_mm=0.150, translations=54),
    )


#: beamlines by name
BEAMLINES = {"id15a": id15a, "id31": id31, "i15-1": i15_1}
