"""The truth of an experiment in a file: maps and states, and beside them every structure on its own."""

from pathlib import Path

import xarray as xr

from tsct.records.schema import PHASES, TRUTH, check

from .files import read_record, write_records


def write_truth(path: Path, truth: xr.Dataset, phases: xr.Dataset, *, title: str = "") -> None:
    """Write truth and phases.

    Parameters
    ----------
    path : Path
        Destination; replaced only when everything is on disk.
    truth, phases : xarray.Dataset
        As :data:`tsct.records.schema.TRUTH` and :data:`tsct.records.schema.PHASES` have them.
    title : str
        Human-readable title.

    Raises
    ------
    InputError
        If a variable, dimension or unit is not as the schema has it.
    """
    check(truth, TRUTH, str(path))
    check(phases, PHASES, str(path))
    write_records(path, {"truth": truth, "phases": phases}, title=title)


def read_truth(path: Path) -> tuple[xr.Dataset, xr.Dataset]:
    """Truth and phases of a file that :func:`write_truth` wrote.

    Raises
    ------
    InputError
        If the file cannot be read, is of another schema, or does not hold what the schema asks for.
    """
    truth, phases = read_record(path, "truth"), read_record(path, "phases")
    check(truth, TRUTH, str(path))
    check(phases, PHASES, str(path))
    return truth, phases
