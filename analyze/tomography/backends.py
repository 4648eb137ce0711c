"""Reconstruction by other packages, in our conventions: astra-toolbox, scikit-image and tomopy.

Each package is imported when it is first used. The rays are laid out for the package's own centre and orientation, and
its image is returned in u, indexed [y, x] as in `ParallelGeometry`. Packages that weigh all views alike get views that
are scaled by `ParallelGeometry.angle_weights` first, which filtered back-projection allows because it adds the views.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

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
    wide = _to_skimage(_weighted(rays, geometry), geometry)

    def image(channel: Rays) -> NDArray[Any]:
        return transform.iradon(
            channel.T, geometry.angles_deg, output_size=geometry.n, filter_name=filter, circle=False
        )

    return _channel_by_channel(image, wide, geometry)


def skimage_sart(rays: Rays, geometry: ParallelGeometry, iterations: int, nonnegative: bool) -> Rays:
    """Simultaneous algebraic reconstruction of scikit-image (Andersen and Kak, 1984)."""
    transform = _imported("skimage.transform")
    wide = _to_skimage(rays, geometry)
    cut = wide.shape[1] // 2 - geometry.n // 2
    middle, angles = slice(cut, cut + geometry.n), np.asarray(geometry.angles_deg, dtype=np.float64)
    clip = (0.0, np.inf) if nonnegative else None

    def image(channel: Rays) -> NDArray[Any]:
        found = None
        for _ in range(iterations):
            found = transform.iradon_sart(channel.T.astype(np.float64), angles, image=found, clip=clip)
        return np.asarray(found)[middle, middle]

    return _channel_by_channel(image, wide, geometry)


def tomopy_fbp(rays: Rays, geometry: ParallelGeometry, filter: str) -> Rays:
    """Gridding of tomopy (its own ``fbp`` does not filter), scaled to bring back a disc at its value.

    The scale of gridrec is off by some 12 %, which varies with the number of bins.
    """
    tomopy = _imported("tomopy")
    disc = np.sqrt(np.clip(geometry.n**2 / 16 - (np.arange(geometry.n) - (geometry.n - 1) / 2) ** 2, 0.0, None))
    centred = replace(geometry, axis_mm=(geometry.translations_mm[0] + geometry.translations_mm[-1]) / 2)
    standard = np.tile((2.0 * geometry.step_mm * disc).astype(np.float32), (len(rays), 1))[:, :, None]
    name = "ramlak" if filter == "ramp" else filter
    core = np.hypot(*np.meshgrid(geometry.voxel_centres_mm, geometry.voxel_centres_mm))
    gain = _gridrec(tomopy, standard, centred, name)[core < geometry.n * geometry.voxel_mm / 8].mean(dtype=np.float64)
    return np.asarray(_gridrec(tomopy, rays, geometry, name) / np.float32(gain))


def tomopy_osem(rays: Rays, geometry: ParallelGeometry, iterations: int, subsets: int) -> Rays:
    """OSEM of tomopy on lines."""
    order = np.concatenate([np.arange(first, len(rays), subsets) for first in range(subsets)])
    wide = _recentred(rays, geometry)
    # splines overshoot at sharp edges
    options = {"num_iter": iterations, "num_block": subsets, "ind_block": order}
    # its rays run half a bin beside the centre that it is given
    return _run_tomopy(_imported("tomopy"), "osem", np.maximum(wide, 0.0), geometry, wide.shape[1] / 2, options)


def tomopy_mlem(rays: Rays, geometry: ParallelGeometry, iterations: int) -> Rays:
    """MLEM of tomopy: its OSEM with one subset, since its own ``mlem`` rotates images and ignores the centre."""
    return tomopy_osem(rays, geometry, iterations, 1)


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


def _recentred(
    rays: Rays, geometry: ParallelGeometry, *, extra: int = 0, late: float = 0.0, move: tuple[float, float] = (0.0, 0.0)
) -> Rays:
    """Widen the rays and resample them by cubic splines such that the axis lies `late` bins after the middle.

    Bins are added for the corners of the image, and not fewer than `extra` on either side. The object moves by `move`
    along x and y, in voxels, for packages whose middle voxel is not ours.
    """
    axis, angles, n = _axis_bin(geometry), np.deg2rad(geometry.angles_deg), geometry.n
    added = max(int(np.ceil(CORNERS * n + abs(axis - (n - 1) / 2))) + 2, extra)
    bins = np.arange(-added, n + added)
    wide = np.pad(rays, ((0, 0), (added, added), (0, 0)))
    views = []
    for view, shift in zip(wide, move[0] * np.cos(angles) + move[1] * np.sin(angles), strict=True):
        at = bins - (n - 1) / 2 - late + axis - shift
        within = (at >= bins[0]) & (at <= bins[-1])
        views.append(np.where(within[:, None], scipy.interpolate.CubicSpline(bins, view)(at), 0.0))
    return np.asarray(views, dtype=np.float32)


def _to_skimage(rays: Rays, geometry: ParallelGeometry) -> Rays:
    """Rays for an axis on bin m // 2 and on voxel [n // 2, n // 2] counted from the top left."""
    off = geometry.n // 2 - (geometry.n - 1) / 2
    return _recentred(rays, geometry, late=off, move=(-off, off))


