"""The measurement: its grids, its units and what it refuses."""

import numpy as np
import pytest

from tsct.records.errors import InputError
from tsct.simulate.beamline.beamline import Beamline, Faults, ScanPattern, id15a


def test_the_grid_of_the_default_scan():
    pattern = ScanPattern()
    assert (pattern.q[0], pattern.q[-1], pattern.q.size) == (0.6, pytest.approx(36.0, abs=1e-9), 1771)
    np.testing.assert_allclose(np.diff(pattern.q), 0.02, rtol=1e-9)


@pytest.mark.parametrize(("q_max", "size", "end"), [(24.0, 586, 24.0), (24.01, 586, 24.0), (24.03, 587, 24.04)])
def test_the_last_channel_is_the_nearest_to_q_max(q_max, size, end):
    q = ScanPattern(q_max=q_max, q_step=0.04).q
    assert q.size == size and q[-1] == pytest.approx(end, abs=1e-9)


@pytest.mark.parametrize("number", [5, 60])
def test_translations_are_centred_and_as_wide_as_the_field(number):
    pattern = ScanPattern(translations=number, step_mm=0.2)
    assert pattern.translations_mm.sum() == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(np.diff(pattern.translations_mm), 0.2, rtol=1e-12)
    assert np.ptp(pattern.translations_mm) + 0.2 == pytest.approx(pattern.extent_mm)


@pytest.mark.parametrize("span", [180.0, 360.0])
def test_views_do_not_repeat_the_first(span):
    angles = ScanPattern(views=45, angular_range_deg=span).angles_deg
    assert angles.size == 45 and angles[0] == 0.0
    assert angles[-1] == pytest.approx(span - span / 45)


def test_wavelength_angle_and_photons():
    beamline = id15a()
    # 12.398 keV angstrom
    assert beamline.wavelength == pytest.approx(0.1239842, abs=1e-7)
    assert np.rad2deg(beamline.two_theta[-1]) == pytest.approx(41.6, abs=0.05)
    assert beamline.photons_per_frame == 1e11
    np.testing.assert_allclose(4 * np.pi * np.sin(beamline.two_theta / 2) / beamline.wavelength, beamline.scan.q)


def test_halving_the_wavelength_of_the_same_scan_halves_sin_theta():
    scan = ScanPattern(q_max=20.0)
    soft, hard = (Beamline(energy_kev=energy, scan=scan) for energy in (100.0, 200.0))
    np.testing.assert_allclose(np.sin(soft.two_theta / 2), 2 * np.sin(hard.two_theta / 2), rtol=1e-12)


def test_equal_beamlines_are_equal_keys():
    assert id15a() == Beamline() and hash(id15a()) == hash(Beamline())
    assert Beamline(energy_kev=90.0, scan=ScanPattern(q_max=30.0)) != Beamline(scan=ScanPattern(q_max=30.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ScanPattern(translations=3), "scan.translations is 3; at least 4"),
        (lambda: ScanPattern(translations=10**5), "scan.translations is 100000; at most 4096"),
        (lambda: ScanPattern(views=10**6), "scan.views is 1000000; at most"),
        (lambda: ScanPattern(q_step=1e-5), "more than 100000 Q bins"),
        (lambda: ScanPattern(views=0), "scan.views is 0; at least 1"),
        (lambda: ScanPattern(step_mm=0.0), "scan.step_mm is 0.0"),
        (lambda: ScanPattern(step_mm=np.nan), "scan.step_mm is nan"),
        (lambda: ScanPattern(step_mm=np.inf), "scan.step_mm is inf"),
        (lambda: ScanPattern(interlace=0), "scan.interlace is 0"),
        (lambda: ScanPattern(fast_axis="y"), "scan.fast_axis is 'y'"),
        (lambda: ScanPattern(angular_range_deg=0.0), "angular_range_deg is 0.0"),
        (lambda: ScanPattern(angular_range_deg=361.0), "angular_range_deg is 361.0"),
        (lambda: ScanPattern(q_min=0.0), "q_min 0.0"),
        (lambda: ScanPattern(q_min=5.0, q_max=4.0), "are no grid"),
        (lambda: ScanPattern(q_step=-0.02), "q_step -0.02"),
        (lambda: ScanPattern(q_step=3.0), "at least 16 steps"),
        (lambda: ScanPattern(q_max=np.nan), "q_max nan"),
        (lambda: Faults(channel_gain=-0.1), "faults.channel_gain is -0.1"),
        (lambda: Faults(monitor_noise=0.6), "faults.monitor_noise is 0.6"),
        (lambda: Faults(channel_drift=np.nan), "faults.channel_drift is nan"),
        (lambda: Faults(axis_offset_mm=np.nan), "faults.axis_offset_mm is nan"),
        (lambda: Beamline(energy_kev=300.0), "energy_kev is 300.0; allowed are 4 to 250"),
        (lambda: Beamline(photons_per_s=0.0), "photons_per_s is 0.0"),
        (lambda: Beamline(exposure_s=np.inf), "exposure_s is inf"),
        (lambda: Beamline(dead_time_s=np.inf), "dead_time_s is inf"),
        (lambda: Beamline(dead_time_s=-1.0), "dead_time_s is -1.0"),
        (lambda: Beamline(beam_shape="flat"), "beam_shape is 'flat'"),
        (lambda: Beamline(beam_width_mm=-1.0), "beam_width_mm is -1.0"),
        (lambda: Beamline(polarisation=1.5), "polarisation"),
        (lambda: Beamline(polarisation=np.nan), "polarisation"),
        (lambda: Beamline(air_mm=-1.0), "air_mm"),
        (lambda: Beamline(air_mm=np.inf), "air_mm"),
        (lambda: Beamline(distance_mm=1000.0), "at 1000 mm reaches"),
        (lambda: Beamline(energy_kev=20.0), "Q ends at 4 pi / lambda = 20.27"),
    ],
)
def test_what_cannot_be_measured_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
