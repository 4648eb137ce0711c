"""How well an image shows another one: similarity, edges, resolved frequencies, kept detail."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from scipy.optimize import least_squares
from scipy.special import erf

Image = NDArray[np.float64]

#: side of the window of the structural similarity, in voxels, and its two constants (Wang et al., IEEE Trans. Image
#: Process. 13, 600 (2004), section III-C and the uniform window of many implementations)
SSIM_SIDE, SSIM_K1, SSIM_K2 = 7, 0.01, 0.03


def similarity(found: Image, true: Image, inside: NDArray[np.bool_]) -> float:
    """Mean structural similarity over the voxels `inside`; 1 for identical images.

    Wang et al., IEEE Trans. Image Process. 13, 600 (2004), eq. 13, with a uniform window of 7 x 7 voxels and the range
    of the true values inside as the dynamic range.
    """
    scale = np.ptp(true[inside])
    c1, c2 = (SSIM_K1 * scale) ** 2, (SSIM_K2 * scale) ** 2
    mean_f, mean_t = (uniform_filter(image, SSIM_SIDE) for image in (found, true))
    samples = SSIM_SIDE**2
    unbiased = samples / (samples - 1)
    var_f = unbiased * (uniform_filter(found**2, SSIM_SIDE) - mean_f**2)
    var_t = unbiased * (uniform_filter(true**2, SSIM_SIDE) - mean_t**2)
    both = unbiased * (uniform_filter(found * true, SSIM_SIDE) - mean_f * mean_t)
    local = (2 * mean_f * mean_t + c1) * (2 * both + c2) / ((mean_f**2 + mean_t**2 + c1) * (var_f + var_t + c2))
    return float(local[inside].mean())


def edge_width(image: Image, radius: Image, edge: float, reach: float) -> tuple[float, float]:
    """Width from 10 to 90 % of a circular edge and its standard error, in the unit of `radius`.

    All voxels within `reach` of the edge are one finely sampled profile; an error function on a falling line is fitted
    to it.

    Parameters
    ----------
    image : ndarray, shape (y, x)
        High inside, low outside.
    radius : ndarray, shape (y, x)
        Distance of each voxel's middle from the centre of the circle.
    edge, reach : float
        Nominal radius of the edge, and how far from it voxels are used.
    """
    near = np.abs(radius - edge) < reach
    r, value = radius[near] - edge, image[near]

    def model(p: NDArray) -> NDArray:
        high, slope, low, place, sigma = p
        step = 0.5 * (1 - erf((r - place) / (np.sqrt(2) * sigma)))
        return low + (high + slope * np.minimum(r, 0.0) - low) * step

    start = [value[r < 0].mean(), 0.0, value[r > 0].mean(), 0.0, reach / 6]
    scale = [start[0], start[0] / reach, start[0], reach, reach]
    bounds = ([-np.inf] * 4 + [1e-6 * reach], np.inf)
    fit = least_squares(lambda p: (model(p) - value) / start[0], start, bounds=bounds, x_scale=scale)
    scatter = 2 * fit.cost / (len(r) - len(start))
    error = np.sqrt(scatter * np.linalg.pinv(fit.jac.T @ fit.jac)[4, 4])
    # 2 * 1.2816: from 10 to 90 % of a normal distribution
    return float(2.5631 * fit.x[4]), float(2.5631 * error)


def ring_correlation(found: Image, true: Image, inside: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """Fourier ring correlation of two square images, and its frequencies in cycles per voxel.

    Saxton & Baumeister, J. Microsc. 127, 127 (1982). Both images lose their mean inside and are set to zero outside.

    Returns
    -------
    frequency, correlation : ndarray, shape (ring,)
        Rings one Fourier pixel wide, from the first to the Nyquist frequency.
    """
    parts = [np.fft.fft2(np.where(inside, image - image[inside].mean(), 0.0)) for image in (found, true)]
    n = len(true)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(n), np.fft.fftfreq(n)))
    ring = np.rint(frequency * n).astype(int).ravel()
    rings = np.arange(1, n // 2 + 1)

    def total(values: NDArray) -> NDArray:
        return np.bincount(ring, weights=values.ravel(), minlength=rings[-1] + 1)[rings]

    cross = total((parts[0] * parts[1].conj()).real)
    return rings / n, cross / np.sqrt(total(np.abs(parts[0]) ** 2) * total(np.abs(parts[1]) ** 2))


def resolved_frequency(frequency: NDArray, correlation: NDArray, threshold: float) -> float:
    """First frequency at which the correlation falls below a threshold, linear between rings, or the last one.

    NaN where the correlation is not finite.
    """
    if not np.all(np.isfinite(correlation)):
        return float("nan")
    below = np.flatnonzero(correlation < threshold)
    if not len(below):
        return float(frequency[-1])
    k = below[0]
    if k == 0:
        return float(frequency[0])
    high, low = correlation[k - 1], correlation[k]
    return float(frequency[k - 1] + (high - threshold) / (high - low) * (frequency[k] - frequency[k - 1]))


def ring_errors(frequency: NDArray, correlation: NDArray, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Standard errors of a Fourier ring correlation with a noise-free truth, shape (ring,).

    A ring of radius k pixels has pi k coefficients of its own. The spectrum of an image that fills the share a of its
    square is alike over 1/sqrt(a) pixels, more than a ring is wide, so that m = pi k sqrt(a) of them are independent.
    With w = 1/C^2 - 1 for noise over signal, normal noise in C = (1 + u) / sqrt((1 + u)^2 + w) makes
    ``var C = w^2 (1 + 2 w) / (4 m (1 + w)^3)`` to first order, from var u = w / 2m and var w = w^2 / m.
    """
    m = np.pi * frequency * len(inside) * np.sqrt(inside.mean())
    w = 1 / np.clip(np.abs(correlation), 1e-3, 1.0) ** 2 - 1
    return np.sqrt(w**2 * (1 + 2 * w) / (4 * m * (1 + w) ** 3))


