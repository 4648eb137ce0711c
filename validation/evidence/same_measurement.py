"""Whether recovered data and truth are of one measurement, as far as both say."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from tsct.records.errors import InputError

from .axis_of_states import axis_name

#: what names a measurement: equal or another one
NAMES = {
    "entry_identifier": "another sample, beamline or seed",
    "experiment": "another experiment",
    "seed": "another seed",
    "scenario": "another scenario",
}
#: numbers that a chain may have calibrated anew, but never by this share
NUMBERS = ("energy_kev", "voxel_mm")
CALIBRATED = 0.01
#: values of the axis of the states that differ by less than this, or this share, are those of one state
SAME_STATE = 1e-3


def check_same_run(found: xr.Dataset, truth: xr.Dataset) -> None:
    """Refuse recovered data of another measurement; what one side does not state is not compared.

    Parameters
    ----------
    found, truth : xarray.Dataset
        See :class:`tsct.validation.evidence.check.Evidence`; the states of `found` are numbered as those of the truth.

    Raises
    ------
    InputError
        If both sides state something that differs.
    """
    others = [line for part in (_names, _numbers, _states, _slices) for line in part(found, truth)]
    if others:
        raise InputError(
            f"recovered: not of the measurement that this truth is of: {'; '.join(others)}; "
            "give the truth.h5 of the scan that was analysed"
        )


def _names(found: xr.Dataset, truth: xr.Dataset) -> Iterator[str]:
    for name, why in NAMES.items():
        own, true = found.attrs.get(name), truth.attrs.get(name)
        if own is not None and true is not None and str(own) != str(true):
            yield f"{name} is '{own}', the truth has '{true}' ({why})"


def _numbers(found: xr.Dataset, truth: xr.Dataset) -> Iterator[str]:
    for name in NUMBERS:
        if name in found.attrs and name in truth.attrs:
            own, true = float(found.attrs[name]), float(truth.attrs[name])
            if not abs(own - true) <= CALIBRATED * abs(true):
                yield f"{name} is {own:g}, the truth has {true:g}"


def _states(found: xr.Dataset, truth: xr.Dataset) -> Iterator[str]:
    axis = axis_name(truth)
    if axis not in found.coords or axis not in truth.coords or "state" not in found.coords:
        return
    numbers, own = np.atleast_1d(found["state"].values), np.atleast_1d(found[axis].values)
    known, unit = truth[axis].values[numbers], truth[axis].attrs.get("units", "V")
    # not a number: a scan that does not say where it was taken
    off = np.flatnonzero(np.abs(own - known) > SAME_STATE * np.maximum(np.abs(known), 1.0))
    if off.size:
        k = off[0]
        yield f"state {numbers[k]} was taken at {own[k]:g} {unit}, that of the truth at {known[k]:g} {unit}"


def _slices(found: xr.Dataset, truth: xr.Dataset) -> Iterator[str]:
    if "slice" in found.coords and "slice" in truth.coords:
        missing = np.setdiff1d(found["slice"].values, truth["slice"].values)
        if missing.size:
            yield f"it holds slice {missing[0]}, the truth ends at {truth['slice'].values.max()}"
