"""From counts to line integrals of scattering power: everything that is known about the measurement is divided out."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.analyze.pdf.xray_tables import compton_weight, sensor_efficiency
from tsct.records.errors import InputError
from tsct.records.schema import SCAN, check, check_uniform
from tsct.records.units import R_E_ANGSTROM, two_theta_rad, wavelength_angstrom

#: r_e^2 in square angstrom, times angstrom per mm: lines come out in electron units per cubic angstrom times mm
_SCALE = R_E_ANGSTROM**2 * 1e7


def line_integrals(scan: xr.Dataset, *, air_rays: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Line integrals of the scattering power of the sample, with their variance.

    Divides by monitor, transmission, solid angle, polarisation and sensor efficiency (at the elastic energy and the
    angle of incidence), and subtracts what the outermost rays see.

    Parameters
    ----------
    scan : xarray.Dataset
        One tile with dims (angle, translation, q). Its ``variance`` (counts squared), if present, replaces that of
        counting.
    air_rays : int
        Translations on each side that miss the sample.

    Returns
    -------
    lines, variance : ndarray, shape (angle, translation, q)
        In electron units per cubic angstrom times mm, and squared. The variance of the subtracted air, smaller by the
        number of averaged rays, is neglected.

    Raises
    ------
    InputError
        If the scan lacks a quantity, its Q grid is not uniform, or it holds negative or non-finite counts.
    """
    check(scan, SCAN, "scan")
    check_uniform(scan.q.values, "scan: q")
    counts = scan.intensity.values
    lowest = -np.inf if scan.attrs.get("background_subtracted", False) else 0.0
    if not np.all(np.isfinite(counts)) or counts.min() < lowest:
        bad = int(np.sum(~np.isfinite(counts) | (counts < lowest)))
        raise InputError(f"scan: {bad} of {counts.size} counts are negative or not finite; mask or repair them first")
    rays = (scan.monitor * scan.transmission).values
    if not np.all(rays > 0):
        raise InputError("scan: monitor and transmission must be positive in every frame")
    per_count = (1.0 / (_SCALE * _channel_response(scan))).astype(np.float32)
    per_ray = (1.0 / rays).astype(np.float32)[..., None]
    lines = counts * per_ray * per_count
    counted = scan["variance"].values if "variance" in scan else np.maximum(counts, 1.0)
    variance = counted * (per_ray * per_count) ** 2
    if air_rays:
        edge = np.concatenate([lines[:, :air_rays], lines[:, -air_rays:]], axis=1)
        lines -= edge.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    return lines, variance


def sensor(scan: xr.Dataset) -> tuple[str, float, float] | None:
    """Material, density (g/cm3) and thickness (mm) of the detector's sensor; None if it was corrected for already."""
    attrs = scan.attrs
    if attrs.get("efficiency_applied", False):
        return None
    return attrs["sensor_material"], attrs["sensor_density_g_cm3"], attrs["sensor_mm"]


def channel_compton(scan: xr.Dataset) -> NDArray[np.float64]:
    """Weight of Compton scattering in corrected patterns, shape (q,); see
    :func:`tsct.analyze.pdf.xray_tables.compton_weight`.

    A scan whose polarisation was divided out already no longer states it; that of an unpolarised beam is taken.
    """
    polarization = None if scan.attrs.get("polarization_applied", False) else scan.polarization.values
    return compton_weight(scan.q.values, scan.attrs["energy_kev"], polarization, sensor(scan))


def _channel_response(scan: xr.Dataset) -> NDArray[np.float64]:
    response = scan.solid_angle.values * scan.polarization.values
    if (layer := sensor(scan)) is not None:
        energy = scan.attrs["energy_kev"]
        response = response * sensor_efficiency(
            *layer, energy, two_theta_rad(scan.q.values, wavelength_angstrom(energy))
        )
    return response
