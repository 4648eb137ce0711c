"""Template fits of reference and difference PDFs: what is planted is found, with errors that random draws confirm."""

import os
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import exponnorm, pearson3

from tsct.analyze.pdf.peaks import extremum
from tsct.analyze.pdf.transform import fourier_matrix, pdf_operator
from tsct.analyze.pdf.xray_tables import form_factor, mean_compton, mean_f2
from tsct.analyze.phases import shells as templates
from tsct.analyze.phases.difference_fit import PARAMETERS, SILICON_COORDINATION, fit_difference, fit_lithium_shell
from tsct.analyze.phases.phase_maps import map_operator
from tsct.analyze.phases.reference_fit import fit_reference
from tsct.analyze.phases.region_noise import channel_noise, drift_noise, gain_noise
from tsct.analyze.phases.shells import (
    CARBON,
    ELECTROLYTE,
    SILICON,
    SILICON_LITHIUM,
    Shell,
    disc,
    shell_derivatives,
    shell_pattern,
)
from tsct.analyze.recipe import PdfRecipe, Recipe

Q = np.arange(0.6, 24.01, 0.02)
COMPOSITION = {"Si": 0.3, "C": 0.4, "O": 0.1, "H": 0.2}
#: number densities of silicon, carbon and carbonate molecules, 1/angstrom^3
SI, C, CARBONATE = 0.012, 0.025, 0.003
DISTANCES = np.arange(1.8, 3.6, 0.002)
FIRST = replace(SILICON[0], distance=2.36, sigma=0.085, skew=2e-4)


def sample(first=FIRST, silicon=SI, carbon=C, lithium=0.0, second=SILICON[1]):
    """Scattering power of an electrode made of shells and free atoms."""
    smooth = 0.09 * (mean_f2(COMPOSITION, Q) + mean_compton(COMPOSITION, Q))
    solid = silicon * (shell_pattern(Q, first) + shell_pattern(Q, second))
    solid = solid + silicon * shell_pattern(Q, replace(SILICON_LITHIUM, number=lithium))
    solid = solid + carbon * sum(shell_pattern(Q, shell) for shell in CARBON)
    return smooth + solid + CARBONATE * sum(shell_pattern(Q, shell) for shell in ELECTROLYTE)


@pytest.fixture(scope="module")
def operator():
    return pdf_operator(Q, PdfRecipe(composition=COMPOSITION, r_max=6.0))


@pytest.fixture(scope="module")
def reference(operator):
    return fit_reference(operator, operator.apply(sample()), oxygen=3.0 * CARBONATE)


def test_the_reference_is_what_was_put_in(reference):
    assert reference.first.distance == pytest.approx(FIRST.distance, abs=1e-4)
    assert reference.first.sigma == pytest.approx(FIRST.sigma, abs=1e-3)
    assert reference.first.skew == pytest.approx(FIRST.skew, abs=2e-5)
    np.testing.assert_allclose(reference.amplitudes, [SI, SI, C], rtol=0.01)


def test_widths_are_those_of_the_sample_where_the_broadening_is_known():
    """Peaks that an instrument made wider, fitted with and without its number."""
    q_broad = 0.15

    def widened(shell):
        return replace(shell, sigma=shell.sigma * np.hypot(1, shell.distance * q_broad))

    def seen(first):
        smooth = 0.09 * (mean_f2(COMPOSITION, Q) + mean_compton(COMPOSITION, Q))
        return smooth + SI * sum(shell_pattern(Q, widened(shell)) for shell in (first, SILICON[1]))

    curve, change = seen(FIRST), seen(replace(FIRST, distance=FIRST.distance + 0.02)) - seen(FIRST)
    knows, ignores = (
        pdf_operator(Q, PdfRecipe(composition=COMPOSITION, r_max=6.0, q_broad=number)) for number in (q_broad, 0.0)
    )
    np.testing.assert_array_equal(knows.matrix, ignores.matrix)
    found, wider = (fit_reference(op, op.apply(curve), oxygen=0.0) for op in (knows, ignores))
    assert found.first.sigma == pytest.approx(FIRST.sigma, abs=1e-4)
    assert wider.first.sigma == pytest.approx(widened(FIRST).sigma, abs=1e-4)
    # the instrument widens a shell that moves away, which is no disorder of the sample
    knowing, ignorant = (
        dict(zip(PARAMETERS, fit_difference(op, reference, op.apply(change)).parameters, strict=True))
        for op, reference in ((knows, found), (ignores, wider))
    )
    assert knowing["shift"] == pytest.approx(0.02, rel=1e-3)
    assert abs(knowing["broadening"]) < 0.1 * ignorant["broadening"]


