"""Absorption in the operator: a scatterer that is not where the attenuation is, in a disc whose ways out are chords."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.prepare.prepare import prepare_sinogram
from tsct.analyze.prepare.scattering_ways import detected_ways
from tsct.analyze.prepare.self_absorption import phase_factors, voxel_absorption
from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.analyze.tomography.projector import make_projector
from tsct.analyze.volume import make_images, reconstruct_tile
from tsct.records.errors import InputError, UsageError
from tsct.records.units import R_E_ANGSTROM, two_theta_rad, wavelength_angstrom

N, VOXEL, RADIUS, MU, ENERGY_KEV, MONITOR = 48, 0.1, 2.0, 0.6, 60.0, 1e12
GEOMETRY = ParallelGeometry.from_arrays(VOXEL * (np.arange(N) - (N - 1) / 2), np.arange(0, 180, 5.0))
#: the last channels scatter by about 34 degrees
Q = np.linspace(1.0, 18.0, 18)
X, Y = np.meshgrid(*[GEOMETRY.voxel_centres_mm] * 2)
#: a grain, of density one, and where to read it
GRAIN, CORE = np.hypot(X - 0.2, Y + 0.1) < 0.5, np.hypot(X - 0.2, Y + 0.1) < 0.3
RECIPE = Recipe(
    pdf=PdfRecipe(composition={"C": 1.0}), method="cgls", iterations=30, multiple_scattering=False, draws=20
)


def chord_out(x, y, turn):
    """Length from a point inside the disc to its rim."""
    along = x * np.cos(turn) + y * np.sin(turn)
    return -along + np.sqrt(np.maximum(RADIUS**2 - x**2 - y**2 + along**2, 0.0))


def way_out_over_straight(two_theta, angle):
    """For each voxel, photons seen by a detector on the side of falling translations only, by 400 azimuths."""
    azimuth = np.pi * ((np.arange(400) + 0.5) / 400 - 0.5)
    across, up = np.sin(two_theta) * np.cos(azimuth), np.sin(two_theta) * np.sin(azimuth)
    ahead = angle + np.pi / 2
    turn, stretch = ahead + np.arctan2(across, np.cos(two_theta)), 1 / np.sqrt(1 - up**2)
    x, y = X[GRAIN][:, None], Y[GRAIN][:, None]
    straight = np.exp(-MU * chord_out(X[GRAIN], Y[GRAIN], ahead))
    return np.exp(-MU * chord_out(x, y, turn) * stretch).mean(axis=1) / straight


@pytest.fixture(scope="module")
def scan():
    """Counts of a grain that scatters in an absorbing disc that does not, without noise."""
    angles = np.radians(GEOMETRY.angles_deg)
    chords = 2 * np.sqrt(np.maximum(RADIUS**2 - np.asarray(GEOMETRY.translations_mm) ** 2, 0.0))
    through = np.broadcast_to(np.exp(-MU * chords), (len(angles), N))
    columns = []
    for two_theta in two_theta_rad(Q, wavelength_angstrom(ENERGY_KEV)):
        share = np.zeros((len(angles), N, N), dtype=np.float32)
        share[:, GRAIN] = [way_out_over_straight(two_theta, angle) for angle in angles]
        columns.append(make_projector(GEOMETRY, share).forward(GRAIN[..., None].astype(np.float32))[..., 0])
    counts = np.stack(columns, axis=-1) * through[..., None] * MONITOR * R_E_ANGSTROM**2 * 1e7
    rays, ones = ("angle", "translation"), np.ones(len(Q))
    return xr.Dataset(
        {
            "intensity": ((*rays, "q"), counts.astype(np.float32), {"units": "counts"}),
            "monitor": (rays, np.full((len(angles), N), MONITOR), {"units": "photons"}),
            "transmission": (rays, through.copy(), {"units": "1"}),
            "solid_angle": ("q", ones, {"units": "sr"}),
            "polarization": ("q", ones, {"units": "1"}),
        },
        coords={
            "angle": ("angle", np.asarray(GEOMETRY.angles_deg), {"units": "deg"}),
            "translation": ("translation", np.asarray(GEOMETRY.translations_mm), {"units": "mm"}),
            "q": ("q", Q, {"units": "1/angstrom"}),
        },
        attrs={
            "energy_kev": ENERGY_KEV,
            "efficiency_applied": True,
            "distance_mm": 300.0,
            "detector_reach_mm": [1e9, 0.0, 1e9, 1e9],
        },
    )


def images(scan, recipe):
    return reconstruct_tile(prepare_sinogram(scan, recipe), GEOMETRY, CORE, recipe)


@pytest.mark.parametrize("method", ["cgls", "osem"])
def test_a_grain_comes_back_at_its_value_at_every_angle(scan, method):
    recipe = replace(RECIPE, method=method, draws=2)
    per_ray, per_voxel = (
        images(scan, replace(recipe, absorption_per_voxel=choice)).values[CORE].mean(axis=0) for choice in (False, True)
    )
    # one per cent is what the methods leave of a sharp grain of ten voxels
    np.testing.assert_allclose(per_voxel, 1.0, atol=0.02)
    np.testing.assert_allclose(per_voxel / per_voxel[0], 1.0, atol=0.004)
    # the mean over a ray is taken over all of the disc, whose ways out are shorter than those from its middle
    assert 0.94 < per_ray[-1] / per_ray[0] < 0.97


def test_errors_are_the_scatter_of_images_of_drawn_counts(scan):
    # a hundred thousand counts in the strongest rays
    scan = scan.isel(q=slice(15, 18))
    # and a few in all, as air has them: a frame without any would count as lost
    scan = scan.assign(
        monitor=scan.monitor.copy(data=scan.monitor * 1e-4),
        intensity=scan.intensity.copy(data=scan.intensity * 1e-4 + 5),
    )
    recipe = replace(RECIPE, absorption_per_voxel=True, iterations=8)
    sinogram = prepare_sinogram(scan, recipe)
    absorption = voxel_absorption(sinogram.attenuation, sinogram.channels, GEOMETRY)
    claimed = reconstruct_tile(sinogram, GEOMETRY, CORE, recipe).variance[CORE]
    random, few, values = np.random.default_rng(5), replace(recipe, draws=2), []
    for _ in range(20):
        drawn = scan.intensity.copy(data=random.poisson(scan.intensity.values).astype(np.float32))
        again = prepare_sinogram(scan.assign(intensity=drawn), recipe)
        images = make_images(again.lines, again.variance, GEOMETRY, few, CORE, absorption=absorption)
        values.append(images.values[CORE])
    # some thirty independent values in either of 20 draws: six per cent each
    assert claimed.mean() == pytest.approx(np.var(values, axis=0, ddof=1).mean(), rel=0.2)


def test_what_cannot_be_weighed_is_refused(scan):
    for change in ({"method": "fbp", "iterations": None}, {"backend": "astra"}, {"outgoing_absorption": False}):
        with pytest.raises(UsageError, match="absorption_per_voxel"):
            replace(RECIPE, absorption_per_voxel=True, **change)
    with pytest.raises(InputError, match="transmission"):
        images(scan.assign_attrs(transmission_applied=True), replace(RECIPE, absorption_per_voxel=True))


def test_a_phase_that_is_not_where_the_attenuation_is_has_a_way_out_of_its_own():
    """Against sums over the voxels of a ray, with chords of the disc as ways in and out."""
    two_theta, view = 0.5, 7
    disc = np.hypot(X, Y) < RADIUS
    ways = detected_ways(np.array([two_theta]))
    factors = phase_factors(MU * disc, np.stack([2.0 * disc, -1.0 * GRAIN, GRAIN]), GEOMETRY, ways)
    assert factors[..., :2] == pytest.approx(1.0, abs=1e-5)
    angle = np.radians(GEOMETRY.angles_deg[view])
    across = X * np.cos(angle) + Y * np.sin(angle)
    ray = int(np.argmin(np.abs(np.asarray(GEOMETRY.translations_mm) - 0.2 * np.cos(angle) + 0.1 * np.sin(angle))))
    on_it = np.abs(across - GEOMETRY.translations_mm[ray]) < VOXEL / 2
    azimuth = 2 * np.pi * (np.arange(200) + 0.5) / 200
    turn = angle + np.pi / 2 + np.arctan2(np.sin(two_theta) * np.cos(azimuth), np.cos(two_theta))
    stretch = 1 / np.sqrt(1 - (np.sin(two_theta) * np.sin(azimuth)) ** 2)

    def mean(voxels):
        x, y = X[voxels], Y[voxels]
        entered = np.exp(-MU * chord_out(x, y, angle - np.pi / 2))
        out = np.exp(-MU * chord_out(x[:, None], y[:, None], turn) * stretch).mean(axis=1)
        return (entered @ out) / (entered @ np.exp(-MU * chord_out(x, y, angle + np.pi / 2)))

    expected = mean(on_it & GRAIN) / mean(on_it & disc)
    assert abs(expected - 1) > 0.01
    assert factors[view, ray, 2] - 1 == pytest.approx(expected - 1, rel=0.15)
