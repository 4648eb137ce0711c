"""Recovered data with their truth: a quick run of the twin, and a small one made by hand."""

import numpy as np
import pytest
import xarray as xr

from tsct import analyze, phantoms, simulate
from tsct.analyze.recipe import Roi
from tsct.phantoms.discharge import QUICK_POTENTIALS_V
from tsct.validation import Evidence, check_named, small_case
from tsct.validation.selftest.painted_capillary import painted_capillary
from tsct.validation.selftest.pattern_chain import pattern_chain


@pytest.fixture(scope="session")
def twin():
    """Truth and recovered data of six states of the middle slice."""
    cell = phantoms.wragg2023(phantoms.discharge("small", QUICK_POTENTIALS_V))
    scan = simulate.scan(cell, simulate.id15a(), seed=1, tiles=[(state, 1) for state in range(6)])
    return cell.truth(), analyze.chain(scan)


@pytest.fixture(scope="session")
def small():
    """Truth and recovered data made by hand: a few voxels, peaks drawn as Gaussians, a bond that moves by 0.05 A."""
    rng = np.random.default_rng(5)
    states, slices, n = 6, 2, 10
    q, r = np.linspace(0.6, 26.0, 128), 0.05 * np.arange(1, 201)
    potential_v = np.array([0.50, 0.40, 0.30, 0.25, 0.21, 0.20])
    x = np.array([0.0, 0.02, 0.04, 0.10, 0.16, 0.22])
    distance = 2.37 + 0.05 * x / x[-1]
    lines = ((1.0, 0.07, 0.6), (1.42, 0.1, 3.0), (3.8, 0.18, 3.0), (4.22, 0.1, 1.2))
    gr = np.array([[*lines, (d, 0.12, 7.0)] for d in distance])
    curves = np.sum(gr[..., 2, None] * np.exp(-((r - gr[..., 0, None]) ** 2) / (2 * gr[..., 1, None] ** 2)), axis=1) - 1
    centres = 0.5 * (np.arange(n) - (n - 1) / 2)
    radius = np.hypot(*np.meshgrid(centres, centres))
    maps = {
        "silicon": 0.011 * (radius < 2) * np.ones((slices, 1, 1)),
        "carbon": 0.03 * (radius < 2) * np.linspace(1, 2, slices)[:, None, None],
    }
    parameters = ("shift", "silicon_lithium", "second_shell")
    fit = np.stack([distance - 2.37, 7 * x, -0.5 * x], axis=1)
    image, line = ("state", "slice", "y", "x"), ("state", "r")
    found = xr.Dataset(
        {
            "roi_iq": (("state", "q"), np.tile(10 * np.exp(-q / 5) + 1, (states, 1))),
            "roi_iq_errors": (("state", "q"), np.full((states, len(q)), 0.01)),
            "roi_gr": (line, curves),
            "roi_gr_errors": (line, np.full_like(curves, 0.1)),
            "roi_dgr": (line, curves - curves[0]),
            "roi_dgr_errors": (line, np.full_like(curves, 0.02)),
            "dgr_model": (line, 0.95 * (curves - curves[0])),
            "fit": (("state", "parameter"), fit),
            "fit_errors": (("state", "parameter"), np.full_like(fit, 1e-3)),
            "lobe_low": ("state", distance / 2 + 1.06),
            "lobe_high": ("state", distance / 2 + 1.34),
            "onset_v": ("hinge", [0.48, 0.28, 0.21]),
            "onset_v_errors": ("hinge", [0.01, 0.002, np.nan]),
            "voxel_iq_errors": (("state", "slice", "q"), np.full((states, slices, len(q)), 0.05)),
            "voxel_hr_errors": (("state", "slice", "r"), np.full((states, slices, len(r)), 0.02)),
            "roi_counting_errors": (("state", "slice", "q"), np.full((states, slices, len(q)), 0.002)),
            "roi": (("y", "x"), (np.hypot(centres[:, None] + 0.5, centres - 0.5) < 1.5).astype(np.int8)),
            "compton_weight": ("q", np.ones_like(q)),
        },
        coords={
            "state": np.arange(states),
            "potential_v": ("state", potential_v),
            "parameter": list(parameters),
            "slice": np.arange(slices),
            "z_mm": ("slice", [0.02, 0.05]),
            **{"y": centres, "x": centres, "q": q, "r": r},
        },
        attrs={
            **{"reference_density": 0.08, "reference_distance": 2.37, "roi_slice": 1, "voxel_mm": 0.5, "views": 90},
            **{"q_min": 0.8, "q_max": 20.0, "mode": "absolute", "window": "none", "filter": "ramp"},
            **{"composition": {"Si": 0.3, "C": 0.7}, "roi_radius_voxels": 3.0, "energy_kev": 100.0},
        },
    )
    for name, values in maps.items():
        error = 0.02 * values.max()
        noisy = values + error * rng.standard_normal((states, *values.shape))
        found[name] = (image, noisy)
        found[f"{name}_errors"] = (image, np.full_like(noisy, error))
    truth = xr.Dataset(
        {
            **{name: (("slice", "y", "x"), values) for name, values in maps.items()},
            "silicon_distance": ("state", distance),
            "lithium_per_silicon": ("state", x),
            "lithium_neighbours": ("state", 8 * x),
            "second_shell_loss": ("state", np.array([0.0, 0.0, 0.0, 0.0, 0.05, 0.10])),
        },
        coords={"slice": np.arange(slices), "y": centres, "x": centres, "potential_v": ("state", potential_v)},
        attrs={"electrode_radius_mm": 2.0, "scenario": "small", "experiment": "by hand", "seed": 5},
    )
    return truth, found


@pytest.fixture(scope="session")
def region(small):
    """What a perfect measurement of the small data's region would give."""
    _, found = small
    density = found.attrs["reference_density"]
    gr = found.roi_gr.values[0]
    return xr.Dataset(
        {
            "iq": ("q", density * found.roi_iq.values[0] * 1.001),
            "gr": ("r", gr - 0.05 * np.sin(20 * found.r.values)),
            "gr_untruncated": ("r", np.where(found.r.values > 1.2, gr, -1.0)),
        },
        coords={"q": found.q, "r": found.r},
    )


@pytest.fixture(scope="session")
def painted():
    """A small sample of named phases with its scan, and what a plain chain makes of it."""
    case = small_case(sample=painted_capillary())
    region = Roi(x_voxels=0, y_voxels=0, radius_voxels=10)
    return case, pattern_chain(case.scan, case.truth, case.phases, region)


@pytest.fixture
def measure():
    """Takes the id of a check, truth, recovered data and phases, and gives what the check measures."""

    def value(name, truth, found, phases=None):
        return check_named(name).measure(Evidence(truth=truth, recovered=found, phases=phases))

    return value
