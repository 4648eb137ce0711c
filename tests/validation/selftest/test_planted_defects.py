"""The gate tests itself: one seed of every planted defect; examples/gate_rates.py measures rates over many."""

import warnings

import numpy as np
import pytest
import xarray as xr
from scipy.special import gammaln

from tsct.records.errors import TsctWarning
from tsct.validation.score import GATE
from tsct.validation.selftest.error_rates import limits, seed_values, table, wrong
from tsct.validation.selftest.planted_defects import DEFECTS, _mean_inverse


@pytest.fixture(scope="module")
def row():
    with warnings.catch_warnings():
        # the chain notices some of the damage and repairs it
        warnings.simplefilter("ignore", TsctWarning)
        return seed_values(7)


@pytest.mark.slow
def test_every_promised_defect_is_seen(row):
    missed = {defect.name for defect in DEFECTS if defect.required and not wrong(row["defects"][defect.name])}
    assert not missed


@pytest.mark.slow
def test_a_good_chain_passes(row):
    assert wrong(row["clean"]) == [] and len(row["clean"]) > 30


@pytest.mark.slow
def test_every_check_with_a_measured_power_sees_a_defect(row):
    seen = {name for values in row["defects"].values() for name in wrong(values)}
    assert {check.id for check in GATE if check.power_measured} <= seen


def test_verdicts_follow_from_values():
    """By hand: inside, outside, not decided."""
    assert wrong({"iq.level": 0.5, "iq.shape": 0.6, "pdf.rw": None}) == ["iq.shape", "pdf.rw"]


@pytest.mark.slow
def test_the_table_tells_every_defect(row):
    text = table([row, row, row])
    assert all(f"| {defect.name}" in text for defect in DEFECTS)
    assert "a good chain | – | 0 of 3 | below 0.63" in text


def test_values_that_were_stored_with_former_ids_are_read():
    text = table([{"seed": 1, "clean": {"A16a": 0.5}, "defects": {"wavelength": {"A16e": 0.1}}}])
    assert "| wavelength | 0.1 % | 1 of 1 | 0.05 | `pdf.r-stretch` |" in text and "0 of 1" in text


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    # zero or all of n: 1 - 0.05^(1/n), the rule of three; the rest from Clopper & Pearson, Biometrika 26, 404 (1934)
    [(0, 1000, 0.0, 0.00299), (50, 50, 0.9418, 1.0), (5, 10, 0.1871, 0.8129), (0, 0, 0.0, 1.0)],
)
def test_limits_of_a_rate(hits, tries, low, high):
    assert limits(hits, tries) == pytest.approx((low, high), abs=1e-4)


def test_thirteen_defects_and_more():
    assert sum(defect.required for defect in DEFECTS) >= 13
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS)


@pytest.mark.parametrize("m", [0.5, 5.0, 20.0])
def test_mean_of_the_inverse_of_a_count(m):
    n = np.arange(0, 200)
    chance = np.exp(n * np.log(m) - m - gammaln(n + 1))
    assert _mean_inverse(np.array([m, 25.0]))[0] == pytest.approx(np.sum(chance / np.maximum(n, 1)), rel=1e-3)


def damaged(name, scan):
    return next(defect for defect in DEFECTS if defect.name == name).scan(scan)


@pytest.fixture
def ramp():
    """Counts that tell their place: one state, one slice, 12 views, 16 translations, 9 channels."""
    values = np.arange(12 * 16 * 9, dtype=np.float32).reshape(1, 1, 12, 16, 9)
    data = {"intensity": (("state", "slice", "angle", "translation", "q"), values)}
    data |= {"polarization": ("q", np.full(9, 0.7))}
    coords = {"angle": np.arange(12.0), "translation": np.arange(16.0), "q": np.linspace(1.0, 9.0, 9), "state": [0]}
    return xr.Dataset(data, coords=coords, attrs={"energy_kev": 80.0})


def test_q_is_wrong_by_a_thousandth(ramp):
    np.testing.assert_allclose(damaged("wavelength", ramp).q, 1.001 * ramp.q)
    # where the angle is small its tangent is the angle, and at larger ones the sine grows less
    farther = damaged("detector distance", ramp).q.values / ramp.q.values
    wavelength = 12.398419843 / 80.0
    half = np.arcsin(ramp.q.values * wavelength / (4 * np.pi))
    expected = np.sin(np.arctan(1.001 * np.tan(2 * half)) / 2) / np.sin(half)
    np.testing.assert_allclose(farther, expected, rtol=1e-9)


