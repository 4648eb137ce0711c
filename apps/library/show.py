"""What one structure is, how it scatters, and whether it can be what it is said to be."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from tsct.analyze.readers import read_pattern
from tsct.phantoms.structures import (
    FORMATS,
    STATIC,
    AtRestWarning,
    Structure,
    Thermal,
    read_structure,
    structure,
    structure_names,
)
from tsct.records.errors import InputError, UsageError, nearest
from tsct.records.io import replacing
from tsct.records.paths import file_must_be_free, writable

from .figure import draw
from .portrait import Portrait, portrait
from .published_limits import REFERENCES, Gate, Material, gates, material, measured_gate

DPI = 150
#: materials by the names that users give them
MATERIALS: tuple[Material, ...] = ("a-si", "a-lisi", "carbon", "other")
#: entries of the library whose thermal motion other structures of the same material get
MOTION: dict[Material, str] = {"a-si": "a-si", "a-lisi": "a-si", "carbon": "carbon-black"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A structure with its portrait and how it compares to what is published."""

    portrait: Portrait
    what: Material
    gates: list[Gate]

    @property
    def structure(self) -> Structure:
        return self.portrait.structure

    @property
    def failed(self) -> int:
        """Number of gates that fail."""
        return sum(gate.verdict == "fail" for gate in self.gates)


def shown(
    name: str,
    *,
    density_g_cm3: float | None = None,
    snapshots: bool = False,
    what: str | None = None,
    measured: Path | None = None,
    keys: Mapping[str, Any] | None = None,
) -> Shown:
    """Portrait and gates of an entry of the library or of a structure file.

    Parameters
    ----------
    name : str
        Name in the library, or path of an .extxyz, .xyz or .cif file.
    density_g_cm3 : float, optional
        Mass density of a file without a cell.
    snapshots : bool
        The file holds moments of a moving structure; otherwise its atoms get the thermal motion that the file or `keys`
        state, or else that of the library, if that has the material.
    what : str, optional
        What it should be, one of `MATERIALS`; from the composition if omitted.
    measured : Path, optional
        Measured structure factor, two columns: Q in 1/angstrom and S(Q).
    keys : mapping, optional
        Further keys of `tsct.phantoms.read_structure`: how a file is to be read.

    Raises
    ------
    UsageError
        If neither the library nor the disk has it, `what` is not known, or keys are given for an entry of the library.
    InputError
        If the file cannot be read, or cannot be `what` at all.
    """
    if what is not None and what not in MATERIALS:
        raise UsageError(f"--as is '{what}'{nearest(what, MATERIALS)}; allowed are {', '.join(MATERIALS)}")
    given = {key: value for key, value in (keys or {}).items() if value is not None}
    if name in structure_names():
        if given:
            raise UsageError(f"{name}: is an entry of the library; {', '.join(given)} is for files")
        entry = structure(name)
        # the gates of amorphous silicon and of turbostratic carbon are not for crystals
        meant = what or ("other" if entry.recipe.endswith("crystal") else None)
    else:
        entry, meant = _from_file(name, {"density_g_cm3": density_g_cm3, **given}, snapshots=snapshots), what
    suggested = material(entry)
    if meant not in (None, "other", suggested):
        raise InputError(f"{name}: --as is {meant}, but composition and cell are those of '{suggested}'")
    chosen: Material = meant or suggested
    curve = read_pattern(measured)[:2] if measured is not None else None
    found = portrait(entry)
    judged = gates(found, chosen)
    if curve is not None:
        judged.append(measured_gate(found, *curve, source=str(measured)))
    return Shown(portrait=found, what=chosen, gates=judged)


def _from_file(name: str, keys: Mapping[str, Any], *, snapshots: bool) -> Structure:
    path = Path(name)
    if path.suffix.lower() not in FORMATS and not path.exists():
        raise UsageError(
            f"no structure '{name}' in the library{nearest(name, structure_names())}; tsct structures list shows all, "
            f"or give a file ({', '.join(FORMATS)})"
        )
    if snapshots:
        return read_structure(path, thermal=STATIC, **keys)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        entry = read_structure(path, **keys)
    motion = None if any(entry.thermal.u_iso.values()) else _motion(entry)
    for warning in said:
        # atoms at rest are answered by the motion of the library
        if motion is None or not issubclass(warning.category, AtRestWarning):
            warnings.warn(warning.message, stacklevel=2)
    if motion is None:
        return entry
    return replace(entry, thermal=motion, limits=f"its thermal motion is that of {MOTION[material(entry)]}")


