"""The size of a scan, and what else is known of it before its counts are read."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import h5py

from tsct.records.errors import InputError
from tsct.records.io import attributes, following_links, is_ours, load_tables, matching_files, member, opened

from .assembly import take_assembly
from .frames import is_frames
from .scans import CHANNELS, tables_of_scan


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOutline:
    """Size of a scan, and what is known before it is read.

    Attributes
    ----------
    views, translations, channels : int
        Zero where only the integration of frames will tell.
    is_counts : bool
        Whether the intensities are counts, whose errors are their own.
    has_transmission : bool
        Whether the transmission is known, from which the way out of the sample is corrected.
    composition : str
        Of the sample; empty if the file says nothing, or where there are frames.
    """

    views: int
    translations: int
    channels: int
    is_counts: bool
    has_transmission: bool
    composition: str


def outline_scan(path: Path, mapping: Path | None = None, links: Path | None = None) -> ScanOutline:
    """Look at a scan without reading its counts; arguments and errors as of :func:`read_scan`."""
    with following_links(links):
        if mapping is None and is_frames(path):
            return ScanOutline(
                views=0, translations=0, channels=0, is_counts=True, has_transmission=True, composition=""
            )
        if mapping is None and is_ours(path):
            with opened(path) as handle:
                translations, views, channels = _shape(handle, "/entry/data/intensity", 3)
                composition = str(attributes(member(handle, "/entry/data")).get("sample_composition", ""))
            size = {"views": views, "translations": translations, "channels": channels}
            return ScanOutline(**size, is_counts=True, has_transmission=True, composition=composition)
        return _outline_foreign(path, mapping)


def _outline_foreign(path: Path, mapping: Path | None) -> ScanOutline:
    given = load_tables(mapping) if mapping is not None else {}
    source = str(path if mapping is None else mapping)
    how = take_assembly(given, source)
    files = [path] if how.files is None else matching_files(path, how.files, source)
    tables = tables_of_scan(files[0], given, how, source)
    table = tables.get("intensity", {})
    with opened(files[0]) as handle:
        shape = _shape(handle, str(table.get("path")), None)
        dims = list(table.get("dims", ()))
        sizes = {dim: size for dim, size in zip(dims, shape, strict=False) if dim not in table.get("select", {})}
        channels = next((size for dim, size in sizes.items() if dim in CHANNELS), shape[-1])
        rays = prod(sizes.values() if sizes else shape) * len(files) // max(channels, 1)
        translations = sizes.get("translation") or _length(handle, tables.get("translation", {}), rays)
    if how.stack == "translation":
        translations *= len(files)
    attrs = tables.get("attrs", {})
    return ScanOutline(
        views=max(rays // max(translations, 1), 1),
        translations=translations,
        channels=channels,
        is_counts=table.get("units") == "counts" and not {"variance", "intensity_errors"} & set(tables),
        has_transmission="transmission" in tables,
        composition=str(attrs.get("sample_composition", "")),
    )


def _length(handle: h5py.File, table: Any, rays: int) -> int:
    """How many translations an axis has; for a motor that was read with every frame, as many as views."""
    even, value = table.get("linspace"), table.get("value")
    number = even[2] if even else len(value) if isinstance(value, list) else 0
    if not number and "path" in table:
        number = prod(_shape(handle, str(table["path"]), None))
    return number if 0 < number < rays else max(round(rays**0.5), 1)


def _shape(handle: h5py.File, place: str, ndim: int | None) -> tuple[int, ...]:
    found = member(handle, place)
    if not isinstance(found, h5py.Dataset) or (ndim is not None and found.ndim != ndim):
        raise InputError(f"{handle.filename}: '{place}' is no array of intensities")
    return tuple(int(size) for size in found.shape)
