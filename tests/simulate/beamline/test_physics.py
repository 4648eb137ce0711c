"""What photons do in every sample: a range, an off switch, a place in the truth, and no part of the faults."""

from dataclasses import asdict, replace

import numpy as np
import pytest

from tsct import simulate
from tsct.records.errors import InputError
from tsct.simulate import Faults, Physics, no_faults, point_sample
from tsct.simulate.beamline.physics import SHARES
from tsct.simulate.scan import expected_tile


def test_nature_is_the_default_and_no_fault():
    assert set(asdict(Physics())) == set(SHARES) and set(asdict(Physics()).values()) == {1.0}
    assert not set(SHARES) & set(asdict(Faults()))
    # a perfect beamline still measures a sample of finite size
    assert simulate.Beamline(faults=no_faults()).physics == Physics()
    assert set(asdict(point_sample()).values()) == {0.0}


@pytest.mark.parametrize("name", sorted(SHARES))
def test_shares_beyond_the_range_are_refused(name):
    low, high = SHARES[name]
    for size in (high * 1.01, low - 1e-6, np.nan, np.inf):
        with pytest.raises(InputError, match=f"physics.{name} is .*; allowed are"):
            Physics(**{name: size})


def test_each_alone_changes_the_counts_in_proportion(cell, perfect, table):
    """Half a share is half of the change of the expected counts."""
    line = replace(perfect, scan=replace(perfect.scan, views=6))

    def counts(physics):
        return expected_tile(cell, replace(line, physics=physics), table, 0, 1).intensity.values.astype(float)

    none = counts(point_sample())
    bright = none > 1e-3 * none.max()
    for name in SHARES:
        half, whole = (
            counts(replace(point_sample(), **{name: share}))[bright] / none[bright] - 1 for share in (0.5, 1.0)
        )
        assert np.abs(whole).max() > 2e-4
        # counts are single precision
        np.testing.assert_allclose(half, whole / 2, atol=5e-7)


def test_the_truth_holds_every_share_and_the_scan_none(cell, perfect, table):
    line = replace(perfect, scan=replace(perfect.scan, views=6), physics=Physics(multiple_scattering=0.5))
    record = simulate.truth(cell, line, seed=1)
    assert record.attrs["physics"] == {"parallax": 1.0, "outgoing_absorption": 1.0, "multiple_scattering": 0.5}
    other = expected_tile(cell, replace(line, physics=point_sample()), table, 0, 1).attrs | {"entry_identifier": ""}
    assert expected_tile(cell, line, table, 0, 1).attrs | {"entry_identifier": ""} == other


def test_nothing_is_larger_than_it_is_but_double_scattering_up_to_ten_times():
    assert {name: high for name, (_, high) in SHARES.items() if high != 1.0} == {"multiple_scattering": 10.0}
    assert Physics(multiple_scattering=10.0).multiple_scattering == 10.0
    with pytest.raises(InputError, match="allowed are 0 to 10"):
        Physics(multiple_scattering=10.5)
