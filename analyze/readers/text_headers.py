"""What the header of a text file says: its first column, the wavelength, what was divided out."""

import re
from collections.abc import Mapping, Sequence
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


def named_unit(words: str) -> RadialUnit | None:
    """The unit of a first column by its name, in any spelling of a unit of Q or of the angle 2theta; None if unknown.

    >>> named_unit("nm^-1").factor, named_unit("mrad").quantity, named_unit("mm")
    (0.1, 'two_theta', None)
    """
    if words in UNITS:
        return UNITS[words]
    for quantity, unit in _OF_UNITS.items():
        if (factor := unit_factor(words, unit)) is not None:
            return RadialUnit(quantity, factor, words)
    return None


_OF_UNITS: Mapping[Quantity, str] = {"q": "1/angstrom", "two_theta": "deg"}
MRAD = RadialUnit("two_theta", unit_factor("mrad", "deg") or 1.0, "2theta in milliradians")
_MINUS_ONE = r"(?:\^?\s*\{?\(?[-−]\s*1\)?\}?|⁻¹)"
_INVERSE_NM = rf"(?:1\s*/\s*nm|nm\s*{_MINUS_ONE}|(?:inverse|reciprocal)\s+nano\s?met\w+)"
_ANGSTROM = r"(?:\\?aa|a|å|ang|[aå]ngstr[oö]ms?)"
_INVERSE_A = rf"(?:1\s*/\s*{_ANGSTROM}\b|{_ANGSTROM}\s*{_MINUS_ONE}|(?:inverse|reciprocal)\s+{_ANGSTROM}\b)"
_Q = r"(?<![a-z])(?:q(?:[-_ ]space)?|scattering vector|momentum transfer)"
_ANGLE = r"(?<![a-z0-9])(?:2[-_ ]?(?:th(?:eta)?|θ)|two[-_ ]?theta|tth)(?:[-_ ]?angle)?"
_GAP = r"[\s_,:=(\[/$]*(?:in\s+)?[(\[]?\s*"
#: ways to name the first column, the more special ones first
_SAYINGS: tuple[tuple[re.Pattern[str], RadialUnit | str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), meaning)
    for pattern, meaning in (
        (rf"{_Q}{_GAP}{_INVERSE_NM}", UNITS["1/nm"]),
        (rf"{_Q}{_GAP}{_INVERSE_A}", UNITS["1/angstrom"]),
        (r"dataformat\s*=\s*qnm\b", UNITS["1/nm"]),
        (r"dataformat\s*=\s*qa\b", UNITS["1/angstrom"]),
        (rf"{_ANGLE}{_GAP}m(?:illi)?rad", MRAD),
        (rf"{_ANGLE}{_GAP}rad", UNITS["rad"]),
        (rf"{_ANGLE}{_GAP}(?:deg|°)", UNITS["deg"]),
        (r"dataformat\s*=\s*twotheta\b", UNITS["deg"]),
        (rf"{_ANGLE}(?![a-z])", UNITS["deg"]),
        (r"(?<![a-z])r_?\s*\(?\s*mm\b|radial distance|radius\s*\(mm\)", "a radius on the detector in mm"),
        (r"(?<![a-z])r\s*\(\s*(?:a|å|ang\w*)\s*\)", "a distance r, as in a file of G(r)"),
        (r"(?<![a-z])d(?:[-_ ]spacing)?[_ (]+(?:a|å|ang\w*|nm)\b\)?|d\*2_|(?<![a-z])d[-_ ]spacing", "a spacing d"),
        (r"sin\s*\(?\s*(?:theta|θ)\s*\)?\s*/\s*(?:lambda|λ|wavelength)", "sin(theta) / wavelength, Q / 4 pi"),
        (
            rf"(?<![a-z])[sk](?:\s*=\s*q\s*/\s*2\s*\*?\s*(?:pi|π))?{_GAP}(?:{_INVERSE_NM}|{_INVERSE_A})",
            "a vector whose length some programs take as Q and others as Q / 2 pi",
        ),
        (r"(?<![a-z0-9])(?:theta|θ)[\s_,(\[]+(?:deg|°|rad)", "an angle theta, half of 2theta"),
        (r"^\W*(?:scan[-_ ])?angle\b\s*(?:[\[(,;]|$|int|count)", "an angle, of which it must be known if it is 2theta"),
        (r"(?<![a-z])q\s*(?:\^|\*\*)\s*2|(?<![a-z])q2_|log(?:10)?\s*\(\s*q", "not Q but a function of it"),
        (r"^\W*(?:tof|time[-_ ]of[-_ ]flight)\b", "a time of flight"),
        (r"^\W*energy\b.*\b(?:int\w*|counts?)\b", "an energy"),
        (rf"{_Q}\s*[\[(]\s*(?!1\s*[)\]])[^)\]]+[)\]]", "in a unit that is not known"),
        (r"(?<![a-z])chi_(?:deg|rad)\b|azimuth\w* angle", "an azimuth chi"),
    )
)
#: what pyFAI 2026.9 writes in place of the unit where a file has errors
_LOST_UNIT = re.compile(r"\{str\(dim1_unit\)")
#: a header of pyFAI also holds settings, whose words do not name the column
_SETTING = re.compile(r"^\W*(?:\"|mask|dark|flat|poni|distance|pixel|rot\d|wavelength|detector|polari[sz]ation)", re.I)


