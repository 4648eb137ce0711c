"""The axis along which states are varied: its name, values and unit, from truth or recovered data."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

#: axis of records that do not name theirs
POTENTIAL = "potential_v"


@dataclass(frozen=True, slots=True, kw_only=True)
class StateAxis:
    """Values of the recovered states.

    Attributes
    ----------
    name, unit : str
        Such as ``temperature_k`` and ``K``; ``state`` and nothing where states are only numbered.
    values : ndarray, shape (state,)
        In the order of measurement.
    """

    name: str
    unit: str
    values: NDArray[np.float64]

    @property
    def label(self) -> str:
        """For an axis of a figure."""
        if self.name == POTENTIAL:
            return "potential (V vs Li/Li⁺)"
        words = self.name.rsplit("_", 1)[0].replace("_", " ") if self.unit else self.name
        return f"{words} ({self.unit})" if self.unit else words

    def text(self, state: int, digits: str = "g") -> str:
        """One value with its unit."""
        return f"{self.values[state]:{digits}} {self.unit}".rstrip()


def axis_name(*records: xr.Dataset | None) -> str:
    """Name of the axis that the first of these records that names one does."""
    named = (record.attrs["state_axis"] for record in records if record is not None and "state_axis" in record.attrs)
    return str(next(named, POTENTIAL))


def state_axis(recovered: xr.Dataset, truth: xr.Dataset | None = None) -> StateAxis:
    """The axis of recovered data, with the values of the truth where they hold none of their own.

    Parameters
    ----------
    recovered : xarray.Dataset
        See :func:`tsct.analyze.collect`.
    truth : xarray.Dataset, optional
        Of the same scan.
    """
    name = axis_name(truth, recovered)
    numbers = np.atleast_1d(recovered["state"].values) if "state" in recovered.coords else np.array([0])
    for record, at in ((recovered, slice(None)), (truth, numbers)):
        if record is not None and name in record.coords:
            values = np.atleast_1d(record[name].values)[at]
            if len(values) == len(numbers) and np.all(np.isfinite(values)):
                unit = str(record[name].attrs.get("units", "V" if name == POTENTIAL else ""))
                return StateAxis(name=name, unit="" if unit == "1" else unit, values=values.astype(np.float64))
    return StateAxis(name="state", unit="", values=numbers.astype(np.float64))
