"""Frames against the scan: integrated by pyFAI without splitting pixels, they agree within counting noise."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.stats import chi2

from tsct import simulate
from tsct.records.errors import InputError
from tsct.records.units import q_inv_angstrom
from tsct.simulate import no_faults
from tsct.simulate.beamline.motion import motion
from tsct.simulate.beamline.pixel_faults import pixel_channels, pixel_response
from tsct.simulate.beamline.response import detector_response
from tsct.simulate.beampath.expected_counts import rates
from tsct.simulate.beampath.phase_spectra import spectra_table
from tsct.simulate.beampath.sinogram import expected_lines
from tsct.simulate.frames import MASKED, frames, integrator
from tsct.simulate.scan import patterns

RAY = (1, 30)


@pytest.fixture(scope="module")
def small():
    """One module of the detector, to which 10 1/angstrom reach."""
    detector = simulate.Detector(name="one module", modules=(1, 1), module_pixels=(487, 487))
    pattern = simulate.ScanPattern(views=4, q_min=1.0, q_max=11.0, q_step=0.05)
    return simulate.Beamline(detector=detector, scan=pattern, physics=simulate.point_sample(), faults=no_faults())


@pytest.fixture(scope="module")
def small_table(cell, small):
    return spectra_table(cell, small)


def one(cell, beamline, table, seed=1):
    (frame,) = frames(cell, beamline, table, seed, 0, 1, [RAY])
    return frame.counts


def integrated(beamline, image):
    """Counts per steradian and their standard error in each Q bin, by pyFAI with the stated geometry."""
    q, half = beamline.scan.q, beamline.scan.q_step / 2
    found = integrator(beamline).integrate1d(
        image,
        len(q),
        unit="q_A^-1",
        radial_range=(q[0] - half, q[-1] + half),
        method=("no", "csr", "cython"),
        mask=image == MASKED,
        correctSolidAngle=True,
        error_model="poisson",
    )
    np.testing.assert_allclose(found.radial, q, rtol=1e-6)
    pixel_sr = (beamline.detector.pixel_mm / beamline.distance_mm) ** 2
    return found.intensity / pixel_sr, found.sigma / pixel_sr


def scanned(cell, beamline, table, seed=1):
    """Expected counts per steradian of the same ray in the integrated route."""
    moves = motion(beamline, seed, 0, 1)
    lines = expected_lines(cell, beamline, table, moves, 0, 1)
    translation, channel = patterns(beamline, seed, 0)
    mean = rates(beamline, lines.rows).counts(lines, RAY[0])[RAY[1]] * beamline.photons_per_frame
    return mean * moves.flux[RAY] * translation[RAY[1]] * channel / detector_response(beamline).solid_angle


def over_pixels(beamline, pattern):
    """Mean of a pattern over the pixels of each bin.

    Near the beam a bin holds a hundred pixels, which lie in it as the grid of the detector wants; where the pattern is
    steep that changes the bin by up to half a per cent.
    """
    across, up = beamline.detector.pixel_centres_mm()
    two_theta = np.arctan2(np.hypot(across[None, :], up[:, None]), beamline.distance_mm)
    channel = pixel_channels(beamline)
    seen = channel >= 0
    spline = CubicSpline(beamline.scan.q, pattern)
    values = spline(q_inv_angstrom(two_theta[seen], beamline.wavelength))
    weights = np.cos(two_theta[seen]) ** 3
    sums = [np.bincount(channel[seen], weights=w) for w in (weights * values, weights)]
    return sums[0] / sums[1]


def agrees(beamline, image, pattern):
    """Chi-squared of the pulls."""
    value, sigma = integrated(beamline, image)
    z = (value - over_pixels(beamline, pattern)) / sigma
    assert chi2.ppf(1e-4, z.size) < np.sum(z**2) < chi2.ppf(1 - 1e-4, z.size)
    assert abs(z.mean()) < 4 / np.sqrt(z.size)


def test_the_two_routes_agree(cell, small, small_table):
    agrees(small, one(cell, small, small_table), scanned(cell, small, small_table))


def test_they_agree_with_the_faults_of_a_beamline(cell, small, small_table):
    faults = simulate.Faults(sensor_parallax=1.0, distance_error_mm=0.3, q_blur=0.03, beam_drift_mm=0.03)
    line = replace(small, physics=simulate.Physics(), faults=faults)
    agrees(line, one(cell, line, small_table), scanned(cell, line, small_table))


def test_polarisation_is_that_of_each_pixel(cell, small, small_table):
    """Along the field less is scattered: ratio of two sectors at one angle against the closed form."""
    bright = replace(small, photons_per_s=1e14, polarisation=1.0)
    image = one(cell, bright, small_table).astype(float)
    across, up = bright.detector.pixel_centres_mm()
    chi = np.arctan2(up[:, None], across[None, :])
    ring = np.abs(pixel_channels(bright) - 180) < 3
    sin2 = np.sin(bright.two_theta[180]) ** 2
    for low, high in ((0.0, 0.2), (0.5, 0.7), (1.1, 1.3)):
        sector = ring & (chi > low) & (chi < high)
        everywhere = ring & (chi > 0.0) & (chi < 1.3)
        # elastic: half of the counts here are Compton, whose factor differs by (1 - R)^2 / 2, below 1e-4
        factor = 1 - 0.5 * sin2 * (1 + np.cos(2 * chi))
        expected = factor[sector].mean() / factor[everywhere].mean()
        assert image[sector].mean() / image[everywhere].mean() == pytest.approx(expected, rel=2e-3)
        assert abs(expected - 1) > 3e-3


def test_counts_are_poisson_pixel_by_pixel(cell, small, small_table):
    """Two draws of the same mean: their difference has the variance of their sum."""
    line = replace(small, photons_per_s=1e11)
    a, b = (one(cell, line, small_table, seed=seed).astype(float) for seed in (1, 2))
    seen = (a >= 0) & (a + b > 0)
    ratio = np.sum((a - b)[seen] ** 2) / np.sum((a + b)[seen])
    assert ratio == pytest.approx(1.0, abs=5 * np.sqrt(2 / seen.sum()))


def test_bad_pixels_are_where_they_are_in_every_frame(cell, small, small_table):
    line = replace(small, faults=replace(no_faults(), dead_pixels=0.01, hot_pixels=0.01, hot_pixel_counts_per_s=1e7))
    image, (gain, dark) = one(cell, line, small_table), pixel_response(line, 1)
    seen = image != MASKED
    assert image[seen & (gain == 0.0) & (dark == 0.0)].max() == 0
    assert image[seen & (dark > 0.0)].min() > 0.98e6 and image[seen & (dark == 0.0)].max() < 0.5e6


def test_zingers_and_lost_frames(cell, small, small_table):
    line = replace(small, faults=replace(no_faults(), zingers=0.1, zinger_counts=1e7, lost_frames=0.5))
    lost = ~motion(line, 1, 0, 1).recorded
    rays = [(int(np.argmax(lost[:, 30])), 30), (int(np.argmin(lost[:, 30])), 30)]
    empty, full = frames(cell, line, small_table, 1, 0, 1, rays)
    assert empty.monitor == 0.0 and full.monitor > 0.0
    # 20 zingers on 240 000 pixels, gaps among them
    assert 5 < np.sum(full.counts > 1e5) < 40
    assert np.median(empty.counts[empty.counts >= 0]) == 0


def test_a_frame_depends_on_its_ray_alone(cell, small, small_table):
    together = list(frames(cell, small, small_table, 1, 0, 1, [(0, 10), RAY, (3, 59)]))
    np.testing.assert_array_equal(together[1].counts, one(cell, small, small_table))


def test_pixels_that_do_not_count_are_marked(cell, small, small_table):
    image = one(cell, small, small_table)
    np.testing.assert_array_equal(image == MASKED, pixel_channels(small) < 0)
    # three columns between the sensors
    assert np.all(image[:, 242:245] == MASKED)
    assert image.dtype == np.int32 and image.shape == small.detector.shape


def test_rays_that_the_scan_does_not_have_are_refused(cell, small, small_table):
    with pytest.raises(InputError, match="no frame at view 4, translation 0; the scan has views 0 to 3"):
        list(frames(cell, small, small_table, 1, 0, 1, [(4, 0)]))


def test_the_default_detector_is_pyfais_own():
    ai = integrator(simulate.id15a())
    assert type(ai.detector).__name__ == "PilatusCdTe2M"
    assert ai.poni1 == pytest.approx(0.012) and ai.dist == pytest.approx(0.3)
    assert ai.wavelength == pytest.approx(1.2398e-11, rel=1e-4)