def radial_unit(header: Sequence[str], where: str) -> RadialUnit | None:
    """Unit of the first column as the header lines say it, the last one first; None if they say nothing.

    Raises
    ------
    InputError
        If they say that it is something else, such as a radius, or show that the unit was lost.
    """
    for line in reversed(header):
        if _LOST_UNIT.search(line):
            raise InputError(
                f"{where}: the program that wrote it lost the unit of the first column ('{line.strip('# ')[:16]}'); "
                "say it with --unit"
            )
        if len(line) > 400 or _SETTING.match(line):
            continue
        for pattern, meaning in _SAYINGS:
            match = pattern.search(line)
            if match is None:
                continue
            if isinstance(meaning, str):
                raise InputError(
                    f"{where}: the header says '{match[0].strip()}', so the first column is {meaning}; a pattern is "
                    "over Q or 2theta: convert it, or say what it is with --unit"
                )
            return RadialUnit(meaning.quantity, meaning.factor, match[0].strip(" _,:=([/"))
    return None


_VALUE = r"\"?\s*[:=]\s*\"?(?P<value>[-+.\w]+)"
#: lines about corrections: of pyFAI, SrXplanar (xPDFsuite) and NXazint1d
_CORRECTIONS = (
    ("solid_angle", r"(?:sacorrectionenable|(?:correct|do)_?solid_?angle|solid_?angle_applied)"),
    ("polarization", r"(?:polcorrectionenable|do_polari[sz]ation|polari[sz]ation_applied)"),
    ("polarization", r"polari[sz]ation[ _]factor"),
)
_CORRECTION_LINES = tuple((name, re.compile(rf"^\W*{key}{_VALUE}", re.IGNORECASE)) for name, key in _CORRECTIONS)
_NO = ("false", "no", "none", "null", "off")
_WAVELENGTH_LINE = re.compile(rf"^\W*wavelength{_VALUE}", re.IGNORECASE)
#: in metres if smaller, in angstrom if larger
_LARGEST_IN_METRES = 1e-8


def corrections_applied(header: Sequence[str]) -> Mapping[str, bool]:
    """Whether ``solid_angle`` and ``polarization`` were divided out, as far as the header lines say so.

    pyFAI states a polarisation factor, or None where nothing was corrected; a factor of zero is one of a beam that is
    not polarised.
    """
    stated = {}
    for line in header:
        for name, pattern in _CORRECTION_LINES:
            if match := pattern.match(line):
                is_flag = "factor" not in pattern.pattern
                stated[name] = match["value"].lower() not in (*_NO, *(("0",) if is_flag else ()))
    return stated


def stated_wavelength(header: Sequence[str]) -> float | None:
    """Wavelength in angstrom of a line such as ``wavelength: 1.5e-11`` (metres, pyFAI) or ``wavelength = 0.15``."""
    for line in header:
        if match := _WAVELENGTH_LINE.match(line):
            try:
                value = float(match["value"])
            except ValueError:
                continue
            if value > 0:
                return value * 1e10 if value < _LARGEST_IN_METRES else value
    return None
