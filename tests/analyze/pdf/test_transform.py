"""The transform from I(Q) to G(r): closed forms, linearity, windows, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsct.analyze.pdf.one_pattern import pdf
from tsct.analyze.pdf.transform import fourier_matrix, pdf_operator, window
from tsct.analyze.pdf.xray_tables import form_factor, mean_compton, mean_f2
from tsct.analyze.recipe import PdfRecipe
from tsct.analyze.tomography.fbp import fbp, fbp_weights
from tsct.analyze.tomography.geometry import ParallelGeometry
from tsct.records.errors import InputError

Q = np.arange(0.6, 30.01, 0.02)
SILICON = {"Si": 1.0}
BOND, SPREAD, NEIGHBOURS, DENSITY = 2.35, 0.10, 4.0, 0.05


def pattern(q=Q, density=DENSITY):
    """Scattering power of free silicon atoms with Compton scattering and one shell."""
    shell = NEIGHBOURS * np.sinc(q * BOND / np.pi) * np.exp(-0.5 * (q * SPREAD) ** 2)
    return density * (mean_f2(SILICON, q) + mean_compton(SILICON, q) + form_factor("Si", q) ** 2 * shell)


def shell_pdf(r):
    """Sine transform of the shell over all Q."""
    return NEIGHBOURS / (BOND * SPREAD * np.sqrt(2 * np.pi)) * np.exp(-0.5 * ((r - BOND) / SPREAD) ** 2)


# a polynomial follows the free-atom scattering near Q = 0 only roughly
@pytest.mark.parametrize(("mode", "tolerance"), [("absolute", 0.02), ("adhoc", 0.05)])
def test_one_shell_comes_back_at_its_height(mode, tolerance):
    q = np.arange(0.02, 30.01, 0.02)
    recipe = PdfRecipe(composition=SILICON, q_min=0.02, q_max=30.0, mode=mode, r_max=6.0)
    data = pdf(q, pattern(q), recipe)
    r, gr = data.r.values, data.gr.values
    # what the polynomial takes lies below r_poly
    near = np.abs(r - BOND) < 0.5
    assert np.max(np.abs(gr - shell_pdf(r))[near]) < tolerance * shell_pdf(BOND)


def test_the_density_is_that_of_the_free_atoms():
    operator = pdf_operator(Q, PdfRecipe(composition=SILICON, q_max=30.0))
    # the shell is damped to nothing above 15 1/A
    assert operator.density(pattern()) == pytest.approx(DENSITY, rel=1e-3)


@pytest.mark.parametrize(("normalisation", "tolerance"), [("high-q", 0.02), ("krogh-moe", 0.003)])
@pytest.mark.parametrize("q_max", [16.0, 20.0, 30.0])
def test_atoms_are_counted_by_both_rules(normalisation, tolerance, q_max):
    """Known density; with a short Q range, structure is left in the mean (high-q) more than in the integral."""
    operator = pdf_operator(Q, PdfRecipe(composition=SILICON, q_max=q_max, normalisation=normalisation))
    assert operator.density(pattern()) == pytest.approx(DENSITY, rel=tolerance)


def test_known_resolution_is_divided_out():
    sharp, damped = (
        pdf(Q, pattern(), PdfRecipe(composition=SILICON, r_max=8.0, q_damp=q_damp)).gr for q_damp in (0.0, 0.05)
    )
    np.testing.assert_allclose(damped * np.exp(-0.5 * (0.05 * damped.r.values) ** 2), sharp, rtol=1e-10, atol=1e-12)
    with pytest.raises(InputError, match="q_damp"):
        PdfRecipe(composition=SILICON, q_damp=1.0)
    with pytest.raises(InputError, match="q_broad"):
        PdfRecipe(composition=SILICON, q_broad=-0.01)


@pytest.mark.filterwarnings("ignore:'where' used without 'out'")
@pytest.mark.parametrize("lorch", [False, True])
def test_the_transform_is_that_of_pystog(lorch):
    """Same F(Q), other program: Transformer.F_to_G of pystog, by the trapezoid rule."""
    transformer = pytest.importorskip("pystog").Transformer()
    recipe = PdfRecipe(composition=SILICON, q_min=0.6, q_max=30.0, window="lorch" if lorch else "none", r_max=8.0)
    data = pdf(Q, pattern(), recipe)
    _, expected, _ = transformer.F_to_G(data.q.values, data.fq.values, data.r.values, lorch=lorch)
    np.testing.assert_allclose(data.gr.values, expected, atol=1e-10 * np.abs(expected).max())


def test_the_order_of_transform_and_reconstruction_does_not_matter():
    """PDFs of rays reconstructed, against PDFs of reconstructed patterns, in single voxels and a region, to 1e-10."""
    rng, n, views = np.random.default_rng(7), 12, 16
    geometry = ParallelGeometry.from_arrays(np.arange(n) - (n - 1) / 2, np.arange(views) * 180.0 / views)
    rays = rng.random((views, n, len(Q)))
    operator = pdf_operator(Q, PdfRecipe(composition=SILICON, r_max=5.0))
    region = np.zeros((n, n), dtype=bool)
    region[4:8, 5:9] = True
    for mask in (region, np.arange(n * n).reshape(n, n) == 77):
        weights = fbp_weights(mask, geometry)
        after = operator.apply(np.einsum("at,atq->q", weights, rays))
        before = np.einsum("at,atr->r", weights, operator.apply(rays))
        np.testing.assert_allclose(before, after, atol=1e-10 * np.abs(after).max())
    # the same for whole volumes, to single precision
    first = fbp(operator.apply(rays).astype(np.float32), geometry)
    last = operator.apply(fbp(rays.astype(np.float32), geometry))
    assert np.abs(first - last).max() < 1e-4 * np.abs(last).max()


@given(scale=st.floats(1e-6, 1e6))
@settings(max_examples=20, deadline=None)
def test_the_scale_of_a_pattern_does_not_matter(scale):
    recipe = PdfRecipe(composition=SILICON, q_max=20.0, r_max=4.0)
    one, other = (pdf(Q, factor * pattern(), recipe).gr.values for factor in (1.0, scale))
    np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-9)


def test_the_mean_of_the_pdfs_is_the_pdf_of_the_mean():
    operator = pdf_operator(Q, PdfRecipe(composition=SILICON, r_max=4.0))
    patterns = np.random.default_rng(1).normal(1.0, 0.3, (5, len(Q)))
    np.testing.assert_allclose(operator.apply(patterns).mean(0), operator.apply(patterns.mean(0)), atol=1e-10)


def test_variance_is_the_diagonal_of_the_covariance_and_that_of_random_draws():
    operator = pdf_operator(Q, PdfRecipe(composition=SILICON, r_max=3.0, r_step=0.05))
    variance = 0.01 * pattern()
    covariance = operator.covariance(variance)
    np.testing.assert_allclose(operator.variance(variance), np.diag(covariance), rtol=1e-9)
    rng = np.random.default_rng(2)
    draws = operator.apply(rng.normal(0.0, np.sqrt(variance), (4000, len(Q))))
    # 4000 draws give a variance to 2.2 %
    np.testing.assert_allclose(draws.var(axis=0), np.diag(covariance), rtol=0.12)
    correlation = np.cov(draws.T) - covariance
    assert np.abs(correlation).max() < 0.12 * covariance.max()


def test_float32_patterns_stay_float32():
    operator = pdf_operator(Q, PdfRecipe(composition=SILICON, r_max=3.0))
    single = operator.apply(pattern().astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, operator.apply(pattern()), atol=1e-4 * np.abs(single).max())


def test_windows_have_their_limits():
    q = np.linspace(0.0, 20.0, 2001)
    for name in ("lorch", "revised-lorch"):
        modification = window(q, 20.0, name)
        assert modification[0] == pytest.approx(1.0, abs=1e-6)
        assert np.all(np.diff(modification) <= 1e-12)
    assert window(q, 20.0, "lorch")[-1] == pytest.approx(0.0, abs=1e-12)
    # 3 (sin pi - pi cos pi) / pi^3
    assert window(q, 20.0, "revised-lorch")[-1] == pytest.approx(3 / np.pi**2)
    assert np.all(window(q, 20.0, "none") == 1.0)


def test_a_truncated_peak_has_the_side_lobes_of_the_sinc():
    """A sharp line cut at Qmax shows a first maximum of +12.8 % at 7.725/Qmax from its centre."""
    q_max, line = 20.0, 40.0
    q, r = np.arange(0.0, q_max + 1e-9, 0.005), np.arange(line - 1.0, line + 1.0, 0.002)
    gr = fourier_matrix(q, r, np.ones_like(q)) @ np.sin(q * line)
    lobe = (r > line + 0.30) & (r < line + 0.48)
    assert gr[lobe].max() / gr.max() == pytest.approx(0.128, abs=0.002)
    assert r[lobe][np.argmax(gr[lobe])] - line == pytest.approx(7.725 / q_max, abs=0.005)


def test_errors_of_one_pattern_follow_its_sigma():
    recipe = PdfRecipe(composition=SILICON, r_max=4.0)
    sigma = np.sqrt(pattern())
    small, large = (pdf(Q, pattern(), recipe, sigma=factor * sigma).gr_errors.values for factor in (1.0, 3.0))
    np.testing.assert_allclose(large, 3 * small)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"q_max": 40.0}, "exceeds the data"),
        ({"q_min": 0.1}, "exceeds the data"),
    ],
)
def test_ranges_beyond_the_data_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        pdf_operator(Q, PdfRecipe(composition=SILICON, **change))


def test_unusable_patterns_are_refused():
    recipe = PdfRecipe(composition=SILICON)
    broken = pattern()
    broken[5] = np.nan
    with pytest.raises(InputError, match="1 intensities are not finite"):
        pdf(Q, broken, recipe)
    with pytest.raises(InputError, match="not positive"):
        pdf(Q, -pattern(), recipe)
    with pytest.raises(InputError, match="not uniform"):
        pdf(Q**1.1, pattern(), recipe)


@pytest.mark.parametrize(
    "change",
    [
        {"q_min": 5.0, "q_max": 4.0},
        {"r_step": 0.0},
        {"r_poly": 7.0},
        {"composition": {}},
        {"composition": {"Si": -1.0}},
    ],
)
def test_contradictory_recipes_are_refused(change):
    with pytest.raises(InputError):
        PdfRecipe(**{"composition": SILICON, **change})
