"""One scan and one measured pattern, from what a beamline hands over to G(r), with a picture at each step.

The scan is simulated, written as another program would (nxxrdct), spoilt as real ones are, and read back.
Patterns measured on powders of silicon, nickel and both mixed come with diffpy.cmi (one of the test tools).
A measured pattern and its background are two files of columns Q (1/angstrom) and intensity; the second picture in the
docs shows Mg2SiO4 glass at 65 keV, from the test data of Glassure (https://github.com/CPrescher/Glassure, tests/data).

    python examples/analyse_data.py docs/pictures
    python examples/analyse_data.py docs/pictures Mg2SiO4_ambient.xy Mg2SiO4_ambient_bkg.xy
"""

import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import diffpy.cmi
import h5py
import matplotlib
import numpy as np

from tsct import analyze, phantoms, simulate
from tsct.analyze import analyze_tile, default_recipe
from tsct.analyze.pdf import mean_compton, mean_f2
from tsct.analyze.phases import fit_phases
from tsct.analyze.prepare import attenuation_map, prepare_sinogram
from tsct.analyze.readers import read_pattern, read_scan, resample
from tsct.records.io import write_scan

matplotlib.use("Agg")
from matplotlib import pyplot as plt

#: fewer views and wider Q bins than in the preset, for a picture in less than a minute
PATTERN = simulate.ScanPattern(views=60, q_max=24.0, q_step=0.04)
#: measured powders that diffpy.cmi ships
POWDERS = Path(diffpy.cmi.__file__).parent / "docs" / "examples" / "pdf" / "ch05Fit2Phase" / "data"
FAULTS = replace(simulate.Faults(), zingers=2e-6, lost_frames=0.01)


def spoilt_scan(path: Path) -> None:
    """A scan with zingers, lost frames and a dead patch of the detector, as a file that is not ours."""
    cell = phantoms.wragg2023(phantoms.discharge("small", (0.50,)))
    beamline = simulate.Beamline(scan=PATTERN, faults=FAULTS)
    scan = simulate.scan(cell, beamline, seed=4, tiles=[(0, 1)]).isel(state=0, slice=0)
    scan.intensity.values[..., 300:302] = np.nan
    write_scan(path, scan)
    with h5py.File(path, "r+") as handle:
        handle.attrs["creator"] = "a beamline"


def draw_scan(folder: Path) -> None:
    """Counts, repaired and corrected; attenuation; one channel; the pattern and the PDF of the region."""
    with tempfile.TemporaryDirectory() as temporary:
        spoilt_scan(Path(temporary) / "scan.h5")
        scan = read_scan(Path(temporary) / "scan.h5")
    recipe = default_recipe(scan)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        sinogram = prepare_sinogram(scan, recipe)
        found = analyze_tile(scan, recipe)
    print(*{str(warning.message) for warning in told}, sinogram.corrections, sep="\n")
    mu = attenuation_map(scan.transmission.values, scan.translation.values, scan.angle.values).mu
    channel = int(np.argmin(np.abs(scan.q.values - 3.6)))
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.2), layout="constrained")
    pictures = (
        (scan.intensity.values[:, :, channel], "1  counts at 3.6 Å⁻¹: view by translation"),
        (sinogram.lines[:, :, channel], "2  repaired, corrected: line integrals"),
        (mu, "3  attenuation map, 1/mm"),
        (found.iq.values[:, :, channel], "4  image at 3.6 Å⁻¹"),
    )
    for axis, (picture, title) in zip(axes.flat, pictures, strict=False):
        image = axis.imshow(
            picture, origin="lower", aspect="auto", cmap="viridis", vmax=np.nanpercentile(picture, 99.9)
        )
        figure.colorbar(image, ax=axis)
        axis.set_title(title, loc="left")
    axes[1, 1].plot(scan.q, found.roi_iq, lw=1)
    axes[1, 1].set(xlabel="Q (1/Å)", ylabel="e.u./Å³")
    axes[1, 1].set_title("5  pattern of the region", loc="left")
    curve = found.hr.values[found.roi.values.astype(bool)].mean(axis=0)
    axes[1, 2].plot(found.r, curve, lw=1)
    axes[1, 2].set(xlabel="r (Å)", ylabel="density × G (1/Å⁵)", xlim=(0, 8))
    axes[1, 2].set_title("6  PDF of the region", loc="left")
    figure.savefig(folder / "data_scan.png", dpi=80)


