"""Answers about voxels from the rays are those of images of all channels, whatever the size of the blocks."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from tsct.analyze.chain import analyze_tile, default_recipe
from tsct.analyze.prepare.prepare import prepare_sinogram
from tsct.analyze.ray_images import voxel_images
from tsct.analyze.readers import read_scan
from tsct.analyze.recipe import PhasePattern
from tsct.analyze.tomography.rotation_axis import find_geometry
from tsct.analyze.volume import Images, reconstruct_tile

MAPPING = """
[intensity]
path = "i"
dims = ["translation", "angle", "q"]
units = "counts"
[q]
path = "q"
[angle]
path = "angle"
[translation]
path = "translation"
[attrs]
energy_kev = 100.0
sample_composition = "Si0.4 C0.6"
solid_angle_applied = true
polarization_applied = true
efficiency_applied = true
monitor_applied = true
transmission_applied = true
"""


@pytest.fixture(scope="module")
def coarse(small_scan):
    return small_scan.isel(state=0, slice=0, q=slice(None, None, 4))


@pytest.fixture(scope="module")
def recipe(small_scan):
    return replace(default_recipe(small_scan), padding=4, filter="hann", remove_stripes=True)


@pytest.fixture(scope="module")
def both(coarse, recipe):
    """The same tile by its rays and by images of all channels."""
    sinogram = prepare_sinogram(coarse, recipe)
    totals = sinogram.total, sinogram.total_variance
    geometry, _ = find_geometry(*totals, sinogram.translations_mm, sinogram.angles_deg)
    tile = sinogram, geometry, recipe.roi.mask(geometry.n), recipe
    return voxel_images(*tile), reconstruct_tile(*tile)


def close(found, expected, tolerance=1e-5):
    np.testing.assert_allclose(found, expected, atol=tolerance * np.abs(expected).max())


def test_the_region_needs_no_image(both):
    rays, images = both
    assert isinstance(images, Images) and not isinstance(rays, Images)
    for name in ("region", "region_variance", "typical_variance"):
        close(getattr(rays, name), getattr(images, name))
    assert np.array_equal(rays.trusted, images.trusted)


def test_sums_over_channels_are_images_of_sums_over_channels(both):
    rays, images = both
    weights = np.random.default_rng(4).normal(size=(3, len(images.region)))
    for found, expected in zip(
        rays.functionals(weights, weights**2), images.functionals(weights, weights**2), strict=True
    ):
        assert found.dtype == np.float32
        close(found, expected)
    close(rays.squares(np.abs(weights[0])), images.squares(np.abs(weights[0])))


def test_single_voxels_and_means_of_some(both):
    rays, images = both
    rows, columns = np.array([3, 30, 41, 59]), np.array([0, 31, 12, 59])
    where = np.zeros(images.trusted.shape, dtype=bool)
    where[20:28, 31:40] = True
    for question in (
        lambda each: each.patterns(rows, columns),
        lambda each: each.mean(where),
        lambda each: each.volumes(),
    ):
        for found, expected in zip(question(rays), question(images), strict=True):
            close(found, expected)


@pytest.fixture(scope="module", params=["own", "mapped"])
def tile(request, small_scan, tmp_path_factory):
    """A tile of ours, or its counts as another program may have stored them, without the beam or the transmission."""
    own = small_scan.isel(state=0, slice=0)
    if request.param == "own":
        return own
    file = tmp_path_factory.mktemp("mapped") / "scan.h5"
    with h5py.File(file, "w") as handle:
        per_ray = own.monitor * own.transmission
        handle["i"] = np.round((own.intensity * float(per_ray.mean()) / per_ray).transpose("translation", ...).values)
        for name in ("q", "angle", "translation"):
            handle[name] = own[name].values
            handle[name].attrs["units"] = own[name].attrs["units"]
    (mapping := file.with_suffix(".toml")).write_text(MAPPING)
    return read_scan(file, mapping)


@pytest.mark.parametrize("threads", [2, 5])
def test_blocks_of_any_size_give_the_same_record(tile, recipe, threads):
    """Five ranges of 128 channels one by one, by twos, or all at once; as many as there are threads."""
    recipe = replace(recipe, remove_stripes=False, padding=0)
    q = tile.q.values
    patterns = (100 * np.exp(-(((q - 3) / 6) ** 2)), 36 * np.exp(-(((q - 1) / 5) ** 2)))
    names = zip(("one", "two"), patterns, strict=True)
    phases = tuple(PhasePattern(name=name, q=tuple(q), intensity=tuple(row)) for name, row in names)
    one, more = (analyze_tile(tile, replace(recipe, phases=phases), volumes=False, threads=n) for n in (1, threads))
    for name, array in one.data_vars.items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(more[name].values, array.values, rtol=1e-10, err_msg=str(name))


def test_maps_do_not_depend_on_whether_volumes_are_made(coarse, recipe):
    with_volumes, without = (analyze_tile(coarse, recipe, volumes=wanted) for wanted in (True, False))
    assert {"iq", "hr", "iq_errors", "hr_errors"} == set(with_volumes.data_vars) - set(without.data_vars)
    assert without.identical(with_volumes[list(without.data_vars)])
