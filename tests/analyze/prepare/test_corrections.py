"""From counts to line integrals: every known factor is divided out, and nothing unusable gets in."""

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.pdf.xray_tables import sensor_efficiency
from tsct.analyze.prepare.corrections import line_integrals
from tsct.records.errors import InputError
from tsct.records.units import two_theta_rad, wavelength_angstrom

Q = np.linspace(1.0, 20.0, 40)
ENERGY = 100.0
FLUX, TRANSMISSION = 1e11, 0.8
#: classical electron radius in angstrom (CODATA)
RADIUS = 2.8179403e-5


def scan_of(lines, air=0.0):
    """Expected counts of a scan with these line integrals (electron units mm / angstrom^3), by the textbook formula."""
    two_theta = two_theta_rad(Q, wavelength_angstrom(ENERGY))
    solid_angle, polarization = np.linspace(0.02, 0.05, len(Q)), (1 + np.cos(two_theta) ** 2) / 2
    efficiency = sensor_efficiency("CdTe", 5.85, 1.0, ENERGY, two_theta)
    # mm to angstrom is 1e7
    counts = FLUX * TRANSMISSION * RADIUS**2 * 1e7 * (lines + air) * solid_angle * polarization * efficiency
    rays = lines.shape[:2]
    return xr.Dataset(
        {
            "intensity": (("angle", "translation", "q"), counts, {"units": "counts"}),
            "monitor": (("angle", "translation"), np.full(rays, FLUX), {"units": "photons"}),
            "transmission": (("angle", "translation"), np.full(rays, TRANSMISSION), {"units": "1"}),
            "solid_angle": ("q", solid_angle, {"units": "sr"}),
            "polarization": ("q", polarization, {"units": "1"}),
        },
        coords={
            "angle": ("angle", [0.0, 90.0], {"units": "deg"}),
            "translation": ("translation", np.arange(8.0), {"units": "mm"}),
            "q": ("q", Q, {"units": "1/angstrom"}),
        },
        attrs={"energy_kev": ENERGY, "sensor_material": "CdTe", "sensor_density_g_cm3": 5.85, "sensor_mm": 1.0},
    )


def planted():
    lines = np.random.default_rng(1).random((2, 8, len(Q)))
    lines[:, [0, 1, -2, -1]] = 0.0
    return lines


def test_line_integrals_are_what_was_planted():
    found, _ = line_integrals(scan_of(planted()))
    np.testing.assert_allclose(found, planted(), rtol=1e-4, atol=1e-6)


def test_air_is_taken_from_the_outer_rays():
    found, _ = line_integrals(scan_of(planted(), air=0.3), air_rays=2)
    np.testing.assert_allclose(found, planted(), atol=1e-4)


def test_variance_is_that_of_counting():
    scan = scan_of(planted(), air=0.1)
    lines, variance = line_integrals(scan)
    seen = scan.intensity.values > 1
    # relative variance of a count is one over the count
    np.testing.assert_allclose((variance / lines**2)[seen], 1 / scan.intensity.values[seen], rtol=1e-3)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.drop_vars("monitor"), "no variable 'monitor'"),
        (lambda s: s.assign(intensity=s.intensity * np.nan), "not finite"),
        (lambda s: s.assign(intensity=-s.intensity.assign_attrs(units="counts")), "negative|units"),
        (lambda s: s.assign(monitor=(s.monitor * 0).assign_attrs(units="photons")), "positive in every frame"),
        (lambda s: s.assign_coords(q=("q", Q**1.2, {"units": "1/angstrom"})), "not uniform"),
        (lambda s: s.transpose("q", "translation", "angle"), "dims"),
        (lambda s: s.assign(solid_angle=s.solid_angle.assign_attrs(units="deg")), "units"),
    ],
)
def test_unusable_scans_are_refused(spoil, message):
    with xr.set_options(keep_attrs=True), pytest.raises(InputError, match=message):
        line_integrals(spoil(scan_of(planted())))
