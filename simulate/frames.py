"""Detector frames: the images behind an integrated pattern, pixel by pixel through pyFAI's geometry.

The pattern of a frame is that of :mod:`tsct.simulate.beampath.expected_counts`, per steradian and without polarisation,
laid out over the detector by pyFAI, which also gives each pixel its solid angle and its own polarisation. Every fault
that moves or changes a pattern is in it, and the faults of single pixels act on the pixels themselves. Integrated with
the stated geometry, frames agree with the scan within counting noise.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from tsct.phantoms import Sample
from tsct.records.errors import InputError, UsageError
from tsct.records.seeds import generator
from tsct.records.units import photon_energy_ratio, two_theta_rad
from tsct.simulate.beamline.beamline import Beamline
from tsct.simulate.beamline.motion import motion
from tsct.simulate.beamline.pixel_faults import pixel_channels, pixel_response
from tsct.simulate.beamline.response import detector_response
from tsct.simulate.beampath.expected_counts import rates
from tsct.simulate.beampath.phase_spectra import Spectra
from tsct.simulate.beampath.sinogram import Lines, Row, expected_lines

from .scan import patterns

#: value of pixels that do not count: gaps, and places beyond the Q range of the scan (the convention of PILATUS files)
MASKED = -1
#: points on which a pattern is handed to pyFAI per Q bin
FINER = 8
#: detector of which pyFAI has its own description
PYFAI_NAME = "Pilatus_CdTe_2M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One image and what the beamline writes beside it.

    Attributes
    ----------
    view, translation : int
        Which ray of the scan.
    counts : ndarray of int32, shape (row, column)
        Photons counted; -1 where nothing is.
    monitor : float
        Incident photons.
    """

    view: int
    translation: int
    counts: NDArray[np.int32]
    monitor: float


def integrator(beamline: Beamline) -> Any:
    """pyFAI's azimuthal integrator for the stated geometry.

    Raises
    ------
    UsageError
        If pyFAI is not installed.
    """
    try:
        from pyFAI import detector_factory
        from pyFAI.detectors import Detector
        from pyFAI.integrator.azimuthal import AzimuthalIntegrator
    except ImportError:
        raise UsageError("frames need pyFAI: pip install 'tsct[frames]'") from None
    ours = beamline.detector
    theirs = detector_factory(PYFAI_NAME)
    if theirs.shape != ours.shape or not np.array_equal(theirs.mask, ours.mask):
        pixel = 1e-3 * ours.pixel_mm
        theirs = Detector(pixel, pixel, max_shape=ours.shape, orientation=3)
        theirs.mask = ours.mask.astype(np.int8)
    across, up = (1e-3 * place for place in ours.beam_mm)
    geometry = {"dist": 1e-3 * beamline.distance_mm, "poni1": up, "poni2": across}
    return AzimuthalIntegrator(**geometry, detector=theirs, wavelength=1e-10 * beamline.wavelength)


def frames(
    phantom: Sample,
    beamline: Beamline,
    table: Mapping[str, Spectra],
    seed: int,
    state: int,
    slice_index: int,
    rays: Sequence[tuple[int, int]],
) -> Iterator[Frame]:
    """Images of some rays of one tomogram, one at a time.

    Parameters
    ----------
    phantom, beamline, table, seed, state, slice_index
        As for :func:`tsct.simulate.scan.simulate_tile`; gains, motions and lost frames are those of the scan with the
        same seed, counting noise is drawn pixel by pixel.
    rays : sequence of (view, translation)
        Which frames.

    Raises
    ------
    InputError
        If a ray is not part of the scan.
    UsageError
        If pyFAI is not installed.
    """
    check_rays(beamline, rays)
    moves = motion(beamline, seed, state, slice_index)
    lines = expected_lines(phantom, beamline, table, moves, state, slice_index)
    photons = beamline.photons_per_frame * moves.flux * moves.recorded
    noise = generator(seed, "monitor", state, slice_index).standard_normal(photons.shape)
    monitor = photons * (1 + beamline.faults.monitor_noise * noise)
    expected = _Patterns.of(beamline, lines)
    image = _Image(beamline, seed)
    translation_gain, channel_gain = patterns(beamline, seed, state)
    for view, translation in rays:
        polarised, plain = expected.per_steradian(view, translation)
        flux = photons[view, translation] * translation_gain[translation] * channel_gain
        rng = generator(seed, "frame", state, slice_index, view, translation)
        counts = image.drawn(flux * polarised, flux * plain, rng, recorded=bool(moves.recorded[view, translation]))
        yield Frame(view=view, translation=translation, counts=counts, monitor=float(monitor[view, translation]))


