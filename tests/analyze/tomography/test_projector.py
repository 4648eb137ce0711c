"""Laws of the projector: exact adjoint, the matrix term by term, mass, second order, and agreement with other codes."""

import numpy as np
import pytest
from scipy.special import erf

from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.projector import make_projector
from tsct.records.errors import InputError
from tsct.simulate.beampath.projector import project

#: sums of some thousand float32 terms, relative to the largest value
ROUND32 = 1e-5


def scan(n=24, views=30, step=0.13, axis=0.0, turn=180.0, lead=0.0):
    translations = (np.arange(n) - (n - 1) / 2) * step + lead
    return ParallelGeometry.from_arrays(translations, np.arange(views) * turn / views, axis)


GEOMETRIES = [
    scan(),
    scan(n=11, views=13, axis=0.31, turn=200.0),
    scan(n=33, views=9, axis=-0.2, lead=0.4, turn=-360.0),
    scan(n=2, views=1),
    scan(n=40, views=12, step=7.0),
]


def strips(maps, geometry):
    """Exact strip integrals by the simulator's projector, which shares no code with this one; (angle, t, map)."""
    t = np.asarray(geometry.translations_mm)
    edges = np.append(t - geometry.step_mm / 2, t[-1] + geometry.step_mm / 2)
    return project(maps, geometry.voxel_mm, geometry.angles_deg, edges, geometry.axis_mm)


def dense_matrix(geometry):
    """What each voxel alone throws on the rays; (angle, translation, y, x)."""
    n = geometry.n
    alone = np.eye(n * n).reshape(n * n, n, n)
    return strips(alone, geometry).reshape(-1, n, n, n)


def gaussian(geometry, x0, y0, width):
    """A Gaussian on the voxels and its exact bin averages."""
    theta, t = np.deg2rad(geometry.angles_deg)[:, None], np.asarray(geometry.translations_mm) - geometry.axis_mm
    s, half = t - x0 * np.cos(theta) - y0 * np.sin(theta), geometry.step_mm / 2
    at = [erf((s + side) / (np.sqrt(2) * width)) for side in (half, -half)]
    rays = np.pi * width**2 * (at[0] - at[1]) / geometry.step_mm
    x, y = np.meshgrid(geometry.voxel_centres_mm, geometry.voxel_centres_mm)
    return np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * width**2))[..., None], rays[..., None]


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("absorbing", [False, True])
def test_back_projection_is_the_adjoint(geometry, absorbing):
    rng, views, n = np.random.default_rng(1), len(geometry.angles_deg), geometry.n
    transmission = rng.random((views, n, n)) if absorbing else None
    projector = make_projector(geometry, transmission)
    image, rays = rng.standard_normal((n, n, 5)), rng.standard_normal((views, n, 5))
    forth, back = projector.forward(image).astype(float), projector.adjoint(rays).astype(float)
    size = np.sqrt((forth**2).sum() * (rays**2).sum())
    assert abs((forth * rays).sum() - (image * back).sum()) < 1e-6 * size


@pytest.mark.parametrize("geometry", GEOMETRIES[:4])
def test_equals_the_matrix_term_by_term(geometry):
    matrix, rng = dense_matrix(geometry), np.random.default_rng(2)
    views, n = matrix.shape[:2]
    image, rays = rng.random((n, n, 3)), rng.random((views, n, 3))
    projector = make_projector(geometry)
    expected = np.einsum("asyx,yxc->asc", matrix, image)
    assert np.abs(projector.forward(image) - expected).max() < ROUND32 * expected.max()
    expected = np.einsum("asyx,asc->yxc", matrix, rays)
    assert np.abs(projector.adjoint(rays) - expected).max() < ROUND32 * expected.max()


def test_mass_is_conserved_at_every_angle():
    geometry = scan(n=40, views=37, axis=0.05)
    image = np.random.default_rng(3).random((40, 40, 2))
    image[np.hypot(*np.meshgrid(geometry.voxel_centres_mm, geometry.voxel_centres_mm)) > 2.3] = 0.0
    mass = make_projector(geometry).forward(image).sum(axis=1, dtype=float) * geometry.step_mm
    expected = image.sum(axis=(0, 1)) * geometry.voxel_mm**2
    assert np.abs(mass / expected - 1.0).max() < 1e-6