def _motion(entry: Structure) -> Thermal | None:
    """Thermal motion of the library for a structure's material, if it has that."""
    what = material(entry)
    return structure(MOTION[what]).thermal if what in MOTION else None


def facts_table(found: Shown) -> Table:
    """What the structure is."""
    entry = found.structure
    # Text, because a file's name could pass for markup
    table = Table("", "", show_header=False, title=Text(f"{entry.name}: {entry.title}"), title_justify="left")
    shares = ", ".join(f"{symbol} {share:.4g}" for symbol, share in entry.composition.items())
    rows = {
        "kind": f"{entry.kind}, {len(entry.members)} members, {found.portrait.numbers['atoms']} atoms",
        "atom fractions": shares,
        "density": f"{entry.density_g_cm3:.4g} g/cm³, {entry.number_density_per_a3:.4g} atoms/Å³",
        "U (Å²)": ", ".join(f"{s} {entry.thermal.u_iso[s]:.4g}" for s in entry.composition if s in entry.thermal.u_iso),
        "made": f"{entry.recipe} (seed {entry.seed})" if entry.seed is not None else entry.recipe,
        "energy": entry.energy_model,
        "sources": entry.sources,
        "limits": entry.limits,
    }
    for key, value in rows.items():
        if value:
            table.add_row(key, Text(value))
    return table


def bonds_table(found: Shown) -> Table:
    """Neighbours, distances and angles."""
    table = Table("bond", "up to (Å)", "neighbours", "distance (Å)", "sd (Å)", title="Bonds", title_justify="left")
    for name, pair in found.portrait.numbers["pairs"].items():
        numbers = (pair["limit_a"], pair["coordination"], pair["distance_a"], pair["sd_a"])
        table.add_row(name.replace("-", "–"), *(f"{value:.4g}" for value in numbers))
    for name, degrees in found.portrait.angles_deg.items():
        table.add_row(f"{name.replace('-', '–')} angle", "", "", f"{degrees.mean():.1f}°", f"{degrees.std():.1f}°")
    return table


def gates_table(found: Shown) -> Table:
    """Every quantity with its window, its verdict and where the window comes from."""
    table = Table("quantity", "found", "allowed", "verdict", "source", title_justify="left", caption_justify="left")
    table.title = f"Judged as {found.what}"
    for gate in found.gates:
        verdict = Text(gate.verdict, style={"fail": "bold red", "pass": "green"}.get(gate.verdict, ""))
        table.add_row(gate.title, f"{gate.value:.4g} {gate.unit}".strip(), _window(gate), verdict, gate.source)
    used = dict.fromkeys(gate.source for gate in found.gates if gate.source in REFERENCES)
    table.caption = "\n".join(f"{source}: {REFERENCES[source]}" for source in used)
    return table


def _window(gate: Gate) -> str:
    if gate.low == -float("inf"):
        return f"≤ {gate.high:.4g}"
    return f"≥ {gate.low:.4g}" if gate.high == float("inf") else f"{gate.low:.4g} – {gate.high:.4g}"


def check_plot(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a picture that could not be written, before any work is done.

    Raises
    ------
    UsageError
        If the suffix is none of .png, .svg and .pdf, or the file is there and may not be replaced.
    InputError
        If the folder cannot be written.
    """
    if path.suffix not in (".png", ".svg", ".pdf"):
        raise UsageError(f"{path}: suffix '{path.suffix}' is no picture; allowed are .png, .svg and .pdf")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file")
    file_must_be_free(path, overwrite=overwrite)
    writable(path.parent)


def plot(found: Shown, path: Path) -> None:
    """Write the picture of a structure; the suffix says how."""
    picture = BytesIO()
    draw(found.portrait, found.what).savefig(picture, format=path.suffix[1:], dpi=DPI)
    with replacing(path) as temporary:
        temporary.write_bytes(picture.getvalue())


def tables(found: Shown) -> Sequence[Table]:
    """What `tsct structures show` prints."""
    return (facts_table(found), bonds_table(found), gates_table(found))
