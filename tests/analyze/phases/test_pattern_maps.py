"""Maps of given phases in Q and in r, and of unknown ones that are the same in all tiles."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.pdf.transform import pdf_operator
from tsct.analyze.pdf.xray_tables import mean_compton, mean_f2
from tsct.analyze.phases.pattern_maps import binned_patterns, component_maps, phase_maps, phase_templates
from tsct.analyze.phases.phase_maps import peak_operator
from tsct.analyze.phases.shells import CARBON, SILICON, shell_pattern, shells_from_pairs, shells_pattern
from tsct.analyze.phases.strain import strained
from tsct.analyze.recipe import PdfRecipe, Peak, PhasePattern, Recipe
from tsct.analyze.volume import Images
from tsct.records.errors import InputError, UsageError

Q = np.arange(0.6, 24.01, 0.04)
#: silicon in the left half and carbon in a stripe, atoms per cubic angstrom; they do not add up to anything
SIDE = 20
AMOUNTS = np.zeros((SIDE, SIDE, 2))
AMOUNTS[:, :10, 0], AMOUNTS[5:12, :, 1] = 0.02, 0.05
REGION = np.ones((SIDE, SIDE), dtype=bool)


def per_atom(symbol, shells):
    return mean_f2({symbol: 1.0}, Q) + mean_compton({symbol: 1.0}, Q) + sum(shell_pattern(Q, shell) for shell in shells)


PURE = np.stack([per_atom("Si", SILICON), per_atom("C", CARBON)])
PHASES = tuple(
    PhasePattern(name=name, q=tuple(Q), intensity=tuple(row))
    for name, row in zip(("silicon_pure", "carbon_pure"), PURE, strict=True)
)
RECIPE = Recipe(pdf=PdfRecipe(composition={"Si": 0.3, "C": 0.7}, q_max=22.0, r_max=8.0), phases=PHASES)
OPERATOR = pdf_operator(Q, RECIPE.pdf)


def noisy(seed):
    """Patterns of voxels and their variance, which doubles from one side to the other."""
    level = np.linspace(1.0, 2.0, SIDE)[None, :, None]
    variance = np.broadcast_to(4e-4 * level * (1 + Q / 10), (SIDE, SIDE, len(Q))).astype(np.float32)
    noise = np.random.default_rng(seed).standard_normal(variance.shape) * np.sqrt(variance)
    return (AMOUNTS @ PURE + noise).astype(np.float32), variance


def in_memory(patterns, variance):
    """Images of voxels that are known as they are."""
    mean, spread = (each[REGION].mean(axis=0, dtype=float) for each in (patterns, variance))
    region = {"region": mean, "region_variance": spread / REGION.sum(), "typical_variance": spread}
    return Images(values=patterns, variance=variance, trusted=REGION, **region)


@pytest.mark.parametrize("space", ["iq", "gr"])
def test_amounts_come_back_with_their_errors(space):
    patterns, variance = noisy(1)
    mean = patterns[REGION].mean(axis=0, dtype=float), variance[REGION].mean(axis=0, dtype=float)
    templates, images = (
        phase_templates(OPERATOR, replace(RECIPE, phases_in=space), *mean),
        in_memory(patterns, variance),
    )
    found = phase_maps(templates.fit_voxels(images), templates.errors_of_voxels(images), templates)
    # transformed in double: rounding of G(r) in single precision weighs in the fit
    each = templates.fit(patterns.astype(np.float64))
    np.testing.assert_allclose(found.phase_carbon_pure, each.amounts[..., 1], atol=1e-4 * each.amounts.max())
    np.testing.assert_allclose(found.phases_explained, each.explained, atol=1e-4)
    for k, phase in enumerate(PHASES):
        amounts, errors = (found[f"phase_{phase.name}{end}"].values for end in ("", "_errors"))
        error = (amounts - AMOUNTS[..., k]) / errors
        # 200 or so voxels that hold the phase, and as many that do not: no bound moves the mean of either
        for voxels in (AMOUNTS[..., k] > 0, AMOUNTS[..., k] == 0):
            assert abs(error[voxels].mean()) < 4 / np.sqrt(voxels.sum())
            assert error[voxels].std() == pytest.approx(1.0, abs=0.2)
    assert float(found.phases_explained.values[6, 4]) > (0.99 if space == "iq" else 0.5)
    assert found.phase_silicon_pure.attrs["units"] == "1/angstrom^3"


@pytest.mark.parametrize("space", ["iq", "gr"])
def test_amounts_move_as_the_response_says(space):
    """Against differences of the whole fit, with a pattern that the templates do not explain."""
    rng = np.random.default_rng(4)
    pattern = np.array([0.02, 0.05]) @ PURE * (1 + 0.01 * rng.standard_normal(len(Q)))
    templates = phase_templates(OPERATOR, replace(RECIPE, phases_in=space), pattern, np.full(len(Q), 1e-3))
    response, step = templates.response(pattern), 1e-3 * rng.standard_normal(len(Q))
    moved = templates.fit(pattern + step).amounts - templates.fit(pattern - step).amounts
    assert response.by_pattern @ step == pytest.approx(moved / 2, rel=1e-6)
    assert response.by_pattern @ pattern == pytest.approx(templates.fit(pattern).amounts, rel=1e-6)


def test_misfit_errors_cover_templates_that_are_wrong():
    """A slow error of the template of silicon, 2 % deep, which counting errors know nothing of."""
    errors, claims = [], []
    for seed in range(60):
        phase = np.random.default_rng(seed).uniform(0, 2 * np.pi)
        wrong = PURE[0] * (1 + 0.02 * np.sin(10.0 * Q + phase))
        pattern = np.array([0.02, 0.05]) @ np.stack([wrong, PURE[1]])
        templates = phase_templates(OPERATOR, RECIPE, pattern, np.full(len(Q), 1e-8))
        errors.append(templates.fit(pattern).amounts / [0.02, 0.05] - 1)
        claims.append(templates.response(pattern).misfit)
    assert np.all(np.sqrt(np.mean(np.square(errors), axis=0)) < 2 * np.sqrt(np.mean(np.square(claims), axis=0)))


def test_a_strain_is_found_with_its_amount():
    phases = (replace(PHASES[0], strain_limit=0.01), PHASES[1])
    pattern = 0.02 * strained(Q, PURE[0], 0.0037) + 0.05 * PURE[1]
    found = phase_templates(OPERATOR, replace(RECIPE, phases=phases), pattern, np.full(len(Q), 1e-6))
    assert found.strains == pytest.approx([0.0037, 0.0], abs=1e-5)
    assert found.fit(pattern).amounts == pytest.approx([0.02, 0.05], rel=1e-4)
    assert np.isfinite(found.response(pattern).strain_errors).all()


def test_named_peaks_are_areas_and_heights():
    peaks = (Peak(name="bond", limits_a=(2.1, 2.6)), Peak(name="top", distance_a=2.36))
    h = OPERATOR.apply(PURE[0])
    maps = peak_operator(OPERATOR, peaks)
    assert maps.names == ("bond_peak", "top_height")
    area, height = maps.weights @ PURE[0]
    inside = (OPERATOR.r >= 2.1) & (OPERATOR.r <= 2.6)
    line = (h[inside][0] + h[inside][-1]) / 2
    assert area == pytest.approx(0.02 * np.sum(h[inside] - line), rel=1e-6)
    assert height == pytest.approx(h[np.argmin(abs(OPERATOR.r - 2.36))], rel=1e-9)
    for wrong, word in (
        ((Peak(name="far", distance_a=20.0),), "outside G"),
        ((Peak(name="thin", limits_a=(2.1, 2.15)),), "resolves"),
        ((Peak(name="one", distance_a=2.36), Peak(name="two", distance_a=2.4)), "inside the ripple of 'one'"),
    ):
        with pytest.raises(InputError, match=word):
            replace(RECIPE, peaks=wrong)


def test_shells_make_the_pattern_that_their_atoms_have():
    made = shells_pattern("silicon", SILICON, Q, {"Si": 2.0})
    assert np.array(made.intensity) + np.array(made.compton) == pytest.approx(PURE[0], rel=1e-9)
    (first, second) = shells_from_pairs("Si", "Si", np.array([2.34, 3.8, 2.36]), np.array([2.0, 12.0, 2.0]))
    assert (first.number, first.distance) == (4.0, pytest.approx(2.35))
    assert first.sigma == pytest.approx(np.hypot(0.08, 0.01))
    assert second.number == 12.0
    with pytest.raises(InputError, match="composition does not"):
        shells_pattern("oxide", SILICON, Q, {"O": 1.0})


def test_components_are_the_same_in_all_tiles():
    """Two states in which the phases stand in different places; components are a little mixed, as all factors are."""
    rows = []
    for seed, order in ((2, slice(None)), (3, slice(None, None, -1))):
        images = in_memory(*(each[:, order] for each in noisy(seed)))
        rows.append(binned_patterns(images, OPERATOR).binned_iq)
    assert rows[0].sizes["q_binned"] <= 128
    joined = xr.concat(rows, "state").expand_dims(slice=[0]).transpose("state", "slice", ...)
    found = component_maps(joined, 2)
    assert found.attrs["components_left"] < 0.1
    q = found.q_binned.values
    pure = np.stack([np.interp(q, Q, row) for row in PURE])
    alike = np.corrcoef(np.concatenate([found.component_spectra.values, pure]))[:2, 2:]
    first = int(np.argmax(alike[:, 0]))
    for component, truth in ((first, 0), (1 - first, 1)):
        assert alike[component, truth] > 0.9
        for state, order in ((0, slice(None)), (1, slice(None, None, -1))):
            amount = found[f"component_{component + 1}"].values[state, 0]
            assert np.corrcoef(amount.ravel(), AMOUNTS[:, order, truth].ravel())[0, 1] > 0.95


def test_phases_that_do_not_fit_are_refused():
    short = replace(PHASES[0], q=tuple(Q[:400]), intensity=tuple(PURE[0][:400]))
    with pytest.raises(InputError, match="silicon_pure covers"):
        replace(RECIPE, phases=(short,))
    with pytest.raises(InputError, match="two are called silicon_pure"):
        replace(RECIPE, phases=(PHASES[0], PHASES[0]))
    for change in ({"phases_in": "sq"}, {"components": -1}):
        with pytest.raises(UsageError, match=next(iter(change))):
            replace(RECIPE, **change)
