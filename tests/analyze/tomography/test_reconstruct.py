"""One signature over all methods and backends: absolute scale, place, noise, and what is refused."""

import subprocess
import sys

import numpy as np
import pytest

from tsct.analyze import reconstruct
from tsct.analyze.recipe.methods import BACKENDS
from tsct.analyze.tomography.backends import INSTALL
from tsct.analyze.tomography.fbp import fbp, fbp_variance
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.projector import make_projector
from tsct.analyze.tomography.reconstruct import METHODS, _gamma, reconstruct_variance
from tsct.records.errors import InputError, TsctWarning, UsageError

EVERY = [(backend, method) for backend, methods in METHODS.items() for method in methods]
ROUND32 = 1e-5


def scan(n=44, views=60, step=0.13, axis=0.0, turn=180.0, lead=0.0):
    translations = (np.arange(n) - (n - 1) / 2) * step + lead
    return ParallelGeometry.from_arrays(translations, np.arange(views) * turn / views, axis)


GEOMETRIES = {
    "even": scan(),
    "odd, full turn, axis off": scan(n=43, views=91, turn=360.0, axis=0.19),
    "backwards, field off": scan(turn=-180.0, lead=0.3),
    "uneven": ParallelGeometry.from_arrays(
        (np.arange(44) - 21.5) * 0.13, np.r_[np.arange(0, 90, 2), np.arange(90, 180, 3)]
    ),
}


def disc(geometry, radius, x0=0.0, y0=0.0):
    """Exact bin averages of the chords of a disc of density one."""
    theta, t = np.deg2rad(geometry.angles_deg)[:, None], np.asarray(geometry.translations_mm) - geometry.axis_mm
    s, half = t - x0 * np.cos(theta) - y0 * np.sin(theta), geometry.step_mm / 2
    edge = np.clip(np.stack([s - half, s + half]), -radius, radius)
    area = edge * np.sqrt(radius**2 - edge**2) + radius**2 * np.arcsin(edge / radius)
    return ((area[1] - area[0]) / geometry.step_mm)[..., None]


def away(geometry, x0=0.0, y0=0.0):
    x = geometry.voxel_centres_mm
    return np.hypot(x - x0, x[:, None] - y0)


def installed(backend):
    return backend == "tsct" or pytest.importorskip({"skimage": "skimage.transform"}.get(backend, backend))


@pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)
@pytest.mark.parametrize(("backend", "method"), EVERY)
def test_a_disc_comes_back_at_its_value_and_place(backend, method, geometry):
    """Two discs of very different density. Orientation, sign, half voxels, 1/2, pi and the voxel all show here."""
    installed(backend)
    x0, y0 = 0.6, -0.45
    sinogram = disc(geometry, 1.5, x0, y0) * np.array([1.0, 4000.0])
    image = reconstruct(sinogram, geometry, method, backend=backend)
    distance = away(geometry, x0, y0)
    level = image[distance < 1.15].mean(axis=0, dtype=float) / [1.0, 4000.0]
    assert np.abs(level - 1.0).max() < 0.01
    x, weight = geometry.voxel_centres_mm, image[..., 0] * (distance < 2.0)
    centre = np.array([(weight * x).sum(), (weight * x[:, None]).sum()]) / weight.sum(dtype=float)
    # a tenth of a voxel; half a voxel is what packages differ by. Baseline 0.03
    assert np.abs(centre - [x0, y0]).max() < 0.1 * geometry.voxel_mm


@pytest.mark.parametrize("name", ["cosine", "hamming", "hann"])
@pytest.mark.parametrize("backend", ["astra", "skimage"])
def test_windows_mean_the_same_everywhere(backend, name):
    installed(backend)
    geometry = scan(n=43)
    x0, width = 0.4, 0.5
    theta, t = np.deg2rad(geometry.angles_deg)[:, None], np.asarray(geometry.translations_mm)
    blob = np.exp(-((t - x0 * np.cos(theta)) ** 2) / (2 * width**2))[..., None]
    ours, theirs = (reconstruct(blob, geometry, filter=name, backend=b) for b in ("tsct", backend))
    plain, near = reconstruct(blob, geometry), away(geometry) < 2.0
    assert np.abs(ours - theirs)[near].max() < 0.005 * plain.max()
    # a window that did nothing would pass the line above only if ours did nothing either
    assert np.abs(ours - plain)[near].max() > 0.005 * plain.max()


@pytest.mark.parametrize("method", ["sirt", "tv", "sart"])
def test_nonnegative_where_it_can_be_asked_for(method):
    backend = "skimage" if method == "sart" else "tsct"
    installed(backend)
    sinogram = disc(scan(), 1.5)
    free, bound = (reconstruct(sinogram, scan(), method, backend=backend, nonnegative=n) for n in (False, True))
    assert free.min() < -1e-3 and bound.min() >= 0.0
    assert abs(bound[away(scan()) < 1.1].mean(dtype=float) - 1.0) < 0.01


