"""Errors that a user can act on, each with the exit code of the command line."""

import difflib
from collections.abc import Iterable


class TsctError(Exception):
    """An error with a message for the user: what is wrong, where, and what to do."""

    exit_code = 70


class UsageError(TsctError):
    """The call itself is wrong: an unknown preset, key or option value."""

    exit_code = 2


class InputError(TsctError):
    """A file or value that was handed in cannot be used."""

    exit_code = 3


class ResourceError(TsctError):
    """The work does not fit in the memory, disk or time that there is."""

    exit_code = 5


class TsctWarning(UserWarning):
    """The result stands, but with a limit that its user must know."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest allowed name, or an empty string."""
    close = difflib.get_close_matches(name, list(allowed), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
