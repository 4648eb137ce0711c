"""Functions of distance called PDF: definitions on a crystal-like peak, round trips, and what they share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsct.analyze.pdf.conventions import convert
from tsct.records.errors import InputError, UsageError

R, DENSITY = np.arange(0.02, 10.0, 0.02), 0.05
FUNCTIONS = ("G", "D", "T", "RDF", "g")
#: closed form: four neighbours at 2.35 angstrom spread by 0.1 on nothing, as a radial distribution
RDF = 4.0 * np.exp(-0.5 * ((R - 2.35) / 0.1) ** 2) / (0.1 * np.sqrt(2 * np.pi))


def test_closed_forms_of_one_shell():
    assert np.sum(convert(R, RDF, "RDF", "RDF", DENSITY)) * 0.02 == pytest.approx(4.0, rel=1e-9)
    g = convert(R, RDF, "RDF", "g", DENSITY)
    np.testing.assert_allclose(g, RDF / (4 * np.pi * R**2 * DENSITY), atol=1e-13)
    np.testing.assert_allclose(convert(R, g, "g", "G", DENSITY), RDF / R - 4 * np.pi * R * DENSITY, atol=1e-12)
    np.testing.assert_allclose(convert(R, g, "g", "T", DENSITY), RDF / R, atol=1e-12)


def test_nothing_anywhere_is_the_line_of_low_distances():
    """g = 0 below the first bond: G = -4 pi r rho."""
    np.testing.assert_allclose(convert(R, 0 * R, "g", "G", DENSITY), -4 * np.pi * R * DENSITY, atol=1e-14)


@given(source=st.sampled_from(FUNCTIONS), target=st.sampled_from(FUNCTIONS), density=st.floats(1e-3, 0.3))
@settings(max_examples=50, deadline=None)
def test_there_and_back(source, target, density):
    values = np.sin(R) + 0.3
    back = convert(R, convert(R, values, source, target, density), target, source, density)
    np.testing.assert_allclose(back, values, atol=1e-10)


def test_volumes_convert_row_by_row():
    rows = np.stack([RDF, 2 * RDF]).reshape(2, 1, -1)
    assert np.array_equal(convert(R, rows, "RDF", "g", DENSITY)[1, 0], convert(R, 2 * RDF, "RDF", "g", DENSITY))


def test_what_cannot_be_converted_is_refused():
    with pytest.raises(UsageError, match="no function 'rdf'"):
        convert(R, RDF, "rdf", "G", DENSITY)
    with pytest.raises(InputError, match="positive"):
        convert(R - 0.02, RDF, "RDF", "G", DENSITY)
