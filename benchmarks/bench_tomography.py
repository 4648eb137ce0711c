"""Speed and error of projection and reconstruction next to astra-toolbox and scikit-image, where they are installed.

    python benchmarks/bench_tomography.py [W1] [W2] [W3] [cell] [--iterative]

Every engine reconstructs the same smooth phantom from exact bin-averaged line integrals, laid out for its own centre
and orientation, so that speeds are compared at known errors. Peers work channel by channel and are timed on one. Times
are CPU times of the process on one thread, best of the repeats, since other work on the machine disturbs them least.
"""

import importlib.util
import os
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.special import erf

from tsct.analyze import fbp
from tsct.analyze.tomography import ParallelGeometry, reconstruct
from tsct.simulate.beampath import project

#: size, views, channels
WORKLOADS = {"W1": (64, 64, 2000), "W2": (128, 128, 3000), "W3": (256, 400, 500), "cell": (60, 90, 1771)}
#: height, width, x, y of Gaussians, lengths in half fields
PHANTOM = [(1.0, 0.15, 0.1, -0.2), (0.6, 0.08, -0.35, 0.3), (-0.4, 0.06, 0.2, -0.1), (0.8, 0.1, 0.3, 0.35)]
REPEATS = 5
#: blocks of 128 channels that the iterative methods are timed on
BLOCKS = 2


def truth(n: int, middle: float, flip: bool) -> np.ndarray:
    """Phantom on voxels of width one whose centre has index `middle`; rows run downwards in y if `flip`."""
    axis = np.arange(n) - middle
    x, y = np.meshgrid(axis, -axis if flip else axis)
    half = n / 2
    parts = [h * np.exp(-((x / half - a) ** 2 + (y / half - b) ** 2) / (2 * w * w)) for h, w, a, b in PHANTOM]
    return np.sum(parts, axis=0)


def rays(n: int, angles: np.ndarray, middle: float) -> np.ndarray:
    """Exact bin averages of the line integrals (angle, translation)."""
    borders = (np.arange(n + 1) - 0.5 - middle) * 2 / n
    total = np.zeros((angles.size, n))
    for h, w, a, b in PHANTOM:
        at = erf((borders - (a * np.cos(angles) + b * np.sin(angles))[:, None]) / (np.sqrt(2) * w))
        total += h * np.pi * w * w * np.diff(at, axis=1) * n * n / 4
    return total


