"""Each check against a planted defect: the twin passes where it should, and a spoiled copy does not."""

import numpy as np
import pytest

from tsct.analyze.recipe import Roi
from tsct.analyze.tomography.fbp import fbp_weights
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.validation import score
from tsct.validation.checks.noise_closed_form import disc_weights
from tsct.validation.checks.termination_ghost import ghost


@pytest.fixture(scope="module")
def verdicts(twin):
    return {outcome.check.id: outcome for outcome in score(*twin).outcomes}


@pytest.mark.parametrize(
    "name",
    [
        *("A1", "A3", "A4", "A4b", "A5", "A5b", "A5d", "A5e", "A6", "A6b", "A8", "A8b", "A8c", "A8d"),
        *("A0", "A9c", "A11s1", "A11s2", "A11s3", "A11c1", "A11c2", "A11c3", "A12", "A12b", "A12c"),
    ],
)
def test_the_twin_passes(verdicts, name):
    outcome = verdicts[name]
    assert outcome.verdict == "pass", f"{outcome.measurement} outside {outcome.check.low} to {outcome.check.high}"


@pytest.mark.parametrize(
    "name",
    [
        *("A1", "A3", "A4", "A4b", "A5", "A5b", "A5e", "A7", "A8", "A8b", "A8c", "A8d", "A9b", "A10"),
        *("A11s1", "A11s2", "A11s3", "A11s4", "A11s5", "A11s7", "A11s8", "A11c6", "A11se", "A12c", "A15", "A19"),
    ],
)
def test_values_that_depend_on_noise_have_a_standard_error(verdicts, name):
    """Finite, and small against the value or the window: drift has a significance."""
    outcome = verdicts[name]
    size = max(abs(outcome.measurement.value), outcome.check.high - outcome.check.low)
    assert 0 < outcome.measurement.error < 0.5 * size


def spoiled(twin, **changes):
    """Verdicts after functions have changed variables of the recovered data."""
    truth, found = twin
    found = found.copy()
    for name, change in changes.items():
        found[name] = found[name].copy(data=change(found[name].values))
    return {outcome.check.id: outcome.verdict for outcome in score(truth, found).outcomes}


def moved(curves, steps):
    return np.roll(curves, steps, axis=-1)


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        # the recovered r axis is off by 0.06 A
        ({"roi_gr": lambda v: moved(v, -3)}, {"A1", "A3", "A4"}),
        # differences with the wrong sign
        (
            {"roi_dgr": lambda v: -v, "lobe_low": lambda v: v + 0.2, "lobe_high": lambda v: v - 0.2},
            {"A8", "A8c", "A8d"},
        ),
        # error bars half as large as they should be
        ({"voxel_iq_errors": lambda v: v / 2, "noise_ratio": lambda v: 4 * v}, {"A12", "A12c"}),
        ({"roi_counting_errors": lambda v: 1.2 * v}, {"A12b"}),
        # a map scaled by 10 %, and one upside down
        ({"silicon": lambda v: 1.1 * v}, {"A11s2"}),
        ({"carbon": lambda v: v[..., ::-1, :] * np.linspace(0.5, 1.5, v.shape[-1])}, {"A11c1"}),
        # onsets read 30 mV too high, shifts half as large
        ({"onset_v": lambda v: v + 0.03}, {"A9b", "A9c"}),
        ({"fit": lambda v: 0.5 * v}, {"A10"}),
    ],
)
def test_planted_defects_are_caught(twin, changes, failing):
    verdicts = spoiled(twin, **changes)
    assert {verdicts[name] for name in failing} == {"fail"}


def test_cross_talk_is_caught(twin):
    truth, found = twin
    found = found.copy()
    found["carbon"] = found.carbon + 0.5 * found.silicon
    verdicts = {outcome.check.id: outcome.verdict for outcome in score(truth, found).outcomes}
    assert verdicts["A11c3"] == "fail"


def test_nan_never_passes(twin):
    """A recovered variable that is not a number makes its checks inconclusive or fail."""
    _, found = twin
    names = [name for name in found.data_vars if found[name].dtype.kind == "f"]
    verdicts = spoiled(twin, **{name: lambda v: np.full_like(v, np.nan) for name in names})
    # the inverse crime is a matter of attributes
    assert verdicts.pop("A0") == "pass"
    assert "pass" not in set(verdicts.values())


def test_a_ghost_is_found_between_grid_points():
    r = np.arange(0.02, 3.0, 0.02)
    curve = 0.4 * np.exp(-(((r - 0.991) / 0.08) ** 2)) + 3 * np.exp(-(((r - 1.42) / 0.08) ** 2))
    position, prominence = ghost(r, curve, (0.94, 1.06))
    assert position == pytest.approx(0.991, abs=0.003)
    assert prominence == pytest.approx(0.4, abs=0.01)
    assert ghost(r, r, (0.94, 1.06))[1] == 0.0


def test_closed_form_of_a_disc_against_the_reconstruction():
    """Weights of all rays in the mean over a disc: analytic filtered projection against the operator itself."""
    roi, n = Roi(x_voxels=0.0, y_voxels=0.0, radius_voxels=16.0), 60
    geometry = ParallelGeometry.from_arrays(np.arange(n) - (n - 1) / 2, np.arange(90) * 2.0, 0.0)
    operator = np.sum(fbp_weights(roi.mask(n), geometry, "ramp") ** 2)
    rows = disc_weights(np.arange(n), 16.0)
    # the mean over the disc of one view is the weight times pi / views; all views alike
    closed = 90 * (np.pi / 90) ** 2 * (rows[0] + 2 * rows[1:].sum()) / np.pi**2
    assert np.sqrt(closed / operator) == pytest.approx(1.0, abs=0.06)


def test_the_error_of_a_bias_holds_what_all_voxels_share(small):
    truth, found = small
    rows = []
    for level in (None, 0.0, 0.02, np.nan):
        stated = {} if level is None else {"silicon_level_errors": (("state", "slice"), np.full((6, 2), level))}
        checks = score(truth, found.assign(stated)).document()["checks"]
        rows.append(next(row for row in checks if row["id"] == "A11s2"))
    unsaid, alone, shared, unknown = rows
    assert shared["error"] ** 2 - alone["error"] ** 2 == pytest.approx(2.0**2, rel=0.05)
    assert "2 % in all voxels alike" in shared["note"]
    assert unsaid["error"] is None and unknown["error"] is None and "not known" in unknown["note"]
    assert len({row["verdict"] for row in rows}) == 1
