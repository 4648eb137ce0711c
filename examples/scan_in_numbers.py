"""The scan against closed forms and estimates: counts, noise, parallax, gain patterns, the ghost; each with a picture.

python examples/scan_in_numbers.py docs/pictures
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct import analyze, phantoms, simulate
from tsct.analyze import analyze_tile, fbp
from tsct.analyze.pdf import extremum, pdf_operator
from tsct.analyze.tomography import ParallelGeometry
from tsct.phantoms import discharge
from tsct.phantoms.structures import structure
from tsct.simulate import expected_tile, gains
from tsct.simulate.beamline import detector_response
from tsct.simulate.beampath import spectra_table
from tsct.simulate.scattering import compton, form_factor

matplotlib.use("Agg")
from matplotlib import pyplot as plt

#: counts on 0.130 mm of an electrode with 20 % by volume of silicon and 8 % of carbon in electrolyte, as estimated by
#: hand with free atoms, 35 % of each ring seen and a sensor that counts 56 %: Q, coherent, Compton
ESTIMATE = np.array(
    [(2, 4400, 290), (5, 3770, 1470), (8, 2820, 2760), (16, 1170, 6240), (20, 840, 7770), (30, 420, 10600)]
)
#: noise of a voxel in units of sigma / (step sqrt(views)): Ram-Lak with nearest-neighbour interpolation is
#: pi / sqrt(12) = 0.907; with linear interpolation and with a Hann window by Monte Carlo
VOXEL_NOISE = {"ramp": 0.626, "hann": 0.23}
CELL = phantoms.wragg2023(discharge("small", (0.50, 0.20)))
PERFECT = replace(simulate.id15a(), physics=simulate.point_sample(), faults=simulate.no_faults())
RECIPE = analyze.PdfRecipe(composition=CELL.nominal_composition)


def counts(folder: Path) -> None:
    """Expected counts per Q bin of a voxel's length, next to the estimate."""
    q, answer = PERFECT.scan.q, detector_response(PERFECT)
    electrolyte = structure("electrolyte")
    atoms = {name: 0.72 * electrolyte.number_density_per_a3 * part for name, part in electrolyte.composition.items()}
    for name, density in (("Si", 0.20 * structure("a-si").number_density_per_a3), ("C", 0.08 * 0.0928)):
        atoms[name] = atoms.get(name, 0.0) + density
    elastic = sum(n * form_factor(name, q) ** 2 for name, n in atoms.items())
    inelastic = sum(n * compton(name, q) for name, n in atoms.items())
    scale = PERFECT.photons_per_frame * 0.130
    ours = scale * elastic * answer.coherent, scale * inelastic * answer.compton
    share, _ = PERFECT.detector.rings(PERFECT.two_theta, PERFECT.distance_mm, PERFECT.polarisation)
    efficiency = PERFECT.detector.efficiency(PERFECT.energy_kev, PERFECT.two_theta)
    print("Q, coherent and Compton counts over the estimate with the share and efficiency of the detector, these two")
    for row in ESTIMATE:
        k = int(np.argmin(np.abs(q - row[0])))
        seen = share[k] / 0.35 * efficiency[k] / 0.56
        ratios = [part[k] / value / seen for part, value in zip(ours, row[1:], strict=True)]
        print(f"{row[0]:4.0f}  {ratios[0]:.2f}  {ratios[1]:.2f}  {share[k]:.2f}  {efficiency[k]:.2f}")
    figure, panel = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    for part, label, column, color in zip(ours, ("coherent", "Compton"), (1, 2), ("#0072B2", "#D55E00"), strict=True):
        panel.plot(q, part, color=color, label=f"{label}, simulated")
        panel.plot(ESTIMATE[:, 0], ESTIMATE[:, column], "o", color=color, label=f"{label}, estimate")
    panel.set(xlabel="Q (1/Å)", ylabel="counts per frame, bin and voxel", yscale="log", ylim=(1e2, 3e4))
    panel.legend(fontsize=8)
    figure.savefig(folder / "scan_counts.png", dpi=120)


