"""The detector: rings against the solid angles of rectangles, efficiency against an independent table."""

import numpy as np
import pytest
import xraylib

from tsct.records.errors import InputError
from tsct.records.units import two_theta_rad, wavelength_angstrom
from tsct.simulate.beamline.detector import Detector, check_reach

DISTANCE = 300.0
#: one module without gaps, and the default with its gaps
PLAIN = Detector(
    modules=(1, 1), module_pixels=(1000, 800), gap_pixels=(0, 0), sensor_gap_pixels=(0, 0), beam_mm=(86.0, 68.8)
)
CORNER = Detector(
    modules=(1, 1), module_pixels=(1000, 800), gap_pixels=(0, 0), sensor_gap_pixels=(0, 0), beam_mm=(0.0, 0.0)
)


def corner_solid_angle(x, y, distance: float):
    """Solid angle of the rectangle between the foot of the perpendicular and (x, y), signed."""
    return np.arctan(x * y / (distance * np.sqrt(x**2 + y**2 + distance**2)))


def sensors(detector: Detector, axis: int) -> tuple[np.ndarray, float]:
    """Where the sensors begin along an axis, in mm from the beam, and how long they are."""
    gap, inner = detector.gap_pixels[axis], detector.sensor_gap_pixels[axis]
    pixels, halves = detector.module_pixels[axis], 2 if inner else 1
    length = (pixels - inner) / halves
    starts = np.arange(detector.modules[axis])[:, None] * (pixels + gap) + np.arange(halves) * (length + inner)
    return starts.ravel() * detector.pixel_mm - detector.beam_mm[axis], length * detector.pixel_mm


def solid_angle(detector: Detector, distance: float) -> float:
    """Sum over the modules of the solid angles of rectangles."""
    total = 0.0
    (starts_x, width), (starts_y, height) = (sensors(detector, axis) for axis in (0, 1))
    for x in starts_x:
        for y in starts_y:
            far_x, far_y = x + width, y + height
            total += corner_solid_angle(far_x, far_y, distance) + corner_solid_angle(x, y, distance)
            total -= corner_solid_angle(x, far_y, distance) + corner_solid_angle(far_x, y, distance)
    return total


@pytest.mark.parametrize("detector", [PLAIN, CORNER, Detector()], ids=["centred", "corner", "modules and gaps"])
def test_rings_add_up_to_the_solid_angle_of_the_modules(detector):
    reach = np.arctan(np.hypot(*detector.size_mm) / DISTANCE)
    two_theta = (np.arange(4000) + 0.5) / 4000 * reach
    share, _ = detector.rings(two_theta, DISTANCE, 0.99)
    total = np.sum(share * 2 * np.pi * np.sin(two_theta)) * reach / 4000
    # 4096 azimuths by 4000 rings on the edges of the modules
    assert total == pytest.approx(solid_angle(detector, DISTANCE), rel=1e-3)


def test_the_sphere_is_four_pi():
    """The closed form of the test itself: a huge plane is half of the sphere."""
    huge = Detector(
        modules=(1, 1),
        module_pixels=(2, 2),
        gap_pixels=(0, 0),
        sensor_gap_pixels=(0, 0),
        pixel_mm=1e7,
        beam_mm=(1e7, 1e7),
    )
    assert solid_angle(huge, 1.0) == pytest.approx(2 * np.pi, rel=1e-6)


def test_small_rings_are_seen_whole_and_large_ones_not_at_all():
    edge = np.arctan(68.8 / DISTANCE)
    share, anisotropy = PLAIN.rings([0.5 * edge, 0.99 * edge, 1.01 * edge, 0.6], DISTANCE, 1.0)
    assert share[:2].tolist() == [1.0, 1.0]
    # the mean of cos(2 chi) over a whole ring is zero
    np.testing.assert_allclose(anisotropy[:2], 0.0, atol=1e-12)
    assert 0.0 < share[2] < 1.0
    assert share[3] == anisotropy[3] == 0.0


def test_a_beam_in_the_corner_sees_a_quarter_of_the_ring():
    share, anisotropy = CORNER.rings([0.1, 0.3], DISTANCE, 1.0)
    np.testing.assert_array_equal(share, 0.25)
    np.testing.assert_allclose(anisotropy, 0.0, atol=1e-12)


def test_arcs_that_are_left_of_a_ring_have_the_anisotropy_of_their_chord():
    """A ring larger than the detector is high: two arcs about the horizontal, mean of cos(2 chi) = sin(2 a) / (2 a)."""
    radius = 80.0
    half_arc = np.arcsin(68.8 / radius)
    share, anisotropy = PLAIN.rings([np.arctan(radius / DISTANCE)], DISTANCE, 0.7)
    assert share[0] == pytest.approx(2 * half_arc / np.pi, abs=1e-3)
    assert anisotropy[0] == pytest.approx(0.7 * np.sin(2 * half_arc) / (2 * half_arc), abs=1e-3)


def test_exchanging_the_axes_turns_the_anisotropy_round():
    turned = Detector(
        modules=(1, 1), module_pixels=(800, 1000), gap_pixels=(0, 0), sensor_gap_pixels=(0, 0), beam_mm=(68.8, 86.0)
    )
    two_theta = np.linspace(0.05, 0.35, 30)
    share, anisotropy = PLAIN.rings(two_theta, DISTANCE, 0.99)
    other_share, other_anisotropy = turned.rings(two_theta, DISTANCE, 0.99)
    np.testing.assert_allclose(other_share, share, atol=1e-3)
    np.testing.assert_allclose(other_anisotropy, -anisotropy, atol=2e-3)