def powder(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Q and I(Q) of a powder at even steps."""
    return resample(*read_pattern(POWDERS / "iq" / f"{name}.iq")[:2])[:2]


def draw_powders(folder: Path) -> None:
    """Three measured patterns, F(Q), G(r) beside that of its authors, and the mixture taken apart."""
    (q, silicon), (_, nickel), (_, mixture) = (powder(name) for name in ("si", "ni", "sini"))
    recipe = analyze.PdfRecipe(composition={"Si": 1.0}, q_max=23.9, mode="adhoc", r_poly=1.4, r_step=0.01)
    data = analyze.pdf(q, silicon, recipe)
    lines = (POWDERS / "si.gr").read_text(encoding="utf-8").splitlines()
    theirs = np.array([[float(word) for word in line.split()[:2]] for line in lines if not line.startswith("#")])
    used, templates = q > 0.8, np.stack([silicon, nickel, np.ones_like(q)])
    fit = fit_phases(mixture[used], templates[:, used], mixture[used])
    print("amounts of Si, Ni and a constant:", fit.amounts, "explained:", float(fit.explained))
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.1), layout="constrained")
    for curve, name in ((silicon, "Si"), (nickel, "Ni"), (mixture, "mixture")):
        axes[0].semilogy(q, curve, label=name, lw=1)
    axes[1].plot(data.q, data.fq, lw=1)
    axes[2].plot(data.r, data.gr, label="tsct", lw=1)
    axes[2].plot(*theirs.T, label="authors' program", lw=1)
    axes[3].plot(q, mixture, label="mixture", lw=1)
    axes[3].plot(q, fit.amounts @ templates, label="Si and Ni", lw=1)
    axes[3].plot(q, mixture - fit.amounts @ templates, label="left", lw=1)
    titles = ("1  as measured", "2  F(Q) of Si", "3  G(r) of Si", "4  the mixture taken apart")
    for axis, title in zip(axes, titles, strict=True):
        axis.set_title(title, loc="left")
        axis.set_xlabel("r (Å)" if "G" in title else "Q (1/Å)")
    axes[2].set_xlim(0, 10)
    axes[3].set_xlim(1, 10)
    for axis in (axes[0], *axes[2:]):
        axis.legend(frameon=False)
    figure.savefig(folder / "data_powders.png", dpi=80)


def draw_pattern(folder: Path, pattern: Path, background: Path) -> None:
    """Counts and background; what free atoms would scatter; F(Q); G(r)."""
    (q, counts, _), (_, behind, _) = read_pattern(pattern), read_pattern(background)
    q, net, _ = resample(q, counts - behind)
    composition = analyze.parse_composition("Mg2 Si O4")
    recipe = analyze.PdfRecipe(composition=composition, q_min=1.3, q_max=22.0, mode="adhoc", r_poly=1.2, r_max=8.0)
    data = analyze.pdf(q, net, recipe)
    free = mean_f2(composition, q) + mean_compton(composition, q)
    high = (q > 15) & (q < 22)
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.1), layout="constrained")
    axes[0].semilogy(*read_pattern(pattern)[:2], label="sample", lw=1)
    axes[0].semilogy(*read_pattern(background)[:2], label="background", lw=1)
    axes[1].plot(q, net * free[high].mean() / net[high].mean(), label="net, scaled at 15–22 Å⁻¹", lw=1)
    axes[1].plot(q, free, label="free atoms: ⟨f²⟩ + Compton", lw=1)
    axes[2].plot(data.q, data.fq, lw=1)
    axes[3].plot(data.r, data.gr, lw=1)
    for axis, title in zip(axes, ("1  as measured", "2  normalised", "3  F(Q)", "4  G(r)"), strict=True):
        axis.set_title(title, loc="left")
        axis.set_xlabel("r (Å)" if "G" in title else "Q (1/Å)")
    for axis in axes[:2]:
        axis.legend(frameon=False)
    for distance, name in ((1.62, "Si-O"), (2.01, "Mg-O")):
        axes[3].annotate(name, (distance, float(data.gr.interp(r=distance))), ha="left", fontsize=8)
    figure.savefig(folder / "data_pattern.png", dpi=80)


if __name__ == "__main__":
    destination = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    draw_powders(destination)
    draw_scan(destination)
    if len(sys.argv) > 3:
        draw_pattern(destination, Path(sys.argv[2]), Path(sys.argv[3]))