@pytest.mark.parametrize("q_broad", [0.0, 0.12])
def test_broadening_is_that_of_pdffit2(q_broad):
    """Crystalline silicon to 4.2 angstrom by its three nearest shells, transformed from 0 to 24 1/angstrom."""
    pdffit2, structure = pytest.importorskip("diffpy.pdffit2"), pytest.importorskip("diffpy.structure")
    a, u = 5.431, 0.004
    fcc = ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))
    atoms = [structure.Atom("Si", np.add(place, shift)) for place in fcc for shift in ((0, 0, 0), (0.25, 0.25, 0.25))]
    crystal = structure.Structure(atoms, lattice=structure.Lattice(a, a, a, 90, 90, 90))
    crystal.anisotropy, crystal.Uisoequiv = False, u
    r, q = np.arange(0.5, 7.0, 0.01), np.arange(0.0, 24.001, 0.01)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        pdffit2.redirect_stdout(nowhere)
        fit = pdffit2.PdfFit()
        fit.add_structure(crystal)
        fit.alloc("X", q[-1], 0.0, r[0], r[-1], len(r))
        fit.setvar("qbroad", q_broad)
        fit.calc()
        expected = np.array(fit.getpdf_fit())
    rows = ((4, np.sqrt(3) / 4), (12, np.sqrt(0.5)), (12, np.sqrt(11) / 4), (6, 1.0), (12, np.sqrt(19) / 4))
    shells = (Shell(a="Si", b="Si", number=n, distance=d * a, sigma=np.sqrt(2 * u)) for n, d in rows)
    fq = q * sum(shell_pattern(q, shell, q_broad) for shell in shells) / form_factor("Si", q) ** 2
    found = fourier_matrix(q, r, np.ones_like(q)) @ fq - 4 * np.pi * 8 / a**3 * r
    near = (r > 1.9) & (r < 4.2)
    # shells beyond the fifth are left out, whose ripples reach down to here
    np.testing.assert_allclose(found[near], expected[near], atol=0.01 * expected[near].max())


def averaged(density, number, q=Q):
    """Pattern of `number` Si-Si distances drawn from a density over `DISTANCES`, by plain summation."""
    shares = density / density.sum()
    return number * form_factor("Si", q) ** 2 * (np.sinc(np.outer(q, DISTANCES) / np.pi) @ shares)


@pytest.mark.parametrize("skew", [-4e-4, 0.0, 1e-6, 2.5e-4, 1.0e-3])
def test_a_skewed_shell_is_the_average_over_its_distances(skew):
    """Against the sum over a Pearson III density of the same mean, variance and third moment."""
    shell = Shell(a="Si", b="Si", number=4.0, distance=2.4, sigma=0.09, skew=skew)
    density = pearson3.pdf(DISTANCES, skew / shell.sigma**3, loc=shell.distance, scale=shell.sigma)
    expected = averaged(density, 4.0)
    # the mean of 1/R is taken to first order; the second is (sigma/r)^2 = 0.14 % of the amplitude
    difference = (shell_pattern(Q, shell) - expected) / (4.0 * form_factor("Si", Q) ** 2)
    assert np.abs(difference).max() < 1e-3


