"""The gate tests itself: one seed of every planted defect; examples/gate_rates.py measures rates over many."""

import warnings

import numpy as np
import pytest
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
