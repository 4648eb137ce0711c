"""Maps of given phases in Q and in r, and of unknown ones that are the same in all tiles."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from tsct.analyze.pdf.transform import pdf_operator
from tsct.analyze.pdf.xray_tables import mean_compton, mean_f2
from tsct.analyze.phases.pattern_maps import binned_patterns, component_maps, phase_maps
from tsct.analyze.phases.shells import CARBON, SILICON, shell_pattern
from tsct.analyze.recipe import PdfRecipe, PhasePattern, Recipe
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


@pytest.mark.parametrize("space", ["iq", "gr"])
def test_amounts_come_back_with_their_errors(space):
    found = phase_maps(*noisy(1), OPERATOR, replace(RECIPE, phases_in=space), REGION)
    for k, phase in enumerate(PHASES):
        # 200 or so voxels that hold the phase, away from the bound
        held = AMOUNTS[..., k] > 0
        amounts, errors = (found[f"phase_{phase.name}{end}"].values[held] for end in ("", "_errors"))
        error = (amounts - AMOUNTS[..., k][held]) / errors
        assert abs(error.mean()) < 4 / np.sqrt(held.sum())
        assert error.std() == pytest.approx(1.0, abs=0.2)
        assert found[f"phase_{phase.name}"].values.min() == 0.0
    assert float(found.phases_explained.values[6, 4]) > (0.99 if space == "iq" else 0.5)
    assert found.phase_silicon_pure.attrs["units"] == "1/angstrom^3"


def test_components_are_the_same_in_all_tiles():
    """Two states in which the phases stand in different places; components are a little mixed, as all factors are."""
    rows = []
    for seed, order in ((2, slice(None)), (3, slice(None, None, -1))):
        patterns, _ = noisy(seed)
        rows.append(binned_patterns(patterns[:, order], OPERATOR).binned_iq)
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
