"""Calibration by simulation: right posteriors pass, wrong ones are told by how much; the fit finds what was put in."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest, norm, truncnorm

from tsct.analyze.pdf.transform import pdf_operator
from tsct.analyze.pdf.xray_tables import mean_compton, mean_f2
from tsct.analyze.phases.difference_fit import PARAMETERS, fit_difference
from tsct.analyze.phases.reference_fit import fit_reference
from tsct.analyze.phases.series import LITHIUM_DOUBT
from tsct.analyze.phases.shells import CARBON, SILICON, SILICON_LITHIUM, shell_pattern
from tsct.analyze.recipe import PdfRecipe, Recipe
from tsct.records.seeds import generator
from tsct.validation.selftest.coverage import Region
from tsct.validation.selftest.series_ranks import (
    DRAWS,
    ONSETS_V,
    SHARPEST,
    changed_pattern,
    drawn_series,
    posterior_scores,
    ranks,
    table,
)

Q = np.arange(0.6, 24.01, 0.04)
COMPOSITION = {"Si": 0.4, "C": 0.6}
RECIPE = Recipe(pdf=PdfRecipe(composition=COMPOSITION, r_max=6.0, r_step=0.05))


@pytest.fixture(scope="module")
def place():
    """Silicon and carbon with room between them, so that no pattern falls below zero, and many counts."""
    shells = shell_pattern(Q, replace(SILICON[0], sigma=0.085)) + shell_pattern(Q, SILICON[1])
    carbon = sum(shell_pattern(Q, shell) for shell in CARBON)
    pattern = 0.15 * (mean_f2(COMPOSITION, Q) + mean_compton(COMPOSITION, Q)) + 0.02 * shells + 0.03 * carbon
    operator = pdf_operator(Q, RECIPE.pdf)
    return Region(pattern=pattern, counts=np.full(Q.shape, 1e7), compton_weight=np.ones_like(Q), operator=operator)


@pytest.fixture(scope="module")
def reference(place):
    return fit_reference(place.operator, place.operator.apply(place.pattern), 0.0)


@pytest.mark.parametrize("k", range(3))
def test_without_noise_the_fit_finds_what_was_put_in(place, reference, k):
    """Two routes: the simulation writes patterns, the fit writes PDFs; only the definition of parameters is shared."""
    series = drawn_series(generator(k, "test"))
    true = series.parameters[-1]
    change = changed_pattern(Q, reference, series.lithium, true)
    found = fit_difference(place.operator, reference, place.operator.apply(change), series.lithium).parameters
    np.testing.assert_allclose(found, true, rtol=1e-3, atol=1e-3 * np.abs(true).max())


def test_nothing_changes_without_parameters(reference):
    change = changed_pattern(Q, reference, SILICON_LITHIUM, np.zeros(len(PARAMETERS)))
    # pristine silicon has 3.88 neighbours in the fit and the shell of four scaled to them
    assert np.max(np.abs(change)) < 1e-12 * reference.amplitudes[0] * 200


def test_series_come_from_the_prior():
    many = [drawn_series(generator(k, "prior")) for k in range(200)]
    onsets = np.array([series.onsets_v for series in many])
    for column, (low, high) in zip(onsets.T, ONSETS_V, strict=True):
        assert low <= column.min() and column.max() <= high
        assert column.mean() == pytest.approx((low + high) / 2, abs=4 * (high - low) / np.sqrt(12 * 200))
    assert all(np.all(series.parameters[0] == 0) for series in many)
    assert all(series.parameters[-1][PARAMETERS.index("silicon_lithium")] > 0 for series in many)


def test_doubt_about_the_lithium_shell_is_the_normal_one_of_the_fit():
    """Mean and variance, but for the one in ninety that would be sharper than thermal motion (truncated normal law)."""
    shells = [drawn_series(generator(k, "shell")).lithium for k in range(2000)]
    distance = np.array([shell.distance for shell in shells]) - SILICON_LITHIUM.distance
    variance = np.array([shell.sigma**2 for shell in shells])
    assert kstest(distance / LITHIUM_DOUBT[0], "norm").pvalue > 1e-4
    start = (SHARPEST**2 - SILICON_LITHIUM.sigma**2) / LITHIUM_DOUBT[1]
    law = truncnorm(start, np.inf, loc=SILICON_LITHIUM.sigma**2, scale=LITHIUM_DOUBT[1])
    assert kstest(variance, law.cdf).pvalue > 1e-4 and norm.cdf(start) < 1 / 90
    assert np.max(np.abs(distance)) > 3 * LITHIUM_DOUBT[0]


def scores(estimate, draws):
    """Ranks of a truth of zero, and z with an error of one."""
    return np.stack([np.sum(draws < 0.0, axis=0), estimate]).astype(float)


def test_ranks_of_right_and_wrong_posteriors():
    """An error stated too small by any factor is told, with its own error, be it larger than draws can rank."""
    rng = generator(1, "ranks")
    estimate, noise = rng.standard_normal(2000), rng.standard_normal((99, 2000))
    right = ranks("right", scores(estimate, estimate + noise))
    assert right.right and right.n == 2000 and sum(right.histogram) == 2000
    assert right.scatter_error == pytest.approx(1 / np.sqrt(2 * 2000), rel=0.1)
    for times in (1.2, 5.0, 50.0):
        narrow = ranks("narrow", scores(times * estimate, times * estimate + noise))
        assert not narrow.right and narrow.scatter == pytest.approx(times, abs=4 * narrow.scatter_error)
        assert narrow.histogram[0] + narrow.histogram[-1] > 1.2 * (right.histogram[0] + right.histogram[-1])
    assert (
        f"{narrow.scatter:.2f} ± " in table([narrow])
        and "too narrow" in table([narrow])
        and "too" not in table([right])
    )
    biased = ranks("biased", scores(estimate + 0.2, estimate + 0.2 + noise))
    assert not biased.right and biased.mean == pytest.approx(0.2, abs=4 / np.sqrt(2000)) and "errors" in table([biased])
    assert ranks("some", np.array([[3.0, np.nan, 50.0], [1.0, np.nan, 0.0]])).missing == 1


def test_ranks_do_not_depend_on_how_many_are_asked_for(place):
    """One series, and the first of two: the same draws; every rank is one of a hundred."""
    one, two = (posterior_scores(place, RECIPE, n, seed=3) for n in (1, 2))
    assert list(one) == [*PARAMETERS, "first onset", "second onset", "third onset"]
    for name, values in two.items():
        np.testing.assert_array_equal(values[:, :1], one[name])
        assert np.array_equal(np.isfinite(values[0]), np.isfinite(values[1]))
        known = values[0][np.isfinite(values[0])]
        assert np.all((known >= 0) & (known <= DRAWS) & (known == np.round(known)))
