"""Elements as structure files write them: capitals, charges, isotopes of hydrogen, labels of sites."""

import re
from collections.abc import Collection

from ase.data import atomic_numbers

#: isotopes of hydrogen with a symbol of their own, masses in u (Wang et al., Chin. Phys. C 45, 030003 (2021))
HYDROGEN_MASSES_U = {"D": 2.014101778, "T": 3.016049281}

# letters, then a charge (4+, -2, +) or a running number
_SYMBOL = re.compile(r"([A-Za-z]{1,2})[0-9]*[+-]?[0-9]*")
_LETTERS = re.compile(r"[A-Za-z]*")


def element(symbol: str) -> str | None:
    """The element, `D` or `T` that a symbol such as ``Si``, ``SI``, ``Si4+`` or ``O-2`` stands for; None if none.

    >>> element("SI"), element("Ce4+"), element("D"), element("Qq")
    ('Si', 'Ce', 'D', None)
    """
    match = _SYMBOL.fullmatch(symbol.strip())
    return _known(match[1]) if match else None


def labelled_element(label: str, formula: Collection[str]) -> str | None:
    """The element of a site that is known by its label only; None where the label leaves a choice.

    ``CA1`` can be carbon or calcium, and ``Wat`` is no tungsten: the elements of the formula decide, and without a
    formula only what can be read in one way is read.

    >>> labelled_element("Si2", ()), labelled_element("CA1", ()), labelled_element("CA1", {"Ca", "F"})
    ('Si', None, 'Ca')
    """
    letters = _LETTERS.match(label).group()  # type: ignore[union-attr]
    readings = [symbol for symbol in dict.fromkeys((_known(letters[:2]), _known(letters[:1]))) if symbol]
    if formula:
        readings = [symbol for symbol in readings if symbol in formula]
    elif len(letters) > 2 or "T" in readings:
        return None
    elif len(letters) == 2 and letters[1].islower():
        readings = readings[:1] if _known(letters) else []
    return readings[0] if len(readings) == 1 else None


def natural(symbol: str) -> str:
    """The element of a symbol that may be an isotope."""
    return "H" if symbol in HYDROGEN_MASSES_U else symbol


def _known(letters: str) -> str | None:
    symbol = letters.capitalize()
    return symbol if symbol in HYDROGEN_MASSES_U or atomic_numbers.get(symbol, 0) > 0 else None
