"""What the readers of layouts ask of an HDF5 file: groups, axes by their names, numbers, motors, volumes."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from tsct.records.errors import InputError, TsctWarning
from tsct.records.io import allowed_links, check_dataset, member, names_of, part, text_attribute, values
from tsct.records.units import unit_factor

Tables = dict[str, Any]
Kind = Literal["angle", "translation", "q", "two_theta"]

#: words in the name of a motor that turns
TURNS = ("rot", "omega", "phi", "theta", "angle", "rz", "gonio")
#: names of radial axes, and the coordinate that they are here
RADIAL = {
    **dict.fromkeys(("q", "qaxis", "q_axis", "magq"), "q"),
    **dict.fromkeys(("2th", "tth", "twotheta", "two_theta", "2theta"), "two_theta"),
}
#: how the names of files of volumes end
ENDINGS = ("_rec", "_recon", "_reconstructed", "_ndtomo")
#: largest value outside of the circle, as a share of that inside, of a slice that was reconstructed within one
OUTSIDE = 1e-6
#: unit of a motor that states none
MOTOR_UNITS = {"angle": "deg", "translation": "mm"}


def groups(handle: h5py.File) -> list[h5py.Group]:
    """All groups to three levels below the root that the file itself holds, or that links may be followed to."""
    found, layer = [handle], [handle]
    for _ in range(3):
        below = [member(group, name) for group in layer for name in names_of(group) if _is_group(group, name)]
        found, layer = found + below, below
    return found


def _is_group(group: h5py.Group, name: str) -> bool:
    kinds = (h5py.HardLink, h5py.ExternalLink) if allowed_links() else h5py.HardLink
    return isinstance(group.get(name, getlink=True), kinds) and isinstance(at(group, name), h5py.Group)


def at(group: h5py.Group, path: str) -> h5py.Group | h5py.Dataset | None:
    """What a path leads to inside the file, or nothing; a dataset of a type that numpy lacks is nothing."""
    try:
        node = member(group, path)
        return node if isinstance(node, h5py.Group) or node.dtype else None
    except (InputError, TypeError, AttributeError):
        return None


def array_at(group: h5py.Group, path: str, rank: int | None = None) -> h5py.Dataset | None:
    """The dataset of numbers at a path, if there is one of that rank."""
    found = at(group, path)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "biuf":
        return None
    return found if rank is None or found.ndim == rank else None


def number(group: h5py.Group, path: str) -> float | None:
    """A single number, or the first of several that are equal."""
    found = array_at(group, path)
    if found is None or not found.size:
        return None
    numbers = np.asarray(values(found)).ravel()
    return float(numbers[0]) if np.all(numbers == numbers[0]) else None


def text(value: Any) -> str:
    """A text dataset or attribute as text."""
    if isinstance(value, h5py.Dataset):
        value = np.asarray(values(value)).item() if value.shape == () else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def turns(name: str) -> bool:
    """Whether a motor of that name turns."""
    return any(word in name.lower() for word in TURNS)


def kind_of_axis(name: str, units: str | None) -> Kind | None:
    """What an axis is by its name and unit; None if these do not say."""
    plain = re.sub(r"[^a-z0-9_]", "", name.lower())
    if plain in RADIAL:
        return RADIAL[plain]  # type: ignore[return-value]
    if units and unit_factor(units, "1/angstrom") is not None:
        return "q"
    if turns(name) or (units and unit_factor(units, "deg") is not None):
        return "angle"
    if units and unit_factor(units, "mm") is not None:
        return "translation"
    return None


def motor_table(dataset: h5py.Dataset, path: str, axis: str, given: Mapping[str, Any], label: str) -> Tables:
    """The table of an axis that a motor of the file is, with the unit of the field where none is stated.

    Warns
    -----
    TsctWarning
        If a unit is assumed, or the values are only the numbers of the steps, and the user gives no others.
    """
    table: Tables = {"path": path}
    own = given.get(axis, {})
    own = own if isinstance(own, Mapping) else {}
    if not {"path", "value", "linspace"}.isdisjoint(own):
        return table
    where = f"{dataset.file.filename}: {label}"
    if not text_attribute(dataset, "units", "unit") and "units" not in own:
        table["units"] = MOTOR_UNITS[axis]
        warnings.warn(
            f"{where} states no units and is taken in {MOTOR_UNITS[axis]}; if it is not, add units to [{axis}]",
            TsctWarning,
            stacklevel=6,
        )
    numbers = np.asarray(values(dataset))
    if numbers.ndim == 1 and len(numbers) > 1 and np.array_equal(numbers, np.arange(len(numbers))):
        warnings.warn(
            f"{where} has the values 0 to {len(numbers) - 1}, the numbers of its steps; if its steps are not 1, add "
            f"linspace = [first, last, {len(numbers)}] to [{axis}]",
            TsctWarning,
            stacklevel=6,
        )
    return table


def take_motors(given: dict[str, Any], source: str) -> dict[str, str]:
    """Remove ``motor`` from the tables of the axes and return the names by axis.

    Raises
    ------
    InputError
        If a motor is no name, or a path is given besides.
    """
    motors = {}
    for axis in MOTOR_UNITS:
        table = given.get(axis)
        if not isinstance(table, Mapping) or "motor" not in table:
            continue
        if not isinstance(table["motor"], str) or not table["motor"]:
            raise InputError(f'{source}: [{axis}] motor must be the name of a motor, such as "slow" or "dty"')
        if "path" in table:
            raise InputError(f"{source}: [{axis}] has both motor and path; give one")
        motors[axis] = table["motor"]
        given[axis] = {key: value for key, value in table.items() if key != "motor"}
        if not given[axis]:
            del given[axis]
    if len(set(motors.values())) < len(motors):
        raise InputError(f"{source}: [angle] and [translation] name the same motor '{motors['angle']}'")
    return motors


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
