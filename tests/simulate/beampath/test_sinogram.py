"""Line integrals against closed forms: chords, Beer-Lambert, moments, and what each fault changes."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from tsct.phantoms.sample import Contents
from tsct.records.errors import TsctWarning
from tsct.simulate import no_faults, point_sample
from tsct.simulate.beamline.motion import motion
from tsct.simulate.beampath.self_absorption import outgoing_factors
from tsct.simulate.beampath.sinogram import expected_lines, field_loss, warn_of_lost_mass


def lines_of(cell, beamline, table, *, state=0, slice_index=2, physics=None, **faults):
    line = replace(beamline, physics=physics or point_sample(), faults=replace(no_faults(), **faults))
    return expected_lines(cell, line, table, motion(line, 1, state, slice_index), state, slice_index)


def test_mass_is_the_same_at_every_angle(cell, perfect, table):
    """Without absorption the sum over translations is the mass of the slice."""
    clear = {name: replace(spectra, attenuation=0.0) for name, spectra in table.items()}
    lines = lines_of(cell, perfect, clear)
    mass = lines.paths[..., :-1].sum(axis=1) * perfect.scan.step_mm
    contents = cell.contents(0, 2, 7.8, 240)
    expected = contents.densities.sum(axis=(1, 2)) * (7.8 / 240) ** 2
    np.testing.assert_allclose(mass, np.tile(expected, (len(mass), 1)), rtol=1e-6)


def test_the_straight_beam_follows_beer_and_lambert(cell, perfect, table):
    """Transmission is exp(-sum of attenuation times path) where neither varies over the beam."""
    clear = {name: replace(spectra, attenuation=0.0) for name, spectra in table.items()}
    lines, through = lines_of(cell, perfect, clear), lines_of(cell, perfect, table)
    mu = np.array([row.spectra.attenuation for row in through.rows[:-1]])
    expected = np.exp(-(lines.paths[..., :-1] @ mu))
    # the edges of the tube are averaged over the beam
    np.testing.assert_allclose(through.transmission, expected, atol=2e-4)
    assert 0.8 < through.transmission.min() < 0.95


def test_moments_of_a_centred_sample_cancel_over_opposite_views(cell, perfect, table):
    turned = replace(perfect, scan=replace(perfect.scan, angular_range_deg=360.0))
    lines = lines_of(cell, turned, table, physics=replace(point_sample(), parallax=1.0))
    half = turned.scan.views // 2
    # the view from the other side meets the same ray from behind, and the sample is dense where it was
    np.testing.assert_allclose(lines.moments[:half], -lines.moments[half:, ::-1], atol=2e-3 * np.abs(lines.paths).max())


def test_moments_are_off(cell, perfect, table):
    assert not lines_of(cell, perfect, table).moments.any()


def test_half_of_the_way_to_the_next_state(cell, perfect, table):
    """Lithium that goes in during the scan is seen in proportion to the time."""

    def lithium(lines):
        share = np.array([row.spectra is not table["a-si"] for row in lines.rows])
        names = {id(table[member.name]): member.lithium_per_silicon for member in cell.silicon}
        x = np.array([names.get(id(row.spectra), 0.0) for row in lines.rows])
        assert share.any()
        return lines.paths @ (x / (1 + x))

    start, end = (lithium(lines_of(cell, perfect, table, state=state)) for state in (0, 1))
    during = lithium(lines_of(cell, perfect, table, lithiation_during_scan=0.5))
    progress = motion(perfect, 1, 0, 2).progress
    np.testing.assert_allclose(during, start + 0.5 * progress * (end - start), atol=1e-3 * end.max())


def test_a_tilted_axis_lifts_one_side(cell, perfect, table):
    """At the bottom slice a tilt brings the piston into the beam on one side and takes it out on the other."""
    straight = lines_of(cell, perfect, table, slice_index=0)
    tilted = lines_of(cell, perfect, table, slice_index=0, axis_tilt_deg=1.0)
    carbon = table["glassy-carbon"]

    def piston(lines):
        rows = [k for k, row in enumerate(lines.rows) if row.spectra is carbon]
        return lines.paths[..., rows].sum(axis=(0, 2))

    more = piston(tilted) - piston(straight)
    assert np.all(more[:30] >= 0.0) and np.all(more[30:] <= 0.0)
    assert more[:30].sum() > 1.0 and more[30:].sum() < -1.0


def test_a_field_that_is_too_small_loses_mass(cell, perfect):
    assert field_loss(cell, perfect) == 0.0
    narrow = replace(perfect, scan=replace(perfect.scan, translations=40))
    # area of the tube outside a field of 5.2 mm: nearly all of the tube
    assert 0.2 < field_loss(cell, narrow) < 0.6


def test_atoms_outside_the_field_still_absorb_and_scatter(cell, perfect, table):
    narrow = replace(perfect, scan=replace(perfect.scan, translations=40))
    inner, whole = lines_of(cell, narrow, table), lines_of(cell, perfect, table)
    np.testing.assert_allclose(inner.paths, whole.paths[:, 10:-10], rtol=1e-6, atol=1e-9)


def test_twice_scattered_photons_grow_with_the_square_of_the_path(cell, perfect, table):
    lines = lines_of(cell, perfect, table, physics=replace(point_sample(), multiple_scattering=1.0))
    total = lines.paths @ np.array([row.spectra.total_scattering for row in lines.rows])
    ratio = (lines.twice / (0.5 * total**2 / lines.transmission))[:, 25:35]
    np.testing.assert_allclose(ratio, 1.0, rtol=0.02)


def way_out_of_a_disc(beamline, two_theta, t, radius, mu):
    """Mean over a chord and the seen azimuths of what arrives, over what goes straight on, by direct summation."""
    chi = 2 * np.pi * (np.arange(2000) + 0.5) / 2000
    radial = beamline.distance_mm * np.tan(two_theta)
    chi = chi[beamline.detector.sees(radial * np.cos(chi), radial * np.sin(chi))]
    half = np.sqrt(radius**2 - t**2)
    s = half * (2 * (np.arange(200) + 0.5) / 200 - 1)
    turn = np.arctan2(np.sin(two_theta) * np.cos(chi), np.cos(two_theta))
    stretch = 1 / np.sqrt(1 - (np.sin(two_theta) * np.sin(chi)) ** 2)
    # from (t, s) along (sin turn, cos turn), the beam running along s
    along = t * -np.sin(turn) + np.outer(s, np.cos(turn))
    way = -along + np.sqrt(along**2 + radius**2 - t**2 - s[:, None] ** 2)
    out = np.exp(-mu * way * stretch).mean(axis=1)
    return np.sum(np.exp(-mu * (s + half)) * out) / np.sum(np.exp(-mu * 2 * half) * np.ones_like(s))


def soft_disc(radius, pixel, pixels):
    """Share of each pixel that lies inside a disc."""
    fine = pixel / 8 * (np.arange(8 * pixels) - (8 * pixels - 1) / 2)
    inside = np.hypot(*np.meshgrid(fine, fine)) < radius
    return inside.reshape(pixels, 8, pixels, 8).mean(axis=(1, 3))


@pytest.mark.parametrize("beam_mm", [(12.0, 12.0), (127.0, 143.0)])
def test_the_way_out_of_a_disc_against_numerical_integration(perfect, beam_mm):
    """In every Q bin of a ray, the beam in the corner of the detector, whose gaps come and go, and in its middle."""
    pixel, radius, mu = 0.08, 3.0, 0.03
    disc = soft_disc(radius, pixel, 100)
    line = replace(
        perfect,
        detector=replace(perfect.detector, beam_mm=beam_mm),
        scan=replace(perfect.scan, views=2, q_max=20.0, q_step=0.25),
    )
    rays = np.tile([-1.0, 0.0, 1.5], (2, 1))
    factors, basis = outgoing_factors(mu * disc, disc, pixel, line, rays)
    np.testing.assert_allclose(basis.sum(axis=0), 1.0)
    for t, found in zip(rays[0], (factors @ basis)[0], strict=True):
        expected = [way_out_of_a_disc(line, two_theta, t, radius, mu) for two_theta in line.two_theta]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_scatters_at_any_edge_of_the_map_is_seen(perfect):
    """A strip between the last two rows or columns, turned with the view: alike from all four sides, and weakened."""
    line = replace(perfect, scan=replace(perfect.scan, views=4, angular_range_deg=360.0, q_max=20.0, q_step=0.25))
    attenuation, factors = np.full((13, 13), 0.05), []
    for turn in range(4):
        strip = np.zeros((13, 13))
        # the view at zero runs upwards along y, that at a quarter turn along -x
        strip[-2:] = 1.0
        strip = np.rot90(strip, -turn)
        factors.append(outgoing_factors(attenuation, strip, 0.5, line, np.zeros((4, 1)))[0][turn, 0])
    np.testing.assert_allclose(factors, np.tile(factors[0], (4, 1)), rtol=1e-6)
    assert np.all(np.abs(factors[0] - 1.0) > 1e-6)


def test_a_turn_during_the_frame_blurs_the_rim_and_keeps_the_mass(cell, perfect, table):
    """Frames of a continuous rotation are the mean of frames at rest within their step."""
    clear = {name: replace(spectra, attenuation=0.0) for name, spectra in table.items()}
    moving = replace(perfect, scan=replace(perfect.scan, continuous=True, fast_axis="rotation"))
    fine = replace(perfect, scan=replace(perfect.scan, views=5 * perfect.scan.views))
    blurred, still, many = (lines_of(cell, line, clear).paths for line in (moving, perfect, fine))
    # views at rest at -1/5, 0 and 1/5 of a step lie in the finer scan; the outer two are those of the neighbours
    expected = np.stack([many[5 * k - 2 : 5 * k + 3].mean(axis=0) for k in range(1, perfect.scan.views)])
    np.testing.assert_allclose(blurred[1:], expected, atol=1e-9)
    assert np.abs(blurred - still).max() > 1e-3 * still.max()
    np.testing.assert_allclose(blurred.sum(axis=1), still.sum(axis=1), rtol=1e-4, atol=1e-6)


def test_a_gaussian_beam_sees_beyond_the_slice(cell, perfect, table):
    """Mean over heights with the weights of a Gaussian, from contents of thin layers."""
    clear = {name: replace(spectra, attenuation=0.0) for name, spectra in table.items()}
    round_beam = replace(perfect, beam_shape="gaussian")
    found = lines_of(cell, round_beam, clear, slice_index=0)
    z = np.linspace(-0.0375, 0.0375, 151)
    weights = np.exp(-4 * np.log(2) * (z / cell.slice_height_mm) ** 2)
    piston, index = [], [part.phase for part in cell.contents(0, 0, 7.8, 240).parts].index("piston")
    thin = replace(cell, slice_height_mm=0.0005)
    for height in z:
        contents = thin.contents(0, 0, 7.8, 60, above_mm=height, layers=1)
        phases = [part.phase for part in contents.parts]
        piston.append(contents.densities[phases.index("piston")].sum() if "piston" in phases else 0.0)
    expected = np.average(piston, weights=weights) * 0.13**2
    row = next(k for k, row in enumerate(found.rows) if row.spectra is clear["glassy-carbon"])
    assert index >= 0
    assert found.paths[..., row].sum(axis=1).mean() * perfect.scan.step_mm == pytest.approx(expected, rel=0.02)


def test_a_sample_wider_than_the_field_is_told(cell, perfect):
    narrow = replace(perfect, scan=replace(perfect.scan, translations=40))
    with pytest.warns(TsctWarning, match=r"% of the sample's atoms leave the field of view of 5\.2 mm"):
        warn_of_lost_mass(cell, narrow)
    warn_of_lost_mass(cell, perfect)


@dataclass(frozen=True)
class Disc:
    """A uniform disc about the axis."""

    radius_mm: float
    extent_mm: float = 8.0

    def contents(self, state, slice_index, extent_mm, pixels, **_):
        centre = extent_mm * ((np.arange(pixels) + 0.5) / pixels - 0.5)
        inside = np.hypot(centre, centre[:, None]) < self.radius_mm
        return Contents(parts=(), densities=inside[None].astype(float))


def test_the_share_outside_the_field_is_that_of_a_ring(perfect):
    """Of a disc of radius R, what lies beyond half the field's width h: 1 - (h / R)^2."""
    half = perfect.scan.extent_mm / 2
    assert field_loss(Disc(1.05 * half), perfect) == pytest.approx(1 - 1.05**-2, rel=0.02)
