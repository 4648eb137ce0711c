"""What would make failing maps and curves fit: planted slips are named, and nothing is where there is none."""

import re
import sys

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import affine_transform, gaussian_filter, rotate, shift, zoom

from tsct import phantoms
from tsct.phantoms.painted.shapes import Cylinder, Tube
from tsct.validation import assert_passes, score
from tsct.validation.evidence.check import Evidence
from tsct.validation.explain import explanations, fitted_stretch
from tsct.validation.statistics.registration import register

RNG_SEED = 3


def image(n=48):
    """A disc with rings and lumps, off the middle, in a wall: no symmetry of its own."""
    rng = np.random.default_rng(RNG_SEED)
    y, x = np.indices((n, n)) - (n - 1) / 2
    rho = np.hypot(x - 1.3, y + 0.6)
    lumps = rotate(zoom(rng.normal(size=(8, 8)), n / 8, order=3), 20, reshape=False)
    disc = np.clip(15 - rho, 0, 1) * (1 + 0.2 * np.cos(rho / 1.5) + 0.2 * lumps)
    return disc + 0.6 * np.clip(1.5 - np.abs(np.hypot(x, y) - 19), 0, 1)


def moved(values, dx, dy):
    return shift(values, (dy, dx), order=3)


#: what is done to a map by functions of scipy or numpy, and the sentence that undoes it
SLIPS = {
    "moved": (lambda a: moved(a, 0.5, 0.5), r"move it by \(-0\.5, -0\.5\) voxels"),
    # scipy turns an image whose rows count upwards from y towards x
    "turned": (lambda a: rotate(a, 5.0, reshape=False), r"turn it by \+(4\.9|5\.[01])° from x towards y"),
    "quarter turn": (lambda a: np.rot90(a), r"turn it by \+(89\.9|90\.[01])° from x towards y"),
    "flipped x": (lambda a: a[:, ::-1], "flip x"),
    "angles of the other sign": (lambda a: a[::-1], r"flip y \(angles"),
    "axes exchanged": (lambda a: a.T, "exchange x and y"),
    "level": (lambda a: 0.64 * a, r"its level is 0\.6[234]\d? of the truth"),
    "too small": (lambda a: smaller(a, 0.95), r"magnify it by 1\.05[0-6]"),
}


def smaller(values, factor):
    middle = (len(values) - 1) / 2
    return affine_transform(values, np.eye(2) / factor, offset=middle * (1 - 1 / factor))


def records(found, true, names=("ceria", "nickel")):
    """Truth and recovered amounts of a sample of named phases, one state and slice."""
    n = len(true)
    axis = 0.1 * (np.arange(n) - (n - 1) / 2)
    coords = {"state": [0], "slice": [0], "y": axis, "x": axis}
    dims = ("state", "slice", "phase_name", "y", "x")
    amounts = np.stack([true, 0.5 * true[::-1, ::-1]][: len(names)])[None, None]
    truth = xr.Dataset(
        {"phase_amount": (dims, amounts)},
        coords={**coords, "phase_name": list(names)},
        attrs={"voxel_mm": 0.1, "energy_kev": 100.0},
    )
    maps = xr.Dataset(
        {"phase_amount": (("state", "slice", "phase", "y", "x"), np.stack(found)[None, None])},
        coords={**coords, "phase": list(names)},
    )
    return truth, maps


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("noise", [0.0, 0.03])
def test_a_slip_of_maps_is_named(slip, noise):
    true = image()
    change, words = SLIPS[slip]
    rng = np.random.default_rng(1)
    found = [change(one) + noise * rng.normal(size=true.shape) for one in (true, 0.5 * true[::-1, ::-1])]
    truth, maps = records(found, true)
    told = explanations(Evidence(truth=truth, recovered=maps))
    assert len(told) in (1, 2) and told[0].startswith("ceria")
    # one thing was done, and one is named
    assert re.search(words, told[0]) and ";" not in told[0], told


@pytest.fixture(scope="module")
def samples():
    """True maps of the anode of the paper, and of three wires in a tube."""
    cell = phantoms.wragg2023(phantoms.discharge("small", (0.5,)))
    wires = ((0.3, 0.2, 0.5), (-0.4, -0.1, 0.3), (0.1, -0.5, 0.2))
    y, x = 0.0367 * (np.indices((60, 60)) - 29.5)
    bed = sum(Cylinder(diameter_mm=d, centre_mm=(a, b)).coverage(x, y, 0.0, 0.0367) for a, b, d in wires)
    tube = Tube(inner_diameter_mm=1.8, outer_diameter_mm=2.0).coverage(x, y, 0.0, 0.0367)
    return {"anode": cell.truth(60, 0.130).silicon.sel(slice=1).values, "wires": bed + 0.3 * tube}


