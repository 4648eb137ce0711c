"""Forward projection: exact line integrals of a pixel map, averaged over detector-side strips.

The projector of the simulator. The analysis has its own geometry and back-projector and shares no code with it.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import InputError


def project(
    maps: ArrayLike,
    pixel_mm: float,
    angles_deg: ArrayLike,
    edges_mm: ArrayLike,
    axis_mm: float = 0.0,
    *,
    threads: int = 1,
) -> NDArray[np.float64]:
    """Line integrals of density maps, averaged over each translation bin.

    Images are indexed [y, x] with ``x = (ix - (nx - 1) / 2) * pixel_mm`` and y likewise, both increasing with the
    index. The ray of angle theta and translation t is the line ``t = axis_mm + x cos(theta) + y sin(theta)``, so the
    rotation axis, the middle of the map, projects to ``t = axis_mm``. A pixel is a square of constant density. Its
    shadow is the convolution of boxes of widths ``pixel |cos|`` and ``pixel |sin|``, a trapezoid, whose overlap with a
    bin is known in closed form (strip integrals: Lo, IEEE Trans. Med. Imaging 7, 355 (1988); the trapezoid: Long,
    Fessler and Balter, IEEE Trans. Med. Imaging 29, 1839 (2010)). Bins that cover the object therefore hold its mass
    exactly at every angle.

    Parameters
    ----------
    maps : array_like of shape (map, y, x)
        Densities in any unit u.
    pixel_mm : float
        Edge of a pixel.
    angles_deg : array_like of shape (angle,)
        Any order, any range.
    edges_mm : array_like of shape (bin + 1,)
        Increasing edges of abutting bins; they need not be equally wide. What falls outside them is lost, as it is in
        a scan.
    axis_mm : float, optional
        Translation to which the rotation axis projects.
    threads : int, optional
        Angles are shared among this many threads. The result does not depend on it.

    Returns
    -------
    ndarray of shape (angle, bin, map), float64
        Line integrals in u mm.

    Raises
    ------
    InputError
        If a shape is wrong, a value is not finite, or the edges do not increase.

    Examples
    --------
    >>> shadow = project(np.ones((1, 2, 2)), 1.0, [0.0, 45.0], [-2.0, -1.0, 0.0, 1.0, 2.0])
    >>> shadow[0, :, 0].tolist(), shadow.sum(axis=1).round(12).ravel().tolist()
    ([0.0, 2.0, 2.0, 0.0], [4.0, 4.0])
    """
    stack, angles, edges = _checked(maps, pixel_mm, angles_deg, edges_mm, axis_mm)
    lit = np.argwhere(np.any(stack != 0.0, axis=0))
    rows, columns = lit[:, 0], lit[:, 1]
    density = np.ascontiguousarray(stack[:, rows, columns].T)
    x = (columns - (stack.shape[2] - 1) / 2) * pixel_mm
    y = (rows - (stack.shape[1] - 1) / 2) * pixel_mm
    sinogram = np.zeros((angles.size, edges.size - 1, stack.shape[0]))

    def fill(part: slice) -> None:
        _project_angles(density, x, y, pixel_mm, angles[part], edges - axis_mm, sinogram[part])

    bounds = np.linspace(0, angles.size, max(threads, 1) + 1).astype(int)
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        list(pool.map(fill, map(slice, bounds[:-1], bounds[1:])))
    sinogram /= np.diff(edges)[:, None]
    return sinogram


def _checked(
    maps: ArrayLike, pixel_mm: float, angles_deg: ArrayLike, edges_mm: ArrayLike, axis_mm: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    stack = np.asarray(maps, dtype=np.float64)
    angles = np.deg2rad(np.asarray(angles_deg, dtype=np.float64))
    edges = np.asarray(edges_mm, dtype=np.float64)
    if stack.ndim != 3:
        raise InputError(f"project: maps have shape {stack.shape}; give (map, y, x), for one map `image[None]`")
    if angles.ndim != 1 or edges.ndim != 1 or edges.size < 2:
        raise InputError("project: angles_deg and edges_mm must be one-dimensional, with two edges or more")
    if not np.all(np.diff(edges) > 0.0):
        raise InputError("project: edges_mm must increase from each edge to the next; sort them and drop repeats")
    if not (np.isfinite(pixel_mm) and pixel_mm > 0.0 and np.isfinite(axis_mm)):
        raise InputError(f"project: pixel_mm = {pixel_mm} must be positive and axis_mm = {axis_mm} finite")
    if not (np.isfinite(stack).all() and np.isfinite(angles).all() and np.isfinite(edges).all()):
        raise InputError("project: maps, angles_deg and edges_mm must be finite; replace NaN and infinity")
    return stack, angles, edges


@njit(cache=True, nogil=True, inline="always")
def _area_left_of(u: float, inner: float, ramp: float, height: float) -> float:  # pragma: no cover - compiled
    """Signed area of the trapezoid between its middle and `u`."""
    v = abs(u)
    flat = min(v, inner)
    slope = min(max(v - inner, 0.0), ramp)
    # at angles along the pixel edges the ramp has no width and no area
    area = height * (flat + (slope - 0.5 * slope * slope / ramp if slope > 0.0 else 0.0))
    return area if u >= 0.0 else -area


@njit(cache=True, nogil=True)
def _project_angles(
    density: NDArray[Any],
    x: NDArray[Any],
    y: NDArray[Any],
    pixel: float,
    angles: NDArray[Any],
    edges: NDArray[Any],
    sinogram: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    n_bins, n_maps = edges.size - 1, density.shape[1]
    for a in range(angles.size):
        cos, sin = np.cos(angles[a]), np.sin(angles[a])
        wide, narrow = pixel * max(abs(cos), abs(sin)), pixel * min(abs(cos), abs(sin))
        inner, outer, height = 0.5 * (wide - narrow), 0.5 * (wide + narrow), pixel * pixel / wide
        first = 0
        for p in range(x.size):
            middle = x[p] * cos + y[p] * sin
            # neighbouring pixels fall into neighbouring bins, so the search starts where the last one ended
            while first < n_bins and edges[first + 1] <= middle - outer:
                first += 1
            while first > 0 and edges[first] > middle - outer:
                first -= 1
            b = first
            left = _area_left_of(edges[b] - middle, inner, narrow, height)
            while b < n_bins and edges[b] < middle + outer:
                right = _area_left_of(edges[b + 1] - middle, inner, narrow, height)
                for m in range(n_maps):
                    sinogram[a, b, m] += (right - left) * density[p, m]
                left = right
                b += 1
