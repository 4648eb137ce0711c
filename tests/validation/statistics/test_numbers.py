"""Numbers as people read them."""

import math

import pytest

from tsct.validation.statistics.numbers import number, prose, window, with_unit


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.38397, "2.384"), (-3.3, "−3.3"), (0.0, "0"), (1e-7, "1e−07"), (478809.0, "4.788e+05"), (math.nan, "–")],
)
def test_number(value, text):
    assert number(value) == text


def test_units_follow_a_space_that_does_not_break():
    assert with_unit(2.4, "angstrom") == "2.4\u00a0Å"
    assert with_unit(2.4, "1") == "2.4"
    assert with_unit(0.48, "V") == "0.48\u00a0V"
    assert with_unit(math.nan, "angstrom") == "–"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (2.37, 2.4, "2.37 … 2.40\u00a0Å"),
        (-5.0, 5.0, "−5 … 5\u00a0Å"),
        (3.0, math.inf, "at least 3\u00a0Å"),
        (-math.inf, -3.0, "at most −3\u00a0Å"),
        (0.0, 0.0, "exactly 0\u00a0Å"),
        (-math.inf, math.inf, "any"),
    ],
)
def test_window(low, high, text):
    assert window(low, high, "angstrom") == text


@pytest.mark.parametrize(
    ("plain", "text"),
    [
        ("read 2.40 A; graphene", "read 2.40\u00a0Å; graphene"),
        ("height -3.304 1/A2", "height −3.304 Å⁻²"),
        ("1.42 A - 7.7/Qmax", "1.42\u00a0Å − 7.7/Qmax"),
        ("Si-Si, PRB 60, 13520 (1999), 0.97-1.03", "Si-Si, PRB 60, 13520 (1999), 0.97-1.03"),
        ("A shifted peak", "A shifted peak"),
    ],
)
def test_prose(plain, text):
    assert prose(plain) == text