def test_astra_keeps_to_the_bound_too():
    installed("astra")
    sinogram = disc(scan(), 1.5)
    bound = reconstruct(sinogram, scan(), "sirt", backend="astra", nonnegative=True)
    assert bound.min() >= 0.0 > reconstruct(sinogram, scan(), "sirt", backend="astra").min()


@pytest.mark.parametrize("backend", INSTALL)
def test_missing_package_is_named(backend, monkeypatch):
    def none(module):
        raise ModuleNotFoundError(f"No module named '{module}'")

    monkeypatch.setattr("tsct.analyze.tomography.backends.import_module", none)
    with pytest.raises(UsageError, match=INSTALL[backend]):
        reconstruct(disc(scan(), 1.5), scan(), backend=backend)


def test_packages_are_imported_when_used_only():
    modules = "import sys, tsct.analyze; print(sorted({'astra', 'skimage', 'tomopy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", modules], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"backend": "astr"}, "did you mean 'astra'"),
        ({"method": "sir"}, "did you mean 'sirt'"),
        ({"method": "mlem", "backend": "astra"}, "has no method 'mlem'; it has fbp, sirt, cgls"),
        ({"filter": "hamm"}, "did you mean 'hamming'"),
        ({"method": "sirt", "filter": "hann"}, "takes no filter"),
        ({"method": "fbp", "iterations": 5}, "takes no iterations"),
        ({"method": "cgls", "nonnegative": True}, "takes no nonnegative"),
        ({"method": "sirt", "tv_weight": 0.1}, "takes no tv_weight"),
        ({"method": "mlem", "subsets": 2}, "takes no subsets"),
        ({"method": "fbp", "transmission": np.ones((60, 44, 44))}, "takes no transmission"),
        ({"method": "sirt", "backend": "astra", "transmission": np.ones((60, 44, 44))}, "takes no transmission"),
        ({"backend": "astra", "threads": 2}, "takes no threads"),
        ({"method": "sirt", "iterations": 0}, "iterations = 0"),
        ({"padding": -1}, "padding = -1"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_refuses_settings_that_would_not_be_obeyed(arguments, words):
    with pytest.raises(UsageError, match=words):
        reconstruct(disc(scan(), 1.5), scan(), **arguments)


def test_refuses_rays_that_do_not_fit():
    with pytest.raises(InputError, match="single channel"):
        reconstruct(np.zeros((60, 44)), scan())
    with pytest.raises(InputError, match="finite"):
        reconstruct(np.full((60, 44, 1), np.nan), scan(), "sirt")
    with pytest.raises(InputError, match="negative"):
        reconstruct(np.full((60, 44, 1), -1.0), scan(), "mlem")
    with pytest.raises(InputError, match="must be like the sinogram"):
        reconstruct_variance(np.zeros((60, 44, 2)), np.zeros((60, 44, 1)), scan())
    with pytest.raises(InputError, match="not be negative"):
        reconstruct_variance(np.zeros((60, 44, 1)), -np.ones((60, 44, 1)), scan())
    with pytest.raises(UsageError, match="draws = 1"):
        reconstruct_variance(np.zeros((60, 44, 1)), np.ones((60, 44, 1)), scan(), "cgls", draws=1)


def test_gaps_are_warned_of_but_reconstructed():
    wedge = scan(views=40, turn=120.0)
    with pytest.warns(TsctWarning, match="wedge"):
        image = reconstruct(disc(wedge, 1.5), wedge, "sirt")
    assert abs(image[away(wedge) < 0.5].mean() - 1.0) < 0.1
    with pytest.warns(TsctWarning, match="leaves the field"):
        reconstruct(disc(scan(), 3.2), scan())


@pytest.mark.parametrize("method", ["fbp", "sirt", "mlem", "tv"])
def test_padding_brings_a_truncated_disc_closer(method):
    geometry, radius = scan(), 3.5
    core = away(geometry) < 2.0
    error = {}
    for padding in (0, 8):
        with pytest.warns(TsctWarning, match="leaves the field"):
            image = reconstruct(disc(geometry, radius), geometry, method, padding=padding)
        assert image.shape == (44, 44, 1)
        error[padding] = np.abs(image[core] - 1.0).mean()
    assert error[8] < 0.5 * error[0]


def test_transmission_is_padded_with_the_image():
    geometry, rng = scan(n=20, views=24), np.random.default_rng(5)
    share = rng.uniform(0.5, 1.0, (24, 20, 20))
    rays = disc(geometry, 0.8)
    wide = ParallelGeometry.from_arrays((np.arange(26) - 12.5) * 0.13, geometry.angles_deg)
    more = np.pad(share, ((0, 0), (3, 3), (3, 3)), "edge")
    expected = reconstruct(np.pad(rays, ((0, 0), (3, 3), (0, 0))), wide, "sirt", transmission=more)[3:-3, 3:-3]
    found = reconstruct(rays, geometry, "sirt", transmission=share, padding=3)
    assert np.abs(found - expected).max() < ROUND32


def test_variance_of_fbp_is_the_exact_one():
    geometry, rng = scan(n=24, views=20), np.random.default_rng(6)
    rays, variance = rng.random((20, 24, 3)), rng.random((20, 24, 3))
    found = reconstruct_variance(rays, variance, geometry, filter="hann")
    assert np.array_equal(found, fbp_variance(variance, geometry, "hann"))


def test_variance_of_padded_fbp_knows_that_edges_are_copied():
    """Against the square of every weight, read off images of single rays."""
    geometry, rng = scan(n=10, views=7), np.random.default_rng(7)
    variance = rng.random((7, 10, 2)).astype(np.float32)
    alone = np.eye(70).reshape(7, 10, 70)
    with pytest.warns(TsctWarning):
        weights = reconstruct(alone, geometry, padding=4).astype(float)
    expected = weights.reshape(100, 70) ** 2 @ variance.reshape(70, 2).astype(float)
    found = reconstruct_variance(np.zeros((7, 10, 2)), variance, geometry, padding=4).reshape(100, 2)
    assert np.abs(found - expected).max() < ROUND32 * expected.max()
    independent = fbp_variance(variance, geometry).reshape(100, 2)
    assert np.abs(found - independent).max() > 0.05 * expected.max()


def test_drawn_variance_of_a_linear_method_meets_the_exact_one():
    """SIRT from zeros is linear: its weights are images of single rays. A defect of 4 % in the mean would be seen.

    A bound that no voxel reaches makes it count as not linear, and so its sinograms are drawn.
    """
    geometry, rng, draws = scan(n=12, views=16), np.random.default_rng(8), 400
    variance = rng.uniform(0.5, 2.0, (16, 12, 1))
    with pytest.warns(TsctWarning):
        weights = reconstruct(np.eye(192).reshape(16, 12, 192), geometry, "sirt", iterations=10).astype(float)
    expected = weights.reshape(144, 192) ** 2 @ variance.reshape(192)
    far = make_projector(geometry).forward(np.full((12, 12, 1), 1e4))
    with pytest.warns(TsctWarning):
        assert reconstruct(far, geometry, "sirt", iterations=10).min() > 10.0
    drawn = {"iterations": 10, "draws": draws, "nonnegative": True}
    found = reconstruct_variance(far, variance, geometry, "sirt", **drawn).ravel()
    exact = reconstruct_variance(far, variance, geometry, "sirt", iterations=10).ravel()
    np.testing.assert_allclose(exact, expected, rtol=1e-4)
    sigma = np.sqrt(2.0 / (draws - 1))
    # five standard deviations for the largest of 144 voxels; their mean scatters less, by what neighbours share
    assert np.abs(found / expected - 1.0).max() < 5.0 * sigma
    assert abs((found / expected).mean() - 1.0) < 0.04


def test_draws_depend_on_the_seed_alone():
    geometry = scan(n=12, views=16)
    rays = np.random.default_rng(9).uniform(1.0, 2.0, (16, 12, 2))
    first, again, other = (
        reconstruct_variance(rays, 0.01 * rays, geometry, "mlem", iterations=5, draws=3, seed=seed)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_draws_for_positive_methods_have_the_right_moments():
    mean = np.repeat(np.float32([0.0, 0.5, 3.0, 3.0]), 200_000).reshape(4, -1)
    variance = np.repeat(np.float32([1.0, 2.0, 0.5, 0.0]), 200_000).reshape(4, -1)
    drawn = _gamma(mean, variance, np.random.default_rng(10)).astype(float)
    assert drawn.min() >= 0.0 and np.isfinite(drawn).all()
    # four standard deviations of the mean and of the variance of a gamma distribution of shape 1/8
    assert np.allclose(drawn.mean(axis=1), [0.0, 0.5, 3.0, 3.0], atol=4 * np.sqrt(2.0 / 200_000))
    assert np.allclose(drawn.var(axis=1), [0.0, 2.0, 0.5, 0.0], atol=4 * 2.0 * np.sqrt(50.0 / 200_000))


def test_fbp_is_the_default():
    geometry = scan(n=24, views=20)
    rays = np.random.default_rng(11).random((20, 24, 3)) * disc(geometry, 1.0)
    assert np.array_equal(reconstruct(rays, geometry), fbp(rays, geometry))


def test_every_named_method_has_its_function():
    assert {backend: tuple(methods) for backend, methods in METHODS.items()} == BACKENDS
