"""What a check is: a number, the window it must fall in, and why."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that a check may look at.

    Attributes
    ----------
    truth : xarray.Dataset
        See :func:`tsct.simulate.truth.truth`.
    recovered : xarray.Dataset
        See :func:`tsct.analyze.collect`.
    phases : xarray.Dataset or None
        Scattering of every phase, see :func:`tsct.simulate.truth.phase_truth`.
    """

    truth: xr.Dataset
    recovered: xr.Dataset
    phases: xr.Dataset | None = None

    @property
    def lithiated(self) -> bool:
        """Whether anything happens to the silicon in this scenario."""
        return "lithium_per_silicon" in self.truth and bool(self.truth.lithium_per_silicon.max() > 0)

    @property
    def changes(self) -> bool:
        """Whether anything differs between the states."""
        if "state_density" in self.truth:
            return bool(np.any(np.ptp(self.truth.state_density.values, axis=0) > 0))
        return self.lithiated

    def curve(self, name: str, state: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """r and one recovered curve of the region of interest."""
        return self.recovered.r.values, self.recovered[name].values[state]


class NotRunError(Exception):
    """The check does not apply to this scenario or this recovered data; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A measured value, the number of independent numbers behind it, a remark, and its standard error where known."""

    value: float
    n: int = 1
    note: str = ""
    error: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one paper reads, and what the comparison with it teaches.

    Parameters
    ----------
    quantity : str
        What was read, as a row of the table beside the paper is headed.
    value : str
        What the paper says of it, as it is printed.
    remark : str
        What the comparison teaches.
    """

    quantity: str
    value: str
    remark: str = ""


#: whether a check compares a chain with the truth, or the twin with what one paper reads
About = Literal["chain", "paper"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One acceptance check, and all that is known about it.

    Parameters
    ----------
    id : str
        What is measured, of what: ``subject.measure[of-what]``, such as ``map.bias[silicon]`` or ``pdf.rw``; of-what is
        the phase, peak or event, where there are several.
    title : str
        One line in words.
    reason : str
        Why it matters, in plain language.
    source : str
        Where the window comes from.
    low, high : float
        The window; the value passes inside, ends included.
    unit : str
        Of the value.
    measure : callable
        Takes the evidence, returns a :class:`Measurement` or raises :class:`NotRunError`.
    alias : str
        Its id in earlier versions, understood for one release.
    figure : str
        Name of the report's figure that shows what is measured.
    paper : Reading or None
        The row beside the paper that it fills.
    scenario : str
        The only scenario that it applies to; any if empty.
    power : str
        The smallest defect that it finds with probability 0.999.
    power_measured : bool
        Whether planted defects have shown it; else it is an estimate.
    beside : str
        The check that holds the same reading to the noise-free truth, where this window is a paper's.
    about : {"chain", "paper"}
        ``chain``: holds any chain to the truth, and so belongs to the gate. ``paper``: holds sample, scan and chain
        together to what was published; a perfect chain can fail it.
    noise_free : callable or None
        What a perfect measurement of the same sample reads, from the truth by a route that shares nothing with the
        chain; a window that this misses decides nothing.
    precondition : bool
        Whether it is about what the data say of themselves, so that it alone passes nothing.
    possible : tuple of float
        Least and largest value that can be; an end of the window there cannot be missed.
    normal : bool
        Whether values scatter like normal deviates, so that a distance in standard deviations means something.
    """

    id: str
    title: str
    reason: str
    source: str
    low: float
    high: float
    unit: str
    measure: Callable[[Evidence], Measurement]
    alias: str = ""
    figure: str = ""
    paper: Reading | None = None
    scenario: str = ""
    power: str = ""
    power_measured: bool = False
    beside: str = ""
    about: About = "chain"
    noise_free: Callable[[Evidence], float] | None = None
    precondition: bool = False
    possible: tuple[float, float] = (-math.inf, math.inf)
    normal: bool = True


def need(evidence: Evidence, *names: str) -> None:
    """Raise :class:`NotRunError` unless the recovered data hold all of these."""
    missing = [name for name in names if name not in evidence.recovered]
    if missing:
        raise NotRunError(f"the recovered data hold no {', '.join(missing)}")


#: a window is asked for where the stated errors are this part of it
PART = 1 / 3


def sure(error: float, width: float, unit: str, what: str = "the stated errors leave") -> None:
    """Raise :class:`NotRunError` where an error is too large a part of the width of a window to tell anything."""
    if error > PART * width:
        raise NotRunError(f"{what} ± {error:.2g} {unit}, too much to tell a deviation of {width:g}")


def attribute(evidence: Evidence, name: str) -> Any:
    """An attribute of the recovered data; raise :class:`NotRunError` where they do not state it."""
    if name not in evidence.recovered.attrs:
        raise NotRunError(f"the recovered data do not state '{name}'")
    return evidence.recovered.attrs[name]
