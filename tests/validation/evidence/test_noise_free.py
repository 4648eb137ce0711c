"""The transform that the analysis has no part in: closed forms of a pair of atoms, and mixtures."""

import numpy as np
import pytest
import xarray as xr

from tsct.validation.evidence.check import Evidence, NotRunError
from tsct.validation.evidence.noise_free import noise_free_differences, noise_free_pdf

R0, SIGMA = 2.35, 0.15
R = np.arange(0.5, 6.0, 0.02)


def evidence(fq, densities=(0.02, 0.0), q_max=30.0):
    """A region of two silicon phases, F(Q) of each given on 0 to 40 1/angstrom, and a liquid that is not there."""
    q_far, q = np.arange(0.0, 40.0, 0.02), np.arange(0.5, 35.0, 0.05)
    curves = [np.broadcast_to(f(q_far), q_far.shape) for f in (*fq, lambda q: 0 * q)]
    names, image = ["one", "other", "liquid"], ("phase", "slice", "y", "x")
    phases = xr.Dataset(
        {
            "fq": (("structure", "q_far"), curves),
            "second_shell": (("structure", "q"), np.zeros((3, len(q)))),
            "composition": (("structure", "element"), [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]),
            "density": ("structure", [0.05, 0.05, 0.1]),
        },
        coords={"structure_name": ("structure", names), "element": ["Si", "C"], "q": q, "q_far": q_far},
    )
    truth = xr.Dataset(
        {
            "phase_density": (image, np.reshape([*densities, 0.0], (3, 1, 1, 1)) * np.ones((3, 1, 2, 2))),
            "lithium_per_silicon": ("state", [0.0, 0.0]),
            "second_shell_loss": ("state", [0.0, 0.0]),
        },
        coords={
            "slice": [0],
            "phase_structure": ("phase", names),
            "phase_role": ("phase", ["silicon", "carbon_black", "electrolyte"]),
        },
    )
    recovered = xr.Dataset(
        {"roi": (("y", "x"), np.ones((2, 2), np.int8))},
        coords={"r": R},
        attrs={"roi_slice": 0, "q_min": 0.0, "q_max": q_max, "composition": {"Si": 1.0}},
    )
    return Evidence(truth=truth, recovered=recovered, phases=phases)


def pair(q):
    """F(Q) of one pair at R0, with a Gaussian spread."""
    return np.sin(q * R0) / R0 * np.exp(-((SIGMA * q) ** 2) / 2)


def nothing(q):
    return 0 * q


def test_a_gaussian_pair():
    r, gr = noise_free_pdf(evidence((pair, nothing)))
    waves = np.exp(-((r - R0) ** 2) / (2 * SIGMA**2)) - np.exp(-((r + R0) ** 2) / (2 * SIGMA**2))
    # the spread has ended at Qmax but for exp(-4.5^2 / 2) = 4e-5 of its start
    np.testing.assert_allclose(gr, waves / (np.sqrt(2 * np.pi) * SIGMA * R0), atol=1e-4)


def test_ripples_of_a_transform_that_ends():
    r, gr = noise_free_pdf(evidence((lambda q: np.sin(q * R0) / R0, nothing)), q_max=20.0)
    waves = np.sin(20 * (r - R0)) / np.where(r == R0, 1, r - R0) - np.sin(20 * (r + R0)) / (r + R0)
    use = np.abs(r - R0) > 1e-9
    # the trapezium rule of a sine integral, step squared times r^2 / 12
    np.testing.assert_allclose(gr[use], (waves / (np.pi * R0))[use], atol=0.02)


def test_the_window_of_lorch_takes_ripples_away():
    bare, damped = (noise_free_pdf(evidence((pair, nothing)), 12.0, window)[1] for window in ("none", "lorch"))
    far = np.abs(R - R0) > 1.2
    assert np.abs(damped[far]).max() < 0.25 * np.abs(bare[far]).max()


def test_phases_of_one_element_add_up_by_their_atoms():
    once = noise_free_pdf(evidence((pair, pair), (0.02, 0.0)))[1]
    # an other phase without order, as many atoms of the same element would halve it; of carbon it counts less
    diluted = noise_free_pdf(evidence((pair, nothing), (0.02, 0.02)))[1]
    np.testing.assert_allclose(diluted, once / 2, atol=1e-12)


def test_without_a_change_there_is_no_difference():
    r, curves = noise_free_differences(evidence((pair, nothing)))
    assert curves.shape == (2, len(r)) and not curves.any()


def test_what_the_records_do_not_hold_is_not_made_up():
    whole = evidence((pair, nothing))
    with pytest.raises(NotRunError, match="F\\(Q\\) of every phase"):
        noise_free_pdf(Evidence(truth=whole.truth, recovered=whole.recovered, phases=whole.phases.drop_vars("fq")))
    with pytest.raises(NotRunError, match="the data end at"):
        noise_free_pdf(whole, 50.0)
