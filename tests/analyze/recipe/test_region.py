"""Regions that a map decides: which voxels, from which tile, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from tsct import analyze
from tsct.analyze.chain import analyze_tile, default_recipe, with_region
from tsct.analyze.recipe import PdfRecipe, Recipe, Roi
from tsct.analyze.region import reference_tile
from tsct.records.errors import InputError, UsageError

PDF = PdfRecipe(composition={"Si": 0.5, "C": 0.5})
SQUARE = ((-2.0, -2.0), (2.0, -2.0), (2.0, 2.0), (-2.0, 2.0))


def test_voxels_are_inside_and_above():
    image = np.random.default_rng(1).random((10, 10))
    image[4, 4] = np.nan
    roi = Roi(polygon=SQUARE, map="silicon", above=0.4)
    decided = roi.decided(image, "1/angstrom^3")
    square = np.zeros((10, 10), dtype=bool)
    square[3:7, 3:7] = True
    assert np.array_equal(decided.mask(10), square & (image > 0.4))
    assert 0 < decided.mask(10).sum() < 15
    # of a decided region nothing is left to decide
    assert decided.decided(1 - image, "") == decided


def test_a_region_above_all_values_says_the_largest():
    image = np.zeros((10, 10), dtype=np.float32)
    image[0, 0], image[4, 5], image[5, 5] = 9.0, 0.0125, np.nan
    roi = Roi(polygon=SQUARE, map="silicon", above=0.02)
    with pytest.raises(InputError, match=r"no voxel has silicon above 0\.02 1/angstrom\^3.*16 voxels.*0\.0125$"):
        roi.decided(image, "1/angstrom^3")
    with pytest.raises(InputError, match="unknown"):
        roi.decided(np.full((10, 10), np.nan), "1/angstrom^3")


@pytest.mark.parametrize("half", [{"map": "silicon"}, {"above": 0.01}])
def test_a_map_needs_a_level_and_a_level_a_map(half):
    with pytest.raises(UsageError, match="need each other"):
        Roi(**half)


def test_a_map_that_no_tile_has_is_refused():
    with pytest.raises(UsageError, match="'silicom'; did you mean 'silicon'"):
        Recipe(pdf=PDF, roi=Roi(map="silicom", above=0.01))
    # components are found when all tiles are known
    with pytest.raises(UsageError, match="component_1"):
        Recipe(pdf=PDF, roi=Roi(map="component_1", above=0.01), components=2)


def test_the_reference_is_the_first_state_of_the_slice_that_is_followed():
    assert reference_tile([(3, 2), (1, 0), (4, 1), (2, 1), (0, 0), (0, 2)]) == (2, 1)
    assert reference_tile([(5, 0), (4, 0)]) == (4, 0)


def test_the_chain_decides_from_the_first_state(small_scan):
    recipe = default_recipe(small_scan)
    first, last = (small_scan.isel(state=i, slice=0) for i in (0, 1))
    circle = analyze_tile(first, recipe)
    inside = circle.roi.values.astype(bool)
    level = float(np.median(circle.silicon.values[inside]))
    wanted = replace(recipe, roi=replace(recipe.roi, map="silicon", above=level))
    chosen = inside & (circle.silicon.values > level)
    found = analyze.chain(small_scan, wanted)
    assert np.array_equal(found.roi.values.astype(bool), chosen)
    assert found.attrs["roi_threshold"] == f"silicon above {level:g} 1/angstrom^3 in the first state"
    assert "roi_radius_voxels" not in found.attrs
    # of the last state it would have been another one
    assert with_region(wanted, last).roi != with_region(wanted, first).roi
    # the map is linear in the patterns, and so is the mean of the region
    settled = analyze_tile(last, with_region(wanted, first))
    assert np.allclose(settled.roi_iq, settled.iq.values[chosen].mean(axis=0), rtol=1e-5)


def test_a_tile_alone_does_not_decide(small_scan):
    recipe = default_recipe(small_scan)
    wanted = replace(recipe, roi=Roi(map="silicon", above=0.004))
    with pytest.raises(UsageError, match=r"with_region"):
        analyze_tile(small_scan.isel(state=1, slice=0), wanted)


def test_the_voxels_of_an_object_and_their_centre():
    """Rows 6 to 8 and columns 2 to 4 of eleven: two voxels above the middle and two to the left of it."""
    mask = np.zeros((11, 11), dtype=bool)
    mask[6:9, 2:5] = True
    decided = Roi(from_object=True).inside(mask)
    assert (decided.x_voxels, decided.y_voxels, decided.from_object) == (-2.0, 2.0, False)
    np.testing.assert_array_equal(decided.mask(11), mask)
