"""What a phase is made of, as an experiment's file names it: an entry of the library or a structure file with keys."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tsct.phantoms.structures import FORMATS, Structure, structure, structure_names
from tsct.records.errors import InputError, UsageError, nearest
from tsct.simulate.scattering import check_crystallite

from .toml_tables import located

#: smaller ones are clusters, and larger ones have too many pairs and peaks sharper than any detector sees
CRYSTALLITES_NM = (1.0, 50.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class StructureFile:
    """A structure file with the keys of `tsct.phantoms.read_structure`.

    Parameters
    ----------
    file : str
        CIF, extxyz, or xyz with a cell; relative to the experiment's file.
    block : str, optional
        Of a CIF with several structures.
    setting : str, optional
        Of two origins or axes: 1, 2, H, R, or a whole symbol in place of the file's.
    occupancy : str, optional
        ``draw``: whole atoms instead of partly occupied sites.
    seed, supercell : int, int or (int, int, int)
        Of the drawing, and cells along each edge.
    u_iso_a2 : float or mapping of str to float, optional
        Mean-square displacements, one number or one for each element.
    density_g_cm3 : float, optional
        For files without a cell.
    """

    file: str = ""
    block: str | None = None
    setting: str | None = None
    occupancy: str | None = None
    seed: int = 1
    supercell: int | tuple[int, int, int] | None = None
    u_iso_a2: float | dict[str, float] | None = None
    density_g_cm3: float | None = None

    def __post_init__(self) -> None:
        if not self.file:
            raise UsageError("names no file; give file = 'x.cif' (or .extxyz, .xyz)")


#: a name in the library, a file, or a file with keys
StructureChoice = str | StructureFile


def is_file(choice: StructureChoice) -> bool:
    """Whether a choice names a file rather than an entry of the library."""
    return isinstance(choice, StructureFile) or Path(choice).suffix.lower() in FORMATS


def anchored(choice: Any, folder: Path) -> Any:
    """The same choice, or tuple of choices, with whole paths of files."""
    if isinstance(choice, tuple):
        return tuple(anchored(one, folder) for one in choice)
    if isinstance(choice, StructureFile):
        return replace(choice, file=str((folder / choice.file).absolute()))
    return str((folder / choice).absolute()) if is_file(choice) else choice


def chosen_structure(choice: StructureChoice, where: str) -> Structure:
    """The structure of a choice; `where` names the key in messages.

    Raises
    ------
    UsageError
        If the library has no such entry.
    InputError
        If the file cannot be used.
    """
    if is_file(choice):
        with located(where):
            return _read(choice)
    if isinstance(choice, str):
        if choice not in structure_names():
            close = nearest(choice, structure_names())
            raise UsageError(
                f"{where} is '{choice}'{close}; give a library name (tsct structures list) or an .extxyz, .cif or "
                ".xyz file"
            )
        return structure(choice)
    raise UsageError(f"{where}: {choice} is no structure")


def check_crystallite_nm(crystallite_nm: float | None, where: str) -> None:
    """Refuse a diameter out of range; `where` names the section in the message."""
    low, high = CRYSTALLITES_NM
    if crystallite_nm is not None and not low <= crystallite_nm <= high:
        raise InputError(f"{where}: crystallite_nm is {crystallite_nm:g}; allowed are {low:g} to {high:g}")


def of_size(one: Structure, crystallite_nm: float | None, where: str) -> Structure:
    """The structure in spherical domains of this diameter, or as it is if none is given."""
    if crystallite_nm is None:
        return one
    with located(where):
        check_crystallite(one.members[0], 10 * crystallite_nm)
    return replace(one, name=f"{one.name} of {crystallite_nm:g} nm", crystallite_a=10 * crystallite_nm)


def _read(choice: StructureChoice) -> Structure:
    from tsct.phantoms.structures import read_structure

    if isinstance(choice, str):
        return read_structure(choice)
    return read_structure(choice.file, **_keys(choice))


def _keys(choice: StructureFile) -> Mapping[str, Any]:
    return {item.name: getattr(choice, item.name) for item in fields(choice) if item.name != "file"}
