"""What checks of maps measure, where a planted deviation has a closed form."""

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter
from scipy.special import erf

from tsct.records.seeds import generator
from tsct.validation import check_named
from tsct.validation.checks.phase_maps import LEFT

SIZE, VOXEL_MM, EDGE_VOXELS = 81, 0.5, 30.0
CENTRES = np.arange(SIZE) - (SIZE - 1) / 2
RADIUS = np.hypot(CENTRES[:, None], CENTRES)
INSIDE = RADIUS < EDGE_VOXELS - 1.5
MAPS = ("silicon", "carbon", "intensity")
DIMS = ("slice", "y", "x")


def image(*task):
    """Noise of one within the electrode, nothing outside."""
    return np.where(RADIUS < EDGE_VOXELS, generator(3, "maps", *task).standard_normal(RADIUS.shape), 0.0)


def disc(level=1.0):
    return np.where(RADIUS < EDGE_VOXELS, level, 0.0)


def pair(true, recovered, errors=None, slices=1):
    """Truth and recovered data of some maps, each of shape (y, x) or (slice, y, x)."""

    def full(values):
        return np.broadcast_to(values, (slices, SIZE, SIZE)).copy()

    places = {"slice": np.arange(slices), "y": VOXEL_MM * CENTRES, "x": VOXEL_MM * CENTRES}
    truth = xr.Dataset({name: (DIMS, full(values)) for name, values in true.items()}, coords=places)
    truth.attrs = {"electrode_radius_mm": EDGE_VOXELS * VOXEL_MM, "scenario": "small"}
    found = xr.Dataset({name: (("state", *DIMS), full(values)[None]) for name, values in recovered.items()}, places)
    for name, values in (errors or {}).items():
        found[f"{name}_errors"] = (("state", *DIMS), full(values)[None])
    found.attrs = {"roi_slice": slices // 2}
    return truth, found


@pytest.mark.parametrize("name", MAPS)
def test_rms_error_in_per_cent_of_the_mean(measure, name):
    """Half of the voxels 3 % too high, the others 4 % too low: sqrt((9 + 16) / 2) %."""
    sign = np.where(np.indices(RADIUS.shape).sum(axis=0) % 2, 0.03, -0.04)
    found = measure(f"map.rms-error[{name}]", *pair({name: disc(2.0)}, {name: disc(2.0) * (1 + sign)}))
    assert found.value == pytest.approx(np.sqrt(12.5), rel=0.01)
    assert found.n == INSIDE.sum() and found.error == pytest.approx(found.value / np.sqrt(2 * found.n))


@pytest.mark.parametrize("name", MAPS)
def test_similarity_is_that_of_covariances_where_means_agree(measure, name):
    """Far from zero: 2 cov / (var + var'), so 0.8 for half the signal, 2/3 for noise as large as it, -1 upside down."""
    true = image("similarity")
    for recovered, expected in ((true, 1.0), (true / 2, 0.8), (-true, -1.0), (true + image("more"), 2 / 3)):
        found = measure(f"map.similarity[{name}]", *pair({name: 100 + true}, {name: 100 + recovered}, {name: 1.0}))
        # the constant of the index, (0.03 range)^2, is 2 % of the variances
        assert found.value == pytest.approx(expected, abs=0.06) and 0 < found.error < 0.02


@pytest.mark.parametrize("name", MAPS)
def test_resolution_is_where_noise_is_three_times_the_signal(measure, name):
    """Nothing is left of the signal beyond a frequency: the correlation falls there from one to none."""
    true = image("resolution")
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIZE), np.fft.fftfreq(SIZE)))
    low = np.fft.ifft2(np.fft.fft2(true) * (frequency < 0.25)).real
    found = measure(f"map.resolution[{name}]", *pair({name: true}, {name: low + 0.02 * image("else")}))
    assert found.value == pytest.approx(0.25, abs=0.015)
    assert measure(f"map.resolution[{name}]", *pair({name: true}, {name: true})).value == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", MAPS)
def test_rings_of_seven_tenths_their_height(measure, name):
    rings = np.where(RADIUS < EDGE_VOXELS, np.cos(2 * np.pi * RADIUS / 8), 0.0)
    found = measure(f"map.rings[{name}]", *pair({name: 1 + rings}, {name: 1 + 0.7 * rings}))
    assert found.value == pytest.approx(0.7, abs=1e-9)
    # a parabola, as a gradient of the electrode is, is no ring
    lifted = 1 + 0.7 * rings + 0.001 * (np.floor(RADIUS) + 0.5) ** 2
    assert measure(f"map.rings[{name}]", *pair({name: 1 + rings}, {name: lifted})).value == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("name", MAPS)