def radial_mean(image: Image, radius: Image, step: float) -> Image:
    """The image with every voxel replaced by the mean of its ring of width `step`."""
    ring = np.floor(radius / step).astype(int)
    total = np.bincount(ring.ravel(), weights=image.ravel())
    return (total / np.maximum(np.bincount(ring.ravel()), 1))[ring]


def slope(found: NDArray, true: NDArray) -> float:
    """Slope of `found` on `true` through the origin; noise in `found` does not bias it."""
    power = float(true @ true)
    return float(found @ true) / power if power > 0 else float("nan")


def ring_slope(
    recovered: Image, true: Image, radius: Image, inside: NDArray[np.bool_], step: float
) -> tuple[float, float]:
    """Slope of the recovered on the true radial profile, each without its parabola, and its standard error."""
    waves = [_without_parabola(radial_mean(image, radius, step), radius, inside) for image in (recovered, true)]
    value, rings = slope(*waves), len(np.unique(np.floor(radius[inside] / step)))
    # all voxels of a ring are one number
    error = np.sqrt(np.sum((waves[0] - value * waves[1]) ** 2) / (waves[1] @ waves[1]) / rings)
    return value, float(error)


def _without_parabola(profile: Image, radius: Image, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    values, square = profile[inside], radius[inside] ** 2
    trend = np.stack([np.ones_like(square), square], axis=1)
    return values - trend @ np.linalg.lstsq(trend, values, rcond=None)[0]


def off_rings(image: Image, radius: Image, inside: NDArray[np.bool_], step: float) -> NDArray[np.float64]:
    """Values inside without the mean of those in their ring: what remains has a left and a right."""
    ring, values = np.floor(radius[inside] / step).astype(int), image[inside]
    return values - (np.bincount(ring, weights=values) / np.maximum(np.bincount(ring), 1))[ring]


def beyond_share(difference: NDArray, true: NDArray, errors: NDArray, share: float) -> NDArray[np.float64]:
    """Deviations over their error bars, of what remains of each when a share of the true value is taken off.

    A bias of at most that share makes what remains no larger than the noise, so the largest of many is no larger than
    the largest of as many normal deviates.
    """
    return np.maximum(np.abs(difference) - share * np.abs(true), 0.0) / errors


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Overlap of two sets of voxels, twice what they share over the sum of both (Dice, Ecology 26, 297 (1945))."""
    return float(2 * np.sum(one & other) / int(one.sum() + other.sum()))


def star_contrast(
    images: tuple[Image, Image], radius: Image, spokes: int, edges: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Periods of a star of spokes in voxels, and the share of the true contrast in a ring of each; shape (ring,).

    Parameters
    ----------
    images : tuple of ndarray
        The recovered and the true map.
    radius : ndarray
        Distance from the middle of the star, in voxels.
    spokes : int
        Around the star.
    edges : ndarray, shape (ring + 1,)
        Of the rings, in voxels.
    """
    rows, columns = (np.arange(size) - (size - 1) / 2 for size in images[0].shape)
    angle = np.arctan2(rows[:, None], columns[None, :])
    shares = []
    for low, high in pairwise(edges):
        ring = (radius >= low) & (radius < high)
        recovered, true = (_wave_amplitude(image[ring], spokes * angle[ring]) for image in images)
        shares.append(recovered @ true / (true @ true))
    return 2 * np.pi * (edges[:-1] + edges[1:]) / 2 / spokes, np.array(shares)


def _wave_amplitude(values: NDArray, phase: NDArray) -> NDArray[np.float64]:
    """Cosine and sine parts of values around a ring."""
    design = np.stack([np.ones_like(phase), np.cos(phase), np.sin(phase)], axis=1)
    return np.linalg.lstsq(design, values, rcond=None)[0][1:]
