"""What each imperfection of the scan does to the silicon map, to the first Si-Si peak and to the difference PDF.

Every fault is switched on alone, at a size that is common at beamlines (tsct.simulate.beamline.faults.COMMON), on a
beamline that is otherwise perfect; then what photons do in every sample is left out, or not corrected. Counting noise
is the same in all rows. Prints a table in Markdown and draws it.

    python examples/what_faults_do.py docs/faults.md docs/pictures/faults.png
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr

from tsct import analyze, phantoms, simulate
from tsct.analyze import analyze_tile, collect, lean
from tsct.analyze.pdf import extremum, pdf_operator
from tsct.phantoms import discharge
from tsct.simulate import simulate_tile
from tsct.simulate.beamline import COMMON
from tsct.simulate.beampath import spectra_table

matplotlib.use("Agg")
from matplotlib import pyplot as plt

CELL = phantoms.wragg2023(discharge("small", (0.50, 0.20)))
#: twice as wide bins and a shorter range than usual, for speed; the transform ends at 20 1/angstrom in any case
PERFECT = replace(simulate.id15a(), faults=simulate.no_faults(), scan=simulate.ScanPattern(q_max=24.0, q_step=0.04))
PROCESSES = 4
TABLE = spectra_table(CELL, PERFECT)
RECIPE = analyze.Recipe(pdf=analyze.PdfRecipe(composition=CELL.nominal_composition))


def recovered(measured: tuple[simulate.Beamline, analyze.Recipe]) -> tuple[xr.Dataset, xr.Dataset]:
    """Joined result and the first tile of two states of the middle slice."""
    beamline, recipe = measured
    table = TABLE if beamline.energy_kev == beamline.as_it_is.energy_kev else spectra_table(CELL, beamline)
    tiles = [analyze_tile(simulate_tile(CELL, beamline, table, 1, state, 1), recipe) for state in (0, 1)]
    return collect([lean(tile) for tile in tiles], recipe), tiles[0]


def rim_peak(tile: xr.Dataset) -> float:
    """First Si-Si peak of the voxels at the right rim of the electrode, in angstrom."""
    x, y = np.meshgrid(tile.x, tile.y)
    rim = (np.hypot(x, y) > 1.9) & (np.hypot(x, y) < 2.4) & (x > 0) & (np.abs(y) < x)
    operator = pdf_operator(tile.q.values, RECIPE.pdf, compton=tile.compton_weight.values)
    return extremum(operator.r, operator.apply(tile.iq.values[rim].mean(axis=0, dtype=float)), 2.2, 2.6, 1.0)[0]


def effects(found: xr.Dataset, tile: xr.Dataset, before: xr.Dataset, tile_before: xr.Dataset) -> list[float]:
    """Map (% rms), peak in the region and at the rim (10^-3 A), level of I (%), dPDF (% rms), all against no fault."""
    inside = np.hypot(*np.meshgrid(found.x, found.y)) < 2.4
    maps = [d.silicon.isel(state=0, slice=0).values[inside] for d in (found, before)]
    r = found.r.values
    peaks = [extremum(r, d.roi_gr.values[0], 2.2, 2.6, 1.0)[0] for d in (found, before)]
    near = (r > 1.9) & (r < 4.6)
    changes = [d.roi_dgr.values[1][near] for d in (found, before)]
    return [
        100 * np.std(maps[0] / maps[0].mean() - maps[1] / maps[1].mean()),
        1e3 * (peaks[0] - peaks[1]),
        1e3 * (rim_peak(tile) - rim_peak(tile_before)),
        100 * (found.attrs["reference_density"] / before.attrs["reference_density"] - 1),
        100 * np.sqrt(np.mean((changes[0] - changes[1]) ** 2) / np.mean(changes[1] ** 2)),
    ]


def main(table_file: Path, picture: Path) -> None:
    """Run all faults, write the table and the picture."""
    turned = replace(PERFECT, scan=replace(PERFECT.scan, views=180, angular_range_deg=360.0))
    on_axis = replace(PERFECT.physics, parallax=0.0)
    runs = {"none": (PERFECT, RECIPE), "none over 360 degrees": (turned, RECIPE)}
    for name, size in COMMON.items():
        runs[f"`{name}` = {size:g}"] = replace(PERFECT, faults=replace(PERFECT.faults, **{name: size})), RECIPE
    runs["`physics.parallax` = 0"] = replace(PERFECT, physics=on_axis), RECIPE
    runs["`physics.parallax` = 0 over 360 degrees"] = replace(turned, physics=on_axis), RECIPE
    for name in ("outgoing_absorption", "multiple_scattering"):
        runs[f"`analysis.{name}` = false"] = PERFECT, replace(RECIPE, **{name: False})
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("fork")) as pool:
        results = dict(zip(runs, pool.map(recovered, runs.values()), strict=True))
    rows = {
        name: effects(*result, *results["none over 360 degrees" if "360" in name else "none"])
        for name, result in results.items()
        if not name.startswith("none")
    }
    header = (
        "| fault | Si map, % rms | Si–Si, region, 10⁻³ Å | Si–Si, rim, 10⁻³ Å | density, % | dPDF, % rms |\n"
        "|---|---|---|---|---|---|\n"
    )
    lines = [f"| {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |" for name, row in rows.items()]
    text = INTRODUCTION + header + "\n".join(lines) + "\n"
    table_file.write_text(text, encoding="utf-8")
    print(text)
    draw(rows, picture)


INTRODUCTION = """# What each fault does

Every imperfection switched on alone, at a common size, on a beamline that is otherwise perfect: changes against that
beamline with the same seed, Q up to 24 1/Å in bins of 0.04 1/Å. Draws of counts change with what is expected, so map
values below about 0.4 % and dPDF values below about 0.3 % are counting noise.

Parallax, absorption on the true way out and double scattering are no faults: photons do so in every sample at every
beamline. They are on in all rows, and the analysis corrects the last two. Switching off all faults leaves them on;
`beamline.physics` leaves them out, for data that a closed form shall describe (`tsct.simulate.point_sample()` leaves
out all three). The last rows leave out parallax, and then each correction, as a chain does that forgets it.

The map is divided by its mean; the rim is a quarter of the electrode's edge; the density is that recovered in the
region of interest; the dPDF is that from 0.50 to 0.20 V between 1.9 and 4.6 Å. Made by
`python examples/what_faults_do.py docs/faults.md docs/pictures/faults.png`.

![Effects of all faults](pictures/faults.png)

"""


def draw(rows: dict[str, list[float]], picture: Path) -> None:
    """One panel for each effect."""
    titles = ("Si map (% rms)", "Si–Si, region (10⁻³ Å)", "Si–Si, rim (10⁻³ Å)", "density (%)", "dPDF (% rms)")
    figure, panels = plt.subplots(1, 5, figsize=(13, 0.3 * len(rows) + 1), sharey=True, layout="constrained")
    names = [name.replace("`", "") for name in rows]
    for panel, title, values in zip(panels, titles, np.abs(np.array(list(rows.values()))).T, strict=True):
        panel.barh(names, values, color="#0072B2")
        panel.set(title=title)
        panel.grid(axis="x", alpha=0.4)
    panels[0].invert_yaxis()
    figure.savefig(picture, dpi=130)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
