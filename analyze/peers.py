"""Reconstruction by other packages, in our conventions: astra-toolbox, scikit-image and tomopy.

Each package is imported when it is first used. The rays are laid out for the package's own centre and orientation, and
its image is returned in u, indexed [y, x] as in `ParallelGeometry`. Packages that weigh all views alike get views that
are scaled by `ParallelGeometry.angle_weights` first, which filtered back-projection allows because it adds the views.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from tsct.records.errors import UsageError

from .geometry import ParallelGeometry

Rays = NDArray[np.float32]

INSTALL = {
    "astra": "pip install astra-toolbox",
    "skimage": "pip install scikit-image",
    "tomopy": "conda install -c conda-forge tomopy",
}
#: Share of the field that the corners of the image stick out on either side
CORNERS = (np.sqrt(2.0) - 1.0) / 2.0


def astra_fbp(rays: Rays, geometry: ParallelGeometry, filter: str) -> Rays:
    """Filtered back-projection of astra-toolbox on strips, whose scale and sharp edges are right."""
    astra = _imported("astra")
    wide, angles = _recentred(_weighted(rays, geometry), geometry), np.deg2rad(geometry.angles_deg)
    scan = astra.create_proj_geom("parallel", 1.0, wide.shape[1], angles)
    name = "ram-lak" if filter == "ramp" else filter
    return _run_astra(astra, "FBP", scan, wide, geometry, 1, {"FilterType": name})


def astra_sirt(rays: Rays, geometry: ParallelGeometry, iterations: int, nonnegative: bool) -> Rays:
    """SIRT of astra-toolbox on strips."""
    astra = _imported("astra")
    options = {"option": {"MinConstraint": 0.0}} if nonnegative else {}
    return _run_astra(astra, "SIRT", _astra_scan(astra, geometry), rays, geometry, iterations, options)


def astra_cgls(rays: Rays, geometry: ParallelGeometry, iterations: int) -> Rays:
    """CGLS of astra-toolbox on strips."""
    astra = _imported("astra")
    return _run_astra(astra, "CGLS", _astra_scan(astra, geometry), rays, geometry, iterations, {})


def skimage_fbp(rays: Rays, geometry: ParallelGeometry, filter: str) -> Rays:
    """Filtered back-projection of scikit-image."""
    transform = _imported("skimage.transform")
    wide = _recentred(_weighted(rays, geometry), geometry, on_voxel=True)

    def image(channel: Rays) -> NDArray:
        return transform.iradon(
            channel.T, geometry.angles_deg, output_size=geometry.n, filter_name=filter, circle=False
        )

    return _channel_by_channel(image, wide, geometry)


def skimage_sart(rays: Rays, geometry: ParallelGeometry, iterations: int, nonnegative: bool) -> Rays:
    """Simultaneous algebraic reconstruction of scikit-image (Andersen and Kak, 1984)."""
    transform = _imported("skimage.transform")
    wide = _recentred(rays, geometry, on_voxel=True)
    cut = wide.shape[1] // 2 - geometry.n // 2
    middle, angles = slice(cut, cut + geometry.n), np.asarray(geometry.angles_deg, dtype=np.float64)
    clip = (0.0, np.inf) if nonnegative else None

    def image(channel: Rays) -> NDArray:
        found = None
        for _ in range(iterations):
            found = transform.iradon_sart(channel.T.astype(np.float64), angles, image=found, clip=clip)
        return np.asarray(found)[middle, middle]

    return _channel_by_channel(image, wide, geometry)


def _imported(module: str) -> Any:
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ImportError as error:
        raise UsageError(
            f"reconstruct: backend '{package}' is not installed ({error}); get it by `{INSTALL[package]}`"
        ) from error


def _weighted(rays: Rays, geometry: ParallelGeometry) -> Rays:
    """Views scaled such that equal weights add up to the integral over the half turn."""
    return rays * (geometry.angle_weights * len(rays) / np.pi).astype(np.float32)[:, None, None]


def _axis_bin(geometry: ParallelGeometry) -> float:
    return (geometry.axis_mm - geometry.translations_mm[0]) / geometry.step_mm


def _recentred(rays: Rays, geometry: ParallelGeometry, *, on_voxel: bool = False) -> Rays:
    """Widen the rays and resample them by cubic splines such that the axis is in the middle.

    `on_voxel` is for packages that put the axis on bin n // 2 and on voxel [n // 2, n // 2] counted from the top left:
    for even n the object moves by half a voxel. Bins are added for the corners of the image.
    """
    axis, angles = _axis_bin(geometry), np.deg2rad(geometry.angles_deg)
    n = geometry.n
    extra = int(np.ceil(CORNERS * n + abs(axis - (n - 1) / 2))) + 2
    off = n // 2 - (n - 1) / 2 if on_voxel else 0.0
    at = np.arange(n) - (n - 1) / 2 + axis
    at = np.arange(n + 2 * extra) - extra - (n - 1) / 2 - off + axis
    wide = np.pad(rays, ((0, 0), (extra, extra), (0, 0)))
    bins = np.arange(n + 2 * extra) - extra
    # the image of these packages is ours moved by -off along x and, since its rows run downwards, +off along y
    moved = off * (np.sin(angles) - np.cos(angles))
    views = [
        np.where(((at - move < bins[0]) | (at - move > bins[-1]))[:, None], 0.0, CubicSpline(bins, view)(at - move))
        for view, move in zip(wide, moved, strict=True)
    ]
    return np.asarray(views, dtype=np.float32)


def _channel_by_channel(image: Callable[[Rays], NDArray], rays: Rays, geometry: ParallelGeometry) -> Rays:
    """Images of the channels, rows turned to run upwards, per mm instead of per voxel."""
    result = np.empty((geometry.n, geometry.n, rays.shape[2]), dtype=np.float32)
    for c in range(rays.shape[2]):
        result[:, :, c] = image(rays[:, :, c])[::-1] / geometry.voxel_mm
    return result


def _astra_scan(astra: Any, geometry: ParallelGeometry) -> Any:
    """Views as vectors: direction of the ray, middle of the detector, step between bins; all in voxels."""
    angles = np.deg2rad(geometry.angles_deg)
    cos, sin = np.cos(angles), np.sin(angles)
    middle = (geometry.n - 1) / 2 - _axis_bin(geometry)
    return astra.create_proj_geom(
        "parallel_vec", geometry.n, np.stack([sin, -cos, middle * cos, middle * sin, cos, sin], axis=1)
    )


def _run_astra(
    astra: Any, method: str, scan: Any, rays: Rays, geometry: ParallelGeometry, iterations: int, options: dict[str, Any]
) -> Rays:
    volume = astra.create_vol_geom(geometry.n, geometry.n)
    with _astra_job(astra, method, scan, volume, options) as (job, sinogram, found):

        def image(channel: Rays) -> NDArray:
            astra.data2d.store(sinogram, channel)
            astra.data2d.store(found, 0.0)
            astra.algorithm.run(job, iterations)
            return astra.data2d.get(found)

        return _channel_by_channel(image, rays, geometry)


@contextmanager
def _astra_job(
    astra: Any, method: str, scan: Any, volume: Any, options: dict[str, Any]
) -> Iterator[tuple[int, int, int]]:
    """Identifiers of an algorithm, its sinogram and its image, deleted afterwards."""
    projector = astra.create_projector("strip", scan, volume)
    sinogram, found = astra.data2d.create("-sino", scan), astra.data2d.create("-vol", volume)
    links = {"ProjectorId": projector, "ProjectionDataId": sinogram, "ReconstructionDataId": found}
    job = astra.algorithm.create(astra.astra_dict(method) | links | options)
    try:
        yield job, sinogram, found
    finally:
        astra.algorithm.delete(job)
        astra.data2d.delete([sinogram, found])
        astra.projector.delete(projector)
