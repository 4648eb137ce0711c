"""Detector frames in NeXus files: one image after the other, with all that is needed to integrate them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .files import as_nxdata, creating
from .scan_files import describe


def write_frames(
    path: Path,
    images: Iterable[tuple[NDArray[np.int32], Mapping[str, float]]],
    *,
    mask: NDArray[np.bool_],
    known: Mapping[str, Any],
    poni: str,
    title: str = "",
) -> int:
    """Write images as they come; no more than one is held in memory.

    Parameters
    ----------
    path : Path
        Destination; replaced only when everything is on disk.
    images : iterable of (image, values)
        Counts, shape (row, column), and of each frame its ``angle_deg``, ``translation_mm`` and ``monitor``.
    mask : ndarray of bool, shape (row, column)
        Pixels that never count.
    known : mapping
        What an experimenter knows: the attributes of a scan.
    poni : str
        Geometry in pyFAI's format.
    title : str
        Human-readable title.

    Returns
    -------
    int
        Number of frames.

    Raises
    ------
    ResourceError
        If the disk is full.
    """
    with creating(path) as handle:
        entry = handle.create_group("entry")
        entry.attrs.update(NX_class="NXentry", default="data")
        entry["title"] = title
        describe(entry, known)
        detector = entry["instrument/detector"]
        detector["poni"] = poni
        detector["pixel_mask"] = mask.astype(np.uint32)
        settings = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}
        stack = detector.create_dataset(
            "data", (0, *mask.shape), np.int32, maxshape=(None, *mask.shape), chunks=(1, *mask.shape), **settings
        )
        stack.attrs.update(units="counts", long_name="photons counted", interpretation="image")
        beside: dict[str, list[float]] = {"angle_deg": [], "translation_mm": [], "monitor": []}
        for number, (image, values) in enumerate(images, start=1):
            stack.resize(number, axis=0)
            stack[number - 1] = image
            handle.raise_failure()
            for name, column in beside.items():
                column.append(float(values[name]))
        for place, name, units in (
            ("sample/rotation_angle", "angle_deg", "deg"),
            ("sample/x_translation", "translation_mm", "mm"),
            ("control/data", "monitor", "photons"),
        ):
            entry[place] = np.array(beside[name])
            entry[place].attrs["units"] = units
        data = entry.create_group("data")
        as_nxdata(data, "data", [".", ".", "."], {})
        data.attrs["interpretation"] = "image"
        data["data"] = stack
        return len(beside["monitor"])
