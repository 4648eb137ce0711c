"""Where the rotation axis projects to, found from the scan itself."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import BSpline, CubicSpline, make_interp_spline
from scipy.ndimage import gaussian_filter1d
from scipy.special import chdtrc

from tsct.records.errors import InputError

from .geometry import ParallelGeometry

Array = NDArray[np.float64]

#: Two views this far from a half turn apart still mirror each other: a feature 50 steps out moves by 0.01 of a step
MIRRORED_WITHIN_DEG = 0.01
#: Two estimates may differ by this share of a step before it is worth a word: no reconstruction can tell
AGREE_WITHIN_STEPS = 0.01
#: Mass lost at the edge of the field moves the centre by the field's half width times the share lost, so this share
#: moves it by a few hundredths of a step
MASS_VARIES_BY = 2e-3
#: Signal in the outermost bins, as a share of the highest, below which an object counts as inside the field
EDGE_SIGNAL = 0.01
#: Residuals larger than noise makes them once in a thousand scans tell of something besides noise
RARE = 1e-3


def find_axis(
    total_sinogram: ArrayLike, translations_mm: ArrayLike, angles_deg: ArrayLike, variance: ArrayLike | None = None
) -> tuple[float, float]:
    """Translation to which the rotation axis projects, with its standard deviation.

    The centre of mass of view theta lies at ``axis + x cos(theta) + y sin(theta)`` (Helgason-Ludwig condition of first
    order: Natterer, The Mathematics of Computerized Tomography, Theorem II.4.2), so a fit over all views gives it.
    Views a half turn apart are mirror images about the axis, which needs neither a complete object nor a dark
    background. Where such pairs exist, the more precise of both estimates is returned; if they contradict each other,
    the mirrored one.

    Parameters
    ----------
    total_sinogram : array_like of shape (angle, translation)
        Line integrals, usually summed over channels, proportional to mass: corrected for absorption, which would
        shift the centres.
    translations_mm : array_like of shape (translation,)
        Uniform and increasing, four or more.
    angles_deg : array_like of shape (angle,)
        Any order and range; at least four views.
    variance : array_like of shape (angle, translation), optional
        Variance of the line integrals. Without it the scatter about the fit gives the error.

    Returns
    -------
    axis_mm, sigma_mm : float
        `sigma_mm` is honest where rays stand ten times or more above their noise; for mirrored views noisier than that
        it is up to 1.4 times too small.

    Raises
    ------
    InputError
        If shapes disagree, a value is not finite, a view has no mass, or the views cannot tell the axis or put it
        outside the translations.

    Warns
    -----
    UserWarning
        If the object leaves the field in some views, or if both estimates contradict each other.
    """
    views, t, angles = _checked(total_sinogram, translations_mm, angles_deg)
    noise_known = variance is not None
    noise = _checked_variance(variance, views) if noise_known else _noise_from_curvature(views)
    _warn_if_truncated(views, noise)
    centred = _from_mass_centres(views, noise, t, angles, noise_known)
    if not t[0] <= centred[0] <= t[-1]:
        raise InputError(
            f"rotation axis: centres of mass put it at {centred[0]:.4g} mm, outside the translations, {t[0]:g} to "
            f"{t[-1]:g} mm; check the angles ({angles.min():.4g} to {angles.max():.4g} degrees), their unit and order"
        )
    pairs = _mirrored_pairs(angles)
    if not len(pairs):
        return centred
    mirrored = _from_mirrored_views(views, noise, t, pairs, centred[0], noise_known)
    allowed = 5.0 * np.hypot(centred[1], mirrored[1]) + AGREE_WITHIN_STEPS * (t[1] - t[0])
    if abs(centred[0] - mirrored[0]) > allowed:
        warnings.warn(
            f"rotation axis: centres of mass say {centred[0]:.4f} mm, mirrored views {mirrored[0]:.4f} mm, which "
            "is used; the object may leave the field or sit on a background that was not subtracted",
            stacklevel=2,
        )
        return mirrored
    return min(centred, mirrored, key=lambda estimate: estimate[1])


def find_geometry(
    total: NDArray[Any], variance: NDArray[Any], translations_mm: ArrayLike, angles_deg: ArrayLike
) -> tuple[ParallelGeometry, float]:
    """Where the rays of corrected lines run, about the axis that :func:`find_axis` sees in the sum of their channels.

    Parameters
    ----------
    total, variance : ndarray, shape (angle, translation)
        Line integrals summed over their channels, and the variance of these sums.
    translations_mm, angles_deg : array_like
        Of the rays.

    Returns
    -------
    geometry : ParallelGeometry
    axis_error_mm : float
        Standard deviation of its axis.
    """
    axis_mm, error_mm = find_axis(total, translations_mm, angles_deg, variance=variance)
    return ParallelGeometry.from_arrays(translations_mm, angles_deg, axis_mm), error_mm


def _checked(views: ArrayLike, translations_mm: ArrayLike, angles_deg: ArrayLike) -> tuple[Array, Array, Array]:
    p, t, angles = (np.asarray(a, dtype=np.float64) for a in (views, translations_mm, angles_deg))
    if p.shape != (angles.size, t.size) or t.ndim != 1 or angles.ndim != 1 or angles.size < 4 or t.size < 4:
        raise InputError(
            f"rotation axis: the sinogram has shape {p.shape} for {angles.size} angles and {t.size} translations; "
            "give (angle, translation), at least four of each"
        )
    if not (np.isfinite(p).all() and np.isfinite(t).all() and np.isfinite(angles).all()):
        raise InputError(
            "rotation axis: the sinogram or its coordinates hold values that are not finite; leave those views "
            "out with drop.views in the mapping"
        )
    if np.diff(t).min() <= 0.0 or np.ptp(np.diff(t)) > 0.02 * np.diff(t).mean():
        raise InputError("rotation axis: translations_mm must be uniform and increasing")
    if p.sum(axis=1).min() <= 0.0:
        raise InputError(
            f"rotation axis: view {(view := p.sum(axis=1).argmin())} has no mass; leave it out with "
            f"drop = {{ views = [{view}] }} in the mapping, or subtract less background"
        )
    return p, t, angles


def _checked_variance(variance: ArrayLike | None, views: Array) -> Array:
    noise = np.asarray(variance, dtype=np.float64)
    if (
        noise.shape != views.shape
        or not np.isfinite(noise).all()
        or noise.min() < 0.0
        or noise.sum(axis=1).min() <= 0.0
    ):
        raise InputError(
            f"rotation axis: variance must be finite, not negative, above zero somewhere in each view, and of shape "
            f"{views.shape}, not {noise.shape}"
        )
    return noise


def _noise_from_curvature(views: Array) -> Array:
    """Upper estimate of the variance in each view: second differences hold six times the noise and little object."""
    curvature = np.diff(views, n=2, axis=1)
    return np.broadcast_to((curvature**2).mean(axis=1, keepdims=True) / 6.0, views.shape)


def _warn_if_truncated(views: Array, noise: Array) -> None:
    mass, error = views.sum(axis=1), np.sqrt(noise.sum(axis=1))
    mean = np.average(mass, weights=error**-2.0)
    allowed = np.median(error) / mean
    varies = chdtrc(mass.size - 1, (((mass - mean) / error) ** 2).sum()) < 1e-6
    spread = np.std(mass) / mean
    if varies and spread > MASS_VARIES_BY and views[:, [0, -1]].max() > EDGE_SIGNAL * views.max():
        warnings.warn(
            f"rotation axis: the mass per view varies by {spread:.2%} while noise allows {allowed:.2%}, "
            "and there is signal at the edge of the field: the object is truncated, widen the translation range",
            stacklevel=3,
        )


def _sigma(variance: float, residuals: Array, free: int, noise_known: bool) -> float:
    """Standard deviation of an estimate, enlarged if its normalised residuals are larger than noise explains."""
    excess = (residuals**2).sum() / free if free else 1.0
    if noise_known and chdtrc(free, excess * free) > RARE:
        excess = 1.0
    return float(np.sqrt(variance * excess))


def _from_mass_centres(views: Array, noise: Array, t: Array, angles: Array, noise_known: bool) -> tuple[float, float]:
    mass = views.sum(axis=1)
    centre = views @ t / mass
    error = np.sqrt((noise * (t - centre[:, None]) ** 2).sum(axis=1)) / mass
    theta = np.deg2rad(angles)
    model = np.column_stack([np.ones_like(theta), np.cos(theta), np.sin(theta)]) / error[:, None]
    if np.linalg.matrix_rank(model, tol=1e-9 * np.linalg.norm(model)) < 3:
        raise InputError("rotation axis: the views have fewer than three different angles, which cannot tell the axis")
    inverse = np.linalg.inv(model.T @ model)
    fit = inverse @ model.T @ (centre / error)
    return float(fit[0]), _sigma(inverse[0, 0], centre / error - model @ fit, theta.size - 3, noise_known)


def _mirrored_pairs(angles: Array) -> NDArray[np.intp]:
    """Indices (pair, 2) of views a half turn apart, each view in one pair at most."""
    turn = (angles[None, :] - angles[:, None]) % 360.0
    pairs, used = [], set()
    for first, second in np.argwhere(np.abs(turn - 180.0) < MIRRORED_WITHIN_DEG):
        if first not in used and second not in used:
            pairs.append((first, second))
            used |= {first, second}
    return np.array(pairs, dtype=np.intp).reshape(-1, 2)


def _from_mirrored_views(
    views: Array, noise: Array, t: Array, pairs: NDArray[np.intp], start: float, noise_known: bool
) -> tuple[float, float]:
    """Axis that maps the first view of each pair onto the mirror image of the second, by Gauss-Newton steps."""
    profile, spread = CubicSpline(t, views, axis=1), make_interp_spline(t, noise, k=1, axis=1)
    axis = start
    for _ in range(20):
        score, response, variance = _mirror_score(profile, spread, t, pairs, axis)
        beyond = score.sum() / response.sum()
        axis -= beyond
        if abs(beyond) < 1e-6 * (t[1] - t[0]):
            break
    residuals = (score - beyond * response) / np.sqrt(variance)
    return float(axis), _sigma(variance.sum() / response.sum() ** 2, residuals, len(pairs) - 1, noise_known)


def _mirror_score(
    profile: CubicSpline, spread: BSpline, t: Array, pairs: NDArray[np.intp], axis: float
) -> tuple[Array, Array, Array]:
    """Difference of mirrored views weighed by their slope, its change per mm of `axis`, and its variance; per pair."""
    pitch = t[1] - t[0]
    reach = int(min(axis - t[0], t[-1] - axis) / pitch + 1e-9)
    if reach < 2:
        raise InputError(
            f"rotation axis: mirrored views put the axis at {axis:.3f} mm, at the edge of the field; check the angles"
        )
    u = pitch * np.arange(-reach, reach + 1)
    first, second = profile(axis + u)[pairs[:, 0]], profile(axis - u)[pairs[:, 1]]
    both = (first + second) / 2
    # smoothed so that noise in the slope, which would weigh its own pixel, is small against the slope of the object
    slope = gaussian_filter1d(both, 2.0, axis=1, order=1) / pitch
    # blind to a beam that was stronger in one of the views
    slope -= both * ((slope * both).sum(axis=1) / (both**2).sum(axis=1))[:, None]
    noise = spread(axis + u)[pairs[:, 0]] + spread(axis - u)[pairs[:, 1]]
    score, response = slope * (first - second), 2.0 * slope * np.gradient(both, pitch, axis=1)
    return score.sum(axis=1), response.sum(axis=1), (slope**2 * noise).sum(axis=1)
