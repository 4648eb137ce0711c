"""What the header of a text file says about its first column."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tsct.records.errors import InputError
from tsct.records.units import unit_factor

Quantity = Literal["q", "two_theta"]


@dataclass(frozen=True, slots=True)
class RadialUnit:
    """What the first column of a pattern is.

    Attributes
    ----------
    quantity : {"q", "two_theta"}
    factor : float
        To 1/angstrom or degrees.
    words : str
        As the file or the user puts it.
    """

    quantity: Quantity
    factor: float
    words: str


#: what a user may say the first column is
UNITS = {
    "1/angstrom": RadialUnit("q", 1.0, "1/angstrom"),
    "1/nm": RadialUnit("q", 0.1, "1/nm"),
    "deg": RadialUnit("two_theta", 1.0, "2theta in degrees"),
    "rad": RadialUnit("two_theta", unit_factor("rad", "deg") or 1.0, "2theta in radians"),
}
_MINUS_ONE = r"(?:\^?\s*\{?\(?[-−]\s*1\)?\}?|⁻¹)"
_INVERSE_NM = rf"(?:1\s*/\s*nm|nm\s*{_MINUS_ONE}|(?:inverse|reciprocal)\s+nano\s?met\w+)"
_ANGSTROM = r"(?:a|å|ang|[aå]ngstr[oö]ms?)"
_INVERSE_A = rf"(?:1\s*/\s*{_ANGSTROM}\b|{_ANGSTROM}\s*{_MINUS_ONE}|(?:inverse|reciprocal)\s+{_ANGSTROM}\b)"
_Q = r"(?<![a-z])(?:q(?:[-_ ]space)?|scattering vector|momentum transfer)"
_ANGLE = r"(?<![a-z0-9])(?:2[-_ ]?(?:th(?:eta)?|θ)|two[-_ ]?theta|tth)(?:[-_ ]?angle)?"
_GAP = r"[\s_,:=(\[/]*(?:in\s+)?[(\[]?\s*"
#: ways to name the first column, the more special ones first
_SAYINGS: tuple[tuple[re.Pattern[str], RadialUnit | str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (rf"{_Q}{_GAP}{_INVERSE_NM}", UNITS["1/nm"]),
        (rf"{_Q}{_GAP}{_INVERSE_A}", UNITS["1/angstrom"]),
        (r"dataformat\s*=\s*qnm\b", UNITS["1/nm"]),
        (r"dataformat\s*=\s*qa\b", UNITS["1/angstrom"]),
        (rf"{_ANGLE}{_GAP}rad", UNITS["rad"]),
        (rf"{_ANGLE}{_GAP}(?:deg|°)", UNITS["deg"]),
        (r"dataformat\s*=\s*twotheta\b", UNITS["deg"]),
        (rf"{_ANGLE}(?![a-z])", UNITS["deg"]),
        (r"(?<![a-z])r_?\s*\(?\s*mm\b|radial distance|radius\s*\(mm\)", "a radius on the detector in mm"),
        (r"(?<![a-z])r\s*\(\s*(?:a|å|ang\w*)\s*\)", "a distance r, as in a file of G(r)"),
        (r"(?<![a-z])d(?:[-_ ]spacing)?[_ (]+(?:a|å|ang\w*|nm)\b\)?|d\*2_", "a spacing d"),
        (r"(?<![a-z])chi_(?:deg|rad)\b|azimuth\w* angle", "an azimuth chi"),
    )
)
#: a header of pyFAI also holds settings, whose words do not name the column
_SETTING = re.compile(r"^\W*(?:\"|mask|dark|flat|poni|distance|pixel|rot\d|wavelength|detector|polari[sz]ation)", re.I)


def radial_unit(header: Sequence[str], where: str) -> RadialUnit | None:
    """Unit of the first column as the header lines say it, the last one first; None if they say nothing.

    Raises
    ------
    InputError
        If they say that it is something else, such as a radius.
    """
    for line in reversed(header):
        if len(line) > 400 or _SETTING.match(line):
            continue
        for pattern, meaning in _SAYINGS:
            match = pattern.search(line)
            if match is None:
                continue
            if isinstance(meaning, str):
                raise InputError(
                    f"{where}: the header says '{match[0].strip()}', so the first column is {meaning}; a pattern is "
                    "over Q or 2theta, or say what it is with --unit"
                )
            return RadialUnit(meaning.quantity, meaning.factor, match[0].strip(" _,:=([/"))
    return None