def test_gaps_see_nothing():
    detector = Detector(
        modules=(2, 1),
        module_pixels=(100, 100),
        gap_pixels=(50, 0),
        sensor_gap_pixels=(0, 0),
        pixel_mm=1.0,
        beam_mm=(0.0, 50.0),
    )
    two_theta = np.arctan(np.array([99.0, 110.0, 140.0, 151.0]) / 1000.0)
    share, _ = detector.rings(two_theta, 1000.0, 1.0)
    # arcs near the horizontal, of which those of the two middle radii fall into the gap where they are flat
    assert share[0] > share[1] > 0.0 and share[3] > share[2]
    assert detector.size_mm == (250.0, 100.0)


def test_size_of_the_pilatus():
    # 1475 x 1679 pixels of 172 um (manufacturer's data)
    np.testing.assert_allclose(Detector().size_mm, (1475 * 0.172, 1679 * 0.172), rtol=1e-12)


@pytest.mark.parametrize(("energy", "expected"), [(90.0, 0.72), (100.0, 0.62)])
def test_efficiency_is_that_of_an_independent_table(energy, expected):
    detector = Detector()
    found = detector.efficiency(energy, [0.0, 0.5])
    per_cm = 5.85 * xraylib.CS_Total_CP("CdTe", energy)
    np.testing.assert_allclose(found, 1 - np.exp(-per_cm * 0.1 / np.cos([0.0, 0.5])), rtol=5e-3)
    assert found[0] == pytest.approx(expected, abs=0.01)


def test_slanting_photons_cross_more_of_the_sensor():
    found = Detector().efficiency(100.0, np.linspace(0.0, 1.0, 20))
    assert np.all(np.diff(found) > 0.0)
    # twice the path at 60 degrees
    straight, slanted = Detector().efficiency(100.0, [0.0, np.pi / 3])
    assert 1 - slanted == pytest.approx((1 - straight) ** 2, rel=1e-12)


def test_the_corner_decides_how_far_the_data_reach():
    wavelength = wavelength_angstrom(100.0)
    detector = Detector()
    q_max = detector.q_max(DISTANCE, wavelength)
    at = np.tan(two_theta_rad(q_max, wavelength)) * DISTANCE
    assert at == pytest.approx(np.hypot(253.7 - 12.0, 288.788 - 12.0), rel=1e-9)
    share, _ = detector.rings(two_theta_rad([0.999 * q_max, 1.001 * q_max], wavelength), DISTANCE, 1.0)
    assert share[0] > 0.0 and share[1] == 0.0


def test_a_range_that_cannot_be_reached_is_refused_with_the_largest_that_can():
    wavelength = wavelength_angstrom(100.0)
    check_reach(Detector(), DISTANCE, wavelength, 36.0)
    limit = Detector().q_max(DISTANCE, wavelength)
    with pytest.raises(InputError, match=f"reaches {limit:.2f} 1/A"):
        check_reach(Detector(), DISTANCE, wavelength, limit + 0.1)
    with pytest.raises(InputError, match=r"4 pi / lambda = 8\.11"):
        check_reach(Detector(), 1.0, wavelength_angstrom(8.0), 9.0)


def test_the_mask_is_that_of_pyfai():
    """The default detector against the description that the maker gave to pyFAI, pixel by pixel."""
    pyfai = pytest.importorskip("pyFAI")
    theirs = pyfai.detector_factory("Pilatus CdTe 2M")
    detector = Detector()
    assert detector.shape == theirs.shape
    assert detector.pixel_mm == pytest.approx(1e3 * theirs.pixel1)
    np.testing.assert_array_equal(detector.mask, theirs.mask.astype(bool))


@pytest.mark.parametrize("angle", [0.0, 0.4, 0.8])
def test_photons_are_absorbed_at_the_depth_of_beer_and_lambert(angle):
    """Against a sum over thin layers; a thick or transparent sensor gives the two limits."""
    detector = Detector()
    mu = float(detector.attenuation_per_mm(76.0)) / np.cos(angle)
    z = (np.arange(20_000) + 0.5) / 20_000
    expected = np.average(z, weights=np.exp(-mu * z))
    assert detector.depth_mm(76.0, angle) == pytest.approx(expected, rel=1e-6)
    assert Detector(sensor_mm=1e3).depth_mm(76.0, angle) == pytest.approx(1 / mu, rel=1e-9)
    assert Detector(sensor_mm=1e-4).depth_mm(76.0, angle) == pytest.approx(0.5e-4, rel=1e-3)


def test_gaps_are_where_nothing_is_seen():
    detector = Detector()
    places = np.linspace(-11.9, 200.0, 4001)
    for axis, seen in enumerate((detector.sees(places, np.zeros(1)), detector.sees(np.zeros(1), places))):
        edges = detector.gaps_mm(axis)
        np.testing.assert_array_equal(np.searchsorted(edges, places) % 2 == 0, seen)
    # two gaps between three modules and one between the two sensors of each; seven gaps between eight rows of modules
    assert len(detector.gaps_mm(0)) == 10 and len(detector.gaps_mm(1)) == 14
