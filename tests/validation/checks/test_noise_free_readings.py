"""The readings of the paper against the noise-free truth: the twin agrees with it, a damaged copy does not."""

from importlib import import_module

import numpy as np
import pytest

from tsct import phantoms, simulate
from tsct.phantoms.discharge import QUICK_POTENTIALS_V
from tsct.simulate.beampath.phase_spectra import spectra_table
from tsct.validation import score
from tsct.validation.checks.false_alarms import ALARM, correlations
from tsct.validation.checks.false_alarms import CHECKS as NULL_CHECKS
from tsct.validation.checks.noise_free_readings import CHECKS
from tsct.validation.statistics.noise_measures import proven_scale


@pytest.fixture(scope="module")
def phases():
    """Scattering of every phase; G(r) without truncation, which takes long, is left out."""
    cell, beamline = phantoms.wragg2023(phantoms.discharge("small", QUICK_POTENTIALS_V)), simulate.id15a()
    table = spectra_table(cell, beamline)
    of_simulation = import_module("tsct.simulate.truth")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_simulation, "_untruncated", lambda material, r, q_min: np.zeros(len(r)))
        return of_simulation.phase_truth(cell, table, beamline.scan.q, np.array([1.0, 2.0]), 0.8)


def verdicts(twin, phases, **changes):
    truth, found = twin
    found = found.assign({name: found[name].copy(data=change(found[name].values)) for name, change in changes.items()})
    return {o.check.id: o for o in score(truth, found, phases, CHECKS).outcomes}


def test_the_twin_reads_as_the_noise_free_truth(twin, phases):
    for outcome in verdicts(twin, phases).values():
        assert outcome.verdict == "pass", (outcome.check.id, outcome.measurement)


def spiked(r, at):
    return lambda curves: curves + 2.0 * np.exp(-(((r - at) / 0.1) ** 2))


def rippled(q, r):
    """Patterns with a wave that a transform to 30 1/A turns into a peak at r, as large as a bond."""
    return lambda patterns: patterns * (1 + 0.1 * np.sin(q * r))


def test_damage_is_told_from_what_the_sample_does(twin, phases):
    q, r = (twin[1][name].values for name in ("q", "r"))
    assert verdicts(twin, phases, roi_gr=spiked(r, 9.0))["pdf.far-excess"].verdict == "fail"
    assert verdicts(twin, phases, fit=lambda v: 0.9 * v)["shift.ratio[fit]"].verdict == "fail"
    drifting = np.arange(6) * 0.01
    assert verdicts(twin, phases, lobe_low=lambda v: v + drifting)["shift.excess[lobes]"].verdict == "fail"
    rippling = verdicts(twin, phases, roi_iq=rippled(q, 1.0))
    assert rippling["ghost.excess[qmax-30]"].verdict == "fail"


def test_without_phases_nothing_is_claimed(twin):
    assert {o.verdict for o in score(*twin, None, CHECKS).outcomes} == {"not run"}


def still(twin, z):
    """The twin without lithium, its fitted parameters so many error bars from zero."""
    truth, found = twin
    values = np.zeros(found.fit.shape)
    values[1:] = z.reshape(values[1:].shape)
    claimed = found.assign(fit=found.fit.copy(data=values), fit_errors=found.fit.copy(data=np.ones(values.shape)))
    return truth.assign(lithium_per_silicon=0 * truth.lithium_per_silicon), claimed


def drawn(correlation, count, seed=1):
    values, vectors = np.linalg.eigh(correlation)
    normal = np.random.default_rng(seed).normal(size=(count, len(values)))
    return normal * np.sqrt(np.maximum(values, 0)) @ vectors.T


@pytest.mark.parametrize(("scale", "verdict"), [(0.0, "pass"), (1.0, "pass"), (2.5, "fail")])
def test_false_alarms_fail_only_when_they_are_proven(twin, scale, verdict):
    z = scale * drawn(correlations(twin[1]), 1)
    assert score(*still(twin, z), checks=NULL_CHECKS).outcomes[0].verdict == verdict


def test_right_error_bars_prove_nothing_however_they_hang_together(twin):
    """Of 3000 draws with the twin's correlations 0.06 may prove anything; alarms come in swarms, and many of them."""
    correlation = correlations(twin[1])
    z = drawn(correlation, 3000)
    assert max(proven_scale(row, correlation) for row in z) < 1
    alarms = np.sum(np.abs(z) > ALARM, axis=1)
    assert alarms.var() > 1.5 * alarms.mean()


@pytest.mark.parametrize(("largest", "verdict"), [(4.0, "pass"), (7.0, "fail")])
def test_without_stated_correlations_the_largest_deviation_tells(twin, largest, verdict):
    truth, found = still(twin, np.zeros(twin[1].fit[1:].size))
    found.fit.values[-1, 0] = largest
    found = found.drop_vars("fit_covariance_single")
    assert score(truth, found, checks=NULL_CHECKS).outcomes[0].verdict == verdict
