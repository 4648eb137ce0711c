"""Ways out of a sample and photons that scatter twice: against chords of a disc, and photons followed one by one."""

from dataclasses import replace

import numpy as np
import pytest

from tsct.analyze.prepare.attenuation import DIRECTIONS, exit_depths
from tsct.analyze.prepare.double_scattering import twice_scattered
from tsct.analyze.prepare.prepare import prepare_sinogram
from tsct.analyze.prepare.scattering_ways import Face, Ways, detected_ways, scattering_share
from tsct.analyze.prepare.self_absorption import voxel_absorption, voxel_factors, way_factors
from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.records.errors import InputError, TsctWarning

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
    depth = exit_depths(disc(), VOXEL)
    x, y = VOXEL * (36 - 29.5), VOXEL * (22 - 29.5)
    turn = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    # half a voxel at the rim and half at the start
    np.testing.assert_allclose(depth[:, 22, 36], MU * chord_out(x, y, turn), atol=0.5 * VOXEL * MU)


def arriving(ways):
    """What arrives of each ray at each scattering angle, over what would have gone straight on."""
    return way_factors(disc(), GEOMETRY, ways) @ ways.weight.T


def test_a_photon_that_goes_straight_on_needs_no_correction():
    factors = arriving(detected_ways(np.array([0.0])))
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
    face = Face(distance_mm=300.0, reach_mm=(1e9, 0.0, 0.0, 1e9)) if quadrant else None
    factors = arriving(detected_ways(np.array([two_theta]), face))
    t = np.interp(offset, GEOMETRY.translations_mm, np.arange(N))
    found = np.interp(t, np.arange(N), factors[0, :, 0])
    assert found == pytest.approx(followed(offset, two_theta, quadrant), abs=0.004)


def test_the_mean_over_a_cone_follows_edges_and_gaps_from_channel_to_channel():
    """A quadrant with a gap across: direct sums over the azimuths that count, in channels a tenth of a degree apart."""
    face = Face(distance_mm=300.0, reach_mm=(160.0, 10.0, 10.0, 170.0), gaps_up_mm=(80.0, 95.0))
    two_theta = np.radians(np.arange(1.0, 34.0, 0.1))
    t = int(np.argmin(np.abs(np.asarray(GEOMETRY.translations_mm) - 1.05)))
    found = arriving(detected_ways(two_theta, face))[0, t]
    half = np.sqrt(RADIUS**2 - GEOMETRY.translations_mm[t] ** 2)
    y, azimuth = half * ((np.arange(200) + 0.5) / 100 - 1), 2 * np.pi * (np.arange(1000) + 0.3) / 1000
    expected = []
    for angle in two_theta:
        across, up = np.cos(azimuth), np.sin(azimuth)
        x, z = (300.0 * np.tan(angle) * part for part in (across, up))
        seen = (x >= -10) & (x <= 160) & (z >= -10) & (z <= 170) & ((z <= 80) | (z >= 95))
        turn = np.arctan2(np.cos(angle), -np.sin(angle) * across[seen])
        ways = chord_out(GEOMETRY.translations_mm[t], y[:, None], turn) / np.sqrt(1 - (np.sin(angle) * up[seen]) ** 2)
        weight = np.exp(-MU * (y + half))
        expected.append(weight @ np.exp(-MU * ways).mean(axis=1) / (weight @ np.exp(-MU * (half - y))))
    # pixels of the depths, a smooth error, leave half a per cent; jumps between channels are those of the detector
    np.testing.assert_allclose(found, expected, atol=0.004)
    jumps = np.diff(expected)
    assert np.ptp(jumps) > 0.004
    np.testing.assert_allclose(np.diff(found), jumps, atol=4e-4)


def test_weights_of_ways_add_up_to_one_at_every_angle():
    two_theta = np.radians(np.linspace(0.5, 170.0, 40))
    np.testing.assert_allclose(detected_ways(two_theta).weight.sum(axis=1), 1.0)


