"""Laws of filtered back-projection: absolute level, orientation, and noise against a dense matrix and Monte Carlo."""

import numpy as np
import pytest
from scipy.special import erf

from tsct.analyze.tomography.fbp import fbp, fbp_variance, fbp_weights
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.records.errors import InputError, UsageError
from tsct.simulate.beampath.projector import project

#: sums of some ten thousand float32 terms, relative to the largest value
ROUND32 = 1e-5
FILTERS = ("ramp", "cosine", "hamming", "hann")
WINDOWS = {
    "ramp": lambda f: np.ones_like(f),
    "cosine": lambda f: np.cos(np.pi * f),
    "hamming": lambda f: 0.54 + 0.46 * np.cos(2 * np.pi * f),
    "hann": lambda f: 0.5 + 0.5 * np.cos(2 * np.pi * f),
}


def scan(n=60, views=90, step=0.13, axis=0.0, turn=180.0, lead=0.0):
    translations = (np.arange(n) - (n - 1) / 2) * step + lead
    return ParallelGeometry.from_arrays(translations, np.arange(views) * turn / views, axis)


def sinogram_of(maps, pixel, geometry):
    t = np.asarray(geometry.translations_mm)
    edges = np.append(t - geometry.step_mm / 2, t[-1] + geometry.step_mm / 2)
    return project(maps, pixel, geometry.angles_deg, edges, geometry.axis_mm)


def disc_sinogram(geometry, radius):
    """Exact bin averages of the chords of a disc of density one about the axis."""
    t = np.asarray(geometry.translations_mm) - geometry.axis_mm
    s = np.clip(np.stack([t - geometry.step_mm / 2, t + geometry.step_mm / 2]), -radius, radius)
    area = s * np.sqrt(radius**2 - s**2) + radius**2 * np.arcsin(s / radius)
    return np.tile((area[1] - area[0]) / geometry.step_mm, (len(geometry.angles_deg), 1))[..., None]


def distance(geometry):
    return np.hypot(*np.meshgrid(geometry.voxel_centres_mm, geometry.voxel_centres_mm))


def dense_matrix(geometry, window="ramp"):
    """FBP as a matrix (y, x, angle, translation), term by term; the kernel is a sum over its frequencies."""
    n, t0 = geometry.n, geometry.translations_mm[0]
    f = (np.arange(20000) + 0.5) / 40000
    kernel = {k: 2 * np.mean(f * WINDOWS[window](f) * np.cos(2 * np.pi * f * k)) / 2 for k in range(4 * n)}
    matrix = np.zeros((n, n, len(geometry.angles_deg), n))
    centres = geometry.voxel_centres_mm
    for iy, ix, a in np.ndindex(matrix.shape[:3]):
        theta = np.deg2rad(geometry.angles_deg[a])
        s = (geometry.axis_mm + centres[ix] * np.cos(theta) + centres[iy] * np.sin(theta) - t0) / geometry.step_mm
        low = int(np.floor(s))
        row = [(low + 1 - s) * kernel[abs(low - k)] + (s - low) * kernel[abs(low + 1 - k)] for k in range(n)]
        matrix[iy, ix, a] = row
    return matrix * geometry.angle_weights[:, None] / geometry.step_mm


@pytest.mark.parametrize("name", FILTERS)
def test_level_of_a_disc(name):
    geometry = scan(n=64, views=100, axis=0.05)
    core = distance(geometry) < 1.8
    found = fbp(disc_sinogram(geometry, 3.0), geometry, name)[core, 0]
    # baseline 3e-5: what the streaks of a sharp edge leave in the mean; a user is promised 0.5 %
    assert abs(found.mean(dtype=float) - 1.0) < 3e-4


