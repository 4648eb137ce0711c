"""What checks of the region measure against its truth, where a planted deviation has a closed form."""

from pathlib import Path

import numpy as np
import pytest
import xraydb

from tsct.validation import CHECKS
from tsct.validation.checks.noise_free_readings import _true_shifts
from tsct.validation.evidence.check import Evidence

from .carbon import DENSITY, Q, R, evidence, gr_of, pair_fq, pattern, top

SHELLS = [(1.42, 0.08, 2.0), (2.4, 0.12, 4.0), (3.8, 0.2, 5.0)]


def on_grid(shells, q_max=25.0):
    """G(r) of shells on the grid of recovered curves."""
    return gr_of(shells, q_max)[1][1::2]


def with_curve(case, curve, errors=0.02):
    truth, found, phases = case
    found = found.assign(roi_gr=(("state", "r"), curve[None]), roi_gr_errors=(("state", "r"), [errors + 0 * R]))
    return truth, found.assign(roi_gr_covariance=(("r", "r_other"), errors**2 * np.eye(len(R)))), phases


def test_a_level_is_signed_and_in_per_cent(measure):
    truth, found, phases = evidence(SHELLS)
    found.attrs["reference_density"] = 1.0
    for level in (0.03, -0.02):
        spoiled = found.assign(roi_iq=found.roi_iq * (1 + level))
        assert measure("iq.level", truth, spoiled, phases).value == pytest.approx(100 * level, abs=1e-6)


def test_the_shape_is_the_scatter_about_the_mean_ratio(measure):
    """Channels in turn 2 % too high and too low, on any scale, and what is not transformed does not count."""
    truth, found, phases = evidence(SHELLS)
    wave = np.where(Q < 25.01, 1 + 0.02 * (-1.0) ** np.arange(len(Q)), 9.0)
    measured = measure("iq.shape", truth, found.assign(roi_iq=3 * wave * found.roi_iq), phases)
    assert measured.value == pytest.approx(2.0, rel=1e-3)
    assert measured.error == pytest.approx(2.0 / np.sqrt(2 * measured.n), rel=1e-3)


@pytest.mark.parametrize("factor", [1.1, 0.95])
def test_r_w_of_a_curve_that_is_too_high(measure, factor):
    measured = measure("pdf.rw", *with_curve(evidence(SHELLS), factor * on_grid(SHELLS)))
    assert measured.value == pytest.approx(100 * abs(factor - 1), rel=0.02)
    # noise s in each of n points moves R_w by s / sqrt(sum true^2), along the difference
    use = (R >= 1.1 - 1e-9) & (R <= 6.0 + 1e-9)
    power = np.sum(on_grid(SHELLS)[use] ** 2)
    assert measured.n == use.sum() and measured.error == pytest.approx(100 * 0.02 / np.sqrt(power), rel=0.1)


def test_distance_from_the_atoms_over_that_of_truncation(measure):
    """Twice as far from the untruncated curve as the truncated truth is: two."""
    truth, found, phases = evidence(SHELLS, q_max=20.0)
    whole = sum(
        number / (np.sqrt(2 * np.pi) * s * at) * np.exp(-((R - at) ** 2) / (2 * s**2)) for at, s, number in SHELLS
    )
    phases["gr"] = (("structure", "r"), [whole, 0 * R])
    truncated = on_grid(SHELLS, 20.0)
    for share in (1.0, 2.0):
        case = with_curve((truth, found, phases), whole + share * (truncated - whole))
        assert measure("pdf.rw-over-truncation", *case).value == pytest.approx(share, rel=0.02)


@pytest.mark.parametrize("stretch", [2e-4, -5e-4])
def test_a_stretch_is_positive_where_bonds_look_longer(measure, stretch):
    longer = [(at * (1 + stretch), s * (1 + stretch), number * (1 + stretch) ** 2) for at, s, number in SHELLS]
    case = evidence(SHELLS)
    value = measure("pdf.r-stretch", *with_curve(case, on_grid(longer))).value
    still = measure("pdf.r-stretch", *with_curve(case, on_grid(SHELLS))).value
    # the end of the transform does not stretch with the bonds
    assert abs(still) < 2e-3 and value - still == pytest.approx(100 * stretch, rel=0.1)


def changing(change, states=2, distance=None):
    """A region that gains `change` (shells) by shares of the loss of order through the states."""
    truth, found, phases = evidence(SHELLS, [SHELLS] * states)
    f_squared = (pattern([(2.4, 0.1, 1.0)], 1.0) - pattern([(2.4, 0.1, 0.0)], 1.0)) * Q / pair_fq(Q, 2.4, 0.1)
    second = f_squared * np.sum([pair_fq(Q, *shell) for shell in change], axis=0) / Q
    phases["second_shell"] = (("structure", "q"), [second, 0 * Q])
    truth["second_shell_loss"] = ("state", np.arange(states) / 10)
    truth["lithium_per_silicon"] = ("state", np.arange(states) / 10)
    if distance is not None:
        truth["silicon_distance"] = ("state", distance)
    return truth, found, phases


def test_the_height_of_a_difference_and_what_is_left(measure):
    """Nine tenths of the true difference, and 5 % of it in a shape that it does not hold."""
    change = [(2.5, 0.12, 2.0), (2.3, 0.12, -2.0)]
    truth, found, phases = changing(change)
    true = 0.1 * on_grid(change)
    use = (R >= 1.9 - 1e-9) & (R <= 4.6 + 1e-9)
    other = np.where(use, np.sin(9 * R), 0.0)
    other -= (other @ np.where(use, true, 0)) / np.sum(true[use] ** 2) * np.where(use, true, 0)
    other *= 0.05 * np.sqrt(np.sum(true[use] ** 2) / np.sum(other[use] ** 2))
    found["roi_dgr"] = (("state", "r"), [0 * R, 0.9 * true + other])
    assert measure("difference.height", truth, found, phases).value == pytest.approx(0.9, abs=0.005)
    assert measure("difference.residual", truth, found, phases).value == pytest.approx(5.0, abs=0.3)


