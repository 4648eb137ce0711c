"""What a CIF says about its own contents, held against what was read from it."""

import re
import warnings
from collections.abc import Mapping

from tsct.records.errors import InputError, TsctWarning
from tsct.records.units import ATOMS_PER_A3

from .elements import element, natural

#: share by which numbers of a file may differ from what its cell holds, beside the rounding of their last digit
TOLERANCE = {"_cell.volume": 0.01, "_exptl_crystal.density_diffrn": 0.02, "_exptl_crystal.density_meas": 0.15}
FORMULA_TOLERANCE = 0.01
_SPACED = re.compile(r"([A-Za-z]{1,2})(\d+\.?\d*|\.\d+)?")
_PACKED = re.compile(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?")
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)(\(\d+\))?")


def formula_amounts(formula: str, where: str = "") -> dict[str, str]:
    """Number of atoms of each element of a formula sum, as written; empty if it cannot be read.

    >>> formula_amounts("Li0.98 Co O2")
    {'Li': '0.98', 'Co': '1', 'O': '2'}
    """
    text = formula.strip()
    pattern = _SPACED if " " in text else _PACKED
    words = text.split() if " " in text else [match.group() for match in _PACKED.finditer(text)]
    # capitals without spaces leave a choice: SI, CO, NO2
    words = [] if " " not in text and re.search("[A-Z]{2}", text) and not re.search("[a-z]", text) else words
    amounts: dict[str, str] = {}
    for word in words:
        match = pattern.fullmatch(word)
        symbol = element(match[1]) if match else None
        if match is None or symbol is None or natural(symbol) in amounts:
            amounts = {}
            break
        amounts[natural(symbol)] = match[2] or "1"
    if where and text and (not amounts or (" " not in text and "".join(words) != text)):
        warnings.warn(f"{where}: formula '{text[:60]}' is not understood, so not checked", TsctWarning, stacklevel=2)
        return {}
    return amounts


def check_claims(
    stated: Mapping[str, str], amounts: Mapping[str, float], mass_u: float, volume_a3: float, where: str
) -> None:
    """Refuse contents that contradict the formula, its number in the cell, the volume, the mass or the density.

    Parameters
    ----------
    stated : mapping of str to str
        Values of the tags of the file, absent or empty where there are none.
    amounts : mapping of str to float
        Atoms of each element in the cell, counted by their occupancies.
    mass_u, volume_a3 : float
        Mass and volume of the cell.
    where : str
        Names the file in messages.

    Raises
    ------
    InputError
        With both numbers.
    """
    z = _value(stated.get("_cell.formula_units_z", ""))
    _check_formula(formula_amounts(stated.get("_chemical_formula.sum", ""), where), amounts, z, where)
    density = mass_u / volume_a3 / ATOMS_PER_A3
    found = {
        "_cell.volume": (volume_a3, "A3"),
        "_exptl_crystal.density_diffrn": (density, "g/cm3"),
        "_exptl_crystal.density_meas": (density, "g/cm3"),
    }
    for tag, (value, unit) in found.items():
        text = stated.get(tag, "")
        claim = _value(text)
        # some write kg/m3
        if claim and unit == "g/cm3" and claim > 100.0:
            claim, text = claim / 1000.0, f"{claim / 1000.0:g}"
        if claim and abs(value - claim) > TOLERANCE[tag] * claim + _last_digit(text):
            raise InputError(
                f"{where}: what it describes has {value:.5g} {unit}, but {_written(tag)} says {claim:g}; correct the "
                "one that is wrong (symmetry setting, occupancies, missing atoms?), or delete the tag"
            )
    weight = _value(stated.get("_chemical_formula.weight", ""))
    if weight and z and abs(mass_u / z - weight) > 0.01 * weight:
        raise InputError(
            f"{where}: a formula unit has {mass_u / z:.5g} g/mol (Z = {z:g}), but _chemical_formula_weight says "
            f"{weight:g}; correct the one that is wrong, or delete the tag"
        )


def _check_formula(formula: Mapping[str, str], amounts: Mapping[str, float], z: float, where: str) -> None:
    if not formula:
        if z and any(abs(number / z - round(number / z)) > 0.01 for number in amounts.values() if _whole(number)):
            raise InputError(
                f"{where}: the cell holds {_listed(amounts)}, which is not {z:g} formula units "
                "(_cell_formula_units_Z); correct the one that is wrong, or delete the tag"
            )
        return
    units = z or sum(amounts.values()) / sum(float(text) for text in formula.values())
    found = {symbol: number / units for symbol, number in amounts.items()}
    for symbol in dict.fromkeys((*formula, *found)):
        text = formula.get(symbol, "0")
        if abs(found.get(symbol, 0.0) - float(text)) > FORMULA_TOLERANCE * float(text) + _last_digit(text):
            claim = " ".join(f"{name}{number}" for name, number in formula.items())
            said = f" with Z = {z:g}" if z else ""
            raise InputError(
                f"{where}: the cell holds {_listed(amounts)} ({_listed(found)} a unit), but _chemical_formula_sum says "
                f"{claim}{said}; correct the one that is wrong (symmetry setting, element, missing atoms?), or delete "
                "the tag"
            )


def _whole(number: float) -> bool:
    return abs(number - round(number)) < 1e-6


def _listed(amounts: Mapping[str, float]) -> str:
    return " ".join(f"{symbol}{number:.4g}" for symbol, number in amounts.items())


def _value(text: str) -> float:
    """A positive number, or zero where none is stated."""
    return float(text.partition("(")[0]) if _NUMBER.fullmatch(text) else 0.0


def _last_digit(text: str) -> float:
    """Half a unit of the last decimal, zero for whole numbers."""
    decimals = len(text.partition("(")[0].partition(".")[2])
    return 0.51 * 10.0**-decimals if decimals else 0.0


def _written(tag: str) -> str:
    return tag.replace(".", "_")
