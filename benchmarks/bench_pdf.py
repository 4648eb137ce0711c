"""Speed of the PDFs of all voxels against the bare matrix product, and of template fits against scipy's curve_fit.

    python benchmarks/bench_pdf.py

CPU times of the process with one thread, best of the repeats. Both sides of each ratio do the same work in the same
run, and the largest difference of their results is printed beside it.
"""

import os

os.environ.update(dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import time
from collections.abc import Callable

import numpy as np
from scipy.optimize import curve_fit

from tsct.analyze.pdf import pdf_operator
from tsct.analyze.phases import fit_phases
from tsct.analyze.recipe import PdfRecipe

#: voxels of one tile, Q bins of its scan, voxels that the peer fits one by one
VOXELS, REPEATS, FITTED = 3600, 5, 100
Q = np.arange(0.6, 36.001, 0.02)


def best(run: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return min(times)


def pdfs() -> None:
    operator = pdf_operator(Q, PdfRecipe(composition={"Si": 0.5, "C": 0.5}, r_max=12.0))
    patterns = np.random.default_rng(1).random((VOXELS, len(Q)), dtype=np.float32)
    part = np.ascontiguousarray(patterns[:, operator.used])
    matrix = np.ascontiguousarray(operator.matrix.T.astype(np.float32))
    bare, ours = best(lambda: part @ matrix), best(lambda: operator.apply(patterns))
    apart = np.abs(operator.apply(patterns) - part @ matrix).max()
    print(f"PDFs of {VOXELS} voxels, {part.shape[1]} Q to {matrix.shape[1]} r, float32")
    print(f"  bare matrix product {1e3 * bare:8.1f} ms")
    print(f"  PdfOperator.apply   {1e3 * ours:8.1f} ms   ratio {ours / bare:.2f}, largest difference {apart:.1e}")


def fits() -> None:
    points = np.linspace(1.15, 4.6, 173)
    templates = np.stack(
        [np.exp(-0.5 * ((points - r) / s) ** 2) for r, s in ((1.42, 0.10), (2.36, 0.11), (2.8, 0.22), (3.83, 0.27))]
        + [np.ones_like(points)]
    )
    rng = np.random.default_rng(2)
    patterns = rng.uniform(0.5, 2.0, (VOXELS, 5)) @ templates + 0.1 * rng.standard_normal((VOXELS, len(points)))

    def model(x: np.ndarray, *amounts: float) -> np.ndarray:
        return np.asarray(amounts) @ templates

    def loop() -> np.ndarray:
        rows = patterns[:FITTED]
        return np.array([curve_fit(model, points, row, np.ones(5), bounds=(0.0, np.inf))[0] for row in rows])

    peer, ours = best(loop) / FITTED, best(lambda: fit_phases(patterns, templates)) / VOXELS
    free = best(lambda: [curve_fit(model, points, row, np.ones(5))[0] for row in patterns[:FITTED]]) / FITTED
    apart = np.abs(fit_phases(patterns, templates).amounts[:FITTED] - loop()).max()
    print(f"fits of {len(templates)} templates to {len(points)} points")
    print(f"  scipy curve_fit, bounded   {1e6 * peer:8.1f} us a voxel")
    print(f"  scipy curve_fit, unbounded {1e6 * free:8.1f} us a voxel")
    print(f"  fit_phases, bounded        {1e6 * ours:8.2f} us a voxel, largest difference {apart:.1e}")
    print(f"  ratios {peer / ours:.0f} (bounded), {free / ours:.0f} (unbounded)")


if __name__ == "__main__":
    pdfs()
    fits()
