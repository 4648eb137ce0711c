"""Recovered data in files: our own records, plain HDF5 in the documented layout, or any HDF5 through a mapping."""

from pathlib import Path
from typing import Any

import h5py
import xarray as xr

from tsct.records.errors import InputError
from tsct.records.io import Wanted, attributes, load_mapping, member, names_of, opened, read_mapped, read_record, values
from tsct.records.schema import AXES, COMPARED, NAMES, RECOVERED

from .recovered import from_arrays

#: dims that a mapping must name; state and slice may be missing
_MAPPED: Wanted = {
    name: (tuple(dim for dim in known.dims if dim not in ("state", "slice")), known.units or "1")
    for name, known in RECOVERED.fields.items()
    if name in (*COMPARED, *AXES)
}


def read_recovered(path: Path, mapping: Path | None = None) -> xr.Dataset:
    """Read what a chain recovered, without checking it against anything.

    Parameters
    ----------
    path : Path
        A ``recovered.h5`` of ours; or an HDF5 file with datasets of the layout's names at its root, each with dims in
        that order, optional attribute ``units``, and what the chain states (``q_max`` ...) as attributes of the root.
    mapping : Path, optional
        A TOML file that says where each quantity is, see :mod:`tsct.records.io.mapping`.

    Raises
    ------
    InputError
        If the file cannot be read or holds nothing of the layout.
    """
    if mapping is not None:
        return read_mapped(path, load_mapping(mapping), _MAPPED)
    with opened(path) as handle:
        ours = "complete" in attributes(handle) or "creator_version" in attributes(handle)
        plain = {} if ours else _plain(handle)
    return read_record(path, "recovered") if ours else from_arrays(plain["arrays"], plain["attrs"], plain["units"])


def _plain(handle: h5py.File) -> dict[str, dict[str, Any]]:
    names = [name for name in names_of(handle) if name in (*COMPARED, *AXES, NAMES, "state", "slice")]
    if not set(names) & set(COMPARED):
        held = ", ".join(list(names_of(handle))[:8]) or "nothing"
        raise InputError(
            f"{handle.filename}: no dataset of the layout at the root (it holds {held}); known are "
            f"{', '.join(COMPARED)}; or say where they are with --mapping"
        )
    nodes = {name: member(handle, name) for name in names}
    return {
        "arrays": {name: values(node) for name, node in nodes.items()},
        "units": {name: attributes(node)["units"] for name, node in nodes.items() if "units" in node.attrs},
        "attrs": attributes(handle),
    }
