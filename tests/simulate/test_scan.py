"""The scan: Poisson counts of the expected rates, seeds, faults, and nothing that an experimenter would not know."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2, poisson

from tsct import phantoms, simulate
from tsct.phantoms.structures.library import structure
from tsct.simulate import Physics, no_faults, point_sample
from tsct.simulate.beamline.motion import motion
from tsct.simulate.beamline.response import detector_response
from tsct.simulate.beampath.expected_counts import rates
from tsct.simulate.beampath.sinogram import expected_lines
from tsct.simulate.scan import gains, simulate_tile


def tile(cell, beamline, table, *, seed=1, state=0, slice_index=1, **faults):
    line = replace(beamline, faults=replace(beamline.faults, **faults))
    return simulate_tile(cell, line, table, seed, state, slice_index)


def expectation(cell, beamline, table):
    lines = expected_lines(cell, beamline, table, motion(beamline, 1, 0, 1), 0, 1)
    expected = rates(beamline, lines.rows)
    per_photon = np.stack([expected.counts(lines, view) for view in range(beamline.scan.views)])
    return per_photon * beamline.photons_per_frame


def test_counts_are_poisson(cell, perfect, table):
    """Chi-squared of all counts about their expectation, and of their variance about their mean."""
    mean, counts = expectation(cell, perfect, table), tile(cell, perfect, table).intensity.values
    z = (counts - mean) / np.sqrt(mean)
    freedom = z.size
    assert chi2.ppf(1e-4, freedom) < np.sum(z**2) < chi2.ppf(1 - 1e-4, freedom)
    assert abs(z.mean()) < 4 / np.sqrt(freedom)
    assert np.all(counts == np.rint(counts)) and counts.min() >= 0


def test_counts_of_a_dim_beam_are_poisson_too(cell, perfect, table):
    """Where a few photons are counted the share of zeros is exp(-mean)."""
    dim = replace(perfect, photons_per_s=perfect.photons_per_s * 1e-7)
    mean, counts = expectation(cell, dim, table), tile(cell, dim, table).intensity.values
    assert 0.001 < mean.max() < 20
    expected = np.exp(-mean)
    spread = np.sqrt(np.sum(expected * (1 - expected)))
    assert abs(np.sum(counts == 0) - expected.sum()) < 5 * spread


@pytest.mark.parametrize("dimmed", [1e-7, 1e-5, 1e-3, 1.0], ids=lambda x: f"{x:g}")
def test_counts_follow_the_poisson_law(cell, perfect, table, dimmed):
    """Probability integral transform: F(n - 1) + V p(n) is uniform for whatever means, here 0.0003 to 8 million.

    Chi-squared over 50 bins of 141 000 counts; it must stay below 110. Rounded Gaussians of the same mean and variance
    give 4500 (means below 1) and 800 (below 80); beyond that the two laws cannot be told apart.
    """
    line = replace(perfect, photons_per_s=perfect.photons_per_s * dimmed)
    mean, counts = expectation(cell, line, table), tile(cell, line, table).intensity.values.astype(float)
    below = poisson.cdf(counts - 1, mean)
    share = below + np.random.default_rng(1).random(mean.shape) * (poisson.cdf(counts, mean) - below)
    found, _ = np.histogram(share, np.linspace(0, 1, 51))
    expected = mean.size / 50
    assert chi2.ppf(1e-5, 49) < np.sum((found - expected) ** 2) / expected < chi2.ppf(1 - 1e-5, 49)


def test_relative_noise_falls_with_the_root_of_the_flux(cell, perfect, table):
    """Slope -1/2 over four decades."""
    flux, noise = np.logspace(-4, 0, 5), []
    for dimmed in flux:
        line = replace(perfect, photons_per_s=perfect.photons_per_s * dimmed)
        mean, counts = expectation(cell, line, table), tile(cell, line, table).intensity.values
        noise.append(np.sqrt(np.mean(((counts - mean) / mean)[mean > 50 * dimmed / 1e-4] ** 2)))
    slope = np.polyfit(np.log10(flux), np.log10(noise), 1)[0]
    # 1e4 to 1e5 counts each: the noise is known to one per cent, so the slope to 0.003
    assert slope == pytest.approx(-0.5, abs=0.01)


def test_two_short_exposures_are_one_long_one(cell, perfect, table):
    """Counts of t1 and t2 added have the law of t1 + t2: two-sample chi-squared of all bins, dim enough to matter."""

    def counted(share, seed):
        line = replace(perfect, photons_per_s=perfect.photons_per_s * 1e-4, exposure_s=share * perfect.exposure_s)
        return tile(cell, line, table, seed=seed).intensity.values.astype(float)

    parts, whole = counted(0.3, 1) + counted(0.7, 2), counted(1.0, 3)
    both = parts + whole
    used = both > 40
    statistic, freedom = np.sum((parts - whole)[used] ** 2 / both[used]), np.count_nonzero(used)
    assert freedom > 10_000
    assert chi2.ppf(5e-7, freedom) < statistic < chi2.ppf(1 - 5e-7, freedom)


def test_threads_change_nothing(cell, perfect, table):
    noisy = replace(perfect, faults=simulate.Faults(zingers=1e-4))
    one, two = (simulate_tile(cell, noisy, table, 1, 0, 1, threads=threads) for threads in (1, 3))
    assert one.identical(two)


def test_twice_the_exposure_is_twice_the_counts(cell, perfect, table):
    long = replace(perfect, exposure_s=2 * perfect.exposure_s)
    np.testing.assert_allclose(expectation(cell, long, table), 2 * expectation(cell, perfect, table))


def test_seeds(cell, perfect, table):
    noisy = replace(perfect, faults=simulate.Faults())
    one, again = (tile(cell, noisy, table, seed=5) for _ in range(2))
    assert one.identical(again)
    other = tile(cell, noisy, table, seed=6)
    assert not np.array_equal(one.intensity, other.intensity)
    # only noise differs: gains of 0.3 %, monitors of 0.01 %, counts
    ratio = other.intensity.values.sum() / one.intensity.values.sum()
    assert ratio == pytest.approx(1.0, abs=0.003)


def test_tiles_do_not_depend_on_what_else_is_simulated(cell, perfect, table):
    whole = simulate.scan(cell, perfect, seed=4, tiles=[(0, 1), (1, 1)])
    alone = tile(cell, perfect, table, seed=4, state=1)
    np.testing.assert_array_equal(whole.intensity.isel(state=1, slice=0), alone.intensity)


def test_gains_are_kept_or_drift(cell, perfect):
    line = replace(perfect, faults=replace(no_faults(), channel_gain=0.01, translation_gain=0.02))
    assert all(np.array_equal(a, b) for a, b in zip(gains(line, 1, 0), gains(line, 1, 1), strict=True))
    drifting = replace(perfect, faults=replace(no_faults(), channel_drift=0.01))
    assert not np.array_equal(gains(drifting, 1, 0)[1], gains(drifting, 1, 1)[1])
    assert gains(line, 1, 0)[1].std() == pytest.approx(0.01, rel=0.25)


def test_lost_frames_are_empty_and_known(cell, perfect, table):
    scan = tile(cell, perfect, table, lost_frames=0.02)
    lost = scan.monitor.values == 0.0
    assert 0 < lost.sum() < 0.1 * lost.size
    assert scan.intensity.values[lost].max() == 0.0
    assert scan.intensity.values[~lost].min(axis=-1).max() > 0.0


def test_zingers_strike_at_their_rate(cell, perfect, table):
    clean, struck = tile(cell, perfect, table), tile(cell, perfect, table, zingers=1e-3, zinger_counts=1e7)
    extra = struck.intensity.values - clean.intensity.values
    # an exponential of mean 1e7 lies below 1e4 once in a thousand
    assert np.mean(extra > 1e4) == pytest.approx(1e-3, rel=0.2)
    assert extra[extra > 1e4].mean() == pytest.approx(1e7, rel=0.2)


def test_the_monitor_follows_the_flux(cell, perfect, table):
    scan = tile(cell, perfect, table, flux_decay=0.2, refill_s=50.0)
    assert scan.monitor.values.min() == pytest.approx(0.8 * perfect.photons_per_frame, rel=0.01)
    assert np.corrcoef(scan.monitor.values.ravel(), scan.intensity.values[..., 20].ravel())[0, 1] > 0.1


def test_the_scan_holds_no_truth(cell, perfect, table):
    """No phase, structure, lithiation or fault is named, in variables or in attributes."""
    scan = tile(cell, perfect, table)
    text = repr(scan) + "".join(f"{k} {v}" for k, v in scan.attrs.items()) + " ".join(scan.variables)
    for word in ("a-si", "carbon-black", "phase", "lithium_per", "offset", "gain", "truth", "seed", "fault"):
        assert word not in text.lower()


def test_the_beam_outside_the_sample_sees_air(cell, perfect, table):
    scan = tile(cell, perfect, table)
    outer = scan.intensity.values[:, :2].mean(axis=(0, 1))
    air = expected_lines(cell, perfect, table, motion(perfect, 1, 0, 1), 0, 1)
    assert air.paths[:, 0, :-1].max() == 0.0
    assert outer.max() < 0.02 * scan.intensity.values.max()
    np.testing.assert_allclose(scan.transmission.values[:, :2], 1.0, atol=1e-9)


def test_a_beam_beside_the_grid_of_the_truth_loses_nothing(cell, perfect, table):
    beside = replace(perfect, faults=replace(perfect.faults, axis_offset_mm=0.1))
    np.testing.assert_allclose(tile(cell, beside, table).transmission.values[:, 0], 1.0, atol=1e-9)


class Emptied:
    """A sample whose every atom has been taken out."""

    def __init__(self, cell):
        self._cell = cell

    def __getattr__(self, name):
        return getattr(self._cell, name)

    def contents(self, *args, **kwargs):
        full = self._cell.contents(*args, **kwargs)
        return replace(full, densities=np.zeros_like(full.densities))


@pytest.mark.parametrize("physics", [point_sample(), Physics()], ids=["point", "nature"])
def test_a_scan_of_nothing_is_air_in_every_frame(cell, perfect, table, physics):
    """No net signal: what is left after the air is Poisson noise, whatever happens on the way through a sample."""
    air = structure("air")
    line = replace(perfect, physics=physics)
    found = simulate_tile(Emptied(cell), line, table, 3, 0, 1)
    np.testing.assert_allclose(found.transmission, 1.0, atol=1e-12)
    answer, gas = detector_response(line), table["air"]
    per_photon = gas.coherent * answer.coherent + gas.compton * answer.compton
    mean = line.photons_per_frame * air.number_density_per_a3 * line.air_mm * per_photon
    net = (found.intensity.values - mean) / np.sqrt(mean)
    assert chi2.ppf(1e-4, net.size) < np.sum(net**2) < chi2.ppf(1 - 1e-4, net.size)
    # neither over views nor over translations is there a pattern
    for axes in ((0, 2), (1, 2)):
        share = net.mean(axis=axes) * np.sqrt(net.size / net.mean(axis=axes).size)
        assert np.max(np.abs(share)) < 4.5


def test_the_order_of_the_tiles_changes_nothing(cell, perfect):
    tiles = [(0, 0), (1, 2), (0, 2), (1, 0)]
    one, other = (simulate.scan(cell, perfect, seed=2, tiles=order) for order in (tiles, tiles[::-1]))
    assert one.identical(other)


def test_noise_of_different_tiles_is_independent(cell, perfect, table):
    """The null experiment scans the same sample twice: equal expectations, uncorrelated counts."""
    still = phantoms.wragg2023(phantoms.discharge("null", (0.50, 0.20)))
    a, b = (tile(still, perfect, table, state=state).intensity.values for state in (0, 1))
    mean = expectation(still, perfect, table)
    correlation = np.mean((a - mean) * (b - mean) / mean)
    assert abs(correlation) < 5 / np.sqrt(mean.size)


def test_scans_of_different_truths_differ_in_measured_numbers_only(perfect, table):
    """Everything but counts and transmission is the same whether the silicon takes up lithium or not."""
    cells = [phantoms.wragg2023(phantoms.discharge(name, (0.50, 0.20))) for name in ("small", "null")]
    reacted, inert = (tile(cell, perfect, table, state=1) for cell in cells)
    measured = ["intensity", "transmission"]
    rest = [scan.drop_vars(measured).assign_attrs(entry_identifier="its name") for scan in (reacted, inert)]
    assert rest[0].identical(rest[1])
    for name in measured:
        assert reacted[name].attrs == inert[name].attrs
        assert not np.array_equal(reacted[name], inert[name])


def test_beamlines_are_complete():
    for name, make in simulate.BEAMLINES.items():
        beamline = make()
        assert beamline.scan.q[-1] <= beamline.detector.q_max(beamline.distance_mm, beamline.wavelength), name
        # the smallest share of a cone that is still seen
        assert beamline.detector.rings(beamline.two_theta, beamline.distance_mm, 1.0)[0].min() > 0.0, name
