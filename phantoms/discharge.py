"""What lithiation does to the silicon along the discharge: the truth x(V) and the loss of second-shell order."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import UsageError, nearest

#: 23 potentials of the twin (V against Li/Li+), the first is the reference
POTENTIALS_V: tuple[float, ...] = (
    *(0.50, 0.49, 0.48, 0.46, 0.44, 0.42, 0.40, 0.38, 0.36, 0.34, 0.32, 0.30),
    *(0.29, 0.28, 0.27, 0.26, 0.25, 0.24, 0.23, 0.22, 0.21, 0.205, 0.20),
)
#: six potentials that still determine three hinges: enough points, far enough apart, on every straight piece
QUICK_POTENTIALS_V: tuple[float, ...] = (0.50, 0.40, 0.30, 0.25, 0.205, 0.20)

#: Li per Si at the corners of the piecewise-linear truth, potential falling
SMALL_LITHIATION = ((0.48, 0.0), (0.28, 0.04), (0.21, 0.16), (0.20, 0.22))
#: first lithiation of a-Si less its value at 0.50 V, digitised from Hatchard & Dahn, J. Electrochem. Soc. 151, A838
#: (2004)
HATCHARD_DAHN = tuple(
    (v, round(x - 0.152, 3))
    for v, x in (
        *((0.50, 0.152), (0.48, 0.167), (0.44, 0.202), (0.40, 0.249), (0.36, 0.313), (0.32, 0.422), (0.30, 0.501)),
        *((0.28, 0.603), (0.26, 0.735), (0.25, 0.813), (0.24, 0.898), (0.22, 1.085), (0.21, 1.185), (0.20, 1.291)),
    )
)
#: share of second-shell order that is lost, potential falling
SECOND_SHELL_LOSS = ((0.21, 0.0), (0.205, 0.05), (0.20, 0.10))
NO_CHANGE = ((0.50, 0.0), (0.20, 0.0))

Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discharge:
    """A series of states with the truth of each.

    Parameters
    ----------
    potentials_v : tuple of float
        Potentials of the scans in V against Li/Li+, in the order of measurement; the first is the reference.
    lithium_per_silicon : tuple of (potential_v, x)
        Corners of the piecewise-linear truth; constant beyond the ends.
    second_shell_loss : tuple of (potential_v, share)
        Share of second-shell Si-Si order that is lost, likewise.
    scenario : str
        Name of this truth.
    """

    scenario: str = "small"
    potentials_v: tuple[float, ...] = POTENTIALS_V
    lithium_per_silicon: Corners = SMALL_LITHIATION
    second_shell_loss: Corners = SECOND_SHELL_LOSS

    def __post_init__(self) -> None:
        if not self.potentials_v or not np.all(np.isfinite(self.potentials_v)):
            raise UsageError(f"discharge.potentials_v is {self.potentials_v}; give at least one finite potential in V")

    @property
    def x(self) -> NDArray[np.float64]:
        """Li per Si in every state, shape (state,)."""
        return _piecewise(self.potentials_v, self.lithium_per_silicon)

    @property
    def most_lithium(self) -> float:
        """Largest Li per Si of all states."""
        return float(np.max(self.x))

    @property
    def kappa(self) -> NDArray[np.float64]:
        """Lost share of second-shell order in every state, shape (state,)."""
        return _piecewise(self.potentials_v, self.second_shell_loss)


def _piecewise(potentials_v: tuple[float, ...], corners: Corners) -> NDArray[np.float64]:
    v, value = np.array(sorted(corners)).T
    return np.interp(potentials_v, v, value)


#: named truths: (Li per Si, second-shell loss)
SCENARIOS: Mapping[str, tuple[Corners, Corners]] = {
    "small": (SMALL_LITHIATION, SECOND_SHELL_LOSS),
    "medium": (tuple((v, 2.5 * x) for v, x in SMALL_LITHIATION), SECOND_SHELL_LOSS),
    "hatchard-dahn": (HATCHARD_DAHN, SECOND_SHELL_LOSS),
    "null": (NO_CHANGE, NO_CHANGE),
}


def discharge(scenario: str = "small", potentials_v: tuple[float, ...] = POTENTIALS_V) -> Discharge:
    """One of the named truths: ``small`` (hinges at 0.48, 0.28, 0.21 V), ``medium`` (2.5 times as much lithium),
    ``hatchard-dahn`` (an ideal electrode) or ``null`` (nothing happens).

    Raises
    ------
    UsageError
        If the scenario is unknown.
    """
    if scenario not in SCENARIOS:
        known = ", ".join(SCENARIOS)
        raise UsageError(f"unknown scenario '{scenario}'{nearest(scenario, SCENARIOS)}; known are {known}")
    lithium, loss = SCENARIOS[scenario]
    return Discharge(scenario=scenario, potentials_v=potentials_v, lithium_per_silicon=lithium, second_shell_loss=loss)
