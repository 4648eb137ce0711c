"""Structures from users' own files, checked before anything is computed from them."""

import re
import warnings
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import numpy as np
from ase import Atoms

from tsct.records.errors import InputError
from tsct.records.paths import must_be_file
from tsct.records.units import ATOMS_PER_A3

from .library import Structure, cell_density_g_cm3
from .thermal import STATIC, Thermal

#: reader of each suffix; plain xyz is extxyz without its optional parts
FORMATS = {".extxyz": "extxyz", ".xyz": "extxyz", ".cif": "cif"}
MAX_BYTES = 64 * 2**20
MAX_LINE_BYTES = 2**20
MAX_ATOMS = 5_000_000
#: of one atom in extxyz
MAX_COLUMNS = 1000
#: heaviest element that the scattering tables hold
MAX_Z = 98
LENGTHS_A = (1.0, 1e4)
ANGLES_DEG = (10.0, 170.0)
NUMBER_DENSITY_PER_A3 = (1e-3, 0.3)
OVERLAP_A = 0.3
#: no bond is shorter than this in angstrom, and all are in nm
SHORTEST_BOND_A = 0.6

# digits can match in one way only, lest a long run of them takes quadratic time
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?(\([0-9]+\))?")
_TERM = r"[+-]?(\d+(/\d+|\.\d+)?|\.\d+|[xyzXYZ])"
_OPERATION = re.compile(rf"\s*({_TERM}\s*)+(,\s*({_TERM}\s*)+){{2}}")
#: a quote closes only before white space; what starts with a quote and does not match is an unclosed string
_TOKEN = re.compile(r"'(?:[^']|'(?=\S))*'(?!\S)|\"(?:[^\"]|\"(?=\S))*\"(?!\S)|#.*|\S+")
_CELL_TAGS = tuple(f"_cell_length_{edge}" for edge in "abc") + tuple(
    f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")
)
_POSITION_TAGS = tuple(f"_atom_site_fract_{axis}" for axis in "xyz")
_OPERATION_TAGS = ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz", "_space_group_symop.operation_xyz")


def read_structure(
    path: str | Path,
    *,
    name: str | None = None,
    density_g_cm3: float | None = None,
    thermal: Thermal | None = None,
) -> Structure:
    """Read and check a structure file.

    A file with a cell is periodic and its density follows from the cell; without one it is a cluster. Several frames
    are an ensemble of equal weight.

    Parameters
    ----------
    path : str or pathlib.Path
        File with suffix .extxyz, .xyz (with or without a cell) or .cif, at most 64 MiB; lengths in angstrom.
    name : str, optional
        Name of the structure; the file's name without suffix if not given.
    density_g_cm3 : float, optional
        Mass density. Needed for a cluster; for a periodic file it must agree with the cell within 1 %.
    thermal : Thermal, optional
        Thermal motion. Leave out if the frames are snapshots of moving atoms, so that it is not counted twice.

    Raises
    ------
    InputError
        If the file cannot be read or makes no physical sense; the message names the place and what is allowed.
    """
    path = Path(path)
    text = _read_text(path)
    if FORMATS[path.suffix.lower()] == "extxyz":
        starts = _check_xyz(path, text)
    else:
        starts = []
        _check_cif(path, text)
    members = _parse(path, text)
    for frame, atoms in enumerate(members):
        where = f"{path}, frame {frame + 1}" if len(members) > 1 else str(path)
        first_line = starts[frame] + 2 if starts else None
        check_atoms(atoms, where, first_line=first_line)
    kind, density = _kind_and_density(path, members, density_g_cm3)
    return Structure(
        name=name or path.stem,
        title=f"{members[0].get_chemical_formula('hill')} from {path.name}",
        kind=kind,
        members=members,
        mole_fractions=(1.0 / len(members),) * len(members),
        density_g_cm3=density,
        thermal=thermal or STATIC,
        lithium_per_silicon=_lithium_per_silicon(members),
        recipe=f"read from {path.name}",
        limits="" if thermal else "no thermal motion given: positions are taken as they are",
    )


