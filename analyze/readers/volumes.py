"""Reconstructed volumes, which lie in files of the same form as scans do."""

from pathlib import Path

import h5py
import numpy as np

from tsct.records.errors import InputError
from tsct.records.io import check_dataset, part

#: how the names of files of volumes end
ENDINGS = ("_rec", "_recon", "_reconstructed", "_ndtomo")
#: largest value outside of the circle, as a share of that inside, of a slice that was reconstructed within one
OUTSIDE = 1e-6


def refuse_volume(data: h5py.Dataset) -> None:
    """Refuse a volume (x, y, channel) in place of sinograms: by the file's name, or slices empty outside of a circle.

    Raises
    ------
    InputError
        If it is one.
    """
    path = Path(data.file.filename)
    if path.stem.lower().endswith(ENDINGS) or _is_round(data):
        raise InputError(
            f"{path}: {data.name} is a reconstructed volume (x, y, channel), not a scan; the analysis starts from the "
            "sinograms (if these are, name [intensity] path and dims in a mapping)"
        )


def _is_round(data: h5py.Dataset) -> bool:
    rows, columns, channels = data.shape
    if rows != columns or rows < 8:
        return False
    check_dataset(data)
    image = np.abs(np.nan_to_num(np.asarray(part(data, np.s_[:, :, channels // 2]), dtype=np.float64)))
    y, x = np.indices(image.shape) - (rows - 1) / 2
    far = np.hypot(x, y) > rows / 2 + 0.5
    return bool(image.max() > 0 and image[far].max() <= OUTSIDE * image.max() and (image[~far] > 0).mean() > 0.1)