def with_tail(mean, core, tail):
    """A Gaussian with an exponential tail, which no fitted shell can be."""
    return exponnorm.pdf(DISTANCES, tail / core, loc=mean - tail, scale=core)


def of_the_family(mean, core, tail):
    """The density with the same mean, variance and third moment that fitted shells have."""
    sigma = np.hypot(core, tail)
    return pearson3.pdf(DISTANCES, 2 * (tail / sigma) ** 3, loc=mean, scale=sigma)


@pytest.mark.parametrize(("density", "tolerance"), [(of_the_family, 0.01), (with_tail, 0.13)])
@pytest.mark.parametrize(("q_max", "window"), [(16.0, "none"), (20.0, "none"), (24.0, "none"), (24.0, "lorch")])
def test_a_shift_is_found_though_the_shell_gets_a_tail_and_lithium_comes(q_max, window, density, tolerance):
    """Shift, broadening, skew, lost neighbours, Si-Li at an unknown distance and a changed second shell at once.

    Unbiased for shells of the fitted family. For another some long bonds pass for Si-Li: up to 13 % of the shift are
    missed here, a limit that the documentation states.
    """
    operator = pdf_operator(Q, PdfRecipe(composition=COMPOSITION, q_max=q_max, window=window, r_max=6.0))
    second = replace(SILICON[1], distance=3.87, number=11.4)
    lithium = Shell(a="Si", b="Li", number=1.2, distance=2.84, sigma=SILICON_LITHIUM.sigma)
    before = SI * (averaged(density(2.36, 0.075, 0.04), 4.0) + shell_pattern(Q, SILICON[1]))
    after = SI * (averaged(density(2.40, 0.08, 0.065), 3.85) + shell_pattern(Q, second) + shell_pattern(Q, lithium))
    rest = sample(silicon=0.0)
    reference = fit_reference(operator, operator.apply(rest + before), oxygen=3.0 * CARBONATE)
    change = operator.apply(after - before)
    shell = fit_lithium_shell(operator, reference, change)
    found = dict(zip(PARAMETERS, fit_difference(operator, reference, change, shell).parameters, strict=True))
    assert found["shift"] == pytest.approx(0.04, rel=tolerance)
    if density is of_the_family:
        scale = SILICON_COORDINATION / 4.0
        assert found["silicon_lithium"] == pytest.approx(1.2 * scale, rel=0.01)
        assert found["number"] == pytest.approx(-0.15 * scale, abs=0.005)
        assert shell.distance == pytest.approx(2.84, abs=0.002)


def test_what_the_lithium_shell_does_to_the_other_parameters(operator, reference):
    """Response of all parameters to the assumed Si-Li shell, against fits with that shell moved and broadened."""
    change = operator.apply(sample(first=replace(FIRST, distance=FIRST.distance + 0.01), lithium=1.0) - sample())
    fit = fit_difference(operator, reference, change)
    for column, (name, step) in enumerate({"distance": 1e-3, "variance": 1e-4}.items()):
        sigma = np.sqrt(SILICON_LITHIUM.sigma**2 + (step if name == "variance" else 0.0))
        distance = SILICON_LITHIUM.distance + (step if name == "distance" else 0.0)
        moved = fit_difference(operator, reference, change, replace(SILICON_LITHIUM, distance=distance, sigma=sigma))
        slope = (moved.parameters - fit.parameters) / step
        assert np.abs(slope - fit.by_lithium[:, column]).max() < 0.05 * np.abs(slope).max()


