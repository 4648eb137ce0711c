"""How a phase is spread inside a solid: relative changes of its volume fraction with mean about one."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from tsct.records.errors import InputError
from tsct.records.seeds import generator

Array = NDArray[np.float64]

#: pixels of the random field of grains per grain
GRAIN_PIXELS = 4
#: grains from the axis to the edge of a random field
MOST_GRAINS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Texture:
    """One relative change of one phase.

    Parameters
    ----------
    phase : str
        Which phase of the fill; every phase if empty.
    kind : {"radial", "rings", "gradient", "slices", "grains", "star"}
        ``radial``: richer on the axis by `amplitude`, poorer at `radius_mm` by as much.
        ``rings``: ``1 + amplitude cos(2 pi rho / period_mm)``.
        ``gradient``: by `amplitude` per `radius_mm` along `direction_deg`.
        ``slices``: by `amplitude` per `period_mm` of height.
        ``grains``: a random field with standard deviation `amplitude` and correlation length `period_mm`, which repeats
        beyond `radius_mm`.
        ``star``: ``1 + amplitude cos(spokes theta)``.
    amplitude : float
        Relative; negative for the opposite.
    radius_mm, period_mm : float
        Lengths of the kinds above.
    direction_deg : float
        Of a gradient, from x towards y.
    spokes : int
        Of a star.
    seed : int
        Of the random field of grains.
    """

    phase: str = ""
    kind: Literal["radial", "rings", "gradient", "slices", "grains", "star"]
    amplitude: float
    radius_mm: float = 1.0
    period_mm: float = 0.5
    direction_deg: float = 0.0
    spokes: int = 24
    seed: int = 0

    def __post_init__(self) -> None:
        if not abs(self.amplitude) <= 1:
            raise InputError(f"texture '{self.kind}': amplitude is {self.amplitude}; allowed are -1 to 1")
        if self.kind == "grains" and self.radius_mm > MOST_GRAINS * self.period_mm:
            raise InputError(f"texture 'grains': radius_mm holds more than {MOST_GRAINS} grains of period_mm")
        if not (0 < self.radius_mm < np.inf and 0 < self.period_mm < np.inf and self.spokes > 0):
            raise InputError(f"texture '{self.kind}': radius_mm, period_mm and spokes must be positive")

    def factor(self, x: Array, y: Array, z_mm: float) -> Array:
        """Relative amount at points of one height (mm), shape of `x`, never negative."""
        change = {
            "radial": lambda: 1 - 2 * (np.hypot(x, y) / self.radius_mm) ** 2,
            "rings": lambda: np.cos(2 * np.pi * np.hypot(x, y) / self.period_mm),
            "gradient": lambda: (x * np.cos(self._turn) + y * np.sin(self._turn)) / self.radius_mm,
            "slices": lambda: np.full_like(x, z_mm / self.period_mm),
            "grains": lambda: self._grains(x, y, z_mm),
            "star": lambda: np.cos(self.spokes * np.arctan2(y, x)),
        }[self.kind]()
        return np.clip(1 + self.amplitude * change, 0.0, None)

    @property
    def _turn(self) -> float:
        return float(np.radians(self.direction_deg))

    def _grains(self, x: Array, y: Array, z_mm: float) -> Array:
        """Unit-variance random field, the same at all heights within one grain; it repeats beyond `radius_mm`."""
        pixel = self.period_mm / GRAIN_PIXELS
        # not of the size of the image: the same point has the same grain on every grid
        side = 2 * int(np.ceil(self.radius_mm / pixel)) + 2 * GRAIN_PIXELS
        level = int(np.floor(z_mm / self.period_mm))
        # the seed takes no negative numbers
        rng = generator(self.seed, "texture", self.phase, "above" if level >= 0 else "below", abs(level))
        smooth = scipy.ndimage.gaussian_filter(rng.standard_normal((side, side)), GRAIN_PIXELS / 2, mode="wrap")
        places = np.stack([y, x]) / pixel + (side - 1) / 2
        return scipy.ndimage.map_coordinates(smooth / smooth.std(), places, order=1, mode="grid-wrap")
