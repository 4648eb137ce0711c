"""The order of frames and what moves: closed forms for every motion."""

from dataclasses import replace

import numpy as np
import pytest

from tsct.records.errors import InputError
from tsct.simulate import Beamline, Faults, ScanPattern, no_faults
from tsct.simulate.beamline.motion import frame_order, motion


def beamline(pattern=None, **faults):
    return Beamline(scan=pattern or ScanPattern(), faults=replace(no_faults(), **faults))


def test_translation_fast_and_rotation_fast():
    order = frame_order(ScanPattern(views=3, translations=4))
    np.testing.assert_array_equal(order, np.arange(12).reshape(3, 4))
    order = frame_order(ScanPattern(views=3, translations=4, fast_axis="rotation"))
    np.testing.assert_array_equal(order, np.arange(12).reshape(4, 3).T)


def test_zigzag_turns_back():
    order = frame_order(ScanPattern(views=3, translations=4, zigzag=True))
    np.testing.assert_array_equal(order[1], [7, 6, 5, 4])
    np.testing.assert_array_equal(order[2], [8, 9, 10, 11])


def test_interlaced_views_fill_the_gaps():
    order = frame_order(ScanPattern(views=6, translations=4, interlace=2))
    np.testing.assert_array_equal(np.argsort(order[:, 0]), [0, 2, 4, 1, 3, 5])


@pytest.mark.parametrize("interlace", [1, 3, 7])
@pytest.mark.parametrize("fast_axis", ["translation", "rotation"])
@pytest.mark.parametrize("zigzag", [False, True])
def test_every_frame_is_taken_once(fast_axis, zigzag, interlace):
    order = frame_order(ScanPattern(views=20, translations=6, fast_axis=fast_axis, zigzag=zigzag, interlace=interlace))
    np.testing.assert_array_equal(np.sort(order.ravel()), np.arange(120))


def test_without_faults_the_rays_are_the_translations():
    line = beamline()
    frames = motion(line, 1, 0, 0)
    np.testing.assert_allclose(frames.rays_mm, np.tile(line.scan.translations_mm, (line.scan.views, 1)))
    assert frames.recorded.all() and np.all(frames.flux == 1.0)
    assert frames.seconds.max() == pytest.approx((60 * 90 - 1) * line.exposure_s)


def test_each_motion_has_its_form():
    pattern = ScanPattern(views=4, angular_range_deg=360.0)
    still = motion(beamline(pattern), 1, 0, 0).rays_mm
    offset = motion(beamline(pattern, axis_offset_mm=0.1), 1, 0, 0).rays_mm - still
    np.testing.assert_allclose(offset, -0.1)
    wobble = motion(beamline(replace(pattern, views=8), axis_wobble_mm=0.1), 1, 0, 0).rays_mm[1]
    np.testing.assert_allclose(wobble - pattern.translations_mm, -0.1)
    drift = motion(beamline(pattern, beam_drift_mm=0.2), 1, 0, 0).rays_mm - still
    assert drift[0, 0] == 0.0 and drift[-1, -1] == pytest.approx(0.2)
    # a shifted sample is seen from opposite sides
    shift = motion(beamline(pattern, sample_shift_mm=0.1), 1, 0, 0).rays_mm - still
    np.testing.assert_allclose(shift[0], -shift[2], atol=1e-12)


def test_the_sample_stays_where_it_is_within_a_state():
    line = beamline(sample_shift_mm=0.1)
    rays = [motion(line, 1, state, index).rays_mm for state, index in ((0, 0), (0, 1), (1, 0))]
    np.testing.assert_array_equal(rays[0], rays[1])
    assert not np.allclose(rays[0], rays[2])


def test_the_flux_falls_between_refills():
    line = beamline(flux_decay=0.1, refill_s=100.0)
    frames = motion(line, 1, 0, 0)
    np.testing.assert_allclose(frames.flux, 1 - 0.1 * (frames.seconds % 100) / 100)


def test_frames_are_lost_at_their_rate():
    lost = ~motion(beamline(lost_frames=0.05), 1, 0, 0).recorded
    # 5400 frames: five standard deviations
    assert lost.mean() == pytest.approx(0.05, abs=5 * np.sqrt(0.05 * 0.95 / 5400))


def test_jitter_has_its_size_and_is_that_of_the_tile():
    line = beamline(translation_jitter_mm=0.01)
    one, same, other = (motion(line, 1, state, 0).rays_mm for state in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
    assert (one - line.scan.translations_mm).std() == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(
    "change", [{"lost_frames": 0.9}, {"flux_decay": -0.1}, {"energy_error": np.nan}, {"q_blur": -1.0}]
)
def test_faults_beyond_their_range_are_refused(change):
    with pytest.raises(InputError, match="allowed are"):
        Faults(**change)


def test_progress_runs_from_the_first_frame_to_the_last():
    """Frames of equal length: the n-th of N is at n / (N - 1) of the time between the first and the last."""
    frames = motion(beamline(ScanPattern(views=3, translations=5)), 1, 0, 0)
    np.testing.assert_allclose(np.sort(frames.progress.ravel()), np.arange(15) / 14)
