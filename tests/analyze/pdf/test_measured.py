"""Real measured patterns: powders of silicon, nickel and both mixed, as diffpy.cmi ships them.

Beside each I(Q) is the G(r) that its authors made with another program (PDF to the People, chapter 5). What their
files do not tell is the background: neither scale is exact, so shapes, places and ratios are compared.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tsct.analyze.pdf.density import Density
from tsct.analyze.pdf.one_pattern import pdf
from tsct.analyze.pdf.peaks import first_peaks
from tsct.analyze.pdf.transform import pdf_operator
from tsct.analyze.phases.unmixing import fit_phases
from tsct.analyze.readers.patterns import read_pattern, resample
from tsct.analyze.recipe import PdfRecipe

FOLDER = (
    Path(pytest.importorskip("diffpy.cmi").__file__).parent / "docs" / "examples" / "pdf" / "ch05Fit2Phase" / "data"
)
#: nearest and second distance from the lattice constants (5.431 and 3.524 angstrom), and atoms per cubic angstrom
CRYSTALS = {"si": ("Si", (2.352, 3.840), 0.04994), "ni": ("Ni", (2.492, 3.524), 0.09140)}
#: lattice constants, angstrom: NIST SRM 640, and nickel at 298 K
PUBLISHED_A = {"si": 5.43102, "ni": 3.5240}


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


def held(name):
    """Absolute PDF of a powder with its density, good to 1 %."""
    symbol, distances, density = CRYSTALS[name]
    absolute = replace(recipe({symbol: 1.0}, "absolute"), q_min=0.5, r_poly=None)
    given = Density(density, 0.01 * density)
    return pdf(*measured(name), absolute, density=given), absolute, given, distances[0]


@pytest.mark.parametrize("name", CRYSTALS)
def test_a_density_holds_the_level_and_the_first_shell_follows(name):
    data, absolute, density, first = held(name)
    r, g = data.r.values, data.gr.values
    low = (r > 1.0) & (r < 0.8 * first)
    slope = (r[low] @ g[low]) / (r[low] @ r[low])
    assert slope == pytest.approx(-4 * np.pi * density.atoms_per_a3, rel=0.05)
    assert 0.01 < data.attrs["scale_error"] < 0.05
    nearest = first_peaks(data, absolute, density)[0]
    assert nearest.r == pytest.approx(first, abs=0.012)
    assert abs(nearest.neighbours - {"si": 4, "ni": 12}[name]) < 2 * nearest.neighbours_error
    assert nearest.neighbours_error < 0.08 * nearest.neighbours


def refined(name, r, g):
    """Lattice constant, scale and R_w that pdffit2 finds for a PDF from 1.5 to 20 angstrom."""
    symbol = CRYSTALS[name][0]
    crystal = {"si": "Si_Fd-3m.cif", "ni": "Ni_Fm-3m.cif"}[name]
    pdffit2 = pytest.importorskip("diffpy.pdffit2")
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        pdffit2.redirect_stdout(nowhere)
        fit = pdffit2.PdfFit()
        structure = pytest.importorskip("diffpy.structure").loadStructure(str(FOLDER / crystal))
        for atom in structure:
            atom.element = symbol
        fit.add_structure(structure)
        fit.read_data_lists("X", 23.9, 0.04, list(r), list(g), None, name)
        fit.pdfrange(1, 1.5, 19.9)
        for axis in (1, 2, 3):
            fit.constrain(fit.lat(axis), "@1")
        for atom in range(1, fit.num_atoms() + 1):
            for component in (fit.u11, fit.u22, fit.u33):
                fit.constrain(component(atom), "@2")
        for variable, number in ((fit.pscale, 3), (fit.delta2, 4), (fit.qdamp, 5)):
            fit.constrain(variable(), f"@{number}")
        for number, start in enumerate(({"Si": 5.431, "Ni": 3.524}[symbol], 0.005, 1.0, 2.0, 0.04), start=1):
            fit.setpar(number, start)
        fit.refine()
        return fit.getpar(1), fit.getpar(3), fit.getrw()


@pytest.mark.parametrize("name", CRYSTALS)
def test_pdffit2_finds_the_lattice_and_the_scale(name):
    data = held(name)[0]
    r = data.r.values[data.r.values > 1.0]
    ours = refined(name, r, data.gr.values[data.r.values > 1.0])
    other = refined(name, r, theirs(name, r))
    assert ours[0] == pytest.approx(other[0], rel=1e-4)
    assert ours[1] == pytest.approx(1.0, abs=0.12)
    assert ours[2] <= other[2]
    # the authors' own curve of silicon is 2.7e-4 short and that of nickel is not: Q of this file, no transform, does it
    short = {"si": 2.7e-4, "ni": 0.0}[name]
    assert 1 - other[0] / PUBLISHED_A[name] == pytest.approx(short, abs=5e-5)
    assert ours[0] == pytest.approx(PUBLISHED_A[name] * (1 - short), rel=1e-4)
