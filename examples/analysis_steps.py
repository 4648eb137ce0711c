"""The middle of the analysis, step by step, on a small simulated scan: images, PDF, phases, difference.

python examples/analysis_steps.py docs/pictures/analysis.png
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np

from tsct import analyze, phantoms, simulate
from tsct.analyze import analyze_tile, collect, default_recipe, lean
from tsct.analyze.prepare import line_integrals

matplotlib.use("Agg")
from matplotlib import pyplot as plt

#: fewer views and wider Q bins than in the preset, for a picture in less than a minute
BEAMLINE = simulate.Beamline(scan=simulate.ScanPattern(views=45, q_max=24.0, q_step=0.04))


def draw(path: Path) -> None:
    """Simulate, analyse and draw."""
    cell = phantoms.wragg2023(phantoms.discharge("small", (0.50, 0.20)))
    scan = simulate.scan(cell, BEAMLINE, seed=1, tiles=[(0, 1), (1, 1)])
    recipe = default_recipe(scan)
    tiles = [analyze_tile(scan.isel(state=i, slice=0), recipe) for i in (0, 1)]
    found = collect([lean(tile) for tile in tiles], recipe)
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
    channel = int(np.argmin(np.abs(scan.q.values - 3.6)))
    counts = scan.intensity.isel(state=0, slice=0).values
    show(axes[0, 0], counts[:, :, channel], "a  counts at 3.6 Å⁻¹: view by translation")
    images(axes[0, 1:], scan, recipe, tiles[0], channel)
    patterns(axes[1], found)
    figure.savefig(path, dpi=80)


def images(axes, scan, recipe, tile, channel) -> None:
    """One channel by filtered back-projection, and by total variation from a third of the views."""
    show(axes[0], tile.iq.values[:, :, channel], "b  J at 3.6 Å⁻¹, filtered back-projection")
    some = scan.isel(state=0, slice=0, angle=slice(None, None, 3), q=slice(channel - 1, channel + 2))
    lines, _ = line_integrals(some, air_rays=recipe.air_rays)
    geometry = analyze.ParallelGeometry.from_arrays(some.translation.values, some.angle.values, float(tile.axis_mm))
    image = analyze.reconstruct(lines, geometry, "tv", iterations=150)
    show(axes[1], image[:, :, 1], "c  the same from 15 views, total variation")


def patterns(axes, found) -> None:
    """F(Q), G(r) with its ripples marked, and the difference with its fit."""
    axes[0].plot(found.q_used, found.roi_fq.values[0], lw=0.8)
    tidy(axes[0], "Q (Å⁻¹)", "d  F(Q) of the region (Å⁻¹)")
    r, near = found.r.values, found.r.values < 6.5
    axes[1].plot(r[near], found.roi_gr.values[0][near], lw=1.2)
    at, ripple = found.gr_feature_r.values, found.gr_feature_is_ripple.values.astype(bool)
    height = np.interp(at, r, found.roi_gr.values[0])
    axes[1].plot(at[~ripple], height[~ripple], "o", ms=4, label="stays")
    axes[1].plot(at[ripple], height[ripple], "x", ms=6, label="moves with the transform")
    axes[1].legend(frameon=False, fontsize=8)
    tidy(axes[1], "r (Å)", "e  G(r) and what the ripple test says (Å⁻²)")
    axes[2].plot(r[near], found.roi_dgr.values[1][near], lw=1.2, label="G₂ − G₁")
    axes[2].plot(r[near], found.dgr_model.values[1][near], "--", lw=1.0, label="fit")
    axes[2].set_xlim(1.8, 4.7)
    axes[2].legend(frameon=False, fontsize=8)
    shift, error = (found[name].sel(parameter="shift").values[1] for name in ("fit", "fit_errors"))
    tidy(axes[2], "r (Å)", f"f  dPDF: bonds longer by {1e3 * shift:.1f} ± {1e3 * error:.1f} mÅ")


def show(axis, image, title: str) -> None:
    axis.imshow(image, origin="lower", cmap="viridis", aspect="auto" if image.shape[0] != image.shape[1] else "equal")
    axis.set_title(title, fontsize=9, loc="left")
    axis.set_xticks([])
    axis.set_yticks([])


def tidy(axis, x: str, title: str) -> None:
    axis.set_xlabel(x, fontsize=9)
    axis.set_title(title, fontsize=9, loc="left")
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
