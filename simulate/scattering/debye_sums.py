"""Sums and integrals of sin(Qr)/(Qr), the bridge between distances and scattering."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, special

Array = NDArray[np.float64]

# below this x (1/angstrom or angstrom) a division by x would magnify the rounding of the FFT
_SMALL = 0.05
# values of x spaced so evenly that the phase x * y is off by less than this go through an FFT
_PHASE_TOLERANCE = 1e-9
# time of one point of a chirp transform over that of one sine and exponential (measured; a factor of two is no matter)
_TERM_BY_TERM = 3


def sinc_sum(number: Array, step: float, x: Array) -> Array:
    """Sum over k of ``number[..., k] * sin(x y_k) / (x y_k)`` with ``y_k = k * step``.

    Evenly spaced `x` go through a chirp transform (Bluestein, IEEE Trans. Audio Electroacoust. 18, 451 (1970)), others
    are summed directly.

    Parameters
    ----------
    number : numpy.ndarray, shape (..., n)
        Weight of each grid point.
    step : float
        Distance of the grid points.
    x : numpy.ndarray, shape (m,)
        Where the sum is wanted, zero or larger.

    Returns
    -------
    numpy.ndarray, shape (..., m)
    """
    by_fft = (x > _SMALL) & _evenly_spaced(x, number.shape[-1] * step)
    result = np.empty((*number.shape[:-1], x.size))
    result[..., ~by_fft] = _direct(number, step, x[~by_fft])
    if by_fft.any():
        y = np.maximum(np.arange(number.shape[-1]), 1) * step
        chirped = _chirp(np.where(np.arange(y.size) == 0, 0.0, number / y), step, x[by_fft])
        result[..., by_fft] = chirped / x[by_fft] + number[..., :1]
    return result


def damped_sum(number: Array, dr: float, sigma2: Array, q: Array) -> Array:
    r"""Sum over k of ``number[k] * sin(Q r_k) / (Q r_k) * exp(-Q**2 sigma2[k] / 2)`` with ``r_k = k * dr``.

    The damping differs from point to point, yet it is a short series of products of a function of Q and one of r: with
    sigma2 = m + h x and z = Q^2 h / 2, exp(-z x) = I_0(z) + 2 sum_n (-1)^n I_n(z) T_n(x) (Abramowitz & Stegun, 9.6.34).
    This is the same as a Gaussian broadening whose width changes with r. Where few points hold pairs, as in a molecule,
    the sum is taken term by term, which is then faster.

    Parameters
    ----------
    number : numpy.ndarray, shape (n,)
        Pairs per grid point.
    dr : float
        Distance of the grid points in angstrom.
    sigma2 : numpy.ndarray, shape (n,)
        Variance of the distance in square angstrom.
    q : numpy.ndarray, shape (m,)
        Momentum transfer in 1/angstrom.

    Returns
    -------
    numpy.ndarray, shape (m,)
    """
    occupied = np.flatnonzero(number)
    if occupied.size == 0:
        return np.zeros_like(q)
    number, sigma2 = number[: occupied[-1] + 1], sigma2[: occupied[-1] + 1]
    low, high = sigma2[occupied].min(), sigma2[occupied].max()
    half = 0.5 * (high - low)
    z = 0.5 * half * q**2
    orders = np.arange(_series_length(float(z.max(initial=0.0))))
    if occupied.size * q.size < _TERM_BY_TERM * orders.size * (number.size + q.size):
        return exact_sum(np.asarray(occupied * dr, dtype=np.float64), number[occupied], sigma2[occupied], q)
    x = np.clip((sigma2 - low) / half - 1.0, -1.0, 1.0) if half > 0.0 else np.zeros_like(sigma2)
    sums = sinc_sum(np.cos(np.multiply.outer(orders, np.arccos(x))) * number, dr, q)
    factors = np.where(orders == 0, 1.0, 2.0) * (-1.0) ** orders
    # ive holds exp(-z), which turns the middle of the variances into their smallest value
    return np.exp(-0.5 * q**2 * low) * np.einsum("n,nq,nq->q", factors, special.ive(orders[:, None], z), sums)


def exact_sum(r: Array, weight: Array, sigma2: Array, q: Array) -> Array:
    """Sum over pairs of ``weight * sin(Q r) / (Q r) * exp(-Q**2 sigma2 / 2)``, term by term in float64.

    Parameters
    ----------
    r, weight, sigma2 : numpy.ndarray, shape (n,)
        Distance in angstrom, weight, and variance of the distance in square angstrom of each pair.
    q : numpy.ndarray, shape (m,)
        Momentum transfer in 1/angstrom.

    Returns
    -------
    numpy.ndarray, shape (m,)
    """
    total = np.zeros_like(q)
    _add_terms(r, weight, sigma2, q, total)
    return total


def sine_transform(
    reduced: Callable[[Array], Array], r: ArrayLike, *, q_min: float, q_cut: float, reach: float
) -> Array:
    """Integrate ``2 / pi * F(Q) * sin(Q r)`` over Q from `q_min` to infinity.

    Parameters
    ----------
    reduced : callable
        F(Q) in 1/angstrom for an array of Q; its own transform is zero beyond `reach`.
    r : array_like, shape (n,)
        Distances in angstrom.
    q_min : float
        Start of the integral in 1/angstrom.
    q_cut : float
        Where F has died out, in 1/angstrom.
    reach : float
        Largest distance in angstrom that F holds; it decides how finely F must be sampled.

    Returns
    -------
    numpy.ndarray, shape (n,)
    """
    r = np.asarray(r, dtype=float)
    span = max(reach, float(np.max(np.abs(r), initial=0.0)))
    # the sum over evenly spaced Q repeats in r with 2 pi / step, and what it repeats is shorter than span on both sides
    step = 0.9 * float(np.pi) / span
    q: Array = step * np.arange(int(np.ceil(q_cut / step)) + 1, dtype=float)
    result = 2.0 / np.pi * step * r * sinc_sum(q * reduced(q), step, r)
    if q_min > 0.0:
        nodes, weights = gauss_legendre(0.0, q_min, 2.0 * q_min * span)
        result -= 2.0 / np.pi * (np.sin(np.multiply.outer(r, nodes)) @ (weights * reduced(nodes)))
    return result


def gauss_legendre(low: float, high: float, phase: float) -> tuple[Array, Array]:
    """Nodes and weights that integrate a smooth function times an oscillation through `phase` radians to rounding."""
    nodes, weights = (np.asarray(part, dtype=float) for part in np.polynomial.legendre.leggauss(int(0.6 * phase) + 32))
    return low + 0.5 * (high - low) * (nodes + 1.0), 0.5 * (high - low) * weights


def _series_length(z: float) -> int:
    orders = np.arange(int(8.0 * np.sqrt(z)) + 30)
    return int(np.flatnonzero(special.ive(orders, z) > 1e-14)[-1]) + 1


def _evenly_spaced(x: Array, y_max: float) -> bool:
    if x.size < 32:
        return False
    even = np.linspace(x[0], x[-1], x.size)
    return bool(np.max(np.abs(x - even)) * y_max < _PHASE_TOLERANCE)


def _direct(number: Array, step: float, x: Array) -> Array:
    used = np.flatnonzero(number.any(axis=tuple(range(number.ndim - 1))))
    result = np.empty((*number.shape[:-1], x.size))
    portion = max(1, 4_000_000 // max(1, used.size))
    for start in range(0, x.size, portion):
        here = slice(start, start + portion)
        result[..., here] = number[..., used] @ np.sinc(np.multiply.outer(used * step / np.pi, x[here]))
    return result


def _chirp(values: Array, step: float, x: Array) -> Array:
    """Sum over k of ``values[..., k] * sin(x * k * step)`` for evenly spaced x."""
    n, m = values.shape[-1], x.size
    k = np.arange(max(n, m), dtype=float)
    spacing = (x[-1] - x[0]) / max(1, m - 1)
    # the product of the two indices as squares: j k = (j^2 + k^2 - (j - k)^2) / 2
    chirp = np.exp(0.5j * spacing * step * k**2)
    length = fft.next_fast_len(n + m - 1)
    kernel = np.zeros(length, dtype=complex)
    kernel[:m] = chirp[:m].conj()
    kernel[length - n + 1 :] = chirp[1:n][::-1].conj()
    start = np.exp(1j * x[0] * step * k[:n]) * chirp[:n]
    spectrum = fft.fft(values * start, length) * fft.fft(kernel)
    return (fft.ifft(spectrum)[..., :m] * chirp[:m]).imag


@numba.njit(cache=True, nogil=True)
def _add_terms(
    r: NDArray[Any], weight: NDArray[Any], sigma2: NDArray[Any], q: NDArray[Any], total: NDArray[Any]
) -> None:
    for n in range(q.size):
        part = 0.0
        for k in range(r.size):
            phase = q[n] * r[k]
            wave = np.sin(phase) / phase if phase > 1e-4 else 1.0 - phase * phase / 6.0
            part += weight[k] * wave * np.exp(-0.5 * q[n] * q[n] * sigma2[k])
        total[n] += part