def check_atoms(atoms: Atoms, where: str, *, first_line: int | None = None) -> None:
    """Refuse atoms that cannot be a piece of matter.

    Parameters
    ----------
    atoms : ase.Atoms
        Periodic in all directions or in none.
    where : str
        Names the file (and frame) in messages.
    first_line : int, optional
        Line of the first atom in its file.

    Raises
    ------
    InputError
        For the first check that fails.
    """

    def label(i: int) -> str:
        line = f" (line {first_line + i})" if first_line is not None else ""
        return f"{atoms.symbols[i]} atom {i + 1}{line}"

    if not 1 <= len(atoms) <= MAX_ATOMS:
        raise InputError(f"{where}: {len(atoms)} atoms; allowed are 1 to {MAX_ATOMS}")
    bad = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(bad):
        raise InputError(f"{where}: {label(bad[0])} has position {atoms.positions[bad[0]]}; give finite numbers")
    bad = np.flatnonzero((atoms.numbers < 1) | (atoms.numbers > MAX_Z))
    if len(bad):
        raise InputError(f"{where}: {label(bad[0])} is no element with a form factor; allowed are H to Cf")
    if atoms.pbc.any():
        _check_cell(atoms, where)
    _check_distances(atoms, where, label)


def _read_text(path: Path) -> str:
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: suffix '{path.suffix}' is not known; allowed are {', '.join(FORMATS)}")
    must_be_file(path)
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path}: the file is empty")
    if size > MAX_BYTES:
        raise InputError(f"{path}: {size / 2**20:.0f} MiB; at most {MAX_BYTES // 2**20} MiB are read")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: byte {error.start} is not UTF-8 text; allowed are text files") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if "\0" in text:
        raise InputError(f"{path}: holds binary data at byte {text.index(chr(0))}; allowed are text files")
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE_BYTES:
            raise InputError(f"{path}, line {number}: {len(line)} characters; at most {MAX_LINE_BYTES} are read")
    return text


def _check_xyz(path: Path, text: str) -> list[int]:
    """Check count lines against what the file holds; return the line number of each frame's count, from 1."""
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    starts, at = [], 0
    while at < len(lines):
        count_text = lines[at].strip()
        if not re.fullmatch(r"\d{1,12}", count_text):
            found = count_text[:40]
            raise InputError(
                f"{path}, line {at + 1}: found '{found}'; the first line of a frame is its number of atoms"
            )
        count = int(count_text)
        if count == 0:
            raise InputError(f"{path}, line {at + 1}: 0 atoms; allowed are 1 to {MAX_ATOMS}")
        left = len(lines) - at - 2
        if count > left:
            raise InputError(f"{path}, line {at + 1}: announces {count} atoms but {max(left, 0)} lines follow")
        _check_columns(path, at + 2, lines[at + 1])
        starts.append(at + 1)
        at += count + 2
    if not starts:
        raise InputError(f"{path}: the file holds no atoms")
    return starts


def _check_columns(path: Path, line: int, comment: str) -> None:
    """Refuse columns that no line can hold, for which a reader would make room."""
    number = sum(int(digits[:12]) for digits in re.findall(r":[A-Za-z]:0*(\d+)", comment))
    if number > MAX_COLUMNS:
        raise InputError(f"{path}, line {line}: Properties announce {number} columns; at most {MAX_COLUMNS} are read")


def _check_cif(path: Path, text: str) -> None:
    """Check cell, symmetry, positions and occupancies, tag by tag, before any reader interprets them."""
    values = _cif_values(path, text)
    for tag in _CELL_TAGS:
        if not values.get(tag):
            raise InputError(f"{path}: no {tag}; the cell needs three lengths and three angles")
        for line, value in values[tag]:
            if not _NUMBER.fullmatch(value):
                raise InputError(f"{path}, line {line}, {tag}: found '{value[:40]}'; give a number")
    for tag in _OPERATION_TAGS:
        for line, value in values.get(tag, []):
            if len(value) > 64 or not _OPERATION.fullmatch(value):
                raise InputError(
                    f"{path}, line {line}, {tag}: found '{value[:70]}'; allowed are forms like 'x,y+1/2,-z'"
                )
    for tag in _POSITION_TAGS:
        if not values.get(tag):
            raise InputError(f"{path}: no {tag}; atoms need fractional coordinates")
        for line, value in values[tag]:
            if not _NUMBER.fullmatch(value):
                raise InputError(f"{path}, line {line}, {tag}: found '{value[:40]}'; give a number")
    for line, value in values.get("_atom_site_occupancy", []):
        _check_occupancy(path, line, value)


