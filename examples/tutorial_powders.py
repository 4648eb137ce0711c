"""Compare G(r) with PDFgetX3's own for its tutorial powders: ``tutorial_powders.py FOLDER`` prints a table of R_w.

FOLDER holds one folder a powder, with the patterns and the ``*-pdfgetx3.gr`` whose headers say how they were made
(public in the repository SineBell/PDFgetX3_cheatsheet, folder pdfgetxn3-examples). R_w is that of r = 1 to 20
angstrom on PDFgetX3's grid after one scale factor.
"""

import re
import sys
from pathlib import Path

import numpy as np

from tsct.analyze.pdf import parse_composition, pdf
from tsct.analyze.readers import read_columns
from tsct.analyze.recipe import PdfRecipe
from tsct.apps.pattern import Source, read_measured
from tsct.records.units import HC_KEV_ANGSTROM, q_inv_angstrom


def read_gr(path):
    """Header as a dictionary, r and G."""
    header, data = path.read_text(encoding="utf-8").split("#### start data")
    rows = [line.split()[:2] for line in data.splitlines() if line[:1].isdigit()]
    return dict(re.findall(r"^(\w+) = (.+)$", header, re.M)), *np.array(rows, dtype=float).T


def first_q(path, wavelength):
    """Where the pattern begins, but not below 0.05: the polynomial of PDFgetX3 is fitted to all of it."""
    return max(0.05, float(np.ceil(q_inv_angstrom(np.radians(read_columns(path).x[0]), wavelength) * 1000) / 1000))


def compare(path):
    """Scale factor and R_w of one powder."""
    stated, r, theirs = read_gr(path)
    background = stated.get("backgroundfile")
    wavelength = float(stated["wavelength"])
    source = Source(
        pattern=path.parent / stated["inputfile"],
        unit="deg",
        wavelength=wavelength,
        background=path.parent / background if background else None,
        background_scale=float(stated["bgscale"]),
    )
    recipe = PdfRecipe(
        composition=parse_composition(stated["composition"]),
        q_min=first_q(path.parent / stated["inputfile"], wavelength),
        q_max=float(stated["qmax"]),
        q_max_inst=float(stated["qmaxinst"]),
        mode="adhoc",
        r_poly=float(stated["rpoly"]),
        r_max=30.0,
        r_step=0.01,
    )
    measured = read_measured(source, recipe)
    ours = pdf(measured.q, measured.intensity, recipe, energy_kev=HC_KEV_ANGSTROM / wavelength)
    use = (r >= 1.0) & (r <= 20.0)
    mine, theirs = np.interp(r[use], ours.r.values, ours.gr.values), theirs[use]
    scale = mine @ theirs / (mine @ mine)
    return scale, float(np.sqrt(np.sum((scale * mine - theirs) ** 2) / np.sum(theirs**2)))


def main(folder):
    """Print one line a powder."""
    print(f"{'powder':40s} {'scale':>7s} {'R_w':>8s}")
    for path in sorted(Path(folder).glob("*/*-pdfgetx3.gr")):
        scale, r_w = compare(path)
        print(f"{path.name:40s} {scale:7.3f} {r_w:8.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
