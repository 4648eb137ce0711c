"""What checks of curves measure, where a planted deviation has a closed form."""

import numpy as np
import pytest
import xarray as xr
import xraylib

from tsct import phantoms
from tsct.analyze.pdf import form_factor
from tsct.records.seeds import generator
from tsct.validation.checks.onsets import EVENTS

from .carbon import SHARP, Q, R, evidence, gr_of, pair_fq, top


def bumps(*peaks):
    """A curve of Gaussians of (place, height, width)."""
    return sum(height * np.exp(-((R - place) ** 2) / (2 * width**2)) for place, height, width in peaks)


def curves(**rows):
    return xr.Dataset({name: (("state", "r"), np.atleast_2d(values)) for name, values in rows.items()}, {"r": R})


def changed(x=(0.0, 0.1), **more):
    return xr.Dataset({"lithium_per_silicon": ("state", list(x)), **{k: ("state", list(v)) for k, v in more.items()}})


@pytest.mark.parametrize(
    ("name", "place"), [("si-si", 2.391), ("c-c", 1.437), ("second-shell", 3.813), ("graphene", 4.217)]
)
def test_the_place_of_a_peak_and_its_error(measure, name, place):
    """White noise s moves the top of a Gaussian A, w by s w^2 / (sqrt(2) h A) where points are h apart."""
    found = curves(roi_gr=bumps((place, 5.0, 0.15)))
    found["roi_gr_covariance"] = (("r", "r_other"), 0.1**2 * np.eye(len(R)))
    measured = measure(f"pdf.peak[{name}]", None, found)
    assert measured.value == pytest.approx(place, abs=2e-4)
    assert measured.error == pytest.approx(0.1 * 0.15**2 / (np.sqrt(2) * 0.02 * 5.0), rel=0.02)


def test_the_bond_of_the_silicon_alone(measure):
    f = form_factor("Si", Q)
    compton = np.array([xraylib.SF_Compt(14, s) for s in Q / (4 * np.pi)])
    phases = xr.Dataset(
        {
            "coherent": (("structure", "q"), [f**2 * (1 + pair_fq(Q, 2.361, 0.12, 4.0) / Q)]),
            "compton": (("structure", "q"), [compton]),
            "structure_name": ("structure", ["a-si"]),
        },
        coords={"q": Q},
    )
    found = curves(roi_gr=0 * R).assign_attrs(q_max=25.0)
    assert measure("structure.bond[si-si]", None, found, phases).value == pytest.approx(2.361, abs=3e-3)


def test_the_ghost_of_a_sharp_peak_is_the_side_lobe_of_a_sinc(measure):
    """A transform that ends at Qmax turns a peak into sin(x) / x, x = Qmax (r - r0): a lobe at x = -7.725."""
    shells = [(1.42, SHARP, 1.0)]
    place, prominence = top(*gr_of(shells, 20.0), 0.85, 1.15)
    # the polynomial takes some of a wave of four periods, and shifts its lobes by a tenth of their distance
    assert place == pytest.approx(1.42 - 7.725 / 20, abs=0.03)
    case = evidence(shells)
    assert measure("ghost.position", *case).value == pytest.approx(place, abs=1e-3)
    assert measure("ghost.prominence", *case).value == pytest.approx(prominence, rel=0.01)


def test_errors_of_the_ghost_are_its_scatter(measure):
    truth, found, phases = evidence([(1.42, SHARP, 1.0)], noise=3e-3)
    rng, values = generator(3, "ghost"), []
    for _ in range(60):
        noisy = found.assign(roi_iq=found.roi_iq + 3e-3 * rng.standard_normal(found.roi_iq.shape))
        values.append([measure(name, truth, noisy, phases).value for name in ("ghost.position", "ghost.prominence")])
    place, prominence = (measure(name, truth, found, phases).error for name in ("ghost.position", "ghost.prominence"))
    # 60 draws know a standard deviation to 9 %
    assert np.std(values, axis=0)[0] == pytest.approx(place, rel=0.3)
    # the largest error of any difference of two points nearby
    assert 0.3 * prominence < np.std(values, axis=0)[1] < 1.2 * prominence


def test_a_ghost_that_stays_deviates_from_the_rule_by_as_much_as_that_moves(measure):
    shells = [(1.0, 0.05, 6.0)]
    ends = (18.0, 19.0, 20.0, 21.0, 22.0)
    expected = max(abs(top(*gr_of(shells, q), 0.85, 1.15)[0] - 1.42 + 7.725 / q) for q in ends)
    assert expected > 0.04
    assert measure("ghost.rule-deviation", *evidence(shells)).value == pytest.approx(expected, abs=1e-3)


def test_bonds_that_move_with_the_end_of_the_transform(measure):
    """Two waves that differ far out: what the end of the transform shows of the finer one moves the bond."""
    shells = [(1.42, 0.12, 3.0), (2.30, 0.2, 4.0), (2.45, 0.03, 0.4)]
    moves = []
    for low, high in ((1.25, 1.6), (2.2, 2.6)):
        at, *others = (top(*gr_of(shells, q), low, high)[0] for q in (20.0, 18.0, 22.0))
        moves += [abs(other - at) for other in others]
    assert max(moves) > 0.004
    assert measure("pdf.peak-movement", *evidence(shells)).value == pytest.approx(max(moves), abs=5e-4)