@pytest.mark.parametrize("sample", ["anode", "wires"])
@pytest.mark.parametrize("slip", SLIPS)
def test_eight_slips_on_two_samples(samples, sample, slip):
    true = samples[sample] / samples[sample].max()
    change, words = SLIPS[slip]
    blurred = change(gaussian_filter(true, 0.5))
    found = blurred + 0.02 * np.random.default_rng(5).normal(size=true.shape)
    truth, maps = records([found], true, names=("ceria",))
    (told,) = explanations(Evidence(truth=truth, recovered=maps))
    assert re.search(words, told) and ";" not in told


def test_nothing_is_named_where_nothing_is_wrong():
    true = image()
    rng = np.random.default_rng(1)
    found = [one + 0.1 * rng.normal(size=true.shape) for one in (true, 0.5 * true[::-1, ::-1])]
    assert explanations(Evidence(truth=records(found, true)[0], recovered=records(found, true)[1])) == ()


def test_a_map_of_other_things_is_not_explained():
    """The carbon of walls is in a recovered map, and not in the truth of an electrode: nothing makes one the other."""
    rng, (y, x) = np.random.default_rng(6), np.indices((48, 48)) - 23.5
    rho = np.hypot(x, y)
    electrode, wall = np.clip(12.5 - rho, 0, 1), np.clip(2 - np.abs(rho - 14.5), 0, 1)
    truth, maps = records([electrode + wall + 0.03 * rng.normal(size=rho.shape)], electrode, names=("ceria",))
    # the larger of two discs comes nearest, and nearest is not near
    assert 0.15 < register(maps.phase_amount.values[0, 0, 0], electrode).misfit < 0.3
    assert explanations(Evidence(truth=truth, recovered=maps)) == ()


def test_numbers_of_a_registration_are_those_that_were_planted():
    true = image()
    rng = np.random.default_rng(2)
    fits = [register(1.7 * moved(true, 2.25, -1.5) + 0.05 * rng.normal(size=true.shape), true) for _ in range(8)]
    for fit in fits:
        assert not fit.flipped and fit.level == pytest.approx(1.7, rel=0.02)
        assert fit.move == pytest.approx((-2.25, 1.5), abs=0.05)
        # nothing else was done
        assert fit.turn_deg == 0 and fit.magnification == 1


def test_a_level_is_named_after_the_factor_that_it_is():
    true = image()
    for factor, words in ((0.1, "the side of a voxel in mm, 0.1"), (1 / (4 * np.pi), "one over 4 pi")):
        truth, maps = records([factor * true, factor * 0.5 * true[::-1, ::-1]], true)
        (told,) = explanations(Evidence(truth=truth, recovered=maps))
        assert told.startswith("ceria and nickel would fit: its level is ") and words in told


@pytest.mark.parametrize("stretch", [-0.02, 0.005, 0.0, 0.03])
def test_a_stretched_curve_is_stretched_back(stretch):
    x = np.linspace(0.8, 24, 900)

    def pattern(q):
        return 40 * np.exp(-q / 4) * (1 + 0.3 * np.sin(2.4 * q) / q) + 0.5

    rng = np.random.default_rng(4)
    fit = fitted_stretch(x, 0.9 * pattern(x * (1 + stretch)) + 0.02 * rng.normal(size=x.size), pattern(x))
    assert fit.stretch == pytest.approx(stretch, abs=max(4 * fit.error, 1e-4))
    assert fit.level == pytest.approx(0.9, rel=0.01) and fit.error < 2e-3


def test_a_chain_that_fails_is_told_what_would_fit_and_one_that_passes_is_not(small, monkeypatch):
    truth, found = small
    asked = []
    monkeypatch.setattr(
        sys.modules["tsct.validation.score"],
        "explanations",
        lambda evidence: asked.append(evidence) or ("maps would fit",),
    )
    failing = score(truth, found.assign(silicon=2 * found.silicon))
    assert failing.verdict == "fail" and len(asked) == 1
    assert failing.document()["explanations"] == ["maps would fit"]
    with pytest.raises(AssertionError, match=r"\nmaps would fit$"):
        assert_passes(failing)
    fine = next(one.check for one in failing.chain if one.verdict == "pass" and not one.check.precondition)
    passing = score(truth, found, checks=[fine])
    assert passing.verdict == "pass" and passing.explanations == () and len(asked) == 1
