"""How one image has to be flipped, turned, magnified, moved and scaled to be another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.optimize import least_squares

Image = NDArray[np.float64]

#: step of the search over rotations, degrees
STEP_DEG = 3.0
#: by how much the likelihood must rise (its logarithm) before something less simple is believed
LEAST_GAIN = 10.0
#: both images are smoothed by so many voxels (standard deviation): noise, blur and interpolation then count less
SMOOTH = 0.7
#: so that a voxel is this share of an independent number
INDEPENDENT = 1 / (4 * np.pi * SMOOTH**2)
#: parameters of a fit, and which of them belong together
GROUPS = ((0,), (1,), (2, 3), (4,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What makes a found image the true one, in this order: flip, turn, magnify, move; and the level between them.

    Attributes
    ----------
    flipped : bool
        Along x, before all else.
    turn_deg : float
        About the middle, from x towards y.
    magnification : float
        Factor on lengths.
    move : (float, float)
        Along x and y, in voxels.
    level : float
        Found over true values.
    misfit_before, misfit : float
        Root mean square of found less true values over that of the true ones, of both smoothed, as they were and after
        the fit.
    """

    flipped: bool
    turn_deg: float
    magnification: float
    move: tuple[float, float]
    level: float
    misfit_before: float
    misfit: float


def register(found: Image, true: Image) -> Registration:
    """Fit a found image by a true one, over all flips, rotations, magnifications, shifts and levels.

    Orientations are searched by cross-correlation (every flip, every :data:`STEP_DEG`), the simplest that explains the
    image is refined by least squares. What does not raise the likelihood clearly is left out: a turn of no degrees, a
    magnification and a level of one, no move.

    Parameters
    ----------
    found, true : ndarray, shape (n, n)
        Finite; the object ends within the image.
    """
    found, true = (gaussian_filter(image, SMOOTH) for image in (found, true))
    flipped, turn, move = _orientation(found, true)
    norm = float(np.linalg.norm(true))

    def left(p: Image) -> Image:
        return ((np.exp(p[4]) * _sampled(true, flipped, p[0], np.exp(p[1]), p[2:4]) - found) / norm).ravel()

    there = _sampled(true, flipped, np.radians(turn), 1.0, move)
    level = max(float(np.vdot(found, there) / np.vdot(there, there)), 1e-6)
    neutral = np.array([np.radians(90 * round(turn / 90)), 0.0, 0.0, 0.0, 0.0])
    free, start = list(GROUPS), np.array([np.radians(turn), 0.0, *move, np.log(level)])
    best = _minimised(left, start, neutral, free)
    for group in GROUPS:
        simpler = _minimised(left, best, neutral, [one for one in free if one != group])
        if np.sum(left(simpler) ** 2) < _clearly_more(true) * np.sum(left(best) ** 2):
            best, free = simpler, [one for one in free if one != group]
    return Registration(
        flipped=flipped,
        turn_deg=float((np.degrees(best[0]) + 180) % 360 - 180),
        magnification=float(np.exp(best[1])),
        move=(float(best[2]), float(best[3])),
        level=float(np.exp(best[4])),
        misfit_before=float(np.linalg.norm(found - true)) / norm,
        misfit=float(np.linalg.norm(left(best))),
    )


def _minimised(
    left: Callable[[Image], Image], start: Image, neutral: Image, free: Sequence[tuple[int, ...]]
) -> NDArray[np.float64]:
    """Parameters that leave least, those that are not free being neutral."""
    chosen = [k for group in free for k in group]
    if not chosen:
        return neutral

    def whole(part: Image) -> Image:
        values = neutral.copy()
        values[chosen] = part
        return values

    scale = np.array([0.01, 0.01, 0.1, 0.1, 0.1])[chosen]
    return whole(least_squares(lambda part: left(whole(part)), start[chosen], x_scale=scale).x)


def _clearly_more(true: Image) -> float:
    """Factor on the sum of squares by which a simpler fit is clearly worse: exp(2 gain / n) for n numbers."""
    number = INDEPENDENT * np.count_nonzero(true > 0.05 * true.max())
    return float(np.exp(2 * LEAST_GAIN / number))


def _sampled(true: Image, flipped: bool, turn: float, magnification: float, move: NDArray[np.float64]) -> Image:
    """The true image at the places where the voxels of the found one belong."""
    middle = (len(true) - 1) / 2
    y, x = np.indices(true.shape) - middle
    x = -x if flipped else x
    cos, sin = magnification * np.cos(turn), magnification * np.sin(turn)
    places = [sin * x + cos * y + move[1] + middle, cos * x - sin * y + move[0] + middle]
    return map_coordinates(true, places, order=3, mode="nearest")


def _orientation(found: Image, true: Image) -> tuple[bool, float, NDArray[np.float64]]:
    """Flip, turn in degrees and move of the simplest orientation that explains nearly as much as the best one."""
    spectrum = np.fft.rfft2(found - found.mean())
    norm = float(np.linalg.norm(found - found.mean()))
    tried = []
    for flipped, turn in _orientations():
        image = _sampled(true, flipped, np.radians(turn), 1.0, np.zeros(2))
        image = image - image.mean()
        cross = np.fft.irfft2(spectrum.conj() * np.fft.rfft2(image), s=found.shape)
        peak = np.unravel_index(np.argmax(cross), cross.shape)
        share = float(cross[peak] / (norm * np.linalg.norm(image)))
        tried.append((1 - max(share, 0.0) ** 2, flipped, turn, peak))
    least = min(one[0] for one in tried)
    _, flipped, turn, peak = next(one for one in tried if one[0] <= _clearly_more(true) * least)
    rows, columns = ((at + size // 2) % size - size // 2 for at, size in zip(peak, found.shape, strict=True))
    # the image lies ahead of the found one by so much in the frame of the found voxels
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    across = -columns if flipped else columns
    return flipped, turn, np.array([cos * across - sin * rows, sin * across + cos * rows], dtype=np.float64)


def _orientations() -> Iterator[tuple[bool, float]]:
    """Every flip and turn, the simplest first: as it is, flips along x and y, quarter turns, any turn."""
    first = ((False, 0.0), (True, 0.0), (True, 180.0), (False, 180.0))
    quarters = tuple((flipped, turn) for flipped in (False, True) for turn in (90.0, 270.0))
    yield from (*first, *quarters)
    for flipped in (False, True):
        for turn in np.arange(0.0, 360.0, STEP_DEG):
            if turn % 90:
                yield flipped, float(turn)
