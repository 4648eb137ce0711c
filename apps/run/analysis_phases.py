"""The phases and peaks that an experiment's ``[analysis]`` asks for, as the analysis takes them."""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tsct.analyze.pdf import parse_composition
from tsct.analyze.phases import Shell, shells_from_pairs, shells_pattern
from tsct.analyze.recipe import PhasePattern
from tsct.phantoms.painted import strained
from tsct.phantoms.structures import Structure
from tsct.records.errors import InputError, TsctWarning, UsageError
from tsct.simulate.scattering import CRYSTALLITE_A, structure_compton, structure_scattering

from .structure_choice import StructureChoice, anchored, check_crystallite_nm, chosen_structure, of_size


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisPhase:
    """One ``[[analysis.phase]]``: a name, and where its pattern comes from.

    Parameters
    ----------
    name : str
        Letters, digits and underscores.
    pattern : str, optional
        File of Q and I(Q).
    structure : str or table, optional
        Name in the structure library or file, from which the pattern of one atom is computed.
    crystallite_nm : float, optional
        Diameter of the spherical domains of a crystal, which belongs to `structure`; 15 nm if omitted.
    shells : tuple of Shell
        Coordination shells of the analyst, from which the pattern of one atom is made.
    composition : str
        Formula of a phase with shells; needed where they name more than one element.
    strain_limit : float
        Largest relative change of all lengths, by heat or insertion, that is looked for; zero: none.
    """

    name: str
    pattern: str | None = None
    structure: StructureChoice | None = None
    crystallite_nm: float | None = None
    shells: tuple[Shell, ...] = ()
    composition: str = ""
    strain_limit: float = 0.0

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise UsageError(f"analysis.phase: '{self.name}' is no name; letters, digits and underscores")
        if sum((self.pattern is not None, self.structure is not None, bool(self.shells))) != 1:
            raise UsageError(f"analysis.phase '{self.name}': give one of pattern, structure and shells")
        if self.crystallite_nm is not None and self.structure is None:
            raise UsageError(f"analysis.phase '{self.name}': crystallite_nm belongs to a structure; leave it out")
        check_crystallite_nm(self.crystallite_nm, f"analysis.phase '{self.name}'")
        if self.composition and not self.shells:
            raise UsageError(f"analysis.phase '{self.name}': composition belongs to shells; leave it out")

    def with_files_in(self, folder: Path) -> "AnalysisPhase":
        """The same with absolute names of files."""
        pattern = self.pattern and str((folder / self.pattern).absolute())
        structure = self.structure and anchored(self.structure, folder)
        return replace(self, pattern=pattern, structure=structure)

    def phase(self, q: NDArray[np.float64], of_the_sample: Iterable[Structure]) -> PhasePattern:
        """The pattern, on the grid `q` where it is computed; says whether a structure is one of the sample's."""
        return replace(self._pattern(q, of_the_sample), strain_limit=self.strain_limit)

    def _pattern(self, q: NDArray[np.float64], of_the_sample: Iterable[Structure]) -> PhasePattern:
        if self.pattern is not None:
            return pattern_file(Path(self.pattern), self.name)
        if self.structure is not None:
            where = f"analysis.phase '{self.name}'"
            one = of_size(chosen_structure(self.structure, where), self.crystallite_nm, where)
            alike = [other for other in of_the_sample if same_atoms(one, other)]
            _warn_of_sizes(where, one, alike)
            shared = bool(alike)
            return structure_phase(self.name, one, q, shared=shared, strain_limit=self.strain_limit)
        return shells_pattern(self.name, self.shells, q, self._shares())

    def _shares(self) -> dict[str, float]:
        if self.composition:
            return parse_composition(self.composition)
        elements = sorted({symbol for shell in self.shells for symbol in (shell.a, shell.b)})
        if len(elements) > 1:
            raise UsageError(
                f"analysis.phase '{self.name}': its shells name {', '.join(elements)}; give their shares as "
                "composition, such as 'Si O2'"
            )
        return {elements[0]: 1.0}


