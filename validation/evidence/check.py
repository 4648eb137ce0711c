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
    found : xarray.Dataset
        See :func:`tsct.analyze.collect`.
    phases : xarray.Dataset or None
        Scattering of every phase, see :func:`tsct.simulate.truth.phase_truth`.
    """

    truth: xr.Dataset
    found: xr.Dataset
    phases: xr.Dataset | None = None

    @property
    def lithiated(self) -> bool:
        """Whether anything happens to the silicon in this scenario."""
        return bool(self.truth.lithium_per_silicon.max() > 0)

    def curve(self, name: str, state: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """r and one recovered curve of the region of interest."""
        return self.found.r.values, self.found[name].values[state]


class NotRunError(Exception):
    """The check does not apply to this scenario or this recovered data; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A measured value, the number of independent numbers behind it, a remark, and its standard error where known."""

    value: float
    n: int = 1
    note: str = ""
    error: float = math.nan


#: whether a check compares a chain with the truth, or the twin with what one paper found
About = Literal["chain", "paper"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One acceptance check.

    Parameters
    ----------
    id, title : str
        Short name and one line in words.
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
    power : str
        The smallest defect that it finds with probability 0.999.
    power_measured : bool
        Whether planted defects have shown it; else it is an estimate.
    beside : str
        The check that holds the same reading to the noise-free truth, where this window is a paper's: if that one
        passes, a perfect measurement misses this window too.
    about : {"chain", "paper"}
        ``chain``: holds any chain to the truth, and so belongs to the gate. ``paper``: holds sample, scan and chain
        together to what was published; a perfect chain can fail it.
    """

    id: str
    title: str
    reason: str
    source: str
    low: float
    high: float
    unit: str
    measure: Callable[[Evidence], Measurement]
    power: str = ""
    power_measured: bool = False
    beside: str = ""
    about: About = "chain"


def need(evidence: Evidence, *names: str) -> None:
    """Raise :class:`NotRunError` unless the recovered data hold all of these."""
    missing = [name for name in names if name not in evidence.found]
    if missing:
        raise NotRunError(f"the recovered data hold no {', '.join(missing)}")


def stated(evidence: Evidence, name: str) -> Any:
    """An attribute of the recovered data; raise :class:`NotRunError` where they do not state it."""
    if name not in evidence.found.attrs:
        raise NotRunError(f"the recovered data do not state '{name}'")
    return evidence.found.attrs[name]
