"""Frames through pyFAI: independent counts in every bin, whatever the order, and what splitting pixels does."""

import numpy as np
import pytest

from tsct.analyze.readers.frames import Integration, integrate, read_frames, response_of, scan_of_frames
from tsct.records.errors import InputError, TsctWarning
from tsct.records.io.files import creating

DISTANCE, PIXEL, SHAPE, CORNER = 0.12, 172e-6, (240, 260), 4e-3
#: bins about one and a half pixels wide, as patterns are integrated
HOW = Integration(q_min=2.0, q_max=14.0, q_step=0.1)


@pytest.fixture(scope="module")
def geometry():
    from pyFAI.detectors import Detector
    from pyFAI.integrator.azimuthal import AzimuthalIntegrator

    detector = Detector(PIXEL, PIXEL, max_shape=SHAPE, orientation=3)
    detector.mask = np.zeros(SHAPE, dtype=np.int8)
    detector.mask[:, 120:124] = 1
    return AzimuthalIntegrator(dist=DISTANCE, poni1=CORNER, poni2=CORNER, detector=detector, wavelength=1.2398e-11)


@pytest.fixture(scope="module")
def expected(geometry):
    """Mean counts per pixel: smooth in Q, times solid angle and polarisation."""
    q = geometry.array_from_unit(SHAPE, "center", "q_A^-1")
    weight = geometry.solidAngleArray(SHAPE) * geometry.polarization(SHAPE, factor=HOW.polarisation)
    return 200 * np.exp(-q / 8) * weight


def test_the_solid_angle_is_that_of_the_pixels(geometry):
    solid_angle, polarization = response_of(geometry, HOW)
    # by hand: area times cos^3 over the squared distance, of pixels that count
    row, column = (np.arange(n) * PIXEL + PIXEL / 2 - CORNER for n in SHAPE)
    radius = np.hypot(*np.meshgrid(row, column, indexing="ij"))
    two_theta = np.arctan(radius / DISTANCE)
    q = 4 * np.pi / 0.12398 * np.sin(two_theta / 2)
    inside = (q >= 1.95) & (q < 14.05) & (geometry.detector.mask == 0)
    assert solid_angle.sum() == pytest.approx(np.sum(PIXEL**2 / DISTANCE**2 * np.cos(two_theta[inside]) ** 3), rel=1e-5)
    assert np.all((polarization <= 1) & (polarization > 0.7))


def test_bins_hold_independent_poisson_counts(geometry, expected):
    rng = np.random.default_rng(5)
    truth = integrate(expected, geometry, HOW).counts
    pulls = []
    for _ in range(60):
        pattern = integrate(rng.poisson(expected).astype(np.float32), geometry, HOW)
        assert np.all(pattern.counts == np.rint(pattern.counts))
        pulls.append((pattern.counts - truth) / np.sqrt(pattern.variance))
    pulls = np.array(pulls)
    # 7260 numbers: standard error of the variance 0.017, of the correlation 0.012
    assert pulls.var() == pytest.approx(1.0, abs=0.06)
    assert abs(np.mean(pulls[:, 1:] * pulls[:, :-1])) < 0.05


def test_split_pixels_correlate_neighbouring_bins(geometry, expected):
    """A known property of bounding-box splitting, and the reason why it is not the default here."""
    rng = np.random.default_rng(6)
    split = Integration(q_min=2.0, q_max=14.0, q_step=0.1, splitting="bbox")
    patterns = np.array(
        [integrate(rng.poisson(expected).astype(np.float32), geometry, split).counts for _ in range(60)]
    )
    z = (patterns - patterns.mean(axis=0)) / patterns.std(axis=0)
    # with bins as wide as one pixel and a half; narrower ones share more
    assert np.mean(z[:, 1:] * z[:, :-1]) > 0.15


