"""Numbers in words for people: signs, units, windows."""

import math

UNITS = {
    "angstrom": "Å",
    "1/angstrom": "Å⁻¹",
    "1/angstrom^2": "Å⁻²",
    "1/angstrom^3": "Å⁻³",
    "1": "",
    "sigma": "σ",
}


def number(value: float, digits: int = 4) -> str:
    """A value with as many significant digits, a real minus sign, and no trailing zeros; a dash if it is not finite."""
    return f"{value:.{digits}g}".replace("-", "−") if math.isfinite(value) else "–"


def with_unit(value: float, unit: str) -> str:
    """A value and its unit, separated by a space that does not break."""
    shown = UNITS.get(unit, unit)
    return f"{number(value)}\u00a0{shown}" if shown and math.isfinite(value) else number(value)


def window(low: float, high: float, unit: str) -> str:
    """A window in words: ``0.9 … 1.1``, ``at least 3``, ``at most 0.5`` or ``exactly 0``."""
    if low == high:
        return f"exactly {with_unit(low, unit)}"
    if not math.isfinite(high):
        return f"at least {with_unit(low, unit)}" if math.isfinite(low) else "any"
    if not math.isfinite(low):
        return f"at most {with_unit(high, unit)}"
    return f"{number(low)} … {with_unit(high, unit)}"
