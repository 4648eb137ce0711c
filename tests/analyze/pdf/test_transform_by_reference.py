"""From I(Q) to G(r) against DebyeCalculator, which computes both from the same atoms by its own code and tables."""

import os
import warnings

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from tsct.analyze.pdf.one_pattern import pdf
from tsct.analyze.pdf.xray_tables import mean_compton
from tsct.analyze.recipe import PdfRecipe

ATOMS, Q_MAX = 200, 24.0


@pytest.fixture(scope="module")
def peer():
    """I(Q) per atom and G(r) of a ball of silicon, brought to the double sum over all ordered pairs."""
    try:
        import torch
        from debyecalculator import DebyeCalculator
    except ImportError as error:
        if os.environ.get("TSCT_REQUIRE_REFERENCE") == "1":
            pytest.fail(f"TSCT_REQUIRE_REFERENCE is 1, but {error}")
        pytest.skip(f"optional package: {error}")
    lattice = (bulk("Si", "diamond", a=5.43, cubic=True) * (4, 4, 4)).positions
    near = np.argsort(np.sum((lattice - lattice.mean(axis=0)) ** 2, axis=1))[:ATOMS]
    grid = {"qmin": 0.6, "qmax": Q_MAX + 1e-4, "qstep": 0.02, "rmin": 0.0, "rmax": 8.0, "rstep": 0.02, "biso": 0.4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine = DebyeCalculator(**grid, device="cpu", dtype=torch.float64)
        ball = Atoms(f"Si{ATOMS}", positions=lattice[near])
        (q, iq), (r, gr) = engine.iq(structure_source=ball), engine.gr(structure_source=ball)
    # each pair is counted once: both are half of the double sum
    return np.asarray(q, dtype=float), 2.0 * np.asarray(iq) / ATOMS, np.asarray(r), 2.0 * np.asarray(gr)


@pytest.mark.reference
@pytest.mark.parametrize("mode", ["absolute", "adhoc"])
def test_g_of_the_same_atoms(peer, mode):
    """Scale and shape beyond what the polynomial takes; 2.5 % of the scale are bonds that outlast the data."""
    q, iq, r, expected = peer
    recipe = PdfRecipe(composition={"Si": 1.0}, q_min=float(q[0]), q_max=Q_MAX, mode=mode, r_max=7.9)
    found = pdf(q, iq + mean_compton({"Si": 1.0}, q), recipe)
    use = found.r.values > 1.5
    ours, theirs = found.gr.values[use], np.interp(found.r.values, r, expected)[use]
    scale = ours @ theirs / (theirs @ theirs)
    assert scale == pytest.approx(1.0, abs=0.05)
    assert np.std(ours - scale * theirs) < 0.05 * np.std(ours)
