"""Iterative methods against the same steps on a dense matrix, against scipy and astra, and by what they promise."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse.linalg import lsqr

from tsct.analyze.tomography import backends
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.iterative import cgls, mlem, osem, sirt, total_variation
from tsct.records.errors import InputError, UsageError
from tsct.simulate.beampath.projector import project

SMALL = ParallelGeometry.from_arrays(np.arange(11) * 0.4 - 2.0, np.arange(14) * 180 / 14, 0.1)
METHODS = [
    lambda rays, geometry, **more: sirt(rays, geometry, 6, **more),
    lambda rays, geometry, **more: sirt(rays, geometry, 6, nonnegative=True, **more),
    lambda rays, geometry, **more: cgls(rays, geometry, 4, **more),
    lambda rays, geometry, **more: mlem(rays, geometry, 6, **more),
    lambda rays, geometry, **more: osem(rays, geometry, 2, subsets=3, **more),
    lambda rays, geometry, **more: total_variation(rays, geometry, 20, tv_weight=0.01, **more),
]


def dense_matrix(geometry, transmission=1.0):
    """Rays (angle and translation) times voxels, by the simulator's projector, in float64."""
    n, t = geometry.n, np.asarray(geometry.translations_mm)
    edges = np.append(t - geometry.step_mm / 2, t[-1] + geometry.step_mm / 2)
    alone = np.eye(n * n).reshape(n * n, n, n)
    matrix = project(alone, geometry.voxel_mm, geometry.angles_deg, edges, geometry.axis_mm)
    share = np.broadcast_to(transmission, (len(matrix), n, n)).reshape(len(matrix), 1, n * n)
    return (matrix * share).reshape(-1, n * n)


def flat(array):
    return np.asarray(array).reshape(array.shape[0] * array.shape[1], -1)


def blobs(geometry, noise=0.0, channels=3):
    """Positive images on the voxels and their rays with a little noise."""
    rng, x = np.random.default_rng(7), geometry.voxel_centres_mm
    half = -x[0]
    images = [
        h * np.exp(-((x - a * half) ** 2 + (x[:, None] - b * half) ** 2) / (2 * (0.2 * half) ** 2))
        for h, a, b in zip((1.0, 3.0, 0.5), (0.2, -0.3, 0.0), (-0.1, 0.3, 0.4), strict=True)
    ]
    truth = np.stack(images, axis=-1)[..., :channels]
    rays = (dense_matrix(geometry) @ flat(truth)).reshape(len(geometry.angles_deg), geometry.n, -1)
    return truth, np.maximum(rays + noise * rng.standard_normal(rays.shape), 0.0)


@pytest.mark.parametrize("nonnegative", [False, True])
def test_sirt_step_by_step(nonnegative):
    matrix, (_, rays) = dense_matrix(SMALL), blobs(SMALL, noise=0.3)
    b, x = flat(rays), np.zeros((121, 3))
    for _ in range(12):
        residual = (b - matrix @ x) / matrix.sum(axis=1, keepdims=True)
        x += matrix.T @ residual / matrix.sum(axis=0)[:, None]
        x = np.maximum(x, 0.0) if nonnegative else x
    found = flat(sirt(rays, SMALL, 12, nonnegative=nonnegative))
    assert np.abs(found - x).max() < 1e-5 * x.max()
    assert (found.min() < 0.0) != nonnegative


@pytest.mark.parametrize("iterations", [1, 3, 5])
def test_cgls_walks_the_krylov_space_as_lsqr_does(iterations):
    matrix, (_, rays) = dense_matrix(SMALL), blobs(SMALL, noise=0.3)
    found = flat(cgls(rays, SMALL, iterations))
    for channel, b in enumerate(flat(rays).T):
        expected = lsqr(matrix, b, atol=0.0, btol=0.0, conlim=0.0, iter_lim=iterations)[0]
        # baseline 2e-7 at 1, 3e-6 at 5; from some 8 on, any float32 code lags a step behind one in float64
        assert np.abs(found[:, channel] - expected).max() < 2e-5 * np.abs(expected).max()


def test_cgls_stays_where_it_has_arrived():
    """A well-posed problem, four times more rays than voxels: the least-squares solution, and no drift after it."""
    geometry = ParallelGeometry.from_arrays(np.arange(6) * 1.0 - 2.5, np.arange(30) * 6.0)
    rays = blobs(geometry, noise=0.1)[1]
    expected = np.linalg.lstsq(dense_matrix(geometry), flat(rays), rcond=None)[0]
    for iterations in (60, 400):
        assert np.abs(flat(cgls(rays, geometry, iterations)) - expected).max() < 1e-3 * np.abs(expected).max()


