"""A recipe travels as one attribute, and comes back as it was; what others state one by one is read too."""

import json

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.recipe import PdfRecipe, stated_recipe
from tsct.records.errors import InputError
from tsct.records.io import read_record, write_records

RECIPE = PdfRecipe(
    composition={"Si": 0.3, "C": 0.7}, q_min=0.7, q_max=19.0, q_max_inst=22.0, window="lorch", mode="adhoc",
    normalisation="krogh-moe", q_damp=0.01, q_broad=0.02, r_poly=1.1, r_max=9.0, r_step=0.05,
)  # fmt: skip


@pytest.mark.parametrize("recipe", [RECIPE, PdfRecipe(composition={"Si": np.float64(1.0)}, q_max=np.float64(20.0))])
def test_it_comes_back_from_memory_text_and_file(tmp_path, recipe):
    value = recipe.as_attribute()
    assert PdfRecipe.from_attribute(value) == recipe == PdfRecipe.from_attribute(json.dumps(value))
    found = xr.Dataset({"roi_gr": (("state", "r"), np.ones((1, 3)))}, attrs={"pdf_recipe": value})
    write_records(tmp_path / "found.h5", {"recovered": found})
    assert stated_recipe(read_record(tmp_path / "found.h5").attrs) == recipe


def test_the_one_attribute_wins():
    attrs = {"pdf_recipe": RECIPE.as_attribute(), "composition": {"O": 1.0}, "q_min": 5.0, "q_max": 6.0}
    assert stated_recipe(attrs) == RECIPE


def test_single_attributes_are_read_and_what_is_not_stated_was_not_done():
    needed = {"composition": {"Si": 1.0}, "q_min": 1.0, "q_max": 18.0}
    expected = PdfRecipe(composition={"Si": 1.0}, q_min=1.0, q_max=18.0, r_poly=0.0)
    assert stated_recipe(needed) == expected
    assert stated_recipe(needed | {"window": "lorch"}).window == "lorch"
    assert stated_recipe({**RECIPE.stated}).stated == RECIPE.stated
    for name in needed:
        assert stated_recipe({key: value for key, value in needed.items() if key != name}) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "pdf_recipe is of schema 2, this tsct reads 1; analyse the scan again"),
        ({"schema": None}, "of schema None"),
        ({"qmax": 3.0}, "unknown key 'qmax'; did you mean 'q_max'"),
        ({"q_max": "far"}, "cannot be used"),
        ({"composition": "Si"}, "cannot be used"),
        ({"window": "lorhc"}, "did you mean 'lorch'"),
        ({"q_min": 30.0}, "0 <= q_min < q_max"),
    ],
)
def test_what_is_no_recipe_is_refused_by_name(change, words):
    with pytest.raises(InputError, match=words):
        stated_recipe({"pdf_recipe": RECIPE.as_attribute() | change})


@pytest.mark.parametrize("value", ["{", "3", 3.0, "[1]"])
def test_what_is_no_table_is_refused(value):
    with pytest.raises(InputError, match="pdf_recipe is no table of choices"):
        stated_recipe({"pdf_recipe": value})


def test_the_ad_hoc_polynomial_has_one_degree_less():
    """Of PDFgetX3's nickel powder, r_poly 0.9 and q_max_inst 26.5: n = 7.592, of which it takes P of degree 6.592."""
    common = {"composition": {"Ni": 1.0}, "q_max": 26.0, "q_max_inst": 26.5, "r_poly": 0.9}
    assert abs(PdfRecipe(**common, mode="adhoc").polynomial_degree - 6.592) < 1e-3
    assert abs(PdfRecipe(**common, mode="absolute").polynomial_degree - 7.592) < 1e-3