def noise(folder: Path) -> None:
    """Scatter of voxels and of the region of interest, reconstructed from white noise alone."""
    pattern = PERFECT.scan
    geometry = ParallelGeometry.from_arrays(pattern.translations_mm, pattern.angles_deg)
    white = np.random.default_rng(1).standard_normal((pattern.views, pattern.translations, 1500)).astype(np.float32)
    unit = 1 / (pattern.step_mm * np.sqrt(pattern.views))
    x, y = np.meshgrid(*2 * [np.arange(60) - 29.5])
    radii = np.array([1, 2, 4, 8, 16])
    figure, panel = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    print("filter, sigma of a voxel over sigma / (step sqrt(views)), Monte Carlo value; sigma of a region over white")
    for name, color in zip(VOXEL_NOISE, ("#0072B2", "#D55E00"), strict=True):
        images = fbp(white, geometry, filter=name)
        voxel = images[np.hypot(x, y) < 20].std()
        discs = [np.hypot(x, y) < radius for radius in radii]
        relative = np.array([images[disc].mean(axis=0).std() * np.sqrt(disc.sum()) / voxel for disc in discs])
        print(f"{name}: {voxel / unit:.3f} ({VOXEL_NOISE[name]}); radius 16: {relative[-1]:.2f}")
        panel.plot(radii, relative, "o-", color=color, label=f"{name}: voxel {voxel / unit:.3f} σ/(τ√N)")
    panel.axhline(1.0, color="0.6", linewidth=1)
    panel.set(xlabel="radius of the region (voxels)", ylabel="noise over that of white voxels", xscale="log")
    panel.legend(fontsize=8)
    figure.savefig(folder / "scan_noise.png", dpi=120)


def analysed(scan: xr.Dataset) -> xr.Dataset:
    return analyze_tile(scan, analyze.Recipe(pdf=RECIPE), threads=2)


def transform(tile: xr.Dataset, pattern: NDArray, recipe: analyze.PdfRecipe) -> NDArray:
    operator = pdf_operator(tile.q.values, recipe, compton=tile.compton_weight.values)
    return operator.apply(pattern) / operator.density(pattern)


class Grain:
    """The cell without all that lies further than 0.3 mm from a place at the rim."""

    def __init__(self, azimuth_deg: float) -> None:
        self._middle = 2.2 * np.cos(np.radians(azimuth_deg)), 2.2 * np.sin(np.radians(azimuth_deg))

    def __getattr__(self, name: str) -> Any:
        return getattr(CELL, name)

    def near(self, x: NDArray, y: NDArray) -> NDArray[np.bool_]:
        """Whether places in mm belong to the grain."""
        return np.hypot(x - self._middle[0], y - self._middle[1]) < 0.3

    def contents(self, state: int, slice_index: int, extent_mm: float, pixels: int, **more: Any) -> Any:
        """Those of the cell, cut out."""
        whole = CELL.contents(state, slice_index, extent_mm, pixels, **more)
        centres = extent_mm * ((np.arange(pixels) + 0.5) / pixels - 0.5)
        return replace(whole, densities=whole.densities * self.near(*np.meshgrid(centres, centres)))


def recovered_with(cell: Any, span_deg: float, size: float) -> xr.Dataset:
    """A tile without counting noise, with or without parallax; fewer channels than usual, for speed."""
    pattern = replace(PERFECT.scan, angular_range_deg=span_deg, q_max=24.0, q_step=0.04)
    line = replace(PERFECT, scan=pattern, physics=replace(PERFECT.physics, parallax=size))
    return analysed(expected_tile(cell, line, spectra_table(CELL, line), 0, 1))


def bond(tile: xr.Dataset, grain: Grain) -> float:
    """First Si-Si peak of what was recovered in the place of a grain."""
    pattern = tile.iq.values[grain.near(*np.meshgrid(tile.x, tile.y))].mean(axis=0, dtype=float)
    return extremum(RECIPE.r, transform(tile, pattern, RECIPE), 2.2, 2.6, 1.0)[0]


