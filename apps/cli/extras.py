"""Packages that only some commands need."""

from importlib.util import find_spec

from tsct.records.errors import UsageError


def needs(package: str, extra: str) -> None:
    """Refuse in one line if an optional package is not installed.

    Raises
    ------
    UsageError
        With the command that installs it.
    """
    if find_spec(package) is None:
        raise UsageError(f"{package} is not installed; run: pip install 'tsct[{extra}]'")
