"""Amounts of phases leave as image stacks and as a table, with the numbers that were recovered."""

import csv

import numpy as np
import pytest

from tsct.apps.run.export import export
from tsct.records.errors import InputError
from tsct.records.io import read_record


@pytest.fixture
def recovered(small_run):
    return read_record(small_run[0] / "recovered.h5", "recovered")


def test_stacks_hold_the_maps_in_the_order_of_the_file(small_run, recovered, tmp_path):
    tifffile = pytest.importorskip("tifffile")
    files = export(small_run[0], "tiff", tmp_path)
    phases = [str(phase) for phase in recovered.phase.values]
    assert {file.name for file in files} == {f"amount_{phase}{end}.tif" for phase in phases for end in ("", "_errors")}
    for phase in phases:
        for end in ("", "_errors"):
            expected = recovered[f"phase_amount{end}"].sel(phase=phase).transpose("state", "slice", "y", "x").values
            with tifffile.TiffFile(tmp_path / f"amount_{phase}{end}.tif") as file:
                found = file.asarray().reshape(expected.shape)
                x_resolution = file.pages[0].tags["XResolution"].value
            # pictures begin at the top
            np.testing.assert_array_equal(found[..., ::-1, :], expected.astype(np.float32))
            voxel = float(recovered.x[1] - recovered.x[0])
            assert x_resolution[1] / x_resolution[0] == pytest.approx(voxel, rel=1e-6)


def test_the_table_holds_the_amounts_of_the_region(small_run, recovered, tmp_path):
    (file,) = export(small_run[0], "csv", tmp_path)
    rows = list(csv.DictReader(file.read_text().splitlines()))
    states, slices, phases = (recovered.sizes[name] for name in ("state", "slice", "phase"))
    assert len(rows) == states * slices * phases
    inside = recovered.roi.values.astype(bool)
    for row in rows:
        tile = recovered.isel(state=int(row["state"]), slice=int(row["slice"])).sel(phase=row["phase"])
        assert float(row["amount_per_a3"]) == pytest.approx(tile.phase_amount.values[inside].mean(), rel=1e-4)
        assert float(row["potential_v"]) == pytest.approx(float(tile.potential_v), rel=1e-4)
        assert float(row["counting_error_per_a3"]) > 0


def test_without_phases_there_is_nothing_to_write(small_run, recovered, tmp_path, monkeypatch):
    bare = recovered.drop_vars(["phase_amount", "phase_amount_errors"])
    monkeypatch.setattr("tsct.apps.run.export_amounts.read_record", lambda *_: bare)
    with pytest.raises(InputError, match="holds no amounts of phases"):
        export(small_run[0], "csv", tmp_path)
