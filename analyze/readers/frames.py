"""Detector frames to a scan: integrated by pyFAI without splitting pixels, so that counts stay independent counts.

pyFAI splits pixels between bins by default (``bbox``), which correlates neighbouring bins (the more, the narrower
they are) and so breaks every chi-squared that takes bins as independent. Without splitting, each pixel counts in one
bin, and the sum of its bin is a Poisson number. pyFAI corrects neither for the sensor's efficiency nor does it know it;
the chain does both from the attributes of the scan.
"""

import inspect
import json
import re
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tsct.records.errors import InputError, TsctWarning, UsageError
from tsct.records.io import check_dataset, is_ours, member, names_of, open_complete, opened, part, values

from .hdf5_layouts import entry_attrs
from .unmeasured import marked

Robust = Literal["none", "sigma-clip", "trimmed"]

#: tilt in degrees up to which a photon meets the sensor at the scattering angle, to a per cent of its efficiency
PERPENDICULAR_DEG = 2.0
#: counts per pixel below which clipping a Poisson distribution moves its mean by more than a per cent
FEW_PER_PIXEL = 10.0
#: standard deviations at which pixels of a ring are clipped
CLIP_SIGMAS = 5.0
#: value of pixels that are bad in one frame
BAD = -1.0
#: by what a geometry may describe its detector: numbers, none of which leads to a file
DETECTOR_KEYS = frozenset({"pixel1", "pixel2", "max_shape", "orientation", "sensor", "binning"})
#: angles and translations that differ by less than this are those of one view or place
SAME = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """How frames become patterns.

    Parameters
    ----------
    q_min, q_max, q_step : float
        Middles of the first and last bin and their distance, 1/angstrom.
    polarisation : float
        Degree of horizontal polarisation of the beam, 1 for all.
    robust : {"none", "sigma-clip", "trimmed"}
        ``none`` sums all pixels of a bin. ``sigma-clip`` leaves out those five standard deviations off, ``trimmed``
        the highest and lowest two per cent; both take Bragg spots and zingers away, and bias bins of few counts.
    splitting : {"no", "bbox", "full"}
        How pixels are shared between bins; anything but ``no`` correlates them.
    """

    q_min: float
    q_max: float
    q_step: float = 0.02
    polarisation: float = 0.99
    robust: Robust = "none"
    splitting: Literal["no", "bbox", "full"] = "no"

    def __post_init__(self) -> None:
        if not (0 < self.q_min < self.q_max < np.inf and 0 < self.q_step < self.q_max - self.q_min):
            raise InputError(f"integration: {self.q_min} to {self.q_max} in steps of {self.q_step} 1/angstrom is empty")

    @property
    def q(self) -> NDArray[np.float64]:
        """Middles of the bins, shape (q,)."""
        return np.linspace(self.q_min, self.q_max, round((self.q_max - self.q_min) / self.q_step) + 1)

    def arguments(self) -> dict[str, Any]:
        """What every call of pyFAI gets; bins and units as ours, the errors those of counting."""
        half = self.q_step / 2
        return {
            "npt": len(self.q),
            "unit": "q_A^-1",
            "radial_range": (self.q[0] - half, self.q[-1] + half),
            "method": (self.splitting, "csr", "cython"),
            "error_model": "poisson",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One integrated frame.

    Attributes
    ----------
    counts, variance : ndarray, shape (q,)
        Photons in each bin, and the variance of that number; where pixels were left out, as if none had been.
    """

    counts: NDArray[np.float64]
    variance: NDArray[np.float64]


def integrate(image: NDArray[Any], geometry: Any, how: Integration, *, mask: NDArray[Any] | None = None) -> Pattern:
    """Counts of one frame in each Q bin.

    Parameters
    ----------
    image : ndarray, shape (row, column)
        Counts; negative ones are masked.
    geometry : pyFAI AzimuthalIntegrator
        With its wavelength.
    how : Integration
        Bins and method.
    mask : ndarray of bool, shape (row, column), optional
        Pixels to leave out; those of the detector if omitted.

    Warns
    -----
    TsctWarning
        If pixels with few counts are clipped.
    """
    unseen = _unseen(geometry, how, mask)
    # bad pixels of one frame are not put into the mask, for which pyFAI would set up its bins anew
    image = np.where(np.isfinite(image) & (image >= 0) & ~marked(image, may_be_negative=True), image, BAD)
    image = image.astype(np.float32)
    common = how.arguments() | {"mask": unseen, "correctSolidAngle": True, "dummy": BAD, "delta_dummy": 0.5}
    if how.robust == "none":
        found = geometry.integrate1d(image, **common)
        if not np.any(image[~unseen] == BAD):
            return Pattern(counts=np.asarray(found.sum_signal), variance=np.asarray(found.sum_variance))
    whole = np.asarray(geometry.integrate1d(np.ones_like(image), **common).sum_normalization, dtype=np.float64)
    if how.robust == "none":
        left = np.asarray(found.sum_normalization, dtype=np.float64)
        scale = np.where(left < whole, whole / np.where(left > 0, left, np.nan), 1.0)
        return Pattern(counts=found.sum_signal * scale, variance=found.sum_variance * scale**2)
    _warn_of_few(image[~unseen])
    # pixels of a ring are judged by their own scatter
    common["error_model"] = "azimuthal"
    if how.robust == "sigma-clip":
        found = geometry.sigma_clip(image, max_iter=5, **_clip_argument(geometry), **common)
    else:
        found = geometry.medfilt1d_ng(image, percentile=(2.0, 98.0), **common)
    counts = np.asarray(found.intensity, dtype=np.float64) * whole
    # counting noise of the pixels that are left, as of all
    return Pattern(counts=counts, variance=np.maximum(counts, 1.0))


def _clip_argument(geometry: Any) -> dict[str, float]:
    """The limit of clipping under the name that this release of pyFAI has for it; it ignores any other."""
    names = inspect.signature(geometry.sigma_clip).parameters
    return {"thres" if "thres" in names else "thresh": CLIP_SIGMAS}


def _warn_of_few(counts: NDArray[Any]) -> None:
    mean = float(counts[counts >= 0].mean())
    if mean < FEW_PER_PIXEL:
        warnings.warn(
            f"frames: {mean:.2g} counts per pixel are clipped, which moves their mean; leave robust at 'none' below "
            f"{FEW_PER_PIXEL:g}",
            TsctWarning,
            stacklevel=3,
        )


def response_of(geometry: Any, how: Integration, mask: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Solid angle in sr of the pixels of each Q bin, and their mean polarisation factor, each shape (q,)."""
    ones = np.ones(geometry.detector.shape, dtype=np.float32)
    common = how.arguments() | {"mask": _unseen(geometry, how, mask), "correctSolidAngle": True}
    plain = np.asarray(geometry.integrate1d(ones, **common).sum_normalization, dtype=np.float64)
    polarised = np.asarray(
        geometry.integrate1d(ones, **common, polarization_factor=how.polarisation).sum_normalization, dtype=np.float64
    )
    pixel_sr = geometry.pixel1 * geometry.pixel2 / geometry.dist**2
    if not np.all(plain > 0):
        q = how.q[np.argmin(plain)]
        raise InputError(f"integration: no pixel lies in the bin at {q:g} 1/angstrom; change q_min, q_max or q_step")
    return plain * pixel_sr, polarised / plain


def _unseen(geometry: Any, how: Integration, mask: NDArray[Any] | None) -> NDArray[np.bool_]:
    """Pixels that take no part: masked, or outside the bins; pyFAI would round some into the first one."""
    unseen = geometry.detector.mask if mask is None else mask
    q = geometry.array_from_unit(geometry.detector.shape, "center", "q_A^-1")
    outside = (q < how.q[0] - how.q_step / 2) | (q >= how.q[-1] + how.q_step / 2)
    return np.asarray(outside if unseen is None else outside | np.asarray(unseen, dtype=bool))


def scan_of_frames(
    frames: Iterable[NDArray[Any]],
    angles_deg: NDArray[Any],
    translations_mm: NDArray[Any],
    monitor: NDArray[Any],
    geometry: Any,
    how: Integration,
    *,
    mask: NDArray[Any] | None = None,
) -> xr.Dataset:
    """Integrate frames in any order, such as zig-zag, into a scan.

    Parameters
    ----------
    frames : iterable of ndarray, shape (row, column)
        Counts, one after the other.
    angles_deg, translations_mm, monitor : ndarray, shape (frame,)
        Where each was taken, and with how many photons.
    geometry, how, mask
        As :func:`integrate`.

    Returns
    -------
    xarray.Dataset
        Dims (angle, translation, q), like our own scans but without transmission and attributes. Frames that are
        missing hold NaN and a monitor of zero, and count as lost.
    """
    angles, row = _places(angles_deg)
    translations, column = _places(translations_mm)
    shape = (len(angles), len(translations))
    solid_angle, polarization = response_of(geometry, how, mask)
    counts = np.full((*shape, len(how.q)), np.nan, dtype=np.float32)
    variance, photons = counts.copy(), np.zeros(shape)
    for image, i, j, flux in zip(frames, row, column, monitor, strict=True):
        pattern = integrate(image, geometry, how, mask=mask)
        counts[i, j], variance[i, j], photons[i, j] = pattern.counts, pattern.variance, flux
    rays = ("angle", "translation")
    scan = xr.Dataset(
        {
            "intensity": ((*rays, "q"), counts, {"units": "counts"}),
            "monitor": (rays, photons, {"units": "photons"}),
            "solid_angle": ("q", solid_angle, {"units": "sr"}),
            "polarization": ("q", polarization, {"units": "1"}),
        },
        coords={
            "angle": ("angle", angles, {"units": "deg"}),
            "translation": ("translation", translations, {"units": "mm"}),
            "q": ("q", how.q, {"units": "1/angstrom", "long_name": "Q"}),
        },
    )
    if how.robust != "none" or how.splitting != "no":
        scan["variance"] = ((*rays, "q"), variance, {"units": "counts^2"})
    return scan


def _places(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Different places in rising order, and the index of each value."""
    rounded = np.round(np.asarray(values, dtype=np.float64) / SAME) * SAME
    places, index = np.unique(rounded, return_inverse=True)
    return places, index


def is_frames(path: Path) -> bool:
    """Whether a file holds detector images and their geometry, as `tsct frames` writes them."""
    with opened(path) as handle:
        try:
            stack = member(handle, "/entry/instrument/detector/data")
            member(handle, "/entry/instrument/detector/poni")
        except InputError:
            return False
        return isinstance(stack, h5py.Dataset) and stack.ndim == 3


def read_frames(path: str | Path, how: Integration | None = None) -> xr.Dataset:
    """Integrate the frames of a NeXus file into a scan; see docs/files.md for the layout.

    Parameters
    ----------
    path : str or pathlib.Path
        Holds ``instrument/detector`` with ``data`` (frame, row, column), ``poni`` and ``pixel_mask``,
        ``sample/rotation_angle`` and ``x_translation``, and ``control/data``.
    how : Integration, optional
        By default steps of 0.02 1/angstrom over all that the detector sees.

    Raises
    ------
    InputError
        If something is missing.
    UsageError
        If pyFAI is not installed.

    Warns
    -----
    TsctWarning
        If there is no transmission, or the detector is tilted.
    """
    path = Path(path)
    with (open_complete if is_ours(path) else opened)(path) as handle:
        detector = "/entry/instrument/detector"
        stack = member(handle, f"{detector}/data")
        check_dataset(stack)
        if stack.ndim != 3 or stack.dtype.kind not in "biuf":
            raise InputError(
                f"{path}: {detector}/data has shape {stack.shape}; it takes (frame, row, column) of counts"
            )
        geometry = _geometry(str(values(member(handle, f"{detector}/poni"))))
        mask = _numbers(handle, f"{detector}/pixel_mask", stack.shape[1:]).astype(bool)
        if tuple(geometry.detector.shape or ()) != mask.shape:
            raise InputError(f"{path}: images of {mask.shape} pixels, but the geometry has {geometry.detector.shape}")
        how = how or _whole_range(geometry, mask)
        angles, places, monitor = (
            _numbers(handle, f"/entry/{name}", stack.shape[:1])
            for name in ("sample/rotation_angle", "sample/x_translation", "control/data")
        )
        attrs = entry_attrs(member(handle, "/entry"))
        images = (part(stack, i) for i in range(stack.shape[0]))
        scan = scan_of_frames(images, angles, places, monitor, geometry, how, mask=mask)
        through = _transmission(handle, scan, angles, places)
    if through is None:
        warnings.warn(f"{path}: holds no transmission; absorption is not corrected", TsctWarning, stacklevel=2)
        attrs["transmission_applied"], through = True, np.ones(scan.monitor.shape)
    scan["transmission"] = (("angle", "translation"), through, {"units": "1"})
    coords = {"state": 0, "slice": 0, "potential_v": ((), np.nan, {"units": "V"}), "z_mm": ((), 0.0, {"units": "mm"})}
    return scan.assign_attrs(attrs).assign_coords(coords)


def _numbers(handle: h5py.File, place: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Numbers of the shape that they must have; a single one stands for itself."""
    numbers = np.asarray(values(member(handle, place)))
    numbers = numbers.reshape(shape) if numbers.size == 1 == np.prod(shape) else numbers
    if numbers.shape != shape or numbers.dtype.kind not in "biuf":
        raise InputError(
            f"{handle.filename}: {place} holds {numbers.dtype} of shape {numbers.shape}, not {shape} numbers"
        )
    if not np.all(np.isfinite(numbers)):
        raise InputError(f"{handle.filename}: {place} holds numbers that are not finite")
    return numbers


def _transmission(
    handle: h5py.File, scan: xr.Dataset, angles: NDArray[Any], places: NDArray[Any]
) -> NDArray[Any] | None:
    if "transmission" not in names_of(member(handle, "/entry")):
        return None
    each = _numbers(handle, "/entry/transmission/data", angles.shape)
    through = np.ones(scan.monitor.shape)
    through[_places(angles)[1], _places(places)[1]] = each
    return through


def _geometry(poni: str) -> Any:
    """pyFAI's integrator from the text of a geometry file."""
    try:
        import pyFAI
    except ImportError:
        raise UsageError("frames need pyFAI: pip install 'tsct[frames]'") from None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "geometry.poni"
        path.write_text(poni, encoding="utf-8")
        _check_poni(poni)
        try:
            geometry = pyFAI.load(str(path))
        except Exception as error:
            # whatever pyFAI's own reader stumbles over
            raise InputError(f"frames: the geometry (poni) cannot be used ({error})") from None
    tilt = float(np.degrees(np.hypot(geometry.rot1, geometry.rot2)))
    if tilt > PERPENDICULAR_DEG:
        warnings.warn(
            f"frames: the detector is tilted by {tilt:.1f} degrees; the sensor's efficiency is taken as for none",
            TsctWarning,
            stacklevel=3,
        )
    return geometry


def _check_poni(poni: str) -> None:
    """Refuse a geometry that may name files, which pyFAI would open: a detector by its path, a spline, a pixel map."""
    for line in re.split(r"[\r\n]+", poni):
        key, _, value = (word.strip() for word in line.partition(":"))
        if key.lower() == "detector" and (not re.fullmatch(r"[\w .+-]+", value) or Path(value).exists()):
            raise InputError(f"frames: the geometry (poni) names a detector '{value}', which is a path")
        if key.lower() == "splinefile" and value.lower() != "none":
            raise InputError("frames: the geometry (poni) names a file of splines; give pixels instead")
        if key.lower() == "detector_config":
            _check_detector(value)


def _check_detector(config: str) -> None:
    try:
        names = set(json.loads(config))
    except (ValueError, TypeError, RecursionError):
        raise InputError("frames: the geometry (poni) has a Detector_config that is not JSON") from None
    if unknown := names - DETECTOR_KEYS:
        raise InputError(
            f"frames: the geometry (poni) describes its detector by {', '.join(sorted(unknown))}; it may only by "
            f"{', '.join(sorted(DETECTOR_KEYS))}"
        )


def _whole_range(geometry: Any, mask: NDArray[Any]) -> Integration:
    q = np.asarray(geometry.array_from_unit(geometry.detector.shape, "center", "q_A^-1"))[~mask]
    step = 0.02
    # a bin at either end that is seen in part only would count too little
    first, last = np.ceil(q.min() / step + 1), np.floor(q.max() / step - 1)
    return Integration(q_min=float(first * step), q_max=float(last * step), q_step=step)