@pytest.mark.parametrize("robust", ["sigma-clip", "trimmed"])
def test_spots_are_clipped(geometry, expected, robust):
    rng = np.random.default_rng(7)
    clean = rng.poisson(expected).astype(np.float32)
    struck = clean.copy()
    struck.ravel()[rng.choice(clean.size, 60, replace=False)] += 1e5
    how = Integration(q_min=2.0, q_max=14.0, q_step=0.1, robust=robust)
    spoilt, mended, true = (
        integrate(struck, geometry, HOW).counts,
        integrate(struck, geometry, how).counts,
        integrate(clean, geometry, HOW).counts,
    )
    assert np.abs(spoilt / true - 1).max() > 1
    assert np.median(np.abs(mended / true - 1)) < 0.01
    assert np.abs(mended / true - 1).max() < 0.1


def test_clipping_few_counts_is_warned_of(geometry, expected):
    few = np.random.default_rng(8).poisson(expected / 100).astype(np.float32)
    with pytest.warns(TsctWarning, match="which moves their mean"):
        integrate(few, geometry, Integration(q_min=2.0, q_max=14.0, q_step=0.1, robust="sigma-clip"))


def test_masked_pixels_are_left_out_not_counted_as_nothing(geometry, expected):
    image = expected.copy()
    image[geometry.detector.mask != 0] = 1e9
    image[100:103] = -1
    image[50, 60] = np.nan
    mask = (geometry.detector.mask != 0) | ~(image >= 0)
    solid_angle, polarization = response_of(geometry, HOW, mask)
    level = integrate(image, geometry, HOW, mask=mask).counts / solid_angle / polarization
    whole = integrate(expected, geometry, HOW).counts / np.prod(response_of(geometry, HOW), axis=0)
    np.testing.assert_allclose(level, whole, rtol=0.01)


def test_frames_of_a_zigzag_find_their_places(geometry, expected):
    angles, places = (
        np.repeat([0.0, 60.0, 120.0], 4),
        np.array([0.0, 0.1, 0.2, 0.3, 0.3, 0.2, 0.1, 0.0, 0.0, 0.1, 0.2, 0.3]),
    )
    # an object that is not symmetric: each frame is as bright as its translation says, more at 60 degrees
    bright = (1 + places) * np.where(angles == 60.0, 2, 1)
    keep = np.arange(12) != 6
    frames = (expected * b for b in bright[keep])
    scan = scan_of_frames(frames, angles[keep], places[keep], np.full(11, 1e6), geometry, HOW)
    level = scan.intensity.mean("q").values
    level /= level[0, 0]
    np.testing.assert_allclose(level[0], [1.0, 1.1, 1.2, 1.3], rtol=1e-5)
    np.testing.assert_allclose(level[1, [0, 2, 3]], [2.0, 2.4, 2.6], rtol=1e-5)
    assert np.isnan(level[1, 1]) and scan.monitor[1, 1] == 0.0


def test_bins_without_pixels_are_refused(geometry):
    with pytest.raises(InputError, match=r"no pixel lies in the bin at"):
        response_of(geometry, Integration(q_min=2.0, q_max=60.0, q_step=0.1))
    with pytest.raises(InputError, match="is empty"):
        Integration(q_min=2.0, q_max=1.0)


@pytest.mark.parametrize(
    "limits", [(0.0, 5.0, 0.1), (2.0, 2.0, 0.1), (2.0, np.inf, 0.1), (2.0, 5.0, 3.0), (2.0, 5.0, 0.0), (2.0, 5.0, 4.0)]
)
def test_ranges_without_two_bins_are_refused(limits):
    with pytest.raises(InputError, match="is empty"):
        Integration(**dict(zip(("q_min", "q_max", "q_step"), limits, strict=True)))
    np.testing.assert_allclose(Integration(q_min=2.0, q_max=5.0, q_step=2.9).q, [2.0, 5.0])