def test_second_order_against_a_gaussian():
    errors = []
    for n in (32, 64, 128):
        image, rays = gaussian(scan(n=n, views=48, step=8.0 / n), 0.5, -0.3, 0.7)
        found = make_projector(scan(n=n, views=48, step=8.0 / n)).forward(image)
        errors.append(np.sqrt(np.mean((found - rays) ** 2)) / rays.max())
    assert np.abs(np.log2(np.divide(errors[:-1], errors[1:])) - 2.0).max() < 0.10
    # baseline 1.1e-4
    assert errors[-1] < 2e-4


def test_disc_casts_its_chords():
    geometry, radius = scan(n=96, views=60, step=0.1), 3.0
    fine = (np.arange(96 * 8) - (96 * 8 - 1) / 2) * 0.1 / 8
    inside = (fine**2 + fine[:, None] ** 2 <= radius**2).astype(float)
    disc = inside.reshape(96, 8, 96, 8).mean(axis=(1, 3))
    t = np.asarray(geometry.translations_mm)
    edge = np.clip(np.stack([t - 0.05, t + 0.05]), -radius, radius)
    chords = np.diff(edge * np.sqrt(radius**2 - edge**2) + radius**2 * np.arcsin(edge / radius), axis=0)[0] / 0.1
    found = make_projector(geometry).forward(disc[..., None])[..., 0]
    core = np.abs(t) < 2.7
    # a voxel on the rim spreads its part of the disc evenly, which moves either end by less than half a voxel;
    # baseline 0.35 of one
    assert np.abs(found[:, core] - chords[core]).max() < geometry.voxel_mm
    # over all angles this averages out, but for the curvature of the profile; baseline 0.002
    assert np.abs(found[:, core].mean(axis=0) / chords[core] - 1.0).max() < 0.004


def test_agrees_with_astra():
    astra = pytest.importorskip("astra")
    n, views = 48, 40
    geometry = scan(n=n, views=views, step=1.0)
    image, _ = gaussian(geometry, 5.0, -3.0, 4.0)
    shape = astra.create_vol_geom(n, n)
    rays = astra.create_proj_geom("parallel", 1.0, n, np.deg2rad(geometry.angles_deg))
    # astra counts rows from the top
    _, theirs = astra.create_sino(image[::-1, :, 0], astra.create_projector("strip", rays, shape))
    astra.clear()
    found = make_projector(geometry).forward(image)[..., 0]
    # its areas are float32 sums too; baseline 1.2e-5
    assert np.abs(found - theirs).max() < 4e-5 * theirs.max()


def test_transmission_weighs_each_voxel_in_each_view():
    geometry, rng = scan(n=9, views=5), np.random.default_rng(4)
    transmission, image = rng.random((5, 9, 9)), rng.random((9, 9, 2))
    found = make_projector(geometry, transmission).forward(image)
    plain = make_projector(geometry)
    expected = [plain.forward(image * transmission[view, :, :, None])[view] for view in range(5)]
    assert np.abs(found - expected).max() < ROUND32 * found.max()


@pytest.mark.parametrize("channels", [1, 3, 128, 300])
def test_channels_come_in_any_number_and_do_not_mix(channels):
    geometry = scan(n=9, views=7)
    image = np.random.default_rng(5).random((9, 9, channels))
    projector = make_projector(geometry)
    together = projector.forward(image, threads=2)
    assert together.shape == (7, 9, channels) and together.dtype == np.float32
    assert np.allclose(together[..., -1:], projector.forward(image[..., -1:]), rtol=ROUND32, atol=0)


def test_threads_change_nothing():
    image = np.random.default_rng(6).random((24, 24, 300))
    projector = make_projector(scan())
    rays = projector.forward(image)
    assert np.array_equal(rays, projector.forward(image, threads=3))
    assert np.array_equal(projector.adjoint(rays), projector.adjoint(rays, threads=3))


def test_refuses_what_does_not_fit():
    projector = make_projector(scan(n=4, views=3))
    with pytest.raises(InputError, match="single channel"):
        projector.forward(np.zeros((4, 4)))
    with pytest.raises(InputError, match="asks for"):
        projector.adjoint(np.zeros((4, 3, 1)))
    with pytest.raises(InputError, match="finite"):
        projector.forward(np.full((4, 4, 1), np.inf))
    for transmission in (np.ones((3, 4, 5)), -np.ones((3, 4, 4)), np.full((3, 4, 4), np.nan)):
        with pytest.raises(InputError, match="transmission"):
            make_projector(scan(n=4, views=3), transmission)
