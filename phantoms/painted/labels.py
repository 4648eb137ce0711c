"""A labelled volume, such as a segmented X-ray tomogram, as a sample: every voxel is what the table says of its label.

The volume is read cut by cut, so that it may be larger than memory. Cuts are brought onto the pixels of the simulation
by the area that voxel and pixel share, which keeps the mass of every phase whatever the sizes of the two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array

from tsct.records.errors import InputError, UsageError
from tsct.records.io import check_dataset, member, opened, part

Array = NDArray[np.float64]

#: kinds of files by their endings
STACKS, NRRD, METAIMAGES = (".tif", ".tiff"), (".nrrd", ".nhdr"), (".mha", ".mhd")
HDF5 = (".h5", ".hdf5", ".nxs")
#: points along the side of a pixel, and of a voxel, that stand for a rotated cut
SUPERSAMPLED = 4
#: cuts at most whose labels are looked at before any work
MOST_CHECKED = 16
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
    def voxels(self) -> tuple[int, int, int]:
        """Their number along z, y, x."""
        z, y, x = _opened(self.file, self.dataset, _stamp(self.file)).shape
        return z, y, x

    @property
    def size_mm(self) -> tuple[float, float, float]:
        """Width along x and y, and height."""
        z, y, x = self.voxels
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

    def __hash__(self) -> int:
        """By content, the table of fills included: cuts are kept by it."""
        return hash(repr(self))

    def check(self, low_mm: float = -np.inf, high_mm: float = np.inf) -> None:
        """Refuse a volume that cannot be read, or holds a label without a fill, in its cuts between two heights."""
        number, side, bottom = self.voxels[0], self.sides_mm[2], self.centre_mm[2] - self.size_mm[2] / 2
        first, last = (np.clip((z - bottom) / side, 0, number) for z in (low_mm, high_mm))
        cuts = np.arange(int(first), int(np.ceil(last)))
        for k in cuts[:: max(1, -(-len(cuts) // MOST_CHECKED))]:
            self._cut(int(k))

    def fractions(self, extent_mm: float, pixels: int, low_mm: float, high_mm: float) -> tuple[dict[str, Array], Array]:
        """Volume fraction of every phase on square pixels, averaged between two heights.

        Returns
        -------
        fractions : dict of str to ndarray, shape (y, x)
        covered : ndarray, shape (y, x)
            Share of each pixel that lies in the volume.
        """
        side, bottom = self.sides_mm[2], self.centre_mm[2] - self.size_mm[2] / 2
        weights = _overlap(np.array([low_mm, high_mm]) - bottom, side, self.voxels[0])[0] / (high_mm - low_mm)
        total: dict[str, Array] = {}
        covered = np.zeros((pixels, pixels))
        for k in np.flatnonzero(weights):
            images, inside = _on_pixels(self, int(k), extent_mm, pixels, _stamp(self.file))
            covered += weights[k] * inside
            for phase, image in images.items():
                total[phase] = total.get(phase, 0.0) + weights[k] * image
        if self.rest:
            filled = sum(total.values(), np.zeros_like(covered))
            total[self.rest] = total.get(self.rest, 0.0) + np.clip(covered - filled, 0.0, None)
        return total, covered

    def _cut(self, k: int) -> dict[str, Array]:
        """Volume fraction of each phase in one cut, shape (y, x) of the volume."""
        cut = np.asarray(_opened(self.file, self.dataset, _stamp(self.file))[k])
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
        _, y, x = self.voxels
        if self.rotation_deg % 360:
            return _Rotated(labels=self, extent_mm=extent_mm, pixels=pixels)
        edges = extent_mm * (np.arange(pixels + 1) / pixels - 0.5)
        along_x = _overlap(edges - (self.centre_mm[0] - self.size_mm[0] / 2), self.sides_mm[0], x)
        along_y = _overlap(edges - (self.centre_mm[1] - self.size_mm[1] / 2), self.sides_mm[1], y)
        area = (extent_mm / pixels) ** 2
        return lambda image: along_y @ image @ along_x.T / area


@lru_cache(maxsize=8)
def _on_pixels(labels: Labels, k: int, extent_mm: float, pixels: int, _stamp: int) -> tuple[dict[str, Array], Array]:
    """Share of each pixel that each phase of one cut fills, and that the volume covers; kept for layers and states."""
    onto = labels._resampler(extent_mm, pixels)
    images = {phase: onto(image) for phase, image in labels._cut(k).items()}
    return images, onto(np.ones(labels.voxels[1:]))


def _stamp(file: str) -> int:
    """When a file was last written: what was read of it before that is of no use."""
    path = Path(file)
    if not path.exists():
        raise InputError(f"sample.labels: no file {file}")
    return path.stat().st_mtime_ns


class _Resampler(Protocol):
    def __call__(self, image: Array) -> Array: ...


def _overlap(edges: Array, side: float, number: int) -> Array:
    """Length that the interval between each two edges shares with each voxel from 0 on, shape (interval, voxel)."""
    low, high = edges[:-1, None], edges[1:, None]
    start = side * np.arange(number)
    return np.clip(np.minimum(high, start + side) - np.maximum(low, start), 0.0, None)


@dataclass(frozen=True, kw_only=True)
class _Rotated:
    """Onto pixels that are turned against the voxels: points of each voxel are put into the pixel that holds them.

    Every point carries the same share of its voxel, so nothing is lost whatever the angle.
    """

    labels: Labels
    extent_mm: float
    pixels: int

    def __call__(self, image: Array) -> Array:
        return (self._shares @ image.ravel()).reshape(self.pixels, self.pixels)

    @cached_property
    def _shares(self) -> csc_array:
        """Share of each pixel that each voxel fills, shape (pixel, voxel)."""
        sides, pixel = self.labels.sides_mm, self.extent_mm / self.pixels
        cos, sin = (f(np.radians(self.labels.rotation_deg)) for f in (np.cos, np.sin))
        per_side = [max(1, int(np.ceil(SUPERSAMPLED * side / pixel))) for side in sides[:2]]
        share = sides[0] * sides[1] / (per_side[0] * per_side[1]) / pixel**2
        _, rows, columns = self.labels.voxels
        parts = []
        for a, b in product(range(per_side[0]), range(per_side[1])):
            u = sides[0] * (np.arange(columns) + (a + 0.5) / per_side[0] - columns / 2)
            v = sides[1] * (np.arange(rows) + (b + 0.5) / per_side[1] - rows / 2)
            x = self.labels.centre_mm[0] + cos * u[None] - sin * v[:, None]
            y = self.labels.centre_mm[1] + sin * u[None] + cos * v[:, None]
            column, row = (w.ravel() / pixel + self.pixels / 2 - 0.5 for w in (x, y))
            parts.append(share * _clouds(column, row, self.pixels))
        return sum(parts[1:], parts[0])


def _clouds(column: Array, row: Array, n: int) -> csc_array:
    """Share of each point that each of the four pixels around it gets (cloud in cell), shape (pixel, point)."""
    j, i = np.floor(column).astype(np.int32), np.floor(row).astype(np.int32)
    right, up = column - j, row - i
    corners = ((0, 0, (1 - right) * (1 - up)), (1, 0, right * (1 - up)), (0, 1, (1 - right) * up), (1, 1, right * up))
    pixels, shares = np.zeros((len(column), 4), dtype=np.int32), np.zeros((len(column), 4))
    for corner, (dj, di, weight) in enumerate(corners):
        inside = (j + dj >= 0) & (j + dj < n) & (i + di >= 0) & (i + di < n)
        pixels[:, corner] = np.where(inside, (i + di) * n + j + dj, 0)
        shares[:, corner] = np.where(inside, weight, 0.0)
    # four entries to a column, in order: nothing to sort
    starts = np.arange(0, 4 * len(column) + 1, 4)
    return csc_array((shares.ravel(), pixels.ravel(), starts), shape=(n * n, len(column)))


@lru_cache(maxsize=4)
def _opened(file: str, dataset: str, _stamp: int) -> _Volume:
    """A volume of which cuts can be taken, dims (z, y, x)."""
    path, ending = Path(file), Path(file).suffix.lower()
    try:
        volume = _open(path, ending, dataset)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{file}: cannot be read as a volume ({_last_line(error)})") from None
    if len(volume.shape) == 2:
        return np.asarray(volume)[None]
    if len(volume.shape) != 3:
        raise InputError(f"{file}: the volume has {len(volume.shape)} dims; it needs three (z, y, x)")
    if volume.dtype.kind not in "iufb":
        raise InputError(f"{file}: the volume holds {volume.dtype}; it needs numbers")
    return volume


def _last_line(error: Exception) -> str:
    """What an error says: that of ITK after some lines about itself."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()


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
        return _tiff(path)
    if ending in METAIMAGES:
        return _metaimage(path)
    if ending in NRRD:
        # its compressed files cannot be read in part
        itk = _needed("SimpleITK")
        return np.asarray(itk.GetArrayFromImage(itk.ReadImage(str(path))))
    known = ", ".join((".npy", ".npz", *STACKS, *HDF5, *NRRD, *METAIMAGES))
    raise InputError(f"{path}: unknown kind of volume '{ending}'; known are {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cuts:
    """A volume of which single cuts are read from its file."""

    read: Callable[[int], Array]
    shape: tuple[int, ...]
    dtype: np.dtype

    def __getitem__(self, k: int) -> Any:
        return self.read(k)


def _tiff(path: Path) -> _Volume:
    """A stack: mapped into memory, or where it is compressed page by page."""
    tifffile = _needed("tifffile")
    with tifffile.TiffFile(path) as file:
        stack = file.series[0]
        if stack.dataoffset is None and stack.ndim == 3 and len(stack.pages) == stack.shape[0]:
            return _Cuts(read=lambda k: tifffile.imread(path, key=int(k)), shape=stack.shape, dtype=stack.dtype)
        mapped = stack.dataoffset is not None
    return tifffile.memmap(path, mode="r") if mapped else tifffile.imread(path)


def _metaimage(path: Path) -> _Volume:
    """A volume of ITK, of which cuts are extracted; its axes run from x, so that arrays of it run to x."""
    itk = _needed("SimpleITK")
    reader = itk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = reader.GetSize()

    def read(k: int) -> Array:
        reader.SetExtractIndex([0] * (len(size) - 1) + [int(k)])
        reader.SetExtractSize([*size[:-1], 1])
        return itk.GetArrayFromImage(reader.Execute())[0]

    if len(size) != 3:
        return np.asarray(itk.GetArrayFromImage(itk.ReadImage(str(path))))
    return _Cuts(read=read, shape=size[::-1], dtype=read(0).dtype)


def _hdf5(path: Path, dataset: str) -> _Volume:
    if not dataset:
        raise InputError(f'{path}: say which dataset is the volume, such as dataset = "entry/labels"')

    def read(k: int) -> Array:
        # through the guarded door for files of others
        with opened(path) as file:
            return part(member(file, dataset), k)

    with opened(path) as file:
        node = member(file, dataset)
        check_dataset(node)
        return _Cuts(read=read, shape=node.shape, dtype=node.dtype)


def _needed(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError:
        raise UsageError(f"reading this volume needs {module.split('.')[0]}: pip install 'tsct[volumes]'") from None