def test_a_wrong_width_of_the_lithium_shell_moves_its_fitted_distance(operator, reference, monkeypatch):
    change = operator.apply(sample(first=replace(FIRST, distance=FIRST.distance + 0.01), lithium=1.0) - sample())
    step, distances = 1e-3, []
    for variance in (SILICON_LITHIUM.sigma**2, SILICON_LITHIUM.sigma**2 + step):
        assumed = replace(SILICON_LITHIUM, sigma=float(np.sqrt(variance)))
        monkeypatch.setattr("tsct.analyze.phases.difference_fit.SILICON_LITHIUM", assumed)
        distances.append(fit_lithium_shell(operator, reference, change))
    fit = fit_difference(operator, reference, change, distances[0])
    slope = (distances[1].distance - distances[0].distance) / step
    assert fit.distance_by_variance == pytest.approx(slope, rel=0.1)


@pytest.mark.parametrize("q_broad", [0.0, 0.2])
def test_derivatives_of_a_shell_are_those_of_small_steps(q_broad):
    by_distance, by_variance, by_skew = shell_derivatives(Q, FIRST, q_broad)
    step = 1e-5

    def shell_pattern(q, shell):
        return templates.shell_pattern(q, shell, q_broad)

    ends = [shell_pattern(Q, replace(FIRST, distance=FIRST.distance + sign * step)) for sign in (1, -1)]
    np.testing.assert_allclose(by_distance, (ends[0] - ends[1]) / (2 * step), atol=1e-5)
    ends = [shell_pattern(Q, replace(FIRST, sigma=np.sqrt(FIRST.sigma**2 + sign * step))) for sign in (1, -1)]
    np.testing.assert_allclose(by_variance, (ends[0] - ends[1]) / (2 * step), atol=1e-4 * np.abs(by_variance).max())
    ends = [shell_pattern(Q, replace(FIRST, skew=FIRST.skew + sign * step)) for sign in (1, -1)]
    np.testing.assert_allclose(by_skew, (ends[0] - ends[1]) / (2 * step), atol=1e-4 * np.abs(by_skew).max())


@pytest.mark.parametrize("shift", [0.002, 0.01, 0.03, -0.02])
def test_shifts_come_back_with_slope_one(operator, reference, shift):
    moved = sample(first=replace(FIRST, distance=FIRST.distance + shift))
    fit = fit_difference(operator, reference, operator.apply(moved - sample()))
    found = dict(zip(PARAMETERS, fit.parameters, strict=True))
    assert found["shift"] == pytest.approx(shift, rel=0.02, abs=1e-5)
    assert found["silicon_lithium"] == pytest.approx(0.0, abs=0.02)


def test_lithium_neighbours_are_counted_and_are_not_a_shift(operator, reference):
    fit = fit_difference(operator, reference, operator.apply(sample(lithium=0.8) - sample()))
    found = dict(zip(PARAMETERS, fit.parameters, strict=True))
    # counted per silicon with the measured 3.88 neighbours, planted with four
    assert found["silicon_lithium"] == pytest.approx(0.8 * SILICON_COORDINATION / FIRST.number, rel=1e-3)
    assert found["shift"] == pytest.approx(0.0, abs=2e-4)


def test_errors_of_the_fit_are_those_of_random_draws(operator, reference):
    variance = 1e-6 * sample()
    change = operator.apply(sample(first=replace(FIRST, distance=FIRST.distance + 0.01)) - sample())
    rng = np.random.default_rng(3)
    noise = operator.apply(rng.normal(0.0, np.sqrt(variance), (200, len(Q))))
    fits = np.array([fit_difference(operator, reference, change + row).parameters for row in noise])
    expected = np.sqrt(np.diag(fit_difference(operator, reference, change).covariance(operator.covariance(variance))))
    # 200 draws give a standard deviation to 5 %
    np.testing.assert_allclose(fits.std(axis=0), expected, rtol=0.2)


def test_half_a_shift_is_read_from_the_lobes(operator):
    """The documented trap: the middle between the lobes of a dPDF moves by half of the shift."""
    middles = []
    for shift in (0.01, 0.03):
        curve = operator.apply(
            sample(first=replace(FIRST, skew=0.0, distance=2.36 + shift)) - sample(first=replace(FIRST, skew=0.0))
        )
        low, high = (extremum(operator.r, curve, *limits)[0] for limits in ((2.05, 2.36, -1.0), (2.36, 2.65, 1.0)))
        middles.append((low + high) / 2)
    assert (middles[1] - middles[0]) / 0.02 == pytest.approx(0.5, abs=0.05)


