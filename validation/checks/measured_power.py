"""Powers that were measured: damage that the gate sees with probability 0.999 on the small experiment.

From the values of the good chain and of the chains with a planted defect over the seeds of the table in docs/gate.md
(`python examples/gate_rates.py`): a defect is named where its mean value lies outside the window by more than 3.1
standard deviations. Where a value follows the size of the defect in proportion, the size is the least that does.
"""

from dataclasses import replace

from tsct.validation.evidence.check import Check

_AXIS = "a rotation axis off by 0.5 voxels"
_SMOOTH = "a map smoothed by a Gaussian of one voxel"
_FLIP = "a map flipped along y"
_NORMED = "maps renormalised in every voxel"
_ABSORPTION = "no absorption correction"
_SHORT = "a transform that ends at 20 instead of the stated 25 1/angstrom"

#: check -> defect
MEASURED = {
    "A11s1": "two frames of electrode and wall in each other's place",
    "A11c1": f"{_AXIS}, or {_NORMED}",
    "A11s2": "an amount 5 % too large or 6 % too small",
    "A11c2": "an amount 3 % too large or 9 % too small, on top of the 3 % that the reference chain leaves",
    "A11s3": f"{_NORMED}, or {_SMOOTH}",
    "A11c3": _NORMED,
    "A11s4": _AXIS,
    "A11c4": f"{_NORMED}, or {_ABSORPTION}",
    "A11i4": f"{_AXIS}, or an eighth of the polarisation left uncorrected",
    "A11s5": f"{_AXIS}, or {_SMOOTH}",
    "A11i5": _AXIS,
    "A11c6": f"{_NORMED}, or no polarisation correction",
    "A11i6": _ABSORPTION,
    "A11s7": _SMOOTH,
    "A11c7": _SMOOTH,
    "A11i7": _ABSORPTION,
    "A11s8": f"{_FLIP}, or {_SMOOTH}",
    "A11c8": f"{_FLIP}, or {_SMOOTH}",
    "A11i8": f"{_FLIP}, or angles with the wrong sign",
    "A11se": f"{_AXIS}, or {_SMOOTH}",
    "A15": f"{_AXIS}, or {_SMOOTH}",
    "A16a": "a level wrong by 1.01 %",
    "A16b": "a seventh of the polarisation left uncorrected",
    "A16c": _SHORT,
    "A16d": "photons scattered twice not subtracted",
    "A16e": "a wavelength or a detector distance wrong by 0.04 %",
    "A17": "a height wrong by 5.4 %",
    "A17b": _SHORT,
    "A12c": "error bars 9 % too small or 13 % too large",
    "A19": "error bars wrong by 6 %",
}


def powered(check: Check) -> Check:
    """The check with its measured power, where there is one."""
    return replace(check, power=MEASURED[check.id], power_measured=True) if check.id in MEASURED else check