def test_a_file_of_frames_becomes_a_scan(geometry, expected, tmp_path):
    geometry.save(str(tmp_path / "a.poni"))
    with creating(tmp_path / "frames.h5") as handle:
        handle["entry/instrument/detector/data"] = np.rint(np.stack([expected] * 4)).astype(np.int32)
        handle["entry/instrument/detector/poni"] = (tmp_path / "a.poni").read_text(encoding="utf-8")
        handle["entry/instrument/detector/pixel_mask"] = geometry.detector.mask.astype(np.uint32)
        handle["entry/sample/rotation_angle"] = [0.0, 0.0, 90.0, 90.0]
        handle["entry/sample/x_translation"] = [0.0, 0.1, 0.1, 0.0]
        handle["entry/control/data"] = [1.0, 2.0, 3.0, 4.0]
        handle["entry/beam/incident_energy"] = 100.0
        handle["entry/beam/incident_energy"].attrs["units"] = "keV"
    with pytest.warns(TsctWarning, match="no transmission"):
        scan = read_frames(tmp_path / "frames.h5", HOW)
    assert scan.attrs["energy_kev"] == 100.0
    np.testing.assert_array_equal(scan.monitor, [[1.0, 2.0], [4.0, 3.0]])
    np.testing.assert_allclose(scan.intensity[0, 0], integrate(np.rint(expected), geometry, HOW).counts)


def test_frames_of_the_simulator_integrate_to_its_scan(small_cell, tmp_path):
    """Two rays of one module: counts as drawn pixel by pixel, solid angle and polarisation as the scan states them."""
    from tsct import simulate
    from tsct.records.io.frame_files import write_frames
    from tsct.simulate.beampath.phase_spectra import spectra_table
    from tsct.simulate.frames import MASKED, frames, integrator
    from tsct.simulate.scan import simulate_tile

    detector = simulate.Detector(name="one module", modules=(1, 1), module_pixels=(487, 487))
    pattern = simulate.ScanPattern(views=4, q_min=1.0, q_max=11.0, q_step=0.05)
    beamline = simulate.Beamline(detector=detector, scan=pattern, faults=simulate.no_faults())
    table = spectra_table(small_cell, beamline)
    scan = simulate_tile(small_cell, beamline, table, 1, 0, 1)
    rays = [(1, 31), (1, 30)]
    drawn = list(frames(small_cell, beamline, table, 1, 0, 1, rays))
    place = {"angle_deg": scan.angle.values, "translation_mm": scan.translation.values}
    images = (
        (
            frame.counts,
            {
                "angle_deg": place["angle_deg"][frame.view],
                "translation_mm": place["translation_mm"][frame.translation],
                "monitor": frame.monitor,
            },
        )
        for frame in drawn
    )
    integrator(beamline).save(str(tmp_path / "a.poni"))
    poni = (tmp_path / "a.poni").read_text(encoding="utf-8")
    mask = drawn[0].counts == MASKED
    write_frames(tmp_path / "frames.h5", images, mask=mask, known=scan.attrs, poni=poni)
    how = Integration(q_min=1.0, q_max=11.0, q_step=0.05, polarisation=beamline.polarisation)
    with pytest.warns(TsctWarning, match="no transmission"):
        found = read_frames(tmp_path / "frames.h5", how)
    stated = scan.isel(angle=1, translation=[30, 31])
    # the scan takes the module for a plane that is seen or not, frames are made of pixels
    level = found.intensity[0].values / (found.solid_angle * found.polarization).values
    expected = stated.intensity.values / (stated.solid_angle * stated.polarization).values
    error = expected * np.sqrt(2 / np.maximum(stated.intensity.values, 1))
    pulls = (level - expected) / error
    assert abs(np.mean(level / expected) - 1) < 1e-3
    assert pulls.std() == pytest.approx(1.0, abs=0.15)
    assert found.attrs["sensor_material"] == "CdTe" and found.attrs["energy_kev"] == beamline.energy_kev
