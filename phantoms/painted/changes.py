"""What changes from one state of a sample to the next.

A change follows a curve over the axis of the states and has a shape in space; both are numbers between nothing and all.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tsct.phantoms.states import States
from tsct.records.errors import InputError, UsageError

Array = NDArray[np.float64]

#: a front or the surface of a core is spread over this share of the radius
FRONT_WIDTH = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that happens to one phase along the states.

    Parameters
    ----------
    phase : str
        What changes.
    kind : {"conversion", "series", "strain", "growth"}
        ``conversion``: the curve's share of the volume of `phase` turns into `into`, whose volume is `volume_ratio`
        times as large.
        ``series``: the structure follows the members of the phase's series to the curve's coordinate (such as Li per
        Si), linear between members; host atoms are kept, and each guest atom takes up `guest_volume_a3`.
        ``strain``: lengths grow by the curve (0.01: one per cent), and the number of atoms stays.
        ``growth``: the volume fraction is multiplied by one plus the curve.
    curve : sequence of (axis value, amount), or str
        Corners of a piecewise-linear curve, constant beyond its ends, or a file of two columns.
    into : str, optional
        The product of a conversion.
    displaces : str, optional
        Phase that gives way to what grows; nothing (air) if omitted.
    volume_ratio, guest_volume_a3 : float
        See `kind`.
    where : {"uniform", "rim", "front", "core"}
        ``rim``: in proportion to the squared distance from the axis, with the mean over the disc kept.
        ``front``: complete outside a radius that moves inwards as the curve rises (a reaction front).
        ``core``: likewise in every slice with a smoother edge: a core that shrinks.
    radius_mm : float
        Of the disc that `where` refers to.
    """

    phase: str
    kind: Literal["conversion", "series", "strain", "growth"]
    curve: tuple[tuple[float, float], ...] | str
    into: str | None = None
    displaces: str | None = None
    volume_ratio: float = 1.0
    guest_volume_a3: float = 0.0
    where: Literal["uniform", "rim", "front", "core"] = "uniform"
    radius_mm: float = 1.0

    def __post_init__(self) -> None:
        what = f"sample.change of '{self.phase}'"
        if (self.kind == "conversion") != (self.into is not None):
            raise UsageError(f"{what}: into belongs to a conversion, and a conversion needs it")
        if self.kind == "strain" and self.where != "uniform":
            raise UsageError(f"{what}: a strain is uniform; give the phase two names to strain parts of it differently")
        if not (self.volume_ratio > 0 and self.guest_volume_a3 >= 0 and self.radius_mm > 0):
            raise InputError(f"{what}: volume_ratio and radius_mm must be positive, guest_volume_a3 not negative")
        if not isinstance(self.curve, str):
            _corners(self.curve, what)

    def amounts(self, states: States) -> Array:
        """The curve at every state, shape (state,)."""
        what = f"sample.change of '{self.phase}'"
        corners = _read_curve(self.curve, what) if isinstance(self.curve, str) else _corners(self.curve, what)
        at, amount = corners[np.argsort(corners[:, 0], kind="stable")].T
        reached = np.interp(states.values, at, amount)
        low, high = {"conversion": (0.0, 1.0), "series": (0.0, np.inf), "strain": (-0.2, 0.2), "growth": (-1.0, 10.0)}[
            self.kind
        ]
        if reached.min() < low or reached.max() > high:
            raise InputError(
                f"{what}: the curve runs from {reached.min():g} to {reached.max():g}; a {self.kind} has {low:g} to "
                f"{high:g}"
            )
        return reached

    def spread(self, amount: float, x: Array, y: Array) -> Array:
        """The amount at points of a slice (mm), shape of `x`, whose mean over the disc is `amount`."""
        if self.where == "uniform":
            return np.full_like(x, amount)
        profile = np.minimum((np.hypot(x, y) / self.radius_mm) ** 2, 1.0)
        if self.where == "rim":
            return 2 * amount * profile
        # the share of the disc outside a radius is one minus its square
        share, width = np.clip(amount, 0, 1), FRONT_WIDTH if self.where == "front" else 4 * FRONT_WIDTH
        return np.clip((np.sqrt(profile) - np.sqrt(1 - share)) / width + 0.5, 0, 1) if share else np.zeros_like(x)


def _corners(curve: object, what: str) -> Array:
    corners = np.asarray(curve, dtype=float)
    if corners.ndim != 2 or corners.shape[1] != 2 or not np.all(np.isfinite(corners)):
        raise InputError(f"{what}: a curve is a list of [axis value, amount] pairs of finite numbers")
    return corners


def _read_curve(file: str, what: str) -> Array:
    path = Path(file)
    try:
        return _corners(np.loadtxt(path, ndmin=2), f"{what}, {path}")
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{what}: {path} is no file of two columns ({error})") from None
