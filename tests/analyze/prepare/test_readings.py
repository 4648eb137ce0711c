"""A scan taken apart at the door: what it says, and what it no longer knows because it was divided out before."""

import numpy as np
import pytest

from tsct.analyze.pdf.xray_tables import compton_weight, sensor_efficiency
from tsct.analyze.prepare.readings import read_tile
from tsct.records.errors import InputError
from tsct.records.units import two_theta_rad, wavelength_angstrom


@pytest.fixture
def tile(small_scan):
    return small_scan.isel(state=1, slice=0)


def test_readings_are_those_of_the_scan(tile):
    readings, channels, labels = read_tile(tile)
    np.testing.assert_array_equal(readings.counts, tile.intensity.values)
    np.testing.assert_array_equal(readings.angles_deg, tile.angle.values)
    assert readings.variance is None and not readings.transmission_applied and not readings.background_subtracted
    assert channels.energy_kev == tile.attrs["energy_kev"]
    assert set(labels.coords) == {"q", "state", "slice", "potential_v", "z_mm"}
    assert labels.attrs == {name: tile.attrs[name] for name in ("entry_identifier", "state_axis")}


def test_a_variance_of_its_own_is_kept(tile):
    readings, _, _ = read_tile(tile.assign(variance=(2 * tile.intensity).assign_attrs(units="counts^2")))
    np.testing.assert_array_equal(readings.variance, 2 * tile.intensity.values)


def test_what_was_divided_out_before_is_not_divided_out_again(tile):
    _, channels, _ = read_tile(tile)
    two_theta = two_theta_rad(channels.q, wavelength_angstrom(channels.energy_kev))
    efficiency = sensor_efficiency(*channels.sensor, channels.energy_kev, two_theta)
    _, without, _ = read_tile(tile.assign_attrs(efficiency_applied=True, polarization_applied=True))
    assert without.sensor is None
    np.testing.assert_allclose(channels.response, without.response * efficiency, rtol=1e-12)
    # of an unpolarised beam, with every photon counted alike
    np.testing.assert_array_equal(without.compton_weight, compton_weight(channels.q, channels.energy_kev))


def test_a_scan_that_lacks_a_quantity_is_refused(tile):
    with pytest.raises(InputError, match="no variable 'transmission'"):
        read_tile(tile.drop_vars("transmission"))
    with pytest.raises(InputError, match="not uniform"):
        read_tile(tile.assign_coords(q=tile.q**1.2))