def test_lobes_that_move_beside_a_truth_whose_lobes_stay(measure):
    """A change that only grows keeps its lobes: what the recovered ones move is in excess."""
    distance = 2.37 + np.array([0.0, 0.01, 0.02, 0.03])
    truth, found, phases = changing([(2.5, 0.12, 2.0), (2.3, 0.12, -2.0)], 4, distance)
    shift = distance - 2.37
    found = found.assign(lobe_low=("state", 2.25 + 0.2 * shift), lobe_high=("state", 2.55 + 0.4 * shift))
    measured = measure("shift.excess[lobes]", truth, found, phases)
    assert measured.value == pytest.approx(0.3, abs=2e-3) and measured.n == 3


def test_fitted_shifts_over_those_of_the_same_fit_in_the_truth(measure):
    """A bond of four neighbours that moves by 10 mA a state, of which eight are shown."""
    bond = (2.4, 0.12)
    truth, found, phases = changing([(2.41, 0.12, 40.0), (*bond, -40.0)], 3)
    found["fit"] = (("state", "parameter"), [[0.0], [0.008], [0.016]])
    found["fit_errors"] = 1e-3 + 0 * found.fit
    found = found.assign_coords(parameter=["shift"])
    measured = measure("shift.ratio[fit]", truth, found, phases)
    # a / t over e / (sqrt(5) t), nearly, whatever shift t a state the fit finds in the truth
    assert measured.value / measured.error == pytest.approx(np.sqrt(5) * 0.008 / 1e-3, rel=0.05)
    assert 0.005 < 0.008 / measured.value < 0.05
    halved = measure("shift.ratio[fit]", truth, found.assign(fit=-found.fit / 2), phases)
    assert halved.value == pytest.approx(-measured.value / 2)


def test_a_true_shift_does_not_depend_on_the_states_between():
    """Differences are from the first state, whatever comes after it."""
    truth, found, phases = changing([(2.41, 0.12, 40.0), (2.4, 0.12, -40.0)], 4)
    some = [0, 2, 3]
    all_four = _true_shifts(Evidence(truth=truth, recovered=found, phases=phases))
    three = _true_shifts(Evidence(truth=truth.isel(state=some), recovered=found.isel(state=some), phases=phases))
    np.testing.assert_allclose(three, all_four[1:], rtol=1e-9)


def test_order_at_long_distance_beyond_the_truth(measure):
    """A wave of 0.4 more at 9 A over errors of 0.02, both over the same first peak."""
    far = [(2.4, 0.12, 4.0), (9.0, 0.2, 3.0)]
    curve = on_grid(far)
    more = curve + 0.4 * np.exp(-(((R - 9.0) / 0.2) ** 2))
    measured = measure("pdf.far-excess", *with_curve(evidence(far), more))
    assert measured.value == pytest.approx(0.4 / 0.02, rel=0.02) and measured.error == 1.0


def test_a_ghost_that_moves_otherwise_than_the_truth(measure):
    """Bonds 20 mA longer, in errors of the place: that of the slope, by sums over channels, over the curvature."""
    true, seen = [(1.42, 0.02, 1.0)], [(1.44, 0.02, 1.0)]
    truth, found, phases = evidence(true, [seen])
    expected = []
    for end in (18.0, 19.0, 20.0, 21.0, 22.0):
        r, curve = gr_of(seen, end)
        place, moved = top(r, curve, 0.85, 1.15)[0], top(*gr_of(true, end), 0.85, 1.15)[0]
        k, used = int(np.argmin(np.abs(r - place))), (Q > 0.79) & (end + 0.01 > Q)
        weights = 2 / np.pi * Q**2 * np.cos(Q * place) / xraydb.f0("C", Q / (4 * np.pi)) ** 2 * 0.05 / DENSITY
        slope_error = 1e-4 * np.sqrt(np.sum(weights[used] ** 2))
        expected.append(abs(place - moved) / slope_error * abs(np.diff(curve[k - 1 : k + 2], 2)[0]) / 0.01**2)
    # the polynomial, left out of these sums, takes some of the noise this near to its end at 0.6 A
    assert 1.0 < measure("ghost.movement", truth, found, phases).value / max(expected) < 1.35
    assert measure("ghost.movement", *evidence(true)).value < 0.01 * max(expected)


def test_what_stands_at_one_angstrom_beyond_the_truth(measure):
    true, seen = ([(1.5, 0.12, 3.0), (1.0, 0.05, number)] for number in (0.4, 0.8))
    rest = top(*gr_of(seen, 30.0), 0.94, 1.06)[1] - top(*gr_of(true, 30.0), 0.94, 1.06)[1]
    case = evidence(true, [seen])
    error = measure("ghost.prominence[qmax-30]", *case).error
    assert measure("ghost.excess[qmax-30]", *case).value == pytest.approx(rest / error, rel=0.02)


def test_every_check_has_a_test_of_its_value():
    """Each id stands in a test of values, whole or with what it is of put in."""
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_values_of_*.py"))
    text += (Path(__file__).parent / "test_inverse_crime.py").read_text(encoding="utf-8")
    missing = [c.id for c in CHECKS if c.id not in text and c.id.partition("[")[0] + "[{" not in text]
    assert missing in ([], ["provenance.inverse-crime"])
