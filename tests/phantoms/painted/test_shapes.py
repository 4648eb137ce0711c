"""Areas and volumes of solids against closed forms."""

import numpy as np
import pytest

from tsct.phantoms.geometry import pixel_grid
from tsct.phantoms.painted import Box, Cylinder, Ellipse, Layer, Packing, Prism, Sphere, Tube
from tsct.records.errors import InputError

EXTENT_MM, PIXELS = 4.0, 400


def area_mm2(solid, z_mm=0.0):
    pixel = EXTENT_MM / PIXELS
    covered = solid.coverage(*pixel_grid(EXTENT_MM, PIXELS), z_mm, pixel)
    assert covered.min() >= 0 and covered.max() <= 1
    return covered.sum() * pixel**2


@pytest.mark.parametrize(
    ("solid", "expected"),
    [
        (Cylinder(diameter_mm=2.0, centre_mm=(0.5, -0.2)), np.pi),
        (Tube(inner_diameter_mm=1.8, outer_diameter_mm=2.0), np.pi * (1.0 - 0.81)),
        (Box(size_mm=(1.5, 0.8), rotation_deg=30.0), 1.2),
        (Ellipse(diameters_mm=(2.0, 1.0), rotation_deg=20.0), np.pi / 2),
        (Prism(corners_mm=((-1.0, -1.0), (1.0, -1.0), (0.0, 1.0))), 2.0),
        (Sphere(diameter_mm=2.0, centre_mm=(0.3, 0.1, 0.6)), np.pi * (1 - 0.36)),
        (Layer(normal="x", from_mm=-0.2, to_mm=0.3, tilt_deg=10.0), 0.5 * 4.0 / np.cos(np.radians(10))),
    ],
)
def test_areas(solid, expected):
    assert area_mm2(solid) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize("pixels", [40, 65, 100, 333])
@pytest.mark.parametrize("offset", [0.0, 0.004, 0.013])
def test_foils_thinner_than_a_pixel_keep_their_area(pixels, offset):
    """A foil of 0.012 mm, whatever the pixels (0.006 to 0.05 mm) and wherever it lies on them."""
    x, y = pixel_grid(2.0, pixels)
    foils = (
        Box(size_mm=(1.0, 0.012), centre_mm=(0.0, offset)),
        Layer(normal="y", from_mm=offset - 0.006, to_mm=offset + 0.006, within_mm=1.9),
    )
    for foil, length in zip(foils, (1.0, 1.9), strict=True):
        area = foil.coverage(x, y, 0.0, 2.0 / pixels).sum() * (2.0 / pixels) ** 2
        assert area == pytest.approx(0.012 * length, rel=2e-3)


def test_limits_of_height():
    solid = Cylinder(diameter_mm=2.0, z_mm=(-0.1, 0.1))
    assert area_mm2(solid, 0.05) == pytest.approx(np.pi, rel=2e-3)
    assert area_mm2(solid, 0.15) == 0
    assert area_mm2(Sphere(diameter_mm=1.0), 0.6) == 0


def test_a_tilted_layer_lies_where_its_planes_are():
    layer = Layer(from_mm=0.0, to_mm=0.1, tilt_deg=5.0, within_mm=3.0)
    x, y = pixel_grid(EXTENT_MM, PIXELS)
    covered = layer.coverage(x, y, 0.0, EXTENT_MM / PIXELS)
    height = np.sin(np.radians(5.0)) * y
    inside = (height > 0.002) & (height < 0.098) & (np.hypot(x, y) < 1.48)
    assert np.all(covered[inside] == 1)
    assert np.all(covered[height < -0.002] == 0)


def test_spheres_of_a_packing_do_not_touch_and_fill_their_share():
    packing = Packing(
        within_mm=2.0, z_mm=(-0.5, 0.5), diameter_mm=0.3, diameter_sd_mm=0.05, volume_fraction=0.25, seed=3
    )
    spheres = packing.spheres
    gaps = np.linalg.norm(spheres[:, None, :3] - spheres[None, :, :3], axis=-1)
    np.fill_diagonal(gaps, np.inf)
    assert np.all(gaps >= spheres[:, None, 3] + spheres[None, :, 3] - 1e-12)
    share = np.pi * 4 / 3 * np.sum(spheres[:, 3] ** 3) / (np.pi * 1.0**2 * 1.0)
    assert share == pytest.approx(0.25, abs=0.01)
    # cuts through all of them hold their volume
    heights = np.linspace(-0.75, 0.75, 151)
    volume = np.trapezoid([area_mm2(packing, z) for z in heights], heights)
    assert volume == pytest.approx(np.pi * 4 / 3 * np.sum(spheres[:, 3] ** 3), rel=5e-3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Cylinder(name="bed", diameter_mm=-1.0), "bed.*positive"),
        (lambda: Cylinder(name="bed", diameter_mm=1.0, fill={"a": 0.7, "b": 0.5}), "bed.*sum to at most 1, not 1.2"),
        (lambda: Cylinder(name="bed", diameter_mm=1.0, fill={"a": 22, "b": 0.5}), "not 22.5; are these per cent"),
        (lambda: Tube(name="wall", inner_diameter_mm=2.0, outer_diameter_mm=1.0), "wall.*exceed"),
        (lambda: Packing(within_mm=1, z_mm=(0, 1), diameter_mm=0.1, volume_fraction=0.6), "0.6.*0.35"),
        (lambda: Packing(within_mm=10, z_mm=(0, 10), diameter_mm=1e-3, volume_fraction=0.3), "spheres"),
        (lambda: Layer(from_mm=1.0, to_mm=0.0), "from_mm must be below"),
        (lambda: Prism(corners_mm=((0, 0), (1, 1))), "3 to 1000"),
    ],
)
def test_what_cannot_be(make, words):
    with pytest.raises(InputError, match=words):
        make()