def _check_occupancy(path: Path, line: int, value: str) -> None:
    where = f"{path}, line {line}, _atom_site_occupancy"
    if value in (".", "?"):
        return
    if not _NUMBER.fullmatch(value):
        raise InputError(f"{where}: found '{value[:40]}'; give a number")
    occupancy = float(value.partition("(")[0])
    if not 0.0 < occupancy <= 1.0:
        raise InputError(f"{where}: found {value}; allowed are values above 0, up to 1")
    if occupancy < 1.0:
        raise InputError(f"{where}: found {value}; this reader places whole atoms, so give a supercell of whole atoms")


def _cif_values(path: Path, text: str) -> dict[str, list[tuple[int, str]]]:
    """Values of each tag of a CIF with their line numbers; tags in lower case."""
    values: dict[str, list[tuple[int, str]]] = {}
    loop: list[str] = []
    heading, column = False, 0
    pending = ""
    for line, token, bare in _cif_tokens(path, text):
        word = token.lower()
        if bare and word == "loop_":
            loop, heading, column, pending = [], True, 0, ""
        elif bare and word.startswith(("data_", "save_", "global_", "stop_")):
            loop, heading, pending = [], False, ""
        elif bare and word.startswith("_"):
            if heading:
                loop.append(word)
            else:
                loop, pending = [], word
            values.setdefault(word, [])
        elif pending:
            values[pending].append((line, token))
            pending = ""
        elif loop:
            heading = False
            values[loop[column % len(loop)]].append((line, token))
            column += 1
        else:
            raise InputError(f"{path}, line {line}: found '{token[:40]}' where a tag is expected")
    return values


def _cif_tokens(path: Path, text: str) -> Iterator[tuple[int, str, bool]]:
    """Line number, value and whether it stands without quotes, of each token of a CIF."""
    field_start = 0
    field: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if field_start:
            if line.startswith(";"):
                yield field_start, "\n".join(field), False
                field_start, line = 0, line[1:]
            else:
                field.append(line)
                continue
        elif line.startswith(";"):
            field_start, field = number, [line[1:]]
            continue
        for match in _TOKEN.finditer(line):
            token = match.group()
            if token.startswith("#"):
                break
            quoted = len(token) > 1 and token[0] in "'\"" and token[-1] == token[0]
            if token[0] in "'\"" and not quoted:
                raise InputError(f"{path}, line {number}: the quote at column {match.start() + 1} is not closed")
            yield number, token[1:-1] if quoted else token, not quoted
    if field_start:
        raise InputError(f"{path}, line {field_start}: the text field is not closed by a line that starts with ';'")


def _parse(path: Path, text: str) -> tuple[Atoms, ...]:
    """Atoms of all frames. ASE is given the text, so that it cannot interpret the file's name."""
    import ase.io  # slow to load, and many a wrong file is refused without it

    format_name = FORMATS[path.suffix.lower()]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            members = ase.io.read(StringIO(text), format=format_name, index=":")
    except KeyError as error:
        raise InputError(f"{path}{_line_of(text, error.args[0])}: unknown element or key {error}") from None
    except Exception as error:
        # readers fail with anything from StopIteration to AssertionError on damaged files
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(f"{path}: not readable as {format_name}: {reason}") from None
    if not members:
        raise InputError(f"{path}: the file holds no atoms")
    return tuple(members)


def _line_of(text: str, word: object) -> str:
    for number, line in enumerate(text.split("\n"), start=1):
        if str(word) in line.split():
            return f", line {number}"
    return ""


