"""Real measured patterns: powders of silicon, nickel and both mixed, as diffpy.cmi ships them.

Beside each I(Q) is the G(r) that its authors made with another program (PDF to the People, chapter 5). What their
files do not tell is the background: neither scale is exact, so shapes, places and ratios are compared.
"""

from pathlib import Path

import numpy as np
import pytest

from tsct.analyze.pdf.one_pattern import pdf
from tsct.analyze.pdf.transform import pdf_operator
from tsct.analyze.phases.unmixing import fit_phases
from tsct.analyze.readers.patterns import read_pattern, resample
from tsct.analyze.recipe import PdfRecipe

FOLDER = (
    Path(pytest.importorskip("diffpy.cmi").__file__).parent / "docs" / "examples" / "pdf" / "ch05Fit2Phase" / "data"
)
#: nearest and second distance from the lattice constants (5.431 and 3.524 angstrom), and atoms per cubic angstrom
CRYSTALS = {"si": ("Si", (2.352, 3.840), 0.04994), "ni": ("Ni", (2.492, 3.524), 0.09140)}


def measured(name):
    """Q and I(Q) at even steps."""
    q, intensity, sigma = read_pattern(FOLDER / "iq" / f"{name}.iq")
    assert sigma is None
    return resample(q, intensity)[:2]


def theirs(name, r):
    lines = (FOLDER / f"{name}.gr").read_text(encoding="utf-8").splitlines()
    rows = np.array([[float(word) for word in line.split()[:2]] for line in lines if not line.startswith("#")])
    return np.interp(r, *rows.T)


def recipe(composition, mode="adhoc"):
    return PdfRecipe(composition=composition, q_max=23.9, mode=mode, r_poly=1.4, r_max=20.0, r_step=0.01)


@pytest.mark.parametrize("mode", ["absolute", "adhoc"])
@pytest.mark.parametrize("name", CRYSTALS)
def test_the_pdf_is_that_of_the_authors(name, mode):
    symbol, distances, density = CRYSTALS[name]
    data = pdf(*measured(name), recipe({symbol: 1.0}, mode))
    r, g = data.r.values, data.gr.values
    beyond, other = r > 1.8, theirs(name, r)
    assert np.corrcoef(g[beyond], other[beyond])[0, 1] > 0.995
    for distance in distances:
        near = np.abs(r - distance) < 0.2
        assert r[near][np.argmax(g[near])] == pytest.approx(distance, abs=0.012)
    nothing = r < 0.8 * distances[0]
    assert np.std(g[nothing]) < 0.05 * g.max()
    # background at high Q makes peaks too low: 3.7 of 4 and 10.8 of 12 neighbours
    shell = np.abs(r - distances[0]) < 0.4
    number = np.trapezoid((r * g + 4 * np.pi * r**2 * density)[shell], r[shell])
    assert number == pytest.approx({"si": 4.0, "ni": 12.0}[name], rel=0.15)


def test_a_mixture_is_taken_apart_in_q_and_in_r():
    """Amounts of the two powders, in units of the pure ones, from the pattern and from its PDF."""
    q, mixture = measured("sini")
    pure = np.stack([measured(name)[1] for name in CRYSTALS])
    used = q > 0.8
    background = np.ones_like(q)[None]
    in_q = fit_phases(mixture[used], np.concatenate([pure, background])[:, used], mixture[used])
    operator = pdf_operator(q, recipe({"Si": 0.5, "Ni": 0.5}))
    h, known = operator.apply(np.stack([mixture, *pure])), operator.r > 1.6
    noise = operator.covariance(1e-3 * mixture)[np.ix_(known, known)]
    in_r = fit_phases(h[0, known], h[1:, known], noise)
    assert in_q.explained > 0.999 and in_r.explained > 0.999
    # texture and absorption differ between the three powders
    np.testing.assert_allclose(in_r.amounts, in_q.amounts[:2], rtol=0.04)
    assert 0.8 < in_q.amounts[0] < 0.95 and 0.07 < in_q.amounts[1] < 0.11
