"""Every fault: a size, a range, an off switch, a place in the truth, and none in the scan."""

from dataclasses import asdict, fields, replace

import numpy as np
import pytest

from tsct import simulate
from tsct.records.errors import InputError
from tsct.simulate import Faults, no_faults
from tsct.simulate.beamline.faults import COMMON, LIMITS
from tsct.simulate.scan import simulate_tile

#: what describes a fault that another key switches
DETAILS = {"refill_s", "zinger_counts", "hot_pixel_counts_per_s"}
NAMES = sorted({item.name for item in fields(Faults)} - DETAILS)


@pytest.fixture(scope="module")
def small(perfect):
    return replace(perfect, scan=replace(perfect.scan, views=6))


@pytest.fixture(scope="module")
def still(cell, small, table):
    return simulate_tile(cell, small, table, 1, 0, 0)


def test_every_fault_has_a_range_and_a_common_size():
    assert {item.name for item in fields(Faults)} == set(LIMITS)
    assert set(COMMON) == set(NAMES)
    for name, size in COMMON.items():
        low, high = LIMITS[name]
        assert low <= size <= high and size != 0.0


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_sizes_beyond_the_range_are_refused(name):
    low, high = LIMITS[name]
    for size in (high * 1.01, low - 0.01 * (high - low) - 1e-6, np.nan, np.inf):
        with pytest.raises(InputError, match=f"faults.{name} is .*; allowed are"):
            Faults(**{name: size})


@pytest.mark.parametrize("name", NAMES)
def test_each_fault_alone_changes_what_is_measured(cell, small, still, table, name):
    """At its common size, or one that strikes in a few frames; what it does exactly is tested where it is made."""
    size = {"zingers": 1e-3, "lost_frames": 0.05}.get(name, COMMON[name])
    line = replace(small, faults=replace(no_faults(), **{name: size}, refill_s=3.0))
    found = simulate_tile(cell, line, table, 1, 0, 0)
    changed = [key for key in still if not np.array_equal(found[key], still[key])]
    assert changed and set(changed) <= {"intensity", "monitor", "transmission"}
    # the experimenter is told nothing but that it is another measurement
    assert found.attrs["entry_identifier"] != still.attrs["entry_identifier"]
    assert found.attrs | {"entry_identifier": ""} == still.attrs | {"entry_identifier": ""}
    assert all(found[key].attrs == still[key].attrs for key in still.variables)


def test_without_faults_all_sizes_are_zero():
    sizes = asdict(no_faults())
    assert {name for name, size in sizes.items() if size} == DETAILS


def test_the_truth_holds_every_size(cell, small):
    line = replace(small, faults=Faults(**{name: COMMON[name] for name in NAMES}))
    record = simulate.truth(cell, line, seed=1)
    assert record.attrs["faults"] == asdict(line.faults)
    assert record.attrs["cell_tilt_deg"] == cell.geometry.tilt_deg
    assert record.attrs["missing_wedge_deg"] == 0.0 and record.attrs["share_outside_field"] == 0.0
    cut = replace(small, scan=replace(small.scan, translations=40, angular_range_deg=150.0))
    record = simulate.truth(cell, cut, seed=1)
    assert record.attrs["missing_wedge_deg"] == pytest.approx(30.0)
    # most of the tube, as the field is 5.2 of 7.0 mm wide
    assert 0.2 < record.attrs["share_outside_field"] < 0.6
