"""A transmission that is none, at its limits."""

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.readers.factors import factor
from tsct.records.errors import InputError

SCAN = xr.Dataset(coords={"angle": np.arange(6.0), "translation": np.arange(9.0), "q": np.arange(4.0)})


def transmission(values):
    data = xr.Dataset({"transmission": (("angle", "translation"), values, {"units": "1"})})
    return factor(data, SCAN, "transmission", "scan")


@pytest.mark.parametrize(("level", "refused"), [(1.19, False), (1.21, True)])
def test_the_middle_of_a_transmission_is_at_most_a_little_above_one(level, refused):
    # higher values of a few frames do not matter
    values = np.full((6, 9), level)
    values[0, :4] = 50.0
    values[:, 1] = np.nan
    if refused:
        with pytest.raises(InputError, match=r"1\.21 in the middle of its values"):
            transmission(values)
    else:
        np.testing.assert_array_equal(transmission(values), values)


@pytest.mark.parametrize(("edge", "refused"), [(0.26, False), (0.24, True)])
def test_the_edges_of_the_field_let_more_through_than_half_of_the_inner_third(edge, refused):
    """0.5 in the middle three of nine translations, one beside them, and 0.26 or 0.24 at both ends."""
    values = np.tile([edge, 1.0, 1.0, 0.5, 0.5, 0.5, 1.0, 1.0, edge], (6, 1))
    if refused:
        with pytest.raises(InputError, match=r"0\.24 at the edges of the field and 0\.5 inside"):
            transmission(values)
    else:
        np.testing.assert_array_equal(transmission(values), values)