def check_rays(beamline: Beamline, rays: Sequence[tuple[int, int]]) -> None:
    """Refuse rays that the scan does not have."""
    views, translations = beamline.scan.views, beamline.scan.translations
    for view, translation in rays:
        if not (0 <= view < views and 0 <= translation < translations):
            raise InputError(
                f"no frame at view {view}, translation {translation}; the scan has views 0 to {views - 1} and "
                f"translations 0 to {translations - 1}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patterns:
    """Counts per incident photon by what polarisation does to them: Thomson's, Klein and Nishina's, none."""

    beamline: Beamline
    coherent: NDArray[np.float64]
    compton: NDArray[np.float64]
    twice: NDArray[np.float64]

    @classmethod
    def of(cls, beamline: Beamline, lines: Lines) -> "_Patterns":
        """Patterns of every ray, shape (angle, translation, q)."""
        once = replace(lines, twice=np.zeros_like(lines.twice))
        nothing = np.zeros_like(lines.paths)
        twice = replace(lines, paths=nothing, moments=nothing)
        return cls(
            beamline=beamline,
            coherent=_counts(beamline, once, tuple(_without(row, "compton") for row in lines.rows)),
            compton=_counts(beamline, once, tuple(_without(row, "coherent", "second_shell") for row in lines.rows)),
            twice=_counts(beamline, twice, lines.rows),
        )

    def per_steradian(self, view: int, translation: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Counts per photon and steradian that polarisation still has to multiply, and that it has not.

        The cross section of Klein and Nishina is ``R^2 (g + P)`` with ``g = (R + 1/R - 2) / 2`` and Thomson's P.
        """
        answer = detector_response(self.beamline)
        per_sr = 1 / np.maximum(answer.solid_angle, 1e-30)
        recoil = photon_energy_ratio(self.beamline.two_theta, self.beamline.energy_kev)
        extra = (recoil + 1 / recoil - 2) / 2
        ray = view, translation
        compton = self.compton[ray] * per_sr / (extra + answer.polarization)
        polarised = self.coherent[ray] * per_sr / answer.polarization + compton
        return polarised, compton * extra + self.twice[ray] * per_sr


def _without(row: Row, *names: str) -> Row:
    spectra = replace(row.spectra, **{name: np.zeros_like(getattr(row.spectra, name)) for name in names})
    return replace(row, spectra=spectra)


def _counts(beamline: Beamline, lines: Lines, rows: tuple[Row, ...]) -> NDArray[np.float64]:
    expected = rates(beamline, rows)
    return np.stack([expected.counts(lines, view) for view in range(len(lines.paths))])


class _Image:
    """Pixels of the detector, and how a pattern falls on them."""

    def __init__(self, beamline: Beamline, seed: int) -> None:
        self._beamline = beamline
        self._integrator = integrator(beamline)
        self._unseen = pixel_channels(beamline) < 0
        self._gain, dark = pixel_response(beamline, seed)
        self._dark = dark * beamline.exposure_s

    def drawn(
        self, polarised: NDArray[Any], plain: NDArray[Any], rng: np.random.Generator, *, recorded: bool
    ) -> NDArray[np.int32]:
        """Photons counted by each pixel, for photons per steradian in each Q bin."""
        pixel_sr = (self._beamline.detector.pixel_mm / self._beamline.distance_mm) ** 2
        mean = self._laid_out(polarised, self._beamline.polarisation) + self._laid_out(plain, None)
        mean = np.maximum(mean * pixel_sr, 0.0) * self._gain + self._dark * recorded
        counts = rng.poisson(mean).astype(np.int32)
        self._strike(counts, rng)
        counts[self._unseen] = MASKED
        return counts

    def _laid_out(self, pattern: NDArray[Any], polarisation: float | None) -> NDArray[np.float64]:
        beamline, q, half = self._beamline, self._beamline.scan.q, self._beamline.scan.q_step / 2
        # pyFAI interpolates linearly and holds the ends; pixels lie in the outer halves of the first and last bin, too
        fine = np.linspace(q[0] - half, q[-1] + half, FINER * len(q) + 1)
        image = self._integrator.calcfrom1d(
            np.degrees(two_theta_rad(fine, beamline.wavelength)),
            CubicSpline(q, pattern)(fine),
            shape=beamline.detector.shape,
            mask=self._unseen,
            dim1_unit="2th_deg",
            correctSolidAngle=True,
            polarization_factor=polarisation,
        )
        return np.asarray(image, dtype=float)

    def _strike(self, counts: NDArray[np.int32], rng: np.random.Generator) -> None:
        """Zingers: as many in a frame as in the readings of its Q bins."""
        faults = self._beamline.faults
        number = rng.poisson(faults.zingers * len(self._beamline.scan.q))
        places = rng.integers(0, counts.size, number)
        counts.ravel()[places] += rng.poisson(rng.exponential(faults.zinger_counts, number)).astype(np.int32)
