"""What any chain may hand over: parts of the layout, in any order, and nothing that is not what it says it is."""

import json

import h5py
import numpy as np
import pytest
import xarray as xr

from tsct.analyze.recipe import PdfRecipe, stated_recipe
from tsct.records.errors import InputError
from tsct.records.io.files import write_records
from tsct.records.schema import RECOVERED
from tsct.validation import score
from tsct.validation.evidence.recovered import complete_recovered
from tsct.validation.evidence.recovered_files import read_recovered


def ran(scores):
    return {o.check.id for o in scores.outcomes if o.verdict != "not run"}


def test_our_own_record_stays_as_it_is(small):
    truth, found = small
    xr.testing.assert_identical(
        complete_recovered(found, truth)[list(found.data_vars)].drop_attrs(), found.drop_attrs()
    )


@pytest.mark.parametrize("name", ["silicon", "carbon"])
def test_one_map_alone(small, name):
    """A chain that makes one image of one slice is scored on it, and on nothing else."""
    truth, found = small
    scores = score(truth, {name: found[name].values[0, 1]})
    assert ran(scores)
    assert all(check.startswith(("map.", "electrode.overlap")) for check in ran(scores))
    assert {check.partition("[")[2] for check in ran(scores) if check.startswith("map.")} == {f"{name}]"}


def test_axes_in_any_order(small):
    truth, found = small
    turned = found[["silicon", "carbon"]].transpose("x", "y", "slice", "state")
    assert score(truth, turned).document() == score(truth, found[["silicon", "carbon"]]).document()


def test_a_volume_gives_the_region_and_the_scatter(small):
    truth, _ = small
    rng = np.random.default_rng(1)
    q, error = np.linspace(1, 20, 200), 0.1
    clean = np.exp(-q / 10) * np.linspace(1, 2, 100).reshape(10, 10, 1)
    noisy = clean + error * rng.standard_normal(clean.shape)
    whole = {"iq": noisy, "iq_errors": np.full_like(noisy, error), "roi": np.ones((10, 10)), "q": q}
    record = complete_recovered(whole, truth)
    np.testing.assert_allclose(record.roi_iq.values[0], noisy.mean(axis=(0, 1)))
    assert record.attrs["reference_density"] == 1.0
    # of 100 voxels, components take more of the strongest noise than is allowed for
    assert record.noise_ratio.item() == pytest.approx(1.0, abs=0.1)
    assert record.noise_ratio_joined.item() == pytest.approx(1.0, abs=0.1)
    free = xr.Dataset({"iq": (("y", "x", "q"), noisy, {"units": "arbitrary"})}, coords={"q": q})
    assert "reference_density" not in complete_recovered(free.assign(roi=(("y", "x"), np.ones((10, 10)))), truth).attrs


def test_units_are_converted_or_refused(small):
    truth, found = small
    curve = found[["roi_gr"]].copy()
    curve["roi_gr"].attrs["units"] = "counts"
    with pytest.raises(InputError, match=r"'roi_gr' is in 'counts'"):
        complete_recovered(curve, truth)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"Silicon": np.ones((10, 10))}, "unknown array 'Silicon'; did you mean 'silicon'"),
        (xr.Dataset({"silikon": ("x", [1.0])}), "nothing to compare among silikon; did you mean 'silicon'"),
        ({"silicon": np.ones((9, 9))}, "9 voxels along y, the truth has 10 of 0.5 mm"),
        ({"silicon": np.ones((10, 10)), "y": -0.5 * (np.arange(10) - 4.5)}, "flip or shift the maps"),
        ({"silicon": np.ones((2, 2, 2, 2, 2))}, "5 axes"),
        ({"roi_gr": np.ones(5), "r": np.ones(6)}, "contradict"),
        (xr.Dataset({"silicon": (("y", "z"), np.ones((10, 10)))}), r"dims .* expected \(state, slice, y, x\)"),
        ({}, "nothing to compare"),
        (None, "the chain returned NoneType"),
        (np.ones((10, 10)), "the chain returned ndarray"),
    ],
)
def test_what_cannot_be_meant_is_refused(small, result, message):
    with pytest.raises(InputError, match=message):
        score(small[0], result)


@pytest.mark.parametrize("name", ["silicon", "carbon"])
def test_one_nan_in_the_electrode_never_passes(small, name):
    truth, found = small
    image = found[name].values[0, 1].copy()
    image[5, 5] = np.nan
    both = (score(truth, {name: values}).outcomes for values in (found[name].values[0, 1], image))
    before, after = ({o.check.id: o.verdict for o in outcomes} for outcomes in both)
    compared = {check for check, verdict in before.items() if verdict != "not run"}
    assert compared and "pass" not in {after[check] for check in compared}


def test_plain_files(tmp_path, small):
    truth, found = small
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as handle:
        handle["silicon"] = found.silicon.values[0, 1]
        handle["roi_gr"], handle["r"] = found.roi_gr.values[0], found.r.values / 10
        handle["r"].attrs["units"] = "nm"
        handle.attrs.update(q_max=20.0, q_min=0.8, composition="Si0.3 C0.7")
    record = complete_recovered(read_recovered(path), truth)
    np.testing.assert_allclose(record.r.values, found.r.values)
    assert record.silicon.dims == RECOVERED.fields["silicon"].dims
    assert record.attrs["composition"] == pytest.approx({"Si": 0.3, "C": 0.7})


def test_the_transform_is_stated_once_or_one_by_one(small):
    """One attribute wins; after the door both say the same."""
    truth, found = small
    curve = found[["roi_gr"]].drop_attrs()
    recipe = PdfRecipe(composition={"Si": 1.0}, q_max=18.0, window="lorch")
    for value in (recipe.as_attribute(), json.dumps(recipe.as_attribute())):
        record = complete_recovered(curve.assign_attrs(pdf_recipe=value, q_max=24.0, composition="O"), truth)
        assert stated_recipe(record.attrs) == recipe
        assert record.attrs["q_max"] == 18.0 and record.attrs["composition"] == {"Si": 1.0}
        assert record.attrs["q_max_inst"] == 18.0 and record.attrs["r_poly"] == recipe.polynomial_range
    single = complete_recovered(curve.assign_attrs(composition="Si0.5 C0.5", q_min=1.0, q_max=20.0), truth)
    assert stated_recipe(single.attrs).r_poly == 0.0
    assert "pdf_recipe" not in complete_recovered(curve.assign_attrs(q_max=20.0), truth).attrs
    with pytest.raises(InputError, match="analyse the scan again"):
        complete_recovered(curve.assign_attrs(pdf_recipe={"schema": 9}), truth)


def test_mapped_files(tmp_path, small):
    truth, found = small
    path, mapping = tmp_path / "theirs.h5", tmp_path / "mapping.toml"
    with h5py.File(path, "w") as handle:
        handle["deep/inside/map"] = found.silicon.values[0, 1].T
    mapping.write_text('[silicon]\npath = "/deep/inside/map"\ndims = ["x", "y"]\nunits = "1/angstrom^3"\n')
    record = complete_recovered(read_recovered(path, mapping), truth)
    np.testing.assert_allclose(record.silicon.values[0, 0], found.silicon.values[0, 1])


def test_our_files_and_others(tmp_path, small):
    _, found = small
    write_records(tmp_path / "ours.h5", {"recovered": found})
    assert set(read_recovered(tmp_path / "ours.h5")) == set(found)
    with h5py.File(tmp_path / "none.h5", "w") as handle:
        handle["something"] = 1.0
    with pytest.raises(InputError, match=r"no dataset of the layout at the root \(it holds something\)"):
        read_recovered(tmp_path / "none.h5")
