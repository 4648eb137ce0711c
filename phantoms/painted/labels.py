"""A labelled volume, such as a segmented X-ray tomogram, as a sample: every voxel is what the table says of its label.

The volume is read cut by cut, so that it may be larger than memory. Cuts are brought onto the pixels of the simulation
by the area that voxel and pixel share, which keeps the mass of every phase whatever the sizes of the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tsct.records.errors import InputError, UsageError
from tsct.records.io import check_dataset, member, opened, part

Array = NDArray[np.float64]

#: kinds of files by their endings
STACKS, METAIMAGES = (".tif", ".tiff"), (".nrrd", ".nhdr", ".mha", ".mhd")
HDF5 = (".h5", ".hdf5", ".nxs")
#: points along the side of a pixel, and of a voxel, that stand for a rotated cut
SUPERSAMPLED = 4
#: labels of one volume at most
MOST_LABELS = 64


class _Volume(Protocol):
    """Something with a shape (z, y, x) of which single cuts can be taken."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __getitem__(self, key: Any) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """A volume of integer labels, dims (z, y, x), or of volume fractions of one phase.

    Parameters
    ----------
    file : str
        ``.npy``, ``.npz``, TIFF stack, HDF5 (with `dataset`), NRRD or MetaImage.
    dataset : str
        Name inside an HDF5 or ``.npz`` file.
    voxel_mm : float or (float, float, float)
        Side of a voxel along x, y and z.
    centre_mm : (float, float, float)
        Where the middle of the volume lies.
    rotation_deg : float
        Counterclockwise, about the upright axis through the middle of the volume.
    fills : mapping of str to mapping of str to float
        Label -> phase -> volume fraction. An empty table means nothing (air).
    fraction_of : str, optional
        The volume holds volume fractions (0 to 1) of this phase instead of labels.
    rest : str, optional
        Phase that fills what is left inside the volume.
    """

    file: str
    dataset: str = ""
    voxel_mm: float | tuple[float, float, float]
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rotation_deg: float = 0.0
    fills: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    fraction_of: str | None = None
    rest: str | None = None

    def __post_init__(self) -> None:
        if not all(0 < side < np.inf for side in self.sides_mm):
            raise InputError(f"sample.labels: voxel_mm is {self.voxel_mm}; it must be positive and finite")
        if bool(self.fills) == bool(self.fraction_of):
            raise UsageError("sample.labels: give fills (label -> phases) or fraction_of (one phase), not both")
        if len(self.fills) > MOST_LABELS:
            raise InputError(f"sample.labels: {len(self.fills)} labels; {MOST_LABELS} are possible")
        for label, fill in self.fills.items():
            if not label.lstrip("-").isdigit():
                raise InputError(f"sample.labels: label '{label}' is no whole number")
            if any(not 0 <= share <= 1 for share in fill.values()) or sum(fill.values()) > 1 + 1e-9:
                raise InputError(f"sample.labels: fractions of label {label} must be 0 to 1 and sum to at most 1")

    @property
    def sides_mm(self) -> tuple[float, float, float]:
        """Of a voxel along x, y, z."""
        if isinstance(self.voxel_mm, tuple | list):
            return (float(self.voxel_mm[0]), float(self.voxel_mm[1]), float(self.voxel_mm[2]))
        return (float(self.voxel_mm),) * 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along z, y, x."""
        z, y, x = _opened(self.file, self.dataset).shape
        return z, y, x

    @property
    def size_mm(self) -> tuple[float, float, float]:
        """Width along x and y, and height."""
        z, y, x = self.shape
        return x * self.sides_mm[0], y * self.sides_mm[1], z * self.sides_mm[2]

    @property
    def radius_mm(self) -> float:
        """Radius around the axis of rotation that holds the volume."""
        return float(np.hypot(*self.centre_mm[:2]) + np.hypot(*self.size_mm[:2]) / 2)

    @property
    def phases(self) -> set[str]:
        """Every phase that the volume may hold."""
        named = {phase for fill in self.fills.values() for phase in fill}
        return named | ({self.fraction_of} if self.fraction_of else set()) | ({self.rest} if self.rest else set())

    def check(self) -> None:
        """Refuse a volume that cannot be read, or a label in its middle cut that no fill is given for."""
        self._cut(self.shape[0] // 2)

    def fractions(self, extent_mm: float, pixels: int, low_mm: float, high_mm: float) -> tuple[dict[str, Array], Array]:
        """Volume fraction of every phase on square pixels, averaged between two heights.

        Returns
        -------
        fractions : dict of str to ndarray, shape (y, x)
        covered : ndarray, shape (y, x)
            Share of each pixel that lies in the volume.
        """
        side, bottom = self.sides_mm[2], self.centre_mm[2] - self.size_mm[2] / 2
        weights = _overlap(np.array([low_mm, high_mm]) - bottom, side, self.shape[0])[0] / (high_mm - low_mm)
        total: dict[str, Array] = {}
        covered = np.zeros((pixels, pixels))
        for k in np.flatnonzero(weights):
            images = self._cut(int(k))
            onto = self._resampler(extent_mm, pixels)
            covered += weights[k] * onto(np.ones(self.shape[1:]))
            for phase, image in images.items():
                total[phase] = total.get(phase, 0.0) + weights[k] * onto(image)
        if self.rest:
            filled = sum(total.values(), np.zeros_like(covered))
            total[self.rest] = total.get(self.rest, 0.0) + np.clip(covered - filled, 0.0, None)
        return total, covered

    def _cut(self, k: int) -> dict[str, Array]:
        """Volume fraction of each phase in one cut, shape (y, x) of the volume."""
        cut = np.asarray(_opened(self.file, self.dataset)[k])
        if self.fraction_of:
            values = cut.astype(np.float64)
            if not np.all((values >= 0) & (values <= 1)):
                raise InputError(f"{self.file}: cut {k} holds fractions outside 0 to 1, or none (NaN)")
            return {self.fraction_of: values}
        present = np.unique(cut)
        unknown = [str(label) for label in present if str(int(label)) not in self.fills]
        if unknown or not np.array_equal(present, present.astype(int)):
            raise InputError(
                f"{self.file}: cut {k} holds label {', '.join(unknown[:5]) or 'that is no whole number'}; "
                "[sample.labels.fills] needs an entry for it ({} for air)"
            )
        images: dict[str, Array] = {}
        for label in present:
            for phase, share in self.fills[str(int(label))].items():
                images[phase] = images.get(phase, np.zeros(cut.shape)) + share * (cut == label)
        return images

    def _resampler(self, extent_mm: float, pixels: int) -> "_Resampler":
        _, y, x = self.shape
        if self.rotation_deg % 360:
            return _Rotated(labels=self, extent_mm=extent_mm, pixels=pixels)
        edges = extent_mm * (np.arange(pixels + 1) / pixels - 0.5)
        along_x = _overlap(edges - (self.centre_mm[0] - self.size_mm[0] / 2), self.sides_mm[0], x)
        along_y = _overlap(edges - (self.centre_mm[1] - self.size_mm[1] / 2), self.sides_mm[1], y)
        area = (extent_mm / pixels) ** 2
        return lambda image: along_y @ image @ along_x.T / area


class _Resampler(Protocol):
    def __call__(self, image: Array) -> Array: ...


def _overlap(edges: Array, side: float, number: int) -> Array:
    """Length that the interval between each two edges shares with each voxel from 0 on, shape (interval, voxel)."""
    low, high = edges[:-1, None], edges[1:, None]
    start = side * np.arange(number)
    return np.clip(np.minimum(high, start + side) - np.maximum(low, start), 0.0, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rotated:
    """Onto pixels that are turned against the voxels: points of each voxel are put into the pixel that holds them.

    Every point carries the same share of its voxel, so nothing is lost whatever the angle.
    """

    labels: Labels
    extent_mm: float
    pixels: int

    def __call__(self, image: Array) -> Array:
        sides, pixel = self.labels.sides_mm, self.extent_mm / self.pixels
        cos, sin = (f(np.radians(self.labels.rotation_deg)) for f in (np.cos, np.sin))
        per_side = [max(1, int(np.ceil(SUPERSAMPLED * side / pixel))) for side in sides[:2]]
        total = np.zeros(self.pixels**2)
        share = sides[0] * sides[1] / (per_side[0] * per_side[1]) / pixel**2
        rows, columns = image.shape
        for a in range(per_side[0]):
            for b in range(per_side[1]):
                u = sides[0] * (np.arange(columns) + (a + 0.5) / per_side[0] - columns / 2)
                v = sides[1] * (np.arange(rows) + (b + 0.5) / per_side[1] - rows / 2)
                x = self.labels.centre_mm[0] + cos * u[None] - sin * v[:, None]
                y = self.labels.centre_mm[1] + sin * u[None] + cos * v[:, None]
                _deposit(total, x / pixel + self.pixels / 2 - 0.5, y / pixel + self.pixels / 2 - 0.5, share * image)
        return total.reshape(self.pixels, self.pixels)


def _deposit(total: Array, column: Array, row: Array, mass: Array) -> None:
    """Share each mass among the four pixels around its place (cloud in cell)."""
    n = round(np.sqrt(len(total)))
    j, i = np.floor(column).astype(int), np.floor(row).astype(int)
    right, up = column - j, row - i
    for dj, di, weight in (
        (0, 0, (1 - right) * (1 - up)),
        (1, 0, right * (1 - up)),
        (0, 1, (1 - right) * up),
        (1, 1, right * up),
    ):
        inside = (j + dj >= 0) & (j + dj < n) & (i + di >= 0) & (i + di < n)
        place = ((i + di) * n + j + dj)[inside]
        total += np.bincount(place, weights=(weight * mass)[inside], minlength=len(total))


@lru_cache(maxsize=4)
def _opened(file: str, dataset: str) -> _Volume:
    """A volume of which cuts can be taken, dims (z, y, x)."""
    path, ending = Path(file), Path(file).suffix.lower()
    if not path.exists():
        raise InputError(f"sample.labels: no file {file}")
    try:
        volume = _open(path, ending, dataset)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{file}: cannot be read as a volume ({error})") from None
    if len(volume.shape) == 2:
        return np.asarray(volume)[None]
    if len(volume.shape) != 3:
        raise InputError(f"{file}: the volume has {len(volume.shape)} dims; it needs three (z, y, x)")
    if volume.dtype.kind not in "iufb":
        raise InputError(f"{file}: the volume holds {volume.dtype}; it needs numbers")
    return volume


def _open(path: Path, ending: str, dataset: str) -> _Volume:
    if ending == ".npy":
        return np.load(path, mmap_mode="r", allow_pickle=False)
    if ending == ".npz":
        archive = np.load(path, allow_pickle=False)
        name = dataset or (archive.files[0] if len(archive.files) == 1 else "")
        if name not in archive.files:
            raise InputError(f'{path}: holds {", ".join(archive.files)}; say which with dataset = "..."')
        return archive[name]
    if ending in HDF5:
        return _hdf5(path, dataset)
    if ending in STACKS:
        tifffile = _needed("tifffile")
        try:
            return tifffile.memmap(path, mode="r")
        except ValueError:  # compressed: no map of the file is one of the image
            return tifffile.imread(path)
    if ending in METAIMAGES:
        return np.asarray(_needed("imageio.v3").imread(path))
    known = ", ".join((".npy", ".npz", *STACKS, *HDF5, *METAIMAGES))
    raise InputError(f"{path}: unknown kind of volume '{ending}'; known are {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hdf5Volume:
    """A dataset of which single cuts are read, through the guarded door for files of others."""

    path: Path
    dataset: str
    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, k: int) -> Any:
        with opened(self.path) as file:
            return part(member(file, self.dataset), k)


def _hdf5(path: Path, dataset: str) -> _Volume:
    if not dataset:
        raise InputError(f'{path}: say which dataset is the volume, such as dataset = "entry/labels"')
    with opened(path) as file:
        node = member(file, dataset)
        check_dataset(node)
        return _Hdf5Volume(path=path, dataset=dataset, shape=node.shape, dtype=node.dtype)


def _needed(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        raise UsageError(f"reading this volume needs {module.split('.')[0]}: pip install 'tsct[volumes]'") from None