def parallax(folder: Path) -> None:
    """Bond length at the rim over half a turn and over a whole one: of a grain alone, and in the whole electrode."""
    azimuth = np.array([0.0, 60.0, 180.0])
    figure, panel = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    print("shift of the bond length at the rim in per cent, at azimuths", *azimuth)
    for span, color in ((180.0, "#0072B2"), (360.0, "#D55E00")):
        whole = [recovered_with(CELL, span, size) for size in (0.0, 1.0)]
        for alone, style in ((True, "o"), (False, "s")):
            shift = []
            for grain in map(Grain, azimuth):
                pair = [recovered_with(grain, span, size) for size in (0.0, 1.0)] if alone else whole
                still, moved = (bond(tile, grain) for tile in pair)
                shift.append(100 * (moved / still - 1))
            name = f"{span:.0f} degrees, {'a grain alone' if alone else 'in the electrode'}"
            print(f"{name}:", *(f"{value:+.3f}" for value in shift))
            panel.plot(azimuth, shift, style, color=color, label=name)
    fine = np.linspace(0, 180)
    # views from 0 to 180 degrees look along (-sin, cos): a place at x is upstream by 2 x / pi on average, seen larger
    panel.plot(fine, -100 * 2 / np.pi * 2.2 / 300 * np.cos(np.radians(fine)), color="0.6", label="−(2/π) x / D")
    panel.set(xlabel="azimuth at the rim (degrees)", ylabel="shift of the Si–Si distance (%)")
    panel.legend(fontsize=8)
    figure.savefig(folder / "scan_parallax.png", dpi=120)


def gains_and_ghost(folder: Path) -> None:
    """What a fixed and a drifting gain pattern do to G and to the difference PDF; and the ghost of a cut transform."""
    table = spectra_table(CELL, PERFECT)
    scans = [expected_tile(CELL, PERFECT, table, state, 1) for state in (0, 1)]

    def region(**faults: float) -> list[NDArray]:
        line = replace(PERFECT, faults=replace(PERFECT.faults, **faults))
        return [
            analysed(scan.assign(intensity=(scan.intensity * gains(line, 1, state)[1]).astype(np.float32)
                                 .assign_attrs(scan.intensity.attrs))).roi_iq.values
            for state, scan in enumerate(scans)
        ]  # fmt: skip

    tiles = [analysed(scan) for scan in scans]
    clean = [tile.roi_iq.values for tile in tiles]
    curves = {"none": clean, "fixed, 0.3 %": region(channel_gain=0.003), "drift, 0.05 %": region(channel_drift=0.0005)}
    r, first = RECIPE.r, tiles[0]
    density = pdf_operator(first.q.values, RECIPE, compton=first.compton_weight.values).density(clean[0])
    operator = pdf_operator(first.q.values, RECIPE, compton=first.compton_weight.values)
    near = (r > 1.0) & (r < 10.0)
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    print("gain pattern, its rms in G(r) and in the difference PDF, 1/A2, 1 to 10 A")
    for (name, (a, b)), color in zip(curves.items(), ("0.6", "#0072B2", "#D55E00"), strict=True):
        errors = [operator.apply(v) / density for v in (a - clean[0], (b - a) - (clean[1] - clean[0]))]
        print(f"{name}: {np.std(errors[0][near]):.4f} {np.std(errors[1][near]):.5f}")
        for panel, error in zip(panels, errors, strict=True):
            panel.plot(r[near], error[near], color=color, label=name)
    for panel, title in zip(panels, ("error of G (1/Å²)", "error of the difference PDF (1/Å²)"), strict=True):
        panel.set(xlabel="r (Å)", ylabel=title)
    panels[0].legend(fontsize=8, title="gain pattern")
    figure.savefig(folder / "scan_gains.png", dpi=120)
    _ghost(folder, first)


def _ghost(folder: Path, tile: xr.Dataset) -> None:
    figure, panel = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
    print("Qmax, window: maxima between 0.6 and 2.1 A")
    for q_max, window, color in ((20.0, "none", "#0072B2"), (20.0, "lorch", "#D55E00"), (30.0, "none", "#009E73")):
        recipe = replace(RECIPE, q_max=q_max, window=window, r_max=5.0, r_step=0.01)
        gr = transform(tile, tile.roi_iq.values, recipe)
        peaks = np.flatnonzero((gr[1:-1] > gr[:-2]) & (gr[1:-1] > gr[2:])) + 1
        print(f"{q_max:.0f} {window}:", *(f"{r:.2f}" for r in recipe.r[peaks] if 0.6 < r < 2.1))
        panel.plot(recipe.r, gr, color=color, label=f"Qmax {q_max:.0f}, {window} window")
    panel.axvline(1.42 - 7.725 / 20, color="0.6", linewidth=1)
    panel.set(xlabel="r (Å)", ylabel="G (1/Å²)", xlim=(0.5, 5.0))
    panel.legend(fontsize=8)
    figure.savefig(folder / "scan_ghost.png", dpi=120)


def main(folder: Path) -> None:
    """All pictures and numbers."""
    for part in (counts, noise, parallax, gains_and_ghost):
        part(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