@pytest.mark.parametrize("geometry", [scan(), scan(views=180, turn=360.0), scan(views=91, turn=360.0, axis=0.21)])
def test_outside_of_a_disc_is_empty_up_to_the_corners(geometry):
    found = fbp(disc_sinogram(geometry, 3.0), geometry)[distance(geometry) > 3.4, 0]
    assert abs(found.mean(dtype=float)) < 2e-4
    # streaks of a sharp edge in 90 views reach 0.03; without filtered rays beyond the field the corners are at 0.15
    assert np.abs(found).max() < 0.05


def test_absolute_and_second_order_against_a_gaussian():
    errors = []
    for n in (32, 64, 128):
        geometry = scan(n=n, views=2 * n, step=8.0 / n)
        theta, t = np.deg2rad(geometry.angles_deg)[:, None], np.asarray(geometry.translations_mm)
        s = t - 0.5 * np.cos(theta) + 0.3 * np.sin(theta)
        half = geometry.step_mm / 2
        sinogram = np.pi / 2 * (erf(s + half) - erf(s - half)) / geometry.step_mm
        y, x = np.meshgrid(geometry.voxel_centres_mm, geometry.voxel_centres_mm, indexing="ij")
        truth = np.exp(-((x - 0.5) ** 2) - (y + 0.3) ** 2)
        errors.append(np.sqrt(np.mean((fbp(sinogram[..., None], geometry)[:, :, 0] - truth) ** 2)))
    # bins and linear interpolation are both of second order
    assert np.abs(np.log2(np.divide(errors[:-1], errors[1:])) - 2.0).max() < 0.10
    # baseline 2.1e-4
    assert errors[-1] < 3e-4


@pytest.mark.parametrize(
    "geometry",
    [
        scan(n=41, views=60),
        scan(n=40, views=60, axis=0.37),
        scan(n=40, views=60, axis=-0.26, lead=-0.3),
        scan(n=40, views=90, turn=360.0, axis=0.2),
        scan(n=40, views=61, turn=-360.0),
    ],
)
def test_blob_appears_where_it_was_planted(geometry):
    fine = (np.arange(160) - 79.5) * 0.0325
    y, x = np.meshgrid(fine, fine, indexing="ij")
    planted = np.array([(0.7, -0.5), (-1.1, 0.2), (0.1, 1.3)])
    maps = np.exp(-((x - planted[:, :1, None]) ** 2 + (y - planted[:, 1:, None]) ** 2) / (2 * 0.25**2))
    image = fbp(sinogram_of(maps, 0.0325, geometry), geometry).astype(float)
    centres = geometry.voxel_centres_mm
    near = np.hypot(centres[None, :, None] - planted[:, 0], centres[:, None, None] - planted[:, 1]) < 0.8
    weight = image * near
    found = np.stack([np.einsum("yxc,x->c", weight, centres), np.einsum("yxc,y->c", weight, centres)], axis=-1)
    found /= weight.sum(axis=(0, 1))[:, None]
    # the circle that weighs is cut along voxels; baseline 0.008 of a voxel
    assert np.abs(found - planted).max() < 0.02 * geometry.voxel_mm


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("axis", [0.0, 0.31])
def test_equals_the_dense_matrix(name, axis):
    geometry = scan(n=11, views=13, step=0.4, axis=axis, turn=200.0)
    matrix, rng = dense_matrix(geometry, name), np.random.default_rng(3)
    rays, noise = rng.standard_normal((13, 11, 5)), rng.random((13, 11, 5))
    # the kernel of the matrix is a midpoint sum of 20000 terms, good to 1e-8
    image = np.einsum("yxas,asc->yxc", matrix, rays)
    assert np.abs(fbp(rays, geometry, name) - image).max() < ROUND32 * np.abs(image).max()
    variance = np.einsum("yxas,asc->yxc", matrix**2, noise)
    assert np.abs(fbp_variance(noise, geometry, name) - variance).max() < ROUND32 * variance.max()
    mask = rng.random((11, 11)) < 0.3
    weights = matrix[mask].mean(axis=0)
    assert np.abs(fbp_weights(mask, geometry, name) - weights).max() < 1e-7 * np.abs(weights).max()


