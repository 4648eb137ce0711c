"""What the simulator and the chain hand over is what the page of layouts says, and nothing else."""

import numpy as np
import pytest

from tsct import analyze
from tsct.analyze.chain import default_recipe
from tsct.analyze.recipe import stated_recipe
from tsct.records.errors import InputError
from tsct.records.schema import RECOVERED, SCAN, check, unknown


def test_scan_and_recovered_data_follow_their_schemas(small_scan):
    found = analyze.chain(small_scan)
    for record, schema in ((small_scan, SCAN), (found, RECOVERED)):
        check(record, schema, schema.name)
        assert not list(unknown(record, schema))
    assert stated_recipe(found.attrs) == default_recipe(small_scan).pdf


def test_a_scan_with_other_dims_or_units_is_refused_by_name(small_scan):
    wrong = small_scan.assign(transmission=small_scan.transmission.assign_attrs(units="%"))
    with pytest.raises(InputError, match="'transmission' has units '%', expected '1'"):
        analyze.chain(wrong)
    turned = small_scan.assign(monitor=small_scan.monitor.transpose(..., "translation", "angle"))
    with pytest.raises(InputError, match=r"'monitor' has dims .*expected \(\.\.\., angle, translation\)"):
        analyze.chain(turned)
    assert np.all(np.isfinite(small_scan.intensity))