def best(run: Callable[[], object], clock: Callable[[], float] = time.process_time, repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        start = clock()
        run()
        times.append(clock() - start)
    return min(times)


def report(name: str, seconds: float, channels: int, image: np.ndarray | None, middle: float, flip: bool) -> float:
    rate = channels / seconds
    error = ""
    if image is not None:
        n = len(image)
        expected = truth(n, middle, flip)
        inside = np.hypot(*np.meshgrid(np.arange(n) - middle, np.arange(n) - middle)) < n / 2 - 1
        error = f"   RMSE {np.sqrt(np.mean((image - expected)[inside] ** 2)):.5f}"
    print(f"  {name:42s} {rate:10.1f} channels/s{error}", flush=True)
    return rate


def own(n: int, angles: np.ndarray, channels: int) -> tuple[float, float]:
    middle = (n - 1) / 2
    geometry = ParallelGeometry.from_arrays(np.arange(n) - middle, np.rad2deg(angles))
    sinogram = np.repeat(rays(n, angles, middle)[..., None], channels, axis=2).astype(np.float32)
    image = fbp(sinogram[..., :1], geometry)[..., 0]
    seconds = best(lambda: fbp(sinogram, geometry))
    rate = report("tsct fbp", seconds, channels, image, middle, False)
    cores = os.cpu_count() or 1
    seconds = best(lambda: fbp(sinogram, geometry, threads=cores), time.perf_counter)
    report(f"tsct fbp, {cores} threads, by the wall clock", seconds, channels, None, middle, False)
    maps = np.repeat(truth(n, middle, False)[None], 12, axis=0)
    project(maps[:, :2, :2], 1.0, [0.0], [-1.0, 1.0])
    seconds = best(lambda: project(maps, 1.0, np.rad2deg(angles), np.arange(n + 1) - n / 2))
    return rate, report("tsct project, 12 maps", seconds, 12, None, middle, False)


def with_astra(n: int, angles: np.ndarray, kind: str) -> tuple[float, float]:
    import astra

    volume, parallel = astra.create_vol_geom(n, n), astra.create_proj_geom("parallel", 1.0, n, angles)
    projector = astra.create_projector(kind, parallel, volume)
    middle = (n - 1) / 2
    measured = astra.data2d.create("-sino", parallel, rays(n, angles, middle))
    projected, image = astra.data2d.create("-sino", parallel), astra.data2d.create("-vol", volume)
    density = astra.data2d.create("-vol", volume, truth(n, middle, True))
    back = {"ProjectorId": projector, "ProjectionDataId": measured, "ReconstructionDataId": image}
    forth = {"ProjectorId": projector, "ProjectionDataId": projected, "VolumeDataId": density}
    rates = []
    for name, links in (("FBP", back), ("FP", forth)):
        job = astra.algorithm.create(astra.astra_dict(name) | links)
        seconds = best(lambda job=job: astra.algorithm.run(job))
        found = astra.data2d.get(image) if name == "FBP" else None
        rates.append(report(f"astra {name}, {kind}", seconds, 1, found, middle, True))
    astra.clear()
    return rates[0], rates[1]


def iterative(n: int, angles: np.ndarray) -> None:
    """Iterative methods next to those of astra-toolbox on strips, with the same number of iterations.

    Its CPU engine has no MLEM, so ours is compared with the projection and back-projection that an iteration needs.
    """
    import astra

    middle, degrees = (n - 1) / 2, np.rad2deg(angles)
    geometry = ParallelGeometry.from_arrays(np.arange(n) - middle, degrees)
    one = rays(n, angles, middle)
    sinogram = np.repeat(np.maximum(one, 0.0)[..., None], BLOCKS * 128, axis=2).astype(np.float32)
    volume, parallel = astra.create_vol_geom(n, n), astra.create_proj_geom("parallel", 1.0, n, angles)
    projector = astra.create_projector("strip", parallel, volume)
    measured, image = astra.data2d.create("-sino", parallel, one), astra.data2d.create("-vol", volume)
    forth = {"ProjectorId": projector, "ProjectionDataId": measured, "VolumeDataId": image}
    back = {"ProjectorId": projector, "ProjectionDataId": measured, "ReconstructionDataId": image}

    def peer(name: str, iterations: int) -> None:
        astra.data2d.store(image, 0.0)
        job = astra.algorithm.create(astra.astra_dict(name) | back)
        astra.algorithm.run(job, iterations)
        astra.algorithm.delete(job)

    pair = [astra.algorithm.create(astra.astra_dict(name) | links) for name, links in (("FP", forth), ("BP", back))]
    for method, iterations in (("sirt", 50), ("cgls", 12), ("mlem", 20)):
        own_image = reconstruct(sinogram[..., :1], geometry, method, iterations=iterations)[..., 0]
        seconds = best(lambda m=method, i=iterations: reconstruct(sinogram, geometry, m, iterations=i), repeats=3)
        rate = report(f"tsct {method}, {iterations} iterations", seconds, sinogram.shape[2], own_image, middle, False)
        if method == "mlem":
            astra.data2d.store(measured, one)
            seconds = iterations * best(lambda: [astra.algorithm.run(job) for job in pair], repeats=3)
            theirs = report(f"astra FP and BP, {iterations} times", seconds, 1, None, middle, True)
        else:
            seconds = best(lambda m=method, i=iterations: peer(m.upper(), i), repeats=3)
            found = astra.data2d.get(image)
            theirs = report(f"astra {method}, {iterations} iterations", seconds, 1, found, middle, True)
        print(f"  tsct / astra strip: {method} {rate / theirs:.0f}")
    astra.clear()


def with_skimage(n: int, angles: np.ndarray) -> tuple[float, float]:
    from skimage.transform import iradon, radon

    middle, degrees = n // 2, np.rad2deg(angles)
    sinogram, density = rays(n, angles, middle).T, truth(n, middle, True)
    density[np.hypot(*np.meshgrid(np.arange(n) - middle, np.arange(n) - middle)) >= n // 2] = 0.0
    found = iradon(sinogram, degrees)
    seconds = best(lambda: iradon(sinogram, degrees))
    forth = best(lambda: radon(density, degrees))
    rate = report("scikit-image iradon", seconds, 1, found, middle, True)
    return rate, report("scikit-image radon", forth, 1, None, middle, True)


def installed(module: str, package: str) -> bool:
    """Whether a peer can be compared with; says so if not."""
    found = importlib.util.find_spec(module) is not None
    if not found:
        print(f"  {package} is not installed and left out")
    return found


def main(names: list[str]) -> None:
    chosen = [name for name in names if name in WORKLOADS] or list(WORKLOADS)
    for name in chosen:
        n, views, channels = WORKLOADS[name]
        angles = np.arange(views) * np.pi / views
        print(f"{name}: {n} x {n}, {views} views, {channels} channels")
        if "--iterative" in names:
            iterative(n, angles)
            continue
        mine = own(n, angles, channels)
        peers = {}
        if installed("astra", "astra-toolbox"):
            peers |= {f"astra {kind}": with_astra(n, angles, kind) for kind in ("strip", "linear")}
        if installed("skimage", "scikit-image"):
            peers["scikit-image"] = with_skimage(n, angles)
        for peer, theirs in peers.items():
            print(f"  tsct / {peer}: reconstruction {mine[0] / theirs[0]:.0f}, projection {mine[1] / theirs[1]:.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