def test_what_is_swapped_or_left_out_and_nothing_else(ramp):
    before = ramp.intensity.values[0, 0]
    frames = damaged("two frames swapped", ramp).intensity.values[0, 0]
    np.testing.assert_array_equal(frames[2, 8], before[6, 2])
    np.testing.assert_array_equal(frames[6, 2], before[2, 8])
    assert np.count_nonzero(np.any(frames != before, axis=-1)) == 2
    views = damaged("two views swapped", ramp)
    np.testing.assert_array_equal(views.intensity.values[0, 0], before[[0, 1, 6, 3, 4, 5, 2, 7, 8, 9, 10, 11]])
    np.testing.assert_array_equal(views.angle, ramp.angle)
    np.testing.assert_array_equal(damaged("angles with the wrong sign", ramp).angle, -ramp.angle)
    np.testing.assert_array_equal(damaged("no polarisation correction", ramp).polarization, np.ones(9))


def test_maps_that_are_renormalised_add_up_alike_where_there_is_material():
    """Above 0.3 of the largest sum all voxels get their mean; below that, nothing is changed."""
    defect = next(defect for defect in DEFECTS if defect.name == "maps renormalised in every voxel")
    maps = {"silicon": np.array([4.0, 2.0, 1.9, 0.1, -0.1]), "carbon": np.array([6.0, 4.0, 1.2, 2.7, 0.0])}
    changed = defect.result(maps, np.random.default_rng(1))
    mean = (10.0 + 6.0 + 3.1) / 3
    scale = np.array([mean / 10.0, mean / 6.0, mean / 3.1, 1.0, 1.0])
    for name, values in maps.items():
        np.testing.assert_allclose(changed[name], scale * values)


def test_splitting_shares_readings_and_forgets_it(ramp):
    """A quarter to either side, at the ends back to itself; of the variance a sixteenth and a quarter."""
    split = damaged("independent errors after pixel splitting", ramp)
    before = ramp.intensity.values[0, 0].astype(float)
    inner = before[..., :-2] / 4 + before[..., 1:-1] / 2 + before[..., 2:] / 4
    np.testing.assert_allclose(split.intensity.values[0, 0][..., 1:-1], inner, rtol=1e-6)
    first = 0.75 * before[..., 0] + 0.25 * before[..., 1]
    np.testing.assert_allclose(split.intensity.values[0, 0][..., 0], first, rtol=1e-6)
    variance = before[..., :-2] / 16 + before[..., 1:-1] / 4 + before[..., 2:] / 16
    np.testing.assert_allclose(split.variance.values[0, 0][..., 1:-1], np.maximum(variance, 1), rtol=1e-6)


def test_a_mean_weighted_by_counts_is_a_quarter_too_low(ramp):
    """Monte Carlo of the weighted mean of pixels with five counts: 24 % below the counts."""
    even = ramp.assign(intensity=ramp.intensity.copy(data=np.full(ramp.intensity.shape, 5000.0)))
    counts = np.random.default_rng(5).poisson(5.0, (4000, 1000))
    expected = np.mean(np.sum(counts > 0, axis=1) / np.sum(1 / np.maximum(counts, 1), axis=1)) / 5.0
    assert expected == pytest.approx(0.76, abs=0.01)
    np.testing.assert_allclose(damaged("mean weighted by 1/n", even).intensity / 5000.0, expected, rtol=3e-3)


def test_pixels_hold_five_counts_on_average_over_all_views(ramp):
    """Views of 2500 and 7500 counts share their pixels, a thousand each: 2.5 and 7.5 counts a pixel."""
    counts = np.full(ramp.intensity.shape, 2500.0)
    counts[:, :, 1::2] = 7500.0
    spoiled = damaged("mean weighted by 1/n", ramp.assign(intensity=ramp.intensity.copy(data=counts))).intensity.values
    rng = np.random.default_rng(6)
    for view, mean in ((0, 2.5), (1, 7.5)):
        drawn = rng.poisson(mean, (4000, 1000))
        expected = np.mean(np.sum(drawn > 0, axis=1) / np.sum(1 / np.maximum(drawn, 1), axis=1)) * 1000
        np.testing.assert_allclose(spoiled[0, 0, view], expected, rtol=5e-3)