@pytest.mark.parametrize("subsets", [1, 3, 14])
def test_osem_step_by_step(subsets):
    matrix, (_, rays) = dense_matrix(SMALL).reshape(14, 11, 121), blobs(SMALL, noise=0.1)
    x = np.ones((121, 3)) * rays.sum(axis=(0, 1)) / matrix.sum()
    for _ in range(5):
        for start in range(subsets):
            part, b = matrix[start::subsets].reshape(-1, 121), flat(rays[start::subsets])
            projected, seen = part @ x, part.sum(axis=0) > 1e-6
            quotient = np.divide(b, projected, out=np.zeros_like(b), where=projected > 0.0)
            # a single view misses some corners, of which it can say nothing
            x[seen] *= (part.T @ quotient)[seen] / part.sum(axis=0)[seen, None]
    found = flat(osem(rays, SMALL, 5, subsets=subsets))
    assert np.abs(found - x).max() < 1e-4 * x.max()
    if subsets == 1:
        assert np.array_equal(flat(mlem(rays, SMALL, 5)), found)


def test_mlem_keeps_the_counts_and_climbs_the_likelihood():
    matrix, (_, rays) = dense_matrix(SMALL), blobs(SMALL, noise=0.3)
    likelihoods = []
    for iterations in (1, 2, 5, 10, 40):
        projected = matrix @ flat(mlem(rays, SMALL, iterations)).astype(float)
        assert np.abs(projected.sum(axis=0) / flat(rays).sum(axis=0) - 1.0).max() < 1e-5
        likelihoods.append((flat(rays) * np.log(projected) - projected).sum(axis=0))
    assert np.diff(likelihoods, axis=0).min() > 0.0


def edges_of(image):
    """Forward differences along both axes, none beyond the last voxel."""
    along_x, along_y = np.zeros_like(image), np.zeros_like(image)
    along_x[:, :-1], along_y[:-1] = np.diff(image, axis=1), np.diff(image, axis=0)
    return along_x, along_y


@pytest.mark.parametrize("nonnegative", [False, True])
@pytest.mark.parametrize("step", [1.0, 0.01])
def test_total_variation_reaches_the_minimum(nonnegative, step):
    """Second route: a quasi-Newton minimiser on the same objective with corners rounded by a ten-thousandth."""
    geometry = ParallelGeometry.from_arrays(np.arange(8) * step - 3.5 * step, np.arange(12) * 15.0)
    matrix, rays = dense_matrix(geometry), blobs(geometry, noise=2.0 * step, channels=1)[1]
    # below zero somewhere, so that the bound has work to do
    rays[:, 5] -= 3.0 * step
    b, share = rays.ravel(), 0.02
    weight = share * np.abs(matrix.T @ b).max()

    def objective(x, corner=0.0):
        along_x, along_y = edges_of(x.reshape(8, 8))
        length = np.sqrt(along_x**2 + along_y**2 + corner**2)
        return ((matrix @ x - b) ** 2).sum() / 2 + weight * length.sum()

    def slope(x, corner):
        along_x, along_y = edges_of(x.reshape(8, 8))
        length = np.sqrt(along_x**2 + along_y**2 + corner**2)
        along_x, along_y = along_x / length, along_y / length
        pull = -along_x - along_y
        pull[:, 1:] += along_x[:, :-1]
        pull[1:] += along_y[:-1]
        return matrix.T @ (matrix @ x - b) + weight * pull.ravel()

    scale = b @ b
    best = minimize(
        lambda x: objective(x, 1e-4) / scale,
        np.zeros(64),
        jac=lambda x: slope(x, 1e-4) / scale,
        method="L-BFGS-B",
        bounds=[(0.0 if nonnegative else None, None)] * 64,
        options={"maxiter": 20000, "maxfun": 20000, "ftol": 1e-14, "gtol": 1e-10},
    )
    found = total_variation(rays, geometry, 3000, tv_weight=share, nonnegative=nonnegative).astype(float).ravel()
    assert (found.min() < 0.0) != nonnegative
    # the rounded corners cost the minimiser some 1e-4, float32 costs us less
    assert abs(objective(found) / objective(best.x) - 1.0) < 1e-3
    assert np.abs(found - best.x).max() < 0.01 * np.abs(best.x).max()


def test_total_variation_denoises_a_sharp_disc():
    geometry = ParallelGeometry.from_arrays(np.arange(40) - 19.5, np.arange(30) * 6.0)
    truth = (np.hypot(*np.meshgrid(np.arange(40) - 19.5, np.arange(40) - 19.5)) < 12.0).astype(float)[..., None]
    edges = np.arange(41) - 20.0
    rays = project(truth[None, :, :, 0], 1.0, geometry.angles_deg, edges)
    rays = rays + np.random.default_rng(3).standard_normal(rays.shape)
    error = {
        "tv": total_variation(rays, geometry, 200, tv_weight=0.005) - truth,
        "sirt": sirt(rays, geometry, 30) - truth,
    }
    # baseline 0.056 against 0.111, which is the best that stopping early can do
    assert np.std(error["tv"]) < 0.6 * np.std(error["sirt"])


