"""The inverse crime: sharing an operator or a table makes a verdict meaningless, sharing neither does not."""

import math

import pytest
import xarray as xr

from tsct.records.provenance import source_hash
from tsct.validation.checks.inverse_crime import CHECKS
from tsct.validation.evidence.check import Evidence, NotRunError

MADE = {
    **{"forward_operator": "strips", "forward_operator_hash": "abc", "forward_tables": "xraydb", "supersampling": 4},
    "compton_tables": "xraylib",
}
OWN = {"forward_operator": "lines", "forward_operator_hash": "def", "forward_tables": "xraylib", "supersampling": 1}


def measured(found, made=None):
    truth = xr.Dataset(attrs=MADE if made is None else made)
    return CHECKS[0].measure(Evidence(truth=truth, recovered=xr.Dataset(attrs=found)))


def test_other_operator_and_table_are_no_crime():
    assert measured(OWN).value == 0.0


@pytest.mark.parametrize("name", ["forward_operator_hash", "forward_tables"])
def test_the_same_code_or_table_is_a_crime(name):
    result = measured(OWN | {name: MADE[name]})
    assert math.isnan(result.value) and name.replace("_", " ") in result.note


def test_the_same_kind_of_operator_needs_a_finer_truth():
    same = OWN | {"forward_operator": "strips"}
    assert measured(same).value == 0.0
    assert math.isnan(measured(same, MADE | {"supersampling": 2}).value)
    assert math.isnan(measured(same | {"forward_operator_hash": "abc"}).value)


def test_a_shared_compton_table_is_told():
    assert "one table" in measured(OWN | {"compton_tables": "xraylib"}).note


def test_silence_is_not_run():
    with pytest.raises(NotRunError):
        measured({})


def test_the_twin_states_what_it_is_made_of(twin):
    _truth, found = twin
    assert set(OWN) <= set(found.attrs)
    assert found.attrs["forward_operator_hash"] != source_hash(
        "tsct.simulate.beampath.projector", "tsct.simulate.beampath.sinogram"
    )


def test_hash_of_the_source_changes_with_it():
    assert source_hash("tsct.records.seeds") != source_hash("tsct.records.units")
    assert len(source_hash("tsct.records.seeds")) == 12
    with pytest.raises(ModuleNotFoundError):
        source_hash("tsct.records.nothing")
