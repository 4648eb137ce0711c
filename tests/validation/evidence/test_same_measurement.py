"""Recovered data are held to the truth of their own measurement, or to none."""

from dataclasses import replace

import numpy as np
import pytest

from tsct import phantoms, simulate
from tsct.phantoms.discharge import QUICK_POTENTIALS_V
from tsct.records.errors import InputError
from tsct.simulate.identity import identifier
from tsct.validation import score
from tsct.validation.evidence.same_measurement import check_same_run


def test_every_choice_makes_another_measurement():
    cell, beamline = phantoms.wragg2023(), simulate.id15a()
    others = [
        identifier(cell, beamline, 2),
        identifier(replace(cell, seed=1), beamline, 1),
        identifier(phantoms.wragg2023(phantoms.discharge("null")), beamline, 1),
        identifier(cell, replace(beamline, energy_kev=90.0), 1),
        identifier(cell, replace(beamline, scan=replace(beamline.scan, views=60)), 1),
    ]
    first = identifier(cell, beamline, 1)
    assert first == identifier(phantoms.wragg2023(), simulate.id15a(), 1) and len(first) == 16
    assert len({first, *others}) == 6


def test_the_chain_hands_on_the_name_of_the_measurement(twin):
    """Not the truth of the twin's sample alone: its truth with beamline and seed would say the same as the scan."""
    _, found = twin
    cell = phantoms.wragg2023(phantoms.discharge("small", QUICK_POTENTIALS_V))
    assert found.attrs["entry_identifier"] == identifier(cell, simulate.id15a(), 1)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"entry_identifier": "ffff"}, "entry_identifier is 'ffff', the truth has '0123' .another sample, beamline or"),
        ({"experiment": "mine"}, "experiment is 'mine', the truth has 'by hand'"),
        ({"seed": 6}, "seed is '6', the truth has '5'"),
        ({"energy_kev": 80.0}, "energy_kev is 80, the truth has 100"),
        ({"voxel_mm": float("nan")}, "voxel_mm is nan, the truth has 0.5"),
    ],
)
def test_another_measurement_is_refused(small, told, message):
    truth, found = small
    truth = truth.assign_attrs(entry_identifier="0123", energy_kev=100.0, voxel_mm=0.5)
    score(truth, found.assign_attrs(entry_identifier="0123", experiment="by hand", seed=5))
    with pytest.raises(InputError, match=f"not of the measurement that this truth is of: {message}.*give the truth"):
        score(truth, found.assign_attrs(told))


def test_a_new_calibration_is_the_same_measurement(small):
    truth, found = small
    check_same_run(found, truth.assign_attrs(energy_kev=100.1))


def test_other_states_and_slices_are_refused(small):
    truth, found = small
    moved = found.assign_coords(potential_v=found.potential_v - 0.01 * (found["state"] > 2))
    with pytest.raises(InputError, match=r"state 3 was taken at 0\.24 V, that of the truth at 0\.25 V"):
        score(truth, moved)
    with pytest.raises(InputError, match="holds slice 2, the truth ends at 1"):
        score(truth, found.assign_coords(slice=[1, 2]))
    # some states of the same series, and states at potentials that nobody wrote down
    score(truth, found.isel(state=[0, 3, 5]))
    score(truth, found.assign_coords(potential_v=np.nan * found.potential_v))


def test_what_states_nothing_is_compared(small):
    truth, found = small
    verdicts = {o.verdict for o in score(truth, {"silicon": found.silicon.values[0, 1]}).outcomes}
    assert "pass" in verdicts