def test_maps_count_atoms_of_each_phase_alone(operator, reference):
    maps = map_operator(operator, reference, 1e-6 * sample())
    silicon, carbon = (maps.weights[maps.names.index(name)] for name in ("silicon", "carbon"))
    for si, c in ((SI, C), (2 * SI, C), (SI, 0.5 * C), (0.0, 0.0)):
        assert silicon @ sample(silicon=si, carbon=c) == pytest.approx(si, abs=0.01 * SI)
        assert carbon @ sample(silicon=si, carbon=c) == pytest.approx(c, abs=0.01 * C)


def test_an_empty_voxel_holds_nothing(operator, reference):
    maps = map_operator(operator, reference, 1e-6 * sample())
    np.testing.assert_array_equal(maps.weights @ np.zeros(len(Q)), 0.0)


def test_pairs_in_a_disc_are_fewer_at_its_edge():
    """Share of pairs that both lie in a disc against drawn points."""
    rng = np.random.default_rng(4)
    diameter, shell = 15.0, Shell(a="C", b="C", number=1.0, distance=4.0, sigma=0.05)
    radius, turn = diameter / 2 * np.sqrt(rng.random(200_000)), 2 * np.pi * rng.random(200_000)
    inside = np.hypot(radius + shell.distance * np.cos(turn), shell.distance * np.sin(turn)) < diameter / 2
    assert disc([shell], diameter)[0].number == pytest.approx(inside.mean(), abs=0.004)


def test_extrema_are_found_between_grid_points():
    r = np.arange(0.0, 4.0, 0.02)
    position, height = extremum(r, -(((r - 2.013) / 0.3) ** 2), 1.5, 2.5, 1.0)
    assert position == pytest.approx(2.013, abs=1e-9) and height == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(extremum(r, r, 1.0, 2.0, 1.0)[0])


def test_gain_patterns_are_measured_from_the_scatter_of_channels():
    rng = np.random.default_rng(5)
    intensity = np.tile(sample(), (6, 1))
    poisson = np.full_like(intensity, (0.0005 * intensity.mean()) ** 2)
    gain, drift = 0.003 * rng.standard_normal(len(Q)), 0.001 * rng.standard_normal(intensity.shape)
    noisy = intensity * (1 + gain + drift) + rng.normal(0.0, np.sqrt(poisson))
    high = Q > 8
    found = np.sqrt(channel_noise(noisy, poisson)[high] / intensity[0, high] ** 2)
    assert np.median(found) == pytest.approx(np.hypot(0.003, 0.001), rel=0.15)
    found = np.sqrt(drift_noise(noisy, poisson)[high] / intensity[0, high] ** 2)
    assert np.median(found) == pytest.approx(0.001, rel=0.15)
    assert np.all(drift_noise(noisy[:1], poisson[:1]) == 0.0)


def test_gains_are_measured_beside_bragg_peaks_that_are_explained():
    rng = np.random.default_rng(6)
    peaks = np.sum(80 * np.exp(-0.5 * ((Q[:, None] - np.arange(1.5, 24, 0.43)) / 0.03) ** 2), axis=1) * np.exp(-Q / 9)
    crystal = (5 + peaks)[None]
    poisson = np.full_like(crystal, 1e-8)
    measured = crystal * (1 + 0.003 * rng.standard_normal(crystal.shape))
    recipe = Recipe(pdf=PdfRecipe(composition=COMPOSITION))
    found = gain_noise(measured, poisson, recipe, crystal).mean()
    assert found == pytest.approx(np.mean((0.003 * crystal) ** 2), rel=0.2)
    assert gain_noise(measured, poisson, recipe).mean() > 1000 * found
