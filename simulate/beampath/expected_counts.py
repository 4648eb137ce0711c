"""Expected counts of each Q bin: spectra seen through the beamline as it is, binned as the experimenter believes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from tsct.records.units import q_inv_angstrom
from tsct.simulate.beamline.beamline import Beamline
from tsct.simulate.beamline.response import Response, detector_response

from .sinogram import Lines, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Counts per incident photon, for every row of :class:`tsct.simulate.beampath.sinogram.Lines`.

    Attributes
    ----------
    paths : ndarray, shape (row, q)
        For a unit of `Lines.paths`.
    moments : ndarray, shape (row, q)
        For a unit of `Lines.moments`: the change of a pattern with the distance downstream.
    twice : ndarray, shape (q,)
        For one photon scattered twice.
    """

    paths: NDArray[np.float64]
    moments: NDArray[np.float64]
    twice: NDArray[np.float64]

    def counts(self, lines: Lines, view: int) -> NDArray[np.float64]:
        """Expected counts per incident photon of one view, shape (translation, q)."""
        once = lines.paths[view] @ self.paths
        if lines.moments[view].any():
            once += lines.moments[view] @ self.moments
        once *= lines.factors[view] @ lines.basis
        return once + np.outer(lines.twice[view], self.twice)


def rates(beamline: Beamline, rows: tuple[Row, ...]) -> Rates:
    """Counts per incident photon of everything that scatters."""
    true = beamline.as_it_is
    answer = detector_response(true)
    intensity = _intensity(answer, rows)
    if beamline.faults.q_blur:
        intensity = intensity @ _blur(beamline.scan.q, beamline.faults.q_blur).T
    moments = parallax_change(intensity, true)
    solid_angle = answer.solid_angle
    faults = beamline.faults
    if faults.energy_error or faults.distance_error_mm or faults.sensor_parallax:
        q_true, share = _true_q(beamline)
        solid_angle = detector_response(beamline).solid_angle * share
        intensity, moments = (CubicSpline(beamline.scan.q, rows, axis=1)(q_true) for rows in (intensity, moments))
    # photons scattered twice leave in any direction alike
    efficiency = true.detector.efficiency(true.energy_kev, true.two_theta)
    return Rates(
        paths=intensity * solid_angle,
        moments=moments * solid_angle,
        twice=solid_angle * efficiency / (4 * np.pi),
    )


def _intensity(answer: Response, rows: tuple[Row, ...]) -> NDArray[np.float64]:
    """Counts per incident photon, unit path and steradian, shape (row, q)."""
    coherent = np.stack([row.spectra.coherent + row.second_shell_loss * row.spectra.second_shell for row in rows])
    compton = np.stack([row.spectra.compton for row in rows])
    per_sr = 1 / np.maximum(answer.solid_angle, 1e-30)
    return coherent * (answer.coherent * per_sr) + compton * (answer.compton * per_sr)


def _blur(q: NDArray[Any], sigma: float) -> NDArray[np.float64]:
    """Matrix (q, q) that blurs a pattern with a Gaussian; rows add up to one."""
    weights = np.exp(-0.5 * ((q[:, None] - q) / sigma) ** 2)
    return weights / weights.sum(axis=1, keepdims=True)


def parallax_change(intensity: NDArray[Any], beamline: Beamline) -> NDArray[np.float64]:
    """Change of a pattern per mm downstream of the rotation axis, to first order.

    A photon scattered at a distance s downstream, D - s from the detector, meets it at r = (D - s) tan(2 theta), which
    the experimenter takes for a smaller angle: d(2 theta) = s sin(2 theta) cos(2 theta) / D. The solid angle of a bin
    changes by (3 cos^2(2 theta) - 1) s / D.
    """
    q, two_theta = beamline.scan.q, beamline.two_theta
    per_angle = 2 * np.pi / beamline.wavelength * np.cos(two_theta / 2)
    moved = per_angle * np.sin(two_theta) * np.cos(two_theta) * np.gradient(intensity, q, axis=1)
    return (moved + (3 * np.cos(two_theta) ** 2 - 1) * intensity) / beamline.distance_mm


def _true_q(beamline: Beamline) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True Q in the bins that the stated energy and distance name, and their true over their stated solid angle.

    Photons are counted where they are absorbed: as if the detector stood behind its face by the mean depth.
    """
    true = beamline.as_it_is
    depth = beamline.faults.sensor_parallax * true.detector.depth_mm(true.energy_kev, true.two_theta)
    distance = true.distance_mm + depth
    radius = beamline.distance_mm * np.tan(beamline.two_theta)
    q = q_inv_angstrom(np.arctan2(radius, distance), true.wavelength)
    near, far = np.hypot(radius, beamline.distance_mm), np.hypot(radius, distance)
    return q, distance / beamline.distance_mm * (near / far) ** 3
