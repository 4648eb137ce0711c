"""Measure how right the error bars are, and write docs/calibration.md.

    python examples/calibrate.py --tomograms 100 --series 250

A small experiment is simulated without noise; then noise is drawn again and again, analysed from the beginning, and
compared with what was put in. Takes about ten minutes of one processor.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from tsct.apps.run import load
from tsct.simulate import expected_tile
from tsct.simulate.beamline import no_faults, point_sample
from tsct.simulate.beampath import spectra_table
from tsct.validation.selftest import analysed, calibration, pdf_scores, region, table, tomogram_scores
from tsct.validation.selftest import series_ranks as series

#: independent draws of the counts of the region, which find error bars that are wrong by 4 %
DRAWS, SEED = 20_000, 1
#: two states of one slice, 30 translations, 36 views, Q to 24 1/angstrom; only channels have gains
SMALL = (
    *("beamline.scan.translations=30", "beamline.scan.step_mm=0.26", "beamline.beam_width_mm=0.26"),
    *("beamline.scan.views=36", "beamline.scan.q_max=24.0", "beamline.scan.q_step=0.04"),
    *("states.potentials_v=[0.50, 0.20]", "slices.z_mm=[0.050]"),
    *("analysis.roi.radius_voxels=7.0", "analysis.roi.x_voxels=0.0", "analysis.roi.y_voxels=0.0"),
    *("analysis.air_rays=1", "analysis.multiple_scattering=false", "analysis.outgoing_absorption=false"),
)
PAGE = """# Calibration of error bars

Are errors as large as error bars say? Noise is drawn again and again, the data are analysed from the start, and each
result is compared with what was put in (maps and curves of the whole chain: with its own result without noise, so that
bias does not show): z = (found − true) / error bar. ⟨z²⟩ is one if error bars are right;
*allowed* is what N draws leave to it if they are (chance of a wrong verdict 1e-6, or 1e-4 for the series fit). *Right*
says that they do not contradict it, and no more: 20 000 draws find error bars too small by 4 % with probability 0.999,
1440 those too small by 16 %, 200 series by 42 %, and 60 draws those that are too small by a factor of two.

The experiment is small: one slice, 30 translations of 0.26 mm, 36 views, Q from 0.6 to 24 Å⁻¹ in steps of 0.04 Å⁻¹,
1e11 photons a frame. Made by `python examples/calibrate.py --tomograms {tomograms} --series {simulations}` (seed
{seed}).

## I(Q) and G(r) of a region, from counts alone

Counts of the region are drawn from their Poisson law; {draws} draws find error bars that are wrong by 4 %.

{curves}

## Maps and curves, through the whole chain

Counts of whole tomograms in two states, from corrections to maps. Voxels four apart count as independent.

Counting noise alone, {tomograms} series:

{counting}

With the gain patterns of the twin, new in every series (0.3 % of each channel in all states, 0.05 % new in each
state), {tomograms} series:

{gains}

Error bars of maps are right for counting noise. They do not hold the gain of the channels, which is no noise between
voxels but one error for a whole map: with the 0.3 % of the twin, silicon and carbon are too high or too low
everywhere by two to three error bars. Errors of G(r) are the other way round: they take the scatter between channels
for a gain pattern, and where there is none, bins of 0.04 Å⁻¹ see the pattern itself bend, so that they come out too
large. With gain patterns nothing speaks against them, nor against those of the dPDF, as far as 60 draws can tell.

## The series fit, by simulation

True parameters of nine states with three onsets are drawn from a prior, and with them the Si-Li shell from what the
handbook leaves open; patterns are made, noise and gain patterns are drawn, the series is fitted, and the rank of each
true parameter among 99 draws of its posterior is noted (simulation-based calibration: Talts et al., arXiv:1804.06788
(2018)). Right posteriors make all ranks equally frequent; too narrow ones fill the first and the last bin. Last
state, {simulations} series; z = (found − true) / error, *scatter / error* its root mean square: by what factor
errors are too small, with its own standard error. Parameters of one fit hang together, so the rows are not independent
of each other.

What the handbook leaves open of the Si-Li shell is drawn from the normal law that the fit takes it for, except for one
variance in ninety that would be sharper than thermal motion (0.05 Å) and is drawn again. True numbers of neighbours are
positive; in the fit, which is linear in them, they may be negative, and so may draws of its posterior.

{ranks}

The second shell is right. Errors of all other parameters are too small: by a factor of 1.3 for contacts with lithium
and the place of the second shell, 1.5 to 1.7 for number, spread and skew of the bond and the line below the curve, 1.9
for the shift. Shift, number and contacts have even ranks, so it is a few series that miss by many errors. There
are two reasons. The gain pattern also sits in the shells that the reference state lends to the fit, and in the change
itself, which the errors do not hold: without gains ⟨z²⟩ of the skew was 1.5 instead of 3.5 (24 and 36 series with the
handbook's own Si-Li shell). And a wrong width of the Si-Li shell, whose doubt enters in proportion, acts on them more
than in proportion.

Nine states do not always tell three onsets: 110 of 200 series support fewer, and then it is not known which of the
three those are, so that they are left out here. Where all three are found their errors are right.

## What this is, and what it is not

The counts follow the law that the chain assumes, so the tables say whether noise is carried through, correlations of
G(r) included. Wrong physics is not noise of this kind: [scenarios](scenarios.md) and the checks `errors.…` look
at it. Shells of the fit and of the simulation are the same here; what the fit makes of bonds that are no such shells
is another question (check `shift.ratio[fit]`). Error bars from fewer than about 50 counts are not Gaussian; there,
nothing is promised.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tomograms", type=int, default=20, help="series of tomograms (default 20)")
    parser.add_argument("--series", type=int, default=50, help="simulations of the series fit (default 50)")
    told = parser.parse_args()
    made = load("wragg2023", overrides=SMALL, seed=SEED)
    still = replace(
        made.beamline,
        physics=point_sample(),
        faults=replace(no_faults(), axis_offset_mm=made.beamline.faults.axis_offset_mm),
    )
    shared = spectra_table(made.phantom, still)
    expected = [expected_tile(made.phantom, still, shared, state, 0) for state in range(2)]
    place = region(analysed(expected, made.recipe))
    drifting = replace(still.faults, channel_gain=series.GAIN, channel_drift=series.DRIFT)
    with_gains = replace(still, faults=drifting)
    counting, gains = (
        [
            calibration(name, z)
            for name, z in tomogram_scores(expected, beamline, made.recipe, told.tomograms, SEED).items()
        ]
        for beamline in (still, with_gains)
    )
    rows = series.summary(series.posterior_scores(place, made.recipe, told.series, SEED))
    page = PAGE.format(
        curves=table([calibration(name, z) for name, z in pdf_scores(place, DRAWS, SEED).items()]),
        counting=table(counting),
        gains=table(gains),
        ranks=series.table(rows),
        **{"draws": DRAWS, "tomograms": told.tomograms, "simulations": told.series, "seed": SEED},
    )
    path = Path(__file__).parent.parent / "docs" / "calibration.md"
    path.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
