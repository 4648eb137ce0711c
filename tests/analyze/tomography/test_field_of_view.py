"""Gaps of a scan are noticed, named and padded, and the mask of trusted voxels holds what it says."""

import warnings

import numpy as np
import pytest

from tsct.analyze.tomography.fbp import fbp
from tsct.analyze.tomography.field_of_view import edge_signal, missing_wedge_deg, padded, trusted_mask, warn_of_gaps
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.records.errors import InputError, TsctWarning


def scan(n=40, views=60, step=0.1, axis=0.0, turn=180.0):
    return ParallelGeometry.from_arrays((np.arange(n) - (n - 1) / 2) * step, np.arange(views) * turn / views, axis)


def disc(geometry, radius, x0=0.0, y0=0.0):
    """Exact bin averages of the chords of a disc of density one."""
    theta, t = np.deg2rad(geometry.angles_deg)[:, None], np.asarray(geometry.translations_mm) - geometry.axis_mm
    s, half = t - x0 * np.cos(theta) - y0 * np.sin(theta), geometry.step_mm / 2
    edge = np.clip(np.stack([s - half, s + half]), -radius, radius)
    area = edge * np.sqrt(radius**2 - edge**2) + radius**2 * np.arcsin(edge / radius)
    return ((area[1] - area[0]) / geometry.step_mm)[..., None]


def distance(geometry):
    return np.hypot(*np.meshgrid(geometry.voxel_centres_mm, geometry.voxel_centres_mm))


@pytest.mark.parametrize(
    ("angles", "wedge"),
    [
        (np.arange(60) * 3.0, 0.0),
        (np.arange(90) * 4.0, 0.0),
        (np.arange(50) * 111.246, 0.0),
        (np.arange(41) * 3.0, 60.0),
        (np.arange(41) * 3.0 + 170.0, 60.0),
        (-np.arange(41) * 3.0, 60.0),
        ([10.0], 180.0),
        ([0.0, 10.0], 170.0),
        ([20.0, 20.0, 200.0], 180.0),
    ],
)
def test_missing_wedge(angles, wedge):
    assert missing_wedge_deg(ParallelGeometry.from_arrays([0.0, 1.0], angles)) == pytest.approx(wedge, abs=1e-5)


def test_complete_scan_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_gaps(disc(scan(), 1.5), scan())
        # noise at the edge of the field is no object
        noise = np.random.default_rng(0).standard_normal((60, 40, 50)) * 0.1
        warn_of_gaps(disc(scan(), 1.5) + noise, scan())
        warn_of_gaps(np.zeros((60, 40, 2)), scan())


def test_gaps_are_named():
    with pytest.warns(TsctWarning, match="outermost bins hold") as caught:
        warn_of_gaps(disc(scan(), 2.5), scan())
    assert len(caught) == 1
    # an object off the axis leaves the field in some views only
    with pytest.warns(TsctWarning, match="leaves the field"):
        warn_of_gaps(disc(scan(), 0.8, x0=1.4), scan())
    wedge = scan(views=40, turn=120.0)
    with pytest.warns(TsctWarning, match=r"wedge of 63\.0 degrees"):
        warn_of_gaps(disc(wedge, 1.5), wedge)


def test_edge_signal_is_a_share_of_the_highest_bin():
    rays = np.zeros((2, 5, 2))
    rays[:, 2], rays[:, 0], rays[0, 4] = 4.0, 1.0, 3.0
    assert edge_signal(rays) == pytest.approx(0.375)
    assert edge_signal(np.zeros((2, 5, 1))) == 0.0


def test_padding_fades_and_keeps_what_was_measured():
    geometry = scan(n=10, views=3, axis=0.07)
    rays = np.random.default_rng(1).random((3, 10, 2)) + 1.0
    wide, around = padded(rays, geometry, 4)
    assert np.array_equal(wide[:, 4:14], rays) and wide.shape == (3, 18, 2) and around.n == 18
    assert around.axis_mm == geometry.axis_mm and around.angles_deg == geometry.angles_deg
    assert np.allclose(around.translations_mm[4:14], geometry.translations_mm, atol=1e-12)
    assert np.allclose(around.voxel_centres_mm[4:14], geometry.voxel_centres_mm, atol=1e-12)
    for tail, edge in ((wide[:, 14:], rays[:, -1:]), (wide[:, 3::-1], rays[:, :1])):
        # the steps of half a cosine from one to zero over five bins
        assert np.allclose(tail / edge, (0.5 + 0.5 * np.cos(np.pi * np.array([0.2, 0.4, 0.6, 0.8])))[:, None])
    same, unchanged = padded(rays, geometry, 0)
    assert np.array_equal(same, rays) and np.allclose(unchanged.translations_mm, geometry.translations_mm, atol=1e-12)


@pytest.mark.parametrize("padding", [0, 10])
def test_trusted_voxels_of_a_truncated_disc_are_right(padding):
    geometry, radius = scan(axis=0.12), 2.6
    mask = trusted_mask(geometry, radius, padding=padding, tolerance=0.05)
    field, around = padded(disc(geometry, radius), geometry, padding)
    image = fbp(field, around)[padding : padding + 40, padding : padding + 40, 0]
    # streaks of 60 views add to what truncation does
    assert np.abs(image[mask] - 1.0).max(initial=0.0) < 0.05 + 0.01
    seen = distance(geometry) < 1.8
    assert not mask[distance(geometry) > 2.0 - 0.12 + 0.1].any()
    if padding:
        # without padding nothing is right to 5 %, with it most of the field is; baseline 0 and 0.88
        assert mask[seen].mean() > 0.8 and not trusted_mask(geometry, radius).any()


def test_all_that_is_seen_is_trusted_if_nothing_is_cut():
    geometry = scan()
    mask = trusted_mask(geometry, 1.8)
    assert mask[distance(geometry) < 1.9].all() and not mask[distance(geometry) > 2.01].any()


def test_trust_shrinks_as_the_object_grows():
    counts = [trusted_mask(scan(), radius, tolerance=0.2).sum() for radius in (1.8, 2.2, 3.0, 6.0)]
    assert sorted(counts, reverse=True) == counts and counts[0] > counts[-1]


@pytest.mark.parametrize("arguments", [{"object_radius_mm": 0.0}, {"object_radius_mm": np.nan}, {"tolerance": 0.0}])
def test_refuses_sizes_that_are_none(arguments):
    with pytest.raises(InputError, match="must be positive"):
        trusted_mask(scan(), **({"object_radius_mm": 1.0} | arguments))
