"""Speed of a simulated tomogram: projection of all channels next to peers at known errors, and the draw of counts.

    python benchmarks/bench_scan.py

A tomogram of the paper's cell: 60 translations, 90 views, 1771 channels, a phantom of a dozen phases. Peers project one
channel after another or multiply a sparse matrix with all of them; ours projects the phases and multiplies them with
their spectra, which is the same sinogram. All engines see the same smooth phantom, for which the line integrals of each
bin are known in closed form, so that speeds are compared at known errors. Times are CPU times of one thread, best of
the repeats, where not said otherwise.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from bench_tomography import best, installed, rays, truth
from scipy import sparse

from tsct.records.seeds import generator
from tsct.simulate.beampath import project

TRANSLATIONS, VIEWS, CHANNELS, PHASES = 60, 90, 1771, 12
#: pixels of the simulator's truth grid per translation
FINE = 4
ANGLES = np.arange(VIEWS) * np.pi / VIEWS


def error(sinogram: np.ndarray, exact: np.ndarray) -> float:
    """Root mean square error over the largest value."""
    return float(np.sqrt(np.mean((sinogram - exact) ** 2)) / exact.max())


def own(spectra: np.ndarray, fine: int) -> tuple[float, float]:
    """Seconds for all channels, and the error, with phases on a grid `fine` times finer than the translations."""
    n = TRANSLATIONS * fine
    image = truth(n, (n - 1) / 2, False)
    maps = np.repeat(image[None], PHASES, axis=0)
    edges = np.arange(TRANSLATIONS + 1) * fine - n / 2
    degrees = np.rad2deg(ANGLES)

    def all_channels() -> np.ndarray:
        lines = project(maps, 1.0, degrees, edges)
        return lines.reshape(-1, PHASES).astype(np.float32) @ spectra

    all_channels()
    seconds = best(all_channels)
    found = project(maps[:1], 1.0, degrees, edges)[..., 0] / fine
    return seconds, error(found, rays(TRANSLATIONS, ANGLES, (TRANSLATIONS - 1) / 2))


def with_matrix(spectra: np.ndarray) -> tuple[float, float]:
    """A strip-area matrix made once, times the images of all channels."""
    n = TRANSLATIONS
    image = truth(n, (n - 1) / 2, False)
    edges = np.arange(n + 1) - n / 2
    units = np.eye(n * n).reshape(-1, n, n)
    parts = [project(part, 1.0, np.rad2deg(ANGLES), edges).reshape(-1, len(part)) for part in np.array_split(units, 36)]
    matrix = sparse.csr_matrix(np.concatenate(parts, axis=1).astype(np.float32))
    channels = np.repeat(image.reshape(-1, 1), CHANNELS, axis=1).astype(np.float32)
    seconds = best(lambda: matrix @ channels)
    found = (matrix @ image.ravel()).reshape(VIEWS, n)
    return seconds, error(found, rays(n, ANGLES, (n - 1) / 2))


def with_astra(kind: str) -> tuple[float, float]:
    """One channel, timed with its objects reused, times the number of channels."""
    import astra

    n, middle = TRANSLATIONS, (TRANSLATIONS - 1) / 2
    volume, parallel = astra.create_vol_geom(n, n), astra.create_proj_geom("parallel", 1.0, n, ANGLES)
    projector = astra.create_projector(kind, parallel, volume)
    density, projected = (
        astra.data2d.create("-vol", volume, truth(n, middle, True)),
        astra.data2d.create("-sino", parallel),
    )
    job = astra.algorithm.create(
        astra.astra_dict("FP") | {"ProjectorId": projector, "ProjectionDataId": projected, "VolumeDataId": density}
    )
    seconds = best(lambda: astra.algorithm.run(job))
    found = astra.data2d.get(projected)
    astra.clear()
    return seconds * CHANNELS, error(found, rays(n, ANGLES, middle))


def with_skimage() -> tuple[float, float]:
    """One channel times the number of channels."""
    from skimage.transform import radon

    n, middle = TRANSLATIONS, TRANSLATIONS // 2
    image = truth(n, middle, True)
    image[np.hypot(*np.meshgrid(np.arange(n) - middle, np.arange(n) - middle)) >= n // 2] = 0.0
    seconds = best(lambda: radon(image, np.rad2deg(ANGLES)))
    return seconds * CHANNELS, error(radon(image, np.rad2deg(ANGLES)).T, rays(n, ANGLES, middle))


def draws(threads: int, clock: Callable[[], float]) -> float:
    """Seconds to draw the counts of a tomogram, one generator for each view."""
    mean = np.full((TRANSLATIONS, CHANNELS), 2e5)

    def draw(view: int) -> None:
        generator(1, "poisson", view).poisson(mean).astype(np.float32)

    def tomogram() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(draw, range(VIEWS)))

    return best(tomogram, clock)


def main() -> None:
    """Print the table."""
    spectra = np.random.default_rng(1).random((PHASES, CHANNELS)).astype(np.float32)
    rows = {f"tsct, {PHASES} phases, grid {fine} x finer": own(spectra, fine) for fine in (1, FINE)}
    rows["scipy CSR times all channels"] = with_matrix(spectra)
    if installed("astra", "astra-toolbox"):
        rows |= {f"astra {kind}": with_astra(kind) for kind in ("strip", "linear")}
    if installed("skimage", "scikit-image"):
        rows["scikit-image radon"] = with_skimage()
    fastest = rows[f"tsct, {PHASES} phases, grid 1 x finer"][0]
    for name, (seconds, wrong) in rows.items():
        print(f"  {name:36s} {seconds:9.3f} s   rms error {wrong:.2e}   {seconds / fastest:7.1f}", flush=True)
    cores = os.cpu_count() or 1
    one, all_cores = draws(1, time.perf_counter), draws(cores, time.perf_counter)
    print(f"  Poisson draws of one tomogram: {one:.2f} s on one core, {all_cores:.2f} s on {cores}, by the wall clock")


if __name__ == "__main__":
    main()