def test_detail_of_six_tenths_and_of_a_mirror(measure, name):
    true = 5 + image("detail")
    found = measure(f"map.detail[{name}]", *pair({name: true}, {name: 5 + 0.6 * (true - 5)}))
    assert found.value == pytest.approx(0.6, abs=1e-9)
    flipped = measure(f"map.detail[{name}]", *pair({name: true}, {name: true[::-1]}))
    assert abs(flipped.value) < 5 / np.sqrt(flipped.n)
    assert flipped.error == pytest.approx(1 / np.sqrt(flipped.n), rel=0.1)


@pytest.mark.parametrize(("name", "share"), [("silicon", 0.05), ("carbon", 0.05), ("intensity", 0.01)])
def test_the_worst_voxel_less_what_any_may_be_off(measure, name, share):
    """One voxel 30 % too low with error bars of 2 %: (0.30 - share) / 0.02; the rest within the share."""
    spoiled = disc(3.0) * (1 + 0.9 * share)
    spoiled[SIZE // 2 + 4, SIZE // 2 - 7] = 0.7 * 3.0
    found = measure(f"map.worst-voxel[{name}]", *pair({name: disc(3.0)}, {name: spoiled}, {name: 0.06}))
    assert found.value == pytest.approx((0.30 - share) / 0.02, rel=1e-9)
    assert "-30.0 %" in found.note and f"{np.hypot(4, 7):.1f} voxels" in found.note and found.error == 1.0


@pytest.mark.parametrize("sigma", [0.35, 0.5])
def test_the_width_of_an_edge_is_that_of_an_error_function(measure, sigma):
    """10 to 90 % of a normal distribution are 2.563 standard deviations, here in voxels."""
    edge = 0.5 * (1 - erf((RADIUS - EDGE_VOXELS) / (np.sqrt(2) * sigma)))
    found = measure("map.edge-width[silicon]", *pair({"silicon": disc()}, {"silicon": 4.0 * edge}))
    assert found.value == pytest.approx(2.5631 * sigma, rel=1e-3)


@pytest.mark.parametrize("name", ["silicon", "carbon"])
def test_correlation_with_noise_as_large_as_the_signal(measure, name):
    """cov / sqrt(var (var + noise)) = 1 / sqrt(2), to its stated error."""
    other = "carbon" if name == "silicon" else "silicon"
    true, noise = 5 + image("true"), image("noise")
    found = measure(f"map.correlation[{name}]", *pair({name: true, other: disc()}, {name: true + noise, other: disc()}))
    assert found.error == pytest.approx(0.5 / np.sqrt(found.n), rel=0.1)
    assert abs(found.value - np.sqrt(0.5)) < 4 * found.error


@pytest.mark.parametrize("name", ["silicon", "carbon"])
def test_bias_is_signed_and_in_per_cent(measure, name):
    true = {"silicon": disc(2.0), "carbon": disc(3.0)}
    for bias in (0.04, -0.07):
        truth, found = pair(true, true | {name: true[name] * (1 + bias)})
        found[f"{name}_level_errors"] = (("state", "slice"), np.full((1, 1), 0.02))
        measured = measure(f"map.bias[{name}]", truth, found)
        assert measured.value == pytest.approx(100 * bias, abs=1e-9)
        assert measured.error == pytest.approx(2.0 * (1 + bias), rel=1e-9)


@pytest.mark.parametrize("name", ["silicon", "carbon"])
def test_cross_talk_is_the_response_to_a_relative_change(measure, name):
    """Of a map that holds -0.08 of the other phase's relative change: 8 per cent of its own mean."""
    other = "carbon" if name == "silicon" else "silicon"
    true = {name: disc(2.0) + 0.3 * image("own"), other: disc(0.5) + 0.1 * image("foreign")}
    foreign = true[other] / true[other][INSIDE].mean() - 1
    noise = 0.01 * image("rest")
    recovered = true | {name: true[name] * 0.9 - 0.08 * true[name][INSIDE].mean() * foreign + noise}
    found = measure(f"map.cross-talk[{name}]", *pair(true, recovered))
    # noise over mean, over the scatter of the other phase's relative change and the root of the number of voxels
    assert found.error == pytest.approx(100 * (0.01 / 2) / (0.2 * np.sqrt(found.n)), rel=0.1)
    assert found.value == pytest.approx(8.0, abs=4 * found.error)


@pytest.mark.parametrize("name", ["silicon", "carbon"])
def test_what_the_reference_chain_leaves_lies_in_the_window(name):
    """Correlation, bias and cross-talk that the sources of the windows state."""
    for check, left in zip(("correlation", "bias", "cross-talk"), LEFT[name], strict=True):
        window = check_named(f"map.{check}[{name}]")
        assert window.low < left < window.high and f"{left}" in window.source


def test_overlap_of_two_halves(measure):
    """The true electrode, and only its upper half: 2 (1/2) / (1 + 1/2) = 2/3."""
    half = disc() * (CENTRES > 0)[:, None]
    found = measure("electrode.overlap", *pair({"silicon": disc()}, {"silicon": half}, {"silicon": 1e-3}))
    whole, upper = (RADIUS < EDGE_VOXELS).sum(), (disc() * (CENTRES > 0)[:, None] > 0).sum()
    assert found.value == pytest.approx(2 * upper / (whole + upper), rel=1e-12)
    assert found.value == pytest.approx(2 / 3, abs=0.01) and found.error < 1e-3


@pytest.mark.parametrize(("where", "slice_index"), [("bottom", 0), ("top", -1)])
def test_the_wedge_is_that_of_its_slice_over_the_middle(measure, where, slice_index):
    carbon = np.stack([disc(1.0), disc(2.0), disc(3.0)])
    low = (CENTRES < 0)[:, None]
    # a fifth of the rows below the middle hold 10, the 95th percentile; in the other slice nothing does
    carbon[slice_index] = np.where(low & (CENTRES[:, None] > -8), 10.0, carbon[slice_index])
    truth, found = pair({"carbon": carbon}, {"carbon": carbon}, slices=3)
    assert measure(f"piston.wedge[{where}]", truth, found).value == pytest.approx(10.0 / 2.0)
    other = "top" if where == "bottom" else "bottom"
    expected = {"bottom": 1.0, "top": 3.0}[other] / 2.0
    assert measure(f"piston.wedge[{other}]", truth, found).value == pytest.approx(expected)


def test_half_the_contrast_of_a_star(measure):
    """A Gaussian of one voxel leaves exp(-2 (pi / p)^2) of a period p: half at p = pi sqrt(2 / ln 2) = 5.34 voxels."""
    spokes, fine = 24, 5
    centres = (np.arange(SIZE * fine) - (SIZE * fine - 1) / 2) / fine
    angle, radius = np.arctan2(centres[:, None], centres), np.hypot(centres[:, None], centres)
    star = np.where(radius < EDGE_VOXELS, 1 + np.cos(spokes * angle), 0.0)

    def in_voxels(values):
        return values.reshape(SIZE, fine, SIZE, fine).mean(axis=(1, 3))

    true = in_voxels(star)
    truth, found = pair({"silicon": true}, {"silicon": gaussian_filter(true, 1.0)})
    truth.attrs |= {"star_spokes": spokes}
    value = measure("star.half-contrast[silicon]", truth, found).value
    assert value == pytest.approx(np.pi * np.sqrt(2 / np.log(2)), rel=0.03)


@pytest.mark.parametrize(("name", "floor"), [("silicon", 0.0), ("carbon", 0.5)])
def test_signal_to_noise_that_nineteen_of_twenty_voxels_have(measure, name, floor):
    ratio = np.linspace(1.0, 101.0, SIZE**2).reshape(SIZE, SIZE)
    # voxels with too little of the phase, which count where the floor is zero
    true = np.where(np.indices((SIZE, SIZE))[0] < 10, 0.2, 1.0)
    truth, found = pair({name: true}, {f"{name}_height": 0.5 * ratio})
    found[f"{name}_height_errors"] = 0.5 + 0 * found[f"{name}_height"]
    found["roi"] = (("y", "x"), np.ones((SIZE, SIZE), np.int8))
    measured = measure(f"voxel.signal-to-noise[{name}]", truth, found)
    least = 1.0 + 100 * (10 / SIZE if floor else 0.0)
    assert measured.value == pytest.approx(least + 0.05 * (101 - least), rel=2e-3)
    assert measured.n == (71 * SIZE if floor else SIZE**2)
