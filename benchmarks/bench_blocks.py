"""What an analysis gains by reconstructing sums over channels instead of every channel: time and memory, as ratios.

    python benchmarks/bench_blocks.py [TRANSLATIONS VIEWS CHANNELS]

A disc of silicon and carbon is counted; one peak is mapped, with and without the patterns and PDFs of all voxels. Then
G(r) of all voxels is made in both orders: from images of all channels, and from images of the independent numbers that
it holds, about Q_max r_max / pi. Each in a process of its own, on one thread; CPU time, and peak memory above that of
the scan itself.
"""

import json
import os
import subprocess
import sys
import time

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from tsct.analyze import analyze_tile
from tsct.analyze.recipe import PdfRecipe, Peak, Recipe, Roi

SIZE = (250, 200, 1024)
ENERGY_KEV = 100.0
WAYS = ("maps", "maps and volumes", "G(r), every channel first", "G(r), independent numbers first")


def disc(translations: int, views: int, channels: int) -> xr.Dataset:
    """Counts of a disc, with all factors divided out."""
    x, q = np.linspace(-1.0, 1.0, translations), np.linspace(0.6, 24.6, channels)
    pattern = (10 + 60 * np.exp(-((q / 9) ** 2))) * (1 + 0.4 * np.sin(2.36 * q) * np.exp(-0.004 * q**2))
    mean = 60 * np.sqrt(np.clip(0.49 - x**2, 0.0, None))[:, None] * pattern + 0.05
    counts = np.empty((views, translations, channels), dtype=np.float32)
    for view, rows in enumerate(counts):
        rows[...] = np.random.default_rng(view).poisson(mean)
    rays, ones = ("angle", "translation"), np.ones((views, translations))
    return xr.Dataset(
        {
            "intensity": ((*rays, "q"), counts, {"units": "counts"}),
            "monitor": (rays, ones, {"units": "photons"}),
            "transmission": (rays, ones, {"units": "1"}),
            "solid_angle": ("q", np.ones(channels), {"units": "sr"}),
            "polarization": ("q", np.ones(channels), {"units": "1"}),
        },
        coords={
            "angle": ("angle", np.arange(views) * 180.0 / views, {"units": "deg"}),
            "translation": ("translation", x, {"units": "mm"}),
            "q": ("q", q, {"units": "1/angstrom"}),
            "state": 0,
            "slice": 0,
        },
        attrs={
            "energy_kev": ENERGY_KEV,
            **{f"{name}_applied": True for name in ("transmission", "polarization", "efficiency")},
        },
    )


def peak_bytes() -> int:
    """Largest resident memory of this process so far (Linux)."""
    with open("/proc/self/status") as status:
        return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def measure(way: str, size: tuple[int, int, int]) -> dict[str, float]:
    """Seconds of CPU and bytes that one way takes, compiled before."""
    pdf = PdfRecipe(composition={"Si": 0.5, "C": 0.5}, q_max=22.0)
    peaks = (Peak(name="bond", limits_a=(2.1, 2.6)),)
    roi = Roi(x_voxels=0.0, y_voxels=0.0, radius_voxels=size[0] / 5)
    recipe = Recipe(pdf=pdf, model="none", peaks=peaks, roi=roi, air_rays=2)
    analyze_tile(disc(20, 20, size[2]), Recipe(pdf=pdf, model="none", roi=Roi(radius_voxels=5.0)), volumes=True)
    scan = disc(*size)
    with threadpool_limits(1):
        work = _work(way, scan, recipe)
        before, started = peak_bytes(), time.process_time()
        work()
        return {"seconds": time.process_time() - started, "bytes": peak_bytes() - before}


def _work(way, scan, recipe):
    if way.startswith("maps"):
        return lambda: analyze_tile(scan, recipe, volumes=way != "maps")
    from tsct.analyze.pdf import pdf_operator
    from tsct.analyze.prepare import prepare_sinogram
    from tsct.analyze.tomography import fbp, find_geometry

    sinogram = prepare_sinogram(scan, recipe)
    totals = sinogram.total, sinogram.total_variance
    geometry, _ = find_geometry(*totals, sinogram.translations_mm, sinogram.angles_deg)
    operator = pdf_operator(sinogram.channels.q, recipe.pdf)
    if way.endswith("every channel first"):
        return lambda: operator.apply(fbp(sinogram.lines, geometry))

    def independent() -> np.ndarray:
        to_numbers, to_distances = operator.independent_parts()
        lines, _ = sinogram.rays.project(to_numbers, to_numbers[:0])
        return fbp(lines, geometry) @ to_distances.T.astype(np.float32)

    return independent


def main() -> None:
    """Print the table; with a way as first argument, one row of it as JSON."""
    if len(sys.argv) > 1 and sys.argv[1] in WAYS:
        size = tuple(map(int, sys.argv[2:5]))
        print(json.dumps(measure(sys.argv[1], size)))
        return
    size = [int(number) for number in sys.argv[1:4]] or [*SIZE]
    print(f"{size[0]} translations, {size[1]} views, {size[2]} channels: {np.prod(size) * 4e-9:.2f} GB of counts")
    rows = {}
    for way in WAYS:
        command = [sys.executable, __file__, way, *map(str, size)]
        rows[way] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        print(f"  {way:34s} {rows[way]['seconds']:8.1f} s {rows[way]['bytes'] / 1e9:8.2f} GB", flush=True)
    for few, all_of_them in ((WAYS[0], WAYS[1]), (WAYS[3], WAYS[2])):
        ratios = [rows[all_of_them][what] / rows[few][what] for what in ("seconds", "bytes")]
        print(f"  {all_of_them} over {few}: {ratios[0]:.1f} times the time, {ratios[1]:.1f} times the memory")


if __name__ == "__main__":
    main()
