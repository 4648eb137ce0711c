"""Laws of the forward projector, with truth from polygon clipping and from Gaussians in closed form."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.special import erf

from tsct.records.errors import InputError
from tsct.simulate.beampath.projector import project

#: sums of a few thousand float64 terms
ROUND = 1e-12
ANGLES = np.array([0.0, 7.3, 30.0, 45.0, 61.7, 90.0, 118.0, 135.0, 179.0, 200.0, -33.0])


def edges(n, width=1.0):
    return (np.arange(n + 1) - n / 2) * width


def random_maps(n, count=1, seed=5):
    return np.random.default_rng(seed).random((count, n, n))


def gaussian_map(n, width, x0, y0, field=2.0):
    axis = (np.arange(n) - (n - 1) / 2) * field / n
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * width**2))


def gaussian_bins(angles, borders, width, x0, y0):
    """Exact bin averages of the line integrals of a Gaussian of height one."""
    middle = x0 * np.cos(np.deg2rad(angles)) + y0 * np.sin(np.deg2rad(angles))
    cumulated = erf((borders - middle[:, None]) / (np.sqrt(2) * width))
    return np.pi * width**2 * np.diff(cumulated, axis=1) / np.diff(borders)


def clipped_area(corners, normal, offset):
    """Area of the part of a convex polygon with normal . r <= offset (Sutherland-Hodgman, then the shoelace sum)."""
    kept = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        inside_a, inside_b = a @ normal <= offset, b @ normal <= offset
        if inside_a:
            kept.append(a)
        if inside_a != inside_b:
            kept.append(a + (b - a) * (offset - a @ normal) / ((b - a) @ normal))
    x, y = np.array(kept).reshape(-1, 2).T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def test_one_pixel_equals_clipped_polygon():
    image = np.zeros((1, 3, 4))
    image[0, 2, 3] = 1.0
    borders, size, axis = np.array([-3.0, -0.4, 0.1, 0.15, 0.9, 1.4, 2.1, 4.0]), 0.8, 0.21
    corners = np.array([1.5, 1.0]) * size + size / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    expected = []
    for angle in np.deg2rad(ANGLES):
        normal = np.array([np.cos(angle), np.sin(angle)])
        expected.append(np.diff([clipped_area(corners, normal, border - axis) for border in borders]))
    found = project(image, size, ANGLES, borders, axis)[:, :, 0] * np.diff(borders)
    assert np.abs(found - expected).max() < ROUND * size**2


@pytest.mark.parametrize("axis", [0.0, 0.317])
def test_mass_is_the_same_at_every_angle(axis):
    maps, borders = random_maps(21, 3), np.sort(np.concatenate([edges(40, 0.5), [0.123, 3.3]]))
    sinogram = project(maps, 0.6, ANGLES, borders, axis)
    mass = np.einsum("abm,b->am", sinogram, np.diff(borders))
    assert np.abs(mass / (0.36 * maps.sum(axis=(1, 2))) - 1).max() < ROUND


def test_what_leaves_the_bins_is_lost():
    sinogram = project(np.ones((1, 4, 4)), 1.0, [0.0], [-1.0, 0.0, 1.0, 5.0])
    assert sinogram[0, :, 0].tolist() == [4.0, 4.0, 1.0]


def test_neighbouring_bins_add():
    fine, coarse = edges(64, 0.25), edges(16, 1.0)
    a, b = (project(random_maps(10), 1.0, ANGLES, borders, 0.1) for borders in (fine, coarse))
    assert np.abs(a.reshape(len(ANGLES), 16, 4, 1).mean(axis=2) - b).max() < ROUND * b.max()


def test_linear_and_maps_do_not_mix():
    maps = random_maps(16, 3)
    together = project(maps, 1.0, ANGLES, edges(30))
    alone = [project(one[None], 1.0, ANGLES, edges(30))[:, :, 0] for one in maps]
    assert np.abs(together - np.stack(alone, axis=-1)).max() < ROUND * together.max()
    mixed = project((2.0 * maps[0] - 0.3 * maps[1])[None], 1.0, ANGLES, edges(30))[:, :, 0]
    assert np.abs(mixed - (2.0 * alone[0] - 0.3 * alone[1])).max() < ROUND * together.max()


def test_empty_map_is_dark():
    assert not project(np.zeros((2, 5, 5)), 1.0, ANGLES, edges(9)).any()


def test_threads_change_nothing():
    one, three = (project(random_maps(16, 2), 1.0, ANGLES, edges(30), threads=k) for k in (1, 3))
    assert np.array_equal(one, three)


def test_half_turn_mirrors_about_the_axis():
    borders = edges(40) + 0.2
    here, there = (project(random_maps(20), 1.0, ANGLES + turn, borders, 0.2) for turn in (0.0, 180.0))
    assert np.abs(there - here[:, ::-1]).max() < ROUND * here.max()


def test_quarter_turn_equals_turned_map():
    maps = random_maps(20)
    turned = project(np.rot90(maps, axes=(1, 2)), 1.0, ANGLES, edges(40))
    assert np.abs(project(maps, 1.0, ANGLES + 90.0, edges(40)) - turned).max() < ROUND * turned.max()


def test_shift_by_one_bin():
    maps = np.zeros((1, 20, 20))
    maps[0, 5:12, 3:9] = random_maps(7)[0, :, :6]
    plain, shifted = (project(m, 1.0, [0.0], edges(40))[0, :, 0] for m in (maps, np.roll(maps, 4, axis=2)))
    assert np.abs(np.roll(plain, 4) - shifted).max() < ROUND * plain.max()


def test_centre_of_mass_turns_about_the_axis():
    maps, borders = np.pad(random_maps(19), ((0, 0), (6, 8), (9, 5))), edges(60, 0.75)
    maps = gaussian_filter(maps, (0.0, 1.0, 1.0))
    t, x = (borders[1:] + borders[:-1]) / 2, np.arange(33) - 16
    sinogram = project(maps, 1.0, ANGLES, borders, 0.4)[:, :, 0]
    cx, cy = (maps[0].sum(axis=a) @ x / maps.sum() for a in (0, 1))
    expected = 0.4 + cx * np.cos(np.deg2rad(ANGLES)) + cy * np.sin(np.deg2rad(ANGLES))
    # error of bins as below; baseline 2.4e-4 px
    assert np.abs(sinogram @ t / sinogram.sum(axis=1) - expected).max() < 4e-3 * 0.75**2


# error of bins, which know where their mass is to second order only; baselines 8e-5, 2.3e-4, 1.0e-4, 3.6e-4
@pytest.mark.parametrize(("order", "tolerance"), [(0, ROUND), (1, 2e-4), (2, 6e-4), (3, 6e-4), (4, 1.5e-3)])
def test_helgason_ludwig(order, tolerance):
    """The k-th moment of a view is a trigonometric polynomial of degree k and parity k in its angle."""
    width, theta = 0.75, np.deg2rad(np.arange(0.0, 360.0, 5.0))
    borders = edges(80, width)
    t = (borders[1:] + borders[:-1]) / 2
    # smooth on the scale of a bin, else the error is not of second order
    maps = gaussian_filter(np.pad(random_maps(20), ((0, 0), (6, 6), (6, 6))), (0.0, 1.0, 1.0))
    sinogram = project(maps, 1.0, np.rad2deg(theta), borders)[:, :, 0]
    moment = sinogram @ t**order
    harmonics = np.concatenate([[np.cos(m * theta), np.sin(m * theta)] for m in range(order % 2, order + 1, 2)]).T
    residual = moment - harmonics @ np.linalg.lstsq(harmonics, moment, rcond=None)[0]
    assert np.abs(residual / (sinogram @ np.abs(t) ** order)).max() < tolerance * width**2


def test_second_order_and_absolute_against_a_gaussian():
    width, x0, y0 = 0.18, 0.07, -0.11
    errors, largest = [], []
    for n in (32, 64, 128):
        borders = edges(n + 8, 2.0 / n)
        expected = gaussian_bins(ANGLES, borders, width, x0, y0)
        found = project(gaussian_map(n, width, x0, y0)[None], 2.0 / n, ANGLES, borders)[:, :, 0]
        errors.append(np.sqrt(np.mean((found - expected) ** 2)))
        largest.append(np.abs(found - expected).max() / expected.max())
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    # 1.92 and 1.98: the coarsest pixel is a third of the width
    assert np.abs(orders - 2.0).max() < 0.10
    # baseline 3.5e-4: the pixel and the second derivative of the Gaussian
    assert largest[-1] < 1e-3


def test_fourier_slice():
    """FT1 of a view equals FT2 of the object on the line through the origin, the bins divided out."""
    width, x0, y0, n = 0.15, 0.17, -0.23, 128
    borders = edges(n + 8, 2.0 / n)
    t, k = (borders[1:] + borders[:-1]) / 2, np.linspace(0.0, 12.0, 25)
    view = project(gaussian_map(n, width, x0, y0)[None], 2.0 / n, ANGLES, borders)[:, :, 0]
    found = view @ np.exp(-1j * np.outer(t, k)) * (2.0 / n) / np.sinc(k / (np.pi * n))
    middle = x0 * np.cos(np.deg2rad(ANGLES)) + y0 * np.sin(np.deg2rad(ANGLES))
    mass = 2 * np.pi * width**2
    expected = mass * np.exp(-((k * width) ** 2) / 2 - 1j * np.outer(middle, k))
    # second order in the pixel, as above
    assert np.abs(found - expected).max() < 1e-3 * mass


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"maps": np.ones((3, 3))}, "image\\[None\\]"),
        ({"maps": np.full((1, 3, 3), np.nan)}, "finite"),
        ({"pixel_mm": 0.0}, "positive"),
        ({"axis_mm": np.inf}, "finite"),
        ({"edges_mm": [0.0, 1.0, 1.0]}, "increase"),
        ({"edges_mm": [0.0]}, "two edges"),
        ({"angles_deg": [[0.0]]}, "one-dimensional"),
    ],
)
def test_refuses_what_it_cannot_project(change, words):
    good = {"maps": np.ones((1, 3, 3)), "pixel_mm": 1.0, "angles_deg": [0.0], "edges_mm": [-2.0, 2.0]}
    with pytest.raises(InputError, match=words):
        project(**(good | change))
