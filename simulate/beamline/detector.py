"""The detector: which part of each scattering cone it sees, and which photons it counts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import InputError
from tsct.records.units import q_inv_angstrom
from tsct.simulate.scattering.xray_tables import attenuation_per_mm


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A flat, modular pixel detector perpendicular to the beam.

    The defaults are a PILATUS3 X CdTe 2M (3 x 8 modules of 487 x 195 pixels, gaps of 7 and 17 pixels, 3 columns that do
    not count between the two sensors of a module, 1 mm CdTe) with the beam near one corner, which reaches 36 1/angstrom
    at 100 keV and 0.3 m.

    Parameters
    ----------
    name : str
        For reports.
    modules : (across, up)
        How many modules.
    module_pixels, gap_pixels, sensor_gap_pixels : (across, up)
        Pixels of a module, between two modules, and between the two sensors of a module.
    pixel_mm : float
        Edge of a pixel.
    beam_mm : (across, up)
        Where the beam meets it, from its corner.
    sensor_mm, sensor_density_g_cm3 : float
        Thickness and density of the CdTe.
    """

    name: str = "PILATUS3 X CdTe 2M"
    modules: tuple[int, int] = (3, 8)
    module_pixels: tuple[int, int] = (487, 195)
    gap_pixels: tuple[int, int] = (7, 17)
    sensor_gap_pixels: tuple[int, int] = (3, 0)
    pixel_mm: float = 0.172
    beam_mm: tuple[float, float] = (12.0, 12.0)
    sensor_mm: float = 1.0
    sensor_density_g_cm3: float = 5.85

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the sensitive area, gaps included."""
        width, height = (
            (n * pixels + (n - 1) * gap) * self.pixel_mm
            for n, pixels, gap in zip(self.modules, self.module_pixels, self.gap_pixels, strict=True)
        )
        return width, height

    @property
    def reach_mm(self) -> list[float]:
        """From the beam to the edges: towards falling translation, towards rising translation, down, up."""
        (width, height), (across, up) = self.size_mm, self.beam_mm
        return [width - across, across, up, height - up]

    def gaps_mm(self, axis: int) -> list[float]:
        """Edges (from, to, from, to, ...) of what does not count between columns (axis 0) or rows (1)."""
        changes = np.flatnonzero(np.diff(self._lit(axis).astype(np.int8))) + 1
        return [float(edge * self.pixel_mm - self.beam_mm[axis]) for edge in changes]

    def q_max(self, distance_mm: float, wavelength: float) -> float:
        """Largest momentum transfer (1/angstrom) that still meets an active pixel: that of the farthest corner."""
        across, up = (max(b, size - b) for b, size in zip(self.beam_mm, self.size_mm, strict=True))
        reach = np.hypot(across, up)
        return float(q_inv_angstrom(np.arctan2(reach, distance_mm), wavelength))

    def rings(self, two_theta: ArrayLike, distance_mm: float, polarisation: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """Seen share of each scattering cone and the mean of cos(2 chi) over that share.

        Parameters
        ----------
        two_theta : array_like, shape (q,)
            Scattering angles in radians.
        distance_mm : float
            Sample to detector.
        polarisation : float
            Degree of horizontal polarisation, which weights cos(2 chi).

        Returns
        -------
        share : ndarray, shape (q,)
            Share of the azimuth that falls on active pixels.
        anisotropy : ndarray, shape (q,)
            `polarisation` times the mean of cos(2 chi) over the seen azimuth.
        """
        chi = 2 * np.pi * (np.arange(4096) + 0.5) / 4096
        radius = distance_mm * np.tan(np.asarray(two_theta, dtype=float))[:, None]
        seen = self.sees(radius * np.cos(chi), radius * np.sin(chi))
        share = seen.mean(axis=1)
        anisotropy = (seen * np.cos(2 * chi)).mean(axis=1) / np.maximum(share, 1e-12)
        return share, polarisation * anisotropy

    def sees(self, across_mm: NDArray[Any], up_mm: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether places on the detector, in mm from the beam, lie on active pixels."""
        return self._active(0, across_mm) & self._active(1, up_mm)

    def _active(self, axis: int, from_beam_mm: NDArray[Any]) -> NDArray[np.bool_]:
        lit = np.concatenate([[False], self._lit(axis), [False]])
        position = (from_beam_mm + self.beam_mm[axis]) / self.pixel_mm
        return lit[np.clip(np.floor(position) + 1, 0, len(lit) - 1).astype(np.int32)]

    def _lit(self, axis: int) -> NDArray[np.bool_]:
        """Which columns (axis 0) or rows (1) count: not the gaps between modules, nor those between their sensors."""
        pixels, gap = self.module_pixels[axis], self.sensor_gap_pixels[axis]
        module = np.ones(pixels, dtype=bool)
        first = (pixels - gap) // 2
        module[first : first + gap] = False
        with_gap = np.concatenate([module, np.zeros(self.gap_pixels[axis], dtype=bool)])
        return np.tile(with_gap, self.modules[axis])[: len(with_gap) * self.modules[axis] - self.gap_pixels[axis]]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of an image, gaps included."""
        columns, rows = (round(size / self.pixel_mm) for size in self.size_mm)
        return rows, columns

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Pixels that never count, shape (row, column): gaps between modules and between sensors."""
        across, up = self.pixel_centres_mm()
        return ~self.sees(across[None, :], up[:, None])

    def pixel_centres_mm(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distance of the middle of each column and of each row from the beam."""
        rows, columns = self.shape
        across, up = ((np.arange(n, dtype=np.float64) + 0.5) * self.pixel_mm for n in (columns, rows))
        return across - self.beam_mm[0], up - self.beam_mm[1]

    def attenuation_per_mm(self, energy_kev: ArrayLike) -> NDArray[np.float64]:
        """Of the sensor."""
        return attenuation_per_mm({"Cd": 0.5, "Te": 0.5}, self.sensor_density_g_cm3, energy_kev)

    def depth_mm(self, energy_kev: float, two_theta: ArrayLike) -> NDArray[np.float64]:
        """Mean depth below the face of the sensor at which photons that cross it at an angle are absorbed."""
        reach = np.cos(np.asarray(two_theta, dtype=float)) / self.attenuation_per_mm(energy_kev)
        thick = self.sensor_mm / reach
        return reach + self.sensor_mm * np.exp(-thick) / np.expm1(-thick)

    def efficiency(self, energy_kev: ArrayLike, two_theta: ArrayLike) -> NDArray[np.float64]:
        """Share of photons absorbed in the sensor, which they cross at the scattering angle (Beer-Lambert)."""
        mu = self.attenuation_per_mm(energy_kev)
        return 1.0 - np.exp(-mu * self.sensor_mm / np.cos(np.asarray(two_theta, dtype=float)))


def check_reach(detector: Detector, distance_mm: float, wavelength: float, q_max: float) -> None:
    """Refuse a Q range that the wavelength or the detector cannot give.

    Raises
    ------
    InputError
        Naming the largest possible Q.
    """
    limit = 4 * np.pi / wavelength
    if q_max > limit:
        raise InputError(f"scan.q_max is {q_max:g} 1/A; at this wavelength Q ends at 4 pi / lambda = {limit:.2f} 1/A")
    reach = detector.q_max(distance_mm, wavelength)
    if q_max > reach:
        raise InputError(
            f"scan.q_max is {q_max:g} 1/A; the {detector.name} at {distance_mm:g} mm reaches {reach:.2f} 1/A: "
            "lower scan.q_max or beamline.distance_mm, or raise beamline.energy_kev"
        )
