"""From I(Q) to G(r) by Glassure: another program with its own form factors, Compton tables and normalisation."""

import numpy as np
import pytest
from glassure import Pattern, calculate_fr, calculate_sq, normalize
from glassure.utility import calculate_f_mean_squared, calculate_f_squared_mean, calculate_incoherent_scattering

from tsct.analyze.pdf.one_pattern import pdf
from tsct.analyze.pdf.xray_tables import mean_compton, mean_f, mean_f2
from tsct.analyze.phases.shells import Shell, shell_pattern
from tsct.analyze.recipe import PdfRecipe

#: Brown et al., International Tables C (2006), and Hubbell et al. (1975), for which ours are xraylib's
TABLES = "brown_hubbell"
Q = np.arange(0.6, 24.01, 0.02)
SILICA, DENSITY = {"Si": 1 / 3, "O": 2 / 3}, 0.066
#: of silica glass: Si-O, O-O and Si-Si, numbers per atom (as many as the atom a has, times its share)
SHELLS = (
    Shell(a="Si", b="O", number=4 / 3, distance=1.62, sigma=0.06),
    Shell(a="O", b="O", number=6 * 2 / 3, distance=2.63, sigma=0.10),
    Shell(a="Si", b="Si", number=4 / 3, distance=3.08, sigma=0.12),
)


@pytest.mark.parametrize(
    ("composition", "of_compton"),
    [({"Si": 1.0}, 0.006), (SILICA, 0.006), ({"C": 1 / 3, "H": 2 / 3}, 0.006), ({"Ni": 1.0}, 0.045)],
)
def test_free_atoms_scatter_as_in_other_tables(composition, of_compton):
    f2 = calculate_f_squared_mean(composition, Q, TABLES)
    np.testing.assert_allclose(mean_f2(composition, Q), f2, rtol=0.025)
    f = calculate_f_mean_squared(composition, Q, TABLES)
    np.testing.assert_allclose(mean_f(composition, Q) ** 2, f, rtol=0.025)
    compton = calculate_incoherent_scattering(composition, Q, TABLES)
    high = Q > 3
    np.testing.assert_allclose(mean_compton(composition, Q)[high], compton[high], rtol=of_compton)
    np.testing.assert_allclose(mean_f2(composition, Q) + mean_compton(composition, Q), f2 + compton, rtol=0.012)


def by_glassure(intensity):
    """G(r) from a pattern on any scale, all by Glassure: Krogh-Moe and Norman, S(Q), Fourier transform."""
    f2, f = (work(SILICA, Q, TABLES) for work in (calculate_f_squared_mean, calculate_f_mean_squared))
    compton = calculate_incoherent_scattering(SILICA, Q, TABLES)
    scale, coherent = normalize(Pattern(Q, intensity), DENSITY, f2, f, compton, attenuation_factor=0.0)
    return scale, calculate_fr(calculate_sq(coherent, f2, f), RECIPE.r).y


RECIPE = PdfRecipe(composition=SILICA, q_min=0.6, q_max=24.0, normalisation="krogh-moe", r_poly=0.6, r_max=6.0)


def test_the_whole_way_agrees():
    """Scale, peaks and what lies between; below the reach of the polynomial ours is meant to differ."""
    smooth = mean_f2(SILICA, Q) + mean_compton(SILICA, Q)
    pattern = 7.3 * (smooth + sum(shell_pattern(Q, shell) for shell in SHELLS))
    scale, expected = by_glassure(pattern)
    # the densities of all atoms but those of the shells are missing in this pattern, and 2 pi^2 rho in our scale
    assert scale == pytest.approx(1 / 7.3, rel=0.01)
    found = pdf(Q, pattern, RECIPE)
    real = found.r.values > 1.2
    # the tables differ by up to 1 % in <f>^2 and 0.3 % in what free atoms scatter
    np.testing.assert_allclose(found.gr.values[real], expected[real], atol=0.02 * expected.max())
    top = np.argmax(expected)
    assert found.gr.values[top] == pytest.approx(expected[top], rel=0.02)