def _check_cell(atoms: Atoms, where: str) -> None:
    if not atoms.pbc.all():
        raise InputError(f"{where}: periodic along {list(atoms.pbc)}; allowed are all three directions or none")
    lengths, angles = atoms.cell.lengths(), atoms.cell.angles()
    if not (np.isfinite(atoms.cell.array).all() and atoms.cell.volume > 1e-6):
        raise InputError(
            f"{where}: the cell {lengths.tolist()} has no volume; give three independent edges in angstrom"
        )
    if not ((lengths >= LENGTHS_A[0]) & (lengths <= LENGTHS_A[1])).all():
        raise InputError(
            f"{where}: cell edges are {np.round(lengths, 4).tolist()}; allowed are {LENGTHS_A[0]:g} to {LENGTHS_A[1]:g}"
            " angstrom (are they in nm?)"
        )
    if not ((angles >= ANGLES_DEG[0]) & (angles <= ANGLES_DEG[1])).all():
        raise InputError(f"{where}: cell angles are {np.round(angles, 2).tolist()}; allowed are 10 to 170 degrees")


def _check_distances(atoms: Atoms, where: str, label) -> None:
    """Lengths look like angstrom, and no two atoms overlap."""
    from ase.neighborlist import neighbor_list

    from .describe import boxed

    twins = _crowded(atoms)
    if twins is not None:
        a, b = twins
        raise InputError(f"{where}: {label(a)} and {label(b)} are at the same place (within {OVERLAP_A} A)")
    first, second, distance = neighbor_list("ijd", boxed(atoms), SHORTEST_BOND_A)
    if len(np.unique(first)) > 0.9 * len(atoms):
        typical = float(np.median(distance))
        raise InputError(f"{where}: neighbours are {typical:.3f} A apart: looks like nm; multiply all lengths by 10")
    if len(distance) and distance.min() < OVERLAP_A:
        k = int(np.argmin(distance))
        pair = f"{label(first[k])} and {label(second[k])}"
        raise InputError(f"{where}: {pair} are {distance[k]:.3f} A apart; at least {OVERLAP_A} A are allowed")


def _crowded(atoms: Atoms) -> tuple[int, int] | None:
    """Two atoms in one box so small that they overlap; afterwards a neighbour search cannot explode."""
    boxes = np.floor(atoms.positions / (OVERLAP_A / np.sqrt(3.0)))
    order = np.lexsort(boxes.T)
    same = np.flatnonzero((boxes[order[1:]] == boxes[order[:-1]]).all(axis=1))
    return (int(order[same[0]]), int(order[same[0] + 1])) if len(same) else None


def _kind_and_density(path: Path, members: tuple[Atoms, ...], given: float | None) -> tuple[str, float]:
    """Kind of the members and their mass density in g/cm3."""
    periodic = {bool(atoms.pbc.all()) for atoms in members}
    if len(periodic) > 1:
        raise InputError(f"{path}: some frames have a cell and some do not; allowed are all or none")
    if given is not None and not (np.isfinite(given) and given > 0.0):
        raise InputError(f"{path}: density_g_cm3 is {given}; it must be positive")
    if periodic == {True}:
        density = cell_density_g_cm3(members)
        if given is not None and abs(given / density - 1.0) > 0.01:
            raise InputError(f"{path}: density_g_cm3 is {given:g} but the cell holds {density:.4g}; leave one out")
    elif given is None:
        raise InputError(f"{path}: has no cell, so its density is unknown; give density_g_cm3")
    else:
        density = given
    mean_mass = np.concatenate([atoms.get_masses() for atoms in members]).mean()
    number_density = density * ATOMS_PER_A3 / mean_mass
    low, high = NUMBER_DENSITY_PER_A3
    if not low <= number_density <= high:
        raise InputError(
            f"{path}: {number_density:.3g} atoms per A3; allowed are {low:g} to {high:g} (lengths in angstrom?)"
        )
    return ("periodic" if periodic == {True} else "cluster"), density


def _lithium_per_silicon(members: tuple[Atoms, ...]) -> float:
    symbols = [symbol for atoms in members for symbol in atoms.get_chemical_symbols()]
    return symbols.count("Li") / symbols.count("Si") if "Si" in symbols else 0.0
