"""Images of a tile by any method the recipe names: their level, and errors that drawn sinograms confirm."""

from dataclasses import replace

import numpy as np
import pytest

from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.iterative import sirt
from tsct.analyze.tomography.padding import folded, padded
from tsct.analyze.tomography.reconstruct import reconstruct, reconstruct_variance
from tsct.analyze.volume import make_images
from tsct.records.errors import TsctWarning, UsageError

N, VIEWS, CHANNELS = 24, 30, 6
GEOMETRY = ParallelGeometry.from_arrays((np.arange(N) - (N - 1) / 2) * 0.13, np.arange(VIEWS) * 180.0 / VIEWS)
RADIUS = 1.2
X = np.hypot(GEOMETRY.voxel_centres_mm, GEOMETRY.voxel_centres_mm[:, None])
REGION = X < 0.6
RECIPE = Recipe(pdf=PdfRecipe(composition={"Si": 1.0}))
CHORD = 2 * np.sqrt(np.clip(RADIUS**2 - np.square(GEOMETRY.translations_mm), 0.0, None))
LINES = np.tile(CHORD[None, :, None], (VIEWS, 1, CHANNELS)).astype(np.float32) + np.float32(0.01)
VARIANCE = (1e-3 * LINES * np.linspace(1.0, 3.0, CHANNELS)).astype(np.float32)
CHOICES = {
    "fbp": {},
    "hann": {"filter": "hann"},
    "fbp, padded": {"padding": 6},
    "sirt": {"method": "sirt", "iterations": 30},
    "sirt, bound": {"method": "sirt", "iterations": 30, "nonnegative": True, "draws": 40},
    "cgls": {"method": "cgls", "iterations": 8, "draws": 40},
    "osem": {"method": "osem", "iterations": 4, "subsets": 5, "draws": 40},
    "tv": {"method": "tv", "iterations": 60, "draws": 40},
}


@pytest.mark.parametrize("choice", CHOICES)
def test_errors_are_the_scatter_of_drawn_images(choice):
    """Voxels and region against 300 independent draws: 8 % of a variance, and as much from the 40 draws of some."""
    recipe = replace(RECIPE, **CHOICES[choice])
    images = make_images(LINES, VARIANCE, GEOMETRY, recipe, REGION)
    assert abs(images.values[REGION].mean(dtype=float) - 1.0) < 0.02
    rng, draws = np.random.default_rng(5), 300
    noisy = LINES[..., :1] + np.sqrt(VARIANCE[..., :1]) * rng.standard_normal((VIEWS, N, draws)).astype(np.float32)
    if recipe.method == "osem":
        noisy = np.maximum(noisy, 0.0)
    found = reconstruct(noisy, GEOMETRY, recipe.method, **recipe.settings)
    ratio = found.var(axis=2, ddof=1)[REGION].mean() / images.variance[REGION][:, 0].mean()
    assert ratio == pytest.approx(1.0, abs=0.1)
    region = found[REGION].mean(axis=0, dtype=float).var(ddof=1) / images.region_variance[0]
    assert region == pytest.approx(1.0, abs=0.45 if recipe.draws == 40 else 0.35)
    if recipe.method == "tv":
        return  # flattens small noise more than large
    # three times the variance of the rays in the last channel
    assert images.variance[REGION][:, -1].mean() / images.variance[REGION][:, 0].mean() == pytest.approx(3.0, rel=0.3)


def test_the_rule_for_sirt_is_exact():
    """Unit rays, one a channel, give the columns of its matrix; the sum of their squares is the variance."""
    geometry = ParallelGeometry.from_arrays(np.arange(7.0) - 3.0, np.arange(0.0, 180.0, 30.0))
    unit = np.eye(42, dtype=np.float32).reshape(6, 7, 42)
    columns = sirt(unit, geometry, 12).astype(float)
    variance = np.random.default_rng(1).uniform(0.5, 2.0, (6, 7, 2)).astype(np.float32)
    expected = columns**2 @ variance.reshape(42, 2)
    found = reconstruct_variance(unit[..., :2], variance, geometry, "sirt", iterations=12)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_folding_is_the_transpose_of_padding():
    rng = np.random.default_rng(2)
    rays, weights = rng.normal(size=(VIEWS, N, 1)), rng.normal(size=(VIEWS, N + 10))
    wide, _ = padded(rays, GEOMETRY, 5)
    assert np.sum(wide[..., 0] * weights) == pytest.approx(np.sum(rays[..., 0] * folded(weights, 5)), rel=1e-12)


def test_truncation_is_told_and_masked():
    inner = ParallelGeometry.from_arrays(np.array(GEOMETRY.translations_mm[4:-4]), np.array(GEOMETRY.angles_deg))
    n = inner.n
    small = np.hypot(inner.voxel_centres_mm, inner.voxel_centres_mm[:, None]) < 0.4
    with pytest.warns(TsctWarning, match="leaves the field"):
        images = make_images(LINES[:, 4:-4], VARIANCE[:, 4:-4], inner, replace(RECIPE, padding=6), small)
    assert images.trusted[n // 2, n // 2] and not images.trusted.all()
    assert make_images(LINES, VARIANCE, GEOMETRY, RECIPE, REGION).trusted.all()


@pytest.mark.parametrize("change", [{"method": "sirt", "filter": "hann"}, {"iterations": 5}, {"draws": 1}])
def test_a_recipe_refuses_what_its_method_would_ignore(change):
    with pytest.raises(UsageError):
        replace(RECIPE, **change)


@pytest.mark.parametrize("choice", ["fbp", "hann", "fbp, padded", "sirt"])
def test_linear_errors_are_right_to_five_per_cent(choice):
    """Variance of z over N = 20 000 independent draws: within 0.952 to 1.050, five standard deviations sqrt(2/N)."""
    recipe, draws = replace(RECIPE, **CHOICES[choice]), 20_000
    geometry = ParallelGeometry.from_arrays((np.arange(12) - 5.5) * 0.26, np.arange(14) * 180.0 / 14)
    chord = 2 * np.sqrt(np.clip(RADIUS**2 - np.square(geometry.translations_mm), 0.0, None))
    rays = np.tile(chord[None, :, None], (14, 1, 1)).astype(np.float32)
    variance = (1e-3 * rays + 1e-5).astype(np.float32)
    centre = np.hypot(geometry.voxel_centres_mm, geometry.voxel_centres_mm[:, None]) < 0.5
    images = make_images(rays, variance, geometry, recipe, centre)
    noise = np.random.default_rng(9).standard_normal((14, 12, draws)).astype(np.float32)
    drawn = reconstruct(rays + np.sqrt(variance) * noise, geometry, recipe.method, **recipe.settings)
    for value, expected, error in (
        (drawn[5, 6], images.values[5, 6, 0], images.variance[5, 6, 0]),
        (drawn[2, 9], images.values[2, 9, 0], images.variance[2, 9, 0]),
        (drawn[centre].mean(axis=0, dtype=float), images.values[centre].mean(dtype=float), images.region_variance[0]),
    ):
        z = (value - expected) / np.sqrt(error)
        assert 0.952 < z.var(dtype=float) < 1.050
        assert abs(z.mean(dtype=float)) < 5 / np.sqrt(draws)
