"""Onset potentials of a series: the signals of its fitted differences, and the hinges that they support."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from .breakpoints import Hinges, fit_hinges
from .difference_fit import PARAMETERS

#: signals that the hinge model follows: contacts with lithium, Si-Si bonds, order beyond them
HINGED = ("silicon_lithium", "shift", "second_shell")
#: an onset is claimed only if a series without events would look like this with a smaller chance
ONSET_CHANCE = 1e-4


def onset_record(record: xr.Dataset) -> xr.Dataset:
    """Onsets of the signals in a series with fitted differences; nothing from fewer than five states.

    They are onsets along a discharge: a series along another axis has none.
    """
    states = record.sizes["state"]
    if states < 5 or "potential_v" not in record.coords:
        return xr.Dataset()
    hinges = _believed_hinges(fit_hinges(record.potential_v.values[1:], *_signals(record, HINGED)))
    coords = {"hinge": ("hinge", [1, 2, 3]), "signal": ("signal", list(HINGED))}
    return xr.Dataset(
        {
            # in the order of the discharge: with fewer than three it is not known which of three events they are
            "onset_v": ("hinge", hinges.potentials_v, {"units": "V", "reasons": list(hinges.reasons)}),
            "onset_v_errors": ("hinge", hinges.errors_v, {"units": "V"}),
            "onset_slopes": (("signal", "hinge"), hinges.slopes, {"units": "1/V"}),
            "onset_chance": ("hinge", hinges.chances, {"units": "1", "long_name": "that noise makes one more hinge"}),
        },
        coords=coords,
    )


def _believed_hinges(hinges: Hinges) -> Hinges:
    """The hinges, or none of them where the whole series could be noise."""
    if hinges.chance <= ONSET_CHANCE:
        return hinges
    nothing, why = np.full_like(hinges.errors_v, np.nan), f"the series could be noise (chance {hinges.chance:.2g})"
    return replace(hinges, potentials_v=nothing, errors_v=nothing, reasons=(why,) * len(nothing))


def _signals(record: xr.Dataset, names: Iterable[str]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Parameters over the states, (signal, state), and their covariance, (signal, state, signal, state)."""
    rows = [PARAMETERS.index(name) for name in names]
    weights = record["difference_weights"].values[1:]
    own = record["fit_covariance_single"].values[:, rows][:, :, rows]
    covariance = np.einsum("as,sij,bs->iajb", weights, own, weights, optimize=True)
    return record["fit"].values[1:, rows].T, covariance
