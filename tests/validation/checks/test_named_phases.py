"""Checks of named phases: a right chain passes them, and a planted defect fails the one that is about it."""

import numpy as np
import pytest
import xarray as xr

from tsct.records.errors import InputError
from tsct.validation import CHECKS, check_named, score
from tsct.validation.evidence.check import Evidence
from tsct.validation.evidence.phase_amounts import interior
from tsct.validation.evidence.recovered import complete_recovered
from tsct.validation.evidence.region_states import roi_densities
from tsct.validation.selftest.phase_defects import phase_defects

NAMES = ("quartz", "copper", "carbon")


def outcomes(case, result, checks=None):
    return {o.check.id: o for o in score(case.truth, result, case.phases, checks).outcomes}


def test_a_chain_that_knows_its_phases_passes_in_every_state(painted):
    case, result = painted
    scores = score(case.truth, result, case.phases)
    assert [o.check.id for o in scores.outcomes if o.verdict in ("fail", "inconclusive")] == []
    ran = {o.check.id for o in scores.outcomes if o.ran}
    assert {f"{what}[{name}]" for what in ("amount", "change", "map.bias") for name in NAMES} <= ran
    assert {"iq.level", "iq.shape", "pdf.rw", "errors.voxel-scatter", "errors.joined-channels"} <= ran
    assert all(o.ran or o.measurement.note for o in scores.outcomes)


def test_no_window_of_the_cell_is_for_another_sample(painted):
    """Its carbon is not that of the electrode, and nothing crashes on what the truth does not hold."""
    case, result = painted
    of_cell = outcomes(case, result, CHECKS)
    assert of_cell["map.rms-error[carbon]"].verdict == "not run"
    assert "of the cell" in of_cell["pdf.peak[si-si]"].measurement.note
    assert outcomes(case, result)["map.rms-error[carbon]"].check.unit == "1"
    assert {o.verdict for o in of_cell.values()} == {"pass", "not run"}


@pytest.mark.parametrize("failing", phase_defects(NAMES))
def test_a_planted_defect_fails_its_check(painted, failing):
    case, result = painted
    damaged = phase_defects(NAMES)[failing].chain(case.scan, clean=result)
    scores = score(case.truth, damaged, case.phases)
    assert scores.verdict == "fail"
    assert {o.check.id: o.verdict for o in scores.outcomes}[failing] == "fail"


def test_what_the_stated_errors_cannot_tell_is_not_compared(painted):
    case, result = painted
    unsure = result | {"phase_amount_errors": 300 * result["phase_amount_errors"]}
    found = outcomes(case, unsure)
    assert found["map.correlation[copper]"].verdict == "not run"
    assert "photons" in found["map.correlation[copper]"].measurement.note
    without = outcomes(case, {k: v for k, v in result.items() if k != "phase_amount_level_errors"})
    assert "level_errors" in without["amount[copper]"].measurement.note


def test_what_absorption_may_leave_is_part_of_the_stated_errors(painted):
    case, result = painted
    wrong = phase_defects(NAMES)["map.worst-voxel[carbon]"].chain(case.scan, clean=result)
    assert outcomes(case, wrong)["map.worst-voxel[carbon]"].verdict == "fail"
    left = {"phase_amount_absorption_errors": 0.1 * np.abs(result["phase_amount"])}
    assert outcomes(case, wrong | left)["map.worst-voxel[carbon]"].verdict == "pass"


def test_an_amount_that_is_not_known_is_not_judged(painted):
    case, result = painted
    unknown = outcomes(
        case, result | {"phase_amount_level_errors": np.full_like(result["phase_amount_level_errors"], 0.3)}
    )
    for name in NAMES:
        for check in ("amount", "map.bias", "map.worst-voxel"):
            assert unknown[f"{check}[{name}]"].verdict == "not run"
        assert "none of it at all would do as well" in unknown[f"amount[{name}]"].measurement.note


@pytest.mark.parametrize(
    ("share", "not_run"),
    [
        (1e-4, set()),
        (0.008, {"iq.level", "pdf.rw-over-truncation"}),
        (0.3, {"iq.level", "pdf.rw", "pdf.rw-over-truncation"}),
    ],
)
def test_windows_that_absorption_may_leave_are_not_asked_for(painted, share, not_run):
    case, result = painted
    found = complete_recovered(result, case.truth)
    pattern = found.roi_iq.values[0] * found.attrs["reference_density"]
    left = np.tile(share * pattern, (*found.phase_amount.shape[:2], 1))
    found = found.assign(roi_absorption_errors=(("state", "slice", "q"), left, {"units": "electron units/angstrom^3"}))
    verdicts = {o.check.id: o for o in score(case.truth, found, case.phases).outcomes}
    for check in ("iq.level", "pdf.rw", "pdf.rw-over-truncation"):
        assert (verdicts[check].verdict == "not run") == (check in not_run)
        assert check not in not_run or "absorption may leave" in verdicts[check].measurement.note