@pytest.mark.parametrize("channels", [1, 3, 128, 300])
@pytest.mark.parametrize("views", [1, 5, 64, 70])
def test_channels_and_views_come_in_any_number(channels, views):
    geometry = scan(n=9, views=views)
    rays = np.random.default_rng(views).standard_normal((views, 9, channels))
    weights = fbp_weights(np.arange(81).reshape(9, 9) == 30, geometry)
    expected = np.einsum("as,asc->c", weights, rays)
    image = fbp(rays, geometry)
    assert image.shape == (9, 9, channels) and image.dtype == np.float32
    assert np.abs(image[3, 3] - expected).max() < ROUND32 * np.abs(image).max()


def test_weights_give_the_mean_of_a_region():
    geometry = scan(axis=0.1)
    rays = np.random.default_rng(8).random((90, 60, 2))
    mask = distance(geometry) < 2.0
    expected = fbp(rays, geometry)[mask].mean(axis=0, dtype=float)
    assert np.abs(np.einsum("as,asc->c", fbp_weights(mask, geometry), rays) - expected).max() < ROUND32


def test_variances_agree_with_monte_carlo():
    """Independent of any formula: draw noise, reconstruct, look. A defect of 8 % in one voxel would be seen."""
    geometry, rng = scan(n=24, views=30, axis=0.04), np.random.default_rng(11)
    noise = rng.uniform(0.2, 2.0, (30, 24))
    draws = 6000
    images = fbp(rng.standard_normal((30, 24, draws)) * np.sqrt(noise)[..., None], geometry)
    sigma = np.sqrt(2.0 / draws)
    ratio = images.var(axis=2, dtype=float) / fbp_variance(noise[..., None], geometry)[..., 0]
    # five standard deviations of a sample variance, the largest of 576 voxels
    assert np.abs(ratio - 1.0).max() < 5 * sigma
    mask = distance(geometry) < 1.0
    region = images[mask].mean(axis=0, dtype=float).var()
    expected = np.sum(fbp_weights(mask, geometry) ** 2 * noise)
    assert abs(region / expected - 1.0) < 4 * sigma
    # voxels are anti-correlated: white noise would predict several times more
    assert region < 0.5 * fbp_variance(noise[..., None], geometry)[mask].mean() / mask.sum()


def test_noise_factor():
    """sigma = c sigma_ray / (step sqrt(views)) with c^2 = pi^2/18 - 1/6 for the ramp with linear interpolation.

    The kernel has sum h^2 = 1/12 and sum h(k) h(k+1) = -1/(2 pi^2); uniform fractions t average (1-t)^2 + t^2 to 2/3
    and 2 t (1-t) to 1/3. In the views at 0 and 90 degrees all fractions are zero, which gives pi^2/12: 90 views have
    c = 0.626.
    """
    views = 90
    variance = fbp_variance(np.ones((views, 60, 1)), scan(n=60, views=views))[distance(scan()) < 2.5].mean(dtype=float)
    factor = np.sqrt(variance * views) * scan().step_mm
    expected = np.sqrt(((views - 2) * (np.pi**2 / 18 - 1 / 6) + 2 * np.pi**2 / 12) / views)
    # rays end 11 steps away and take 0.1 % with them; fractions of the other views are not quite uniform
    assert abs(factor / expected - 1.0) < 0.003
    assert expected == pytest.approx(0.626, abs=5e-4)


def test_reconstruction_commutes_with_any_transform_over_channels():
    geometry, rng = scan(n=20, views=24), np.random.default_rng(2)
    rays, transform = rng.random((24, 20, 40)), rng.standard_normal((40, 7))
    before, after = fbp(rays @ transform, geometry), fbp(rays, geometry) @ transform
    assert np.abs(before - after).max() < ROUND32 * np.abs(after).max()


def test_threads_change_nothing():
    geometry = scan(n=20, views=24)
    rays = np.random.default_rng(2).random((24, 20, 300))
    assert np.array_equal(fbp(rays, geometry), fbp(rays, geometry, threads=3))
    assert np.array_equal(fbp_variance(rays, geometry), fbp_variance(rays, geometry, threads=3))


