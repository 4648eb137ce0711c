"""What a scan says, read once: the readings of its frames, its channels, and where the tile belongs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.xray_tables import compton_weight, sensor_efficiency
from tsct.records.schema import SCAN, STATE_AXIS, check, check_uniform
from tsct.records.units import two_theta_rad, wavelength_angstrom

from .scattering_ways import Face


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Readings:
    """Readings of all frames of one tile.

    Attributes
    ----------
    counts : ndarray, shape (angle, translation, q)
    variance : ndarray, shape (angle, translation, q), optional
        Of the counts, squared; that of counting if there is none.
    monitor, transmission : ndarray, shape (angle, translation)
        Photons of a frame, and the share of the straight beam that passes.
    angles_deg, translations_mm : ndarray
        In the order of the frames.
    background_subtracted : bool
        Whether counts may be negative, because a background was subtracted.
    transmission_applied : bool
        Whether the transmission was divided out before, and so is not known.
    """

    counts: NDArray[Any]
    variance: NDArray[Any] | None
    monitor: NDArray[Any]
    transmission: NDArray[Any]
    angles_deg: NDArray[Any]
    translations_mm: NDArray[Any]
    background_subtracted: bool
    transmission_applied: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channels:
    """What all frames of one tile have in common: the beam, and the channels of the detector.

    Attributes
    ----------
    q : ndarray, shape (q,)
        1/angstrom.
    energy_kev : float
        Of the beam.
    solid_angle, polarization : ndarray, shape (q,)
        Factors that the counts hold; one where they were divided out before.
    polarization_applied : bool
        Whether the polarisation was divided out before, and so is not known.
    sensor : (material, density_g_cm3, thickness_mm), optional
        Of the detector; None if its efficiency was divided out before.
    face : Face, optional
        Of the detector; None if the scan does not say where it stands.
    """

    q: NDArray[Any]
    energy_kev: float
    solid_angle: NDArray[Any]
    polarization: NDArray[Any]
    polarization_applied: bool
    sensor: tuple[str, float, float] | None
    face: Face | None

    @property
    def two_theta(self) -> NDArray[np.float64]:
        """Scattering angle of each channel in radians, shape (q,)."""
        return two_theta_rad(self.q, wavelength_angstrom(self.energy_kev))

    @property
    def response(self) -> NDArray[np.float64]:
        """Share of the photons scattered into all directions that a channel counts, shape (q,)."""
        response = self.solid_angle * self.polarization
        if self.sensor is not None:
            response = response * sensor_efficiency(*self.sensor, self.energy_kev, self.two_theta)
        return response

    @property
    def compton_weight(self) -> NDArray[np.float64]:
        """Weight of Compton scattering in corrected patterns, shape (q,).

        See :func:`tsct.analyze.pdf.xray_tables.compton_weight`. Where the polarisation was divided out before, that of
        an unpolarised beam is taken.
        """
        polarization = None if self.polarization_applied else self.polarization
        return compton_weight(self.q, self.energy_kev, polarization, self.sensor)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileLabels:
    """Where a tile belongs, handed on to its result.

    Attributes
    ----------
    coords : mapping of str to xarray.DataArray
        The grid in Q, and those of ``state``, ``slice``, the state axis and ``z_mm`` that the scan has.
    attrs : mapping
        ``state_axis``, the name of the coordinate that is varied from state to state; and the ``entry_identifier``, if
        there is one, by which the truth is known to be that of the same measurement.
    """

    coords: Mapping[str, xr.DataArray]
    attrs: Mapping[str, Any]


def read_tile(scan: xr.Dataset) -> tuple[Readings, Channels, TileLabels]:
    """Take one tile of a scan apart.

    Parameters
    ----------
    scan : xarray.Dataset
        Dims (angle, translation, q). Its ``variance`` (counts squared), if present, replaces that of counting.

    Raises
    ------
    InputError
        If the scan lacks a quantity, or its Q grid is not uniform.
    """
    check(scan, SCAN, "scan")
    check_uniform(scan.q.values, "scan: q")
    attrs = scan.attrs
    readings = Readings(
        counts=scan.intensity.values,
        variance=scan["variance"].values if "variance" in scan else None,
        monitor=scan.monitor.values,
        transmission=scan.transmission.values,
        angles_deg=scan.angle.values,
        translations_mm=scan.translation.values,
        background_subtracted=attrs.get("background_subtracted", False),
        transmission_applied=attrs.get("transmission_applied", False),
    )
    sensor = ("sensor_material", "sensor_density_g_cm3", "sensor_mm")
    channels = Channels(
        q=scan.q.values,
        energy_kev=attrs["energy_kev"],
        solid_angle=scan.solid_angle.values,
        polarization=scan.polarization.values,
        polarization_applied=attrs.get("polarization_applied", False),
        sensor=None if attrs.get("efficiency_applied", False) else tuple(attrs[name] for name in sensor),
        face=_face(attrs),
    )
    axis = attrs.get("state_axis", STATE_AXIS)
    coords = ("state", "slice", axis, "z_mm")
    labels = TileLabels(
        coords={"q": scan.q, **{name: scan[name] for name in coords if name in scan.coords}},
        attrs={"state_axis": axis, **{name: attrs[name] for name in ("entry_identifier",) if name in attrs}},
    )
    return readings, channels, labels


def _face(attrs: Mapping[str, Any]) -> Face | None:
    if "distance_mm" not in attrs or "detector_reach_mm" not in attrs:
        return None
    return Face(
        distance_mm=attrs["distance_mm"],
        reach_mm=attrs["detector_reach_mm"],
        gaps_across_mm=attrs.get("detector_gaps_across_mm", ()),
        gaps_up_mm=attrs.get("detector_gaps_up_mm", ()),
    )