def test_factors_of_voxels_are_those_of_chords():
    two_theta, (x, y) = np.radians(30.0), np.meshgrid(*[GEOMETRY.voxel_centres_mm] * 2)
    inside, azimuth = np.hypot(x, y) < RADIUS - VOXEL, 2 * np.pi * (np.arange(90) + 0.5) / 90
    turn = np.arctan2(np.sin(two_theta) * np.cos(azimuth), np.cos(two_theta))
    stretch = 1 / np.sqrt(1 - (np.sin(two_theta) * np.sin(azimuth)) ** 2)
    found = voxel_factors(disc(), GEOMETRY, detected_ways(np.array([two_theta])))[0]
    for view, angle in zip(found, np.radians(GEOMETRY.angles_deg), strict=True):
        # the beam comes from (sin, -cos) and goes on along (-sin, cos)
        ahead = angle + np.pi / 2
        out = chord_out(x[inside][:, None], y[inside][:, None], ahead + turn) * stretch
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
    ways = Ways(
        turn=np.arctan2(sine * np.cos(azimuth), nodes[:, None]).ravel(),
        stretch=(1 / np.sqrt(1 - (sine * up) ** 2)).ravel(),
        weight=np.repeat(weights / 24, 12),
    )
    found = twice_scattered(disc(), GEOMETRY, ways, share)
    at = np.interp(offset, GEOMETRY.translations_mm, found[0])
    # standard error of the draws 0.5 %, pixels of the depths about 1 %
    assert at == pytest.approx(expected, rel=0.02)


def test_scattering_of_light_elements_is_most_of_their_attenuation():
    # NIST XCOM, carbon at 100 keV: coherent 3.6e-3, incoherent 0.146, total 0.1514 cm2/g
    assert scattering_share({"C": 1.0}, 100.0) == pytest.approx(0.990, abs=0.004)
    assert scattering_share({"Pb": 1.0}, 100.0) < 0.1


def test_the_axis_is_where_the_straight_beam_has_it(small_scan):
    tile = small_scan.isel(state=0, slice=0)
    sinogram = prepare_sinogram(tile, Recipe(pdf=PdfRecipe(composition={"Si": 0.5, "C": 0.5})))
    assert sinogram.attenuation.geometry.axis_mm == pytest.approx(0.03, abs=0.002)


def test_a_sample_that_absorbs_nothing_needs_no_correction(small_scan):
    tile = small_scan.isel(state=0, slice=0)
    clear = tile.assign(transmission=tile.transmission.copy(data=np.ones(tile.transmission.shape)))
    recipe = Recipe(pdf=PdfRecipe(composition={"Si": 0.5, "C": 0.5}))
    with pytest.warns(TsctWarning, match="transmission shows no absorption"):
        sinogram = prepare_sinogram(clear, recipe)
    left_out = replace(recipe, multiple_scattering=False, outgoing_absorption=False)
    np.testing.assert_array_equal(sinogram.lines, prepare_sinogram(clear, left_out).lines)
    assert sinogram.attenuation is None and "outgoing_percent" not in sinogram.corrections
    with pytest.raises(InputError, match="transmission below one"):
        voxel_absorption(sinogram.attenuation, sinogram.channels, GEOMETRY)


def test_corrections_can_be_left_out(small_scan):
    tile, pdf = small_scan.isel(state=0, slice=0), PdfRecipe(composition={"Si": 0.5, "C": 0.5})
    both = prepare_sinogram(tile, Recipe(pdf=pdf))
    neither = prepare_sinogram(tile, Recipe(pdf=pdf, multiple_scattering=False, outgoing_absorption=False))
    assert {"twice_scattered_percent", "outgoing_percent"} <= set(both.corrections)
    assert not {"twice_scattered_percent", "outgoing_percent"} & set(neither.corrections)
    assert neither.attenuation is None
    assert 1.0 < both.corrections["twice_scattered_percent"] < 10.0
    assert both.lines.sum() < neither.lines.sum()
