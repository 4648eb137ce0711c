"""The axis along which a sample is scanned: potential, time, temperature, pressure, cycle."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tsct.records.errors import UsageError

#: unit of an axis by the ending of its name
UNITS: Mapping[str, str] = {
    "_v": "V",
    "_s": "s",
    "_h": "h",
    "_k": "K",
    "_c": "degC",
    "_bar": "bar",
    "_mah_g": "mAh/g",
    "cycle": "1",
    "state": "1",
}
#: states at most
MOST_STATES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """What is varied between the scans.

    Parameters
    ----------
    axis : str
        Name with its unit at the end: ``potential_v``, ``time_s``, ``temperature_k``, ``pressure_bar``, ``cycle``.
    values : tuple of float
        Of every state, in the order of measurement; the first is the reference.
    """

    axis: str = "state"
    values: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        if not self.axis.isidentifier() or not self.axis.endswith(tuple(UNITS)):
            endings = ", ".join(f"*{ending}" for ending in UNITS)
            raise UsageError(f"states.axis is '{self.axis}'; a name with its unit is needed: {endings}")
        if not 1 <= len(self.values) <= MOST_STATES or not np.all(np.isfinite(self.values)):
            raise UsageError(f"states.values holds {len(self.values)} numbers; give 1 to {MOST_STATES} finite ones")

    @property
    def unit(self) -> str:
        """Of the values."""
        return next(unit for ending, unit in UNITS.items() if self.axis.endswith(ending))
