"""Seeds by task, units by definition, checks at the door."""

import numpy as np
import pytest
import xarray as xr
from scipy import constants

from tsct.records import units
from tsct.records.errors import InputError, nearest
from tsct.records.schema import SCAN, check, check_uniform
from tsct.records.seeds import generator
from tsct.records.tiles import stack_tiles
from tsct.records.units import photon_energy_ratio, q_inv_angstrom, two_theta_rad, wavelength_angstrom


def test_same_task_same_numbers_in_any_order():
    first = generator(1, "poisson", 3, 1).random(5)
    generator(1, "poisson", 2, 1).random(100)
    np.testing.assert_array_equal(generator(1, "poisson", 3, 1).random(5), first)


def test_other_seed_task_or_word_other_numbers():
    draws = [generator(*key).random() for key in ((1, "a", 0), (2, "a", 0), (1, "b", 0), (1, "a", 1), (1, "a"))]
    assert len(set(draws)) == 5


def test_wavelength_and_angle_anchors():
    # Cu K-alpha1 (CODATA 2018 hc; Hoelzer et al. 1997 energy), and Q of 30 degrees at 1 angstrom by hand
    assert wavelength_angstrom(8.0478227) == pytest.approx(1.540593, abs=2e-5)
    assert q_inv_angstrom(np.pi / 6, 1.0) == pytest.approx(3.25241604, abs=1e-8)
    q = np.linspace(0.1, 36, 50)
    np.testing.assert_allclose(q_inv_angstrom(two_theta_rad(q, 0.124), 0.124), q, rtol=1e-12)


def test_compton_shift_of_a_right_angle():
    # dlambda = h / (m c) = 0.02426310 angstrom at 90 degrees
    wavelength = wavelength_angstrom(100.0)
    assert photon_energy_ratio(np.pi / 2, 100.0) == pytest.approx(wavelength / (wavelength + 0.02426310), rel=1e-7)


def test_uniform_grid():
    assert check_uniform(np.arange(5) * 0.02, "q") == pytest.approx(0.02)
    for bad in ([1.0], [1.0, 1.0, 2.0], [1.0, 2.0, 4.0], [1.0, np.nan, 3.0], [3.0, 2.0, 1.0]):
        with pytest.raises(InputError, match="q "):
            check_uniform(np.array(bad), "q")


def test_a_scan_without_units_or_with_swapped_dims_is_refused():
    counts = xr.DataArray(np.ones((4, 4, 4)), dims=("angle", "translation", "q"), attrs={"units": "counts"})
    with pytest.raises(InputError, match="no variable 'monitor'"):
        check(xr.Dataset({"intensity": counts}), SCAN, "scan")
    with pytest.raises(InputError, match="has dims"):
        check(xr.Dataset({"intensity": counts.transpose("translation", "angle", "q")}), SCAN, "scan")
    with pytest.raises(InputError, match="has units None"):
        check(xr.Dataset({"intensity": counts.drop_attrs()}), SCAN, "scan")


def test_tiles_stack_in_any_order():
    tiles = [
        xr.Dataset({"a": ("x", [10.0 * i + j])}, coords={"state": i, "slice": j, "v": 0.1 * i})
        for i, j in ((1, 0), (0, 1), (0, 0), (1, 1))
    ]
    stacked = stack_tiles(tiles)
    np.testing.assert_array_equal(stacked.a.values[..., 0], [[0, 1], [10, 11]])
    assert stacked.a.dims == ("state", "slice", "x")


def test_nearest_name():
    assert nearest("qmaxx", ["q_max", "seed"]) == "; did you mean 'q_max'?"
    assert nearest("zzz", ["q_max"]) == ""


def test_constants_are_those_of_scipy():
    """Editions of CODATA differ by less than 1e-9 in these."""
    of = {name: constants.physical_constants[name][0] for name in ("classical electron radius", "Bohr radius")}
    assert pytest.approx(of["classical electron radius"] * 1e10, rel=2e-9) == units.R_E_ANGSTROM
    assert pytest.approx(of["Bohr radius"] * 1e10, rel=2e-9) == units.BOHR_ANGSTROM
    assert pytest.approx(constants.m_e * constants.c**2 / constants.e / 1e3, rel=2e-9) == units.ELECTRON_REST_KEV
    assert pytest.approx(constants.h * constants.c / constants.e * 1e7, rel=1e-15) == units.HC_KEV_ANGSTROM
    assert pytest.approx(constants.N_A * 1e-24, rel=1e-15) == units.ATOMS_PER_A3
