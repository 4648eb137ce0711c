"""Defects that can be planted in the phases of any sample, each with the check that it must fail."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr

from .planted_defects import Defect

Result = dict[str, Any]
#: by how much an amount is wrong
SHARE = 0.2
_NAMED = ("phase_amount", "phase_amount_errors", "phase_amount_level_errors")


def phase_defects(names: Sequence[str]) -> dict[str, Defect]:
    """Defects of results with ``phase_amount`` by the id of a check that each fails.

    Parameters
    ----------
    names : sequence of str
        Of the phases; the last one is in the region.
    """
    planted = {}
    for name in names:
        planted[f"amount[{name}]"] = Defect(
            name=f"amount of {name}", size=f"{100 * SHARE:.0f} % too much", result=_times(name, 1 + SHARE)
        )
        planted[f"map.bias[{name}]"] = Defect(
            name=f"amount of {name}", size=f"{100 * SHARE:.0f} % too little", result=_times(name, 1 - SHARE)
        )
    for one, other in pairwise(names):
        planted[f"map.correlation[{other}]"] = Defect(
            name=f"{one} and {other} swapped", size="all", result=_swapped(one, other)
        )
    planted[f"map.worst-voxel[{names[-1]}]"] = Defect(
        name=f"one voxel of {names[-1]}", size=f"{100 * SHARE:.0f} % too much", result=_one_voxel(names[-1])
    )
    planted[f"change[{names[-1]}]"] = Defect(
        name=f"change of {names[-1]}", size=f"{100 * SHARE:.0f} % of its amount", result=_in_last_state(names[-1])
    )
    return planted


def damaged_record(recovered: xr.Dataset, defect: Defect) -> xr.Dataset:
    """What an analysis recovered, with a defect of its phases planted in it."""
    named = recovered[list(_NAMED)].transpose("state", "slice", "phase", ...)
    clean = {name: named[name].values for name in _NAMED} | {"roi": recovered.roi.values}
    result = defect.chain(xr.Dataset(), clean=clean | {"phase": recovered.phase.values})
    return recovered.assign({name: (named[name].dims, result[name]) for name in _NAMED})


def _times(name: str, factor: float) -> Callable[[Result, np.random.Generator], Result]:
    def damaged(result: Result, _: np.random.Generator) -> Result:
        amounts = result["phase_amount"].copy()
        amounts[:, :, _number(result, name)] *= factor
        return result | {"phase_amount": amounts}

    return damaged


def _in_last_state(name: str) -> Callable[[Result, np.random.Generator], Result]:
    def damaged(result: Result, _: np.random.Generator) -> Result:
        amounts = result["phase_amount"].copy()
        amounts[-1, :, _number(result, name)] *= 1 + SHARE
        return result | {"phase_amount": amounts}

    return damaged


def _one_voxel(name: str) -> Callable[[Result, np.random.Generator], Result]:
    """A voxel in the middle of the region."""

    def damaged(result: Result, _: np.random.Generator) -> Result:
        amounts, phase = result["phase_amount"].copy(), _number(result, name)
        y, x = np.rint(np.argwhere(result["roi"]).mean(axis=0)).astype(int)
        amounts[:, :, phase, y, x] *= 1 + SHARE
        return result | {"phase_amount": amounts}

    return damaged


def _swapped(one: str, other: str) -> Callable[[Result, np.random.Generator], Result]:
    def damaged(result: Result, _: np.random.Generator) -> Result:
        order = np.arange(len(result["phase"]))
        pair = [_number(result, one), _number(result, other)]
        order[pair] = pair[::-1]
        return result | {name: result[name][:, :, order] for name in _NAMED if name in result}

    return damaged


def _number(result: Result, name: str) -> int:
    return list(result["phase"]).index(name)
