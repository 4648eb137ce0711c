"""The page of layouts: what contradicts it is refused by name, and versions that cannot be read say what to do."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import InputError
from tsct.records.schema import (
    AXES,
    COMPARED,
    PHASES,
    RECOVERED,
    SCAN,
    TRUTH,
    VERSION,
    Field,
    Schema,
    check,
    check_version,
    unknown,
)
from tsct.records.units import unit_factor


def filled(schema, *names):
    """A dataset of ones with these variables as the schema has them, each dim of size two."""
    wanted = {name: schema.fields[name] for name in names}
    shapes = {name: np.ones([2] * len(known.dims)) for name, known in wanted.items()}
    return xr.Dataset({name: schema.variable(name, shapes[name]) for name in names})


@pytest.mark.parametrize("schema", [SCAN, TRUTH, PHASES, RECOVERED], ids=lambda schema: schema.name)
def test_every_field_as_written_is_accepted_and_otherwise_refused_by_name(schema):
    required = [name for name, known in schema.fields.items() if known.required]
    for name, known in schema.fields.items():
        if "*" in name or known.dims == (name,):
            continue
        record = filled(schema, *dict.fromkeys([*required, name]))
        check(record, schema, "source")
        if known.dims:
            wrong = (*known.dims[:-1], "elsewhere")
            turned = record.assign({name: (wrong, record[name].values, record[name].attrs)})
            with pytest.raises(InputError, match=f"source: '{name}' has dims"):
                check(turned, schema, "source")
        if known.units is not None:
            record[name].attrs["units"] = "furlong"
            with pytest.raises(InputError, match=f"source: '{name}' has units 'furlong', expected '"):
                check(record, schema, "source")
    for name in required:
        with pytest.raises(InputError, match=f"no variable '{name}'"):
            check(filled(schema, *(other for other in required if other != name)), schema, "source")


def test_leading_dims_are_free_and_swapped_ones_are_not():
    record = filled(SCAN, *(name for name, known in SCAN.fields.items() if known.required))
    check(record.expand_dims(state=3), SCAN, "scan")
    with pytest.raises(InputError, match="'intensity' has dims"):
        check(record.assign(intensity=record.intensity.transpose("translation", "angle", "q")), SCAN, "scan")


def test_a_star_stands_for_any_word():
    assert RECOVERED.field("phase_graphite").units == "1/angstrom^3"
    assert RECOVERED.field("component_3").dims == ("state", "slice", "y", "x")
    assert RECOVERED.field("component_spectra").dims == ("component", "q_binned")
    assert RECOVERED.field("of nobody") is None
    assert list(unknown(xr.Dataset({"mine": 1.0, "roi": (("y", "x"), np.ones((1, 1)))}), RECOVERED)) == ["mine"]


def test_patterns_without_a_scale_may_have_other_units():
    record = filled(RECOVERED, "roi_iq")
    for units in ("electron units/atom", "arbitrary"):
        record.roi_iq.attrs["units"] = units
        check(record, RECOVERED, "found")
    assert not RECOVERED.fields["roi_gr"].other_units


def test_attributes_that_are_asked_for():
    schema = Schema(name="thing", fields={}, attrs={"seed": int})
    check(xr.Dataset(attrs={"seed": 3}), schema, "file")
    with pytest.raises(InputError, match="file: attribute 'seed' is missing; a thing needs a whole number there"):
        check(xr.Dataset(), schema, "file")


def test_the_tables_are_frozen_and_their_units_are_known():
    with pytest.raises(FrozenInstanceError):
        SCAN.fields["monitor"].units = "counts"
    assert {*COMPARED, *AXES} <= {*RECOVERED.fields}
    lengths = [known for schema in (SCAN, TRUTH, RECOVERED) for known in schema.fields.values() if known.units == "mm"]
    assert lengths and all(unit_factor("um", known.units) == pytest.approx(1e-3) for known in lengths)
    assert Field(("q",), "1") == Field(("q",), "1")


@pytest.mark.parametrize(
    ("version", "advice"),
    [
        (None, "by no known tsct .*write it again"),
        (0, "write it again"),
        (VERSION + 1, "by a newer tsct .*upgrade tsct"),
        ("2", "write it again"),
        (True, "write it again"),
    ],
)
def test_other_versions_are_refused_with_what_to_do(version, advice):
    with pytest.raises(InputError, match=rf"run\.h5: .*{advice}"):
        check_version(version, "run.h5")
    for readable in (1, VERSION, np.int64(VERSION)):
        check_version(readable, "run.h5")