@pytest.mark.parametrize(("name", "q_max", "window"), [("lorch", 20.0, "lorch"), ("qmax-30", 30.0, "none")])
def test_what_is_left_of_a_ghost(measure, name, q_max, window):
    shells = [(1.5, 0.12, 3.0), (1.0, 0.05, 0.8)]
    expected = top(*gr_of(shells, q_max, window), 0.94, 1.06)[1]
    assert expected > 0.2
    assert measure(f"ghost.prominence[{name}]", *evidence(shells)).value == pytest.approx(expected, rel=0.02)


def test_order_at_long_distance_over_the_first_peak(measure):
    """A negative swing of 0.9 at 9 A beside a peak of 6 at 2.4 A."""
    found = curves(roi_gr=bumps((2.4, 6.0, 0.15), (9.0, -0.9, 0.2), (6.5, 3.0, 0.05)))
    found["roi_gr_errors"] = 0.03 + 0 * found.roi_gr
    measured = measure("pdf.far-over-near", None, found)
    assert measured.value == pytest.approx(0.9 / 6.0, rel=1e-6) and measured.error == pytest.approx(0.03 / 6.0)


@pytest.mark.parametrize(
    ("name", "lobe"),
    [("difference.loss-position[si-si]", "lobe_low"), ("difference.gain-position[si-si]", "lobe_high")],
)
def test_the_lobe_of_the_last_state(measure, name, lobe):
    found = xr.Dataset({lobe: ("state", [9.0, 2.271]), f"{lobe}_height": ("state", [9.0, 0.4])})
    found["roi_dgr"] = (("state", "r"), np.zeros((2, 4)))
    measured = measure(name, changed(), found.assign_coords(r=R[:4]))
    assert measured.value == 2.271 and "0.400" in measured.note


@pytest.mark.parametrize(
    ("name", "place", "width", "limits"),
    [("difference.gain[si-li]", 2.8, 0.1, (2.7, 2.9)), ("difference.loss[second-shell]", 3.7, 0.2, (3.5, 3.9))],
)
def test_the_mean_difference_in_its_errors(measure, name, place, width, limits):
    """A plateau of -0.6 between the limits over error bars of 0.05."""
    change = np.where(np.abs(R - place) < width + 1e-6, -0.6, 50.0)
    found = curves(roi_dgr=[0 * R, change], roi_dgr_errors=[0 * R, 0.05 + 0 * R])
    assert measure(name, changed(), found).value == pytest.approx(-12.0, rel=1e-9)
    assert limits == pytest.approx((place - width, place + width))


@pytest.mark.parametrize("which", [0, 1, 2])
def test_onsets_are_those_stated(measure, which):
    truth = changed().assign_attrs(scenario="small")
    found = xr.Dataset({"onset_v": ("hinge", [0.47, 0.27, 0.20]), "onset_v_errors": ("hinge", [0.011, 0.022, 0.033])})
    measured = measure(f"onset[{which + 1}]", truth, found)
    assert (measured.value, measured.error) == ((0.47, 0.27, 0.20)[which], (0.011, 0.022, 0.033)[which])


def fitted(shifts, errors):
    found = xr.Dataset({"fit": (("state", "parameter"), np.reshape(shifts, (-1, 1)))}, {"parameter": ["shift"]})
    return found.assign(fit_errors=(("state", "parameter"), np.reshape(errors, (-1, 1))))


def test_the_slope_of_fitted_shifts_is_weighted(measure):
    """Shifts of 1.2 times the truth with small errors, and one of nothing with large ones."""
    truth = changed((0.0, 0.1, 0.2, 0.3), silicon_distance=[2.37, 2.38, 2.39, 2.40])
    found = fitted([0.0, 0.012, 0.024, 0.0], [1.0, 1e-3, 1e-3, 2e-3])
    weight, shift = np.array([1.0, 1.0, 0.25]) * 1e6, np.array([0.01, 0.02, 0.03])
    power = np.sum(weight * shift**2)
    measured = measure("shift.slope[fit]", truth, found)
    assert measured.value == pytest.approx(1.2 * np.sum(weight[:2] * shift[:2] ** 2) / power)
    assert measured.error == pytest.approx(power**-0.5)


def test_the_slope_of_the_middle_between_lobes(measure):
    """Lobes that move by 0.3 and 0.5 of the shift: their middle by 0.4; shifts below 4 mA do not count."""
    distance = 2.37 + np.array([0.0, 0.003, 0.01, 0.02, 0.04])
    truth = changed(np.linspace(0, 0.2, 5), silicon_distance=distance)
    shift = distance - 2.37
    low, high = 2.25 + 0.3 * shift, 2.55 + 0.5 * shift
    low[1] = 7.0
    found = xr.Dataset({"lobe_low": ("state", low), "lobe_high": ("state", high)})
    measured = measure("shift.slope[lobes]", truth, found)
    assert measured.value == pytest.approx(0.4, rel=1e-9) and measured.n == 3


@pytest.mark.parametrize("scenario", sorted(EVENTS))
def test_events_are_the_kinks_of_the_lithium_content(scenario):
    """Between them lithium goes in evenly: the second difference of the content over even potentials is zero."""
    potentials = np.round(np.arange(0.50, 0.1999, -0.005), 3)
    lithium = phantoms.discharge(scenario, tuple(potentials.tolist())).x
    kinks = potentials[1:-1][np.abs(np.diff(lithium, 2)) > 1e-4]
    assert scenario == "medium" or kinks.tolist() == list(EVENTS[scenario])
    assert set(EVENTS[scenario]) <= set(kinks.tolist())
