"""Numbers in words for people: signs, units, windows."""

import math
import re

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
    """A window in words: ``0.90 … 1.10``, ``at least 3``, ``at most 0.5`` or ``exactly 0``."""
    if low == high:
        return f"exactly {with_unit(low, unit)}"
    if not math.isfinite(high):
        return f"at least {with_unit(low, unit)}" if math.isfinite(low) else "any"
    if not math.isfinite(low):
        return f"at most {with_unit(high, unit)}"
    decimals = max(len(f"{limit:g}".partition(".")[2]) for limit in (low, high))
    low_text, high_text = (f"{limit:.{decimals}f}".replace("-", "−") for limit in (low, high))
    shown = UNITS.get(unit, unit)
    return f"{low_text} … {high_text}" + (f"\u00a0{shown}" if shown else "")


def prose(text: str) -> str:
    """ASCII text of checks as it is printed: ``2.40 A`` as 2.40 Å, ``1/A2`` as Å⁻², ``-1.1`` as −1.1."""
    text = text.replace("1/A2", "Å⁻²").replace("1/A", "Å⁻¹")
    text = re.sub(r"(?<=\d) A\b", "\u00a0Å", text)
    return re.sub(r"(?<![\w.)-])-(?= ?\d)", "−", text)