def test_order_of_the_views_does_not_matter():
    geometry, order = scan(n=20, views=24), np.random.default_rng(4).permutation(24)
    rays = np.random.default_rng(2).random((24, 20, 3))
    mixed = ParallelGeometry.from_arrays(geometry.translations_mm, np.asarray(geometry.angles_deg)[order])
    expected = fbp(rays, geometry)
    assert np.abs(fbp(rays[order], mixed) - expected).max() < ROUND32 * np.abs(expected).max()


def test_density_scales_with_the_unit_of_length():
    rays = np.random.default_rng(2).random((24, 20, 3))
    mm, um = (fbp(rays * unit, scan(n=20, views=24, step=0.13 * unit)) for unit in (1.0, 1000.0))
    assert np.abs(mm - um).max() < ROUND32 * np.abs(mm).max()


@pytest.mark.parametrize(
    ("angles", "weights_deg"),
    [
        ([0, 45, 90, 135], [45, 45, 45, 45]),
        ([0, 90, 180, 270], [45, 45, 45, 45]),
        ([0, 90, 45, 135], [45, 45, 45, 45]),
        ([0, 60, 120, 180], [30, 60, 60, 30]),
        ([0, 120, 240], [60, 60, 60]),
        ([0, 20, 90], [55, 45, 80]),
        ([10, 10, 100], [45, 45, 90]),
        ([-1e-9, 90, 180 + 1e-9], [45, 90, 45]),
        ([37], [180]),
    ],
)
def test_views_count_for_their_gap_in_the_half_turn(angles, weights_deg):
    weights = ParallelGeometry.from_arrays([0.0, 1.0], angles).angle_weights
    # views are told apart to a millionth of a degree
    assert np.abs(np.rad2deg(weights) - weights_deg).max() < 2e-6
    assert abs(weights.sum() - np.pi) < 1e-12


def test_geometry_is_a_value():
    geometry = scan(n=4, views=3, axis=0.1)
    assert geometry == scan(n=4, views=3, axis=0.1) and hash(geometry) == hash(scan(n=4, views=3, axis=0.1))
    assert eval(repr(geometry)) == geometry
    assert geometry.n == 4 and geometry.voxel_mm == geometry.step_mm == pytest.approx(0.13, rel=1e-12)


@pytest.mark.parametrize(
    ("translations", "angles", "axis", "words"),
    [
        ([0.0], [0.0], 0.0, "two translations"),
        ([0.0, 1.0], [], 0.0, "one angle"),
        ([0.0, np.nan], [0.0], 0.0, "finite"),
        ([0.0, 1.0], [0.0], np.inf, "finite"),
        ([2.0, 1.0, 0.0], [0.0], 0.0, "reverse"),
        ([0.0, 1.0, 2.1], [0.0], 0.0, "uniform"),
    ],
)
def test_geometry_refuses(translations, angles, axis, words):
    with pytest.raises(InputError, match=words):
        ParallelGeometry.from_arrays(translations, angles, axis)


def test_refuses_what_it_cannot_reconstruct():
    geometry = scan(n=4, views=3)
    with pytest.raises(InputError, match="asks for"):
        fbp(np.zeros((4, 3, 1)), geometry)
    with pytest.raises(InputError, match="single channel"):
        fbp(np.zeros((3, 4)), geometry)
    with pytest.raises(InputError, match="finite"):
        fbp(np.full((3, 4, 1), np.nan), geometry)
    with pytest.raises(InputError, match="negative"):
        fbp_variance(np.full((3, 4, 1), -1.0), geometry)
    with pytest.raises(InputError, match="mask"):
        fbp_weights(np.zeros((4, 4)), geometry)
    with pytest.raises(UsageError, match="did you mean 'hann'"):
        fbp(np.zeros((3, 4, 1)), geometry, "han")