def _warn_of_sizes(where: str, one: Structure, of_the_sample: Sequence[Structure]) -> None:
    """Say that the crystallites of a template are not of the sample's size: its peaks are as much sharper or wider."""
    sizes = {other.crystallite_a or CRYSTALLITE_A for other in of_the_sample}
    own = one.crystallite_a or CRYSTALLITE_A
    if sizes and own not in sizes:
        there = " or ".join(f"{size / 10:g}" for size in sorted(sizes))
        warnings.warn(
            f"{where} has crystallites of {own / 10:g} nm, the sample of {there} nm: its peaks have another width, "
            "which shifts amounts by up to tens of per cent; give crystallite_nm unless that is what you want to see",
            TsctWarning,
            stacklevel=2,
        )


def pattern_file(path: Path, name: str = "") -> PhasePattern:
    """A phase from a file of Q and I(Q), called as the file is if no name is given."""
    from tsct.analyze.readers import read_pattern

    q, intensity, _ = read_pattern(path)
    name = name or re.sub(r"\W", "_", path.stem)
    return PhasePattern(name=name, q=tuple(q.tolist()), intensity=tuple(intensity.tolist()))


def structure_phase(
    name: str, one: Structure, q: NDArray[np.float64], *, shared: bool = False, strain_limit: float = 0.0
) -> PhasePattern:
    """A phase whose pattern per atom is computed from a structure, by the simulation's own scattering.

    Where a strain up to a limit is looked for, the structure is also strained as far, which tells what changes with it
    beside the places of the peaks.
    """
    coherent, compton = _scattering(one, tuple(q.tolist()))
    change: tuple[float, ...] = ()
    if strain_limit:
        longer = structure_scattering(strained(one, strain_limit), q / (1 + strain_limit))
        change = tuple(((longer - np.array(coherent)) / strain_limit).tolist())
    return PhasePattern(
        name=name,
        q=tuple(q.tolist()),
        intensity=coherent,
        compton=compton,
        strain_change=change,
        shared_with_simulation=shared,
    )


@lru_cache(maxsize=32)
def _scattering(one: Structure, q: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    grid = np.array(q)
    return tuple(structure_scattering(one, grid).tolist()), tuple(structure_compton(one, grid).tolist())


def same_atoms(one: Structure, other: Structure) -> bool:
    """Whether two structures have the same atoms in the same places, whatever they are called."""
    if one is other:
        return True
    pairs = zip(one.members, other.members, strict=False)
    return len(one.members) == len(other.members) and all(
        len(a) == len(b)
        and np.array_equal(a.numbers, b.numbers)
        and np.allclose(a.positions, b.positions)
        and np.allclose(a.cell.array, b.cell.array)
        for a, b in pairs
    )


def structure_shells(one: Structure, reach_a: float = 5.0, *, sigma_a: float = 0.08) -> tuple[Shell, ...]:
    """Coordination shells of a structure for the analyst, up to a distance.

    Parameters
    ----------
    one : Structure
        Periodic; its first member is taken.
    reach_a : float
        Angstrom.
    sigma_a : float
        Spread of the distances by motion, which atoms at rest do not show.
    """
    from ase.neighborlist import neighbor_list

    if one.kind != "periodic":
        raise InputError(f"{one.name}: shells are made of periodic structures, this one is {one.kind}")
    atoms = one.members[0]
    first, second, distances = neighbor_list("ijd", atoms, reach_a)
    symbols = np.array(atoms.get_chemical_symbols())
    shells: list[Shell] = []
    for a, b in _pairs(symbols):
        chosen = (symbols[first] == a) & (symbols[second] == b)
        numbers = np.full(np.count_nonzero(chosen), 1.0 / np.count_nonzero(symbols == a))
        shells += shells_from_pairs(a, b, distances[chosen], numbers, sigma=sigma_a)
    return tuple(sorted(shells, key=lambda shell: shell.distance))


def _pairs(symbols: Sequence[str] | NDArray[np.str_]) -> list[tuple[str, str]]:
    """Pairs of elements, each once: the pattern of a shell of unlike atoms is counted from both ends."""
    elements = sorted({str(symbol) for symbol in symbols})
    return [(a, b) for i, a in enumerate(elements) for b in elements[i:]]