@pytest.mark.parametrize("method", [sirt, cgls])
def test_agrees_with_astra(method):
    pytest.importorskip("astra")
    geometry = ParallelGeometry.from_arrays(np.arange(24) * 0.4 - 4.5, np.arange(30) * 6.0, 0.15)
    rays = blobs(geometry, noise=0.1)[1].astype(np.float32)
    if method is sirt:
        found, theirs = sirt(rays, geometry, 40), backends.astra_sirt(rays, geometry, 40, False)
    else:
        found, theirs = cgls(rays, geometry, 5), backends.astra_cgls(rays, geometry, 5)
    # both walk the same path on the same strips; baseline 1e-6 and 7e-6
    assert np.abs(found - theirs).max() < 5e-5 * theirs.max()


@pytest.mark.parametrize("method", METHODS)
def test_absorption_is_undone(method):
    """Truth projected with every voxel's transmission, steep enough that ignoring it would be off by a third."""
    truth, x = blobs(SMALL)[0], SMALL.voxel_centres_mm
    depth = [np.cos(a) * x[:, None] - np.sin(a) * x for a in np.deg2rad(SMALL.angles_deg)]
    transmission = np.exp(0.3 * (np.asarray(depth) - 2.0))
    rays = (dense_matrix(SMALL, transmission) @ flat(truth)).reshape(14, 11, 3)
    with_it, without = (method(rays, SMALL, transmission=share) for share in (transmission, None))
    mass = truth.sum(axis=(0, 1))
    assert np.abs(with_it.sum(axis=(0, 1)) / mass - 1.0).max() < 0.05
    assert np.abs(without.sum(axis=(0, 1)) / mass - 1.0).min() > 0.3


@pytest.mark.parametrize("method", METHODS)
def test_scales_with_data_and_unit_of_length(method):
    rays = blobs(SMALL, noise=0.2)[1]
    expected = method(rays, SMALL)
    assert np.abs(method(5000.0 * rays, SMALL) / 5000.0 - expected).max() < 1e-4 * expected.max()
    um = ParallelGeometry.from_arrays(np.asarray(SMALL.translations_mm) * 1e3, SMALL.angles_deg, SMALL.axis_mm * 1e3)
    assert np.abs(method(1000.0 * rays, um) - expected).max() < 1e-4 * expected.max()


@pytest.mark.parametrize("method", METHODS)
def test_channels_do_not_mix_and_threads_change_nothing(method):
    rays = np.random.default_rng(9).random((14, 11, 150))
    # nothing in, nothing out, and no division by zero
    rays[..., 3] = 0.0
    together = method(rays, SMALL)
    assert together.shape == (11, 11, 150) and together.dtype == np.float32
    assert np.isfinite(together).all() and not together[..., 3].any()
    assert np.array_equal(together, method(rays, SMALL, threads=2))
    # the compiler sums a lone channel in another order
    assert np.abs(method(rays[..., 140:141], SMALL) - together[..., 140:141]).max() < 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_voxels_and_rays_that_never_meet_are_left_alone(method):
    """The axis lies at the edge of the field: half of the image is seen in some views only, or in none."""
    geometry = ParallelGeometry.from_arrays(np.arange(9.0), np.arange(4) * 20.0, -3.0)
    found = method(np.ones((4, 9, 1)), geometry)
    assert np.isfinite(found).all()


def test_refuses_what_it_cannot_reconstruct():
    rays = np.ones((14, 11, 1))
    with pytest.raises(UsageError, match="iterations = 0"):
        sirt(rays, SMALL, 0)
    with pytest.raises(UsageError, match="subsets = 15"):
        osem(rays, SMALL, 1, subsets=15)
    with pytest.raises(UsageError, match="tv_weight"):
        total_variation(rays, SMALL, 1, tv_weight=-0.1)
    with pytest.raises(InputError, match="2 negative"):
        mlem(np.where(np.arange(154).reshape(14, 11, 1) % 100 == 7, -1.0, rays), SMALL, 1)
    with pytest.raises(InputError, match="single channel"):
        cgls(np.ones((14, 11)), SMALL, 1)
    with pytest.raises(InputError, match="finite"):
        cgls(np.full((14, 11, 1), np.nan), SMALL, 1)
    with pytest.raises(InputError, match="transmission"):
        osem(rays, SMALL, 1, subsets=2, transmission=np.ones((14, 10, 11)))
