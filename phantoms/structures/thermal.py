"""Thermal motion of atom pairs, kept apart from the static structure so that it is applied exactly once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsct.records.errors import TsctWarning

#: the variance never falls below this share of the uncorrelated one, however close the pair
FLOOR = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Thermal:
    """Mean-square displacements with the correlated motion of near neighbours.

    The variance of the distance between atoms a and b at separation r is
    ``(u_a + u_b) * max(1 - delta1 / r - delta2 / r**2, floor)``: the model of Jeong et al., J. Phys. Chem. A 103, 921
    (1999), in the form used by PDFgui (Farrow et al., J. Phys.: Condens. Matter 19, 335219 (2007), eq. 3).

    Parameters
    ----------
    u_iso : mapping of str to float
        Isotropic mean-square displacement of each element in square angstrom, along one direction.
    delta1, delta2 : float
        Correlation of near-neighbour motion, in angstrom and square angstrom.
    """

    u_iso: Mapping[str, float] = field(default_factory=dict)
    delta1: float = 0.0
    delta2: float = 0.0

    def __post_init__(self) -> None:
        for symbol, value in self.u_iso.items():
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"u_iso of {symbol} is {value}; allowed are 0 to 1 square angstrom")

    def pair_variance(self, symbol_a: str, symbol_b: str, r: ArrayLike) -> NDArray[np.float64]:
        """Variance in square angstrom of the distance of an a-b pair at separation `r` (angstrom)."""
        distance = np.maximum(np.asarray(r, dtype=float), 1e-6)
        correlation = np.maximum(1.0 - self.delta1 / distance - self.delta2 / distance**2, FLOOR)
        return (self.u_iso.get(symbol_a, 0.0) + self.u_iso.get(symbol_b, 0.0)) * correlation


class AtRestWarning(TsctWarning):
    """Atoms that move in reality are taken at rest."""


#: atoms that do not move, or whose motion is already in the coordinates
STATIC = Thermal()
