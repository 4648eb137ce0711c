"""Ways out of a sample and photons that scatter twice: against chords of a disc, and photons followed one by one."""

import numpy as np
import pytest

from tsct.analyze.prepare import attenuation
from tsct.analyze.prepare.prepare import prepared
from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.analyze.tomography.geometry import ParallelGeometry

N, VOXEL, RADIUS, MU = 60, 0.1, 2.0, 0.3
GEOMETRY = ParallelGeometry.from_arrays(VOXEL * (np.arange(N) - (N - 1) / 2), np.arange(0, 180, 20.0))


def disc(mu=MU):
    """A disc about the axis with the share of each voxel that lies inside."""
    fine = VOXEL / 5 * (np.arange(5 * N) - (5 * N - 1) / 2)
    inside = np.hypot(*np.meshgrid(fine, fine)) <= RADIUS
    return mu * inside.reshape(N, 5, N, 5).mean(axis=(1, 3))


def chord_out(x, y, turn):
    """Length from a point inside the disc to its rim."""
    along = x * np.cos(turn) + y * np.sin(turn)
    return -along + np.sqrt(RADIUS**2 - x**2 - y**2 + along**2)


def test_depths_are_the_chords_of_a_disc():
    depth = attenuation.exit_depths(disc(), VOXEL)
    x, y = VOXEL * (36 - 29.5), VOXEL * (22 - 29.5)
    turn = 2 * np.pi * np.arange(attenuation.DIRECTIONS) / attenuation.DIRECTIONS
    # half a voxel at the rim and half at the start
    np.testing.assert_allclose(depth[:, 22, 36], MU * chord_out(x, y, turn), atol=0.5 * VOXEL * MU)


def test_a_photon_that_goes_straight_on_needs_no_correction():
    factors = attenuation.out_factors(disc(), GEOMETRY, attenuation.detected_ways(np.array([0.0])))
    np.testing.assert_allclose(factors, 1.0, atol=1e-6)


def followed(offset, two_theta, low_side_only):
    """Mean of exp(-out) / exp(-straight on) over the chord of a disc, the beam along y and translation along x."""
    half = np.sqrt(RADIUS**2 - offset**2)
    y = half * ((np.arange(400) + 0.5) / 200 - 1)
    azimuth = np.pi * (np.arange(360) + 0.5) / 360 * (0.5 if low_side_only else 2)
    across, up = np.sin(two_theta) * np.cos(azimuth), np.sin(two_theta) * np.sin(azimuth)
    # a positive part across leads towards falling translation, -x
    turn, stretch = np.arctan2(np.cos(two_theta), -across), 1 / np.sqrt(1 - up**2)
    ways = chord_out(offset, y[:, None], turn) * stretch
    into, straight = y + half, half - y
    weight = np.exp(-MU * into)
    return np.sum(weight * np.exp(-MU * ways).mean(axis=1)) / np.sum(weight * np.exp(-MU * straight))


@pytest.mark.parametrize("offset", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("quadrant", [False, True])
def test_ways_out_of_a_disc(offset, quadrant):
    two_theta = np.radians(35.0)
    reach = (1e9, 0.0, 0.0, 1e9) if quadrant else None
    ways = attenuation.detected_ways(np.array([two_theta]), 300.0, reach)
    factors = attenuation.out_factors(disc(), GEOMETRY, ways)
    t = np.interp(offset, GEOMETRY.translations_mm, np.arange(N))
    found = np.interp(t, np.arange(N), factors[0, :, 0])
    assert found == pytest.approx(followed(offset, two_theta, quadrant), abs=0.004)


def test_factors_of_voxels_are_those_of_chords():
    two_theta, (x, y) = np.radians(30.0), np.meshgrid(*[GEOMETRY.voxel_centres_mm] * 2)
    inside, ways = np.hypot(x, y) < RADIUS - VOXEL, attenuation.detected_ways(np.array([two_theta]))
    found = attenuation.voxel_factors(disc(), GEOMETRY, ways)[0]
    for view, angle in zip(found, np.radians(GEOMETRY.angles_deg), strict=True):
        # the beam comes from (sin, -cos) and goes on along (-sin, cos)
        ahead = angle + np.pi / 2
        out = chord_out(x[inside][:, None], y[inside][:, None], ahead + ways.turn[0]) * ways.stretch[0]
        expected = np.exp(-MU * out).mean(axis=1) / np.exp(-MU * chord_out(x[inside], y[inside], ahead))
        # one per cent is a third of a voxel of depth; that beside the rim, a tenth of it on average
        np.testing.assert_allclose(view[inside], expected, rtol=0.03)
        assert np.mean(view[inside] / expected) == pytest.approx(1.0, abs=0.003)


def test_photons_scattered_twice_are_those_of_photons_followed_one_by_one():
    """Isotropic first scattering in a long cylinder, half of the attenuation being scattering."""
    rng = np.random.default_rng(3)
    number, share, offset = 200_000, 0.5, 0.55
    half = np.sqrt(RADIUS**2 - offset**2)
    # the first scattering is forced onto the chord; its chance without absorption is mu * share * chord
    y = half * (2 * rng.random(number) - 1)
    cosine, turn = 2 * rng.random(number) - 1, 2 * np.pi * rng.random(number)
    flat = np.sqrt(1 - cosine**2)
    way = chord_out(offset, y, turn) / flat
    again = (rng.exponential(1 / MU, number) < way) & (rng.random(number) < share)
    expected = MU * share * 2 * half * again.mean()
    nodes, weights = np.polynomial.legendre.leggauss(24)
    azimuth = np.pi * (np.arange(12) + 0.5) / 12
    sine, up = np.sqrt(1 - nodes**2)[:, None], np.sin(azimuth)
    ways = attenuation.Ways(
        turn=np.arctan2(sine * np.cos(azimuth), nodes[:, None]).ravel(),
        stretch=(1 / np.sqrt(1 - (sine * up) ** 2)).ravel(),
        weight=np.repeat(weights / 24, 12),
    )
    found = attenuation.twice_scattered(disc(), GEOMETRY, ways, share)
    at = np.interp(offset, GEOMETRY.translations_mm, found[0])
    # standard error of the draws 0.5 %, pixels of the depths about 1 %
    assert at == pytest.approx(expected, rel=0.02)


def test_scattering_of_light_elements_is_most_of_their_attenuation():
    # NIST XCOM, carbon at 100 keV: coherent 3.6e-3, incoherent 0.146, total 0.1514 cm2/g
    assert attenuation.scattering_share({"C": 1.0}, 100.0) == pytest.approx(0.990, abs=0.004)
    assert attenuation.scattering_share({"Pb": 1.0}, 100.0) < 0.1


def test_the_axis_is_where_the_straight_beam_has_it(small_scan):
    _, geometry = attenuation.attenuation_map(small_scan.isel(state=0, slice=0))
    assert geometry.axis_mm == pytest.approx(0.03, abs=0.002)


def test_corrections_can_be_left_out(small_scan):
    tile, pdf = small_scan.isel(state=0, slice=0), PdfRecipe(composition={"Si": 0.5, "C": 0.5})
    done = prepared(tile, Recipe(pdf=pdf))
    left = prepared(tile, Recipe(pdf=pdf, multiple_scattering=False, outgoing_absorption=False))
    assert {"twice_scattered_percent", "outgoing_percent"} <= set(done[2])
    assert "twice_scattered_percent" not in left[2]
    assert 1.0 < done[2]["twice_scattered_percent"] < 10.0
    assert done[0].sum() < left[0].sum()