def _channel_by_channel(image: Callable[[Rays], NDArray[Any]], rays: Rays, geometry: ParallelGeometry) -> Rays:
    """Images of the channels, rows turned to run upwards, per mm instead of per voxel."""
    result = np.empty((geometry.n, geometry.n, rays.shape[2]), dtype=np.float32)
    for c in range(rays.shape[2]):
        result[:, :, c] = image(rays[:, :, c])[::-1] / geometry.voxel_mm
    return result


def _gridrec(tomopy: Any, rays: Rays, geometry: ParallelGeometry, filter: str) -> Rays:
    """Gridrec on bins added for what its missing zero frequency spoils; its middle is half a voxel or one from ours."""
    n = geometry.n
    off = 0.5 if n % 2 == 0 else 1.0
    wide = _recentred(_weighted(rays, geometry), geometry, extra=n, move=(-off, -off))
    return _run_tomopy(tomopy, "gridrec", wide, geometry, (wide.shape[1] - 1) / 2, {"filter_name": filter})


def _run_tomopy(
    tomopy: Any, method: str, rays: Rays, geometry: ParallelGeometry, centre: float, options: dict[str, Any]
) -> Rays:
    angles = np.deg2rad(geometry.angles_deg)
    images = tomopy.recon(np.moveaxis(rays, 2, 1), angles, center=centre, algorithm=method, **options)
    cut = (rays.shape[1] - geometry.n) // 2
    middle = slice(cut, cut + geometry.n)
    upwards = np.moveaxis(images[:, middle, middle][:, ::-1], 0, -1)
    return np.ascontiguousarray(upwards / geometry.voxel_mm, dtype=np.float32)


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
    with _astra_data(astra, scan, volume) as (projector, sinogram, found):
        links = {"ProjectorId": projector, "ProjectionDataId": sinogram, "ReconstructionDataId": found}

        def image(channel: Rays) -> NDArray[Any]:
            astra.data2d.store(sinogram, channel)
            astra.data2d.store(found, 0.0)
            # CGLS keeps its direction from run to run, so each channel needs a new one
            job = astra.algorithm.create(astra.astra_dict(method) | links | options)
            astra.algorithm.run(job, iterations)
            astra.algorithm.delete(job)
            return astra.data2d.get(found)

        return _channel_by_channel(image, rays, geometry)


@contextmanager
def _astra_data(astra: Any, scan: Any, volume: Any) -> Iterator[tuple[int, int, int]]:
    """Identifiers of a projector, a sinogram and an image, deleted afterwards."""
    projector = astra.create_projector("strip", scan, volume)
    sinogram, found = astra.data2d.create("-sino", scan), astra.data2d.create("-vol", volume)
    try:
        yield projector, sinogram, found
    finally:
        astra.data2d.delete([sinogram, found])
        astra.projector.delete(projector)
