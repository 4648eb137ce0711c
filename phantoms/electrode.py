"""The porous electrode: how much of each solid it holds, and how it is spread."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from tsct.records.errors import InputError
from tsct.records.seeds import generator

#: pixels of the random field of grains per grain
GRAIN_PIXELS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Texture:
    """How the electrode's solids are spread; every number is a relative change of the volume fraction.

    Parameters
    ----------
    silicon_radial : float
        By how much the centre is richer in silicon than the rim.
    ring, ring_period_mm : float
        Amplitude and period of rings in silicon, in antiphase in carbon.
    silicon_per_slice, slice_pitch_mm : float
        By how much each slice, so far above the one below, is richer in silicon.
    granularity, grain_mm : float
        Standard deviation and correlation length of random changes.
    star, star_spokes : float, int
        Adds to silicon a sinusoidal star of so many spokes, a resolution phantom: its period shrinks towards the axis
        and passes two voxels of 0.130 mm at 1 mm.
    """

    silicon_radial: float = 0.25
    ring: float = 0.12
    ring_period_mm: float = 0.9
    silicon_per_slice: float = 0.10
    slice_pitch_mm: float = 0.032
    granularity: float = 0.03
    grain_mm: float = 0.130
    star: float = 0.0
    star_spokes: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Electrode:
    """Mean volume fractions of the solids in the pristine electrode; electrolyte fills the rest.

    The defaults hold equal masses of silicon and sp2 carbon at 45 % porosity. Wragg et al. state 20 wt% carbon black,
    but the peaks that they list (1.45, 2.40, 3.80 and 4.20 A) need about as much sp2 carbon as silicon in the beam.

    Parameters
    ----------
    silicon, carbon_black, binder : float
        Volume fractions.
    """

    silicon: float = 0.22
    carbon_black: float = 0.272
    binder: float = 0.06

    def __post_init__(self) -> None:
        if min(self.silicon, self.carbon_black, self.binder) < 0 or self.solids > 0.95:
            raise InputError(f"electrode: {self}; no fraction may be negative and their sum may not exceed 0.95")

    @property
    def solids(self) -> float:
        """Share of the volume that is not electrolyte."""
        return self.silicon + self.carbon_black + self.binder


def electrode_fractions(
    electrode: Electrode,
    texture: Texture,
    x: NDArray,
    y: NDArray,
    *,
    radius_mm: float,
    above_middle_mm: float,
    grains: Callable[[str], NDArray[np.float64]],
) -> tuple[NDArray, NDArray, NDArray]:
    """Volume fractions of silicon, carbon black and binder in the pristine electrode, shape (y, x) each.

    Parameters
    ----------
    electrode, texture
        See the classes.
    x, y : ndarray, shape (y, x)
        Centres of the pixels, mm.
    radius_mm : float
        Of the electrode.
    above_middle_mm : float
        Height above the middle of the electrode.
    grains : callable
        The granularity of a solid by its name: a random field of unit variance, shape (y, x).
    """
    rho = np.hypot(x, y)
    t = texture
    ring = t.ring * np.cos(2 * np.pi * rho / t.ring_period_mm)
    towards_separator = t.silicon_per_slice * above_middle_mm / t.slice_pitch_mm
    star = t.star * np.cos(t.star_spokes * np.arctan2(y, x))
    silicon = (1 + t.silicon_radial * (1 - 2 * (rho / radius_mm) ** 2) + ring + star) * (1 + towards_separator)
    carbon = 1 - ring
    granularity = [1 + t.granularity * grains(name) for name in ("silicon", "carbon")]
    return (
        electrode.silicon * np.clip(silicon * granularity[0], 0, None),
        electrode.carbon_black * np.clip(carbon * granularity[1], 0, None),
        np.full_like(rho, electrode.binder),
    )


def grain_field(
    x: NDArray, y: NDArray, grain_mm: float, diameter_mm: float, seed: int, *task: str | int
) -> NDArray[np.float64]:
    """Unit-variance random field with the grain size as its correlation length, whatever the pixels; shape (y, x).

    Parameters
    ----------
    x, y : ndarray, shape (y, x)
        Where it is looked up, mm.
    grain_mm, diameter_mm : float
        Size of a grain, and how far the field reaches.
    seed, task
        See :func:`tsct.records.seeds.generator`.
    """
    pixel = grain_mm / GRAIN_PIXELS
    side = int(np.ceil(diameter_mm / pixel)) + 2 * GRAIN_PIXELS
    white = generator(seed, *task).standard_normal((side, side))
    smooth = scipy.ndimage.gaussian_filter(white, GRAIN_PIXELS / 2, mode="wrap")
    places = np.stack([y, x]) / pixel + (side - 1) / 2
    return scipy.ndimage.map_coordinates(smooth / smooth.std(), places, order=1, mode="nearest")
