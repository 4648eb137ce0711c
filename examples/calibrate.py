"""Measure how right the error bars are, and write docs/calibration.md.

One tile of the twin is simulated and analysed; its region of interest is then the truth from which counts are drawn
again and again. Takes a few minutes: ``python examples/calibrate.py``.
"""

from pathlib import Path

from tsct.analyze.chain import analyze_tile, collect, lean
from tsct.apps.experiment import load
from tsct.simulate.scan import simulate_tile
from tsct.simulate.spectra import spectra_table
from tsct.validation.calibration import calibration, pdf_scores, region, table

#: independent draws of the counts, which find error bars that are wrong by 4 %
DRAWS, SEED = 20_000, 1
PAGE = """# Calibration of error bars

Are errors as large as error bars say? Counts of the region of interest of the twin (middle slice, reference state,
1e11 photons a frame) are drawn again and again from their Poisson law and analysed, and each result is compared with
what was put in: z = (found − true) / error bar. ⟨z²⟩ is one if error bars are right. The window is what N draws allow
if they are (chance of a wrong verdict 1e-6); with N = 20 000 it finds error bars that are wrong by 4 %.

{curves}

What this is, and what it is not: the counts follow the law that the chain assumes, so the tables say that noise is
carried through the transform correctly, correlations of G(r) included. Voxels and maps have draws of their own in
the tests of the reconstruction. Gain patterns, drift and wrong physics are not noise of this kind:
[scenarios](scenarios.md) and the checks A12, A18 to A20 look at them. Error bars from fewer than about 50 counts are
not Gaussian; there, nothing is promised.

Made by `python examples/calibrate.py` (seed {seed}).
"""


def main() -> None:
    made = load("wragg2023", overrides=("slices.z_mm=[0.050]",))
    tile = simulate_tile(made.phantom, made.beamline, spectra_table(made.phantom, made.beamline), SEED, 0, 0)
    place = region(collect([lean(analyze_tile(tile, made.recipe))], made.recipe))
    curves = [calibration(name, z) for name, z in pdf_scores(place, DRAWS, SEED).items()]
    page = PAGE.format(curves=table(curves), seed=SEED)
    path = Path(__file__).parent.parent / "docs" / "calibration.md"
    path.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