def test_a_chain_that_names_one_phase_is_held_to_that_one(painted):
    case, result = painted
    one = {"phase": ["copper"], "phase_amount": result["phase_amount"][:, :, 1:2]}
    found = outcomes(case, one)
    assert "map.bias[quartz]" not in found
    assert found["map.bias[copper]"].verdict == "not run"
    with pytest.raises(InputError, match="without names"):
        score(case.truth, {"phase_amount": result["phase_amount"]}, case.phases)


def test_densities_of_structures_add_up_to_the_amounts_in_every_state(painted):
    case, result = painted
    truth = case.truth
    for name in NAMES:
        own = truth.state_density.values[:, truth.phase_role.values == name].sum(axis=1)
        np.testing.assert_allclose(own, truth.phase_amount.sel(phase_name=name).values, rtol=1e-12)
    found = complete_recovered(result, truth)
    region = truth.phase_amount.values[..., found.roi.values.astype(bool)].mean(axis=-1)
    densities = roi_densities(truth, found, case.phases)
    np.testing.assert_allclose(densities.sum(axis=1), region[:, 0].sum(axis=-1), rtol=1e-12)
    # a fifth of the copper is lost, and what is left expands by 0.2 %
    np.testing.assert_allclose(region[1, 0, 1] / region[0, 0, 1], 0.8, rtol=0.01)


def test_states_are_told_apart_along_their_own_axis(painted):
    case, result = painted
    found = complete_recovered(result, case.truth)
    warmer = found.assign_coords(temperature_k=("state", [300.0, 410.0]))
    with pytest.raises(InputError, match="410 K, that of the truth at 400 K"):
        score(case.truth, warmer, case.phases)


def test_a_check_of_any_phase_is_called_by_its_name():
    assert check_named("amount[nickel]").unit == "sigma"
    assert check_named("map.bias[silicon]").alias == "A11s2"


def test_an_amount_is_not_wrong_by_what_blur_moves():
    """A parabola keeps its shape under blur and rises by half the variance times its curvature, which is known."""
    y, x = np.indices((41, 41)) - 20.0
    true = 1 + 0.01 * (x**2 + y**2)
    roi = x**2 + y**2 < 100
    dims = ("state", "slice", "phase", "y", "x")

    def sigmas_off(amount):
        recovered = xr.Dataset(
            {
                "phase_amount": (dims, amount[None, None, None]),
                "phase_amount_errors": (dims, np.full((1, 1, 1, 41, 41), 1e-4)),
                "phase_amount_level_errors": (dims[:3], np.full((1, 1, 1), 1e-3)),
                "roi": (dims[3:], roi),
            },
            coords={"phase": ["salt"], "slice": [0], "state": [0]},
        )
        truth = recovered[["phase_amount"]].isel(state=0).rename(phase="phase_name").assign_coords(state=0)
        truth = truth.drop_vars("state").copy(data={"phase_amount": true[None, None]})
        return check_named("amount[salt]").measure(Evidence(truth=truth, recovered=recovered, phases=None)).value

    # a quarter of a square voxel along each of two axes, each with a second derivative of 0.02
    blurred = true + 0.25 / 2 * (0.02 + 0.02)
    assert (blurred / true)[roi].mean() > 1.003
    assert sigmas_off(blurred) == pytest.approx(0.0, abs=0.1)
    assert sigmas_off(1.2 * true) > 100
    assert sigmas_off(blurred + 0.01 * true[roi].mean()) == pytest.approx(10, rel=0.1)


def test_detail_is_the_slope_off_the_rings_with_the_error_of_a_slope():
    """Each map less its mean over rings one voxel wide: 0.6 of what is left, an error over the root of its power."""
    y, x = np.indices((41, 41)) - 20.0
    true = np.where(np.hypot(x, y) < 18, 1 + 0.02 * x, 0.0)
    dims, error = ("state", "slice", "phase", "y", "x"), 0.02
    recovered = xr.Dataset(
        {
            "phase_amount": (dims, (0.6 * true + 0.1 * np.hypot(x, y))[None, None, None]),
            "phase_amount_errors": (dims, np.full((1, 1, 1, 41, 41), error)),
        },
        coords={"phase": ["salt"], "slice": [0], "state": [0], "y": y[:, 0], "x": x[0]},
    )
    truth = xr.Dataset(
        {"phase_amount": (("phase_name", "slice", "y", "x"), true[None, None])}, {"phase_name": ["salt"]}
    )
    found = check_named("map.detail[salt]").measure(Evidence(truth=truth, recovered=recovered, phases=None))
    inside = interior(true)
    ring = np.floor(np.hypot(x, y)).astype(int)
    rings = [true[inside & (ring == k)] for k in np.unique(ring[inside])]
    left = np.concatenate([values - values.mean() for values in rings])
    assert found.value == pytest.approx(0.6, abs=0.01) and found.n == inside.sum()
    assert found.error == pytest.approx(error / np.sqrt(np.sum(left**2)))
