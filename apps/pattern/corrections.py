"""Solid angle and polarisation of a pattern: divided out before, divided out here, or taken as divided out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, UsageError
from tsct.records.units import two_theta_rad

Array = NDArray[np.float64]

#: corrections of geometry, as people call them
NAMES = {"solid_angle": "solid angle", "polarization": "polarisation"}
#: what a user may say of each, and whether it was divided out then
STATES = {"applied": True, "missing": False}


@dataclass(frozen=True, slots=True)
class Geometry:
    """How the corrections of geometry of a pattern stand.

    Attributes
    ----------
    here : tuple of str
        Divided out here, because the file or the user says that they were not.
    assumed : tuple of str
        Taken as divided out before, because nobody says.
    """

    here: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """For the line that ends a command; empty if file or user say that all was divided out before."""
        parts = [f"{listed(self.here)} divided out here"] if self.here else []
        if self.assumed:
            options = " or ".join(f"{option(name)} missing" for name in self.assumed)
            parts.append(f"{listed(self.assumed)} taken as divided out before; if not so, add {options}")
        return "; ".join(parts)

    @property
    def facts(self) -> dict[str, str]:
        """For the headers of files."""
        stated = dict.fromkeys(self.here, "divided out by tsct")
        return stated | dict.fromkeys(self.assumed, "taken as divided out before")

    def __or__(self, other: "Geometry") -> "Geometry":
        """Of a pattern and its background together."""
        return Geometry(_joined(self.here, other.here), _joined(self.assumed, other.assumed))


def _joined(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in NAMES if name in (*one, *other))


def listed(names: Sequence[str]) -> str:
    return " and ".join(NAMES[name] for name in names)


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def check_states(**states: str | None) -> Mapping[str, bool]:
    """What a user says of the corrections, as whether they were divided out.

    Raises
    ------
    UsageError
        If it is neither of :data:`STATES`.
    """
    for name, state in states.items():
        if state is not None and state not in STATES:
            raise UsageError(f"{option(name)} is '{state}'; allowed are {' and '.join(STATES)}")
    return {name: STATES[state] for name, state in states.items() if state is not None}


def geometry(of_file: Mapping[str, bool], of_user: Mapping[str, bool], where: str, *, must_be_known: bool) -> Geometry:
    """How the corrections stand by what the file and the user say.

    Parameters
    ----------
    of_file, of_user : mapping of str to bool
        Whether ``solid_angle`` and ``polarization`` were divided out.
    where : str
        What errors call the file.
    must_be_known : bool
        Whether a correction of which nobody says anything is refused.

    Raises
    ------
    InputError
        If one would be divided out twice, or nobody says anything and it must be known.
    """
    twice = [name for name in NAMES if of_file.get(name) is True and of_user.get(name) is False]
    if twice:
        raise InputError(
            f"{where}: its header says that {listed(twice)} was divided out, and {option(twice[0])} missing would do "
            "it again; drop that option"
        )
    known = {**of_file, **of_user}
    unknown = tuple(name for name in NAMES if name not in known)
    if unknown and must_be_known:
        raise InputError(
            f"{where}: nobody says whether {listed(unknown)} {'was' if len(unknown) == 1 else 'were'} divided out, "
            "which absolute mode must know; for each, add applied or missing: "
            + ", ".join(f"{option(name)} applied" for name in unknown)
        )
    return Geometry(tuple(name for name in NAMES if known.get(name) is False), unknown)


def geometry_factor(q: Array, wavelength: float | None, corrections: Geometry, where: str) -> Array:
    """What a pattern is divided by, shape (q,).

    The solid angle of equal pixels of a flat detector across the beam falls as cos^3 of 2theta; over whole, half or
    quarter rings the polarisation factor is (1 + cos^2) / 2 whatever the beam's is.

    Raises
    ------
    InputError
        If there is something to divide out and no wavelength.
    """
    if not corrections.here:
        return np.ones_like(q)
    if wavelength is None:
        raise InputError(
            f"{where}: {listed(corrections.here)} must be divided out, which needs --wavelength in angstrom; if that "
            f"was done after the file was written, add {option(corrections.here[0])} applied"
        )
    cosine = np.cos(two_theta_rad(q, wavelength))
    factors = {"solid_angle": cosine**3, "polarization": (1 + cosine**2) / 2}
    if "solid_angle" in corrections.here and not np.all(cosine > 0):
        raise InputError(f"{where}: a flat detector ends below 90 degrees of 2theta, these data do not")
    return np.prod([factors[name] for name in corrections.here], axis=0)
